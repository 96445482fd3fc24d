"""What holds for the conversation whatever a customer taps and types, while menus and orders change under them."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flows import callbacks as cb
from flows import cart as carts
from flows import ordering
from flows.callbacks import CustomerTap, decode, encode
from flows.commands import AcceptOrder, AnyCommand, CancelOrder, DeclineOrder, MarkPickedUp, PlaceOrder
from flows.events import CancelReason, DeclineReason, Person, Side
from flows.hours import Hours
from flows.menu import Category, Item, Option, OptionGroup, Restaurant, Service
from flows.messages.menus import closed_because
from flows.messages.text import visible
from flows.money import total
from flows.order import Refused
from flows.screens import Screen
from flows.session import Cart, Choice, Draft, Session
from tests.customers import Customer, MemoryShop, trattoria
from tests.orders import ANNA, NOON, eur

SLUGS = ("nonna", "bao")
ITEMS = ("margherita", "stew", "cola", "x", "y" * 24)

NASTY = [
    "<b>&amp;",
    "🍕" * 60,
    "مرحبا بالعالم",
    "a\u202eb\u2069c",
    "  x ",
    "👩‍👩‍👧‍👦" * 5,
    "W" * 60,
    "{}%s`_*[",
    "\u200b",
]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=60)
LABELS = st.one_of(st.sampled_from(NASTY), WORDS)
PRICES = st.integers(0, 10**7).map(eur)


@st.composite
def groups(draw: st.DrawFn) -> OptionGroup:
    names = draw(st.lists(LABELS, min_size=1, max_size=5, unique_by=str.strip))
    most = draw(st.integers(1, len(names)))
    options = tuple(Option(name=name, price=draw(PRICES)) for name in names)
    return OptionGroup(name=draw(LABELS), least=draw(st.integers(0, most)), most=most, options=options)


@st.composite
def menus(draw: st.DrawFn) -> tuple[Category, ...]:
    ids = draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4, unique=True))
    items = [
        Item(
            id=item_id,
            name=draw(LABELS),
            price=draw(PRICES),
            description=draw(st.one_of(st.just(""), st.text(max_size=500))),
            allergens=tuple(draw(st.lists(LABELS, max_size=3))),
            options=tuple(draw(st.lists(groups(), max_size=3, unique_by=lambda group: group.name))),
        )
        for item_id in ids
    ]
    cut = draw(st.integers(0, len(items) - 1))
    parts = [part for part in (items[:cut], items[cut:]) if part]
    return tuple(Category(name=draw(LABELS), items=tuple(part)) for part in parts)


def biggest(slug: str) -> Restaurant:
    """The largest restaurant that the rules of a file allow, in characters of two UTF-16 units each."""
    longest = "🍕" * 60
    options = tuple(Option(name=f"{number:02}{longest[:58]}", price=eur(10**9)) for number in range(20))
    groups = tuple(OptionGroup(name=f"{group}{longest[:59]}", least=0, most=20, options=options) for group in range(4))
    first = Item(
        id="0" * 24,
        name=longest,
        price=eur(10**9),
        description="🍕" * 500,
        allergens=(longest,) * 40,
        options=groups,
    )
    others = tuple(first.model_copy(update={"id": f"{number:024}", "options": ()}) for number in range(1, 50))
    return Restaurant(
        slug=slug,
        name=longest,
        address="🏠" * 200,
        phone="☎" * 40,
        currency="EUR",
        timezone="Asia/Kathmandu",
        hours=Hours(sun=("10:00-10:05",)),
        menu=(Category(name=longest, items=(first, *others)), *[Category(name=longest, items=others[:1])] * 29),
    )


TAPS: st.SearchStrategy[CustomerTap] = st.one_of(
    st.just(cb.ShowRestaurants()),
    st.builds(cb.ShowMenu, st.sampled_from(SLUGS)),
    st.builds(cb.ShowCategory, st.sampled_from(SLUGS), st.integers(-1, 3), st.just("0000")),
    st.builds(cb.ShowItem, st.sampled_from(SLUGS), st.sampled_from(ITEMS)),
    st.builds(
        cb.ToggleOption,
        st.sampled_from(SLUGS),
        st.sampled_from(ITEMS),
        st.integers(-1, 3),
        st.integers(-1, 5),
        st.just("0000"),
    ),
    st.builds(cb.AddToCart, st.sampled_from(SLUGS), st.sampled_from(ITEMS)),
    st.builds(cb.ShowCart, st.sampled_from(SLUGS)),
    st.builds(cb.Place, st.integers(1, 9).map("{:012}".format), st.just("0000")),
    st.builds(cb.ShowOrders, st.integers(-1, 9)),
    st.builds(cb.CancelMine, st.integers(1, 9).map("{:012}".format)),
)

STAFF: st.SearchStrategy[AnyCommand] = st.sampled_from(
    [
        AcceptOrder(ANNA, 20),
        DeclineOrder(ANNA, DeclineReason.TOO_BUSY),
        CancelOrder(Side.RESTAURANT, ANNA, CancelReason.OTHER),
        MarkPickedUp(ANNA),
    ]
)


class Markup(HTMLParser):
    """Fails on what Telegram would not parse: unknown tags, and tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, attrs) in [("b", []), ("i", []), ("code", [])]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_telegram_takes(screen: Screen) -> None:
    parser = Markup()
    parser.feed(screen.text)
    parser.close()
    assert parser.open == []
    assert visible(screen.text) > 0
    assert visible(screen.text) + 202 <= 4096, "a notice and an empty line may stand above it"
    assert all(1 <= len(row) <= 8 for row in screen.rows)
    buttons = [button for row in screen.rows for button in row]
    assert len(buttons) <= 100
    for button in buttons:
        assert 1 <= len(button.text.strip()) <= 120
        assert len((button.payload or "").encode()) <= 64
        assert len(button.copy or "") <= 256


