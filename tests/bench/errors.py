"""What ends a benchmark without a report."""

from __future__ import annotations


class BrokenRun(Exception):
    """Somebody did not do the whole of their work, so there is nothing to compare; the message says who and what."""
