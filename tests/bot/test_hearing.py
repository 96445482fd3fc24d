"""Until when a bot has heard all that people did: never claimed for later than it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from redis import Redis

from bot.inbox import Inbox
from bot.intake import Intake
from bot.polling import MOST, POLL
from bot.webhook import Webhook
from bot.webhook_hearing import ASK_EVERY, ON_ITS_WAY, TAP_LIFE, State, WebhookHearing
from flows import keys
from flows.ledger.hearing import DEAF, Hearing, read_hearing
from tests.bot.scenes import TOKEN, Bot, Scene
from tests.bot.test_polling import Script, said
from tests.waiting import until

KEY = keys.heard("customer")
SECOND = timedelta(seconds=1)
GRAIN = timedelta(milliseconds=1)  # to which hearings are noted


def heard(redis: Redis) -> Hearing | None:
    return read_hearing(redis.hgetall(KEY))  # type: ignore[arg-type]


def heard_until(redis: Redis) -> datetime:
    found = heard(redis)
    return datetime.fromtimestamp(0, UTC) if found is None else found.until


class TestTheNote:
    def test_it_tells_the_time_by_the_clock_of_the_store(self, redis: Redis) -> None:
        """As exactly as the store's answers are quick: a time that it took is taken from the hearing."""
        inbox, before = Inbox(redis, "customer", "me"), datetime.now(UTC)
        inbox.hear(time.monotonic() - 100)
        after = datetime.now(UTC)
        assert before - (after - before) - GRAIN <= heard_until(redis) + 100 * SECOND <= after + GRAIN
        inbox.hear(time.monotonic())
        assert before - GRAIN <= heard_until(redis) <= datetime.now(UTC) + GRAIN

    def test_it_is_never_taken_back_whichever_process_comes_later(self, redis: Redis) -> None:
        now = time.monotonic()
        Inbox(redis, "customer", "one").hear(now)
        at = heard_until(redis)
        Inbox(redis, "customer", "two").hear(now - 20)
        assert heard_until(redis) == at

    def test_a_gap_is_a_deafness_and_what_is_usual_is_none(self, redis: Redis) -> None:
        began, inbox, now = datetime.now(UTC), Inbox(redis, "customer", "me"), time.monotonic()
        inbox.hear(now - 1000)
        inbox.hear(now - 1000 + DEAF.total_seconds() - 1)
        assert (found := heard(redis)) is not None
        assert found.deafness is None
        inbox.hear(now)
        assert (found := heard(redis)) is not None
        assert found.deafness is not None
        assert found.deafness.until == found.until
        took = datetime.now(UTC) - began
        assert abs(found.deafness.until - found.deafness.since - timedelta(seconds=971)) <= took + GRAIN

    def test_a_store_whose_clock_was_put_back_is_heard_all_the_same(self, redis: Redis) -> None:
        redis.hset(KEY, "until", time.time() + 3600)
        Inbox(redis, "customer", "me").hear(time.monotonic())
        assert heard_until(redis) <= datetime.now(UTC)

    @pytest.mark.parametrize(
        "spoil",
        [lambda redis: redis.set(KEY, "no hash"), lambda redis: redis.hset(KEY, "until", "soon")],
    )
    def test_what_is_no_note_is_written_over(self, redis: Redis, spoil: Callable[[Redis], object]) -> None:
        spoil(redis)
        at = datetime.now(UTC)
        Inbox(redis, "customer", "me").hear(time.monotonic())
        assert heard_until(redis) >= at - SECOND

    @pytest.mark.parametrize(
        "stored",
        [{}, {b"until": b"soon"}, {b"until": b"nan"}, {b"until": b"9e99"}, {b"until": b"1", b"deaf_until": b"\xff"}],
    )
    def test_what_cannot_be_read_is_none(self, stored: dict[bytes, bytes]) -> None:
        assert read_hearing(stored) is None


