"""Several processes of one bot: each chat has one of them at a time, and none is missed when one dies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot.inbox import Inbox, Ours
from bot.intake import Intake
from flows import keys
from flows.ledger import Ledger, Superseded, only_while
from tests.bot.scenes import TOKEN, Bot
from tests.faults import faulty
from tests.waiting import WITHIN, until

Update = dict[str, Any]


def said(update_id: int, text: str, chat: int = 7) -> Update:
    return {"update_id": update_id, "message": {"text": text, "chat": {"id": chat}}}


class ByHand:
    """A source that brings what the test gives it."""

    def __init__(self) -> None:
        self._intake: asyncio.Future[Intake] = asyncio.get_running_loop().create_future()

    async def run(self, intake: Intake) -> None:
        self._intake.set_result(intake)
        await asyncio.Event().wait()

    async def knows(self, number: int) -> None:
        """Wait until the process knows of so many, itself included."""
        intake = await self._intake
        await until(lambda: len(intake._inbox.fellows) == number)

    async def brings(self, *updates: Update) -> None:
        await (await self._intake).take(list(updates))


@asynccontextmanager
async def replica(redis: Redis, bot: Bot) -> AsyncIterator[ByHand]:
    source, stop = ByHand(), asyncio.Event()
    intake = Intake(bot="customer", token=TOKEN, redis=redis, face=bot)
    running = asyncio.create_task(intake.run(source, stop))
    yield source
    stop.set()
    await running


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dead are noticed soon."""
    monkeypatch.setattr("bot.inbox.LEASE", 1)
    monkeypatch.setattr("bot.intake.RENEW", 0.1)


async def test_a_chats_updates_keep_their_order_whichever_process_they_come_in_by(redis: Redis) -> None:
    one, other = Bot(), Bot()
    order: list[str] = []

    async def slowly(text: str) -> None:
        await asyncio.sleep(0)
        order.append(text)

    one.act = other.act = slowly
    async with replica(redis, one) as here, replica(redis, other) as there:
        for number in range(1, 41):
            await (here if number % 2 else there).brings(said(number, str(number)))
        await until(lambda: len(order) == 40)
    assert order == [str(number) for number in range(1, 41)]


async def test_chats_are_worked_on_side_by_side(redis: Redis) -> None:
    one, other = Bot(), Bot()
    one.act = lambda text: asyncio.Event().wait()
    async with replica(redis, one) as here, replica(redis, other) as there:
        await here.brings(said(1, "slow", chat=1))
        await there.brings(said(2, "quick", chat=2))
        await until(lambda: other.seen == ["quick"])


async def test_an_update_that_comes_in_by_two_processes_is_handled_once(redis: Redis) -> None:
    one, other = Bot(), Bot()
    async with replica(redis, one) as here, replica(redis, other) as there:
        await asyncio.gather(here.brings(said(1, "once")), there.brings(said(1, "once")))
        await until(lambda: redis.hlen(keys.inbox("customer")) == 0)
    assert one.seen + other.seen == ["once"]


