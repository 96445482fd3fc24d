"""Telegram's limits on sending: how much goes through, and what a bot is told when it was too much."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.limits import Limits, Meter
from bot.sandbox.server import Sandbox
from tests.people import Telegram
from tests.sandbox.talk import Clock

BOT = 7001
TOKEN = f"{BOT}:customer-token"


def sent_until_refused(meter: Meter, chat: str = "", method: str = "sendmessage") -> tuple[int, int]:
    """How many messages go through at once, and after how many seconds the next one may."""
    for number in range(10_000):
        refusal = meter.count(method, BOT, chat or str(number + 1))
        if refusal is not None:
            return number, refusal.parameters["retry_after"]
    raise AssertionError("nothing is refused")


def test_a_chat_takes_a_burst_and_then_one_message_a_second(clock: Clock) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter, "101") == (5, 1)
    clock.now += 1
    assert sent_until_refused(meter, "101") == (1, 1)


def test_a_group_takes_twenty_a_minute(clock: Clock) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter, "-1001") == (20, 3)
    clock.now += 60
    assert sent_until_refused(meter, "-1001") == (20, 3)


def test_a_bot_takes_thirty_a_second_to_all_chats_together(clock: Clock) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter) == (30, 1)
    assert meter.count("sendmessage", BOT + 1, "1") is None


@pytest.mark.parametrize(
    "method",
    [
        "editmessagetext",
        "editmessagecaption",
        "editmessagemedia",
        "editmessagereplymarkup",
        "editmessagelivelocation",
        "stopmessagelivelocation",
        "stoppoll",
        "forwardmessage",
        "copymessage",
        "pinchatmessage",
        "createforumtopic",
    ],
)
def test_edits_and_service_messages_take_from_the_limit_of_messages(clock: Clock, method: str) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter, "-1001", method) == (20, 3)
    assert meter.count("sendmessage", BOT, "-1001") is not None
    assert meter.count("sendmessage", BOT, "-1002") is None


def test_edits_take_from_the_limit_of_the_bot_as_well(clock: Clock) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter, method="editmessagetext") == (30, 1)


@pytest.mark.parametrize(
    "method",
    ["answercallbackquery", "sendchataction", "getupdates", "getme", "deletemessage", "deletemessages", "setwebhook"],
)
def test_answers_to_taps_typing_and_deletions_are_free(clock: Clock, method: str) -> None:
    meter = Meter(Limits(burst=1), clock)
    assert [meter.count(method, BOT, "101") for _ in range(50)] == [None] * 50


def test_what_edits_a_topic_or_an_invite_link_edits_no_message_but_may_leave_one(clock: Clock) -> None:
    meter = Meter(Limits(), clock)
    assert sent_until_refused(meter, "-1001", "editforumtopic") == (20, 3)
    assert [meter.count("editchatinvitelink", BOT, "-1002") for _ in range(50)] == [None] * 50


def test_without_limits_nothing_is_refused(clock: Clock) -> None:
    meter = Meter(None, clock)
    assert [meter.count("sendmessage", BOT, "101") for _ in range(100)] == [None] * 100


@given(pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_who_waits_as_long_as_asked_is_let_through_and_nobody_gets_more_than_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    meter = Meter(Limits(), clock)
    began, sent = clock.now, 0
    for pause in pauses:
        clock.now += pause
        refusal = meter.count("sendmessage", BOT, "101")
        if refusal is not None:
            clock.now += refusal.parameters["retry_after"]
            assert meter.count("sendmessage", BOT, "101") is None
        sent += 1
    assert sent <= 5 + (clock.now - began) + 1e-6


def test_full_buckets_are_forgotten_and_empty_ones_are_not(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sandbox.limits.FORGET_ABOVE", 10)
    meter = Meter(Limits(bot=1000, chat=0.001, burst=1), clock)
    for chat in range(1, 30):
        assert meter.count("sendmessage", BOT, str(chat)) is None
    assert meter.count("sendmessage", BOT, "1") is not None
    clock.now += 3600
    assert meter.count("sendmessage", BOT, "1") is None


async def test_a_refused_message_is_in_telegrams_words_and_leaves_nothing_in_the_chat() -> None:
    async with Sandbox(limits=Limits(chat=0.01, burst=1)).serve() as sandbox:
        telegram = Telegram(sandbox.url)
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("/start")
        await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="one")
        answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": "two"})
        assert answer.status_code == 429
        seconds = answer.json()["parameters"]["retry_after"]
        assert answer.json()["description"] == f"Too Many Requests: retry after {seconds}"
        assert 90 <= seconds <= 100
        assert [message["text"] for message in await carla.messages()] == ["/start", "one"]
        await telegram.close()


@pytest.mark.parametrize("wrong", ["bot=0", "chat=quick", "speed=3", "burst=0.5"])
def test_wrong_limits_are_refused_on_the_command_line(wrong: str) -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--limits", wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "numbers above 0 for bot, chat, burst and group" in done.stderr


def test_limits_that_are_not_named_keep_their_defaults() -> None:
    assert Limits.parse("chat=2,burst=1") == Limits(chat=2, burst=1)
    assert Limits.parse("") == Limits()
