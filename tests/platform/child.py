"""A program for the supervisor's tests: `python -m tests.platform.child BEHAVIOUR NAME FILE`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path


def main() -> None:
    """Behave, and note in the file what happens."""
    behaviour, name, file = sys.argv[1:]

    def note(what: str) -> None:
        with Path(file).open("a") as notes:
            notes.write(f"{name} {what}\n")

    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        note("is asked to stop")
        if behaviour != "stubborn":
            stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    note("starts")
    if behaviour == "crash":
        sys.exit(3)
    if behaviour == "talk":
        sys.stdout.buffer.write(b"caf\xc3\xa9 \xff\nto stdout\n" + b"x" * 20_000 + b"\n")
        sys.stdout.flush()
        sys.stderr.write("and no end of line")
        sys.exit(0)
    while not stop.wait(60):
        pass
    note("ends")


if __name__ == "__main__":
    main()
