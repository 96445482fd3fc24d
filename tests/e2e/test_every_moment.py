"""One order's life, with a death before or after every single request to the store, or the loss of its reply.

Everything between two requests is a call to Telegram or plain computing, so these are all the moments there are: a
death before a request is one after the call to Telegram that it would have noted.
"""

from __future__ import annotations

import asyncio
import os
import typing
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import RedisError
from rq import Queue

from bot.customer import CustomerBot
from bot.inbox import First, Inbox
from bot.process import Face
from bot.restaurant import RestaurantBot
from bot.sandbox.server import Sandbox
from flows import keys
from flows.events import Side
from flows.gate import Gate
from flows.ledger import Ledger, having_read, only_while
from flows.order import Status
from flows.reactions import QUEUE
from flows.restaurant_file import load
from flows.store import Together, texts
from tests.bot.scenes import handled
from tests.faults import Killed, faulty
from tests.people import Telegram
from workers.clock import Clock
from workers.delivery import Courier
from workers.telegram import Sender

CUSTOMER_TOKEN, RESTAURANT_TOKEN = "7001:customer-token", "7002:restaurant-token"
TAPS = ["Accept", "20 min", "Ready", "Yes, it is ready", "Picked up", "Yes, picked up"]
MAIN = ["order_placed", "order_accepted", "order_ready", "order_fulfilled"]
ROUNDS = 60  # until what should come to rest counts as going round in circles


class Stage:
    """What outlives every process: the store, Telegram, people, and time."""

    def __init__(self, redis: Redis, sandbox: Sandbox) -> None:
        self.redis = redis
        self.sandbox = sandbox
        self.telegram = Telegram(sandbox.url)
        self.now = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)  # a Saturday's lunch

    async def set(self) -> None:
        """A restaurant with its staff chat, and a customer with a cart on screen."""
        self.redis.flushall()
        ledger = Ledger(self.redis)
        nonna = load((resources.files("flows") / "samples" / "nonna.yaml").read_text("utf-8"), "nonna")
        ledger.save_restaurant(nonna)
        self.carla = await self.telegram.person("Carla", bot=CUSTOMER_TOKEN)
        self.anna = await self.telegram.person("Anna", bot=RESTAURANT_TOKEN)
        await self.carla.send("/start")
        await self.anna.send("/start")
        for bot in self.sandbox.world.bots.values():
            bot.updates.clear()
        ledger.join(ledger.create_invite("nonna", 60), self.anna.id)
        processes = await Processes.started(self, self.redis, "before")
        await self.carla.send("/start nonna")
        await processes.come_to_rest()
        for label in ("Pizza", "Margherita", "Add to cart", "Cart"):
            await self.carla.presses(label)
            await processes.come_to_rest()
        await processes.close()

    def time_passes(self) -> None:
        """Long enough for leases, locks and pauses to end."""
        self.now += timedelta(seconds=31)
        for pattern in ("*lease*", "*lock", "gate:*", "quiet:*"):
            for key in self.redis.scan_iter(match=pattern):
                self.redis.delete(key)


class Processes:
    """Both bots, a worker and its clock, as one run of them; what they do is done step by step."""

    def __init__(self, stage: Stage, redis: Redis, name: str) -> None:
        self._stage = stage
        self._redis = redis
        ledger = Ledger(redis, lambda: stage.now)
        url = stage.sandbox.url
        self._faces: dict[str, Face] = {
            CUSTOMER_TOKEN: CustomerBot(CUSTOMER_TOKEN, url, ledger, Gate(Together(redis), "customer")),
            RESTAURANT_TOKEN: RestaurantBot(RESTAURANT_TOKEN, url, ledger, Gate(Together(redis), "restaurant")),
        }
        self._inboxes = {
            CUSTOMER_TOKEN: Inbox(redis, "customer", name),
            RESTAURANT_TOKEN: Inbox(redis, "restaurant", name),
        }
        self._sender = Sender(url, CUSTOMER_TOKEN, RESTAURANT_TOKEN, Together(redis))
        self._courier = Courier(ledger, Together(redis), self._sender)
        self._clock = Clock(ledger, redis)

    @classmethod
    async def started(cls, stage: Stage, redis: Redis, name: str) -> Processes:
        processes = cls(stage, redis, name)
        for face in processes._faces.values():
            await face.open()
        return processes

    async def close(self) -> None:
        for face in self._faces.values():
            await face.close()
        await self._sender.close()

    async def come_to_rest(self) -> None:
        """Work until there is nothing left to do; a store that is gone for a moment is asked again."""
        for _ in range(ROUNDS):
            try:
                busy = [await self._take_in(token) for token in self._faces] + [await self._deliver()]
            except RedisError:
                continue
            if any(busy):
                continue
            if not self._owed():
                return
            self._stage.time_passes()
            try:
                await asyncio.to_thread(self._clock.tick)
            except RedisError:
                continue
        raise AssertionError(f"it does not come to rest: {self._owed()}")

    def _owed(self) -> list[str]:
        """What somebody still waits for: notifications, and updates in the inboxes."""
        redis = self._stage.redis
        due = [member for member in texts(redis.zrange(keys.DUE, 0, -1)) if member.startswith("notify:")]
        return due + texts(redis.hkeys(keys.inbox("customer"))) + texts(redis.hkeys(keys.inbox("restaurant")))

    async def _take_in(self, token: str) -> bool:
        bot = self._stage.sandbox.world.bot(token)
        assert bot is not None
        batch = [pending.update for pending in bot.updates]
        inbox, face = self._inboxes[token], self._faces[token]
        chats: dict[str, First | None] = {}
        if batch:
            chats = inbox.store(batch, batch[-1]["update_id"] + 1, face.reads).chats
            bot.updates.clear()
        chats = inbox.renew().chats | chats
        for chat, first in chats.items():
            update, read = (inbox.next(chat).update, {}) if first is None else (first.update, first.read)
            while update is not None:
                with only_while(inbox.holds(update)), having_read(read):
                    await handled(face, update)
                update, read = inbox.next(chat, update).update, {}
        return bool(batch or chats)

    async def _deliver(self) -> bool:
        queue = Queue(QUEUE, connection=self._redis).key
        jobs = texts(self._redis.lrange(queue, 0, -1))
        for job in jobs:
            order_id, _, side, *_ = job.split("-")
            await self._courier.notify(order_id, Side(side))
            self._redis.lrem(queue, 0, job)
        return bool(jobs)


