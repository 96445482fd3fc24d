"""A staff group with more to show than Telegram lets a bot show there: nothing is refused, and no tap waits.

Both bots and a worker in one process, on a local Telegram that keeps its limits and, like our gate, lives twenty times
as fast.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from bot.customer import UPDATES as OF_CUSTOMERS
from bot.customer import CustomerBot
from bot.intake import Intake
from bot.polling import Polling
from bot.restaurant import UPDATES as OF_STAFF
from bot.restaurant import RestaurantBot
from bot.sandbox.limits import Limits
from bot.sandbox.server import Sandbox
from flows import callbacks as cb
from flows import gate, keys
from flows.callbacks import encode
from flows.events import DeclineReason
from flows.events import Person as Customer
from flows.gate import Gate
from flows.ledger import Ledger
from flows.order import Order, Status
from flows.store import Together, connect, texts
from tests.customers import trattoria
from tests.orders import place
from tests.people import Message, Person, Telegram, buttons
from tests.platform.programs import Program
from tests.waiting import until
from workers import jobs
from workers.clock import Clock
from workers.delivery import Courier
from workers.telegram import Sender
from workers.worker import Worker

CUSTOMER_TOKEN, RESTAURANT_TOKEN = "7001:customer-token", "7002:restaurant-token"
FASTER = 20
ORDERS = [f"0rder00000{number:02}" for number in range(1, 7)]


STAFF_BOT = """
import asyncio, sys
from bot.intake import Intake
from bot.polling import Polling
from bot.restaurant import UPDATES, RestaurantBot
from flows.gate import Gate
from flows.ledger import Ledger
from flows.store import Together, connect

