"""Celery: threads, nothing stored of results nobody reads, acknowledged when done."""

from __future__ import annotations

from functools import cache

from celery import Celery

from flows.events import Side
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import here
from tests.bench.pipeline.work import Blocking

blocking = cache(Blocking)
app = Celery("bench", broker=here().redis_url)
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=4)


@app.task
def notify(order_id: str, side: str) -> None:
    """The job."""
    blocking().notify(order_id, side)


async def publisher() -> Publish:
    def publish(order_id: str, side: Side) -> None:
        notify.delay(order_id, str(side))

    return publish
