"""Ending well at Ctrl-C and SIGTERM, for a command that goes on until then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from workers.supervisor import SIGNALS


class _Stopped(BaseException):
    """Somebody asked us to end. It is no failure: who catches each `Exception` on the way lets it pass."""


@contextmanager
def until_stopped() -> Iterator[Callable[[], None]]:
    """What goes on until Ctrl-C, SIGTERM or a hang-up, and ends well by them.

    It calls what it is given whenever it may be broken off from then on. Until the first call, and while it gives back
    what it holds, a signal waits: a store of which the opening or the closing is broken off would run on.
    """
    asked = may_break_off = False

    def stop() -> None:
        nonlocal may_break_off
        may_break_off = False
        raise _Stopped

    def hear(number: int, _: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if may_break_off:
            stop()

    def unless_stopped() -> None:
        nonlocal may_break_off
        may_break_off = True
        if asked:
            stop()

    # Who ignores one of them wants us to, as nohup does with the hang-up.
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hear) for number in heard}
    try:
        yield unless_stopped
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
