"""`python -m tests.bench.opened MODULE`: one of Comanda's programs, with Telegram's limits opened wide."""

from __future__ import annotations

import runpy
import sys

from tests.bench.pipeline.place import open_the_gate

if __name__ == "__main__":
    open_the_gate()
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
