"""The methods of the Bot API about files: pictures, documents, films, recordings, and albums of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.attachments import KINDS, Kind, attached
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request, not_served
from bot.sandbox.fields import Json
from bot.sandbox.keyboards import markup_of
from bot.sandbox.messages import edit, own_message, send
from bot.sandbox.texts import caption_of
from bot.sandbox.uploads import file_of, thumbnail_of, within

served = Served()

WITH_CAPTION = ("photo", "document", "animation", "audio", "video", "voice")
MOST_IN_ALBUM = 10  # tdlib, check_message_group_message_contents
_IN_ALBUMS = ("photo", "video", "document", "audio")
_AMONG_THEMSELVES = ("document", "audio")  # only in an album of their kind
_LACKING = ("live_photo", "sticker")  # kinds of media that Telegram has
_EDITABLE = ("photo", "document", "animation", "audio", "video")
# What the sender tells of a file of each kind.
_NUMBERS = {
    "audio": ("duration",),
    "voice": ("duration",),
    "video": ("duration", "width", "height", "start_timestamp"),
    "video_note": ("duration", "length"),
    "animation": ("duration", "width", "height"),
}
_TEXTS = {"audio": ("performer", "title")}


def _sending(kind: Kind) -> Callable[[Call], Json]:
    def send_file(call: Call) -> Json:
        return send(call, **_file(call, kind, kind), **_caption(call, kind))

    return send_file


for _kind in KINDS:
    served[f"send{_kind.replace('_', '')}"] = _sending(_kind)


def _file(call: Call, kind: Kind, field: str) -> Json:
    """The fields of a message with the file that a request has in `field`."""
    file_id = file_of(call, call.params.get(field), kind, field)
    told: Json = {name: call.number_or(name, 0) or None for name in _NUMBERS.get(kind, ())}
    told |= {name: call.text(name) or None for name in _TEXTS.get(kind, ())}
    if kind not in ("photo", "voice"):
        told["thumbnail"] = thumbnail_of(call)
    if kind == "video" and call.params.get("cover"):
        told["cover"] = attached(call.world, "photo", file_of(call, call.params["cover"], "photo", "cover"))["photo"]
    return attached(call.world, kind, file_id, **told)


def _caption(call: Call, kind: str) -> Json:
    if kind not in WITH_CAPTION:
        return {}
    caption, entities = caption_of(call)
    shown = kind in ("photo", "video", "animation")
    flags: Json = {
        "show_caption_above_media": (shown and call.flag("show_caption_above_media")) or None,
        "has_media_spoiler": (shown and call.flag("has_spoiler")) or None,
    }
    return {"caption": caption, "caption_entities": entities} | flags


@served
def edit_message_caption(call: Call) -> Json | bool:
    message = own_message(call)
    if not any(kind in message for kind in WITH_CAPTION):
        raise bad_request("there is no caption in the message to edit")
    caption, entities = caption_of(call)
    above = call.flag("show_caption_above_media") or None
    content: Json = {"caption": caption, "caption_entities": entities, "show_caption_above_media": above}
    return edit(call, message, **content, reply_markup=markup_of(call, inline=True))


# Media that a request describes


class _Media(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    media: str


def _described(call: Call, given: Any, kinds: tuple[str, ...]) -> tuple[Kind, Json]:
    """The kind and the fields of a message with a file that a request describes (Bot API, InputMedia)."""
    try:
        media = _Media.model_validate(given)
    except ValidationError:
        raise bad_request("can't parse input media") from None
    kind = next((kind for kind in get_args(Kind) if kind == media.type and kind in kinds), None)
    if media.type in _LACKING:
        raise not_served(f"media of the type {media.type}")
    if kind is None:
        raise bad_request(f'can\'t parse InputMedia: type "{media.type}" is not one of {", ".join(kinds)}')
    inside = within(call, media.model_dump(exclude_none=True))
    return kind, _file(inside, kind, "media") | _caption(inside, kind)


@served
def edit_message_media(call: Call) -> Json | bool:
    message = own_message(call)
    if "text" not in message and not any(kind in message for kind in WITH_CAPTION):
        raise bad_request("message can't be edited")
    kind, media = _described(call, call.params.get("media"), _EDITABLE)
    if "media_group_id" in message and not _fit_together({kind, *(set(_IN_ALBUMS) & message.keys())}):
        raise bad_request("can't change media type in the album")
    gone: Json = dict.fromkeys((*KINDS, "text", "entities", "link_preview_options"))
    return edit(call, message, **gone | media, reply_markup=markup_of(call, inline=True))


@served
def send_media_group(call: Call) -> list[Json]:
    """An album: a message for each of its files, all or none. It has no buttons."""
    given = call.params.get("media")
    if not isinstance(given, list):
        raise bad_request("expected an Array of InputMedia")
    if not given:
        raise bad_request("there are no messages to send")
    if len(given) > MOST_IN_ALBUM:
        raise bad_request("too many messages to send as an album")
    media = [_described(call, one, _IN_ALBUMS) for one in given]
    if not _fit_together({kind for kind, _ in media}):
        raise bad_request("can't use the media of the specified type in the album")
    album = {} if len(media) == 1 else {"media_group_id": str(uuid4().int % 10**17)}
    return [send(call, **content, **album, reply_markup=None) for _, content in media]


def _fit_together(kinds: set[str]) -> bool:
    return len(kinds) == 1 or not kinds & set(_AMONG_THEMSELVES)
