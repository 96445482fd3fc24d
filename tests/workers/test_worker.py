"""The worker: RQ's semantics, many jobs in flight, and nothing lost when it dies."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from flows import keys
from flows.ledger import Ledger
from flows.reactions import NOTIFY, QUEUE, REACTIONS
from flows.store import Together, connect, texts
from tests.waiting import WITHIN, until
from tests.workers import samples
from workers.clock import Clock
from workers.recovery import Recovery
from workers.worker import ABANDONED, Worker


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


@asynccontextmanager
async def working(redis: Redis, store_url: str) -> AsyncIterator[Worker]:
    """A worker that works until the context is left, and is then asked to stop."""
    stop = asyncio.Event()
    worker = Worker(connect(store_url), Together(redis), Clock(Ledger(redis), redis))
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task


class TestJobs:
    def test_every_name_that_the_pipeline_enqueues_resolves(self) -> None:
        job = Job.create(NOTIFY, args=("order", "customer"), connection=Redis(), serializer=JSONSerializer)
        assert asyncio.iscoroutinefunction(job.func)

    def test_every_event_has_a_reaction_even_if_it_is_none(self) -> None:
        from flows.events import AnyEvent

        assert {kind.model_fields["kind"].default for kind in AnyEvent.__args__} == set(REACTIONS)


class TestStillRq:
    async def test_a_job_that_goes_well_is_finished_for_rq(self, redis: Redis, store_url: str, queue: Queue) -> None:
        async with working(redis, store_url):
            job = queue.enqueue(samples.double, 21)
            await until(lambda: job.get_status() == JobStatus.FINISHED)
        assert job.return_value() == 42
        assert job.id in queue.finished_job_registry
        assert job.id not in queue.started_job_registry

    async def test_a_job_that_raises_is_failed_for_rq_with_its_traceback(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        async with working(redis, store_url):
            job = queue.enqueue(samples.fail)
            await until(lambda: job.get_status() == JobStatus.FAILED)
        result = job.latest_result()
        assert result is not None
        assert "out of basil" in (result.exc_string or "")
        assert job.id in queue.failed_job_registry

    async def test_a_job_that_takes_too_long_is_failed(self, redis: Redis, store_url: str, queue: Queue) -> None:
        async with working(redis, store_url):
            job = queue.enqueue(samples.hang, job_timeout=1)
            await until(lambda: job.get_status() == JobStatus.FAILED)

    async def test_a_worker_is_known_to_rq_while_it_works(self, redis: Redis, store_url: str, queue: Queue) -> None:
        async with working(redis, store_url) as worker:
            await until(lambda: Worker.count(connection=redis) == 1)
            assert texts(redis.smembers("rq:workers")) == [worker.key]
        assert Worker.count(connection=redis) == 0

    async def test_a_suspended_worker_takes_no_job(self, redis: Redis, store_url: str, queue: Queue) -> None:
        suspend(redis)
        async with working(redis, store_url):
            await until(lambda: Worker.count(connection=redis) == 1)
            job = queue.enqueue(samples.double, 1)
            assert job.get_status() == JobStatus.QUEUED
            resume(redis)
            await until(lambda: job.get_status() == JobStatus.FINISHED)

    async def test_finished_and_failed_jobs_leave_nothing_behind(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        async with working(redis, store_url) as worker:
            jobs = [queue.enqueue(job, result_ttl=1, failure_ttl=1) for job in (samples.meet, samples.fail)]
            await until(lambda: not any(redis.exists(job.key) for job in jobs))
            await asyncio.to_thread(worker._tidy)
        assert redis.zcard("rq:finished:comanda") == redis.zcard("rq:failed:comanda") == 0

    async def test_what_a_dead_worker_had_begun_is_forgotten_by_and_by(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        job = queue.enqueue(samples.double, 1)
        dead = Worker(connect(store_url), Together(redis), Clock(Ledger(redis), redis))
        await asyncio.to_thread(dead.prepare_execution, job)
        job.set_status(JobStatus.STARTED)
        redis.delete(queue.key)
        async with working(redis, store_url) as worker:
            await until(lambda: worker.key in texts(redis.smembers("rq:workers")))
            await asyncio.to_thread(worker._tidy)
            assert redis.zcard("rq:wip:comanda") == 1  # it may be another's by now
            for begun in texts(redis.zrange("rq:wip:comanda", 0, -1)):
                redis.zincrby("rq:wip:comanda", -2 * ABANDONED, begun)
            await asyncio.to_thread(worker._tidy)
        assert redis.zcard("rq:wip:comanda") == 0
        assert redis.ttl(job.key) > 0

    async def test_a_job_that_cannot_be_read_leaves_the_list_and_stops_nobody(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        redis.hset("rq:job:broken", mapping={"created_at": "never", "data": "nonsense"})
        redis.rpush(queue.key, "broken")
        async with working(redis, store_url) as worker:
            job = queue.enqueue(samples.double, 3)
            await until(lambda: job.get_status() == JobStatus.FINISHED)
            await until(lambda: redis.llen(keys.processing(worker.name)) == 0)
        assert redis.ttl("rq:job:broken") > 0


def of_another_type(key: str) -> Callable[[Redis, Job], object]:
    """Has a key of the job's hold something else than RQ expects there."""

    def spoil(redis: Redis, job: Job) -> None:
        redis.delete(key.format(job.id))
        redis.set(key.format(job.id), "nonsense")

    return spoil


