"""One run: the system and the people are set up, trouble is made as planned, and all is let run until it is quiet."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from redis import Redis

from tests.chaos.actor import Counter as PickUp
from tests.chaos.checker import Report, check
from tests.chaos.customer import Customer
from tests.chaos.evidence import read_record, read_store
from tests.chaos.feed import Feed
from tests.chaos.kitchen import Kitchen, staff_of
from tests.chaos.plan import Trouble, hum, plan
from tests.chaos.proxy import Proxy
from tests.chaos.stage import Stage, resume
from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN
from tests.people import Telegram

QUIET = 3.0  # seconds without anything left to do
SYSTEMD = 0.5  # seconds until a dead supervisor is started again
BOTS = {"customer-bot": CUSTOMER_TOKEN, "restaurant-bot": RESTAURANT_TOKEN}

NOON_AT = """
    Pacific/Tarawa Pacific/Noumea Australia/Brisbane Asia/Tokyo Asia/Singapore Asia/Bangkok Asia/Dhaka Asia/Karachi
    Asia/Dubai Africa/Nairobi Africa/Johannesburg Africa/Lagos Africa/Abidjan Atlantic/Cape_Verde America/Noronha
    America/Sao_Paulo America/Caracas America/Panama America/Costa_Rica America/Phoenix Pacific/Pitcairn
    Pacific/Gambier Pacific/Honolulu Pacific/Pago_Pago
"""
"""Where it is noon, by the hour in UTC. The clocks of these places do not change."""

MENU = """\
name: {name}
slug: {slug}
address: Via {slug} 1, Torino
phone: "+39 011 {number:06}"
currency: EUR
timezone: {zone}
accept_within: 45s
menu:
  - category: Pizza
    items:
      - {{id: margherita, name: Margherita, price: "8.50"}}
      - {{id: diavola, name: Diavola, price: "10.00"}}
