"""What goes wrong with a bot's call, in words for the page."""

from __future__ import annotations

from bot.sandbox.errors import NOT_MODIFIED
from bot.sandbox.fields import Json

_CUT_OFF = {"drop_before": "before it took effect", "drop_after": "after it took effect"}


def of_call(method: str, status: int, answer: Json | None, fault: str) -> str:
    """How a call was refused or cut off, or "" for one that was answered well."""
    if fault in _CUT_OFF:
        return f"{method} cut off {_CUT_OFF[fault]}"
    if answer is None or answer["ok"]:
        return ""
    if answer["description"] == NOT_MODIFIED.description:  # it is as it should be: somebody else was faster
        return ""
    again = answer.get("parameters", {}).get("retry_after")
    if again is not None:
        return f"{method} refused: {status}, again in {again} s"
    said: str = answer["description"]
    return f"{method} refused: {status}, {said.partition(': ')[2] or said}"
