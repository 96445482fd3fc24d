"""The table in docs/restaurant-file.md, made from the model. `python -m tests.restaurant_file_table` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import get_origin

from flows.restaurant_file import keys

PAGE = Path(__file__).parents[1] / "docs" / "restaurant-file.md"
BEGIN, END = "<!-- the table: python -m tests.restaurant_file_table writes it -->\n", "<!-- the end of the table -->\n"


def table() -> str:
    """Every key of the model that says what it is, in Markdown; the days of a week stand in the text of `hours`."""
    known = keys()
    rows = ["| key | | what it says | example |", "| --- | --- | --- | --- |"]
    for where, field in known.items():
        if field.description is None:
            continue
        parts = [f"{part}[]" if _is_list(where[: depth + 1]) else part for depth, part in enumerate(where[:-1])]
        needed = "needed" if field.is_required() else ""
        examples = ", ".join(f"`{example}`" for example in field.examples or [])
        rows.append(f"| `{'.'.join([*parts, where[-1]])}` | {needed} | {field.description} | {examples} |")
    return "\n".join(rows) + "\n"


def _is_list(where: tuple[str, ...]) -> bool:
    return get_origin(keys()[where].annotation) is list


def page(written: str) -> str:
    """The page with the table of now."""
    before, _, rest = written.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
