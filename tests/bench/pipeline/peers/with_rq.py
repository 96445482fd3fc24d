"""RQ as it comes: `SimpleWorker` (the forking one would begin every job without its connections)."""

from __future__ import annotations

from functools import cache

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from flows.events import Side
from flows.ledger.orders import FAILURE_TTL, RESULT_TTL
from flows.store import connect
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import here
from tests.bench.pipeline.work import Blocking

blocking = cache(Blocking)


def notify(order_id: str, side: str) -> None:
    """The job."""
    blocking().notify(order_id, side)


def _queue() -> Queue:
    return Queue("bench", connection=connect(here().redis_url), serializer=JSONSerializer)


async def publisher() -> Publish:
    queue = _queue()
    job = "tests.bench.pipeline.peers.with_rq.notify"

    def publish(order_id: str, side: Side) -> None:
        queue.enqueue(job, order_id, str(side), result_ttl=RESULT_TTL, failure_ttl=FAILURE_TTL)

    return publish


if __name__ == "__main__":
    queue = _queue()
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(logging_level="WARNING")
