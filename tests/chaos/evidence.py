"""What the checker looks at: the sandbox's record of a run, and the event streams of the store.

Like the checker it shares no code with the product: it reads a file of JSON lines and asks the store by redis-py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

Json = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a message showed from `at` (seconds since 1970) on, with what its buttons send."""

    at: float
    text: str
    data: tuple[str, ...]


@dataclass
class Post:
    """A message of a bot, with all that it has shown."""

    room: str
    message: int
    shown: list[Shown]
    deleted: bool = False

    @property
    def at(self) -> float:
        return self.shown[0].at

    @property
    def first(self) -> Shown:
        return self.shown[0]

    @property
    def last(self) -> Shown:
        return self.shown[-1]


@dataclass(frozen=True)
class Tap:
    """Somebody tapped a button in a chat."""

    id: str
    at: float
    user: int
    chat: int
    data: str
    message: int


@dataclass(frozen=True)
class Call:
    """A request of a bot: `fault` is the trouble that was made on purpose, status 0 that it took no effect."""

    at: float
    bot: int
    method: str
    status: int
    fault: str
    tap: str = ""
    text: str = ""
    taps: tuple[str, ...] = ()
    chat: int = 0
    message: int = 0


@dataclass(frozen=True)
class Harm:
    """A kill, a pause, a cut or a fault that was really done, from `at` to `until`."""

    at: float
    until: float
    kind: str
    target: str


@dataclass
class Record:
    """What happened in the chats. `staff` is the room of each restaurant's staff."""

    posts: dict[tuple[str, int], Post] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    blocked: dict[int, float] = field(default_factory=dict)
    harms: list[Harm] = field(default_factory=list)
    staff: dict[str, str] = field(default_factory=dict)
    customer_bot: int = 0

    def calls_by_text(self, beginning: str) -> list[Call]:
        """The answers to taps that begin so."""
        return [call for call in self.calls if call.tap and call.status == 200 and call.text.startswith(beginning)]

    def rooms(self) -> dict[str, list[Post]]:
        """The messages of each room, in their order."""
        rooms: dict[str, list[Post]] = defaultdict(list)
        for post in self.posts.values():
            rooms[post.room].append(post)
        return rooms

    def staff_heard(self) -> list[float]:
        """When the staff's bot got an answer to its question for updates, oldest first."""
        asked = (call for call in self.calls if call.method == "getupdates" and call.bot != self.customer_bot)
        return sorted(call.at for call in asked if call.status == 200 and not call.fault)

    def unanswered_sends(self) -> set[tuple[str, int]]:
        """The messages (by room and id) whose bots never learnt that they were sent: their answer was dropped."""
        found = [call for call in self.calls if call.method == "sendmessage" and call.fault == "drop_after"]
        return {(str(call.chat) if call.chat < 0 else f"{call.bot}:{call.chat}", call.message) for call in found}


def read_record(lines: Iterable[str]) -> Record:
    """The record of a run. Raises `ValueError` or `LookupError` for what is none."""
    record = Record()
    for line in lines:
        entry = json.loads(line)
        match entry.pop("what"):
            case "message":
                _posted(record, entry)
            case "edit":
                if post := record.posts.get((entry["room"], entry["message"])):
                    post.shown.append(_shown(entry))
            case "delete":
                if post := record.posts.get((entry["room"], entry["message"])):
                    post.deleted = True
            case "tap":
                record.taps[entry["tap"]] = Tap(
                    entry["tap"], entry["at"], entry["user"], int(entry["chat"]), entry["data"], entry["message"]
                )
            case "block":
                record.blocked.setdefault(entry["user"], entry["at"])
            case "call":
                record.calls.append(Call(**entry | {"taps": tuple(entry.get("taps", ()))}))
            case "harm":
                record.harms.append(Harm(**entry))
            case "scene":
                record.staff, record.customer_bot = entry["staff"], entry["customer_bot"]
    return record


def _posted(record: Record, entry: Json) -> None:
    post = Post(entry["room"], entry["message"], [_shown(entry)])
    record.posts[entry["room"], entry["message"]] = post


def _shown(entry: Json) -> Shown:
    return Shown(entry["at"], entry["text"], tuple(entry["data"]))


@dataclass
class Ledger:
    """What the store holds: each order's events, and the stream of all of them as (order, version)."""

    orders: dict[str, list[Json]]
    stream: list[tuple[str, int]]


def read_store(url: str) -> Ledger:
    """Read every order and the whole stream."""
    with Redis.from_url(url, decode_responses=True) as redis:
        orders = {
            key.removeprefix("order:"): [json.loads(raw) for raw in redis.lrange(key, 0, -1)]
            for key in redis.scan_iter("order:*", count=1000)
        }
        entries: Any = redis.xrange("events")
    stream = [(fields["order"], int(fields["version"])) for _, fields in entries]
    return Ledger(orders, stream)
