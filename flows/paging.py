"""Long lists on a message, page by page: Telegram takes no keyboard above some size, and no text above 4096 units.

How large a keyboard may be it does not tell. Bot authors report 100 buttons and some 10 kB of JSON, in which a letter
of many a script takes three bytes. A page is asked for by an entry that is to be on it, so that it is found again when
the list has changed; pages are as equal in length as can be, so that they stay the same when a button's words do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flows.screens import Button, Row, Screen

MOST_BYTES = 9_000  # of a keyboard's JSON, some way below what is reported
MOST_BUTTONS = 100

_STEP = 500  # bytes in which the room for a list is counted, so that a longer word beside it does not change the pages

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """A page of `length` entries (the last page may have fewer) of a list of `number` of them, from `first` on."""

    first: int
    length: int
    number: int

    @property
    def end(self) -> int:
        """The entry after the last one on this page."""
        return min(self.first + self.length, self.number)

    @property
    def is_all(self) -> bool:
        """Whether there is no other page."""
        return self.number <= self.length

    def of(self, entries: Sequence[T]) -> Sequence[T]:
        """What of the list is on this page."""
        return entries[self.first : self.end]

    def pager(self, payload: Callable[[int], str]) -> tuple[Row, ...]:
        """The buttons to turn over, if there is another page; `payload` is of the page with this entry on it."""
        if self.is_all:
            return ()
        last = (self.number - 1) // self.length * self.length
        row = [Button(f"{self.first // self.length + 1}/{last // self.length + 1}", payload(self.end - 1))]
        if self.first > 0:
            row.insert(0, Button("‹", payload(self.first - self.length)))
        if self.first > self.length:
            row.insert(0, Button("«", payload(0)))
        if self.end < self.number:
            row.append(Button("›", payload(self.end)))
        if self.end < last:
            row.append(Button("»", payload(last)))
        return (tuple(row),)


def page_of(rows: Sequence[Row], at: int, beside: Sequence[Row], most: int | None = None) -> Page:
    """The page with row `at` on it, of rows of buttons that share a message with those `beside` them.

    `most` is how many rows a page may have for another reason than its keyboard's size.
    """
    most = len(rows) if most is None else most
    room, buttons = (MOST_BYTES - _bytes(beside)) // _STEP * _STEP, MOST_BUTTONS - _buttons(beside)
    if len(rows) <= most and _bytes(rows) <= room and _buttons(rows) <= buttons:
        return page(len(rows), at, max(1, len(rows)))
    sizes, numbers = [_bytes([row]) for row in rows], [len(row) for row in rows]
    fits = min(fitting(sizes, room - _PAGER_BYTES), fitting(numbers, buttons - _PAGER_BUTTONS))
    return equal_page(len(rows), at, min(fits, most))


def equal_page(number: int, at: int, most: int) -> Page:
    """The page with entry `at` on it, of so many entries on pages of at most `most`, as equal in length as can be."""
    pages = max(1, -(-number // most))
    return page(number, at, max(1, -(-number // pages)))


def page(number: int, at: int, length: int) -> Page:
    """The page with entry `at` on it, or with the nearest that there is, of so many entries on pages of that length."""
    return Page(max(0, min(at, number - 1)) // length * length, length, number)


def fitting(sizes: Sequence[int], room: int) -> int:
    """How many entries of these sizes a page of that room takes: all, or as many as if each were the largest."""
    return max(1, len(sizes) if sum(sizes) <= room else room // max(sizes))


def _buttons(rows: Sequence[Row]) -> int:
    return sum(map(len, rows))


def _bytes(rows: Sequence[Row]) -> int:
    """What the rows take of the keyboard's JSON, written as loosely as libraries do it."""
    return len(json.dumps(Screen("", tuple(rows)).keyboard(), ensure_ascii=False).encode())


_LONGEST_PAGER = Page(500, 1, 1000).pager(lambda first: "0" * 64)
_PAGER_BYTES, _PAGER_BUTTONS = _bytes(_LONGEST_PAGER), _buttons(_LONGEST_PAGER)
