"""The methods of the Bot API about pictures and documents."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.attachments import THUMBNAIL, attached, size
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.keyboards import markup_of
from bot.sandbox.messages import edit, own_message, send
from bot.sandbox.texts import caption_of

served = Served()

MEDIA = ("photo", "document")
WITH_CAPTION = ("photo", "document", "animation", "audio", "video", "voice")


@served
def send_photo(call: Call) -> Json:
    return send(call, **_photo(call, call.params.get("photo"), "photo"), **_caption(call))


@served
def send_document(call: Call) -> Json:
    return send(call, **_document(call, call.params.get("document"), "document"), **_caption(call))


@served
def edit_message_caption(call: Call) -> Json | bool:
    message = own_message(call)
    if not any(kind in message for kind in WITH_CAPTION):
        raise bad_request("there is no caption in the message to edit")
    caption, entities = caption_of(call)
    return edit(call, message, caption=caption, caption_entities=entities, reply_markup=markup_of(call, inline=True))


class _Media(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    media: str


@served
def edit_message_media(call: Call) -> Json | bool:
    message = own_message(call)
    try:
        media = _Media.model_validate(call.params.get("media"))
    except ValidationError:
        raise bad_request("can't parse input media") from None
    if media.type not in MEDIA:
        raise bad_request(f"type {media.type} is not known to the sandbox")
    if "text" not in message and not any(kind in message for kind in WITH_CAPTION):
        raise bad_request("message can't be edited")
    given = call.params.get(media.media.removeprefix("attach://")) if "attach://" in media.media else media.media
    inside = Call(call.world, call.bot, media.model_dump())
    make = _photo if media.type == "photo" else _document
    content: Json = dict.fromkeys((*MEDIA, "text", "entities", "link_preview_options"))
    content |= make(call, given, "media") | {"reply_markup": markup_of(call, inline=True)}
    return edit(call, message, **content, **_caption(inside, optional=False))


def _caption(call: Call, optional: bool = True) -> Json:
    caption, entities = caption_of(call)
    flags: Json = {
        "show_caption_above_media": call.flag("show_caption_above_media") or None,
        "has_media_spoiler": call.flag("has_spoiler") or None,
    }
    return {"caption": caption, "caption_entities": entities} | (flags if optional else {})


def _photo(call: Call, given: Any, name: str) -> Json:
    return attached(call.world, "photo", file_of(call, given, name))


def _document(call: Call, given: Any, field: str) -> Json:
    file_id, small = file_of(call, given, field), call.params.get("thumbnail")
    thumbnail = size(call.world, call.world.file(*small), THUMBNAIL) if isinstance(small, tuple) else None
    return attached(call.world, "document", file_id, thumbnail=thumbnail)


def file_of(call: Call, given: Any, name: str) -> str:
    """The id of an uploaded file, of a known one, or of an address (which nobody asks: its content is empty)."""
    if isinstance(given, tuple):
        if not given[1]:
            raise bad_request("file must be non-empty")
        return call.world.file(*given)
    if not given:
        raise bad_request(f"there is no {name} in the request")
    if str(given) in call.world.files:
        return str(given)
    if str(given).startswith(("http://", "https://")):
        with suppress(ValueError):  # no address after all
            return call.world.file(PurePosixPath(urlsplit(given).path).name or "file", b"")
    raise bad_request("wrong file identifier/HTTP URL specified")
