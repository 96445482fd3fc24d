"""`python -m tests.bench.latency.by_hand poller|worker`: the same hops with nothing around them.

The poller stores an update, then commits the order together with its job, and answers the tap. The worker takes the
job, reads the order and sends the ticket. Each write is on disk before the next step, as it is with Comanda.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import aiohttp

from flows.messages import staff
from flows.order import fold
from flows.store import connect, text
from tests.bench.latency.taps import cart_of
from tests.bench.pipeline.place import TOKENS, here
from tests.bench.pipeline.work import request_of
from tests.orders import after, place

QUEUE = "by-hand:queue"
STAFF = "by-hand:staff"  # the staff chat's id


async def poll(http: aiohttp.ClientSession) -> None:
    """Take updates in, and orders out of them."""
    redis, offset, tasks = connect(here().redis_url), 0, set[asyncio.Task[Any]]()
    while True:
        updates = await _call(http, TOKENS[0], "getUpdates", offset=offset, timeout=50)
        if updates:
            offset = updates[-1]["update_id"] + 1
            stored = {update["update_id"]: json.dumps(update) for update in updates}
            await asyncio.to_thread(redis.hset, "by-hand:inbox", None, None, stored)
        for update in updates:
            if query := update.get("callback_query"):
                task = asyncio.create_task(_order(http, redis, query))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


async def _order(http: aiohttp.ClientSession, redis: Any, query: dict[str, Any]) -> None:
    order_id = cart_of(query["data"])
    placed = after(of=place(order_id)).placed.model_dump_json()
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(f"by-hand:order:{order_id}", placed)
        pipe.xadd("by-hand:events", {"order": order_id, "version": 1})
        pipe.rpush(QUEUE, order_id)
        await asyncio.to_thread(pipe.execute)
    await _call(http, TOKENS[0], "answerCallbackQuery", callback_query_id=query["id"])


async def work(http: aiohttp.ClientSession) -> None:
    """Send the ticket of whatever is ordered."""
    from flows import events

    redis = connect(here().redis_url)
    chat = int(text(redis.get(STAFF)))
    while True:
        taken = await asyncio.to_thread(redis.blmove, QUEUE, "by-hand:taken", 1, "LEFT", "RIGHT")
        if taken is None:
            continue
        order_id = text(taken)
        raw = await asyncio.to_thread(redis.lrange, f"by-hand:order:{order_id}", 0, -1)
        order = fold(map(events.load, raw))
        assert order is not None
        await _call(http, TOKENS[1], "sendMessage", **request_of(chat, staff.ticket_screen(order)))
        await asyncio.to_thread(redis.lrem, "by-hand:taken", 1, order_id)


async def _call(http: aiohttp.ClientSession, token: str, method: str, **body: Any) -> Any:
    async with http.post(f"/bot{token}/{method}", json=body) as answer:
        return (await answer.json())["result"]


async def main(role: str) -> None:
    """Run until SIGTERM."""
    async with aiohttp.ClientSession(here().api_url) as http:
        task = asyncio.create_task(poll(http) if role == "poller" else work(http))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
