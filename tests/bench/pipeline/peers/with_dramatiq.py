"""dramatiq: threads."""

from __future__ import annotations

from functools import cache

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from flows.events import Side
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import here
from tests.bench.pipeline.work import Blocking

blocking = cache(Blocking)
dramatiq.set_broker(RedisBroker(url=here().redis_url))


@dramatiq.actor
def notify(order_id: str, side: str) -> None:
    """The job."""
    blocking().notify(order_id, side)


async def publisher() -> Publish:
    def publish(order_id: str, side: Side) -> None:
        notify.send(order_id, str(side))

    return publish
