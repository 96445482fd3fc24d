"""Which button of a message is meant."""

from __future__ import annotations

import json

from bot.sandbox.fields import Json
from bot.sandbox.verbs import ControlError


def button_of(message: Json, wanted: str) -> Json:
    """The button with that callback data or text, or with a text of which that is a part.

    Raises `ControlError` where none fits, or several.
    """
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    buttons: list[Json] = [button for row in rows for button in row]
    for same in (
        lambda button: wanted == button.get("callback_data"),
        lambda button: wanted == button["text"],
        lambda button: wanted.lower() in button["text"].lower(),
    ):
        found = [button for button in buttons if same(button)]
        if len({json.dumps(button) for button in found}) == 1:
            return found[0]
        if found:
            raise ControlError(f"{len(found)} buttons fit {wanted!r}: {[button['text'] for button in found]}")
    raise ControlError(f"no button {wanted!r} among {[button['text'] for button in buttons]}")