class TestPolling:
    async def test_an_answer_tells_what_there_was_when_it_was_asked_for(self, redis: Redis) -> None:
        bot, script = Bot(), Script(said((5, "five")), said((6, "six")))
        asked: list[datetime] = []
        script.on_call = lambda: asked.append(datetime.now(UTC))
        async with script.served() as url, bot.listening(url, redis):
            await until(lambda: len(asked) == 3)
            await until(lambda: redis.hexists(KEY, "until"))
            assert heard_until(redis) <= asked[1]

    async def test_quiet_chats_are_heard_again_and_again(self, scene: Scene) -> None:
        await scene.person("Carla")
        async with scene.listening():
            await until(lambda: redis_has(scene))
            first = heard_until(scene.redis)
            await until(lambda: heard_until(scene.redis) > first, within=6 * POLL)

    async def test_no_answer_is_no_hearing(self, redis: Redis) -> None:
        script = Script(*[{"ok": False, "error_code": 502, "description": "Bad Gateway"}] * 3)
        async with script.served() as url, Bot().listening(url, redis):
            await until(lambda: len(script.offsets) == 4)
        assert heard(redis) is None

    async def test_a_full_answer_leaves_open_what_comes_behind_it(self, redis: Redis) -> None:
        bot, script = Bot(), Script(said(*((number, str(number)) for number in range(1, MOST + 1))))
        async with script.served() as url, bot.listening(url, redis):
            await until(lambda: len(script.offsets) == 2)
        assert heard(redis) is None

    async def test_what_the_store_has_not_taken_is_not_heard(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)
        bot, script = Bot(), Script(said((5, "five")), said((5, "five")))
        redis.config_set("min-replicas-to-write", "1")
        try:
            async with script.served() as url, bot.listening(url, redis):
                await until(lambda: len(script.offsets) == 3)
                assert heard(redis) is None
        finally:
            redis.config_set("min-replicas-to-write", "0")


def redis_has(scene: Scene) -> bool:
    return bool(scene.redis.hexists(KEY, "until"))


