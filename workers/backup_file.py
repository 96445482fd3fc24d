"""The file of a backup: JSON lines in UTF-8, gzipped. Read it with `zcat`.

    {"format": "comanda-backup", "version": 1, "made_at": "2026-03-14T12:00:00+00:00"}
    {"key": "order:…", "type": "list", "value": ["{…}", "{…}"]}
    {"key": "session:77", "type": "string", "value": "{…}", "expires": 1775736000000}
    …
    {"end": true, "keys": {"order": 12, "session": 3, …}, "sha256": "…"}

Each line between the first and the last is a key of the store as `flows/keys.py` describes it. `type` is one of
string, list, set (a list), hash (an object) and zset (an object: member -> score); `expires` is in milliseconds since
1970. Bytes that are no UTF-8 are single surrogates (`\\udc80` and so on, as Python's `surrogateescape` makes them).
`keys` counts the keys by what stands before their first colon, and `sha256` is that of all lines before the last one.
A later version may add to what this one has; a reader refuses a version that is higher than its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any, Literal, get_args

from workers.lasting import sync

FORMAT, VERSION = "comanda-backup", 1

Type = Literal["string", "list", "set", "hash", "zset"]
TYPES: dict[str, Type] = {name: name for name in get_args(Type)}


class BadBackup(Exception):
    """The file is no backup that can be brought back; the message says why, in a line."""


@dataclass(frozen=True)
class Record:
    """A key with its value as text; `expires` in milliseconds since 1970, None for never."""

    key: str
    type: Type
    value: Any
    expires: int | None = None


@dataclass(frozen=True)
class Summary:
    """What a backup has: `keys` by what stands before their first colon."""

    made_at: str
    keys: Counter[str]


class Writer:
    """Writes records behind the header, and counts them."""

    def __init__(self, out: gzip.GzipFile) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.summary = Summary(datetime.now(UTC).isoformat(timespec="seconds"), Counter())
        self._line({"format": FORMAT, "version": VERSION, "made_at": self.summary.made_at})

    def add(self, record: Record) -> None:
        """Write one key."""
        fields = {"key": record.key, "type": record.type, "value": record.value}
        self._line(fields if record.expires is None else fields | {"expires": record.expires})
        self.summary.keys[_kind(record.key)] += 1

    def end(self) -> None:
        """Write the last line."""
        self._line({"end": True, "keys": self.summary.keys, "sha256": self._digest.hexdigest()})

    def _line(self, fields: dict[str, Any]) -> None:
        line = json.dumps(fields).encode() + b"\n"
        self._digest.update(line)
        self._out.write(line)


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A backup that is at `path`, whole and on the disk, once the context is left well; only its owner may read it.

    Otherwise nothing is there that was not before. Raises `OSError`.
    """
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            with gzip.GzipFile(fileobj=file, mode="wb", filename="") as out:
                writer = Writer(out)
                yield writer
                writer.end()
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync(path.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


class Reader:
    """Reads a backup from its beginning. Raises `BadBackup` as soon as it finds that it is none."""

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        self._file = gzip.GzipFile(fileobj=file, mode="rb")
        self._digest = hashlib.sha256()
        self.summary = Summary(_made_at(self._line()), Counter())

    def records(self) -> Iterator[Record]:
        """Every key; raises `BadBackup` at the end if the file is not exactly as it was written."""
        while True:
            digest = self._digest.hexdigest()
            fields = self._line()
            if "end" in fields:
                break
            record = _record(fields)
            self.summary.keys[_kind(record.key)] += 1
            yield record
        if (fields.get("sha256"), fields.get("keys")) != (digest, dict(self.summary.keys)) or self._bytes():
            raise BadBackup("it is damaged: its checksum is another one")

    def _line(self) -> dict[str, Any]:
        line = self._bytes()
        if not line.endswith(b"\n"):
            raise BadBackup("it is damaged: its end is missing")
        self._digest.update(line)
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise BadBackup("it is damaged, or no backup of Comanda: it has a line that is no JSON object")
        return fields

    def _bytes(self) -> bytes:
        try:
            return self._file.readline()
        except gzip.BadGzipFile as error:
            told = "it is no backup of Comanda" if "Not a gzipped file" in str(error) else f"it is damaged: {error}"
            raise BadBackup(told) from None
        except (EOFError, zlib.error) as error:
            raise BadBackup(f"it is damaged: {error}") from None


def _made_at(header: dict[str, Any]) -> str:
    version = header.get("version")
    if header.get("format") != FORMAT or type(version) is not int:
        raise BadBackup("it is no backup of Comanda")
    if version > VERSION:
        raise BadBackup(f"it is of a newer Comanda: its format is version {version}, and this one reads {VERSION}")
    return str(header.get("made_at", "an unknown time"))


def _record(fields: dict[str, Any]) -> Record:
    """A line as a key. Raises `BadBackup` for one that can't be."""
    key, value, expires = fields.get("key"), fields.get("value"), fields.get("expires")
    kind = TYPES.get(str(fields.get("type")))
    if not isinstance(key, str) or kind is None or not _fits(kind, value):
        raise BadBackup("it is damaged: it has a line that is no key")
    if expires is not None and type(expires) is not int:
        raise BadBackup("it is damaged: a key has an end that is no time")
    return Record(key, kind, value, expires)


def _fits(kind: Type, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "list" | "set":
            return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        case "hash":
            return isinstance(value, dict) and bool(value) and all(isinstance(one, str) for one in value.values())
        case "zset":
            return isinstance(value, dict) and bool(value) and all(type(one) in (int, float) for one in value.values())


def _kind(key: str) -> str:
    return key.partition(":")[0]
