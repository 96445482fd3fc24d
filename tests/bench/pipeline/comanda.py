"""`python -m tests.bench.pipeline.comanda`: Comanda's own worker process, with Telegram's limits opened wide."""

from __future__ import annotations

from tests.bench.pipeline.place import open_the_gate
from workers.__main__ import main

if __name__ == "__main__":
    open_the_gate()
    main()
