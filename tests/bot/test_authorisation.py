"""Who may do what: whatever is not one's own is refused, logged, and nothing of it is written."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from flows import callbacks as cb
from flows.callbacks import CustomerTap, StaffTap, encode
from flows.events import Side
from tests.customers import trattoria
from tests.fuzz.stand import ANNA, CARLA, EVE, MINE, Name, Stand, Update, person, stand, tap, typed
from tests.fuzz.taps import CART, ORDER

STAFF_COMMANDS = ("orders", "items", "86", "open", "pause", "resume", "help")
ON_TICKETS: list[StaffTap] = [
    cb.ShowTicket(ORDER),
    cb.AskAccept(ORDER),
    cb.Accept(ORDER, 20),
    cb.AskDecline(ORDER),
    cb.Decline(ORDER, "other"),
    cb.Ready(ORDER),
    cb.PickedUp(ORDER),
    cb.NotCollected(ORDER),
    cb.CancelTicket(ORDER, "other"),
]
ON_SETTINGS: list[StaffTap] = [
    cb.ShowItems(0),
    cb.ShowOpenOrders(0),
    cb.SetItem("cola", 1, 0),
    cb.Pause(60),
    cb.Resume(),
]
OF_AN_ORDER: list[CustomerTap] = [cb.ShowOrder(ORDER), cb.AskCancel(ORDER), cb.CancelMine(ORDER), cb.KeepOrder(ORDER)]


def kind(tap: object) -> str:
    return type(tap).__name__


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("store")) as bots:
        yield bots


@pytest.fixture
def bots(made: Stand, caplog: pytest.LogCaptureFixture) -> Stand:
    """Carla has an order at Nonna, which Anna's chat serves. Eve's chat is the staff chat of another restaurant."""
    caplog.set_level(logging.INFO)
    made.reset()
    made.ledger.save_restaurant(trattoria("bao", "Bao House"))
    made.ledger.join(made.ledger.create_invite("bao", 60), EVE)
    return made


def refused(bots: Stand, bot: Name, update: Update, words: str) -> None:
    """The update is answered in these words, and nothing is written but the session of who sent it."""
    before = bots.guarded()
    bots.handle(bot, update)
    assert words in bots.said()
    assert bots.guarded() == before


@pytest.mark.parametrize("button", ON_TICKETS, ids=kind)
def test_another_restaurants_staff_may_not_answer_an_order(
    bots: Stand, button: StaffTap, caplog: pytest.LogCaptureFixture
) -> None:
    refused(bots, "restaurant", tap(EVE, encode(button), "restaurant"), "not the staff chat")
    assert f"user {EVE} in chat {EVE} tapped on order {ORDER}: refused" in caplog.text


@pytest.mark.parametrize("button", [*ON_TICKETS, *ON_SETTINGS], ids=kind)
def test_a_former_staff_chat_may_nothing_any_more(
    bots: Stand, button: StaffTap, caplog: pytest.LogCaptureFixture
) -> None:
    bots.ledger.join(bots.ledger.create_invite("nonna", 60), CARLA)  # another chat takes over from Anna's
    refused(bots, "restaurant", tap(ANNA, encode(button), "restaurant"), "staff chat")
    assert f"user {ANNA} in chat {ANNA}" in caplog.text
    assert "refused" in caplog.text


@pytest.mark.parametrize("button", [*ON_TICKETS, *ON_SETTINGS], ids=kind)
def test_who_was_removed_from_the_staffs_group_may_nothing_in_their_own_chat(
    bots: Stand, button: StaffTap, caplog: pytest.LogCaptureFixture
) -> None:
    """The chat is what may: Telegram lets nobody tap in a group that they are not in."""
    bots.ledger.leave(EVE)
    refused(bots, "restaurant", tap(EVE, encode(button), "restaurant"), "staff chat")
    assert "refused" in caplog.text


def test_a_restaurant_whose_bot_was_removed_has_nobody_who_may(bots: Stand) -> None:
    bots.ledger.leave(ANNA)
    refused(bots, "restaurant", tap(ANNA, encode(cb.Accept(ORDER, 20)), "restaurant"), "not the staff chat")
    refused(bots, "restaurant", typed(ANNA, "/pause"), "no restaurant's staff chat")


@pytest.mark.parametrize("command", STAFF_COMMANDS)
def test_a_stranger_has_no_staff_commands(bots: Stand, command: str, caplog: pytest.LogCaptureFixture) -> None:
    refused(bots, "restaurant", typed(CARLA, f"/{command}"), "no restaurant's staff chat")
    assert f"chat {CARLA} is no staff chat: /{command} refused" in caplog.text


@pytest.mark.parametrize("button", OF_AN_ORDER, ids=kind)
def test_somebody_elses_order_is_neither_shown_nor_cancelled(
    bots: Stand, button: CustomerTap, caplog: pytest.LogCaptureFixture
) -> None:
    refused(bots, "customer", tap(EVE, encode(button), "customer"), "not one of yours")
    assert bots.ledger.session(EVE).view.kind == "restaurants"
    assert f"user {EVE}" in caplog.text
    assert ORDER in caplog.text


@pytest.mark.parametrize(
    "button", [cb.Place(CART, "0000"), cb.ChangeLine(CART, 0, "cola", 1), cb.EmptyCart(CART)], ids=kind
)
def test_somebody_elses_cart_is_gone(bots: Stand, button: CustomerTap) -> None:
    refused(bots, "customer", tap(EVE, encode(button), "customer"), "That cart is gone")


def test_somebody_elses_order_is_not_shown_by_its_carts_button_either(bots: Stand) -> None:
    """An order has its cart's id, so that a double tap on *Place order* finds it."""
    refused(bots, "customer", tap(EVE, encode(cb.Place(ORDER, "0000")), "customer"), "That cart is gone")
    assert "4821" not in bots.said()


