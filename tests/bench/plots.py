"""Draws a report's figures as SVG and PNG. It runs in the environment that has matplotlib, knowing nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OURS, LIMIT = "#c2410c", "#15803d"
OTHERS = "#64748b"
COLOURS = {"comanda": OURS, "limit": LIMIT}

Json = dict[str, Any]


def draw(report: Path) -> list[Path]:
    """Every plot for which the report has the figures. Returns the files."""
    sections = {section["name"]: section for section in json.loads(report.read_text("utf-8"))["sections"]}
    drawers = {"pipeline": _pipeline, "growth": _growth, "latency": _latency}
    files = []
    for name, drawer in drawers.items():
        if name in sections:
            figure = drawer(sections[name])
            for ending in ("svg", "png"):
                files.append(report.with_name(f"{name}.{ending}"))
                figure.savefig(files[-1], bbox_inches="tight", dpi=150)
    return files


def _subplots(number: int, width: float, height: float) -> tuple[Any, list[Any]]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, number, figsize=(width * number, height), squeeze=False)
    return figure, list(axes[0])


def _pipeline(section: Json) -> Any:
    columns = [name for name in section["rows"][0]["cells"] if name.startswith("orders/s")]
    figure, axes = _subplots(len(columns), 4.5, 4)
    for axis, column in zip(axes, columns, strict=True):
        rows = sorted(section["rows"], key=lambda row: row["cells"][column]["median"])
        cells = [row["cells"][column] for row in rows]
        medians = [cell["median"] for cell in cells]
        spread = [
            [cell["median"] - cell["least"] for cell in cells],
            [cell["greatest"] - cell["median"] for cell in cells],
        ]
        names = [row["name"] for row in rows]
        axis.barh(names, medians, xerr=spread, color=[COLOURS.get(name, OTHERS) for name in names])
        axis.set_title(column.removeprefix("orders/s (").removesuffix(")"))
        axis.set_xlabel("orders a second")
    return figure


def _growth(section: Json) -> Any:
    columns = [name for name in section["rows"][0]["cells"] if name.endswith(" ms")]
    figure, [axis] = _subplots(1, 6, 4)
    sizes = [int(row["name"].split()[0].replace(",", "")) for row in section["rows"]]
    for column in columns:
        axis.plot(sizes, [row["cells"][column]["median"] for row in section["rows"]], marker="o", label=column[:-3])
    axis.set(xscale="log", xlabel="orders in the store", ylabel="milliseconds", ylim=(0, None))
    axis.legend()
    return figure


def _latency(section: Json) -> Any:
    figure, [axis] = _subplots(1, 6, 4)
    for row in section["rows"]:
        seconds = sorted(second for round_ in row["seconds"] for second in round_)
        shares = [(number + 1) / len(seconds) for number in range(len(seconds))]
        colour = OURS if row["name"].startswith("comanda") else LIMIT
        style = "-" if row["name"].endswith("idle") else "--"
        axis.plot([1000 * second for second in seconds], shares, style, color=colour, label=row["name"])
    axis.set(xscale="log", xlabel="milliseconds from the tap's update to the ticket's request", ylabel="share of taps")
    axis.legend()
    return figure


if __name__ == "__main__":
    for file in draw(Path(sys.argv[1])):
        print(file)
