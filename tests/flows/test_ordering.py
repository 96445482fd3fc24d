"""The customer's conversation, from /start to *Place order* and after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from flows import callbacks as cb
from flows import ordering
from flows.callbacks import encode
from flows.commands import AcceptOrder, CancelOrder
from flows.events import CancelReason, Person, Side
from flows.hours import Hours
from flows.menu import Service
from flows.order import Status
from flows.session import CartView, OrderView, Session
from tests.customers import (
    COLA,
    EXTRAS,
    FUNGHI,
    MARGHERITA,
    SIZE,
    Customer,
    MemoryShop,
    option,
    trattoria,
    with_item,
    without_item,
)
from tests.orders import ANNA, NOON, eur

ORDER = "000000000001"


@pytest.fixture
def shop() -> MemoryShop:
    return MemoryShop()


@pytest.fixture
def carla(shop: MemoryShop) -> Customer:
    return Customer(shop)


def with_cart(carla: Customer) -> Customer:
    """Two large margheritas with olives in the cart, and the cart on screen."""
    carla.starts("nonna").taps("Pizza", "Margherita", "Large", "Olives", "+", "Add to cart")
    return carla.taps("Cart")


class TestChoosing:
    def test_start_lists_the_restaurants_with_whether_they_take_orders(self, shop: MemoryShop, carla: Customer) -> None:
        shop.stored["bao"] = trattoria("bao", "Bao House")
        shop.stored["closed"] = trattoria("closed", "Casa Chiusa", Hours(sun=("10:00-12:00",)))
        shop.stored["busy"] = trattoria("busy", "Troppo Pieno")
        shop.services["busy"] = Service(staff_chat=-5, paused=True)
        shop.stored["new"] = trattoria("new", "Zuppa Nuova")
        shop.services["new"] = Service(staff_chat=None)

        carla.starts()

        assert carla.labels == [
            "🟢 Bao House",
            "⚪️ Casa Chiusa · closed",
            "🟢 Trattoria da Nonna",
            "⚪️ Troppo Pieno · paused",
            "⚪️ Zuppa Nuova · takes no orders yet",
        ]

    def test_a_link_opens_the_menu_at_once(self, carla: Customer) -> None:
        carla.starts("nonna")
        assert "Trattoria da Nonna" in carla.screen.text
        assert "Via Roma 1, Torino" in carla.screen.text
        assert "+39 011 000000" in carla.screen.text
        assert carla.labels == ["Pizza", "Mains", "Drinks", "‹ Restaurants"]

    def test_a_link_to_an_unknown_restaurant_offers_the_others(self, carla: Customer) -> None:
        carla.starts("nowhere")
        assert "not here" in carla.notice
        assert carla.labels == ["🟢 Trattoria da Nonna"]

    def test_a_category_shows_its_dishes_and_prices_but_no_hidden_one(self, shop: MemoryShop, carla: Customer) -> None:
        shop.services["nonna"] = Service(staff_chat=-100, hidden=frozenset({"funghi"}))
        carla.starts("nonna").taps("Pizza")
        assert carla.labels == ["Margherita · €8.50", "‹ Menu"]

    def test_a_dish_shows_what_is_in_it_and_what_can_be_chosen(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita")
        for words in ("Tomato, mozzarella, basil", "gluten, milk", "Size</b>", "choose 1", "choose up to 2"):
            assert words in carla.screen.text.replace("\u2069", "").replace("\u2068", "")
        assert carla.labels[:5] == ["☑ Normal", "○ Large +€3.00", "○ Olives +€1.00", "○ Capers", "○ Egg +€0.50"]
        assert "Add to cart · €8.50" in carla.labels

    def test_options_and_quantity_make_the_price(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Large", "Olives", "+")
        assert {"○ Normal", "☑ Large +€3.00", "☑ Olives +€1.00", "2 ×", "Add to cart · €25.00"} <= set(carla.labels)

    def test_a_second_tap_takes_an_extra_back_but_never_the_only_size(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Olives", "Olives", "Normal")
        assert {"☑ Normal", "○ Olives +€1.00"} <= set(carla.labels)

    def test_no_more_extras_than_the_group_allows(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Olives", "Capers", "Egg")
        assert carla.notice == "Choose at most 2 for Extras."
        assert "○ Egg +€0.50" in carla.labels

    def test_a_button_says_what_is_still_to_be_chosen(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Mains", "Stew", "Rice", "Choose Sides first")
        assert carla.notice == "Choose Sides first."
        assert not carla.session.carts
        carla.taps("Bread", "Add to cart")
        assert "🛒 Cart (1) · €12.00" in carla.labels

    def test_quantities_stay_between_1_and_99(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Drinks", "Cola", "−")
        assert "1 ×" in carla.labels
        assert carla.notice == "From 1 to 99 of one dish."
        carla.taps(*["+"] * 98)
        assert "99 ×" in carla.labels
        assert carla.taps("+").notice == "From 1 to 99 of one dish."

    def test_after_adding_the_customer_is_back_in_the_category(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Funghi", "Add to cart")
        assert carla.notice == "Added 1 × Funghi"
        assert carla.labels == ["Margherita · €8.50", "Funghi · €9.50", "🛒 Cart (1) · €9.50", "‹ Menu"]


class TestCart:
    def test_it_shows_all_there_is_to_know_before_ordering(self, carla: Customer) -> None:
        with_cart(carla)
        text = carla.screen.text
        for words in ("2 × ", "Margherita", "Large, Olives", "€25.00", "pay at pick-up", "Via Roma 1, Torino"):
            assert words in text
        assert "✅ Place order · €25.00" in carla.labels

    def test_the_same_dish_with_the_same_options_is_one_line(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Olives", "Egg", "Add to cart")
        carla.taps("Margherita", "Egg", "Olives", "Add to cart", "Margherita", "Add to cart", "Cart")
        assert [label for label in carla.labels if "×" in label] == ["2 × Margherita", "1 × Margherita"]

    def test_options_are_in_the_order_of_the_menu(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Egg", "Olives", "Large", "Add to cart", "Cart")
        assert "Large, Olives, Egg" in carla.screen.text

    def test_lines_grow_shrink_and_go(self, carla: Customer) -> None:
        with_cart(carla).taps("+")
        assert "3 × Margherita" in carla.labels
        carla.taps("−", "−", "🗑")
        assert "is empty" in carla.screen.text
        assert carla.labels == ["‹ Menu"]

    def test_a_line_holds_at_most_99(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Drinks", "Cola", *["+"] * 98, "Add to cart", "Cart", "+")
        assert carla.notice == "At most 99 of one dish."
        carla.taps("99 × Cola", "Add to cart")
        assert carla.notice == "At most 99 of one dish; 99 are in your cart."

    def test_a_cart_holds_at_most_30_lines(self, shop: MemoryShop, carla: Customer) -> None:
        many = MARGHERITA.model_copy(
            update={"options": (EXTRAS.model_copy(update={"options": tuple(option(f"Kind {n}") for n in range(31))}),)}
        )
        shop.stored["nonna"] = with_item(trattoria(), many)
        carla.starts("nonna").taps("Pizza")
        for number in range(30):
            carla.taps("Margherita", f"○ Kind {number}", "Add to cart")
        carla.taps("Margherita", "○ Kind 30", "Add to cart")
        assert carla.notice == "Your cart is full: at most 30 different dishes."
        carla.taps("‹ Back", "Cart")
        assert sum(len(row) for row in carla.screen.rows) <= 100

    def test_emptying_it_goes_back_to_the_menu(self, carla: Customer) -> None:
        with_cart(carla).taps("Empty cart")
        assert carla.notice == "The cart is empty now."
        assert carla.session.carts == ()

    def test_each_restaurant_has_its_own(self, shop: MemoryShop, carla: Customer) -> None:
        shop.stored["bao"] = trattoria("bao", "Bao House")
        with_cart(carla)
        carla.starts("bao").taps("Drinks", "Cola", "Add to cart", "Cart")
        assert "Bao House" in carla.screen.text
        assert "Margherita" not in carla.screen.text
        carla.starts("nonna")
        assert "🛒 Cart (2) · €25.00" in carla.labels
        carla.starts()
        assert carla.labels == ["🟢 Bao House 🛒", "🟢 Trattoria da Nonna 🛒"]

    def test_ordering_one_keeps_the_other(self, shop: MemoryShop, carla: Customer) -> None:
        shop.stored["bao"] = trattoria("bao", "Bao House")
        with_cart(carla)
        carla.starts("bao").taps("Drinks", "Cola", "Add to cart", "Cart", "Place order")
        assert [order.placed.restaurant.slug for order in shop.placed.values()] == ["bao"]
        assert [cart.slug for cart in carla.session.carts] == ["nonna"]


class TestNote:
    def test_it_is_typed_and_shown_in_the_cart(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("  No onions,\nplease ")
        assert "No onions, please" in carla.screen.text
        assert "📝 Change note" in carla.labels
        carla.taps("Remove note")
        assert "No onions" not in carla.screen.text

    def test_one_of_5000_characters_is_refused_with_the_limit(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("x" * 5000)
        assert carla.notice == "Your note has 5000 characters; at most 300 fit. Tap “Add a note” for a shorter one."
        carla.taps("Add a note").types("Short now")
        assert "Short now" in carla.screen.text

    def test_the_short_rest_of_one_that_came_in_parts_is_not_taken_for_the_note(self, carla: Customer) -> None:
        """Telegram's apps cut a text of over 4096 characters into several messages."""
        with_cart(carla).taps("Add a note").types("x" * 4096).types("and the rest")
        assert "and the rest" not in carla.screen.text
        assert "tap “Add a note”: up to 300 characters" in carla.notice

    def test_emoji_and_right_to_left_text_stay_what_they_are(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("بدون بصل 🙏🏽 <b>\u202e")
        assert "\u2068بدون بصل 🙏🏽 &lt;b&gt;\u2069" in carla.screen.text

    def test_half_a_character_does_no_harm(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("odd \ud83d\x00 text")
        assert "odd text" in carla.screen.text

    def test_one_of_which_nothing_would_be_seen_is_asked_for_again(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("No onions").taps("Change note").types("\u200b\u2800")
        assert carla.notice.endswith("I need the note as a plain text message.")
        assert "No onions" in carla.taps("‹ Back to the cart").screen.text

    @pytest.mark.parametrize("what", [None, "/unknown"])
    def test_only_text_will_do(self, carla: Customer, what: str | None) -> None:
        with_cart(carla).taps("Add a note").types(what)
        assert carla.notice.endswith("I need the note as a plain text message.")
        assert "Send me your note" in carla.screen.text

    def test_the_way_back_leaves_it_as_it_was(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("No onions").taps("Change note", "‹ Back to the cart")
        assert "No onions" in carla.screen.text

    def test_of_a_cart_that_is_gone_leads_to_the_menu(self, carla: Customer) -> None:
        with_cart(carla).taps("Add a note")
        carla.session = carla.session.without_cart(ORDER)
        assert carla.types("No onions").notice == "That cart is gone."
        assert "Pizza" in carla.labels

    def test_at_a_restaurant_that_is_gone_leads_to_the_others(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Add a note")
        del shop.stored["nonna"]
        assert "no longer here" in carla.types("No onions").notice


class TestPlacing:
    def test_the_order_is_the_cart_as_priced_and_the_cart_is_gone(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Add a note").types("No onions").taps("Place order")
        assert carla.notice == "Order received"
        placed = shop.placed[ORDER].placed
        assert [(line.name, line.options, line.quantity, line.unit) for line in placed.lines] == [
            ("Margherita", ("Large", "Olives"), 2, eur(1250))
        ]
        assert (placed.total, placed.note, placed.customer, placed.code) == (
            eur(2500),
            "No onions",
            carla.person,
            "4821",
        )
        assert carla.session.carts == ()

    def test_the_message_becomes_the_orders_status(self, carla: Customer) -> None:
        with_cart(carla).taps("Place order")
        assert carla.session.view == OrderView(order_id=ORDER)
        assert carla.session.message_id is None
        for words in ("Order #17", "Waiting for", "by 13:05", "€25.00", "pay at pick-up", "Via Roma 1"):
            assert words in carla.screen.text
        assert carla.labels == ["Cancel order"]

    def test_numbers_count_the_restaurants_own_day(self, shop: MemoryShop) -> None:
        late = Customer(shop, now=datetime(2026, 3, 14, 23, 30, tzinfo=UTC))
        asked: list[tuple[str, date]] = []

        def number(slug: str, day: date) -> int:
            asked.append((slug, day))
            return 1

        moment = ordering.Moment(late.now, late.person, lambda: ORDER, lambda: "0000", number)
        with_cart(late)
        seen = late.session.carts[0].fingerprint
        ordering.apply(late.session, cb.Place(ORDER, seen), shop, moment)
        assert asked == [("nonna", date(2026, 3, 15))]

    def test_a_second_tap_shows_the_order_and_places_none(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        place = encode(cb.Place(ORDER, carla.session.carts[0].fingerprint))
        carla.sends(place).sends(place)
        assert (carla.notice, carla.last.command) == ("", None)
        assert "Order #17" in carla.screen.text

    def test_an_old_message_cannot_order_what_it_did_not_show(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        old = encode(cb.Place(ORDER, carla.session.carts[0].fingerprint))
        carla.taps("+").sends(old)
        assert "has changed since this was shown" in carla.notice
        assert carla.last.command is None
        carla.taps("Place order")
        assert "Order #17" in carla.screen.text

    @pytest.mark.parametrize(
        "tap", [cb.ChangeLine(ORDER, 0, "margherita", 1), cb.EmptyCart(ORDER), cb.WriteNote(ORDER)]
    )
    def test_other_taps_on_an_ordered_cart_show_the_order(self, carla: Customer, tap: cb.CustomerTap) -> None:
        with_cart(carla).taps("Place order").sends(encode(tap))
        assert "Order #17" in carla.screen.text

    def test_another_dish_under_the_id_of_one_in_the_cart_is_said_and_not_ordered_in_its_place(
        self, shop: MemoryShop, carla: Customer
    ) -> None:
        with_cart(carla)
        shop.stored["nonna"] = with_item(trattoria(), MARGHERITA.model_copy(update={"name": "Calzone"}))

        carla.taps("Place order")

        assert carla.notice.endswith("Margherita is Calzone now.")
        assert not shop.placed

    def test_a_changed_price_is_said_and_nothing_is_placed_until_the_next_tap(
        self, shop: MemoryShop, carla: Customer
    ) -> None:
        with_cart(carla)
        shop.stored["nonna"] = with_item(trattoria(), MARGHERITA.model_copy(update={"price": eur(900)}))

        carla.taps("Place order")

        assert carla.notice.endswith("Margherita is €13.00 now (was €12.50).")
        assert carla.last.notice
        assert carla.last.notice.alert
        assert "Margherita is €13.00 now (was €12.50)." in carla.screen.text
        assert not shop.placed
        carla.taps("Place order · €26.00")
        assert shop.placed[ORDER].placed.total == eur(2600)

    def test_a_change_that_opening_the_cart_has_said_does_not_stop_the_order(
        self, shop: MemoryShop, carla: Customer
    ) -> None:
        with_cart(carla).taps("‹ Menu")
        shop.stored["nonna"] = with_item(trattoria(), MARGHERITA.model_copy(update={"price": eur(900)}))
        assert "was €12.50" in carla.taps("Cart").notice
        carla.taps("Place order")
        assert ORDER in shop.placed

    def test_a_dish_that_left_the_menu_is_taken_out_by_its_name(self, shop: MemoryShop, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Funghi", "Add to cart", "‹ Menu", "Drinks", "Cola", "Add to cart", "Cart")
        shop.stored["nonna"] = without_item(trattoria(), "funghi")
        carla.taps("Place order")
        assert "Funghi is not available any more and was taken out." in carla.notice
        assert carla.session.view == CartView(
            slug="nonna", changes=("Funghi is not available any more and was taken out.",)
        )
        assert not shop.placed
        carla.taps("Place order · €2.50")
        assert ORDER in shop.placed

    def test_a_hidden_dish_is_taken_out(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        shop.services["nonna"] = Service(staff_chat=-100, hidden=frozenset({"margherita"}))
        assert "not available" in carla.taps("Place order").notice
        assert "is empty" in carla.screen.text

    def test_a_dish_whose_option_has_gone_is_to_be_chosen_again(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        without_large = MARGHERITA.model_copy(
            update={"options": (SIZE.model_copy(update={"options": SIZE.options[:1]}),)}
        )
        shop.stored["nonna"] = with_item(trattoria(), without_large)
        assert "Margherita has other options now" in carla.taps("Place order").notice
        assert not shop.placed

    def test_an_empty_cart_is_refused(self, carla: Customer) -> None:
        with_cart(carla).taps("−", "🗑").sends(encode(cb.Place(ORDER, "0000")))
        assert carla.notice == "Your cart is empty: put a dish in first."

    def test_a_closed_restaurant_says_when_it_opens(self, shop: MemoryShop, carla: Customer) -> None:
        shop.stored["nonna"] = trattoria(hours=Hours(sat=("12:00-14:30", "18:00-22:00"), sun=("18:00-22:00",)))
        with_cart(carla).waits(timedelta(hours=2)).taps("Place order")
        assert carla.notice == "Trattoria da Nonna is closed now. It opens at 18:00 (Rome time). Your cart is kept."
        assert "It opens at 18:00" in carla.screen.text
        carla.waits(timedelta(hours=8)).taps("Place order")
        assert "It opens tomorrow at 18:00 (Rome time)." in carla.notice
        carla.waits(timedelta(days=2)).taps("Place order")
        assert "It opens Saturday 21 Mar at 12:00 (Rome time)." in carla.notice
        assert not shop.placed
        assert carla.session.carts

    def test_a_paused_one_says_until_when(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        shop.services["nonna"] = Service(staff_chat=-100, paused=True)
        assert "no new orders at the moment. Try again later." in carla.taps("Place order").notice
        shop.services["nonna"] = Service(staff_chat=-100, paused=True, paused_until=NOON + timedelta(minutes=30))
        assert "Try again at 13:30 (Rome time)." in carla.taps("Place order").notice
        carla.waits(timedelta(minutes=30)).taps("Place order")
        assert ORDER in shop.placed

    @pytest.mark.parametrize(
        ("pause", "says"),
        [
            (timedelta(minutes=89), "no new orders at the moment. Try again at 14:29 (Rome time)."),
            (timedelta(minutes=90), "no new orders at the moment. Try again at 18:00 (Rome time)."),
            (timedelta(hours=7), "no new orders at the moment. Try again at 20:00 (Rome time)."),
            (timedelta(hours=9), "no new orders at the moment. Try again tomorrow at 11:00 (Rome time)."),
            (timedelta(hours=11), "no new orders at the moment. Try again tomorrow at 11:00 (Rome time)."),
            (timedelta(days=1), "no new orders at the moment. Try again tomorrow at 13:00 (Rome time)."),
            (timedelta(days=2), "no new orders at the moment. Try again Saturday 21 Mar at 12:00 (Rome time)."),
        ],
    )
    def test_a_pause_that_ends_while_it_is_closed_says_when_it_opens_after_that(
        self, shop: MemoryShop, carla: Customer, pause: timedelta, says: str
    ) -> None:
        hours = Hours(sat=("12:00-14:30", "18:00-22:00"), sun=("11:00-14:30",))
        shop.stored["nonna"] = trattoria(hours=hours)
        shop.services["nonna"] = Service(staff_chat=-100, paused=True, paused_until=NOON + pause)
        with_cart(carla)
        assert says in carla.screen.text
        assert says in carla.taps("Place order").notice

    def test_one_that_is_closed_and_paused_beyond_its_opening_says_when_the_pause_ends(
        self, shop: MemoryShop, carla: Customer
    ) -> None:
        shop.stored["nonna"] = trattoria(hours=Hours(sat=("14:00-22:00",)))
        shop.services["nonna"] = Service(staff_chat=-100, paused=True, paused_until=NOON + timedelta(hours=2))
        with_cart(carla).taps("Place order")
        assert "is closed now. Try again at 15:00 (Rome time)." in carla.notice
        shop.services["nonna"] = Service(staff_chat=-100, paused=True)
        assert "is closed now. Your cart is kept." in carla.taps("Place order").notice

    def test_one_without_a_staff_chat_takes_no_orders_and_says_so(self, shop: MemoryShop, carla: Customer) -> None:
        shop.services["nonna"] = Service(staff_chat=None)
        with_cart(carla).taps("Place order")
        assert "takes no orders here yet" in carla.notice
        assert not shop.placed

    def test_one_that_was_removed_is_said_to_be_gone(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla)
        del shop.stored["nonna"]
        carla.sends(encode(cb.Place(ORDER, "0000")))
        assert "no longer here" in carla.notice
        assert carla.session.carts == ()

    def test_on_a_button_a_name_from_the_file_does_not_turn_its_price(self) -> None:
        turning = FUNGHI.model_copy(update={"name": "\u202eFunghi\u2067"})
        carla = Customer(MemoryShop(stored={"nonna": with_item(trattoria(), turning)})).starts("nonna").taps("Pizza")
        assert "Funghi · €9.50" in carla.labels

    def test_a_customer_without_a_name_is_a_guest(self) -> None:
        assert ordering.name_of(" \u202e \n ") == "Guest"
        assert len(ordering.name_of("Ж" * 500)) == 64


class TestOrder:
    def test_cancelling_asks_once_more(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Place order", "Cancel order")
        assert "Cancel this order?" in carla.screen.text
        carla.taps("No, keep it")
        assert shop.placed[ORDER].status is Status.PLACED
        carla.taps("Cancel order", "Yes, cancel it")
        assert carla.notice == "Order cancelled"
        assert shop.placed[ORDER].status is Status.CANCELLED
        assert "You cancelled" in carla.screen.text
        assert carla.labels == []

    def test_once_accepted_it_shows_time_and_code_and_cannot_be_cancelled(
        self, shop: MemoryShop, carla: Customer
    ) -> None:
        with_cart(carla).taps("Place order", "Cancel order")
        yes = carla.button("Yes, cancel it").payload or ""
        shop.carry_out(ORDER, AcceptOrder(ANNA, 20), NOON)

        carla.sends(yes)

        assert carla.notice == (
            "Trattoria da Nonna accepted it at 13:00, so it can't be cancelled here. Please call +39 011 000000."
        )
        assert "Ready by <b>13:20</b>" in carla.screen.text
        assert "<code>4821</code>" in carla.screen.text
        assert [(button.text, button.copy) for row in carla.screen.rows for button in row] == [
            ("Copy code 4821", "4821")
        ]

    def test_asking_to_cancel_too_late_is_answered_at_once(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Place order")
        ask = carla.button("Cancel order").payload or ""
        shop.carry_out(ORDER, AcceptOrder(ANNA, 20), NOON)
        assert "can't be cancelled here" in carla.sends(ask).notice
        shop.carry_out(ORDER, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM), NOON)
        assert carla.sends(ask).notice == "Order #17 is already over."

    def test_a_second_tap_on_yes_changes_nothing(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Place order", "Cancel order")
        yes = carla.button("Yes, cancel it").payload or ""
        carla.sends(yes).sends(yes)
        assert shop.placed[ORDER].version == 2

    def test_somebody_elses_order_is_not_shown(self, shop: MemoryShop, carla: Customer) -> None:
        with_cart(carla).taps("Place order")
        mallory = Customer(shop, Person(id=666, name="Mallory"))
        for tap in (cb.ShowOrder(ORDER), cb.AskCancel(ORDER), cb.CancelMine(ORDER), cb.KeepOrder(ORDER)):
            assert mallory.sends(encode(tap)).notice == "That order is not one of yours."
            assert "Order #17" not in mallory.screen.text
        assert "Order #17" not in mallory.sends(encode(cb.Place(ORDER, "0000"))).screen.text
        assert shop.placed[ORDER].status is Status.PLACED

    def test_orders_are_listed_newest_first_page_by_page(self, carla: Customer) -> None:
        for _ in range(8):
            with_cart(carla).taps("Place order").waits(timedelta(days=1))
        carla.commands("orders")
        assert carla.labels[0] == "21 Mar · #17 Trattoria da Nonna · €25.00 · waiting"
        assert carla.labels[6:] == ["1/2", "›", "Restaurants"]
        carla.taps("›")
        older = ["15 Mar", "14 Mar", "‹", "2/2", "Restau"]
        assert [label[:6] for label in carla.labels] == older
        carla.taps("14 Mar")
        assert "Order #17" in carla.screen.text
        assert carla.labels == ["Cancel order", "‹ Back"]
        carla.taps("‹ Back")
        assert [label[:6] for label in carla.labels] == older

    def test_a_customer_without_orders_is_shown_the_restaurants(self, carla: Customer) -> None:
        assert "no recent orders" in carla.commands("orders").screen.text
        assert carla.taps("Restaurants").labels == ["🟢 Trattoria da Nonna"]

    def test_help_says_how_it_works(self, carla: Customer) -> None:
        assert "pick-up code" in carla.commands("help").screen.text


class TestBadInput:
    def test_text_where_a_tap_is_expected_keeps_the_screen(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza")
        before = carla.screen
        assert "use the buttons" in carla.types("one margherita please").notice
        assert carla.screen == before

    @pytest.mark.parametrize(("outdated", "words"), [(True, "older version"), (False, "does nothing")])
    def test_a_foreign_button_keeps_the_screen(self, carla: Customer, outdated: bool, words: str) -> None:
        carla.starts("nonna")
        turn = ordering.stale(carla.session, outdated)
        assert turn.notice
        assert words in turn.notice.text
        assert turn.session == carla.session

    def test_a_button_of_an_older_menu_shows_the_current_one(self, shop: MemoryShop, carla: Customer) -> None:
        carla.starts("nonna")
        pizza = carla.button("Pizza").payload or ""
        carla.taps("Pizza", "Margherita")
        olives = carla.button("Olives").payload or ""
        shop.stored["nonna"] = without_item(trattoria(), COLA.id)
        assert "The menu has changed" in carla.sends(pizza).notice
        assert carla.labels == ["Pizza", "Mains", "‹ Restaurants"]
        assert "The menu has changed" in carla.sends(olives).notice
        assert "○ Olives +€1.00" in carla.labels

    @pytest.mark.parametrize(("group", "number"), [(9, 0), (0, 9), (-1, 0), (0, -1), (10**30, 0)])
    def test_an_option_that_never_was(self, shop: MemoryShop, carla: Customer, group: int, number: int) -> None:
        tap = cb.ToggleOption("nonna", "margherita", group, number, shop.stored["nonna"].fingerprint)
        assert "The menu has changed" in carla.sends(encode(tap)).notice

    @pytest.mark.parametrize("index", [9, -1, 10**30])
    def test_a_category_that_never_was(self, shop: MemoryShop, carla: Customer, index: int) -> None:
        tap = cb.ShowCategory("nonna", index, shop.stored["nonna"].fingerprint)
        assert "The menu has changed" in carla.sends(encode(tap)).notice

    @pytest.mark.parametrize("page", [-7, 10**30])
    def test_a_page_that_never_was(self, carla: Customer, page: int) -> None:
        with_cart(carla).taps("Place order").sends(encode(cb.ShowOrders(page)))
        assert "#17" in carla.labels[0]

    @pytest.mark.parametrize("tap", [cb.ShowItem("nonna", "cola"), cb.AddToCart("nonna", "cola")])
    def test_a_dish_hidden_meanwhile(self, shop: MemoryShop, carla: Customer, tap: cb.CustomerTap) -> None:
        carla.starts("nonna").taps("Drinks", "Cola")
        shop.services["nonna"] = Service(staff_chat=-100, hidden=frozenset({"cola"}))
        assert "What would you like?" in carla.rendered().text
        assert carla.sends(encode(tap)).notice == "That dish is not available any more."
        assert not carla.session.carts

    @pytest.mark.parametrize(
        "tap",
        [cb.ShowMenu("nonna"), cb.ShowCart("nonna"), cb.ShowItem("nonna", "cola"), cb.AddToCart("nonna", "cola")],
    )
    def test_a_restaurant_removed_meanwhile(self, shop: MemoryShop, carla: Customer, tap: cb.CustomerTap) -> None:
        carla.starts("nonna").taps("Drinks", "Cola")
        shop.stored = {"bao": trattoria("bao", "Bao House")}
        assert carla.sees_again().labels == ["🟢 Bao House"]
        assert "no longer here" in carla.sends(encode(tap)).notice
        assert carla.labels == ["🟢 Bao House"]

    def test_choices_that_left_the_menu_begin_anew(self, shop: MemoryShop, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Large", "Olives")
        shop.stored["nonna"] = with_item(trattoria(), MARGHERITA.model_copy(update={"options": (SIZE,)}))
        assert carla.sees_again().labels[:2] == ["☑ Normal", "○ Large +€3.00"]
        carla.taps("Add to cart · €8.50")
        assert "Added 1 × Margherita" in carla.notice

    def test_a_group_that_has_become_stricter_is_to_be_chosen_again(self, shop: MemoryShop, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Margherita", "Olives", "Egg")
        strict = MARGHERITA.model_copy(update={"options": (SIZE, EXTRAS.model_copy(update={"most": 1}))})
        shop.stored["nonna"] = with_item(trattoria(), strict)
        assert "Please choose again" in carla.taps("Add to cart").notice
        assert "○ Olives +€1.00" in carla.labels

    def test_a_line_of_a_cart_that_has_changed_since(self, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Funghi", "Add to cart", "Cart")
        carla.sends(encode(cb.ChangeLine(ORDER, 0, "margherita", 1)))
        assert carla.notice == "The cart has changed; here it is."
        carla.sends(encode(cb.ChangeLine(ORDER, 5, "funghi", 1)))
        assert carla.notice == "The cart has changed; here it is."
        assert [line.quantity for line in carla.session.carts[0].lines] == [1]

    def test_a_line_whose_dish_went_just_now(self, shop: MemoryShop, carla: Customer) -> None:
        carla.starts("nonna").taps("Pizza", "Funghi", "Add to cart", "Cart")
        shop.stored["nonna"] = without_item(trattoria(), FUNGHI.id)
        carla.sends(encode(cb.ChangeLine(ORDER, 0, "funghi", 1)))
        assert "Funghi is not available any more" in carla.notice

    def test_a_cart_that_never_was(self, carla: Customer) -> None:
        assert carla.sends(encode(cb.Place("nosuchcart00", "0000"))).notice == "That cart is gone. Choose a restaurant:"

    def test_carts_at_more_than_ten_restaurants_let_the_oldest_go(self, shop: MemoryShop, carla: Customer) -> None:
        for number in range(11):
            shop.stored[f"r{number}"] = trattoria(f"r{number}", f"Place {number}")
            carla.starts(f"r{number}").taps("Drinks", "Cola", "Add to cart")
        assert [cart.slug for cart in carla.session.carts] == [f"r{number}" for number in range(1, 11)]

    def test_a_session_of_nothing_shows_the_restaurants(self, shop: MemoryShop) -> None:
        assert "Where would you like" in ordering.render(Session(), shop, 77, NOON).text
        assert "No restaurant" in ordering.render(Session(), MemoryShop(stored={}), 77, NOON).text
