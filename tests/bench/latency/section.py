"""The latency's section: Comanda's programs and the same hops by hand, idle and at half of the top load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.latency.by_hand import STAFF
from tests.bench.latency.taps import Taps
from tests.bench.report import Row, Section
from tests.bench.rounds import figure, percentile
from tests.bench.size import Size
from tests.bench.stage import CUSTOMER, RESTAURANT, Stage, following, stage
from tests.customers import trattoria

CUSTOMERS = 64
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
TIMES = {"p50": 2.0, "p99": 3.0}  # the aims, of the same hops by hand, idle
OURS, BY_HAND = "comanda", "by hand"


async def measure(size: Size, folder: Path, say: Callable[[str], None]) -> Section:
    """Both, in turns of a round each. Raises `BrokenRun`."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    each = max(5, size.taps // size.rounds)
    for number in range(size.rounds):
        rate = 0.0
        for who in (OURS, BY_HAND):
            async with _customers(folder / f"latency-{who.replace(' ', '-')}-{number}", who) as taps:
                await taps.one_by_one(5)  # whatever is only done once
                found.setdefault((who, "idle"), []).append(await taps.one_by_one(each))
                if who == OURS:
                    rate = await taps.top_load(each) / 2
                found.setdefault((who, "half load"), []).append(await taps.at_rate(rate, each))
            say(f"latency, round {number + 1}: {who}, {rate:.1f} orders/s at half load")
    return section(found)


@asynccontextmanager
async def _customers(folder: Path, who: str) -> AsyncIterator[Taps]:
    async with stage(folder) as stand:
        anna = await stand.person("Anna", RESTAURANT)
        customers = [await stand.person(f"Carla {number}", CUSTOMER) for number in range(CUSTOMERS)]
        messages = [
            (await stand.telegram.call(CUSTOMER, "sendMessage", chat_id=one.id, text="Your cart"))["message_id"]
            for one in customers
        ]
        await stand.forget_updates()
        stand.ledger.save_restaurant(trattoria())
        stand.ledger.join(stand.ledger.create_invite("nonna", 60), anna.id)
        await _start(stand, who, anna.id)
        taps = Taps(stand, customers, messages)
        async with following(stand.telegram, taps.hear):
            yield taps


async def _start(stand: Stage, who: str, staff_chat: int) -> None:
    if who == OURS:
        await stand.bots(opened=True)
        await stand.workers(1, opened=True)
    else:
        stand.redis.set(STAFF, staff_chat)
        stand.start("tests.bench.latency.by_hand", "poller")
        stand.start("tests.bench.latency.by_hand", "worker")


def section(found: dict[tuple[str, str], list[list[float]]]) -> Section:
    """Milliseconds by who and when, and how the aims stand."""
    rows = []
    for (who, when), rounds in found.items():
        cells = {
            f"{name} ms": figure([1000 * percentile(one, share) for one in rounds]) for name, share in SHARES.items()
        }
        rows.append(Row(f"{who}, {when}", dict(cells), {"seconds": rounds}))
    aims = []
    for name, most in TIMES.items():
        ours, limit = ([percentile(one, SHARES[name]) for one in found[who, "idle"]] for who in (OURS, BY_HAND))
        times = figure([mine / hand for mine, hand in zip(ours, limit, strict=True)])
        aims.append(f"idle {name}: {times} × the same hops by hand (aim within {most:g})")
    return Section("latency", "Latency: from the tap's update to the ticket's request", rows, aims)
