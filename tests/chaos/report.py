"""The checker's findings for people, and for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.chaos.checker import Report

LISTED = 20  # problems shown of each sort; the JSON has all


def table(report: Report) -> str:
    """The findings as a Markdown table, then what is broken and what was doubled without a reason."""
    harms = ", ".join(f"{number} × {what}" for what, number in report.harms.items())
    rows = [(name, str(number)) for name, number in report.counts.items()]
    rows += [
        ("longest healing time", f"{report.healing.first:.1f} s"),
        ("longest until all went on", f"{report.healing.last:.1f} s"),
        ("longest wait of all", f"{report.healing.wait:.1f} s"),
    ]
    for kind in ("kill", "pause", "cut", "fault"):
        rows.append((f"{kind}s made", str(sum(n for what, n in report.harms.items() if what.startswith(kind)))))
    wide = max(len(name) for name, _ in rows)
    lines = [f"| {'what':<{wide}} | {'number':>8} |", f"| {'-' * wide} | {'-' * 7}: |"]
    lines += [f"| {name:<{wide}} | {value:>8} |" for name, value in rows]
    lines += ["", f"Done to it: {harms or 'nothing'}."]
    for title, problems in (("BROKEN", report.broken), ("Doubled without a reason", report.unexplained)):
        lines += [f"{title}: {one.kind} {one.order}: {one.what}" for one in problems[:LISTED]]
        lines += [f"{title}: … and {len(problems) - LISTED} more"] if len(problems) > LISTED else []
    return "\n".join(lines)


def as_json(report: Report) -> str:
    return json.dumps(asdict(report) | {"good": report.good}, indent=1, ensure_ascii=False)
