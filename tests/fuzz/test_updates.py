"""The bots' handlers: what a person can send is answered, and what nobody can send changes nothing of others."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import assume, example
from hypothesis import strategies as st

from bot.inbox import Inbox, offset_after
from flows.order import Order
from tests.fuzz.budget import fuzz
from tests.fuzz.stand import ANNA, CARLA, EVE, MINE, Name, Stand, Update, mentions, message, person, tap, typed
from tests.fuzz.strategies import mutated, values
from tests.fuzz.taps import CART, ORDER, payloads

names: st.SearchStrategy[Name] = st.sampled_from(["customer", "restaurant"])
people = st.sampled_from([CARLA, ANNA, EVE])
texts = st.text(max_size=60) | st.builds(
    lambda command, rest: f"/{command} {rest}".rstrip(),
    st.sampled_from(
        ["start", "orders", "items", "86", "pause", "resume", "help", "open", "Start", "start@bot7001_bot"]
    ),
    st.text(max_size=64) | st.sampled_from(["nonna", "of:nonna", "nonna nonna"]),
)
KNOWN = (
    f"1cm:{ORDER}",
    f"1ac:{ORDER}",
    f"1ax:{ORDER}:20",
    f"1dx:{ORDER}:other",
    f"1li:{CART}:0:cola:1",
    "1si:cola:1:0",
)


def order_of(bots: Stand) -> Order:
    order = bots.ledger.order(ORDER)
    assert order is not None
    return order


@fuzz(4, bot=names, who=people, payload=payloads(*KNOWN), message_id=st.sampled_from([MINE, 6]))
def test_a_tap_with_any_payload_is_answered(bots: Stand, bot: Name, who: int, payload: str, message_id: int) -> None:
    bots.reset()
    before = bots.guarded()
    bots.handle(bot, tap(who, payload, bot, message_id))
    assert "answerCallbackQuery" in bots.asked()
    if who == EVE or (who, bot) == (CARLA, "restaurant"):
        assert bots.guarded() == before
    assert order_of(bots).version >= 1


persons = st.builds(
    lambda first, last: {"first_name": first} | ({} if last is None else {"last_name": last}),
    st.text(max_size=64),
    st.none() | st.text(max_size=64),
)


@fuzz(3, bot=names, who=people, text=texts, name=persons)
@example(bot="customer", who=CARLA, text="hello", name={"first_name": ""})  # a deleted account, say
def test_any_text_by_anybody_is_answered(bots: Stand, bot: Name, who: int, text: str, name: Update) -> None:
    bots.reset()
    before = bots.guarded()
    bots.handle(bot, typed(who, text, name))
    assert "sendMessage" in bots.asked()
    if who == EVE:
        assert bots.guarded() == before


MEMBER = {"user": person(7002, is_bot=True), "status": "member"}
CHANGE = {
    "chat": {"id": EVE, "type": "private", "first_name": "Eve"},
    "from": person(EVE),
    "date": 1_800_000_000,
    "old_chat_member": MEMBER,
    "new_chat_member": {**MEMBER, "status": "kicked", "until_date": 0},
}
GROUP = {"id": -1_005_000_666, "type": "group", "title": "Strangers"}
GENUINE: list[Update] = [
    typed(EVE, "hello"),
    typed(EVE, "/start nonna"),
    tap(EVE, f"1cm:{ORDER}", "customer"),
    tap(EVE, f"1ax:{ORDER}:20", "restaurant"),
    tap(EVE, "1me:nonna", "customer"),
    {"update_id": 1, "edited_message": message(EVE, text="hello", edit_date=1_800_000_001)},
    {"update_id": 1, "message": message(EVE, chat=GROUP, text="/orders")},
    {"update_id": 1, "message": message(EVE, chat=GROUP, migrate_to_chat_id=-1_005_000_667)},
    {"update_id": 1, "message": message(EVE, chat=GROUP, migrate_from_chat_id=-1_005_000_667)},
    {"update_id": 1, "message": message(EVE, photo=[{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}])},
    {"update_id": 1, "message": message(EVE, text="re", reply_to_message=message(EVE, text="hello"))},
    {"update_id": 1, "my_chat_member": CHANGE},
]


def _with_id(update: object) -> Update:
    """The poller lets pass only what is an object with a number."""
    found = update if isinstance(update, dict) else {"message": update}
    return found if type(found.get("update_id")) is int else {**found, "update_id": 1}


strangers = st.sampled_from(GENUINE).flatmap(lambda update: mutated(update, most=4)).map(_with_id) | st.builds(
    lambda kind, content: {"update_id": 1, kind: content},
    st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member", "poll"]) | st.text(max_size=8),
    values,
)


@fuzz(4, bot=names, update=strangers)
def test_an_update_that_telegram_never_sends_is_survived_and_changes_nothing_of_others(
    bots: Stand, bot: Name, update: Update
) -> None:
    assume(not mentions(update, CARLA, ANNA))
    bots.reset()
    before = bots.guarded()
    with suppress(Exception):  # the intake sets such an update aside, whatever it raises
        bots.handle(bot, json.loads(json.dumps(update)))
    assert bots.guarded() == before


@fuzz(1, bot=names, update=strangers)
@example(bot="customer", update={"update_id": 1, "message": {"chat": {"id": True}}})
def test_any_update_is_stored_and_found_again(bots: Stand, bot: Name, update: Update) -> None:
    bots.reset()
    inbox, written = Inbox(bots.redis, bot, "me"), json.dumps(update)
    [chat] = inbox.store([update], offset_after([update]), bots.face(bot).reads).chats
    assert json.dumps(inbox.next(chat).update) == written
    assert inbox.next(chat, update).update is None


@pytest.mark.parametrize("bot", ["customer", "restaurant"])
def test_the_bots_work_on_after_all_that(bots: Stand, bot: Name) -> None:
    bots.reset()
    bots.handle(bot, typed(CARLA, "/start"))
    assert bots.asked() == ["sendMessage"] if bot == "restaurant" else "sendMessage" in bots.asked()
