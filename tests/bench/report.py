"""The report: sections of rows, each row some named figures, written as tables and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.rounds import Figure


@dataclass(frozen=True)
class Row:
    """What is measured, its cells by column, and what stands behind them."""

    name: str
    cells: dict[str, Figure | str]
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """One of the benchmark's subjects; `aims` says what was aimed at and what was reached."""

    name: str
    title: str
    rows: list[Row]
    aims: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The section for people."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row.cells))
        lines = [["", *columns]]
        lines += [[row.name, *(str(row.cells.get(column, "")) for column in columns)] for row in self.rows]
        widths = [max(len(line[number]) for line in lines) for number in range(len(columns) + 1)]
        text = "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return "\n".join([self.title, "=" * len(self.title), text, *(f"- {aim}" for aim in self.aims), ""])

    def as_json(self) -> dict[str, Any]:
        rows = [
            {
                "name": row.name,
                "cells": {
                    name: cell.as_json() if isinstance(cell, Figure) else cell for name, cell in row.cells.items()
                },
                **row.more,
            }
            for row in self.rows
        ]
        return {"name": self.name, "title": self.title, "rows": rows, "aims": self.aims}


def write(folder: Path, machine: dict[str, Any], versions: dict[str, dict[str, str]], sections: list[Section]) -> Path:
    """Write `report.json` and `report.txt`. Returns the JSON's path."""
    path = folder / "report.json"
    report = {"machine": machine, "versions": versions, "sections": [section.as_json() for section in sections]}
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    (folder / "report.txt").write_text(text(machine, versions, sections), "utf-8")
    return path


def text(machine: dict[str, Any], versions: dict[str, dict[str, str]], sections: list[Section]) -> str:
    """The whole report for people."""
    about = "\n".join(f"{name}: {value}" for name, value in machine.items())
    libraries = "\n".join(
        f"{name}: {', '.join(f'{package} {version}' for package, version in found.items())}"
        for name, found in versions.items()
    )
    return "\n".join([about, libraries, "", *(section.table() for section in sections)])