def with_field(name: str, value: str | bytes) -> Callable[[Redis, Job], object]:
    return lambda redis, job: redis.hset(job.key, name, value)


def without(name: str) -> Callable[[Redis, Job], object]:
    return lambda redis, job: redis.hdel(job.key, name)


def with_data(function: str) -> Callable[[Redis, Job], object]:
    """Has a job call something else, with the arguments that it had."""
    return with_field("data", zlib.compress(json.dumps([function, None, [1], {}]).encode()))


class TestOneBadJob:
    """Whatever is wrong with the books of one job, it is set aside alone: the worker lives, and others go on."""

    @pytest.mark.parametrize(
        "spoil",
        [
            of_another_type("rq:job:{}"),
            of_another_type("rq:executions:{}"),
            of_another_type("rq:results:{}"),
            of_another_type("rq:job:{}:dependents"),
            with_field("success_callback_name", "nowhere.nothing"),
            with_field("failure_callback_name", "nowhere.nothing"),
            with_field("timeout", "soon"),
            with_field("result_ttl", "soon"),
            with_field("data", "nonsense"),
            with_field("repeats_left", "some"),
            with_data("nowhere.nothing"),
            with_data("tests.workers.samples.nothing"),
            with_data("sys.exit"),
            with_field("data", zlib.compress(b'["tests.workers.samples.succeed_at", null, [1, "ba')),
            with_field("timeout", "9" * 30),
            with_field("origin", b"\xff"),
            with_field("dependency_ids", "{"),
            without("data"),
        ],
    )
    @pytest.mark.parametrize("others", [0, 3])
    async def test_the_others_are_done_and_it_is_not_done_over_and_over(
        self, redis: Redis, store_url: str, queue: Queue, spoil: Callable[[Redis, Job], object], others: int
    ) -> None:
        samples.tries.clear()
        bad = queue.enqueue(samples.succeed_at, 1, "bad")
        beside = [queue.enqueue(samples.double, number) for number in range(others)]
        spoil(redis, bad)
        async with working(redis, store_url) as worker:
            await until(lambda: all(job.get_status() == JobStatus.FINISHED for job in beside))
            await until(lambda: redis.llen(queue.key) == redis.llen(keys.processing(worker.name)) == 0)
            later = queue.enqueue(samples.double, 21)
            await until(lambda: later.get_status() == JobStatus.FINISHED)
            assert not worker._in_hand.get(bad.id)
        assert samples.tries["bad"] <= 1
        assert queue.job_ids == []

    @pytest.mark.parametrize("job_id", [b"\xff\xfe", b"", b"a:b\n{}%s"], ids=["no text", "empty", "odd"])
    async def test_an_id_that_rq_would_not_give_leaves_the_list_and_stops_nobody(
        self, redis: Redis, store_url: str, queue: Queue, job_id: bytes
    ) -> None:
        redis.rpush(queue.key, job_id)
        async with working(redis, store_url) as worker:
            job = queue.enqueue(samples.double, 3)
            await until(lambda: job.get_status() == JobStatus.FINISHED)
            await until(lambda: redis.llen(queue.key) == redis.llen(keys.processing(worker.name)) == 0)

    @pytest.mark.parametrize("registry", ["rq:wip:comanda", "rq:finished:comanda", "rq:failed:comanda"])
    @pytest.mark.parametrize("spoilt", ["an entry", "the type"])
    async def test_a_registry_of_rqs_that_cannot_be_read_stops_nobody(
        self, redis: Redis, store_url: str, queue: Queue, registry: str, spoilt: str
    ) -> None:
        if spoilt == "an entry":
            redis.zadd(registry, {"non:sense:all:over": 1})
        else:
            redis.set(registry, "nonsense")
        async with working(redis, store_url) as worker:
            await until(lambda: Worker.count(connection=redis) == 1)
            await asyncio.to_thread(worker._tidy)
            redis.delete(registry)
            job = queue.enqueue(samples.double, 21)
            await until(lambda: job.get_status() == JobStatus.FINISHED)

    async def test_where_the_names_of_the_workers_cannot_be_read_jobs_are_done(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        redis.set(keys.WORKERS, "nonsense")
        async with working(redis, store_url) as worker:
            job = queue.enqueue(samples.double, 21)
            await until(lambda: job.get_status() == JobStatus.FINISHED)
            redis.delete(keys.WORKERS)
            await until(lambda: worker.name in texts(redis.smembers(keys.WORKERS)))


class TestManyAtOnce:
    async def test_jobs_that_wait_for_each_other_run_side_by_side(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        samples.meeting = asyncio.Barrier(10)
        async with working(redis, store_url):
            jobs = [queue.enqueue(samples.meet) for _ in range(10)]
            await until(lambda: all(job.get_status() == JobStatus.FINISHED for job in jobs))


class TestDeath:
    async def test_the_jobs_of_a_dead_worker_come_back(self, redis: Redis, store_url: str, queue: Queue) -> None:
        job = queue.enqueue(samples.double, 2)
        Recovery(redis, queue.key, "dead").renew()
        redis.lmove(queue.key, keys.processing("dead"), "LEFT", "RIGHT")
        redis.delete(keys.lease("dead"))
        async with working(redis, store_url):
            await until(lambda: job.get_status() == JobStatus.FINISHED)
        assert redis.smembers(keys.WORKERS) == set()

    def test_a_worker_missing_once_is_not_dead_yet(self, redis: Redis, queue: Queue) -> None:
        Recovery(redis, queue.key, "paused").renew()
        redis.rpush(keys.processing("paused"), "a-job")
        redis.delete(keys.lease("paused"))
        other = Recovery(redis, queue.key, "other")
        assert other.renew_and_look() == 0
        Recovery(redis, queue.key, "paused").renew()
        assert other.renew_and_look() == 0
        assert redis.llen(keys.processing("paused")) == 1

    async def test_a_worker_whose_threads_all_wait_for_the_store_counts_as_alive(
        self, redis: Redis, store_url: str
    ) -> None:
        over = Event()
        async with working(redis, store_url) as worker:
            await until(lambda: redis.exists(keys.lease(worker.name)) == 1)
            with ThreadPoolExecutor(1) as threads:
                asyncio.get_running_loop().set_default_executor(threads)
                waiting = asyncio.create_task(asyncio.to_thread(over.wait))
                redis.delete(keys.lease(worker.name))
                try:
                    async with asyncio.timeout(WITHIN):
                        while not redis.exists(keys.lease(worker.name)):  # noqa: ASYNC110 - `until` needs a thread
                            await asyncio.sleep(0.02)
                finally:
                    over.set()
                    await waiting
                asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    def test_its_jobs_come_back_in_their_order_and_before_the_others(self, redis: Redis, queue: Queue) -> None:
        redis.rpush(keys.processing("dead"), "first", "second")
        redis.rpush(queue.key, "third")
        Recovery(redis, queue.key, "other").put_back("dead")
        assert redis.lrange(queue.key, 0, -1) == [b"first", b"second", b"third"]

    async def test_a_job_left_in_its_own_list_by_a_lost_reply_is_taken_up(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        async with working(redis, store_url) as worker:
            await until(lambda: Worker.count(connection=redis) == 1)
            job = queue.create_job(samples.double, args=(4,))
            job.save()
            redis.rpush(keys.processing(worker.name), job.id)
            await until(lambda: job.get_status() == JobStatus.FINISHED)

    async def test_a_job_that_was_given_to_another_is_not_finished_by_who_slept(
        self, redis: Redis, store_url: str, queue: Queue
    ) -> None:
        samples.meeting = asyncio.Barrier(2)
        async with working(redis, store_url) as worker:
            job = queue.enqueue(samples.meet)
            await until(lambda: samples.meeting.n_waiting == 1)
            redis.delete(keys.processing(worker.name))  # as another one does that finds our lease expired, twice
            await samples.meeting.wait()
            await until(lambda: not worker._in_hand)
            assert job.get_status() == JobStatus.STARTED

    async def test_what_a_stopped_worker_had_not_finished_goes_back(
        self, redis: Redis, store_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.worker.DRAIN", 0.1)
        async with working(redis, store_url):
            job = queue.enqueue(samples.hang)
            await until(lambda: job.get_status() == JobStatus.STARTED)
        assert queue.job_ids == [job.id]
