"""`python -m tests.bench.opened MODULE`: one of Comanda's programs, with Telegram's limits opened wide.

A worker has as many jobs in flight as every other contestant.
"""

from __future__ import annotations

import runpy
import sys

from tests.bench.pipeline.place import IN_FLIGHT, open_the_gate
from workers import worker

if __name__ == "__main__":
    open_the_gate()
    worker.IN_FLIGHT = IN_FLIGHT
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
