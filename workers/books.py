"""RQ's books, kept for many jobs at a time: what RQ writes for each job, written for a batch of them in one step.

Everything is written by RQ's own methods, so `rq info`, registries, results and dashboards stay true. What is rare (a
failure, a retry, a callback, dependents, a webhook) is left to RQ's own procedure, job by job.

All that is used of RQ without being documented is in `NOT_PUBLIC`; `tests/workers/test_like_rq.py` says which of it a
newer RQ has moved, and holds what becomes of jobs against RQ's own `SimpleWorker`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError, WatchError
from rq import Queue
from rq.executions import Execution
from rq.job import Job, Retry
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import BaseWorker
from rq.worker.base import WorkerStatus

from flows.store import is_outage

log = logging.getLogger(__name__)

NOT_PUBLIC: dict[type, tuple[str, ...]] = {
    BaseWorker: (
        "bootstrap",
        "teardown",
        "cleanup_execution",
        "get_heartbeat_ttl",
        "increment_successful_job_count",
        "increment_total_working_time",
        "_finalize_success",
        "_finalize_failure",
    ),
    Execution: ("create",),
    Job: ("prepare_for_execution", "_handle_success", "cleanup", "get_result_ttl", "success_callback"),
}
"""Methods of RQ that its documentation does not mention. Besides: `Job._result` and `BaseWorker.executions`."""

Error = tuple[type[BaseException], BaseException, Any]
"""As `sys.exc_info` gives it."""


@dataclass(frozen=True)
class Ended:
    """A job, begun as `execution`, that has returned `result` or raised `error`."""

    job: Job
    execution: Execution
    result: Any = None
    error: Error | None = None

    @property
    def job_id(self) -> str:
        return self.job.id


class Books:
    """One worker's. Synchronous, and but for `read` not made for threads: one thread at a time."""

    def __init__(self, worker: BaseWorker, queue: Queue, processing: str) -> None:
        """`processing` is the key of the list with the jobs in the worker's hands."""
        self._worker = worker
        self._queue = queue
        self._processing = processing
        self._connection = worker.connection

    def read(self, job_ids: Sequence[str]) -> list[Job]:
        """These jobs, without those that have expired or can't be read. Raises `RedisError` in an outage."""
        try:
            found = Job.fetch_many(job_ids, self._connection, JSONSerializer)
        except Exception as error:  # one of them can't be read
            if _is_outage(error):
                raise
            found = [self._job(job_id) for job_id in job_ids]
        for job_id, job in zip(job_ids, found, strict=True):
            if job is None:
                log.info("job %r has expired", job_id)
        return [job for job in found if job is not None]

    def _job(self, job_id: str) -> Job | None:
        try:
            return Job.fetch_many([job_id], self._connection, JSONSerializer)[0]
        except Exception as error:
            if _is_outage(error):
                raise
            log.exception("job %r can't be read", job_id)
            return None

    def begin(self, jobs: Sequence[Job]) -> dict[str, Execution | None]:
        """Mark these jobs as started. Returns the execution of each, by the job's id.

        None for a job whose books can't be kept: it stands in nobody's way. Raises `RedisError` in an outage.
        """
        begun: dict[str, Execution] = {}
        try:
            self._begin_together(jobs, begun)
        except Exception as error:
            for execution in begun.values():
                del self._worker.executions[execution.id]
            if _is_outage(error):
                raise
            if len(jobs) > 1:
                return {job_id: found for job in jobs for job_id, found in self.begin([job]).items()}
            log.exception("job %s: its books can't be kept", jobs[0].id)
            return {jobs[0].id: None}
        return dict(begun)

    def _begin_together(self, jobs: Sequence[Job], begun: dict[str, Execution]) -> None:
        with self._connection.pipeline() as pipe:
            longest = 0
            for job in jobs:
                ttl = self._worker.get_heartbeat_ttl(job)
                execution = Execution.create(job, ttl, pipeline=pipe, worker_name=self._worker.name)
                self._worker.executions[execution.id] = begun[job.id] = execution
                job.prepare_for_execution(self._worker.name, pipeline=pipe)
                pipe.persist(job.key)
                longest = max(longest, ttl)
            self._worker.set_state(WorkerStatus.BUSY, pipeline=pipe)
            self._worker.heartbeat(longest, pipeline=pipe)
            pipe.execute()

    def end(self, ended: list[Ended], was_last: bool) -> list[Exception | None]:
        """Finish these jobs and strike them off the list. Those that are another worker's by now are left to it.

        Returns for each why its books could not be kept. If they were the last, the worker is idle.
        """
        try:
            ours = self._ours(ended)
            plain = [one for one in ended if one.job_id in ours and self._is_plain(one)]
            if self._end_together(plain):
                ours -= {one.job_id for one in plain}
        except RedisError as error:
            return [error] * len(ended)
        found = [self._end_alone(one) if one.job_id in ours else None for one in ended]
        if was_last:
            try:
                self._worker.set_state(WorkerStatus.IDLE)
            except RedisError as error:  # `rq info` is told with the next job
                log.info("RQ does not know that this worker is idle: %s", type(error).__name__)
        return found

    def _ours(self, ended: list[Ended]) -> set[str]:
        """The ids of those that are still in our hands."""
        with self._connection.pipeline(transaction=False) as pipe:
            for one in ended:
                pipe.lpos(self._processing, one.job_id)
            places = pipe.execute()
        ours = {one.job_id for one, place in zip(ended, places, strict=True) if place is not None}
        for one in ended:
            if one.job_id not in ours:  # we slept for longer than our lease
                log.warning("job %s was given to another worker meanwhile", one.job_id)
        return ours

    def _is_plain(self, one: Ended) -> bool:
        """Whether all that RQ does at its end is in `_stage_success`; the dependents are looked at separately."""
        job = one.job
        try:
            return (
                one.error is None
                and not isinstance(one.result, Retry)
                and job.success_callback is None
                and not job.repeats_left
                and not job.webhooks
                and not job.has_rate_limit
                and job.get_result_ttl(self._worker.default_result_ttl) != 0
            )
        except Exception as error:  # what it has in its hash can't be read, as a callback that nobody can import
            log.info("job %s is finished alone: %s", job.id, error)
            return False

    def _end_together(self, plain: list[Ended]) -> bool:
        """False when that is not possible, and nothing has been written. Raises `RedisError`."""
        if not plain:
            return True
        dependents = [one.job.dependents_key for one in plain]
        with self._connection.pipeline() as pipe:
            pipe.watch(*dependents)  # type: ignore[no-untyped-call]
            if pipe.exists(*dependents):
                return False
            pipe.multi()
            try:
                self._stage_success(pipe, plain)
            except Exception as error:  # a result that can't be stored, say: RQ itself knows what to do about it
                log.info("jobs are finished one by one: %s", error)
                return False
            try:
                pipe.execute()
            except WatchError:
                return False
            except ResponseError as error:
                if is_outage(error):
                    raise
                # A key of one of them is of another type; the server has carried out the rest all the same.
                log.info("jobs are finished one by one: %s", error)
                return False
        return True

    def _stage_success(self, pipe: Pipeline, plain: list[Ended]) -> None:
        """What `BaseWorker.handle_job_success` writes for a job."""
        worked = timedelta()
        for one in plain:
            job, execution = one.job, one.execution
            job.ended_at = job.last_heartbeat = now()
            job._result = one.result
            ttl = job.get_result_ttl(self._worker.default_result_ttl)
            job._handle_success(
                ttl,
                pipeline=pipe,
                worker_name=self._worker.name,
                execution_id=execution.id,
                execution_started_at=execution.created_at,
                execution_ended_at=job.ended_at,
            )
            job.cleanup(ttl, pipeline=pipe, remove_from_queue=False)
            self._worker.cleanup_execution(job, pipeline=pipe, execution=execution)
            self._worker.increment_successful_job_count(pipeline=pipe)
            worked += job.ended_at - (job.started_at or job.ended_at)
            pipe.lrem(self._processing, 1, job.id)
        self._worker.increment_total_working_time(worked, pipe)

    def _end_alone(self, one: Ended) -> Exception | None:
        """Leave it to RQ. Its own errors it has logged by then. Whatever it raises is this job's trouble alone."""
        job, execution = one.job, one.execution
        error = one.error
        try:
            if error is None:
                try:
                    self._worker._finalize_success(job, self._queue, execution, one.result)
                except RedisError:
                    raise
                except Exception:  # as RQ's own `perform_job` does: a callback that raises fails the job
                    error = sys.exc_info()  # type: ignore[assignment]
            if error is not None:
                self._worker._finalize_failure(job, self._queue, execution, error)
            self._connection.lrem(self._processing, 1, job.id)
        except Exception as trouble:
            return trouble
        return None


def _is_outage(error: Exception) -> bool:
    return isinstance(error, RedisError) and is_outage(error)
