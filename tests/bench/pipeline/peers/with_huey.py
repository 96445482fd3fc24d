"""huey: threads, a blocking pop, nothing stored of results nobody reads."""

from __future__ import annotations

from functools import cache

from huey import RedisHuey

from flows.events import Side
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import here
from tests.bench.pipeline.work import Blocking

blocking = cache(Blocking)
huey = RedisHuey("bench", url=here().redis_url, results=False)


@huey.task()
def notify(order_id: str, side: str) -> None:
    """The job."""
    blocking().notify(order_id, side)


async def publisher() -> Publish:
    def publish(order_id: str, side: Side) -> None:
        notify(order_id, str(side))

    return publish
