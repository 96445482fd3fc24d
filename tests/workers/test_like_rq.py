"""The contract: whatever becomes of a job with RQ's own worker becomes of it here."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from rq import Callback, Queue, Repeat, Retry, SimpleWorker
from rq.job import Dependency, Job
from rq.serializers import JSONSerializer

from flows import keys
from flows.ledger import Ledger
from flows.reactions import QUEUE
from flows.store import Together, connect, texts
from tests.waiting import until
from tests.workers import samples
from workers.books import NOT_PUBLIC
from workers.clock import Clock
from workers.worker import Worker

Scenario = Callable[[Queue], list[Job]]


def missing(queue: Queue) -> list[Job]:
    return [queue.enqueue("tests.workers.samples.nobody_wrote_this")]


def depending(on: Callable[..., Any], *, allow_failure: bool = False) -> Scenario:
    def enqueue(queue: Queue) -> list[Job]:
        first = queue.enqueue(on, *([3] if on is samples.double else []))
        return [first, queue.enqueue(samples.double, 4, depends_on=Dependency([first], allow_failure=allow_failure))]

    return enqueue


def with_meta(queue: Queue) -> list[Job]:
    return [queue.enqueue(samples.double, 2, meta={"table": 7}, description="two by two")]


def several(queue: Queue) -> list[Job]:
    return [queue.enqueue(samples.double, number) for number in range(20)] + [queue.enqueue(samples.fail)]


SCENARIOS: dict[str, Scenario] = {
    "it returns": lambda queue: [queue.enqueue(samples.double, 21)],
    "many return and one raises": several,
    "it has meta data": with_meta,
    "it is no coroutine": lambda queue: [queue.enqueue(samples.plain, "basil")],
    "it raises": lambda queue: [queue.enqueue(samples.fail)],
    "it raises and is kept for a while": lambda queue: [queue.enqueue(samples.fail, failure_ttl=500)],
    "it takes too long": lambda queue: [queue.enqueue(samples.hang, job_timeout=1)],
    "it may take for ever": lambda queue: [queue.enqueue(samples.double, 1, job_timeout=-1)],
    "its result is not kept": lambda queue: [queue.enqueue(samples.double, 1, result_ttl=0)],
    "its result is kept for ever": lambda queue: [queue.enqueue(samples.double, 1, result_ttl=-1)],
    "its result can't be stored": lambda queue: [queue.enqueue(samples.set_of_one)],
    "it is tried again at once": lambda queue: [queue.enqueue(samples.succeed_at, 3, "at once", retry=Retry(max=3))],
    "it is tried in vain": lambda queue: [queue.enqueue(samples.succeed_at, 9, "in vain", retry=Retry(max=2))],
    "it is tried again later": lambda queue: [
        queue.enqueue(samples.succeed_at, 2, "later", retry=Retry(max=1, interval=600))
    ],
    "it asks for another try": lambda queue: [queue.enqueue(samples.again, "again")],
    "it is repeated": lambda queue: [queue.enqueue(samples.double, 1, repeat=Repeat(times=2))],
    "another depends on it": depending(samples.double),
    "another depends on it and it raises": depending(samples.fail),
    "another depends on its end only and it raises": depending(samples.fail, allow_failure=True),
    "it has callbacks and returns": lambda queue: [
        queue.enqueue(samples.double, 2, on_success=Callback(samples.mark), on_failure=Callback(samples.mark))
    ],
    "it has callbacks and raises": lambda queue: [
        queue.enqueue(samples.fail, on_success=Callback(samples.mark), on_failure=Callback(samples.mark))
    ],
    "its callback raises": lambda queue: [queue.enqueue(samples.double, 2, on_success=Callback(samples.refuse))],
    "there is no such function": missing,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_job_ends_as_it_does_with_rqs_own_worker(name: str, redis: Redis, store_url: str) -> None:
    theirs = outcome(
        SCENARIOS[name], redis, lambda queue: SimpleWorker([queue], serializer=JSONSerializer).work(burst=True)
    )
    redis.flushall()
    ours = outcome(SCENARIOS[name], redis, lambda queue: asyncio.run(work(queue, redis, store_url)))
    assert ours == theirs


def outcome(scenario: Scenario, redis: Redis, work: Callable[[Queue], object]) -> list[dict[str, Any]]:
    samples.tries.clear()
    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    jobs = scenario(queue)
    work(queue)
    return [account(redis, queue, job) for job in jobs]


async def work(queue: Queue, redis: Redis, store_url: str) -> None:
    """Work until there is nothing to do."""
    stop = asyncio.Event()
    worker = Worker(connect(store_url), Together(redis), Clock(Ledger(redis), redis))
    task = asyncio.create_task(worker.run(stop))
    await until(lambda: not queue.job_ids and not redis.exists(keys.processing(worker.name)))
    stop.set()
    await task


def account(redis: Redis, queue: Queue, job: Job) -> dict[str, Any]:
    """All that anybody can see of a job, without times and names that differ by chance."""
    if not redis.exists(job.key):
        return {"left": sorted(key for key in texts(redis.scan_iter()) if job.id in key)}
    job.refresh()  # type: ignore[no-untyped-call]
    results = job.results()
    registries = {
        "started": queue.started_job_registry,
        "finished": queue.finished_job_registry,
        "failed": queue.failed_job_registry,
        "deferred": queue.deferred_job_registry,
        "scheduled": queue.scheduled_job_registry,
    }
    return {
        "status": job.get_status(),
        "meta": job.meta,
        "description": job.description,
        "results": [(result.type, result.return_value) for result in results],
        "says": [str(result.exc_string).strip().splitlines()[-1] for result in results if result.exc_string],
        "registries": [name for name, registry in registries.items() if job.id in registry.get_job_ids()],
        "retries left": job.retries_left,
        "repeats left": job.repeats_left,
        "executions": len(job.get_executions()),
        "kept": round(redis.ttl(job.key), -1),
        "result kept": [round(redis.ttl(key), -1) for key in redis.scan_iter(f"rq:results:{job.id}")],
        "has times": (job.started_at is not None, job.ended_at is not None),
        "has a worker": bool(job.worker_name),
        "queue": queue.job_ids,
        "marks": texts(redis.lrange("marks", 0, -1)),
    }


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in NOT_PUBLIC.items() for name in names])
def test_what_is_used_of_rq_beyond_its_documentation_is_there(owner: type, name: str) -> None:
    assert hasattr(owner, name), f"RQ has moved {owner.__name__}.{name}: see the head of workers/books.py"


def test_its_private_fields_are_there_too(redis: Redis) -> None:
    job = Job.create(samples.double, connection=redis, serializer=JSONSerializer)
    worker = SimpleWorker([QUEUE], connection=redis)
    for owner, name in ((job, "_result"), (job, "_status"), (worker, "executions")):
        assert hasattr(owner, name), f"RQ has moved {type(owner).__name__}.{name}: see the head of workers/books.py"


async def test_rq_info_shows_the_worker_and_what_it_has_done(redis: Redis, store_url: str) -> None:
    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    stop = asyncio.Event()
    worker = Worker(connect(store_url), Together(redis), Clock(Ledger(redis), redis))
    task = asyncio.create_task(worker.run(stop))
    jobs = [queue.enqueue(samples.double, number) for number in range(10)] + [queue.enqueue(samples.fail)]
    await until(lambda: all(job.get_status() in {"finished", "failed"} for job in jobs))
    await until(lambda: redis.hget(worker.key, "state") == b"idle")
    told = await asyncio.to_thread(info, store_url)
    assert worker.name in told
    assert "idle" in told
    assert redis.hget(worker.key, "successful_job_count") == b"10"
    assert redis.hget(worker.key, "failed_job_count") == b"1"
    assert float(redis.hget(worker.key, "total_working_time") or 0) > 0
    stop.set()
    await task


def info(store_url: str) -> str:
    command = [sys.executable, "-m", "rq.cli", "info", "--raw", "--url", store_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
