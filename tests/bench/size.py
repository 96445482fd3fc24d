"""How much is measured: the full benchmark, or a quick one that mainly shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Seconds, rounds and amounts of every section."""

    name: str
    rounds: int
    seconds: float  # of each run of the pipeline
    pipelines: tuple[tuple[float, int], ...]  # the stand-in's latency in seconds, and worker processes
    orders: tuple[int, ...]  # in the store, for growth
    idle: float  # seconds, for the footprint
    taps: int  # for the latency, of each kind
    backlog: int  # notifications, for the ceiling


# With latency one process is enough: two cores are as full then as with two.
FULL = Size("full", 3, 4.0, ((0.0, 1), (0.0, 2), (0.1, 1)), (10**3, 10**4, 10**5, 10**6), 30.0, 300, 2000)
QUICK = Size("quick", 1, 1.0, ((0.1, 1),), (10**3, 10**4), 3.0, 50, 300)
SIZES = {size.name: size for size in (FULL, QUICK)}
