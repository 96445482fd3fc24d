"""arq: one loop, IN_FLIGHT jobs at a time; its default of two polls a second would be its limit."""

from __future__ import annotations

from typing import Any

from arq import create_pool
from arq.connections import RedisSettings

from flows.events import Side
from tests.bench.pipeline.driver import Publish
from tests.bench.pipeline.place import IN_FLIGHT, here
from tests.bench.pipeline.work import Awaiting

SETTINGS = RedisSettings.from_dsn(here().redis_url)


async def _open(context: dict[Any, Any]) -> None:
    context["awaiting"] = Awaiting()


async def _close(context: dict[Any, Any]) -> None:
    await context["awaiting"].close()


async def notify(context: dict[Any, Any], order_id: str, side: str) -> None:
    """The job."""
    await context["awaiting"].notify(order_id, side)


class WorkerSettings:
    functions = (notify,)
    redis_settings = SETTINGS
    on_startup = _open
    on_shutdown = _close
    max_jobs = IN_FLIGHT
    keep_result = 0
    poll_delay = 0.01
    log_results = False


async def publisher() -> Publish:
    pool = await create_pool(SETTINGS)

    async def publish(order_id: str, side: Side) -> None:
        await pool.enqueue_job("notify", order_id, str(side))

    return publish
