"""Updates in: stored before Telegram hears that they arrived, handled once whatever dies, in order within a chat."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot.inbox import Inbox, chat_of
from bot.intake import TRIES, Intake, Refused, TryLater
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Webhook
from flows import keys
from tests.faults import faulty
from tests.people import Person, Telegram
from tests.waiting import until

TOKEN = "7001:customer-token"
Update = dict[str, Any]


class Bot:
    """A bot that remembers what it was given, and does what the test wants with it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.sorry: list[int] = []
        self.act: Callable[[str], Any] = lambda text: None

    async def handle(self, update: Update) -> None:
        text = update["message"]["text"]
        self.seen.append(text)
        result = self.act(text)
        if asyncio.iscoroutine(result):
            await result

    async def apologise(self, chat_id: int) -> None:
        self.sorry.append(chat_id)


class Scene:
    """A local Telegram, a store, and a bot fed by the intake."""

    def __init__(self, sandbox: Sandbox, telegram: Telegram, redis: Redis) -> None:
        self.sandbox = sandbox
        self.telegram = telegram
        self.redis = redis
        self.bot = Bot()

    async def person(self, name: str) -> Person:
        return await self.telegram.person(name, bot=TOKEN)

    def intake(self, redis: Redis | None = None) -> Intake:
        return Intake(
            bot="customer",
            token=TOKEN,
            api_url=self.sandbox.url,
            redis=redis or self.redis,
            handle=self.bot.handle,
            apologise=self.bot.apologise,
            allowed_updates=["message"],
        )

    @asynccontextmanager
    async def listening(self, redis: Redis | None = None) -> AsyncIterator[None]:
        """The intake runs until the context is left, and is then asked to stop."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.intake(redis).run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def listen_and_die(self, after: Callable[[], object]) -> None:
        """The intake runs until `after`, and then nothing of it runs any more."""
        task = asyncio.create_task(self.intake().run(asyncio.Event()))
        await until(after)
        for running in asyncio.all_tasks() - {asyncio.current_task()}:
            if "Intake" in repr(running.get_coro()):
                running.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def waiting(self) -> int:
        return int(self.redis.hlen(keys.inbox("customer")))


@pytest.fixture
async def scene(redis: Redis) -> AsyncIterator[Scene]:
    async with Sandbox().serve() as sandbox:
        telegram = Telegram(sandbox.url)
        yield Scene(sandbox, telegram, redis)
        await telegram.close()


class TestAcknowledging:
    async def test_an_update_leaves_the_inbox_after_it_was_handled(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"] and scene.waiting() == 0)

    async def test_what_a_dead_process_had_in_hand_is_handled_after_the_restart(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        scene.bot.act = lambda text: asyncio.Event().wait()
        await carla.send("in hand")
        await carla.send("behind it")
        await scene.listen_and_die(after=lambda: scene.bot.seen == ["in hand"] and scene.waiting() == 2)
        scene.bot.act = lambda text: None
        async with scene.listening():
            await until(lambda: scene.waiting() == 0)
        assert scene.bot.seen == ["in hand", "in hand", "behind it"]

    async def test_telegram_keeps_what_could_not_be_stored(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        await carla.send("one")
        failures = Counter[str]()

        def fail_twice(number: int, request: bytes) -> None:
            if b"HSET" in request and failures["store"] < 2:
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

    def test_a_batch_whose_reply_was_lost_is_still_handed_out(self, redis: Redis) -> None:
        batch: list[Update] = [{"update_id": 5, "message": {}}]
        inbox = Inbox(redis, "customer")
        assert inbox.store(batch) == batch
        assert inbox.store(batch) == batch
        inbox.done(batch[0])
        assert inbox.store(batch) == []


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

    @pytest.mark.parametrize(
        ("update", "chat"),
        [
            ({"update_id": 1, "message": {"chat": {"id": 5}}}, 5),
            ({"update_id": 1, "callback_query": {"from": {"id": 6}, "message": {"chat": {"id": -7}}}}, -7),
            ({"update_id": 1, "callback_query": {"from": {"id": 6}}}, 6),
            ({"update_id": 1, "my_chat_member": {"chat": {"id": -8}, "from": {"id": 6}}}, -8),
            ({"update_id": 1, "poll": {"id": "9"}}, None),
            ({"update_id": 1}, None),
        ],
    )
    def test_updates_belong_to_their_chat(self, update: Update, chat: int | None) -> None:
        assert chat_of(update) == chat


class TestTrouble:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.intake.Backoff.next", lambda self, at_least=None: 0.01)

    async def test_a_poison_update_is_set_aside_with_its_traceback_and_an_apology(self, scene: Scene) -> None:
        carla = await scene.person("Carla")

        def poison(text: str) -> None:
            if text == "poison":
                raise ValueError("cannot digest this")

        scene.bot.act = poison
        async with scene.listening():
            await carla.send("poison")
            await carla.send("fine")
            await until(lambda: "fine" in scene.bot.seen and scene.waiting() == 0)
        assert Counter(scene.bot.seen) == {"poison": TRIES, "fine": 1}
        assert scene.bot.sorry == [carla.id]
        [dead] = scene.redis.hvals(keys.inbox_dead("customer"))
        assert "cannot digest this" in json.loads(dead)["traceback"]

    async def test_a_reply_that_telegram_does_not_take_just_now_is_nobodys_fault(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        refusals = iter(range(TRIES * 2))

        def busy(text: str) -> None:
            if next(refusals, None) is not None:
                raise TryLater("429", 0.01)

        scene.bot.act = busy
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.waiting() == 0 and len(scene.bot.seen) > TRIES * 2)
        assert scene.bot.sorry == []

    async def test_a_store_that_is_gone_for_a_while_is_nobodys_fault(self, scene: Scene) -> None:
        carla = await scene.person("Carla")
        outage = iter(range(TRIES * 2))

        def gone(text: str) -> None:
            if next(outage, None) is not None:
                raise StoreGone("gone")

        scene.bot.act = gone
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.waiting() == 0 and len(scene.bot.seen) > TRIES * 2)
        assert scene.bot.sorry == []

    @pytest.mark.parametrize("kind", ["500", "502", "429", "drop_before", "drop_after"])
    async def test_polling_goes_on_after_any_failure(self, scene: Scene, kind: str) -> None:
        carla = await scene.person("Carla")
        await scene.telegram.act("fault", kind=kind, method="getUpdates", times=3)
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"])

    async def test_a_second_poller_and_a_webhook_are_named_with_their_cure(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        await scene.person("Carla")
        bot = scene.sandbox.world.bot(TOKEN)
        assert bot is not None
        bot.webhook = Webhook("http://127.0.0.1:9/")
        async with scene.listening():
            await until(lambda: "deleteWebhook" in caplog.text)
            bot.webhook = None

    async def test_a_refused_token_ends_the_process_with_one_clear_line(self, scene: Scene) -> None:
        await scene.telegram.act("bot", token="7001:another-secret")
        with pytest.raises(Refused, match="CUSTOMER_BOT_TOKEN"):
            await scene.intake().run(asyncio.Event())

    async def test_the_token_never_shows_in_the_log(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # as bot.process does
        await scene.telegram.act("fault", kind="500", method="getUpdates", times=3)
        await scene.telegram.act("fault", kind="drop_before", method="getUpdates", times=3)
        carla = await scene.person("Carla")
        async with scene.listening():
            await carla.send("one")
            await until(lambda: scene.bot.seen == ["one"])
        assert "customer-token" not in caplog.text
