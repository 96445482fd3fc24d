"""The archive: an SQLite file with orders that are over, for any tool that reads such files.

Its tables are described where they are made, below; `sqlite3 FILE .schema` shows the same. Amounts are whole minor
units (850 is 8.50 EUR), and times are ISO 8601 in UTC. `events` has an order's history exactly as the store had it,
and all else in the file follows from that.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import events
from flows.events import AnyEvent
from flows.order import Order, fold
from workers.lasting import sync

APPLICATION, VERSION = 0x436F6D61, 1  # "Coma", and what `PRAGMA user_version` says of these tables
PATIENCE = 5.0  # seconds that another tool may hold the file

_TABLES = (
    """
    CREATE TABLE orders (
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL,       -- what people call it; counted anew by each restaurant each day
        restaurant TEXT NOT NULL,      -- the slug
        restaurant_name TEXT NOT NULL,
        customer_id INTEGER NOT NULL,  -- the Telegram user id
        customer TEXT NOT NULL,        -- the name
        note TEXT NOT NULL,            -- for the kitchen
        placed_at TEXT NOT NULL,
        ended_at TEXT NOT NULL,
        ending TEXT NOT NULL,          -- fulfilled, declined, cancelled, expired or not_collected
        reason TEXT,                   -- of a declined or cancelled one
        total INTEGER NOT NULL,        -- in minor units of the currency
        currency TEXT NOT NULL         -- ISO 4217
    )""",
    """
    CREATE TABLE order_lines (
        order_id TEXT NOT NULL REFERENCES orders (id),
        line INTEGER NOT NULL,         -- from 1
        item_id TEXT NOT NULL,
        name TEXT NOT NULL,
        options TEXT NOT NULL,         -- as "Large, Extra cheese, Onions: No"
        quantity INTEGER NOT NULL,
        unit INTEGER NOT NULL,         -- price of one with its options
        total INTEGER NOT NULL,
        PRIMARY KEY (order_id, line)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE events (
        order_id TEXT NOT NULL REFERENCES orders (id),
        version INTEGER NOT NULL,      -- from 1
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        event TEXT NOT NULL,           -- JSON
        PRIMARY KEY (order_id, version)
    ) WITHOUT ROWID""",
)

_Row = tuple[str | int | None, ...]


class CannotArchive(Exception):
    """The file can't be used; the message says why, in a line."""


@dataclass(frozen=True)
class Rows:
    """All that the file has of one order: its row, its lines', and its events'."""

    order: _Row
    lines: tuple[_Row, ...]
    events: tuple[_Row, ...]

    def history(self) -> list[bytes]:
        """The order's events as the store has them."""
        return [str(row[-1]).encode() for row in self.events]


def rows_of(stored: Sequence[bytes]) -> Rows:
    """What the file is to have of an order with this history. Raises `ValueError` for what it can't have."""
    history = [events.load(raw) for raw in stored]
    order = fold(history)
    if order is None or order.closed_at is None:
        raise ValueError("it is not over")
    texts = [raw.decode() for raw in stored]
    rows = Rows(
        _order_row(order, order.closed_at),
        tuple(_line_rows(order)),
        tuple(_event_row(order, *one) for one in enumerate(zip(history, texts, strict=True), 1)),
    )
    for value in (value for row in (rows.order, *rows.lines) for value in row):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(f"a number of it is too large for SQLite: {value}")
    return rows


def _order_row(order: Order, ended_at: datetime) -> _Row:
    placed = order.placed
    return (
        order.id,
        placed.number,
        placed.restaurant.slug,
        placed.restaurant.name,
        placed.customer.id,
        placed.customer.name,
        placed.note,
        _utc(placed.at),
        _utc(ended_at),
        order.status.value,
        None if order.reason is None else order.reason.value,
        placed.total.minor,
        placed.total.currency,
    )


def _line_rows(order: Order) -> Iterator[_Row]:
    for number, line in enumerate(order.placed.lines, 1):
        options = ", ".join(line.chosen)
        yield order.id, number, line.item_id, line.name, options, line.quantity, line.unit.minor, line.total.minor


def _event_row(order: Order, version: int, event: tuple[AnyEvent, str]) -> _Row:
    return order.id, version, _utc(event[0].at), event[0].kind, event[1]


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


class ArchiveFile:
    """The file at `path`, made if it is not there, and then for its owner only. Everything raises `CannotArchive`."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def add(self, orders: Sequence[Rows]) -> None:
        """Write these in one transaction, in place of what the file may have of the same; on the disk on return."""
        with self._failures(), closing(self._writable()) as db, _transaction(db):
            for rows in orders:
                for table, column in (("events", "order_id"), ("order_lines", "order_id"), ("orders", "id")):
                    db.execute(f"DELETE FROM {table} WHERE {column} = ?", rows.order[:1])  # noqa: S608 - names of ours
                _insert(db, "orders", [rows.order])
                _insert(db, "order_lines", rows.lines)
                _insert(db, "events", rows.events)
        with self._failures():
            sync(self._path)
            sync(self._path.parent)

    def rows(self, ids: Sequence[str]) -> list[Rows | None]:
        """What the file has of each of these orders, read by a connection that has written nothing."""
        with self._failures(), closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as db:
            return [_rows(db, order_id) for order_id in ids]

    def _writable(self) -> sqlite3.Connection:
        """A connection that writes so that what is committed outlives the machine's power."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        try:
            # EXTRA: with FULL alone a commit could be undone, for the journal's removal may not be on the disk yet.
            db.execute("PRAGMA synchronous = EXTRA")
            db.execute("PRAGMA fullfsync = ON")  # macOS: have the disk itself write
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        with _transaction(db):
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for table in _TABLES:
                    db.execute(table)
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.execute(f"PRAGMA user_version = {VERSION}")
        [application], [version] = (
            db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        if application != APPLICATION:
            raise CannotArchive(f"{self._path} is no archive of Comanda")
        if version != VERSION:
            raise CannotArchive(f"{self._path} is of another Comanda: its tables are version {version}, not {VERSION}")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotArchive(f"{self._path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise CannotArchive(f"{self._path}: {error}") from None


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back
        yield


def _insert(db: sqlite3.Connection, table: str, rows: Sequence[_Row]) -> None:
    if rows:
        places = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - a name of ours


def _rows(db: sqlite3.Connection, order_id: str) -> Rows | None:
    order: Any = db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    if order is None:
        return None
    lines = db.execute("SELECT * FROM order_lines WHERE order_id = ? ORDER BY line", (order_id,)).fetchall()
    history = db.execute("SELECT * FROM events WHERE order_id = ? ORDER BY version", (order_id,)).fetchall()
    return Rows(order, tuple(lines), tuple(history))