Strike = Literal["kill before", "kill after", "cut"]


class Moment:
    """Strikes at one request: a kill ends the process before or after it, a cut loses its reply."""

    def __init__(self, strike: Strike = "cut", at: int | None = None) -> None:
        self._strike, self._at = strike, at
        self.requests = 0
        self.struck = False

    def on(self, redis: Redis) -> Redis:
        """A client of that store for a process on which this strikes."""
        return faulty(redis, before=self._before, after=self._after)

    def _before(self, number: int, _: bytes) -> None:
        self.requests = number + 1
        if self._strike == "kill before" and self._at is not None and number >= self._at:
            self._kill()

    def _after(self, number: int, _: bytes) -> None:
        if self._at is None or number < self._at:
            return
        if self._strike == "kill after":  # the dead ask for nothing more
            self._kill()
        if self._strike == "cut" and number == self._at:
            self.struck = True
            raise StoreGone("the reply was lost")

    def _kill(self) -> None:
        self.struck = True
        raise Killed


async def live(stage: Stage, *moments: Moment) -> None:
    """Play the whole order; each moment is one run of the processes, and the next run goes on where it ended."""
    await stage.set()
    runs = list(moments)
    processes = await Processes.started(stage, runs[0].on(stage.redis), "run-0")
    try:
        for person, label in [(stage.carla, "Place order"), *((stage.anna, tap) for tap in TAPS)]:
            await person.presses(label)
            while not await _at_rest(processes):
                await processes.close()
                stage.time_passes()
                runs.pop(0)
                redis = runs[0].on(stage.redis) if runs else stage.redis
                processes = await Processes.started(stage, redis, f"{len(runs)} runs before the last")
    finally:
        await processes.close()


async def _at_rest(processes: Processes) -> bool:
    """True when they have done all there is to do, False when they have died over it."""
    try:
        await processes.come_to_rest()
    except Killed:
        return False
    return True


async def check(stage: Stage, strikes: int) -> None:
    """The order has ended well, once, and both sides know."""
    ledger = Ledger(stage.redis)
    [order] = ledger.orders()
    assert order.status is Status.FULFILLED
    counts = Counter[str](event.kind for event in ledger.history(order.id))
    assert {kind: counts[kind] for kind in MAIN} == dict.fromkeys(MAIN, 1)
    assert not [owed for side in Side for owed in order.owed_to(side)]
    assert not stage.redis.hlen(keys.inbox("customer"))
    assert not stage.redis.hlen(keys.inbox("restaurant"))
    assert not stage.redis.exists(keys.inbox_dead("customer"), keys.inbox_dead("restaurant"))
    told = [message.get("text") or "" for message in await stage.carla.messages()]
    for news in ("accepted your order", "is ready", "Enjoy your meal"):
        assert 1 <= sum(news in text for text in told) <= 1 + strikes, news
    assert any("Picked up" in text for text in told)
    tickets = [message for message in await stage.anna.messages() if "margherita" in str(message.get("text")).lower()]
    assert 1 <= len(tickets) <= 1 + strikes
    assert any("PICKED UP" in ticket["text"] for ticket in tickets)


NewStage = Callable[[], AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage_of(redis: Redis, impatient: None) -> NewStage:
    @asynccontextmanager
    async def open_one() -> AsyncIterator[Stage]:
        async with Sandbox().serve() as sandbox:
            stage = Stage(redis, sandbox)
            yield stage
            await stage.telegram.close()

    return open_one


@pytest.fixture
async def stage(stage_of: NewStage) -> AsyncIterator[Stage]:
    async with stage_of() as one:
        yield one


STRIDE = int(os.environ.get("MOMENTS_APART", "13"))
"""How many requests lie between the moments that are tried; 1 tries them all, which takes some ten minutes."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("strike", typing.get_args(Strike))
async def test_whatever_moment_it_strikes_the_order_ends_well_and_once(stage: Stage, strike: Strike) -> None:
    undisturbed = Moment()
    await live(stage, undisturbed)
    await check(stage, strikes=0)
    moments = range(0, undisturbed.requests, STRIDE)
    struck = 0
    for number in moments:
        moment = Moment(strike, number)
        await live(stage, moment)
        struck += moment.struck
        try:
            await check(stage, strikes=1)
        except AssertionError as error:
            raise AssertionError(f"{strike} at request {number}: {error}") from error
    assert struck >= len(moments) - 1  # what goes out together differs a little, so the last may never come


@pytest.mark.timeout(600)
@given(kills=st.lists(st.integers(0, 140), min_size=2, max_size=3))
@settings(max_examples=6, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nor_does_it_matter_how_often(
    stage_of: Callable[[], AbstractAsyncContextManager[Stage]], kills: list[int]
) -> None:
    async def run() -> None:
        async with stage_of() as stage:
            await live(stage, *(Moment("kill after", kill) for kill in kills))
            await check(stage, strikes=len(kills))

    asyncio.run(run())