async def test_an_update_handled_before_its_storing_was_confirmed_is_not_handled_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chat has been handed out by the look at what is ours meanwhile."""
    bot, arrives, store = Bot(), threading.Event(), Inbox.store

    def with_a_late_reply(inbox: Inbox, *what: Any) -> Ours:
        ours = store(inbox, *what)
        arrives.wait(WITHIN)
        return ours

    async with replica(redis, bot) as source:
        with monkeypatch.context() as slow:
            slow.setattr(Inbox, "store", with_a_late_reply)
            storing = asyncio.create_task(source.brings(said(1, "once")))
            await until(lambda: bot.seen == ["once"] and redis.hlen(keys.inbox_owners("customer")) == 0)
        arrives.set()
        await storing
        await source.brings(said(2, "behind it"))
        await until(lambda: "behind it" in bot.seen)
    assert bot.seen == ["once", "behind it"]


async def test_what_a_dead_process_had_in_hand_is_handled_by_another(redis: Redis) -> None:
    dead = Inbox(redis, "customer", "dead")
    dead.renew()
    dead.store([said(1, "first"), said(2, "second")])
    bot = Bot()
    async with replica(redis, bot):
        await until(lambda: bot.seen == ["first", "second"])


async def test_what_a_process_leaves_when_it_stops_is_taken_at_once(redis: Redis) -> None:
    leaver = Inbox(redis, "customer", "leaver")
    leaver.renew()
    leaver.store([said(1, "left")])
    leaver.release()
    heir = Inbox(redis, "customer", "heir")
    assert heir.renew().chats == {"7": None}


async def test_a_process_that_is_alive_keeps_its_chats(redis: Redis) -> None:
    owner, other = Inbox(redis, "customer", "owner"), Inbox(redis, "customer", "other")
    owner.store([said(1, "mine")])
    owner.renew()
    assert [other.renew().chats for _ in range(3)] == [{}, {}, {}]
    assert owner.renew().chats == {"7": None}


async def test_a_process_that_is_about_to_stop_keeps_what_it_has_in_hand_and_takes_no_more(redis: Redis) -> None:
    bot, release = Bot(), asyncio.Event()
    bot.act = lambda text: release.wait()
    source, stop = ByHand(), asyncio.Event()
    intake = Intake(bot="customer", token=TOKEN, redis=redis, face=bot)
    running = asyncio.create_task(intake.run(source, stop))
    await source.brings(said(1, "in hand"))
    await until(lambda: bot.seen == ["in hand"])
    stop.set()
    await until(lambda: intake.closing)
    await shows_that_it_is_alive(redis)
    leaver = Inbox(redis, "customer", "leaver")
    leaver.store([said(2, "left", chat=8)])
    leaver.release()
    await shows_that_it_is_alive(redis)
    assert redis.hget(keys.inbox_owners("customer"), "8") == b""
    assert redis.hget(keys.inbox_owners("customer"), "7") != b""
    release.set()
    await running
    assert redis.hgetall(keys.inbox_owners("customer")) == {b"8": b""}
    assert not leases(redis)


async def test_handlers_that_wait_for_the_store_do_not_make_their_process_look_dead(redis: Redis) -> None:
    bot, answered = Bot(), threading.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    bot.act = lambda text: asyncio.to_thread(answered.wait, WITHIN)
    async with replica(redis, bot) as source:
        await source.brings(said(1, "waits in the only thread"))
        await shows_that_it_is_alive(redis)
        answered.set()


def leases(redis: Redis) -> list[bytes]:
    return list(redis.scan_iter(keys.inbox_lease("*")))


async def shows_that_it_is_alive(redis: Redis) -> None:
    """The process says so again, and then once more: what was under way does not count."""
    for _ in range(2):
        redis.delete(*leases(redis), "no lease")
        async with asyncio.timeout(WITHIN):  # without `until`, which needs a thread itself
            while not leases(redis):  # noqa: ASYNC110 - the store has no event to wait for
                await asyncio.sleep(0.02)


async def test_a_process_that_slept_while_its_update_was_handled_changes_nothing(redis: Redis) -> None:
    sleeper, heir = Inbox(redis, "customer", "sleeper"), Inbox(redis, "customer", "heir")
    update = said(1, "place my order")
    sleeper.store([update])
    heir.renew()
    assert heir.renew().chats == {"7": None}
    assert heir.next("7").update == update
    heir.next("7", done=update)
    with only_while(sleeper.holds(update)), pytest.raises(Superseded):
        Ledger(redis).remember_message(7, 99)
    assert sleeper.next("7", done=update).update is None
    assert Ledger(redis).session(7).message_id is None


async def test_an_update_that_can_no_longer_be_read_is_set_aside(redis: Redis) -> None:
    bot = Bot()

    def damage(text: str) -> None:
        if text == "one":
            redis.hset(keys.inbox("customer"), "2", "no JSON")

    bot.act = damage
    async with replica(redis, bot) as source:
        await source.brings(said(1, "one"), said(2, "two"), said(3, "three"))
        await until(lambda: redis.hlen(keys.inbox("customer")) == 0)
    assert bot.seen == ["one", "three"]
    assert redis.hkeys(keys.inbox_dead("customer")) == [b"2"]


async def test_during_an_outage_each_sender_is_told_once_and_not_by_each_process(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two processes that know of each other, and a store that takes nothing: both get the same updates, twice."""
    monkeypatch.setattr("bot.intake.SAY_SORRY_AFTER", 0.0)
    one, other, away = Bot(), Bot(), list[bool]()

    def gone(number: int, request: bytes) -> None:
        if away:
            raise StoreGone("gone")

    updates = [said(number, f"from {number}", chat=number) for number in range(1, 13)]
    client = faulty(redis, before=gone)
    async with replica(client, one) as here, replica(client, other) as there:
        await here.knows(2)
        await there.knows(2)
        away.append(True)
        for process in (here, there, here, there):
            with pytest.raises(StoreGone):
                await process.brings(*updates)
        assert sorted(one.told_to_wait + other.told_to_wait) == sorted(f"from {number}" for number in range(1, 13))
        away.clear()


async def test_the_last_process_of_a_bot_that_ends_in_order_says_that_it_does_not_run(redis: Redis) -> None:
    async with replica(redis, Bot()) as here:
        async with replica(redis, Bot()) as there:
            await (await here._intake).tell("")
            await there.knows(2)
            assert word(redis) == ("", False)
        assert word(redis) == ("", False)
    assert word(redis) == ("", True)


def word(redis: Redis) -> tuple[str, bool]:
    """What hinders the bot, and whether it has been stopped."""
    raw: Any = redis.get(keys.listening("customer"))
    left = json.loads(raw)
    return left["problem"], left["stopped"]
