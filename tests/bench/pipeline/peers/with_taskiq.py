"""taskiq on a Redis stream, the one of its brokers that keeps what a dead worker had in hand."""

from __future__ import annotations

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from flows.events import Side
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import here
from tests.bench.pipeline.work import Awaiting

broker = RedisStreamBroker(here().redis_url, consumer_id="0")  # also what came before the first worker did


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def _open(state: TaskiqState) -> None:
    state.awaiting = Awaiting()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def _close(state: TaskiqState) -> None:
    await state.awaiting.close()


@broker.task
async def notify(order_id: str, side: str) -> None:
    """The job."""
    await broker.state.awaiting.notify(order_id, side)


async def publisher() -> Publish:
    await broker.startup()

    async def publish(order_id: str, side: Side) -> None:
        await notify.kiq(order_id, str(side))

    return publish
