"""What the demo's page shows of the work behind the bots, and lets people do to it.

The sandbox knows nothing of orders: this tells it, as one more listener of the stream of events, and carries out what
people ask for on its page (see the control API, `bot/sandbox/backstage.py`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from flows import keys
from flows.ledger import Ledger
from flows.reactions import QUEUE
from flows.store import connect, text, texts
from workers.cli.seats import Guests
from workers.errors import StoreError
from workers.store import Store
from workers.supervisor import Supervisor

log = logging.getLogger(__name__)

Json = dict[str, Any]

LOOK_BACK = 100  # events told at the start, so that a demo that starts again is not without a past
BOTS = ("customer-bot", "restaurant-bot")
GAUGES_EVERY = 0.5  # seconds
FIRST_RETRY, SLOWEST_RETRY = 0.2, 5.0  # seconds


class Backstage:
    """Between the sandbox at `url`, the store with its `ledger`, and the programs."""

    def __init__(self, url: str, store: Store, supervisor: Supervisor, ledger: Ledger) -> None:
        self._store = store
        self._supervisor = supervisor
        self._ledger = ledger
        self._guests = Guests(url)
        self._redis = connect(store.url)
        self._control = httpx.AsyncClient(base_url=f"{url}/control", trust_env=False, timeout=10)
        self._threads: dict[str, str] = {}
        self._off: set[str] = set()
        self._awaited: dict[str, Callable[[], bool]] = {}  # what to tell as soon as that is true
        self._after = ""  # the last event told
        self._gauges: dict[str, int] = {}

    async def run(self) -> None:
        """Tell and listen until cancelled. Nothing that fails here ends the demo."""
        async with self._control, asyncio.TaskGroup() as loops:
            loops.create_task(_for_ever(self._tell_events))
            loops.create_task(_for_ever(self._tell_gauges))
            loops.create_task(_for_ever(self._tell_returns))
            loops.create_task(_for_ever(self._listen))

    # Telling

    async def _tell_events(self) -> None:
        if not self._after:
            newest: Any = await asyncio.to_thread(self._redis.xrevrange, keys.EVENTS, count=LOOK_BACK)
            await self._tell(reversed(newest))
            self._after = self._after or "0"
        answer: Any = await asyncio.to_thread(self._redis.xread, {keys.EVENTS: self._after}, count=500, block=1000)
        for _, entries in answer or []:
            await self._tell(entries)

    async def _tell(self, entries: Any) -> None:
        for entry, fields in entries:
            try:
                note = await asyncio.to_thread(self._as_note, fields)
            except (ValueError, LookupError, TypeError):
                log.exception("event %s can't be shown on the page", text(entry))
            else:
                await self._post("note", note)
            self._after = text(entry)

    def _as_note(self, fields: dict[bytes, bytes]) -> Json:
        """An entry of the stream. Raises `ValueError`, `LookupError` or `TypeError` for what is no event."""
        order_id, version = text(fields[b"order"]), int(fields[b"version"])
        stored: Any = self._redis.lindex(keys.order(order_id), version - 1)
        event = json.loads(stored)
        return {
            "thread": self._thread(order_id),
            "title": event["kind"],
            "at": datetime.fromisoformat(event["at"]).timestamp(),
            "details": {"order": order_id, "version": version, **event},
        }

    def _thread(self, order_id: str) -> str:
        """What people call the order, with the day when that is not today."""
        if order_id not in self._threads:
            first: Any = self._redis.lindex(keys.order(order_id), 0)
            placed = json.loads(first)
            day = datetime.fromisoformat(placed["at"]).astimezone()
            name = f"Order #{placed['number']} · {placed['restaurant']['name']}"
            today = day.date() == datetime.now(day.tzinfo).date()
            self._threads[order_id] = name if today else f"{name} · {day:%d %b}"
        return self._threads[order_id]

    async def _tell_gauges(self) -> None:
        gauges = await asyncio.to_thread(_gauges, self._redis)
        if gauges != self._gauges:
            await self._post("gauges", {"values": gauges})
            self._gauges = gauges
        await asyncio.sleep(GAUGES_EVERY)

    async def _tell_returns(self) -> None:
        for title, is_back in list(self._awaited.items()):
            if await asyncio.to_thread(is_back) and self._awaited.get(title) is is_back:
                del self._awaited[title]
                await self._remark(title)
        await asyncio.sleep(GAUGES_EVERY)

    def _await_worker(self) -> None:
        former = set(texts(self._redis.smembers(keys.WORKERS)))
        self._awaited["worker is back"] = lambda: bool(_alive(self._redis) - former)

    def _await_bot(self, program: str) -> None:
        since, bot = time.time(), program.removesuffix("-bot")
        self._awaited[f"{program} listens again"] = lambda: _last_heard(self._redis, bot) > since

    def _await_store(self) -> None:
        former = _run_of(self._redis)
        self._awaited["store is back"] = lambda: _run_of(self._redis) != former

    # Listening

    async def _listen(self) -> None:
        async with self._control.stream("GET", "/stream", timeout=30) as stream:
            self._gauges = {}  # the sandbox may be another one than before
            await self._offer()
            async for line in stream.aiter_lines():
                if line.startswith("data: ") and (change := json.loads(line[6:]))["kind"] == "ask":
                    await self._carry_out(change["name"])

    async def _offer(self) -> None:
        about_bots = "Killed with -9. Taps wait in Telegram."
        about_another = "A copy of Trattoria da Nonna; Anna and Ben work there too."
        actions = [
            _action("kill_worker", "Kill a worker", "With -9, in the middle of whatever it does. It starts again."),
            _action("kill_store", "Kill the store", "With -9. What it acknowledged is on the disk."),
            _action("restart", "Restart everything", "Bots, worker and store stop and start. Telegram stays."),
            _action("open_restaurant", "Open another restaurant", about_another),
            _action("customer_bot", "Customers' bot is down", about_bots, on="customer-bot" in self._off),
            _action("restaurant_bot", "Restaurants' bot is down", about_bots, on="restaurant-bot" in self._off),
        ]
        await self._post("offer", {"actions": actions})

    async def _carry_out(self, name: str) -> None:
        try:
            done = await self._do(name)
        except (RedisError, StoreError) as error:  # in the middle of an outage, say
            done = f"{name} did not work: {type(error).__name__}"
        await self._offer()  # before the note: who reads that it is done finds it so
        await self._remark(done)

    async def _remark(self, title: str) -> None:
        """Tell what belongs to no order."""
        await self._post("note", {"thread": "", "title": title, "at": time.time()})

    async def _do(self, name: str) -> str:
        """Do what was asked. Returns what to tell about it."""
        match name:
            case "kill_worker":
                await asyncio.to_thread(self._await_worker)
                self._supervisor.crash("worker")
                return "worker killed"
            case "kill_store":
                await asyncio.to_thread(self._await_store)
                await asyncio.to_thread(self._end_store, signal.SIGKILL)
                return "store killed"
            case "restart":
                await self._restart()
                return "everything restarted"
            case "open_restaurant":
                return f"{(await self._guests.open_another(self._ledger)).name} opened"
            case "customer_bot" | "restaurant_bot":
                return self._switch(name.replace("_", "-"))
            case _:
                return f"there is no {name}"

    def _switch(self, program: str) -> str:
        if program in self._off:
            self._off.discard(program)
            self._await_bot(program)
            self._supervisor.switch_on(program)
            return f"{program} switched on"
        self._off.add(program)
        self._awaited.pop(f"{program} listens again", None)
        self._supervisor.switch_off(program)
        return f"{program} switched off"

    async def _restart(self) -> None:
        async with self._supervisor.all_off([*BOTS, "worker"]):
            await asyncio.to_thread(self._await_worker)
            for bot in BOTS:
                self._await_bot(bot)
            await asyncio.to_thread(self._end_store, signal.SIGTERM)
            await asyncio.to_thread(self._store.look_after)
        self._off.clear()

    def _end_store(self, how: signal.Signals) -> None:
        server: Any = self._redis.info("server")
        pid = int(server["process_id"])
        os.kill(pid, how)

    async def _post(self, verb: str, body: Json) -> None:
        (await self._control.post(f"/{verb}", json=body)).raise_for_status()


def _gauges(redis: Redis) -> dict[str, int]:
    workers = texts(redis.smembers(keys.WORKERS))
    with redis.pipeline(transaction=True) as pipe:  # all of one moment
        pipe.zrange(keys.DUE, 0, -1)
        pipe.llen(Queue(QUEUE, connection=redis).key)
        for worker in workers:
            pipe.llen(keys.processing(worker))
        members, queued, *each = pipe.execute()
    in_flight = sum(each)
    due = sum(member.partition(":")[0] == "notify" for member in texts(members))
    # A delivery is due until it is recorded; what is neither queued nor in flight waits, as Telegram has asked for.
    return {"queued": queued, "in flight": in_flight, "waiting": max(0, due - queued - in_flight)}


def _alive(redis: Redis) -> set[str]:
    return {worker for worker in texts(redis.smembers(keys.WORKERS)) if redis.exists(keys.lease(worker))}


def _last_heard(redis: Redis, bot: str) -> float:
    """When that bot last asked for updates, in seconds since 1970; 0 when nobody knows."""
    word: Any = redis.get(keys.listening(bot))
    return float(json.loads(word)["at"]) if word else 0.0


def _run_of(redis: Redis) -> str:
    """Another one after each start of the store."""
    server: Any = redis.info("server")
    return str(server["run_id"])


def _action(name: str, label: str, about: str, on: bool | None = None) -> Json:
    return {"name": name, "label": label, "about": about, "toggle": on is not None, "on": bool(on)}


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; while the sandbox or the store is away, with growing pauses."""
    wait = FIRST_RETRY
    while True:
        try:
            await work()
            wait = FIRST_RETRY
        except (httpx.HTTPError, RedisError) as error:
            log.debug("the page waits for what is away: %s", type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, SLOWEST_RETRY)
