"""Files as a message shows them: what the Bot API tells of each kind."""

from __future__ import annotations

import mimetypes
from typing import Any, Literal, get_args

from bot.sandbox import pictures
from bot.sandbox.fields import Json
from bot.sandbox.state import World

THUMBNAIL, LARGEST = 320, 1280  # pixels at most; Telegram makes photos no larger

Kind = Literal["photo", "document", "voice", "audio", "video", "video_note", "animation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a file is where its name does not tell.
_TYPES = {"voice": "audio/ogg", "audio": "audio/mpeg", "video": "video/mp4", "animation": "video/mp4"}
_NAMED = ("document", "audio", "video", "animation")
_SHAPED = ("video", "animation")


def attached(world: World, kind: Kind, file_id: str, **told: Any) -> Json:
    """The fields of a message that hold a file. `told` is what its sender says of it, as its `duration`."""
    if kind == "photo":
        return {"photo": [size(world, file_id, THUMBNAIL, "s"), size(world, file_id, LARGEST)]}
    made = described(world, file_id) | {name: value for name, value in told.items() if value is not None}
    name, content = world.files[file_id]
    if kind in _NAMED:
        made["file_name"] = name
    if kind != "video_note":
        made["mime_type"] = mimetypes.guess_type(name)[0] or _TYPES.get(kind, "application/octet-stream")
    if kind in _SHAPED:
        width, height = pictures.size(content)
        made = {"width": width, "height": height} | made
    if kind == "video_note":
        made.setdefault("length", THUMBNAIL)
    if kind == "animation":  # as clients see it that know of documents only
        shown = {key: value for key, value in made.items() if key not in ("width", "height", "duration")}
        return {"animation": made, "document": shown}
    return {kind: made}


def described(world: World, file_id: str) -> Json:
    """What every file has."""
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(world.files[file_id][1])}


def size(world: World, file_id: str, longest: int, suffix: str = "") -> Json:
    """A picture's PhotoSize. A small one is the same file under another name: a browser scales it."""
    name, content = world.files[file_id]
    file_id += suffix
    world.files[file_id] = (name, content)
    width, height = pictures.fitted(*pictures.size(content), longest)
    return described(world, file_id) | {"width": width, "height": height}
