"""The files that a request brings along or names."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.attachments import Kind, thumbnail
from bot.sandbox.calls import Call
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json

# What Telegram calls the kinds. A picture can't be sent as any of the others, nor they as a picture.
_TYPES = {
    "photo": "Photo",
    "document": "Document",
    "voice": "VoiceNote",
    "audio": "Audio",
    "video": "Video",
    "video_note": "VideoNote",
    "animation": "Animation",
    "thumbnail": "Thumbnail",
    "profile_photo": "ChatPhoto",
}
_PICTURES = ("photo", "thumbnail", "profile_photo")


def file_of(call: Call, given: Any, kind: Kind, name: str) -> str:
    """The id of an uploaded file, of a known one, or of an address (which nobody asks: its content is empty)."""
    if isinstance(given, tuple):
        if not given[1]:
            raise bad_request("file must be non-empty")
        return call.world.file(*given)
    if not given:
        raise bad_request(f"there is no {name.replace('_', ' ')} in the request")
    if str(given) in call.world.files:
        _check_kind(call.world.kinds.get(str(given), kind), kind)
        return str(given)
    if str(given).startswith(("http://", "https://")):
        with suppress(ValueError):  # no address after all
            return call.world.file(PurePosixPath(urlsplit(given).path).name or "file", b"")
    raise bad_request("wrong file identifier/HTTP URL specified")


def _check_kind(real: str, wanted: Kind) -> None:
    """Raises `ApiError` for a file that can't be sent as that (tdlib, FileManager::check_input_file_id)."""
    both_documents = real not in _PICTURES and wanted not in _PICTURES
    small_photo = real == "thumbnail" and wanted == "photo"  # a photo's smaller version: the photo again
    if real != wanted and not both_documents and not small_photo:
        raise bad_request(f"can't use file of type {_TYPES[real]} as {_TYPES[wanted]}")


def thumbnail_of(call: Call) -> Json | None:
    """The preview that is uploaded along with a file."""
    given = call.params.get("thumbnail") or call.params.get("thumb")
    return thumbnail(call.world, *given) if isinstance(given, tuple) and given[1] else None


def within(call: Call, media: Json) -> Call:
    """A request for one of the media that a request describes, with the files that it attaches."""
    prefix = "attach://"
    params = {
        name: call.params.get(value.removeprefix(prefix), value)
        if isinstance(value, str) and value.startswith(prefix)
        else value
        for name, value in media.items()
    }
    return Call(call.world, call.bot, params)
