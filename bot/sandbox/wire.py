"""Requests as the libraries send them (query, form, multipart, JSON) to plain parameters, and answers back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, ClientResponse, MultipartReader, web

from bot.sandbox.errors import ApiError, bad_request

Json = dict[str, Any]

# Only these are JSON inside a form field; a text of `{"a": 1}` stays the text it is.
STRUCTURED = {"reply_markup", "entities", "caption_entities", "reply_parameters", "link_preview_options"}
STRUCTURED |= {"allowed_updates", "commands", "scope", "message_ids", "menu_button"}
STRUCTURED |= {"media", "prices", "suggested_tip_amounts", "reaction"}
FILE_LIMIT = 10 * 1024 * 1024  # bytes of a photo; Bot API, sendPhoto
ANSWER_LIMIT = 1024 * 1024  # bytes of a webhook's answer that is no upload: a message needs far less


async def read(request: web.Request) -> Json:
    """All parameters of a request; an uploaded file as (name, bytes). Raises `ApiError` for what can't be read."""
    params: Json = dict(request.query)
    try:
        params |= await _body(request)
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "Request Entity Too Large") from None
    return {name: _decoded(name, value) for name, value in params.items()}


async def read_answer(answer: ClientResponse) -> Json:
    """All parameters of a bot's answer to its webhook, which may be a request. Raises `ApiError` as `read` does."""
    try:
        if answer.content_type == "multipart/form-data":
            params = await _multipart(MultipartReader(answer.headers, answer.content))
        else:
            text = (await _bounded(answer)).decode()
            is_json = answer.content_type == "application/json"
            params = (_json_object(text) if text else {}) if is_json else dict(parse_qsl(text))
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    return {name: _decoded(name, value) for name, value in params.items()}


async def _bounded(answer: ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > ANSWER_LIMIT:
            raise ApiError(413, "Request Entity Too Large")
    return bytes(content)


async def _body(request: web.Request) -> Json:
    if request.content_type == "multipart/form-data":
        return await _multipart(await request.multipart())
    if request.content_type != "application/json":
        return dict(await request.post())
    return _json_object(await request.text())


def _json_object(text: str) -> Json:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise bad_request("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("object expected as JSON")
    return body


def _decoded(name: str, value: Any) -> Any:
    if name not in STRUCTURED or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None


async def _multipart(reader: MultipartReader) -> Json:
    params: Json = {}
    uploads: Json = {}
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise bad_request("can't parse multipart form")
        content = await _content(part)
        if part.filename:
            uploads[part.name] = (part.filename, content)
        else:
            params[part.name] = content.decode()
    for name, value in params.items():
        if value.startswith("attach://"):
            params[name] = uploads.get(value.removeprefix("attach://"), value)
    return uploads | params


async def _content(part: BodyPartReader) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > FILE_LIMIT:
            raise ApiError(413, "Request Entity Too Large")
    return bytes(part.decode(bytes(content)))
