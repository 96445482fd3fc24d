"""What holds for the conversation whatever a customer taps and types, while menus and orders change under them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flows import callbacks as cb
from flows import ordering
from flows.callbacks import CustomerTap, decode, encode
from flows.commands import AcceptOrder, AnyCommand, CancelOrder, DeclineOrder, MarkPickedUp, PlaceOrder
from flows.events import CancelReason, DeclineReason, Person, Side
from flows.menu import Category, Item, Option, OptionGroup, Service
from flows.messages.menus import closed_because
from flows.money import total
from flows.order import Refused
from flows.session import Session
from tests.customers import Customer, MemoryShop, trattoria
from tests.orders import ANNA, eur
from tests.telegram_limits import assert_telegram_takes

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
