"""The gate on a real store: budgets that all processes share, a reserve for people, and Telegram's word above all."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot import limiting
from bot.limiting import is_counted, slow_down, turn_in, wait_for_turn
from bot.sandbox.limits import Limits
from bot.sandbox.server import Sandbox
from flows import gate as gate_module
from flows import keys
from flows.backoff import LONGEST
from flows.events import Side
from flows.gate import (
    BOT_BURST,
    BOT_RESERVE,
    CHAT_BURST,
    CHAT_EVERY,
    CHAT_RESERVE,
    GROUP_BURST,
    GROUP_EVERY,
    GROUP_RESERVE,
    Gate,
    NotYet,
    Urgency,
)
from flows.screens import Screen
from flows.store import Together, connect
from tests.faults import faulty
from tests.people import Person, Telegram
from tests.waiting import until
from workers.telegram import NotOurTurn, Sender

GROUP = -100


async def passed(gate: Gate, chat_id: int, urgency: Urgency = Urgency.ANSWER, most: int = 50) -> int:
    """How many messages or edits in one chat may go out at once."""
    for count in range(most):
        try:
            await gate.through(chat_id, urgency)
        except NotYet:
            return count
    return most


async def wait_of(gate: Gate, chat_id: int, urgency: Urgency = Urgency.ANSWER) -> float:
    """Seconds until this chat's turn, as the gate says."""
    with pytest.raises(NotYet) as refused:
        await gate.through(chat_id, urgency)
    return refused.value.seconds


class TestOneChat:
    @pytest.mark.parametrize(("chat", "burst"), [(7, CHAT_BURST), (GROUP, GROUP_BURST)])
    async def test_a_few_messages_may_come_at_once(self, redis: Redis, chat: int, burst: int) -> None:
        assert await passed(Gate(Together(redis), "customer"), chat) == burst

    @pytest.mark.parametrize(("chat", "every"), [(7, CHAT_EVERY), (GROUP, GROUP_EVERY)])
    async def test_then_they_are_spaced(self, redis: Redis, chat: int, every: float) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, chat)
        assert 0 < await wait_of(gate, chat) <= every / 1000

    async def test_a_budget_is_shared_by_all_processes_of_a_bot(self, redis: Redis) -> None:
        one, other = Gate(Together(redis), "customer"), Gate(Together(connect(_url(redis))), "customer")
        assert await passed(one, 7, most=2) + await passed(other, 7) == CHAT_BURST

    async def test_bots_and_chats_have_budgets_of_their_own(self, redis: Redis) -> None:
        await passed(Gate(Together(redis), "customer"), 7)
        assert await passed(Gate(Together(redis), "restaurant"), 7, most=1) == 1
        assert await passed(Gate(Together(redis), "customer"), 8, most=1) == 1

    @pytest.mark.parametrize(
        ("chat", "burst", "reserve"), [(7, CHAT_BURST, CHAT_RESERVE), (GROUP, GROUP_BURST, GROUP_RESERVE)]
    )
    async def test_what_is_less_urgent_leaves_a_reserve_to_what_is_more(
        self, redis: Redis, chat: int, burst: int, reserve: dict[Urgency, int]
    ) -> None:
        gate = Gate(Together(redis), "customer")
        left = burst
        for urgency in (Urgency.ROUTINE, Urgency.NEWS, Urgency.ANSWER):
            assert await passed(gate, chat, urgency) == left - reserve[urgency]
            left = reserve[urgency]

    async def test_what_is_no_answer_gets_turns_of_its_own(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, 7, Urgency.NEWS)
        waits = [await wait_of(gate, 7, Urgency.NEWS) for _ in range(4)]
        for earlier, later in itertools.pairwise(waits):
            assert later > earlier

    async def test_what_waits_asks_again_within_half_a_minute_however_much_waits(self, redis: Redis) -> None:
        """Given more news than a group takes in minutes, when the group becomes quiet none of it has to wait long."""
        gate = Gate(Together(redis), "customer")
        await passed(gate, GROUP, Urgency.NEWS)
        assert max([await wait_of(gate, GROUP, Urgency.NEWS) for _ in range(100)]) <= 30 + GROUP_EVERY / 1000

    async def test_a_new_order_waits_for_no_reminder_that_was_there_first(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "restaurant")
        await passed(gate, GROUP)
        routine = [await wait_of(gate, GROUP, Urgency.ROUTINE) for _ in range(10)]
        assert await wait_of(gate, GROUP, Urgency.NEWS) < min(routine)

    @pytest.mark.parametrize(
        "spent",
        [keys.gate("customer"), keys.gate("customer", "7"), keys.booked("customer", "7", Urgency.NEWS)],
    )
    async def test_nobody_waits_for_a_clock_that_was_put_back(self, redis: Redis, spent: str) -> None:
        """Given what was spent by a server's clock that was an hour ahead."""
        redis.set(spent, time.time() * 1000 + 3_600_000)
        gate = Gate(Together(redis), "customer")
        assert await passed(gate, 7, Urgency.NEWS) == CHAT_BURST - CHAT_RESERVE[Urgency.NEWS]
        assert await wait_of(gate, 7, Urgency.NEWS) <= 2 * CHAT_EVERY / 1000

    async def test_who_has_patience_gets_through(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, 7)
        await gate.through(7, patience=60.0)


