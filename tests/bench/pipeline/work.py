"""What the other queues' workers do: `notify(order, side)` as a good engineer would write it on that queue.

The ledger, the wording, the gate and the promise (the last state shown is the latest one, and it is recorded) are
Comanda's. The steps are a generator, which asks for what has to be waited for: so synchronous and asynchronous
workers do the very same, each in its natural way and with connections kept open.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flows import keys
from flows.commands import RecordNotified
from flows.events import About, Side
from flows.gate import Gate, Urgency
from flows.ledger import Ledger, Shown
from flows.messages import customer, staff
from flows.order import Order
from flows.screens import Screen
from flows.store import Together, connect
from tests.bench.pipeline.place import IN_FLIGHT, TOKENS, here, open_the_gate

LOCK, LOCKED = 6, 0.01  # seconds that a lock lives, and between two tries to get it
Body = dict[str, Any]


@dataclass(frozen=True)
class Send:
    """A request to the Bot API, to be answered with the id of the message."""

    path: str
    body: Body


@dataclass(frozen=True)
class Wait:
    seconds: float


Steps = Generator[Send | Wait, int, None]


class Telling:
    """What all tellings of one process share."""

    def __init__(self) -> None:
        open_the_gate()
        self._redis = connect(here().redis_url)
        self._ledger = Ledger(self._redis)
        self._gates = {side: Gate(Together(self._redis), str(side)) for side in Side}

    def notify(self, order_id: str, side: Side) -> Steps:
        """Tell that side all that it is owed. One at a time does so for a side of an order."""
        lock = self._redis.lock(keys.delivery_lock(order_id, side), timeout=LOCK, thread_local=False)
        while not lock.acquire(blocking=False):
            yield Wait(LOCKED)
        try:
            done = False
            while not done:
                done = yield from self._step(order_id, side)
        finally:
            lock.release()

    def _step(self, order_id: str, side: Side) -> Generator[Send | Wait, int, bool]:
        order = self._ledger.order(order_id)
        assert order is not None
        owed = next(iter(order.owed_to(side)), None)
        chat = self._chat(order, side)
        card = yield from self._show(order, side, chat)
        if owed is None:
            return self._ledger.settle(order, side, chat)
        if owed.about is not About.PLACED:
            ring = customer.ring(order, owed.about) if side is Side.CUSTOMER else staff.ring(order, owed.about)
            reply = {"message_id": card, "allow_sending_without_reply": True}
            yield from self._send(side, "sendMessage", chat, ring, {"reply_parameters": reply})
        cause = f"delivery-{side}-{owed.about}-{order.version}"
        self._ledger.execute(order_id, RecordNotified(side, owed.about), cause)
        return False

    def _show(self, order: Order, side: Side, chat: int) -> Generator[Send | Wait, int, int]:
        screen = customer.status_screen(order) if side is Side.CUSTOMER else staff.ticket_screen(order)
        shown, edit = self._ledger.shown(order.id, side), ""
        if shown is None:
            message = yield from self._send(side, "sendMessage", chat, screen, {})
        elif shown.version < order.changed:
            message = shown.message_id
            begun = self._ledger.begin_edit(order.id, side, chat, message)
            edit = begun[1] if begun else ""
            yield from self._send(side, "editMessageText", chat, screen, {"message_id": message})
        else:
            return shown.message_id
        self._ledger.record_shown(order.id, side, Shown(chat_id=chat, message_id=message, version=order.version), edit)
        return message

    def _send(self, side: Side, method: str, chat: int, screen: Screen, more: Body) -> Generator[Send | Wait, int, int]:
        while wait := self._ask(side, chat):
            yield Wait(wait)
        body = request_of(chat, screen) | more
        return (yield Send(path_of(side, method), body))

    def _ask(self, side: Side, chat: int) -> float:
        script, *arguments = self._gates[side].command([(chat, Urgency.NEWS)])
        answers: list[list[int]] = script.run(self._redis, arguments)
        return answers[0][0] / 1000

    def _chat(self, order: Order, side: Side) -> int:
        if side is Side.CUSTOMER:
            return order.placed.customer.id
        chat = self._ledger.service(order.placed.restaurant.slug).staff_chat
        assert chat is not None
        return chat


def path_of(side: Side, method: str) -> str:
    """Where a method of that side's bot is."""
    return f"/bot{TOKENS[side is Side.RESTAURANT]}/{method}"


def request_of(chat: int, screen: Screen) -> Body:
    """What every message has."""
    body: Body = {"chat_id": chat, "text": screen.text, "parse_mode": "HTML", "link_preview_options": NO_PREVIEW}
    return body | {"reply_markup": screen.keyboard()} if screen.rows else body


NO_PREVIEW = {"is_disabled": True}


class Blocking:
    """For synchronous workers, with any number of threads; each keeps a connection open."""

    def __init__(self) -> None:
        self._telling = Telling()
        self._own = threading.local()

    def notify(self, order_id: str, side: str) -> None:
        """The whole job."""
        steps, answer = self._telling.notify(order_id, Side(side)), None
        while True:
            try:
                step = next(steps) if answer is None else steps.send(answer)
            except StopIteration:
                return
            if isinstance(step, Wait):
                time.sleep(step.seconds)
                answer = 0
            else:
                answer = self._request(step)

    def _request(self, send: Send) -> int:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(urlsplit(here().api_url).netloc)
        connection.request("POST", send.path, json.dumps(send.body), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        return int(answer["result"]["message_id"])


class Awaiting:
    """For asynchronous workers: one loop, one pool of connections, and threads for the store."""

    def __init__(self) -> None:
        import aiohttp

        self._telling = Telling()
        self._threads = ThreadPoolExecutor(IN_FLIGHT)
        self._http = aiohttp.ClientSession(here().api_url, connector=aiohttp.TCPConnector(limit=2 * IN_FLIGHT))

    async def notify(self, order_id: str, side: str) -> None:
        """The whole job."""
        loop = asyncio.get_running_loop()
        steps, answer = self._telling.notify(order_id, Side(side)), None
        while (step := await loop.run_in_executor(self._threads, _advance, steps, answer)) is not None:
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                answer = 0
            else:
                async with self._http.post(step.path, json=step.body) as response:
                    answer = int((await response.json())["result"]["message_id"])

    async def close(self) -> None:
        await self._http.close()


def _advance(steps: Steps, answer: int | None) -> Send | Wait | None:
    try:
        return next(steps) if answer is None else steps.send(answer)
    except StopIteration:
        return None
