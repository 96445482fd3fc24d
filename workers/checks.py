"""What may be wrong with the store and with what runs on it, each with its cure."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from redis import Redis

from flows import keys
from flows.ledger.hearing import DEAF, read_hearing, store_time
from flows.menu import Restaurant, Service
from flows.settings import SETTINGS, names_in_file, nearly
from flows.store import text
from workers import key_types
from workers.durability import ENOUGH, WANTED, shortcomings
from workers.embedded import LOW_DISK
from workers.key_types import BOTS, of_another_type
from workers.reading import printable
from workers.trial import inability

MUCH, TOO_MUCH = 0.75, 0.9  # parts of the memory there is
VERY_ALIKE = 0.88  # of a name in the environment to a setting's, where many names are others' (see difflib)
FULL = 0.8  # part of the connections that the store takes
LATE = timedelta(minutes=2)
"""How late a deadline may be. One that can't be handled is put off by a minute, so it is never as late as this."""


class Level(StrEnum):
    """How bad it is; only a problem makes `comanda doctor` fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    check: str
    level: Level
    says: str
    cure: str = ""


class _Word(BaseModel):
    """What a bot leaves under `keys.listening`: when it last asked for updates, and what hinders it."""

    at: float
    problem: str
    stopped: bool = False  # in order, by the last of its processes


def of_names(environment: Mapping[str, str]) -> Iterator[Check]:
    """Whether what is set is a setting. What is nearly one in `.env` is refused at every start (see `flows.settings`).

    Raises `BadSettings` where that file can't be read.
    """
    in_file = names_in_file()
    for name, times in Counter(in_file).items():
        if times > 1:
            says = f"is in .env {times} times, and only the last one counts"
            yield Check(name, Level.WARNING, says, "keep the line that you mean")
        if name.endswith("_PROXY") or name.startswith("SSL_CERT_"):
            yield Check(name, Level.WARNING, "is not looked at in .env", "set it in the environment of the process")
        elif name not in SETTINGS and not name.startswith(("COMPOSE_", "DOCKER_")):
            yield Check(name, Level.WARNING, "is in .env and no setting", "see .env.example for what there is")
    for name in environment:
        meant = nearly(name, VERY_ALIKE)
        if meant is not None and meant not in environment and meant not in in_file:
            yield Check(name, Level.WARNING, "is in the environment and no setting", f"did you mean {meant}?")


def of_store(redis: Redis, directory: Path | None, replicas: int = 0) -> Iterator[Check]:
    """Whether the store keeps all, on so many replicas too, and has room. Raises `StoreError`.

    `directory` is the embedded one's.
    """
    unable = inability(redis, replicas)
    if unable is not None:
        says, _, cure = unable.rpartition(": ")
        yield Check("store", Level.PROBLEM, says, cure)
    wrong = shortcomings(redis, replicas)
    wanted = WANTED | ({ENOUGH: str(replicas)} if replicas else {})
    cure = "set " + ", ".join(f"`{name} {value}`" for name, value in wanted.items()) + " in its configuration"
    for one in wrong:
        yield Check("store", Level.PROBLEM, f"it may lose acknowledged orders: {one}", cure)
    if not wrong:
        yield Check("store", Level.OK, "keeps on disk what it acknowledges")
    replication: dict[str, Any] = redis.info("replication")
    if replication["role"] != "master":
        cure = "let REDIS_URL name the primary"
        yield Check("store", Level.PROBLEM, "is a replica, so nothing can be written", cure)
    if redis.exists(keys.RESTORING):
        cure = "run `comanda restore FILE` again"
        yield Check("store", Level.PROBLEM, "has half a backup: bringing it back was interrupted", cure)
    yield _memory(redis)
    yield _disk(redis, directory)
    yield from _connections(redis)


def _connections(redis: Redis) -> Iterator[Check]:
    told: dict[str, Any] = redis.info("clients")
    used, most = told["connected_clients"], told.get("maxclients", 0)
    if most and used > most * FULL:
        cure = "raise its `maxclients`, or stop what else uses it: who finds no room has to wait"
        yield Check("connections", Level.WARNING, f"{used} of {most} that the store takes are used", cure)


def _memory(redis: Redis) -> Check:
    info: dict[str, Any] = redis.info("memory")
    limit = info["maxmemory"] or info.get("total_system_memory", 0)
    used = info["used_memory"]
    says = f"{used // 2**20} MB of {limit // 2**20} MB are used"
    cure = "give the store more memory, or raise its `maxmemory`"
    if limit and used > limit * MUCH:
        return Check("memory", Level.PROBLEM if used > limit * TOO_MUCH else Level.WARNING, says, cure)
    return Check("memory", Level.OK, says)


def _disk(redis: Redis, directory: Path | None) -> Check:
    persistence: dict[str, Any] = redis.info("persistence")
    if persistence.get("aof_last_write_status", "ok") != "ok":
        return Check("disk", Level.PROBLEM, "the store can't write to its disk", "make room, then restart the store")
    if directory is None:
        return Check("disk", Level.OK, "the store writes to it")
    free = shutil.disk_usage(directory).free
    says = f"{free // 2**20} MB are free under {directory}"
    if free < LOW_DISK:
        return Check("disk", Level.PROBLEM, says, "make room: a full disk stops the store")
    return Check("disk", Level.OK, says)


def of_keys(redis: Redis) -> Iterator[Check]:
    """Whether something else stands in the place of what all processes share."""
    for one in of_another_type(redis):
        yield Check("store", Level.PROBLEM, f"`{one.key}` {one.says}: whatever needs it fails", one.cure)


def of_restaurants(redis: Redis) -> Iterator[Check]:
    """Whether each restaurant can be read and has a staff chat."""
    restaurants, services = _hash(redis, keys.RESTAURANTS), _hash(redis, keys.SERVICES)
    bad = key_types.of_restaurants(redis)
    for one in bad:
        yield Check("store", Level.PROBLEM, f"`{one.key}` {one.says}: whatever needs it fails", one.cure)
    if not restaurants:
        yield Check("restaurants", Level.WARNING, "there are none", "comanda restaurant import FILE")
    for slug, raw in restaurants.items():
        name = f"restaurant {slug}"
        try:
            Restaurant.model_validate_json(raw)
            service = Service.model_validate_json(services.get(slug, b"{}"))
        except ValidationError:
            yield Check(name, Level.PROBLEM, "can't be read", "see `comanda verify`")
            continue
        if service.staff_chat is None:
            cure = f"open the link of `comanda restaurant invite {slug}` in the staff's chat"
            yield Check(name, Level.WARNING, "has no staff chat, so it gets no orders", cure)
        else:
            key = keys.staff_trouble(slug)
            refused = b"" if any(one.key == key for one in bad) else redis.get(key) or b""
            yield _staff_chat(name, slug, text(refused))


def _staff_chat(name: str, slug: str, trouble: str) -> Check:
    """What there is to say of a staff chat, and of what it refused lately."""
    cure = f"reopen the topic, or write /start with a new invite (`comanda restaurant invite {slug}`) in another one"
    match trouble:
        case "gone":
            says = "its staff chat can't be written into: the bot was blocked, removed, or may not write there"
            cure = f"let the bot in again, or open the link of `comanda restaurant invite {slug}` in another chat"
            return Check(name, Level.PROBLEM, says, cure)
        case "all":
            says = "its staff chat takes no messages: its topic and General are closed, so orders don't arrive"
            return Check(name, Level.PROBLEM, says, f"open General again; {cure}")
        case "topic":
            return Check(name, Level.WARNING, "its topic is closed or deleted, so orders go to General", cure)
        case _:
            return Check(name, Level.OK, "has a staff chat")


def of_processes(redis: Redis, now: datetime) -> Iterator[Check]:
    """Whether bots and workers run, as they say themselves, and keep up."""
    heard = [_bot(redis, bot, now) for bot in BOTS]
    yield from heard
    names: Any = redis.smembers(keys.WORKERS)
    alive = sum(bool(redis.exists(keys.lease(printable(name)))) for name in names)
    if alive:
        yield Check("workers", Level.OK, f"{alive} alive")
    else:
        bots_run = any(one.level is not Level.WARNING for one in heard)
        level = Level.PROBLEM if bots_run else Level.WARNING
        yield Check(
            "workers", level, "none is alive, so nobody is told anything", "start `comanda up` or `comanda worker`"
        )
    yield _deadlines(redis, now)


_MEANWHILE = {
    "customer": ", so cancellations may come too late",
    "restaurant": ", so no order expires until it has",
}


def _bot(redis: Redis, bot: str, now: datetime) -> Check:
    raw = redis.get(keys.listening(bot))
    try:
        word = None if raw is None else _Word.model_validate_json(raw)
    except ValidationError:
        says = "what it says of itself can't be read"
        return Check(f"{bot} bot", Level.PROBLEM, says, "see that it is of the same version as this command")
    if word is None or word.stopped:
        return Check(f"{bot} bot", Level.WARNING, "does not run", f"start `comanda up` or `comanda {bot}-bot`")
    if word.problem:
        says, _, cure = word.problem.partition(": ")
        return Check(f"{bot} bot", Level.PROBLEM, f"gets no updates: {says}", cure or "it tries again by itself")
    heard = read_hearing(redis.hgetall(keys.heard(bot)), now - store_time(redis.time()))  # type: ignore[arg-type]
    deaf = timedelta() if heard is None else now - heard.until
    if deaf > DEAF:
        says = f"has not heard all that people did for {deaf.total_seconds():.0f} s"
        return Check(f"{bot} bot", Level.PROBLEM, f"{says}{_MEANWHILE[bot]}", "see its log, and Telegram's lines above")
    return Check(f"{bot} bot", Level.OK, f"runs, last heard {max(0, now.timestamp() - word.at):.0f} s ago")


def _deadlines(redis: Redis, now: datetime) -> Check:
    first: Any = redis.zrange(keys.DUE, 0, 0, withscores=True)
    if not first:
        return Check("deadlines", Level.OK, "nothing waits")
    member, score = printable(first[0][0]), first[0][1]
    late = now - datetime.fromtimestamp(score, UTC)
    if late > LATE:
        says = f"{member} was due {late.total_seconds():.0f} s ago"
        return Check("deadlines", Level.PROBLEM, says, "see that a worker runs and that its machine is not overloaded")
    return Check("deadlines", Level.OK, f"{redis.zcard(keys.DUE)} wait, none is late")


def _hash(redis: Redis, key: str) -> dict[str, bytes]:
    found: Any = redis.hgetall(key)
    return {printable(field): value for field, value in found.items()}
