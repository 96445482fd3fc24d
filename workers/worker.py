"""The worker: RQ's bookkeeping around one event loop, with many jobs in flight and connections kept open.

RQ's stock workers run one job at a time (or fork for each) and give a coroutine a new event loop, hence a new TLS
connection for every message. This one takes as many jobs as it has hands free, keeps RQ's books for all of them
together (see `workers.books`), and runs what is between as tasks of one loop.
"""

from __future__ import annotations

import asyncio
import inspect
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
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.suspension import WORKERS_SUSPENDED
from rq.timeouts import JobTimeoutException, TimerDeathPenalty
from rq.utils import current_timestamp
from rq.worker import BaseWorker
from rq.worker_registration import clean_worker_registry

from flows import keys
from flows.backoff import Backoff, pause
from flows.gathering import Gathering
from flows.ledger.orders import FAILURE_TTL
from flows.reactions import QUEUE
from flows.store import Script, Together, is_outage, text, texts, trouble
from workers.books import Books, Ended, Error
from workers.clock import Clock
from workers.recovery import LOOK_EVERY, Recovery

log = logging.getLogger(__name__)

IN_FLIGHT = 128  # jobs one process works on at a time: many may wait for one bot's turn, and the other's go on
TICK = 1.0  # seconds between two looks at the deadlines
DRAIN = 10.0  # seconds that jobs in hand have to finish after the first SIGTERM
LONGEST_WAIT = 5.0  # seconds between two tries while the store is out of reach
ALONE = 0.01  # seconds that a job which is the only one has to get its message out before RQ's books are told of it
END_PAUSE = 0.02  # seconds in which the ends of jobs gather while there are many: only RQ's books wait for them
HEARTBEAT = 30.0  # seconds between two of RQ's own heartbeats, which `rq info` shows

# Whether workers are to rest, what is in this one's list, and what is in it from now on.
_TAKE = Script(
    """#!lua
local queue, mine, suspended, hands = unpack(ARGV)
local left, moved = redis.call('LRANGE', mine, 0, -1), {}
if redis.call('EXISTS', suspended) == 1 then return {1, left, moved} end
for _ = 1, tonumber(hands) do
  local job = redis.call('LMOVE', queue, mine, 'LEFT', 'RIGHT')
  if not job then break end
  table.insert(moved, job)
end
return {0, left, moved}
""",
    lasting=False,
)

ABANDONED = 3600
"""Seconds after its time that an execution counts as that of a worker that died; its job was another's long before."""


