"""Files as a message shows them: what the Bot API tells of each kind."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from bot.sandbox import pictures, recordings
from bot.sandbox.fields import Json
from bot.sandbox.state import World

THUMBNAIL, LARGEST = 320, 1280  # pixels at most; Telegram makes photos no larger

Kind = Literal["photo", "document", "voice", "audio", "video", "video_note", "animation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a file is where its name does not tell.
_TYPES = {"voice": "audio/ogg", "audio": "audio/mpeg", "video": "video/mp4", "animation": "video/mp4"}
_NAMED = ("document", "audio", "video", "animation")
_SHAPED = ("video", "animation")
_LASTING = ("voice", "audio", "video", "video_note", "animation")
# Where a file of each kind is downloaded from, and how its name ends there if not as it was sent (tdlib, FileType).
_FOLDERS = {
    "photo": ("photos", ".jpg"),
    "document": ("documents", ""),
    "voice": ("voice", ".oga"),
    "audio": ("music", ""),
    "video": ("videos", ""),
    "video_note": ("video_notes", ".mp4"),
    "animation": ("animations", ""),
    "thumbnail": ("thumbnails", ".jpg"),
    "profile_photo": ("profile_photos", ".jpg"),
}
_SMALL = "s"  # ends the id of a picture's smaller version


def attached(world: World, kind: Kind, file_id: str, **told: Any) -> Json:
    """The fields of a message that hold a file. `told` is what its sender says of it, as its `duration`."""
    world.kinds.setdefault(file_id, kind)
    if kind == "photo":
        return {"photo": [size(world, file_id, THUMBNAIL, _SMALL), size(world, file_id, LARGEST)]}
    made = described(world, file_id) | _measured(world, kind, file_id)
    made |= {name: value for name, value in told.items() if value is not None}
    name, _ = world.files[file_id]
    if kind in _NAMED:
        made["file_name"] = name
    if kind != "video_note":
        made["mime_type"] = mimetypes.guess_type(name)[0] or _TYPES.get(kind, "application/octet-stream")
    if kind == "animation":  # as clients see it that know of documents only
        shown = {key: value for key, value in made.items() if key not in ("width", "height", "duration")}
        return {"animation": made, "document": shown}
    return {kind: made}


def _measured(world: World, kind: Kind, file_id: str) -> Json:
    """What a file of that kind says of itself."""
    _, content = world.files[file_id]
    made: Json = {"duration": recordings.seconds(content)} if kind in _LASTING else {}
    width, height = recordings.size(content) or pictures.size(content)
    if kind == "video_note":
        made["length"] = min(width, height, THUMBNAIL)
    return made | ({"width": width, "height": height} if kind in _SHAPED else {})


def described(world: World, file_id: str) -> Json:
    """What every file has."""
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(world.files[file_id][1])}


def size(world: World, file_id: str, longest: int, suffix: str = "") -> Json:
    """A picture's PhotoSize. A small one is the same file under another name: a browser scales it."""
    name, content = world.files[file_id]
    file_id += suffix
    world.files[file_id] = (name, content)
    world.kinds.setdefault(file_id, "thumbnail" if suffix else "photo")
    width, height = pictures.fitted(*pictures.size(content), longest)
    return described(world, file_id) | {"width": width, "height": height}


def thumbnail(world: World, name: str, content: bytes) -> Json:
    """The PhotoSize of a preview that comes along with a file."""
    file_id = world.file(name, content)
    world.kinds[file_id] = "thumbnail"
    return size(world, file_id, THUMBNAIL)


def path_of(world: World, file_id: str) -> str:
    """From where a file is downloaded, as `photos/file_7.jpg`."""
    folder, ending = _FOLDERS[world.kinds.get(file_id, "document")]
    ending = ending or PurePosixPath(world.files[file_id][0]).suffix
    return f"{folder}/{file_id.removesuffix(_SMALL).replace('file', 'file_')}{ending}"


def found_at(world: World, path: str) -> str | None:
    """The id of the file that is downloaded from there."""
    stem = PurePosixPath(path).name.partition(".")[0].replace("_", "")
    both = (stem, stem + _SMALL)
    return next((file_id for file_id in both if file_id in world.files and path_of(world, file_id) == path), None)
