"""Requests as the libraries send them (query, form, multipart, JSON) to plain parameters, and answers back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, ClientResponse, MultipartReader, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from bot.sandbox.errors import ApiError, bad_request

Json = dict[str, Any]

# Only these are JSON inside a form field; a text of `{"a": 1}` stays the text it is.
STRUCTURED = {"reply_markup", "entities", "caption_entities", "reply_parameters", "link_preview_options"}
STRUCTURED |= {"permissions", "allowed_updates", "commands", "scope", "message_ids", "menu_button"}
STRUCTURED |= {"button", "results", "result", "media", "prices", "suggested_tip_amounts", "reaction"}
BODY_LIMIT = 50 * 1024 * 1024  # bytes; Bot API, the largest upload
PHOTO_LIMIT = 10 * 1024 * 1024  # bytes; Bot API, sendPhoto
PARAMETERS_LIMIT = 1024 * 1024  # bytes of all that is no file; tdlib, HttpReader
DEPTH_LIMIT = 100  # brackets in brackets; tdlib, HttpReader
_TOO_LARGE = ApiError(413, "Request Entity Too Large")
_TOO_MANY = ApiError(413, "Request Entity Too Large: too many parameters")


async def read(request: web.Request) -> Json:
    """All parameters of a request; an uploaded file as (name, bytes). Raises `ApiError` for what can't be read.

    Telegram takes what it can read of malformed JSON and answers to that; here it is refused, so that who develops a
    bot learns why a parameter is missing.
    """
    try:
        params = dict(request.query) | await _body(request.content_type, request.headers, request.content)
    except RequestPayloadError:  # compressed or cut into chunks otherwise than it says
        raise bad_request("can't read the request's content") from None
    return _all_decoded(params)


async def read_answer(answer: ClientResponse) -> Json:
    """All parameters of a bot's answer to its webhook, which may be a request. Raises `ApiError` as `read` does."""
    return _all_decoded(await _body(answer.content_type, answer.headers, answer.content))


async def _body(kind: str, headers: Mapping[str, str], content: StreamReader) -> Json:
    try:
        if kind == "multipart/form-data":
            return await _multipart(headers, content)
        text = (await _parameters(content)).decode()
        if kind == "application/json":
            return _json_object(text) if text else {}
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    return {}  # nothing that Telegram reads


async def _parameters(content: StreamReader) -> bytes:
    read = bytearray()
    async for chunk in content.iter_any():
        read += chunk
        if len(read) > PARAMETERS_LIMIT:
            raise _TOO_MANY
    return bytes(read)


def _json_object(text: str) -> Json:
    try:
        body = _parsed(text)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("JSON object expected")
    return body


def _parsed(text: str) -> Any:
    """What the JSON says. Raises `ValueError` where it is none, is too deep, or holds numbers that JSON has not."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError from None
    if _is_deeper(value, DEPTH_LIMIT):
        raise ValueError
    return value


def _no_number(name: str) -> None:
    raise ValueError(name)


def _is_deeper(value: Any, limit: int) -> bool:
    """Whether more lists and objects than that are in each other."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return limit == 0 or any(_is_deeper(one, limit - 1) for one in inner)


def _all_decoded(params: Json) -> Json:
    return {name: _decoded(name, value) for name, value in params.items()}


def _decoded(name: str, value: Any) -> Any:
    if name not in STRUCTURED or not isinstance(value, str):
        return value
    try:
        return _parsed(value)
    except ValueError:
        what = "reply keyboard markup" if name == "reply_markup" else name.replace("_", " ")
        raise bad_request(f"can't parse {what} JSON object") from None


async def _multipart(headers: Mapping[str, str], content: StreamReader) -> Json:
    try:
        return _attached(*await _parts(MultipartReader(headers, content)))
    except UnicodeDecodeError:
        raise
    except (ValueError, HttpProcessingError):  # no boundary, a part without an end, a header that is none
        raise bad_request("can't parse multipart form") from None


async def _parts(reader: MultipartReader) -> tuple[Json, Json]:
    """The fields and the files of a form."""
    params: Json = {}
    uploads: Json = {}
    room, room_of_params = BODY_LIMIT, PARAMETERS_LIMIT
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise bad_request("field name in multipart/form-data not found")
        if part.filename:
            content = await _content(part, room, _TOO_LARGE)
            uploads[part.name] = (part.filename, content)
            room -= len(content)
        else:
            content = await _content(part, room_of_params, _TOO_MANY)
            params[part.name] = content.decode()
            room_of_params -= len(content)
    return params, uploads


async def _content(part: BodyPartReader, room: int, too_large: ApiError) -> bytes:
    """The bytes as they came: Telegram does not mind how a part says it is encoded."""
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > room:
            raise too_large
    return bytes(content)


def _attached(params: Json, uploads: Json) -> Json:
    """The fields with the files that they name in their places."""
    for name, value in params.items():
        if value.startswith("attach://"):
            params[name] = uploads.get(value.removeprefix("attach://"), value)
    found = uploads | params
    photo = found.get("photo")
    if isinstance(photo, tuple) and len(photo[1]) > PHOTO_LIMIT:
        raise _TOO_LARGE
    return found
