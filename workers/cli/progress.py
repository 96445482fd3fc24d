"""How far a command is."""

from __future__ import annotations

import time

import click

QUIET = 2.0  # seconds before a command says how far it is
EVERY = 1.0  # seconds between two times that it does


class Progress:
    """Says on stderr how many of `what` are done, once that takes long."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + QUIET

    def __call__(self, number: int) -> None:
        if time.monotonic() > self._next:
            click.echo(f"{number} {self._what} …", err=True)
            self._next = time.monotonic() + EVERY
