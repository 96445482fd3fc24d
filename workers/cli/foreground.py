"""Having the terminal's signals to oneself.

Ctrl-C goes to everybody in the terminal's foreground group. Under `make` that includes make, which then fails however
well we end. So a command started by make makes a group of its own the foreground one, and gives it back at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_terminal() -> Iterator[None]:
    """Ctrl-C reaches only this process, if make started it in a terminal. Otherwise nothing changes."""
    if "MAKELEVEL" not in os.environ or not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = os.getpgrp()
    # Who is not in the foreground is stopped when it touches the terminal's groups, unless it ignores that. And make
    # would not notice if Ctrl-Z stopped us.
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTTOU, signal.SIGTSTP)}
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)
        os.setpgid(0, before)
        for number, handler in ignored.items():
            signal.signal(number, handler)
