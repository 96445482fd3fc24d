"""Keeping a world in a file, so that a sandbox that starts again has the same people, chats, messages and ids.

The file is two lines of JSON: what it is, with the checksum of the second line, and the world as a graph. All that the
world has is kept, whatever is added to it, but for `PASSING`: troubles end with the sandbox, and of what happened only
the count goes on.

In the graph each container is a node, `[kind, content]`, and stands elsewhere as `[number of the node]`, so that what
two places share is shared again. A dataclass is kept by its fields: one that is added later gets its default.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import sys
import time
from base64 import b64decode, b64encode
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.fields import Json
from bot.sandbox.journal import Journal
from bot.sandbox.rooms import unused_number
from bot.sandbox.state import World

FORMAT, VERSION = "comanda-sandbox-world", 1
EVERY = 1.0  # seconds between two looks whether something has changed
SHARE = 20  # times as long as saving took, it is not done again: a large world is not to slow its sandbox down

PASSING = {"now", "keyboard_bytes", "offline"}
"""Attributes of the world that belong to the run, not to the world: the clock, a setting, and a trouble."""

_PLAIN = (type(None), bool, int, float, str)
_OWN = "bot.sandbox."


class Unreadable(ValueError):
    """A file that holds no world of this sandbox; the message says why."""


class CannotKeep(Exception):
    """The file can't be used; the message says why, in a line."""


def packed(world: World) -> str:
    """The second line of the file. Raises `TypeError` for what it has no form for."""
    packer = _Packer()
    packer.pack({name: value for name, value in vars(world).items() if name not in PASSING})
    return json.dumps(packer.nodes)


def unpack(line: str, world: World) -> None:
    """Give a new world what a packed one had. Raises `Unreadable`, and leaves the world as it was."""
    try:
        kept = _Unpacker(json.loads(line)).node(0)
        if not isinstance(kept, dict):
            raise TypeError("a world has attributes")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Unreadable(f"it can't be read: {error}") from None
    there = {name: value for name, value in vars(world).items() if name not in PASSING}
    for name, value in kept.items():
        if name in there and type(value) is not (int if isinstance(there[name], Journal) else type(there[name])):
            raise Unreadable(f"its {name} are of another version")
    for name in there.keys() & kept.keys():
        if isinstance(there[name], Journal):
            there[name].last = kept[name]
        else:
            setattr(world, name, kept[name])
    _go_on_beyond(world)


def _go_on_beyond(world: World) -> None:
    """Let numbers begin beyond those that were given out after the last saving."""
    for bot in world.bots.values():
        bot.next_update = max(bot.next_update, unused_number())
    for room in world.rooms.values():
        room.next_message = max(room.next_message, unused_number())
    world.group_ids.upcoming = max(world.group_ids.upcoming, unused_number())


class _Packer:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._known: dict[int, int] = {}

    def pack(self, value: Any) -> Any:
        """The value where it stands: itself, or the number of its node."""
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            return value
        number = self._known.get(id(value))
        if number is None:
            number = self._known[id(value)] = len(self.nodes)
            self.nodes.append(None)
            self.nodes[number] = self._node(value)
        return [number]

    def _node(self, value: Any) -> list[Any]:
        kind = type(value).__name__
        match value:
            case dict():
                return [kind, [[self.pack(key), self.pack(one)] for key, one in value.items()]]
            case set() | frozenset():
                return [kind, [self.pack(one) for one in sorted(value, key=repr)]]
            case list() | tuple() | deque():
                return [kind, [self.pack(one) for one in value]]
            case bytes():
                return [kind, b64encode(value).decode()]
            case Journal():
                return ["last", value.last]
            case _ if is_dataclass(value) and type(value).__module__.startswith(_OWN):
                name = f"{type(value).__module__.removeprefix(_OWN)}:{type(value).__qualname__}"
                return [name, {one.name: self.pack(getattr(value, one.name)) for one in fields(value) if one.init}]
            case _:
                raise TypeError(f"a {kind} can't be kept")