class TestTheBot:
    async def test_everybody_gets_through_in_the_end_and_never_too_many_at_once(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await asyncio.gather(*(gate.through(chat) for chat in range(1, BOT_BURST + 10)))
        [[(wait, everybody)]] = await Together(redis).run(gate.command([(999, Urgency.ANSWER)]))
        assert (wait > 0) == bool(everybody)

    async def test_answers_pass_when_news_has_to_wait(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        for chat in range(1, BOT_BURST - BOT_RESERVE + 1):
            await gate.through(chat, Urgency.NEWS)
        assert await Together(redis).run(gate.command([(500, Urgency.ANSWER)])) == [[[0, 0]]]


class TestTelegramsWord:
    async def test_a_chat_is_left_alone_as_long_as_telegram_says(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        assert 4 < await wait_of(gate, 7) <= 5
        await gate.through(8)

    async def test_then_it_takes_no_burst(self, redis: Redis) -> None:
        """Given a chat whose budget was whole when Telegram refused, as after a delay that bunched what was spaced."""
        gate = Gate(Together(redis), "restaurant")
        await gate.slow_down(GROUP, 1)
        await gate.through(GROUP, patience=60)
        assert await passed(gate, GROUP) < GROUP_BURST // 2

    async def test_a_second_chat_at_the_same_moment_makes_it_the_whole_bots_for_as_long_as_the_answer_says(
        self, redis: Redis
    ) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 3600)
        await gate.slow_down(8, 5)
        assert 4 < await wait_of(gate, 9) <= 5

    async def test_the_same_chat_twice_does_not(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        await gate.slow_down(7, 5)
        await gate.through(9)

    async def test_nor_does_a_second_chat_later_however_long_the_first_has_to_wait(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.gate.TOGETHER", 1)  # millisecond
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 3600)
        await until(lambda: not redis.exists(keys.last_quiet("customer")))
        await gate.slow_down(8, 5)
        await gate.through(9)

    async def test_a_group_has_a_limit_of_its_own_which_says_nothing_about_private_chats(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "restaurant")
        await gate.slow_down(GROUP, 30)
        await gate.through(9)
        await gate.slow_down(GROUP - 1, 30)
        await gate.through(9)
        with pytest.raises(NotYet):
            await gate.through(GROUP)

    async def test_a_chat_that_has_to_wait_long_is_not_allowed_earlier_by_a_shorter_word(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 60)
        await gate.slow_down(7, 1)
        assert await wait_of(gate, 7) > 50

    @pytest.mark.parametrize(
        ("asked", "least", "most"),
        [(0, 0, 1), (-5, 0, 1), (float("nan"), 0, 1), (float("inf"), 86_000, LONGEST), (10**400, 86_000, LONGEST)],
    )
    async def test_no_word_is_taken_backwards_or_for_ever(
        self, redis: Redis, asked: float, least: float, most: float
    ) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, asked)
        assert least < await wait_of(gate, 7) <= most

    @pytest.mark.parametrize(
        ("method", "chat"),
        [
            ("setMyShortDescription", None),
            ("setMyCommands", None),
            ("getMe", None),
            ("answerCallbackQuery", None),
            ("sendChatAction", 7),
            ("deleteMessage", 7),
        ],
    )
    async def test_what_is_no_message_in_a_chat_says_nothing_about_any_chat(
        self, redis: Redis, method: str, chat: int | None
    ) -> None:
        gate = Gate(Together(redis), "customer")
        await slow_down(gate, chat, method, 3600)
        await slow_down(gate, 8, "sendMessage", 15)
        await gate.through(7)
        with pytest.raises(NotYet):
            await gate.through(8)


class TestAnswersWithoutTheStore:
    async def test_people_are_answered_all_the_same(self, redis: Redis) -> None:
        def gone(number: int, request: bytes) -> None:
            raise StoreGone("gone")

        await wait_for_turn(Gate(Together(faulty(redis, before=gone)), "customer"), 7, "sendMessage")

    @pytest.mark.parametrize(
        ("method", "counted"),
        [
            ("sendMessage", True),
            ("editMessageText", True),
            ("editMessageReplyMarkup", True),
            ("deleteMessage", False),
            ("answerCallbackQuery", False),
            ("sendChatAction", False),
            ("setMyCommands", False),
        ],
    )
    def test_what_telegram_counts_is_known(self, method: str, counted: bool) -> None:
        assert is_counted(method) is counted


class TestATurnAhead:
    @pytest.mark.parametrize("chat", [7, -7])
    async def test_what_takes_two_requests_gets_both_also_in_a_chat_that_is_always_busy(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch, chat: int
    ) -> None:
        """As an edit of a message that is gone, and the new one in its place; all paces are twenty times as quick."""
        for module, pace in (
            (gate_module, "CHAT_EVERY"),
            (gate_module, "GROUP_EVERY"),
            (limiting, "PATIENCE"),
            (limiting, "OF_GROUPS"),
        ):
            monkeypatch.setattr(module, pace, getattr(module, pace) / 20)
        gate = Gate(Together(redis), "customer")
        await passed(gate, chat)
        edits = 0
        while True:
            try:
                async with turn_in(gate, chat):
                    edits += 1
                    await wait_for_turn(gate, chat, "editMessageText")
                    await wait_for_turn(gate, chat, "sendMessage")
                    break
            except NotYet as not_yet:
                assert edits < 5
                await asyncio.sleep(not_yet.seconds)

    async def test_who_has_a_turn_makes_one_request_by_it_and_waits_for_the_next(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        spent = keys.gate("customer", "7")
        async with turn_in(gate, 7):
            taken = redis.get(spent)
            await wait_for_turn(gate, 7, "editMessageText")
            assert redis.get(spent) == taken
            await wait_for_turn(gate, 7, "sendMessage")
            assert redis.get(spent) != taken

    async def test_a_turn_is_of_one_chat_and_of_what_counts_there(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        async with turn_in(gate, 7):
            await wait_for_turn(gate, 8, "sendMessage")
            assert redis.exists(keys.gate("customer", "8"))
            taken = redis.get(keys.gate("customer", "7"))
            await wait_for_turn(gate, 7, "deleteMessage")
            await wait_for_turn(gate, 7, "sendMessage")
            assert redis.get(keys.gate("customer", "7")) == taken

    async def test_nothing_is_drawn_before_the_chats_turn(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, 7)
        with pytest.raises(NotYet):
            async with turn_in(gate, 7):
                pytest.fail("it is not the chat's turn")

    async def test_without_the_store_it_is_always_its_turn(self, redis: Redis) -> None:
        def gone(number: int, request: bytes) -> None:
            raise StoreGone("gone")

        async with turn_in(Gate(Together(faulty(redis, before=gone)), "customer"), 7):
            pass


async def test_two_processes_at_telegrams_limits_are_never_told_to_slow_down(redis: Redis) -> None:
    """Given a Telegram with its limits, when two workers send 120 messages and edits, then none is one too many."""
    async with Sandbox(limits=Limits()).serve() as sandbox:
        telegram = Telegram(sandbox.url)
        token, other = "7001:customer-token", "7002:restaurant-token"
        people = [await telegram.person(f"Carla {number}", bot=token) for number in range(40)]
        for person in people:
            await person.send("/start")
        senders = [Sender(sandbox.url, token, other, Together(client)) for client in (redis, connect(_url(redis)))]

        async def news_and_edits(number: int, person: Person) -> None:
            sender, now = senders[number % 2], Urgency.NEWS
            message = await sender.send(Side.CUSTOMER, person.id, Screen("news"))
            await senders[(number + 1) % 2].edit(Side.CUSTOMER, person.id, message, drawing("older"), now)
            await sender.edit(Side.CUSTOMER, person.id, message, drawing("newer"), now)

        await asyncio.gather(*(news_and_edits(number, person) for number, person in enumerate(people)))
        assert not redis.exists(keys.last_quiet("customer"))
        assert 429 not in {entry["status"] for entry in sandbox.world.log.after(0)}
        for sender in senders:
            await sender.close()
        await telegram.close()


async def test_a_group_whose_budget_is_spent_on_edits_is_never_told_to_slow_down(redis: Redis) -> None:
    """Given a group at its limit, when workers send and edit whenever the gate lets them, then none is one too many.

    Telegram's clock, and with it ours, runs twenty times as fast.
    """
    fast, began = 20, time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.gate.GROUP_EVERY", GROUP_EVERY / fast)
        async with Sandbox(lambda: began + (time.time() - began) * fast, Limits()).serve() as sandbox:
            telegram = Telegram(sandbox.url)
            token = "7002:restaurant-token"
            [anna] = await telegram.group("Kitchen", "Anna")
            await telegram.act("bot", token=token)
            await telegram.act("add_bot", chat=anna.place["chat"], bot=token, by=anna.id)
            senders = [
                Sender(sandbox.url, "7001:customer-token", token, Together(client))
                for client in (redis, connect(_url(redis)))
            ]
            ticket = await senders[0].send(Side.RESTAURANT, anna.place["chat"], Screen("ticket"))

            async def keep(number: int) -> None:
                for time_ in range(15):
                    draw = drawing(f"{number} {time_}")
                    await _in_turn(lambda: senders[number].edit(Side.RESTAURANT, anna.place["chat"], ticket, draw))  # noqa: B023

            await asyncio.gather(keep(0), keep(1))
            log = sandbox.world.log.after(0)
            assert [entry["status"] for entry in log if entry.get("method") == "editMessageText"] == [200] * 30
            for sender in senders:
                await sender.close()
            await telegram.close()


async def _in_turn(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await work()
        except NotOurTurn as later:
            await asyncio.sleep(later.seconds or 0)


def drawing(words: str) -> Callable[[], Awaitable[Screen]]:
    async def draw() -> Screen:
        return Screen(words)

    return draw


def _url(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}"
