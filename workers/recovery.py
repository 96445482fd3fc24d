"""Bringing back the jobs of a worker that died.

Each worker moves what it takes into a processing list of its own, under one lease of seconds. A worker whose lease is
missing at two looks, a second apart, is dead (twice, so that a paused store does not expire everybody), and its list
goes back to the front of the queue.
"""

from __future__ import annotations

import logging

from redis import Redis
from redis.exceptions import RedisError

from flows import keys
from flows.store import apart, each, is_outage, texts, trouble

log = logging.getLogger(__name__)

LEASE = 3  # seconds that a worker counts as alive after its last sign of life
LOOK_EVERY = 1.0  # seconds between two looks of one worker at the others


class Recovery:
    """One worker's view of the others."""

    def __init__(self, redis: Redis, queue_key: str, worker: str) -> None:
        self._redis = apart(redis)  # so that signs of life wait for no job's commands
        self._queue_key = queue_key
        self._worker = worker
        self._missing: set[str] = set()
        self._is_told = False  # that the names of the workers can't be read

    def renew(self) -> set[str]:
        """Say that this worker is alive, for `LEASE` seconds. Returns the names of the others."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.lease(self._worker), "1", ex=LEASE)
            pipe.sadd(keys.WORKERS, self._worker)
            pipe.smembers(keys.WORKERS)
            *_, known = each(pipe)
        if isinstance(known, RedisError):  # it lives all the same, and so do the others
            if not self._is_told:
                log.error("the names of the workers can't be read: %s", trouble(known))
            self._is_told = True
            return set()
        self._is_told = False
        return {*texts(known)} - {self._worker}

    def renew_and_look(self) -> int:
        """Put back the jobs of workers missing for the second time. Returns how many jobs."""
        others = self.renew()
        missing = {name for name in others if not self._redis.exists(keys.lease(name))}
        dead, self._missing = missing & self._missing, missing
        return sum(self._put_back_if_possible(name) for name in dead)

    def _put_back_if_possible(self, worker: str) -> int:
        """A list that the store refuses to read, being none, must not keep back the jobs of the others."""
        try:
            return self.put_back(worker)
        except RedisError as error:
            if is_outage(error):
                raise
            log.error("the jobs of worker %r can't be put back: %s", worker, trouble(error))  # noqa: TRY400
            return 0

    def put_back(self, worker: str) -> int:
        """Move a worker's jobs to the front of the queue, in their order, and forget the worker."""
        moved = 0
        while self._redis.lmove(keys.processing(worker), self._queue_key, "RIGHT", "LEFT") is not None:
            moved += 1
        self._redis.srem(keys.WORKERS, worker)
        if moved:
            log.warning("worker %r is gone; %d of its jobs are back in the queue", worker, moved)
        return moved