class OneChat(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.shop = MemoryShop(stored={"nonna": trattoria()})
        self.carla = Customer(self.shop, Person(id=77, name="Carla"))
        self.seen: list[str] = []

    @initialize(menu=menus())
    def there_are_two_restaurants(self, menu: tuple[Category, ...]) -> None:
        self.shop.stored["bao"] = trattoria("bao", "Bao House").model_copy(update={"menu": menu})
        self.carla.sees_again()

    # What the customer does

    @rule(slug=st.sampled_from([*SLUGS, "", "nowhere", " NONNA "]))
    def starts(self, slug: str) -> None:
        self.carla.starts(slug)

    @rule(data=st.data())
    def taps_what_is_on_screen(self, data: st.DataObject) -> None:
        buttons = [button for row in self.carla.screen.rows for button in row if button.payload]
        if buttons:
            button = data.draw(st.sampled_from(buttons))
            self.tap(button.payload or "", button.text)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def taps_what_was_on_screen_once(self, data: st.DataObject) -> None:
        self.tap(data.draw(st.sampled_from(self.seen)))

    @rule(tap=TAPS)
    def taps_what_somebody_made_up(self, tap: CustomerTap) -> None:
        self.tap(encode(tap))

    @rule(text=st.one_of(st.none(), st.text(max_size=400), st.sampled_from(NASTY), st.just("🍕" * 300)))
    def types(self, text: str | None) -> None:
        self.carla.types(text)

    @rule(data=st.data())
    def asks_for_the_orders(self, data: st.DataObject) -> None:
        self.carla.commands(data.draw(st.sampled_from(("orders", "help"))))

    def tap(self, payload: str, label: str = "") -> None:
        before = self.carla.session
        self.carla.sends(payload)
        if self.carla.last.command and isinstance(self.carla.last.command[1], PlaceOrder):
            self.placed_what_was_seen(before, self.carla.last.command[1], label)

    def placed_what_was_seen(self, before: Session, order: PlaceOrder, label: str) -> None:
        cart = before.cart_by_id(order.order_id)
        assert cart is not None
        restaurant = self.shop.stored[cart.slug]
        assert closed_because(restaurant, self.shop.service(cart.slug), self.carla.now) is None
        seen = [(line.item_id, line.quantity, line.unit) for line in cart.lines]
        assert [(line.item_id, line.quantity, line.unit) for line in order.lines] == seen
        assert order.total == total([line.total for line in order.lines], "EUR")
        assert order.note == cart.note
        assert not label or label.endswith(str(order.total))
        assert self.carla.session.carts == tuple(other for other in before.carts if other.id != cart.id)

    # What happens meanwhile

    @rule(slug=st.sampled_from(SLUGS), menu=menus())
    def the_owner_writes_another_menu(self, slug: str, menu: tuple[Category, ...]) -> None:
        self.shop.stored[slug] = trattoria(slug, "New <Name> & Co").model_copy(update={"menu": menu})

    @rule(slug=st.sampled_from(SLUGS))
    def a_restaurant_goes(self, slug: str) -> None:
        self.shop.stored.pop(slug, None)

    @rule(
        slug=st.sampled_from(SLUGS),
        hidden=st.frozensets(st.sampled_from(ITEMS), max_size=2),
        chat=st.sampled_from([-100, -100, -100, None]),
        paused=st.sampled_from([False, False, False, True]),
    )
    def staff_flip_switches(self, slug: str, hidden: frozenset[str], chat: int | None, paused: bool) -> None:
        self.shop.services[slug] = Service(staff_chat=chat, hidden=hidden, paused=paused)

    @precondition(lambda self: self.shop.placed)
    @rule(command=STAFF, data=st.data())
    def staff_answer(self, command: AnyCommand, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.shop.placed)))
        try:
            self.shop.carry_out(order_id, command, self.carla.now)
        except Refused:
            return

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.carla.waits(timedelta(hours=hours))

    # What always holds

    @invariant()
    def the_screen_is_one_that_telegram_takes(self) -> None:
        assert_telegram_takes(self.carla.screen)
        assert_telegram_takes(self.carla.rendered())
        assert len(self.carla.notice.encode("utf-16-le")) <= 400
        shown = [button.payload for row in self.carla.screen.rows for button in row if button.payload]
        self.seen = list(dict.fromkeys([*self.seen, *shown]))

    @invariant()
    def every_button_leads_somewhere(self) -> None:
        for button in [button for row in self.carla.screen.rows for button in row if button.payload]:
            tap = decode(button.payload or "")
            assert isinstance(tap, CustomerTap)
            turn = ordering.apply(self.carla.session, tap, self.shop, self.carla.moment())
            assert turn.session.view is not None

    @invariant()
    def carts_stay_within_their_bounds(self) -> None:
        session = self.carla.session
        assert len({cart.slug for cart in session.carts}) == len(session.carts)
        assert all(len(cart.lines) <= 30 and len(cart.note) <= 300 for cart in session.carts)
        assert not {cart.id for cart in session.carts} & set(self.shop.placed)


