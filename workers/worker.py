"""The worker: RQ's bookkeeping around one event loop, with many jobs in flight and connections kept open.

RQ's stock workers run one job at a time (or fork for each) and give a coroutine a new event loop, hence a new TLS
connection for every message. This one takes jobs as RQ does, registers and finishes them by RQ's own methods (so
`rq info`, registries, results and dashboards stay true), and runs what is between as tasks of one loop.

From RQ's internals it uses `prepare_execution`, `prepare_job_execution`, `_finalize_success` and
`_finalize_failure` of `rq.worker.BaseWorker`; `tests/workers/test_worker.py` fails if one of them is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.timeouts import TimerDeathPenalty
from rq.utils import current_timestamp
from rq.utils import now as rq_now
from rq.worker import BaseWorker
from rq.worker.base import WorkerStatus
from rq.worker_registration import clean_worker_registry

from flows import keys
from flows.backoff import Backoff
from flows.ledger.orders import FAILURE_TTL
from flows.reactions import QUEUE
from flows.store import text, texts
from workers.clock import Clock
from workers.recovery import LOOK_EVERY, Recovery

log = logging.getLogger(__name__)

IN_FLIGHT = 64  # jobs one process works on at a time
TICK = 0.5  # seconds between two looks at the deadlines
DRAIN = 10.0  # seconds that jobs in hand have to finish after the first SIGTERM
LONGEST_WAIT = 5.0  # seconds between two tries while the store is out of reach
HEARTBEAT = 30.0  # seconds between two of RQ's own heartbeats, which `rq info` shows

ABANDONED = 3600
"""Seconds after its time that an execution counts as that of a worker that died; its job was another's long before."""


