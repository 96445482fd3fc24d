"""What people send besides words: pictures, documents, voice notes, and albums of them."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from uuid import uuid4

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.sandbox.attachments import KINDS, Kind, attached
from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.hearing import captioned, say
from bot.sandbox.rooms import Room
from bot.sandbox.samples import SAMPLES
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError, Say, Verb, Verbs

ALBUM = (2, 10)  # files; Bot API, sendMediaGroup
_WITHOUT_WORDS = ("video_note",)
_ALONE = ("voice", "video_note", "animation")  # never in an album
_AMONG_THEMSELVES = ("document", "audio")  # only in an album of their kind


def _decoded(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error:
        raise ValueError("has to be base64") from None


_SCHEMA = {"type": "string", "contentEncoding": "base64"}
Content = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema(_SCHEMA)]


class File(Verb):
    """A file, in base64; without `content` a small made-up one (there is none for videos)."""

    kind: Kind = "document"
    content: Content | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200)
    caption: str | None = None
    duration: int | None = Field(default=None, ge=0)  # seconds, where the file does not tell


class SendFile(File, Say):
    """A person sends a file. `content` is base64, or an upload of that name in a multipart form.

    Without it a small made-up file is sent (there is none for videos). `duration` is in seconds, if the file does not
    tell.
    """


class SendAlbum(Say):
    """A person sends 2 to 10 photos and videos, or documents, or music as an album: a message for each."""

    files: list[File] = Field(min_length=ALBUM[0], max_length=ALBUM[1])


class Sending:
    """Carries out the verbs about files."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "send_file": (SendFile, self._send_file),
            "send_album": (SendAlbum, self._send_album),
        }

    def _send_file(self, verb: SendFile) -> Json:
        content = self._content(verb)
        return say(self._world, self._find.saying(verb), **content)

    def _send_album(self, verb: SendAlbum) -> Json:
        _check_album(verb.files)
        contents = [self._content(file) for file in verb.files]
        place = self._find.saying(verb)
        album = _unused(place.room)
        sent = [say(self._world, place, **content, media_group_id=album) for content in contents]
        return {"media_group_id": album, "messages": sent}

    def _content(self, file: File) -> Json:
        """The fields of the message."""
        if file.caption and file.kind in _WITHOUT_WORDS:
            raise ControlError("a video note has no caption")
        words = captioned(file.caption)
        name, content = _given(file)
        return attached(self._world, file.kind, self._world.file(name, content), duration=file.duration) | words


def _given(file: File) -> tuple[str, bytes]:
    """Its name and its bytes. Raises `ControlError` where there is nothing to send."""
    name, make = SAMPLES.get(file.kind, ("file", None))
    if file.content is None and make is None:
        raise ControlError(f"content is missing: there is no made-up file of the kind {file.kind}")
    content = make() if file.content is None and make else file.content
    if not content:
        raise ControlError("the file is empty")
    return file.name or name, content


def _check_album(files: list[File]) -> None:
    kinds = {file.kind for file in files}
    if kinds & set(_ALONE):
        allowed = ", ".join(kind for kind in KINDS if kind not in _ALONE)
        raise ControlError(f"an album can't hold that kind; it takes {allowed}")
    if len(kinds) > 1 and kinds & set(_AMONG_THEMSELVES):
        raise ControlError("documents and music can't be mixed with others in an album")


def _unused(room: Room) -> str:
    return f"{room.newest}{uuid4().int % 10**9:09}"
