"""Updates in: stored before Telegram hears that they arrived, handled once whatever dies, in order within a chat."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot.inbox import SEEN_LIFE, First, Inbox, Next, Ours, chat_of
from bot.intake import Intake, TryLater, came_at
from bot.polling import Polling
from flows import keys
from flows.ledger.transaction import _take_what_was_read
from flows.store import Command
from tests.bot.scenes import TOKEN, Scene
from tests.faults import faulty
from tests.platform.programs import Program
from tests.waiting import until

Update = dict[str, Any]

STORING = keys.inbox_seen("customer").encode()  # in the request that stores a batch, and in no other

HANGING_BOT = """
import asyncio, sys
from bot.intake import Intake
from bot.polling import Polling
from flows.store import connect

class Hanging:
    def reads(self, update):
        return []

    async def handle(self, update):
        print(update["message"]["text"], flush=True)
        await asyncio.Event().wait()

async def main(api_url, store_url, token):
    intake = Intake(bot="customer", token=token, redis=connect(store_url), face=Hanging())
    await intake.run(Polling("customer", token, api_url, ["message"]), asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


class TestAcknowledging:
    async def test_an_update_leaves_the_inbox_after_it_was_handled(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"] and scene.waiting() == 0)

    async def test_what_a_killed_process_had_in_hand_is_handled_after_the_restart(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        await carla.send("in hand")
        await carla.send("behind it")
        address = scene.redis.connection_pool.connection_kwargs["path"]
        killed = Program(HANGING_BOT, scene.sandbox.url, f"unix://{address}", TOKEN)
        try:
            assert await asyncio.to_thread(killed.says) == "in hand"
            assert scene.waiting() == 2
        finally:
            await asyncio.to_thread(killed.kill)
        async with scene.listening():
            await until(lambda: scene.waiting() == 0)
        assert scene.bot.seen == ["in hand", "behind it"]

    async def test_telegram_keeps_what_could_not_be_stored(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        await carla.send("one")
        failures = Counter[str]()

        def fail_twice(number: int, request: bytes) -> None:
            if STORING in request and failures["store"] < 2:
                failures["store"] += 1
                raise StoreGone("gone")

        async with scene.listening(faulty(scene.redis, before=fail_twice)):
            await until(lambda: scene.bot.seen == ["one"])
        assert failures["store"] == 2

    async def test_a_redelivered_update_is_not_handled_again(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"] and scene.waiting() == 0)
            bot = scene.sandbox.world.bot(TOKEN)
            assert bot is not None
            update = {"update_id": bot.next_update - 1, "message": {"text": "one", "chat": {"id": carla.id}}}
            await scene.telegram.act("redeliver", bot=TOKEN, update=update)
            await carla.send("two")
            await until(lambda: "two" in scene.bot.seen)
        assert scene.bot.seen == ["one", "two"]

    async def test_a_batch_is_handled_once_where_the_reply_of_the_store_was_lost(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        lost = Counter[str]()

        def lose_one(number: int, request: bytes) -> None:
            if STORING in request and not lost["replies"]:
                lost["replies"] += 1
                raise StoreGone("lost")

        async with scene.listening(faulty(scene.redis, after=lose_one)):
            await carla.send("one")
            await carla.send("two")
            await until(lambda: scene.bot.seen[-1:] == ["two"] and scene.waiting() == 0)
        assert (scene.bot.seen, lost["replies"]) == (["one", "two"], 1)

    async def test_however_late_and_often_an_update_is_handled_it_came_when_it_came(self, scene: Scene) -> None:
        carla, times = await scene.person("Carla"), list[datetime]()
        came = datetime.now(UTC) - timedelta(minutes=20)

        def fail_twice(text: str) -> None:
            times.append(came_at(datetime.now(UTC)))
            if len(times) < 3:
                raise ValueError

        scene.bot.act = fail_twice
        update = {"update_id": 5, "message": {"text": "one", "chat": {"id": carla.id}}}
        Inbox(scene.redis, "customer", "a process that died").store([update])
        scene.redis.zadd(keys.inbox_seen("customer"), {"5": came.timestamp()})
        async with scene.listening():
            await until(lambda: len(times) == 3 and scene.waiting() == 0)
            await carla.send("two")
            await until(lambda: len(times) == 4)
        assert [abs(time - came) < timedelta(seconds=1) for time in times] == [True, True, True, False]

    def test_a_batch_whose_reply_was_lost_is_still_handed_out(self, redis: Redis) -> None:
        batch: list[Update] = [{"update_id": 5, "message": {}}]
        inbox = Inbox(redis, "customer", "me")
        assert inbox.store(batch) == Ours(waiting=1, chats={"0": First(batch[0], {})})
        assert inbox.store(batch) == Ours(waiting=1, chats={"0": First(batch[0], {})})
        assert inbox.next("0") == Next(waiting=1, update=batch[0])
        assert inbox.next("0", done=batch[0]) == Next(waiting=0, update=None)
        assert inbox.store(batch) == Ours(waiting=0, chats={})

    def test_what_a_handler_will_ask_for_is_read_with_the_storing(self, redis: Redis) -> None:
        batch: list[Update] = [{"update_id": number, "message": {"chat": {"id": number}}} for number in (5, 6)]
        redis.set("word", "hello")
        redis.set("list", "is none")
        asked: dict[int, list[Command]] = {5: [("GET", "word"), ("LLEN", "other")], 6: [("LLEN", "list")]}
        ours = Inbox(redis, "customer", "me").store(batch, None, lambda update: asked[update["update_id"]])
        assert ours.chats == {
            "5": First(batch[0], {("GET", "word"): b"hello", ("LLEN", "other"): 0}),
            "6": First(batch[1], {}),  # the error is met again by whoever asks
        }

    def test_but_a_chats_next_update_is_the_one_that_came_first(self, redis: Redis) -> None:
        older, newer = ({"update_id": number, "message": {"chat": {"id": 7}}} for number in (5, 6))
        inbox = Inbox(redis, "customer", "me")
        inbox.store([older])
        assert inbox.store([newer]).chats == {"7": None}
        assert inbox.next("7").update == older

    def test_ids_are_forgotten_when_telegram_can_no_longer_know_the_update(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox = Inbox(redis, "customer", "me")
        old, new = {"update_id": 5, "message": {}}, {"update_id": 6, "message": {}}
        inbox.store([old])
        inbox.next("0", done=old)
        now = time.time()
        monkeypatch.setattr("bot.inbox.time.time", lambda: now + SEEN_LIFE + 60)
        inbox.store([new])
        assert redis.zrange(keys.inbox_seen("customer"), 0, -1) == [b"6"]


class TestOrder:
    async def test_a_chats_updates_are_handled_in_their_order(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        texts = [str(number) for number in range(30)]
        scene.bot.act = lambda text: asyncio.sleep(0.001 * (int(text) % 3))
        async with scene.listening():
            for text in texts:
                await carla.send(text)
            await until(lambda: len(scene.bot.seen) == 30)
        assert scene.bot.seen == texts

    async def test_a_slow_chat_holds_up_nobody_else(self, scene: Scene) -> None:
        carla, dino = await scene.person("Carla"), await scene.person("Dino")
        release = asyncio.Event()
        scene.bot.act = lambda text: release.wait() if text == "slow" else None
        async with scene.listening():
            await carla.send("slow")
            await until(lambda: "slow" in scene.bot.seen)
            await dino.send("quick")
            await until(lambda: "quick" in scene.bot.seen)
            release.set()

    async def test_who_sends_more_than_can_be_answered_stops_nobody_else(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("bot.inbox.MOST_OF_A_CHAT", 3)
        monkeypatch.setattr("bot.intake.MOST_IN_HAND", 6)
        eve, carla = await scene.person("Eve"), await scene.person("Carla")
        release = asyncio.Event()
        scene.bot.act = lambda text: None if text == "carla" else release.wait()
        async with scene.listening():
            for number in range(10):
                await eve.send(str(number))
            await carla.send("carla")
            await until(lambda: "carla" in scene.bot.seen)
            assert scene.redis.llen(keys.inbox_chat("customer", str(eve.id))) == 3
            release.set()
            await until(lambda: scene.waiting() == 0)
            await eve.send("later")
            await until(lambda: "later" in scene.bot.seen)
        assert [text for text in scene.bot.seen if text != "carla"] == ["0", "1", "2", "later"]
        assert "are dropped" in caplog.text

    async def test_only_so_many_handlers_run_at_a_time(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.intake.CONCURRENT", 2)
        running, release = [0], asyncio.Event()

        async def count(text: str) -> None:
            running.append(running[-1] + 1)
            await release.wait()
            running.append(running[-1] - 1)

        scene.bot.act = count
        for name in ("Carla", "Dino", "Elsa", "Fabio"):
            await (await scene.person(name)).send(name)
        async with scene.listening():
            await until(lambda: scene.waiting() == 4 and len(scene.bot.seen) >= 2)
            release.set()
            await until(lambda: scene.waiting() == 0)
        assert max(running) == 2

    async def test_chats_that_wait_for_another_try_hold_up_nobody_else(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.intake.CONCURRENT", 1)
        carla, dino = await scene.person("Carla"), await scene.person("Dino")

        def an_hour(text: str) -> None:
            if text == "429":
                raise TryLater("429", 3600)

        scene.bot.act = an_hour
        async with scene.listening():
            await carla.send("429")
            await until(lambda: "429" in scene.bot.seen)
            await dino.send("quick")
            await until(lambda: "quick" in scene.bot.seen)

    @pytest.mark.parametrize(
        ("update", "chat"),
        [
            ({"update_id": 1, "message": {"chat": {"id": 5}}}, 5),
            ({"update_id": 1, "callback_query": {"from": {"id": 6}, "message": {"chat": {"id": -7}}}}, -7),
            ({"update_id": 1, "callback_query": {"from": {"id": 6}}}, 6),
            ({"update_id": 1, "my_chat_member": {"chat": {"id": -8}, "from": {"id": 6}}}, -8),
            ({"update_id": 1, "poll": {"id": "9"}}, None),
            ({"update_id": 1}, None),
            ({"update_id": 1, "message": {"chat": 5, "from": None}}, None),
            ({"update_id": 1, "message": {"chat": {"id": True}}}, None),
            ({"update_id": 1, "callback_query": {"message": 5, "from": {"id": "6"}}}, None),
        ],
    )
    def test_updates_belong_to_their_chat(self, update: Update, chat: int | None) -> None:
        assert chat_of(update) == chat


class TestWhatWasRead:
    """For an update's handler the store is asked when that update is stored; its chat may be worked on meanwhile."""

    @pytest.fixture
    def in_hand(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How much each handler had been given to begin with, in their order."""
        found: list[int] = []
        monkeypatch.setattr(scene.bot, "reads", lambda update: [("GET", "anything")])
        scene.bot.act = lambda text: found.append(len(_take_what_was_read()))
        return found

    @pytest.mark.parametrize("is_let_go_before_the_storing_is_known", [False, True])
    async def test_is_given_to_the_handler_of_an_update_that_comes_while_its_chat_is_let_go(
        self, scene: Scene, in_hand: list[int], *, is_let_go_before_the_storing_is_known: bool
    ) -> None:
        carla, stop = await scene.person("Carla"), asyncio.Event()
        letting_go, stored, known = threading.Event(), threading.Event(), threading.Event()

        def hold(number: int, request: bytes) -> None:
            if keys.inbox_dead("customer").encode() in request and not letting_go.is_set():
                letting_go.set()
                assert (stored if is_let_go_before_the_storing_is_known else known).wait(20)
            elif STORING in request and b"two" in request:
                stored.set()
                if is_let_go_before_the_storing_is_known:
                    assert known.wait(20)

        intake = Intake(bot="customer", token=TOKEN, redis=faulty(scene.redis, after=hold), face=scene.bot)
        running = asyncio.create_task(intake.run(Polling("customer", TOKEN, scene.sandbox.url, ["message"]), stop))
        await carla.send("one")
        await until(letting_go.is_set)
        await carla.send("two")
        if is_let_go_before_the_storing_is_known:
            await until(lambda: not intake._chats)
        else:
            await until(lambda: any(intake._chats.values()))
        known.set()
        await until(lambda: scene.bot.seen == ["one", "two"] and scene.waiting() == 0)
        stop.set()
        await running
        assert in_hand == [1, 1]


class TestStopping:
    async def test_what_is_in_hand_is_finished_and_the_rest_is_left_for_the_next_start(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        carla, dino = await scene.person("Carla"), await scene.person("Dino")
        release = asyncio.Event()
        scene.bot.act = lambda text: release.wait()
        for person, text in [(carla, "first"), (carla, "behind"), (dino, "other")]:
            await person.send(text)
        stop = asyncio.Event()
        running = asyncio.create_task(scene.bot.run(scene.sandbox.url, scene.redis, stop))
        await until(lambda: sorted(scene.bot.seen) == ["first", "other"] and scene.waiting() == 3)
        stop.set()
        await until(lambda: "no more updates" in caplog.text)
        release.set()
        await running
        assert sorted(scene.bot.seen) == ["first", "other"]
        async with scene.listening():
            await until(lambda: scene.waiting() == 0)
        assert scene.bot.seen[-1] == "behind"

    async def test_a_handler_that_never_ends_is_left_for_the_next_start(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.intake.DRAIN", 0.1)
        carla = await scene.person("Carla")
        scene.bot.act = lambda text: asyncio.Event().wait()
        async with scene.listening():
            await carla.send("endless")
            await until(lambda: scene.bot.seen == ["endless"])
        assert scene.waiting() == 1

    async def test_who_waits_for_another_try_does_not_hold_up_the_stop(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.intake.DRAIN", 3600.0)
        carla = await scene.person("Carla")

        def an_hour(text: str) -> None:
            raise TryLater("429", 3600)

        scene.bot.act = an_hour
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"])
        assert scene.waiting() == 1

    async def test_a_store_that_is_gone_does_not_hold_up_the_stop(
        self, scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.intake.DRAIN", 3600.0)

        def gone(number: int, request: bytes) -> None:
            raise StoreGone("gone")

        async with scene.listening(faulty(scene.redis, before=gone)):
            await until(lambda: "the store is out of reach" in caplog.text)

    async def test_nothing_of_it_goes_on_when_it_is_cancelled(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        scene.bot.act = lambda text: asyncio.Event().wait()
        others = asyncio.all_tasks()
        running = asyncio.create_task(scene.bot.run(scene.sandbox.url, scene.redis, asyncio.Event()))
        await carla.send("in hand")
        await until(lambda: scene.bot.seen == ["in hand"])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        # What is left besides are the sandbox's answers to requests that are no more.
        left = {task.get_coro() for task in asyncio.all_tasks() - others}
        assert not [coroutine for coroutine in left if "Intake" in repr(coroutine)]
        assert scene.waiting() == 1