class Worker(BaseWorker):
    """Works off one queue. `run` it until `stop` is set; whatever it had not finished goes back to the queue."""

    # Callbacks run in the bookkeeping thread, where a signal can't be used.
    death_penalty_class = TimerDeathPenalty

    def __init__(self, connection: Redis, redis: Redis, clock: Clock) -> None:
        """`connection` is RQ's own, for RQ changes its time-outs; `redis` is for everything else."""
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        super().__init__([queue], name=name, connection=connection, serializer=JSONSerializer, worker_ttl=120)
        self._queue = queue
        self._redis = redis
        self._clock = clock
        self._recovery = Recovery(redis, queue.key, name)
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        # RQ's bookkeeping is synchronous and not made for threads: one thread does all of it, off the loop.
        self._books = ThreadPoolExecutor(1, thread_name_prefix="rq")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let the jobs in hand finish for `DRAIN` seconds. Outlives the store's outages."""
        await self._persist(self._begin, stop)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(self._tick, TICK, stop))
            loops.create_task(self._repeat(self._renew, LOOK_EVERY, stop))
            loops.create_task(self._repeat(partial(self._keep_books, self._tidy), HEARTBEAT, stop))
            loops.create_task(self._take_jobs(stop))
        await self._drain()
        for task in self._in_hand.values():
            task.cancel()
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)
        await asyncio.to_thread(self._recovery.put_back, self.name)
        await self._keep_books(self.teardown)

    async def _drain(self) -> None:
        """Let the jobs in hand finish, alive for the others meanwhile."""
        if not self._in_hand:
            return
        log.info("waiting up to %.0f s for %d jobs in hand", DRAIN, len(self._in_hand))
        over = asyncio.Event()
        renewing = asyncio.create_task(self._repeat(self._renew, LOOK_EVERY, over))
        await asyncio.wait(self._in_hand.values(), timeout=DRAIN)
        over.set()
        await renewing

    # The loops

    async def _begin(self) -> None:
        await asyncio.to_thread(self._recovery.renew)
        await self._keep_books(partial(self.bootstrap, logging_level=None))

    def _tidy(self) -> None:
        """What RQ's own loop does now and then: say that we live, and let its registries forget what has expired.

        Not its whole maintenance: that would fail a dead worker's job which `recovery` has given to another. So what a
        dead worker had begun is left alone until that is long over.
        """
        self.heartbeat()
        self._queue.started_job_registry.cleanup(current_timestamp() - ABANDONED)
        for registry in (self._queue.finished_job_registry, self._queue.failed_job_registry):
            registry.cleanup()
        clean_worker_registry(self._queue)

    async def _tick(self) -> None:
        await asyncio.to_thread(self._clock.tick)

    async def _renew(self) -> None:
        await asyncio.to_thread(self._recovery.renew)
        await asyncio.to_thread(self._recovery.look)

    async def _repeat(self, work: Callable[[], Awaitable[object]], every: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._persist(work, stop)
            await _sleep(every, stop)

    async def _persist(self, work: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        """Do `work`; while the store is out of reach, wait and do it again. All of it can be repeated."""
        backoff = Backoff(LONGEST_WAIT)
        while not stop.is_set():
            try:
                await work()
                return
            except RedisError as error:
                wait = backoff.next()
                log.warning("the store is out of reach (%s); next try in %.1f s", type(error).__name__, wait)
                await _sleep(wait, stop)

    async def _take_jobs(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if len(self._in_hand) >= IN_FLIGHT:
                await asyncio.wait(self._in_hand.values(), timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                continue
            taken: list[str] = []
            await self._persist(partial(self._take, taken), stop)
            for job_id in taken:
                self._start(job_id)

    async def _take(self, taken: list[str]) -> None:
        """Move the next job into this worker's list, waiting up to a second for one.

        A reply lost on the way leaves a job in the list that nobody works on: whatever is there and not in hand
        is taken first.
        """
        if await asyncio.to_thread(is_suspended, self._redis):
            await asyncio.sleep(1)
            return
        mine = keys.processing(self.name)
        left = await asyncio.to_thread(self._redis.lrange, mine, 0, -1)
        taken.extend(job_id for job_id in texts(left) if job_id not in self._in_hand)
        if not taken:
            moved = await asyncio.to_thread(self._redis.blmove, self._queue.key, mine, 1, "LEFT", "RIGHT")
            if moved is not None:
                taken.append(text(moved))

    # One job

    def _start(self, job_id: str) -> None:
        if job_id in self._in_hand:  # the same id twice in the queue: the running one looks again after sending
            return
        task = asyncio.create_task(self._work_on(job_id), name=job_id)
        self._in_hand[job_id] = task
        task.add_done_callback(partial(self._done, job_id))

    def _done(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._in_hand[job_id]
        if not task.cancelled() and (error := task.exception()):
            log.error("job %s: %s", job_id, error, exc_info=error)

    async def _work_on(self, job_id: str) -> None:
        """Run one job. If its books can't be kept, it leaves the list all the same: the ledger still knows of it."""
        kept = False
        try:
            job = await self._keep_books(partial(Job.fetch, job_id, self.connection, JSONSerializer))
            await self._perform(job)
            kept = True
        except NoSuchJobError:
            log.info("job %s has expired", job_id)
        except RedisError as error:
            log.warning("job %s: the store is out of reach (%s)", job_id, type(error).__name__)
        except Exception:
            log.exception("job %s can't be read or its books can't be kept", job_id)
        await self._persist(partial(asyncio.to_thread, self._leave, job_id, kept), asyncio.Event())

    def _leave(self, job_id: str, kept: bool) -> None:
        """Strike a job off the list. One whose books could not be kept must not stay for ever."""
        if not kept:
            self._redis.expire(Job.key_for(job_id), FAILURE_TTL)
        self._redis.lrem(keys.processing(self.name), 0, job_id)

    async def _perform(self, job: Job) -> None:
        execution = await self._keep_books(partial(self.prepare_execution, job))
        await self._keep_books(partial(self.prepare_job_execution, job))
        job.started_at = rq_now()
        try:
            async with asyncio.timeout(job.timeout):
                result = await job.func(*job.args, **job.kwargs)
        except Exception:
            error = sys.exc_info()
            finish = partial(self._finalize_failure, job, self._queue, execution, error)
        else:
            finish = partial(self._finalize_success, job, self._queue, execution, result)
        if await self._is_ours(job.id):
            await self._keep_books(finish)
        else:  # we slept for longer than our lease: its books are kept by whoever has it now
            log.warning("job %s was given to another worker meanwhile", job.id)
        if len(self._in_hand) <= 1:
            await self._keep_books(partial(self.set_state, WorkerStatus.IDLE))

    async def _is_ours(self, job_id: str) -> bool:
        found = await asyncio.to_thread(self._redis.lpos, keys.processing(self.name), job_id)
        return found is not None

    async def _keep_books(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._books, work)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not past `stop`."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
