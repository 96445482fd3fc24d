"""The gate on a real store: budgets that all processes share, a reserve for people, and Telegram's word above all."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot.limiting import makes_a_message, wait_for_turn
from bot.sandbox.limits import Limits
from bot.sandbox.server import Sandbox
from flows import keys
from flows.events import Side
from flows.gate import (
    BOT_BURST,
    BOT_RESERVE,
    CHAT_BURST,
    CHAT_EVERY,
    CHAT_RESERVE,
    GROUP_BURST,
    GROUP_EVERY,
    Gate,
    NotYet,
)
from flows.screens import Screen
from flows.store import Together, connect
from tests.faults import faulty
from tests.people import Telegram
from workers.telegram import Sender

GROUP = -100


async def passed(gate: Gate, chat_id: int, most: int = 50) -> int:
    """How many messages to one chat may go out at once."""
    for count in range(most):
        try:
            await gate.through(chat_id, new=True)
        except NotYet:
            return count
    return most


async def wait_of(gate: Gate, chat_id: int) -> float:
    """Seconds until this chat's turn, as the gate says."""
    with pytest.raises(NotYet) as refused:
        await gate.through(chat_id, new=True)
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

    async def test_an_edit_makes_no_message(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, 7)
        await gate.through(7, new=False)

    async def test_bulk_leaves_a_reserve_to_answers(self, redis: Redis) -> None:
        assert await passed(Gate(Together(redis), "customer", bulk=True), 7) == CHAT_BURST - CHAT_RESERVE
        assert await passed(Gate(Together(redis), "customer"), 7) == CHAT_RESERVE

    async def test_those_in_bulk_who_have_to_wait_get_turns_of_their_own(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer", bulk=True)
        await passed(gate, 7)
        waits = [await wait_of(gate, 7) for _ in range(4)]
        for earlier, later in itertools.pairwise(waits):
            assert later > earlier

    @pytest.mark.parametrize("spent", [keys.gate("customer"), keys.gate("customer", "7"), keys.booked("customer", "7")])
    async def test_nobody_waits_for_a_clock_that_was_put_back(self, redis: Redis, spent: str) -> None:
        """Given what was spent by a server's clock that was an hour ahead."""
        redis.set(spent, time.time() * 1000 + 3_600_000)
        gate = Gate(Together(redis), "customer", bulk=True)
        assert await passed(gate, 7) == CHAT_BURST - CHAT_RESERVE
        assert await wait_of(gate, 7) <= 2 * CHAT_EVERY / 1000

    async def test_who_has_patience_gets_through(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await passed(gate, 7)
        await gate.through(7, new=True, patience=60.0)


class TestTheBot:
    async def test_everybody_gets_through_in_the_end_and_never_too_many_at_once(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await asyncio.gather(*(gate.through(chat, new=True) for chat in range(1, BOT_BURST + 10)))
        [[(wait, everybody)]] = await Together(redis).run(gate.command([(999, True)]))
        assert (wait > 0) == bool(everybody)

    async def test_answers_pass_when_bulk_has_to_wait(self, redis: Redis) -> None:
        bulk, answers = Gate(Together(redis), "customer", bulk=True), Gate(Together(redis), "customer")
        for chat in range(1, BOT_BURST - BOT_RESERVE + 1):
            await bulk.through(chat, new=True)
        assert await Together(redis).run(answers.command([(500, True)])) == [[[0, 0]]]


class TestTelegramsWord:
    async def test_a_chat_is_left_alone_as_long_as_telegram_says(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        assert 4 < await wait_of(gate, 7) <= 5
        await gate.through(8, new=True)

    async def test_that_counts_for_edits_too(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        with pytest.raises(NotYet):
            await gate.through(7, new=False)

    async def test_a_second_chat_makes_it_the_whole_bots(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        await gate.slow_down(8, 5)
        assert 4 < await wait_of(gate, 9) <= 5

    async def test_the_same_chat_twice_does_not(self, redis: Redis) -> None:
        gate = Gate(Together(redis), "customer")
        await gate.slow_down(7, 5)
        await gate.slow_down(7, 5)
        await gate.through(9, new=True)


class TestAnswersWithoutTheStore:
    async def test_people_are_answered_all_the_same(self, redis: Redis) -> None:
        def gone(number: int, request: bytes) -> None:
            raise StoreGone("gone")

        await wait_for_turn(Gate(Together(faulty(redis, before=gone)), "customer"), 7, "sendMessage")

    @pytest.mark.parametrize(
        ("method", "counted"),
        [("sendMessage", True), ("editMessageText", False), ("answerCallbackQuery", None), ("sendChatAction", None)],
    )
    def test_what_telegram_counts_is_known(self, method: str, counted: bool | None) -> None:
        assert makes_a_message(method) is counted


async def test_two_processes_at_telegrams_limits_are_never_told_to_slow_down(redis: Redis) -> None:
    """Given a Telegram with its limits, when two workers send 120 messages at once, then none is one too many."""
    async with Sandbox(limits=Limits()).serve() as sandbox:
        telegram = Telegram(sandbox.url)
        token, other = "7001:customer-token", "7002:restaurant-token"
        people = [await telegram.person(f"Carla {number}", bot=token) for number in range(40)]
        for person in people:
            await person.send("/start")
        senders = [Sender(sandbox.url, token, other, Together(client)) for client in (redis, connect(_url(redis)))]
        sends = [
            senders[number % 2].send(Side.CUSTOMER, person.id, Screen(f"news {number}"))
            for number in range(3)
            for person in people
        ]
        await asyncio.gather(*sends)
        assert not redis.exists(keys.last_quiet("customer"))
        for sender in senders:
            await sender.close()
        await telegram.close()


def _url(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}"
