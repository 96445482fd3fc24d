"""What ends a command with one line and exit code 1."""

from __future__ import annotations


class StoreError(Exception):
    """The store can't be used; the message names the cure."""