class Worker(BaseWorker):
    """Works off one queue. `run` it until `stop` is set; whatever it had not finished goes back to the queue."""

    # Callbacks run in the bookkeeping thread, where a signal can't be used.
    death_penalty_class = TimerDeathPenalty

    def __init__(self, connection: Redis, store: Together, clock: Clock) -> None:
        """`connection` is RQ's own, for RQ changes its time-outs; `store` is for everything else."""
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        super().__init__([queue], name=name, connection=connection, serializer=JSONSerializer, worker_ttl=120)
        self._queue = queue
        self._store = store
        self._redis = store.redis
        self._clock = clock
        self._recovery = Recovery(store.redis, queue.key, name)
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        # RQ's bookkeeping is synchronous and not made for threads: one thread does all of it, off the loop.
        self._bookkeeper = ThreadPoolExecutor(1, thread_name_prefix="rq")
        # And one renews the lease: while the store is slow, jobs have all the others.
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="lease")
        self._books = Books(self, queue, keys.processing(name))
        self._end = Gathering(self._end_all, pause=END_PAUSE)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let the jobs in hand finish for `DRAIN` seconds. Outlives the store's outages."""
        await self._persist(self._begin, stop)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(self._tick, TICK, stop))
            loops.create_task(self._repeat(self._renew, LOOK_EVERY, stop))
            loops.create_task(self._repeat(partial(self._keep_books, self._tidy), HEARTBEAT, stop))
            loops.create_task(self._take_jobs(stop, loops))
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
        started, abandoned = self._queue.started_job_registry, current_timestamp() - ABANDONED
        registries = (self._queue.finished_job_registry, self._queue.failed_job_registry)
        upkeep = (partial(started.cleanup, abandoned), *(registry.cleanup for registry in registries))
        for work in (*upkeep, partial(clean_worker_registry, self._queue)):
            try:
                work()
            except Exception as error:  # an entry that RQ can't read, say: that is in the way of its books only
                if isinstance(error, RedisError) and is_outage(error):
                    raise
                log.exception("RQ's upkeep of its registries failed")

    async def _tick(self) -> None:
        await asyncio.to_thread(self._clock.tick)

    async def _renew(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._keeper, self._recovery.renew_and_look)

    async def _repeat(self, work: Callable[[], Awaitable[object]], every: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._persist(work, stop)
            await pause(every, stop)

    async def _persist(self, work: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        """Do `work`; while the store can't do it, do it again until `stop` is set. All of it can be repeated."""
        backoff = Backoff(LONGEST_WAIT)
        while True:
            try:
                await work()
                return
            except RedisError as error:
                wait = backoff.next()
                log.warning("%s; next try in %.1f s", trouble(error), wait)
                await pause(wait, stop)
            if stop.is_set():
                return

    async def _take_jobs(self, stop: asyncio.Event, loops: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            free = IN_FLIGHT - len(self._in_hand)
            if not free:
                await asyncio.wait(self._in_hand.values(), timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                continue
            taken: dict[str, Job | None] = {}
            await self._persist(partial(self._take, taken, free), stop)
            if taken:
                await self._start(taken, stop, loops)
                await asyncio.sleep(0)  # what these jobs ask for first goes out together with the next taking

    async def _take(self, taken: dict[str, Job | None], free: int) -> None:
        """Move the next jobs, as many as there are hands free, into this worker's list; wait up to a second for one.

        `taken` are their ids and the jobs, None for what can't be read.

        A reply lost on the way leaves a job in the list that nobody works on: whatever is there and not in hand
        is taken first. One that is in hand and comes again (RQ tries it once more, and its end is just being written)
        stays in the list, so that it is found there next time.
        """
        known = set(self._in_hand)
        mine = keys.processing(self.name)
        hands = min(free, max(1, len(known)))
        [[is_suspended, left, moved]] = await self._store.run((_TAKE, self._queue.key, mine, WORKERS_SUSPENDED, hands))
        found = [*(job_id for job_id in texts(left) if job_id not in known), *texts(moved)]
        if is_suspended and not found:
            await asyncio.sleep(1)
        elif found:
            taken.update(await self._keep_books(partial(self._read, found)))
        else:
            taken.update(await asyncio.to_thread(self._wait, mine))
        for job_id in known & taken.keys():
            del taken[job_id]

    def _wait(self, mine: str) -> dict[str, Job | None]:
        """Wait up to a second for a job to move into the list `mine`, and read it."""
        one = self._redis.blmove(self._queue.key, mine, 1, "LEFT", "RIGHT")
        return {} if one is None else self._read([text(one)])

    def _read(self, job_ids: list[str]) -> dict[str, Job | None]:
        return dict.fromkeys(job_ids) | {job.id: job for job in self._books.read(job_ids)}

    # One job

    async def _start(self, taken: dict[str, Job | None], stop: asyncio.Event, loops: asyncio.TaskGroup) -> None:
        """Begin these jobs, each as a task. Whatever can't be read leaves the list: the ledger still knows of it."""
        jobs = [job for job in taken.values() if job is not None]
        if jobs:
            begun = loops.create_task(self._begin_all(jobs, stop))
            for job in jobs:
                task = asyncio.create_task(self._work_on(job, begun), name=job.id)
                self._in_hand[job.id] = task
                task.add_done_callback(partial(self._done, job.id))
            if len(self._in_hand) > 1:  # then larger batches are worth more than the next taking at once
                await asyncio.wait({begun})
        for job_id in taken.keys() - {job.id for job in jobs}:
            await self._persist(partial(asyncio.to_thread, self._leave, job_id), stop)

    async def _begin_all(self, jobs: list[Job], stop: asyncio.Event) -> dict[str, Execution | None]:
        """Have RQ know that these jobs have begun, while they do. Returns their executions by the job's id.

        None of them if the worker stops while the store is out of reach; None for one whose books can't be kept.
        """
        begun: dict[str, Execution | None] = {}

        async def begin() -> None:
            begun.update(await self._keep_books(partial(self._books.begin, jobs)))

        if len(self._in_hand) == 1:
            await asyncio.sleep(ALONE)
        await self._persist(begin, stop)
        return begun

    def _done(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._in_hand[job_id]
        if not task.cancelled() and (error := task.exception()):
            log.error("job %s: %s", job_id, error, exc_info=error)

    async def _work_on(self, job: Job, begun: asyncio.Task[dict[str, Execution | None]]) -> None:
        """Run one job. If its books can't be kept, it leaves the list all the same: the ledger still knows of it."""
        result, error = await self._perform(job)
        executions = await asyncio.shield(begun)
        if job.id not in executions:  # what is in the list goes back to the queue
            return
        execution = executions[job.id]
        try:
            if execution is not None:
                await self._end(Ended(job, execution, result, error))
                return
        except RedisError as lost:
            log.warning("job %s: its books can't be kept: %s", job.id, trouble(lost))
        except Exception:
            log.exception("job %s: its books can't be kept", job.id)
        await self._persist(partial(asyncio.to_thread, self._leave, job.id), asyncio.Event())

    def _leave(self, job_id: str) -> None:
        """Strike a job off the list whose books could not be kept; it must not stay for ever."""
        self._redis.expire(Job.key_for(job_id), FAILURE_TTL)
        self._redis.lrem(keys.processing(self.name), 1, job_id)

    async def _perform(self, job: Job) -> tuple[Any, Error | None]:
        """What the job returns, or what it raises; to end the program is not a job's to decide."""
        try:
            return await _call(job), None
        except (Exception, SystemExit):
            return None, sys.exc_info()  # type: ignore[return-value]

    async def _end_all(self, ended: list[Ended]) -> list[Exception | None]:
        was_last = len(self._in_hand) <= len(ended)
        found: list[Exception | None] = await self._keep_books(partial(self._books.end, ended, was_last))
        return found

    async def _keep_books(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._bookkeeper, work)


async def _call(job: Job) -> Any:
    """What the job returns. Raises what it raises; RQ's `JobTimeoutException` when it takes too long."""
    timed = asyncio.timeout(job.timeout if job.timeout and job.timeout > 0 else None)  # for RQ, -1 is for ever
    try:
        async with timed:
            if inspect.iscoroutinefunction(job.func):
                return await job.func(*job.args, **job.kwargs)
            return await asyncio.to_thread(job.func, *job.args, **job.kwargs)
    except TimeoutError:
        if timed.expired():
            raise JobTimeoutException(f"Task exceeded maximum timeout value ({job.timeout} seconds)") from None
        raise
