"""What a bot offers in inline mode: each result as the page lists it, and the message that it becomes when chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.sandbox.attachments import Kind, attached
from bot.sandbox.calls import Call
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.fields import Given, Json, Text, complaint
from bot.sandbox.keyboards import markup_of
from bot.sandbox.messages import preview
from bot.sandbox.shares import contact_of, location_of, venue_of
from bot.sandbox.texts import caption_of, text_of
from bot.sandbox.uploads import file_of

MOST_RESULTS = 50
ID_LIMIT = 64  # bytes
_UNKNOWN_HERE = ("game", "sticker")
# What the fields about the file begin with, and as what kind it is sent.
_FILES: dict[str, tuple[str, Kind]] = {
    "audio": ("audio", "audio"),
    "document": ("document", "document"),
    "gif": ("gif", "animation"),
    "mpeg4_gif": ("mpeg4", "animation"),
    "photo": ("photo", "photo"),
    "video": ("video", "video"),
    "voice": ("voice", "voice"),
}
_OTHERS = {"location": location_of, "venue": venue_of, "contact": contact_of}
_TITLED = ("article", "document", "location", "venue", "video", "voice")
_LISTED = ("type", "id", "title", "description", "thumbnail_url", "first_name", "address", "url")


class _Result(Given):
    type: Text
    id: Text
    title: Text | None = None
    input_message_content: dict[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """One result: what of it is `shown` to choose from, and the fields of its message."""

    id: str
    shown: Json
    content: Json


def results_of(call: Call) -> list[Result]:
    """The results that a request gives. Raises `ApiError` for those that Telegram refuses."""
    given = call.params.get("results") or []
    if not isinstance(given, list):
        raise bad_request("Expected an Array of inline query results")
    if len(given) > MOST_RESULTS:
        raise bad_request("Too many inline query results specified")
    results = [result_of(call, one) for one in given]
    if len({one.id for one in results}) < len(results):
        raise bad_request("RESULT_ID_DUPLICATE")
    return results


def result_of(call: Call, given: Any) -> Result:
    """One result. Raises `ApiError` where Telegram refuses it."""
    if not isinstance(given, dict):
        raise _cant_parse("Inline query result must be an object")
    try:
        result = _Result.model_validate(given)
    except ValidationError as error:
        raise _cant_parse(complaint(error)) from None
    kind = result.type.lower()
    if kind in _UNKNOWN_HERE:
        raise bad_request(f"results of type {kind} are not known to the sandbox")
    if kind != "article" and kind not in _FILES and kind not in _OTHERS:
        raise _cant_parse(f'Type "{kind}" is unsupported in the inline query result')
    if not 0 < len(result.id.encode()) <= ID_LIMIT:
        raise bad_request("RESULT_ID_INVALID")
    if kind in _TITLED and result.title is None:
        raise _cant_parse('Can\'t find field "title"')
    content = _content(call, kind, given)
    keyboard = markup_of(Call(call.world, call.bot, given), inline=True)
    shown = {name: given[name] for name in _LISTED if name in given}
    return Result(result.id, shown, content | ({"reply_markup": keyboard} if keyboard else {}))


def _content(call: Call, kind: str, given: Json) -> Json:
    """The fields of the message: what the result says, else what it is itself."""
    inside = given.get("input_message_content")
    if inside is not None:
        return _said(Call(call.world, call.bot, inside), needed=kind == "article")
    if kind == "article":
        raise _cant_parse('Can\'t find field "message_text"')
    part = Call(call.world, call.bot, given)
    if kind in _OTHERS:
        return _OTHERS[kind](part)
    prefix, sent_as = _FILES[kind]
    name = f"{prefix}_url" if given.get(f"{prefix}_url") else f"{prefix}_file_id"
    if not given.get(name):
        raise _cant_parse(f'Can\'t find field "{name}"')
    duration = given.get(f"{prefix}_duration")
    told = {} if sent_as in ("photo", "document") else {"duration": duration}
    caption, entities = caption_of(part)
    file = attached(call.world, sent_as, file_of(part, given[name], sent_as, name), **told)
    return file | {"caption": caption, "caption_entities": entities}


def _said(call: Call, needed: bool) -> Json:
    """InputMessageContent as the fields of a message."""
    given = call.params
    if given.get("message_text"):
        given = given | {"text": given["message_text"]}
        call = Call(call.world, call.bot, given)
        text, entities = text_of(call)
        return {"text": text, "entities": entities, "link_preview_options": preview(call, text, entities)}
    if "latitude" in given and "longitude" in given:
        return venue_of(call) if "title" in given and "address" in given else location_of(call)
    if "phone_number" in given:
        return contact_of(call)
    if "payload" in given:
        raise bad_request("invoices in inline mode are not known to the sandbox")
    if needed:
        raise _cant_parse("Input message content is not specified")
    raise bad_request("MESSAGE_EMPTY")


def _cant_parse(why: str) -> ApiError:
    return bad_request(f"Can't parse inline query result: {why}")