"""


@dataclass(frozen=True)
class Options:
    """What is asked of a run."""

    seed: int = 1
    minutes: float = 5.0
    customers: int = 40
    restaurants: int = 12
    sabotage: str = ""
    only: tuple[str, ...] = ()
    hum: float = 0.2  # seconds that Telegram takes for an answer now and then
    settle: float = 300.0  # seconds until what is still open counts as stuck; a downtime gives staff two minutes more
    instead: tuple[Trouble, ...] = ()  # what goes wrong, instead of what the seed says

    @property
    def troubles(self) -> list[Trouble]:
        return list(self.instead) or plan(self.seed, self.minutes * 60, self.only)


class Run:
    """`go` it once. Its log, its data and its record are in `folder`."""

    def __init__(self, options: Options, folder: Path, say: Callable[[str], None]) -> None:
        self._options = options
        self._folder = folder
        self._say_line = say
        self._stage = Stage(folder, options.sabotage)
        self._telegram = Telegram(self._stage.url)
        self._feed = Feed(self._telegram, folder / "record.jsonl")
        self._counter = PickUp()
        self._kitchens: list[Kitchen] = []
        self._done: Counter[str] = Counter()
        self._began = time.monotonic()
        self._wanted = True  # the supervisor is to run

    async def go(self) -> Report:
        """Make the run and check it. Raises whatever kept it from being made."""
        try:
            async with Proxy(self._stage.url).serve() as proxy, _beside(self._feed.run()):
                self._stage.environment["TELEGRAM_API_URL"] = proxy.url
                await self._set_up()
                async with _beside(self._systemd()), asyncio.TaskGroup() as staff:
                    serving = [staff.create_task(kitchen.live()) for kitchen in self._kitchens]
                    await self._play(proxy)
                    await self._settle()
                    for task in serving:
                        task.cancel()
                self._say("the record is read")
                ledger = await asyncio.to_thread(read_store, self._stage.store_url())
        finally:
            self._wanted = False
            await self._telegram.close()
            await asyncio.to_thread(self._stage.close)
        with (self._folder / "record.jsonl").open(encoding="utf-8") as lines:
            return await asyncio.to_thread(check, read_record(lines), ledger)

    # Before

    async def _set_up(self) -> None:
        self._say("the processes are started")
        self._stage.start()
        zone = _where_it_is_noon(datetime.now(UTC).hour)
        for index in range(self._options.restaurants):
            together = index % 4 == 3  # in a group, where two may tap at once
            await self._open_restaurant(f"chaos-{index}", index, zone, together)
        bot = await self._telegram.act("bot", token=CUSTOMER_TOKEN)
        rooms = {kitchen.slug: kitchen.room for kitchen in self._kitchens}
        self._feed.note(what="scene", staff=rooms, customer_bot=bot["id"])
        self._say(f"{len(rooms)} restaurants are open")

    async def _open_restaurant(self, slug: str, index: int, zone: str, together: bool) -> None:
        file = self._folder / f"{slug}.yaml"
        name = f"Trattoria {index:02}"
        file.write_text(MENU.format(name=name, slug=slug, number=index, zone=zone))
        entrance = await asyncio.to_thread(self._stage.comanda, "restaurant", "import", str(file))
        people = await staff_of(self._telegram, name, entrance["staff_start"], together)
        kitchen = Kitchen(self._feed, slug, people, self._options.seed, self._counter)
        chat = self._feed.chat(kitchen.room)
        if not await self._feed.until(lambda: chat.says("is now the staff chat"), 60):
            raise RuntimeError(f"{slug} has not got its staff chat: see {self._folder}/up.log")
        self._kitchens.append(kitchen)

    # Meanwhile

    async def _play(self, proxy: Proxy) -> None:
        """Let customers order, and make trouble, for as long as asked."""
        self._began = time.monotonic()
        closing = asyncio.Event()
        await self._telegram.act("fault", **hum(self._options.hum))
        async with asyncio.TaskGroup() as customers:
            for index in range(self._options.customers):
                customers.create_task(self._customer(index, closing))
            async with _beside(self._report()), asyncio.TaskGroup() as troubles:
                for trouble in self._options.troubles:
                    troubles.create_task(self._at(trouble, proxy))
                await asyncio.sleep(self._options.minutes * 60)
            closing.set()
            await self._telegram.delete("faults")
            await asyncio.to_thread(self._stage.resume_all)
            self._say("no more trouble, no more orders; what is open is brought to its end")

    async def _customer(self, index: int, closing: asyncio.Event) -> None:
        """One customer after the other: who blocks the bot is followed by somebody else."""
        slugs = [kitchen.slug for kitchen in self._kitchens]
        again = False
        number = 0
        while not closing.is_set() and not again:
            person = await self._telegram.person(f"Customer {index}.{number}", bot=CUSTOMER_TOKEN)
            random = Random(f"{self._options.seed}-customer-{index}-{number}")
            again = await Customer(self._feed, person, random, slugs, self._counter).live(closing)
            number += 1

    async def _systemd(self) -> None:
        """Start the supervisor again whenever it has died."""
        while True:
            await asyncio.sleep(SYSTEMD)
            if self._wanted and self._stage.start_again_if_dead():
                self._say("comanda up was started again")

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(10)
            self._say("")

    # Trouble

    async def _at(self, trouble: Trouble, proxy: Proxy) -> None:
        await asyncio.sleep(max(0.0, self._began + trouble.at - time.monotonic()))
        match trouble.kind:
            case "cut":
                self._harmed(trouble, time.time(), f"{proxy.cut()} connections")
            case "fault":
                bot = BOTS.get(trouble.target)
                await self._telegram.act("fault", **trouble.fault, bot=bot)
                self._harmed(trouble, time.time(), str(trouble.fault["kind"]))
            case "kill":
                if await self._signalled(trouble, signal.SIGKILL) is not None:
                    self._harmed(trouble, time.time(), "")
            case "pause":
                began = time.time()
                pid = await self._signalled(trouble, signal.SIGSTOP)
                if pid is not None:
                    await asyncio.sleep(trouble.seconds)
                    resume(pid)
                    self._harmed(trouble, began, f"{trouble.seconds} s")

    async def _signalled(self, trouble: Trouble, number: signal.Signals) -> int | None:
        return await asyncio.to_thread(self._stage.signal, trouble.target, number)

    def _harmed(self, trouble: Trouble, began: float, details: str) -> None:
        self._done[trouble.kind] += 1
        self._feed.note(what="harm", at=began, until=time.time(), kind=trouble.kind, target=_target(trouble))
        self._say(f"{trouble.kind} {trouble.target} {details}".rstrip())

    # After

    async def _settle(self) -> None:
        """Wait until nothing is left to do, though not for ever."""
        deadline, quiet_since = time.monotonic() + self._options.settle, None
        while time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            idle = not self._feed.unanswered() and await asyncio.to_thread(self._is_idle)
            quiet_since = (quiet_since or time.monotonic()) if idle else None
            if quiet_since and time.monotonic() - quiet_since > QUIET:
                self._say("all is quiet")
                return
        self._say(f"it is not quiet after {self._options.settle:.0f} s")

    def _is_idle(self) -> bool:
        """Whether the store holds nothing that is still to be done: no deadline, no job."""
        try:
            with Redis.from_url(self._stage.store_url(), socket_timeout=5) as redis:
                return not redis.zcard("due") and not redis.llen("rq:queue:comanda")
        except OSError:
            return False

    def _say(self, what: str) -> None:
        seconds = int(time.monotonic() - self._began)
        received, open_ = len(self._feed.received), sum(kitchen.open_tickets() for kitchen in self._kitchens)
        done = ", ".join(f"{number} {kind}s" for kind, number in sorted(self._done.items()))
        self._say_line(
            f"{seconds // 60:02}:{seconds % 60:02}  {received:>5} orders, {open_:>3} open  {done:<42} {what}"
        )


def _target(trouble: Trouble) -> str:
    return f"{trouble.target} {trouble.fault['kind']}" if trouble.kind == "fault" else trouble.target


def _where_it_is_noon(hour: int) -> str:
    """A time zone in which no day ends soon at that hour of UTC: orders are numbered by the day."""
    return NOON_AT.split()[hour]


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something as long as the context lasts. Raises what it raised."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()