class Infos:
    """A Bot API that takes any webhook and answers each getWebhookInfo with the next of its states, at last no more."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states = list(states)
        self.asked = 0
        self._end = asyncio.Event()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/setWebhook", self._set)
        app.router.add_post(f"/bot{TOKEN}/getWebhookInfo", self._tell)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            self._end.set()
            await runner.cleanup()

    async def _set(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "result": True})

    async def _tell(self, _: web.Request) -> web.Response:
        self.asked += 1
        if not self._states:
            await self._end.wait()
            return web.Response()
        return web.json_response(self._states.pop(0))


def state(waiting: int = 0, url: str = "https://here/customer", error: int = 0) -> dict[str, Any]:
    result = {"url": url, "has_custom_certificate": False, "pending_update_count": waiting}
    return {
        "ok": True,
        "result": result | ({"last_error_date": error, "last_error_message": "Wrong response: 503"} if error else {}),
    }


REFUSED = {"ok": False, "error_code": 500, "description": "Internal Server Error"}


class TestWhatWaitsAtTelegram:
    """Given what Telegram says of the webhook again and again, every three seconds."""

    def heard(self, states: list[State], came: float | None = None) -> list[float | None]:
        """By each of them, in seconds before it; an update has come at `came`."""
        hearing, found = WebhookHearing(), list[float | None]()
        for number, one in enumerate(states):
            asked = number * ASK_EVERY
            if came is not None and asked >= came:
                hearing.update_came(came)
            until = hearing.heard_until(one, asked)
            found.append(None if until is None else asked - until)
        return found

    def state(self, waiting: int, error: int = 0) -> State:
        return State(url="https://here", pending_update_count=waiting, last_error_date=error)

    def test_a_busy_bot_has_heard_all_but_what_is_on_its_way(self) -> None:
        assert self.heard([self.state(0), *[self.state(9)] * 200, self.state(0)]) == [0, *[ON_ITS_WAY] * 200, 0]

    def test_the_moment_in_which_nothing_is_on_its_way_is_no_end_of_a_deafness(self) -> None:
        assert DEAF.total_seconds() > ON_ITS_WAY + ASK_EVERY

    def test_what_fails_again_and_again_makes_deaf_while_nothing_comes(self) -> None:
        failing = [self.state(1, error=number // 20) for number in range(20, 400)]
        assert set(self.heard(failing)) == {None}

    def test_what_fails_for_longer_than_a_tap_lives_makes_deaf_no_more_once_others_come(self) -> None:
        failing = [self.state(1, error=number // 20) for number in range(20, 400)]
        found = self.heard(failing, came=600)
        assert found[199] is None
        assert set(found[200:249]) == {TAP_LIFE}
        assert found[251] is None

    def test_an_error_of_long_ago_is_over(self) -> None:
        found = self.heard([self.state(1, error=5)] * 100)
        assert (found[0], found[-1]) == (None, ON_ITS_WAY)


class TestWebhook:
    @pytest.fixture(autouse=True)
    def quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.webhook.ASK_EVERY", 0.01)

    @asynccontextmanager
    async def listening(self, api_url: str, redis: Redis, port: int) -> AsyncIterator[None]:
        intake, stop = Intake(bot="customer", token=TOKEN, redis=redis, face=Bot()), asyncio.Event()
        hook = Webhook("customer", TOKEN, api_url, [], url="https://here/customer", host="127.0.0.1", port=port)
        running = asyncio.create_task(intake.run(hook, stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def test_where_nothing_waits_at_telegram_all_is_heard(self, redis: Redis, free_port: int) -> None:
        at, infos = datetime.now(UTC), Infos(state(waiting=1, error=5), state())
        async with infos.served() as url, self.listening(url, redis, free_port):
            await until(lambda: heard_until(redis) >= at - SECOND)
            assert infos.asked >= 2

    async def test_of_what_is_on_its_way_all_that_is_older_is_heard(self, redis: Redis, free_port: int) -> None:
        at, infos = datetime.now(UTC), Infos(state(waiting=3))
        async with infos.served() as url, self.listening(url, redis, free_port):
            await until(lambda: redis.hexists(KEY, "until"))
        assert (
            at - timedelta(seconds=ON_ITS_WAY + 1) < heard_until(redis) < datetime.now(UTC) - (ON_ITS_WAY - 1) * SECOND
        )

    async def test_what_telegram_cannot_deliver_is_said(self, redis: Redis, free_port: int) -> None:
        infos = Infos(state(waiting=4, error=5))
        async with infos.served() as url, self.listening(url, redis, free_port):
            said = b"Telegram can't deliver what waits there (4 in all; Wrong response, 503): look at the reverse proxy"
            await until(lambda: said in (redis.get(keys.listening("customer")) or b""))

    @pytest.mark.parametrize(
        "answer", [state(waiting=1, error=5), state(url=""), state(url="https://else/where"), REFUSED, {}]
    )
    async def test_what_waits_or_goes_elsewhere_or_cannot_be_asked_is_not_heard(
        self, redis: Redis, free_port: int, answer: dict[str, Any]
    ) -> None:
        infos = Infos(answer, answer, answer)
        async with infos.served() as url, self.listening(url, redis, free_port):
            await until(lambda: infos.asked == 4)
        assert heard(redis) is None

    async def test_who_has_lost_the_webhook_says_so(self, redis: Redis, free_port: int) -> None:
        infos = Infos(state(url="https://else/where"))
        async with infos.served() as url, self.listening(url, redis, free_port):
            await until(lambda: b"set to another address" in (redis.get(keys.listening("customer")) or b""))

    async def test_the_local_telegram_tells_it_as_well(self, scene: Scene, free_port: int) -> None:
        carla, address = await scene.person("Carla"), f"http://127.0.0.1:{free_port}"
        intake, stop = Intake(bot="customer", token=TOKEN, redis=scene.redis, face=scene.bot), asyncio.Event()
        arguments: dict[str, Any] = {"url": f"{address}/customer", "host": "127.0.0.1", "port": free_port}
        running = asyncio.create_task(
            intake.run(Webhook("customer", TOKEN, scene.sandbox.url, ["message"], **arguments), stop)
        )
        await until(lambda: redis_has(scene))
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])
        at = datetime.now(UTC)
        await until(lambda: heard_until(scene.redis) > at)
        stop.set()
        await running