class _Unpacker:
    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes
        self._made: dict[int, Any] = {}

    def node(self, number: int) -> Any:
        if number not in self._made:
            kind, content = self._nodes[number]
            self._made[number] = self._make(kind, content)
        return self._made[number]

    def _value(self, standing: Any) -> Any:
        return self.node(standing[0]) if isinstance(standing, list) else standing

    def _make(self, kind: str, content: Any) -> Any:
        match kind:
            case "dict":
                return {self._value(key): self._value(one) for key, one in content}
            case "list" | "tuple" | "set" | "frozenset" | "deque":
                make: Any = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "deque": deque}[kind]
                return make(map(self._value, content))
            case "bytes":
                return b64decode(content)
            case "last":
                return int(content)
            case _:
                return self._dataclass(kind, content)

    def _dataclass(self, kind: str, content: Json) -> Any:
        module, _, name = kind.partition(":")
        found: Any = getattr(sys.modules[f"{_OWN}{module}"], name)
        if not is_dataclass(found) or not isinstance(found, type):
            raise TypeError(f"{kind} is not known")
        known = {one.name for one in fields(found) if one.init}
        return found(**{name: self._value(one) for name, one in content.items() if name in known})


class Keeper:
    """Has a world read from `path` at the start, and written there whenever it has changed."""

    def __init__(self, world: World, path: Path) -> None:
        self._world = world
        self._path = path
        self._saved: tuple[int, int] | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="keep")  # one file after the other, the last one last
        self._trouble = ""

    def open(self) -> str:
        """Take the file for this sandbox alone and read it. Returns what people should know; else empty.

        Raises `CannotKeep`.
        """
        try:
            self._take()
            return self._read()
        except BlockingIOError:
            raise CannotKeep(f"another sandbox keeps its world in {self._path}: choose another file") from None
        except OSError as error:
            raise CannotKeep(f"{self._path} can't be used to keep the world in: {error.strerror}") from None

    def close(self) -> None:
        """Let another sandbox have the file."""
        self._writer.shutdown()
        os.close(self._lock)

    def _take(self) -> None:
        if self._path.exists() and not self._path.is_file():  # reading a pipe does not end, and a device is not ours
            raise CannotKeep(f"{self._path} can't be used to keep the world in: it is no file")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._lock)
            raise

    def _read(self) -> str:
        try:
            unpack(_checked(self._path.read_bytes()), self._world)
        except FileNotFoundError:
            return ""
        except Unreadable as error:
            aside = self._path.with_name(f"{self._path.name}.{time.strftime('%Y%m%d-%H%M%S')}")
            self._path.replace(aside)
            return f"{self._path} holds no world for this sandbox: {error}. It is {aside} now, and all begins anew."
        return ""

    async def run(self) -> None:
        """Save what changes until cancelled."""
        while True:
            began = time.monotonic()
            await self.save()
            await asyncio.sleep(max(EVERY, SHARE * (time.monotonic() - began)))

    async def save(self) -> None:
        """Save the world, unless it is as it was saved. What keeps it from that is said once; it is tried again."""
        now = self._world.changes.last, self._world.log.last
        if now == self._saved:
            return
        try:
            line = packed(self._world)
            await asyncio.get_running_loop().run_in_executor(self._writer, _write, self._path, line)
        except (OSError, TypeError, RecursionError) as error:
            self._tell(f"what happens can't be kept in {self._path}: {error}")
        else:
            self._saved = now
            self._tell("")

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            print(trouble, file=sys.stderr, flush=True)
        self._trouble = trouble


def _checked(content: bytes) -> str:
    """The second line of a file. Raises `Unreadable`."""
    first, _, line = content.partition(b"\n")
    try:
        header = json.loads(first)
        kind, version, digest = header["format"], header["version"], header["sha256"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise Unreadable("it is a file of something else") from None
    if (kind, version) != (FORMAT, VERSION):
        raise Unreadable("it is of another version, or of something else")
    if hashlib.sha256(line).hexdigest() != digest:
        raise Unreadable("it is damaged")
    return line.decode()


def _write(path: Path, line: str) -> None:
    """Put it in place of what was there, whole and on the disk."""
    content = line.encode()
    header = {"format": FORMAT, "version": VERSION, "sha256": hashlib.sha256(content).hexdigest()}
    new = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            new.unlink()
        raise
