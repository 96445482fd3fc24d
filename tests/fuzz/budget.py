"""How many inputs each target gets: a small share in the ordinary tests, the same ones each time; many by `make fuzz`.

`FUZZ_INPUTS` names the number of all targets together; `python -m tests.fuzz` sets it.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ORDINARY = 2000  # inputs of all targets in the ordinary tests
SAY_EVERY = 10.0  # seconds between two lines of a long run

ASKED = int(os.environ.get("FUZZ_INPUTS", "0"))
SHARES: dict[str, float] = {}  # by the name of a target's test
RUN: Counter[str] = Counter()  # inputs tried so far

_said = time.monotonic()


def fuzz(share: float, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test that is given so many of each hundred inputs, drawn from `strategies`."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def counted(*args: Any, **kwargs: Any) -> None:
            RUN[test.__name__] += 1
            if ASKED:
                _tell(test.__name__)
            test(*args, **kwargs)

        SHARES[test.__name__] = share
        limits = settings(
            max_examples=max(1, round((ASKED or ORDINARY) * share / 100)),
            derandomize=not ASKED,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            # Inputs are large by intent, and each is given to fixtures that a whole module shares.
            suppress_health_check=list(HealthCheck),
        )
        return limits(given(**strategies)(counted))

    return decorate


def _tell(name: str) -> None:
    """How far a long run is, now and then."""
    global _said  # noqa: PLW0603 - one line of output for all targets
    if time.monotonic() - _said > SAY_EVERY:
        _said = time.monotonic()
        say(f"{sum(RUN.values()):,} of {ASKED:,} inputs, at {name}")


def say(line: str) -> None:
    """Tell the person who waits what happens."""
    print(f"fuzz: {line}", file=sys.stderr, flush=True)
