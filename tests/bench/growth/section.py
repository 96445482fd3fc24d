"""The growth's section: the same work on stores of several sizes, side by side and in turns."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from flows import callbacks as cb
from flows import keys, ordering
from flows.commands import AcceptOrder
from flows.events import Person
from flows.ledger import Ledger
from flows.menu import Service
from flows.ordering import Moment
from flows.session import Session
from flows.turns import Shop, Turn
from tests.bench.growth import filling
from tests.bench.report import Row, Section
from tests.bench.rounds import figure, interleaved, percentile, ratio
from tests.bench.size import Size
from tests.bench.stores import Served, store
from tests.customers import trattoria
from tests.orders import ANNA, CARLA, place
from workers.clock import Clock

OPEN = 200  # orders that are not over, with their deadlines, in each store
TIMES = 100  # of each work in one round
TURNS = 5  # rounds at least, for they are short
FLAT, BYTES = 1.2, 2048  # the aims: times the smallest store, and bytes of a finished order
NO_REWRITE = ("--auto-aof-rewrite-percentage", "0")
WORKS = ("append", "tap", "look at the deadlines")


@dataclass
class Grown:
    """A store of one size, and what was measured on it."""

    orders: int
    folder: Path
    served: Served
    bytes_per_order: float
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = itertools.count(10**11)
        self._ledger = Ledger(self.served.redis)
        self._clock = Clock(self._ledger, self.served.redis)
        for _ in range(OPEN):
            self._place()

    def work(self) -> None:
        """One round of everything."""
        self._clock.tick()  # after a while without a look, one takes longer (see `workers.clock`)
        placed = [self._place() for _ in range(TIMES)]
        accept = AcceptOrder(ANNA, 20)
        self._time("append", [lambda one=one: self._ledger.execute(one, accept, "people-accept") for one in placed])  # type: ignore[misc]
        self._time("tap", [lambda number=number: self._tap(number) for number in range(TIMES)])  # type: ignore[misc]
        self._time("look at the deadlines", [self._clock.tick] * TIMES)

    def _time(self, name: str, works: list[Callable[[], object]]) -> None:
        lasted = []
        for work in works:
            began = time.perf_counter()
            work()
            lasted.append(time.perf_counter() - began)
        self.seconds.setdefault(name, []).append(percentile(lasted, 0.5))

    def _place(self) -> str:
        order_id = filling.order_id(next(self._ids))
        self._ledger.execute(order_id, place(order_id, seconds=3600 * 24), "people-place")
        return order_id

    def _tap(self, number: int) -> None:
        """Between a menu and one's orders, and what is shown then."""
        tap = cb.ShowMenu("nonna") if number % 2 else cb.ShowOrders(0)
        moment = Moment(self._ledger.clock(), CARLA, lambda: "", lambda: "", lambda slug, day: 0)

        def step(session: Session, shop: Shop) -> Turn:
            return ordering.apply(session, tap, shop, moment)

        turn = self._ledger.advance(self._customer.id, f"update-{next(self._ids)}", step)
        assert turn.shop is not None
        ordering.render(turn.session, turn.shop, self._customer.id, moment.now)

    @property
    def _customer(self) -> Person:
        return Person(id=filling.CUSTOMER, name="Carla")


def measure(size: Size, folder: Path, say: Callable[[str], None]) -> Section:
    """Fill a store of each size, work on all of them in turns, and start them again. Raises `BrokenRun`."""
    with ExitStack() as stack:
        grown = [_grow(stack, folder / f"growth-{orders}", orders, say) for orders in size.orders]
        for number, one in interleaved(grown, max(size.rounds, TURNS)):
            one.work()
            say(f"growth, round {number + 1}: {one.orders:,} orders")
    starts = {one.orders: _start(one.folder) for one in grown}
    return section(grown, starts)


def _grow(stack: ExitStack, folder: Path, orders: int, say: Callable[[str], None]) -> Grown:
    served = stack.enter_context(store(folder, *NO_REWRITE))
    ledger = Ledger(served.redis)
    ledger.save_restaurant(trattoria())
    ledger.set_service("nonna", lambda _: Service(staff_chat=ANNA.id))
    commands = filling.pattern(served.redis)
    before = _used(served)
    filling.fill(served, commands, orders)
    filling.check(served.redis, orders)
    per_order = (_used(served) - before) / orders
    say(f"growth: {orders:,} finished orders, {per_order:,.0f} bytes each")
    return Grown(orders, folder, served, per_order)


def _used(served: Served) -> int:
    memory: dict[str, int] = served.redis.info("memory")
    return memory["used_memory"]


def _start(folder: Path) -> float:
    """Seconds until a store has read everything again and answers."""
    began = time.perf_counter()
    with store(folder, *NO_REWRITE) as served:
        lasted = time.perf_counter() - began
        assert served.redis.exists(keys.ORDERS)
    return lasted


def section(grown: list[Grown], starts: dict[int, float]) -> Section:
    """One row for each size, and how the aims stand."""
    rows = []
    for one in grown:
        cells = {f"{name} ms": figure([1000 * second for second in one.seconds[name]]) for name in WORKS}
        cells |= {"bytes/order": figure([one.bytes_per_order]), "start s": figure([starts[one.orders]])}
        rows.append(Row(f"{one.orders:,} orders", dict(cells)))
    least, most = grown[0], grown[-1]
    aims = [
        f"{name}: {ratio(most.seconds[name], least.seconds[name])} × with {most.orders:,} instead of "
        f"{least.orders:,} orders (aim {FLAT})"
        for name in WORKS
    ]
    aims.append(f"{most.bytes_per_order:,.0f} bytes a finished order (aim under {BYTES:,})")
    return Section("growth", "Growth: what one step costs with many orders in the store", rows, aims)
