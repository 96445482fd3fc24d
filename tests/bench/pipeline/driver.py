"""`python -m tests.bench.pipeline.driver`: plays the people, and sees to it that every order comes to its end.

A closed loop: so many orders are open at a time; whenever one is picked up, the next is placed. What is measured is
the stretch between a warm-up and the last orders, in which the pipeline is always full; by events, for orders that were
placed together end together, and a few such waves would make a coarse measure. Prints a JSON object, or one line on
stderr with exit code 1 when an order did not reach its last event.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline

from flows import keys
from flows.commands import AcceptOrder, AnyCommand, MarkPickedUp
from flows.events import About, OrderFulfilled, Person, RestaurantNotified, Side, UserNotified
from flows.ledger import Ledger
from flows.ledger.orders import RECHECK
from flows.ledger.transaction import Transaction
from flows.menu import Service
from flows.order import Status
from flows.store import connect
from tests.bench.pipeline.place import here
from tests.bench.processes import cpu_seconds
from tests.orders import ANNA, NONNA, place

RESTAURANTS, CUSTOMERS = 10, 1000
LOOK = 20  # milliseconds that the driver waits for an event
STUCK = 60.0  # seconds without any event after which the run counts as failed
LEAST = 25  # events in what is measured, however long they take: a busy machine is no fault
WARM_UP = 1.0  # seconds after the first order has been picked up
FIVE = ("order_placed", "restaurant_notified", "order_accepted", "user_notified", "order_fulfilled")

PEOPLE = 32  # who act at the same time: a bot handles more

Publish = Callable[[str, Side], Awaitable[None] | None]
"""Enqueues a job `notify`. One that is no coroutine is called in a thread."""


class Failed(Exception):
    """An order did not come to its end; the message says which and where it stands."""


class Elsewhere(Ledger):
    """One use of the ledger of a pipeline on another queue: the `outstanding` jobs are enqueued after the commit."""

    outstanding: list[tuple[str, Side]]

    def _transact(self, work: Callable[[Transaction], Any]) -> Any:
        def anew(attempt: Transaction) -> Any:
            self.outstanding = []
            return work(attempt)

        return super()._transact(anew)

    def _stage_notify(self, pipe: Pipeline, order_id: str, version: int, side: Side, **_: object) -> None:
        self.outstanding.append((order_id, side))
        pipe.zadd(keys.DUE, {keys.notify(order_id, side): (self.clock() + RECHECK).timestamp()})


@dataclass(frozen=True)
class Mark:
    """A moment of the run: its time, the events by then, and the CPU seconds used by then."""

    at: float
    events: int
    cpu: dict[str, float]


class Driver:
    """One run. `watched` are the processes whose CPU time is noted, by name."""

    def __init__(self, publish: Publish | None, watched: dict[str, list[int]]) -> None:
        """Without `publish` the ledger enqueues as Comanda's does."""
        self._redis = connect(here().redis_url)
        self._ledger = Ledger(self._redis)
        self._publish = publish
        self._watched = watched
        self._threads = ThreadPoolExecutor(PEOPLE)
        self._free = asyncio.Semaphore(PEOPLE)
        self._acting: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None
        self._placed: list[str] = []
        self._fulfilled = self._events = 0
        self._after = "0"
        self._ids = itertools.count()

    async def run(self, seconds: float, open_orders: int) -> dict[str, Any]:
        """Raises `Failed`."""
        for number in range(RESTAURANTS):
            self._ledger.set_service(f"r{number}", lambda _, chat=501 + number: Service(staff_chat=chat))  # type: ignore[misc]
        await self._until(open_orders, lambda: self._fulfilled > 0)
        warm = time.monotonic() + WARM_UP
        await self._until(open_orders, lambda: time.monotonic() >= warm)
        begin = self._mark()
        enough = begin.events + LEAST
        await self._until(open_orders, lambda: time.monotonic() >= begin.at + seconds and self._events >= enough)
        end = self._mark()
        await self._until(0, lambda: self._fulfilled == len(self._placed))
        await asyncio.gather(*self._acting)
        await self._settled()
        self._check()
        lasted, orders = end.at - begin.at, (end.events - begin.events) / len(FIVE)
        cpu = {name: 1000 * (end.cpu[name] - begin.cpu[name]) / orders for name in end.cpu}
        return {"orders": orders, "seconds": lasted, "per_second": orders / lasted, "cpu_ms_per_order": cpu}

    def _mark(self) -> Mark:
        cpu = {name: sum(map(cpu_seconds, pids)) for name, pids in self._watched.items()}
        return Mark(time.monotonic(), self._events, cpu | {"driver": time.process_time()})

    async def _until(self, open_orders: int, over: Callable[[], bool]) -> None:
        """Do what people do, with so many orders open, until it is over."""
        heard = time.monotonic()
        while not over():
            while len(self._placed) - self._fulfilled < open_orders:
                self._place()
            found = await asyncio.to_thread(self._ledger.read_events, self._after, LOOK)
            for entry, order_id, _, event in found:
                self._after = entry
                self._events += 1
                self._react(order_id, event)
            if self._broken is not None:
                raise Failed(f"something could not be done: {self._broken!r}") from self._broken
            heard = time.monotonic() if found else heard
            if time.monotonic() > heard + STUCK:
                raise Failed(f"{len(self._placed) - self._fulfilled} orders are stuck: {self._standing()}")

    def _place(self) -> None:
        number = next(self._ids)
        card = NONNA.model_copy(update={"slug": f"r{number % RESTAURANTS}"})
        order_id = f"{number:012}"
        customer = Person(id=10_000 + number % CUSTOMERS, name="Carla")
        command = place(order_id, customer=customer, restaurant=card)
        self._placed.append(order_id)
        self._begin(order_id, command)

    def _react(self, order_id: str, event: object) -> None:
        match event:
            case RestaurantNotified(about=About.PLACED):
                self._begin(order_id, AcceptOrder(ANNA, 20))
            case UserNotified(about=About.ACCEPTED):
                self._begin(order_id, MarkPickedUp(ANNA))
            case OrderFulfilled():
                self._fulfilled += 1

    def _begin(self, order_id: str, command: AnyCommand) -> None:
        task = asyncio.create_task(self._do(order_id, command))
        self._acting.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._acting.discard(task)
        self._broken = self._broken or task.exception()

    async def _do(self, order_id: str, command: AnyCommand) -> None:
        loop = asyncio.get_running_loop()
        async with self._free:
            for one, side in await loop.run_in_executor(self._threads, self._commit, order_id, command):
                assert self._publish is not None
                publishing = self._publish(one, side)
                assert publishing is not None
                await publishing

    def _commit(self, order_id: str, command: AnyCommand) -> list[tuple[str, Side]]:
        """Carry it out, and publish what follows unless that has to be awaited. Returns what is to be published."""
        cause = f"people-{type(command).__name__}"
        if self._publish is None:
            self._ledger.execute(order_id, command, cause)
            return []
        ledger = Elsewhere(self._redis)
        ledger.execute(order_id, command, cause)
        if inspect.iscoroutinefunction(self._publish):
            return ledger.outstanding
        for one, side in ledger.outstanding:
            self._publish(one, side)
        return []

    async def _settled(self) -> None:
        """Wait until both sides of every order have been shown its end."""
        deadline = time.monotonic() + STUCK
        while left := self._redis.zcard(keys.DUE):
            if time.monotonic() > deadline:
                raise Failed(f"{left} messages about orders were never settled")
            await asyncio.sleep(LOOK / 1000)

    def _check(self) -> None:
        for order_id in self._placed:
            history = self._ledger.history(order_id)
            kinds = [event.kind for event in history]
            order = self._ledger.order(order_id)
            assert order is not None
            if tuple(kinds) != FIVE or order.status is not Status.FULFILLED or order.owed:
                raise Failed(f"order {order_id} has the events {kinds}")
            for side in Side:
                shown = self._ledger.shown(order_id, side)
                if shown is None or shown.version < order.changed:
                    raise Failed(f"order {order_id} was not shown to the {side} as it is in the end")

    def _standing(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for order_id in self._placed:
            last = self._ledger.history(order_id)[-1].kind
            found[last] = found.get(last, 0) + 1
        return found


async def drive(options: argparse.Namespace) -> dict[str, Any]:
    """One run. Raises `Failed`."""
    watched = {
        name: [int(pid) for pid in pids.split(",")] for name, _, pids in (w.partition("=") for w in options.watch)
    }
    publish = None if options.publisher is None else await importlib.import_module(options.publisher).publisher()
    driver = Driver(publish, watched)
    return await driver.run(options.seconds, options.open_orders)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests.bench.pipeline.driver", description=__doc__)
    parser.add_argument("--publisher", help="the module with `publisher()`; without one the ledger enqueues by RQ")
    parser.add_argument("--seconds", type=float, required=True, help="how long to measure")
    parser.add_argument("--open-orders", type=int, required=True, help="how many are open at a time")
    parser.add_argument("--watch", action="append", default=[], metavar="NAME=PID,PID", help="whose CPU time to note")
    try:
        print(json.dumps(asyncio.run(drive(parser.parse_args()))))
    except Failed as failure:
        raise SystemExit(str(failure)) from None


if __name__ == "__main__":
    main()