async def main(api_url, store_url, token):
    redis = connect(store_url)
    bot = RestaurantBot(token, api_url, Ledger(redis), Gate(Together(redis), "restaurant"))
    await bot.open()
    print("serves", flush=True)
    intake = Intake(bot="restaurant", token=token, redis=redis, face=bot)
    await intake.run(Polling("restaurant", token, api_url, UPDATES), asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


def taps_of(order: str) -> list[cb.StaffTap]:
    """What staff tap from a new order to its end."""
    return [
        cb.AskAccept(order),
        cb.Accept(order, 20),
        cb.AskReady(order),
        cb.Ready(order),
        cb.AskPickedUp(order),
        cb.PickedUp(order),
    ]


@dataclass
class Stage:
    """A group of staff, and what serves it."""

    ledger: Ledger
    redis: Redis
    sandbox: Sandbox
    telegram: Telegram
    anna: Person
    carla: Person
    serve_staff: Callable[[], Callable[[], Awaitable[None]]]
    """Starts the restaurants' bot, and gives what stops it."""
    stop_serving: Callable[[], Awaitable[None]]

    def log(self, method: str) -> list[dict[str, Any]]:
        """What the restaurants' bot has asked Telegram for by that method, oldest first."""
        log = self.sandbox.world.log.after(0)
        return [entry for entry in log if entry.get("bot") == 7002 and entry.get("method") == method]

    def order(self, order_id: str) -> Order:
        order = self.ledger.order(order_id)
        assert order is not None
        return order

    def placed(self, order_id: str) -> None:
        customer = Customer(id=self.carla.id, name="Carla")
        self.ledger.execute(order_id, place(order_id, customer=customer), f"customer-{order_id}")

    async def ticket(self, order_id: str, tap: cb.StaffTap) -> Message:
        """The order's ticket, as soon as it has that button."""

        async def look() -> Message | None:
            return next((one for one in await self.anna.messages() if encode(tap) in payloads(one)), None)

        found = await self.telegram.changing(look, lambda one: one is not None, f"{tap} is offered nowhere")
        assert found is not None
        return found

    async def taps(self, tap: cb.StaffTap, message: Message) -> str:
        """Anna taps, and is answered."""
        return await self.anna.tap_payload(message["message_id"], encode(tap))

    async def tickets(self) -> list[str]:
        """What the bot shows in the group."""
        return [message["text"] for message in await self.anna.messages() if "text" in message]

    async def serves(self, order_id: str) -> None:
        """Anna takes the order through to its end, tapping as soon as there is something to tap."""
        for tap in taps_of(order_id):
            await self.taps(tap, await self.ticket(order_id, tap))

    async def at_rest(self) -> None:
        """Nothing is left to be shown or told."""

        def is_over() -> bool:
            owed = [one for one in texts(self.redis.zrange(keys.DUE, 0, -1)) if one.startswith(("notify", "repaint"))]
            return not owed and not self.redis.hlen(keys.inbox("restaurant"))

        await until(is_over, within=60)


def payloads(message: Message) -> list[str]:
    return [button["callback_data"] for button in buttons(message, "") if "callback_data" in button]


@pytest.fixture
async def stage(redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    for pace in ("CHAT_EVERY", "GROUP_EVERY"):
        monkeypatch.setattr(f"flows.gate.{pace}", getattr(gate, pace) / FASTER)
    began = time.time()
    ledger = Ledger(redis)
    ledger.save_restaurant(trattoria())
    async with Sandbox(lambda: began + (time.time() - began) * FASTER, Limits()).serve() as sandbox:
        telegram = Telegram(sandbox.url)
        carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
        await carla.send("/help")
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        await telegram.act("bot", token=RESTAURANT_TOKEN)
        await telegram.act("add_bot", chat=anna.place["chat"], bot=RESTAURANT_TOKEN, by=anna.id)
        ledger.join(ledger.create_invite("nonna", 60), anna.place["chat"])
        stop, store, url = asyncio.Event(), Together(redis), sandbox.url
        customers = CustomerBot(CUSTOMER_TOKEN, url, ledger, Gate(store, "customer"))
        staff = RestaurantBot(RESTAURANT_TOKEN, url, ledger, Gate(store, "restaurant"))
        sender = Sender(url, CUSTOMER_TOKEN, RESTAURANT_TOKEN, store)
        of_rq = connect(store_url)
        worker = Worker(of_rq, store, Clock(ledger, redis))
        monkeypatch.setattr(jobs, "courier", Courier(ledger, store, sender, keys.lease(worker.name)))
        async with asyncio.TaskGroup() as processes:
            for bot in (customers, staff):
                await bot.open()
            intake = Intake(bot="customer", token=CUSTOMER_TOKEN, redis=redis, face=customers)
            processes.create_task(intake.run(Polling("customer", CUSTOMER_TOKEN, url, OF_CUSTOMERS), stop))

            def serve_staff() -> Callable[[], Awaitable[None]]:
                closing = asyncio.Event()
                intake = Intake(bot="restaurant", token=RESTAURANT_TOKEN, redis=redis, face=staff)
                polling = Polling("restaurant", RESTAURANT_TOKEN, url, OF_STAFF)
                running = processes.create_task(intake.run(polling, closing))

                async def end() -> None:
                    closing.set()
                    await running

                return end

            processes.create_task(worker.run(stop))
            on_stage = Stage(ledger, redis, sandbox, telegram, anna, carla, serve_staff, serve_staff())
            yield on_stage
            stop.set()
            await on_stage.stop_serving()
        for part in (customers, staff, sender, telegram):
            await part.close()
        of_rq.close()


async def test_several_orders_a_minute_are_served_in_a_group_and_nothing_is_refused(stage: Stage) -> None:
    """Six orders with all their taps are 42 messages and edits, of which Telegram allows 20 a minute."""
    await stage.telegram.act("fault", kind="latency", method="answerCallbackQuery", seconds=0.05, times=None)
    for order in ORDERS:
        stage.placed(order)
    await asyncio.gather(*map(stage.serves, ORDERS))
    await stage.at_rest()
    assert 429 not in {entry["status"] for entry in stage.sandbox.world.log.after(0)}
    assert {stage.order(order).status for order in ORDERS} == {Status.FULFILLED}
    tickets = await stage.tickets()
    assert sum("PICKED UP" in text for text in tickets) == len(ORDERS) == len(tickets)
    sent = stage.log("sendMessage")
    edits = Counter(entry["params"]["message_id"] for entry in stage.log("editMessageText"))
    assert len(sent) == len(ORDERS)
    assert max(edits.values()) <= 6


async def test_an_order_costs_its_group_one_message_and_six_edits(stage: Stage) -> None:
    """Telegram takes its time for the answers to taps: meanwhile a worker could show the same as the bot will."""
    await stage.telegram.act("fault", kind="latency", method="answerCallbackQuery", seconds=0.2, times=None)
    [order, *_] = ORDERS
    stage.placed(order)
    await stage.serves(order)
    await stage.at_rest()
    assert (len(stage.log("sendMessage")), len(stage.log("editMessageText"))) == (1, 6)
    await stage.anna.sees("PICKED UP")


class TestNoRoom:
    """Given a group in which Telegram lets nothing be shown for a while."""

    @pytest.fixture
    async def tickets(self, stage: Stage) -> list[Message]:
        for order in ORDERS[:3]:
            stage.placed(order)
        found = [await stage.ticket(order, cb.AskAccept(order)) for order in ORDERS[:3]]
        await stage.at_rest()
        return found

    async def test_every_tap_is_answered_at_once(self, stage: Stage, tickets: list[Message]) -> None:
        async with full(stage):
            for order, ticket in zip(ORDERS, tickets, strict=False):
                assert await stage.taps(cb.Accept(order, 20), ticket) == "Accepted, ready in 20 min"
            assert {stage.order(order).status for order in ORDERS[:3]} == {Status.ACCEPTED}
            assert stage.log("editMessageText") == []
            assert stage.redis.hlen(keys.inbox("restaurant")) == 3  # they wait for their pictures
        await stage.at_rest()
        edited = [int(entry["params"]["message_id"]) for entry in stage.log("editMessageText")]
        assert edited == [ticket["message_id"] for ticket in tickets]
        assert sum("ACCEPTED" in text for text in await stage.tickets()) == 3

    async def test_what_several_taps_have_led_to_is_one_edit(self, stage: Stage, tickets: list[Message]) -> None:
        [order, *_], [ticket, *_] = ORDERS, tickets
        async with full(stage):
            for tap in taps_of(order)[:-1]:
                await stage.taps(tap, ticket)
            await until(lambda: stage.redis.hlen(keys.inbox("restaurant")) == 1)  # the others are overtaken
        await stage.at_rest()
        [edit] = stage.log("editMessageText")
        assert "Does the customer's code read" in edit["params"]["text"]

    async def test_commands_are_answered_in_the_end_and_hold_up_no_tap(
        self, stage: Stage, tickets: list[Message]
    ) -> None:
        [order, *_], [ticket, *_] = ORDERS, tickets
        me = await stage.telegram.act("bot", token=RESTAURANT_TOKEN)
        async with full(stage):
            await stage.anna.send(f"/orders@{me['username']}")
            assert await stage.taps(cb.Accept(order, 20), ticket) == "Accepted, ready in 20 min"
            assert len(stage.log("sendMessage")) == len(tickets)
        await stage.anna.sees("Open orders")
        await stage.at_rest()

    async def test_what_a_killed_bot_had_not_shown_is_shown_after_its_restart(
        self, stage: Stage, tickets: list[Message]
    ) -> None:
        await stage.stop_serving()
        address = f"unix://{stage.redis.connection_pool.connection_kwargs['path']}"
        doomed = Program(STAFF_BOT, stage.sandbox.url, address, RESTAURANT_TOKEN)
        async with full(stage):
            try:
                assert await asyncio.to_thread(doomed.says) == "serves"
                accepted, declined, asked = zip(ORDERS, tickets, strict=False)
                await stage.taps(cb.AskDecline(accepted[0]), accepted[1])
                await stage.taps(cb.Accept(accepted[0], 20), accepted[1])
                await stage.taps(cb.Decline(declined[0], DeclineReason.TOO_BUSY), declined[1])
                await stage.taps(cb.AskAccept(asked[0]), asked[1])
                await until(lambda: stage.redis.hlen(keys.inbox("restaurant")) == 3)
            finally:
                await asyncio.to_thread(doomed.kill)
            stage.stop_serving = stage.serve_staff()
            assert stage.redis.hlen(keys.inbox("restaurant")) == 3
        await stage.at_rest()
        texts_ = {one["message_id"]: one["text"] for one in await stage.anna.messages() if "text" in one}
        for (_, ticket), shows in zip(
            (accepted, declined, asked), ("ACCEPTED", "DECLINED", "Ready in how many minutes?"), strict=True
        ):
            assert shows in texts_[ticket["message_id"]]
        assert len(stage.log("sendMessage")) == len(tickets)

    async def test_a_reminder_is_not_sent_of_an_order_that_was_answered_meanwhile(
        self, stage: Stage, tickets: list[Message]
    ) -> None:
        [order, *_], [ticket, *_] = ORDERS, tickets
        async with full(stage):
            Ledger(stage.redis, lambda: datetime.now(UTC) + timedelta(seconds=80)).wake(order)
            assert stage.order(order).reminders == 1
            await stage.taps(cb.Accept(order, 20), ticket)
        await stage.at_rest()
        assert len(stage.log("sendMessage")) == len(tickets)


@asynccontextmanager
async def full(stage: Stage) -> AsyncIterator[None]:
    """Telegram says again and again that the group has to be left alone."""

    async def say_so() -> None:
        while True:
            stage.redis.set(keys.quiet("restaurant", str(stage.anna.place["chat"])), 1, px=500)
            await asyncio.sleep(0.1)

    saying = asyncio.create_task(say_so())
    await until(lambda: stage.redis.exists(keys.quiet("restaurant", str(stage.anna.place["chat"]))))
    try:
        yield
    finally:
        saying.cancel()