@pytest.mark.parametrize("button", [*OF_AN_ORDER, *ON_TICKETS], ids=kind)
def test_staff_may_not_as_customers_nor_customers_as_staff(bots: Stand, button: CustomerTap | StaffTap) -> None:
    bots.handle("customer", tap(ANNA, encode(button), "customer"))
    bots.handle("restaurant", tap(CARLA, encode(button), "restaurant"))
    order = bots.ledger.order(ORDER)
    assert order is not None
    assert order.version == 1


class TestInvites:
    def test_one_that_was_used(self, bots: Stand, caplog: pytest.LogCaptureFixture) -> None:
        bots.ledger.leave(EVE)
        bots.ledger.join(bots.invite, CARLA)
        refused(bots, "restaurant", typed(EVE, f"/start {bots.invite}"), "has been used")
        assert f"chat {EVE} used an invite that is not open" in caplog.text

    def test_one_that_was_withdrawn(self, bots: Stand, caplog: pytest.LogCaptureFixture) -> None:
        bots.ledger.leave(EVE)
        bots.ledger.revoke_invite("nonna")
        refused(bots, "restaurant", typed(EVE, f"/start {bots.invite}"), "was withdrawn")
        assert f"chat {EVE} used an invite that is not open" in caplog.text

    def test_one_that_a_newer_one_replaced(self, bots: Stand) -> None:
        bots.ledger.leave(EVE)
        bots.ledger.create_invite("nonna", 60)
        refused(bots, "restaurant", typed(EVE, f"/start {bots.invite}"), "was withdrawn")

    def test_one_that_has_expired(self, bots: Stand, caplog: pytest.LogCaptureFixture) -> None:
        bots.ledger.leave(EVE)
        for key in (f"invite:{bots.invite}", "invite:of:nonna"):
            bots.redis.pexpire(key, 0)
        refused(bots, "restaurant", typed(EVE, f"/start {bots.invite}"), "has expired")
        assert f"chat {EVE} used an invite that is not open" in caplog.text

    @pytest.mark.parametrize("token", ["of:nonna", "nonna", "x" * 4000, "*"])
    def test_one_that_never_was(self, bots: Stand, token: str) -> None:
        bots.ledger.leave(EVE)
        refused(bots, "restaurant", typed(EVE, f"/start {token}"), "was never one")
        assert bots.invite not in bots.said()


class TestForeignMessages:
    """Telegram delivers taps on the bot's own messages alone; what says otherwise is nobody's tap."""

    @pytest.mark.parametrize(
        ("bot", "who", "button"),
        [("customer", CARLA, cb.CancelMine(ORDER)), ("restaurant", ANNA, cb.Accept(ORDER, 20))],
    )
    def test_a_tap_on_a_message_of_a_person(
        self, bots: Stand, bot: Name, who: int, button: CustomerTap | StaffTap, caplog: pytest.LogCaptureFixture
    ) -> None:
        update = tap(who, encode(button), bot)
        update["callback_query"]["message"]["from"] = person(EVE)
        refused(bots, bot, update, "does nothing")
        assert f"user {who} tapped on a message that is not the bot's: refused" in caplog.text

    @pytest.mark.parametrize("bot", ["customer", "restaurant"])
    def test_a_tap_on_an_inline_message(self, bots: Stand, bot: Name) -> None:
        update = tap(ANNA, encode(cb.Accept(ORDER, 20)), bot)
        del update["callback_query"]["message"]
        update["callback_query"]["inline_message_id"] = "x"
        refused(bots, bot, update, "private chat" if bot == "customer" else "does nothing")

    def test_a_ticket_in_another_chat(self, bots: Stand) -> None:
        """The chat counts, not who taps: Anna herself in a group that serves no restaurant."""
        update = tap(ANNA, encode(cb.Accept(ORDER, 20)), "restaurant", MINE)
        update["callback_query"]["message"]["chat"] = {"id": -1_005_000_666, "type": "group", "title": "Others"}
        refused(bots, "restaurant", update, "not the staff chat")


def test_what_is_refused_here_would_be_done_for_its_owner(bots: Stand) -> None:
    """So that the tests above fail for the right reason."""
    bots.handle("restaurant", tap(ANNA, encode(cb.AskAccept(ORDER)), "restaurant"))
    assert "Ready in how many minutes?" in bots.said()
    bots.handle("customer", tap(CARLA, encode(cb.CancelMine(ORDER)), "customer"))
    order = bots.ledger.order(ORDER)
    assert order is not None
    assert order.cancelled_by is Side.CUSTOMER
