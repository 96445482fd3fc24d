"""What people send that is no tap: read from an update as it comes, whichever library handles it then.

People send pictures, voices, places and much else to a bot that reads texts. Telegram tells the bot as well of what
nobody has said to it: pinned messages, new members, a new topic. An edited message is an update of its own, and a live
place is edited for hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a person has sent, as far as the answer differs."""

    TEXT = "text"
    EDIT = "edit"
    MEDIA = "media"
    VOICE = "voice"
    STICKER = "sticker"
    PLACE = "place"
    CONTACT = "contact"
    OTHER = "other"


_FIELDS = {
    Kind.TEXT: ("text",),
    Kind.VOICE: ("voice", "audio"),
    Kind.STICKER: ("sticker", "dice", "game"),
    Kind.PLACE: ("location", "venue"),
    Kind.CONTACT: ("contact",),
    Kind.MEDIA: ("photo", "video", "animation", "document", "video_note", "live_photo", "paid_media", "story"),
    Kind.OTHER: ("poll", "checklist", "rich_message"),
}
_KINDS = {field: kind for kind, fields in _FIELDS.items() for field in fields}


def sent(update: Mapping[str, Any]) -> Kind | None:
    """What a person has sent by this update; None where there is nothing to answer.

    That is a service message (or one of a kind that is new to us), an edit of anything but a text, what another bot
    writes, and a channel's post that Telegram has put into its group.
    """
    edited = update.get("edited_message")
    message = update.get("message") or edited
    if not isinstance(message, Mapping) or is_automatic(update):
        return None
    if edited is not None:
        return Kind.EDIT if "text" in message else None
    return next((kind for field, kind in _KINDS.items() if field in message), None)


def is_automatic(update: Mapping[str, Any]) -> bool:
    """Whether no person has written the update's message, but another bot or, for a channel's post, Telegram.

    A person who writes as a group has the name of Telegram's bot for that, and a `sender_chat`.
    """
    message = update.get("message") or update.get("edited_message") or {}
    of_a_bot = (message.get("from") or {}).get("is_bot") and "sender_chat" not in message
    return bool(of_a_bot or message.get("is_automatic_forward"))
