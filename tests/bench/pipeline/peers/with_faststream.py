"""FastStream: a consumer group of a Redis stream, acknowledged when done, IN_FLIGHT at a time."""

from __future__ import annotations

import uuid
from contextlib import suppress

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.exceptions import ResponseError

from flows.events import Side
from flows.store import connect
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import IN_FLIGHT, here
from tests.bench.pipeline.work import Awaiting

broker = RedisBroker(here().redis_url)
app = FastStream(broker)
awaiting: list[Awaiting] = []


@app.on_startup
async def _open() -> None:
    awaiting.append(Awaiting())


@app.on_shutdown
async def _close() -> None:
    await awaiting.pop().close()


@broker.subscriber(
    stream=StreamSub("bench", group="bench", consumer=str(uuid.uuid4()), last_id=">"), max_workers=IN_FLIGHT
)
async def notify(job: dict[str, str]) -> None:
    """The job."""
    await awaiting[0].notify(job["order"], job["side"])


async def publisher() -> Publish:
    with suppress(ResponseError):  # a worker was first; who creates it later than the first job misses that
        connect(here().redis_url).xgroup_create("bench", "bench", "0", mkstream=True)
    await broker.connect()

    async def publish(order_id: str, side: Side) -> None:
        await broker.publish({"order": order_id, "side": str(side)}, stream="bench")

    return publish
