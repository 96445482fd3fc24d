"""`python -m tests.bench.pipeline.limit`: what is possible at all, for the same writes and the same messages.

A bare consumer of a Redis stream: it reads in batches, sends many messages at a time, and writes whatever is ready in
one pipeline. It has none of what a pipeline needs beside that: no books of jobs, no locks, no gate, no healing, no
retries; each process has a stream of its own, so that nobody is in anybody's way.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import aiohttp
from redis import Redis

from flows import events, keys
from flows.commands import RecordNotified
from flows.events import About, Side
from flows.ledger import Ledger, Shown
from flows.ledger.orders import utc_now
from flows.ledger.shown import EDIT_LIFE
from flows.menu import Service
from flows.messages import customer, staff
from flows.order import Order, decide, evolve, fold
from flows.screens import Screen
from flows.store import connect, text
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import IN_FLIGHT, here
from tests.bench.pipeline.work import path_of, request_of

GROUP, BATCH = "limit", 100
Commands = list[tuple[Any, ...]]


def _stream(shard: int) -> str:
    return f"limit:{shard}"


async def publisher() -> Publish:
    redis, shards = connect(here().redis_url), int(os.environ["BENCH_PROCESSES"])

    def publish(order_id: str, side: Side) -> None:
        redis.xadd(_stream(int(order_id) % shards), {"order": order_id, "side": str(side)})

    return publish


class Together:
    """Commands of many jobs in one pipeline, one pipeline after the other, in a thread."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[tuple[Commands, asyncio.Future[list[Any]]]] = []
        self._some = asyncio.Event()

    async def run(self, commands: Commands) -> list[Any]:
        """The replies."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, future))
        self._some.set()
        return list(await future)

    async def serve(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting = self._waiting, []
            replies = await asyncio.to_thread(self._execute, [one for commands, _ in batch for one in commands])
            for commands, future in batch:
                future.set_result(replies[: len(commands)])
                del replies[: len(commands)]

    def _execute(self, commands: Commands) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        return list(pipe.execute())


class Limit:
    """One process."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        redis = connect(here().redis_url)
        self._stage = Ledger(redis).stage
        self._redis = redis
        self._http = http
        self._together = Together(redis)
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self._last: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._stream = _stream(int(os.environ["BENCH_INDEX"]))

    async def run(self) -> None:
        self._redis.xgroup_create(self._stream, GROUP, "0", mkstream=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._together.serve())
            while True:
                answer: Any = await asyncio.to_thread(
                    self._redis.xreadgroup, GROUP, "one", {self._stream: ">"}, BATCH, 1000
                )
                for _, entries in answer or []:
                    for entry, fields in entries:
                        await self._free.acquire()
                        which = text(fields[b"order"]), text(fields[b"side"])
                        former = self._last.get(which)
                        self._last[which] = tasks.create_task(self._work(entry, which, former))

    async def _work(self, entry: bytes, which: tuple[str, str], former: asyncio.Task[None] | None) -> None:
        if former is not None:
            await former
        done: Commands = [("XACK", self._stream, GROUP, entry), ("XDEL", self._stream, entry)]
        await self._notify(which[0], Side(which[1]), done)
        self._free.release()

    async def _notify(self, order_id: str, side: Side, done: Commands) -> None:
        while True:
            raw, shown, services = await self._together.run(
                [
                    ("LRANGE", keys.order(order_id), 0, -1),
                    ("HGET", keys.delivery(order_id), str(side)),
                    ("HGETALL", keys.SERVICES),
                ]
            )
            order = fold(map(events.load, raw))
            assert order is not None
            chat = _chat(order, side, services)
            writes, version = await self._tell(order, side, chat, shown)
            replies = await self._together.run([*done, *writes, ("LLEN", keys.order(order_id))])
            if replies[-1] == version:
                return

    async def _tell(self, order: Order, side: Side, chat: int, raw: bytes | None) -> tuple[Commands, int]:
        """Send what is owed. Returns what is to be written of it, and the order's version then."""
        shown = None if raw is None else Shown.model_validate_json(raw)
        screen = customer.status_screen(order) if side is Side.CUSTOMER else staff.ticket_screen(order)
        message = 0 if shown is None else shown.message_id
        if shown is None:
            message = await self._send(side, "sendMessage", chat, screen, {})
        elif shown.version < order.changed:
            until = utc_now().timestamp() + EDIT_LIFE
            begun = shown.model_copy(update={"edits": {"edit": until}}).model_dump_json()
            await self._together.run(
                [
                    ("HSET", keys.delivery(order.id), str(side), begun),
                    ("ZADD", keys.DUE, until, keys.repaint(order.id, side)),
                ]
            )
            await self._send(side, "editMessageText", chat, screen, {"message_id": message})
        writes = self._redis.pipeline()
        writes.multi()
        after: Order = order
        for owed in order.owed_to(side):
            if owed.about is not About.PLACED:
                ring = customer.ring(order, owed.about) if side is Side.CUSTOMER else staff.ring(order, owed.about)
                await self._send(side, "sendMessage", chat, ring, {"reply_parameters": {"message_id": message}})
            new = decide(after, RecordNotified(side, owed.about), utc_now())
            self._stage(writes, after, new, f"delivery-{side}-{owed.about}-{after.version}")
            for event in new:
                after = evolve(after, event)
        record = Shown(chat_id=chat, message_id=message, version=order.version).model_dump_json(exclude_defaults=True)
        writes.hset(keys.delivery(order.id), str(side), record)
        writes.zrem(keys.DUE, keys.notify(order.id, side), keys.repaint(order.id, side))
        commands = [command for command, _ in writes.command_stack]
        # The stream last: whoever hears of an event there acts on it at once, and must find all else written.
        return sorted(commands, key=lambda command: command[0] == "XADD"), after.version

    async def _send(self, side: Side, method: str, chat: int, screen: Screen, more: dict[str, Any]) -> int:
        async with self._http.post(path_of(side, method), json=request_of(chat, screen) | more) as answer:
            return int((await answer.json())["result"]["message_id"])


def _chat(order: Order, side: Side, services: dict[bytes, bytes]) -> int:
    if side is Side.CUSTOMER:
        return order.placed.customer.id
    chat = Service.model_validate_json(services[order.placed.restaurant.slug.encode()]).staff_chat
    assert chat is not None
    return chat


async def main() -> None:
    """Work until SIGTERM."""
    async with aiohttp.ClientSession(here().api_url, connector=aiohttp.TCPConnector(limit=2 * IN_FLIGHT)) as http:
        work = asyncio.create_task(Limit(http).run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        await asyncio.wait({work})


if __name__ == "__main__":
    asyncio.run(main())
