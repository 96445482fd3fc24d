"""`python -m workers.tether MODULE …`: run a module as `python -m MODULE …` would, and end with who started it.

Whoever starts it keeps a pipe to its standard input open and writes nothing. When that one dies, however it dies, the
system closes the pipe: then the module gets SIGTERM, as if it had been stopped in order. A pipe works alike on Linux
and macOS, and lets the module finish what it has in hand, unlike a signal at the parent's death (Linux only).
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

FINISH_WITHIN = 15.0  # seconds; as long as the supervisor would have waited


def main() -> None:
    """Run the module named by the first argument."""
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    # Not by sys.stdin: the interpreter can't end while a thread holds that one's lock.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FINISH_WITHIN)
    os._exit(1)


if __name__ == "__main__":
    main()