OneChat.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOneChat = OneChat.TestCase


def test_the_biggest_restaurant_and_its_fullest_cart_fit_their_messages() -> None:
    """30 different dishes with 79 options each, the longest note, a closed restaurant."""
    shop = MemoryShop(stored={"bao": biggest("bao")})
    carla = Customer(shop, now=NOON)
    menu, item = shop.stored["bao"].fingerprint, shop.stored["bao"].menu[0].items[0]
    for tap in (cb.ShowMenu("bao"), cb.ShowCategory("bao", 0, menu), cb.ShowItem("bao", item.id)):
        assert_telegram_takes(carla.sends(encode(tap)).screen)
    cart: Cart | str = Cart(id="0" * 12, slug="bao")
    for number in range(30):
        left_out = (number // 20, number % 20)
        choices = tuple(
            Choice(group=group.name, option=option.name)
            for at, group in enumerate(item.options)
            for index, option in enumerate(group.options)
            if (at, index) != left_out
        )
        assert isinstance(cart, Cart)
        cart = carts.add(cart, item, Draft(slug="bao", item_id=item.id, choices=choices), eur(81 * 10**9 - 10**9))
    assert isinstance(cart, Cart)
    carla.session = carla.session.with_cart(cart)
    carla.sends(encode(cb.ShowCart("bao"))).taps("Add a note").types("🍕" * 300)

    assert len(carla.session.carts[0].lines) == 30
    assert "more lines" in carla.screen.text
    assert_telegram_takes(carla.screen)

    carla.waits(timedelta(hours=16, minutes=17)).taps("Place order")
    assert carla.notice == "Order received"
    assert_telegram_takes(carla.screen)


def test_more_restaurants_than_buttons_say_so() -> None:
    shop = MemoryShop(stored={f"r{number}": trattoria(f"r{number}") for number in range(95)})
    carla = Customer(shop).starts()
    assert_telegram_takes(carla.screen)
    assert "… and 5 more" in carla.screen.text
