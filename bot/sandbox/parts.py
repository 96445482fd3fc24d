"""What many requests have in common: a text with its entities, a keyboard, the message replied to."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.sandbox import errors
from bot.sandbox.calls import Call
from bot.sandbox.errors import bad_request
from bot.sandbox.markdown import parse_markdown, parse_markdown_v2
from bot.sandbox.markup import Entity, parse_html, units, with_found, within
from bot.sandbox.state import Json, Room

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024  # UTF-16 units after the entities are parsed
DATA_LIMIT = 64  # bytes of callback_data
COPY_LIMIT = 256  # characters of a copy_text button


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Entity(_Given):
    type: str
    offset: int = Field(ge=0)
    length: int = Field(gt=0)


class _CopyText(_Given):
    text: str


class _Button(_Given):
    text: str = ""
    callback_data: str | None = None
    url: str | None = None
    copy_text: _CopyText | None = None


class _Reply(_Given):
    message_id: int
    allow_sending_without_reply: bool = False


_MODES = {"html": parse_html, "markdown": parse_markdown, "markdownv2": parse_markdown_v2}
_ACTIONS = {"pay", "web_app", "login_url", "callback_game", "switch_inline_query_chosen_chat"}
_ACTIONS |= {"switch_inline_query", "switch_inline_query_current_chat"}
_ENTITIES = TypeAdapter(list[_Entity])
_ROWS = TypeAdapter(list[list[_Button]])


def text_of(call: Call, name: str = "text") -> tuple[str, list[Entity] | None]:
    """The text with its entities, the found ones among them. Raises `ApiError` for an empty or a long one."""
    text, entities = _marked(call, name, "entities")
    if not text.strip():
        raise errors.EMPTY
    if units(text) > TEXT_LIMIT:
        raise errors.TOO_LONG
    return text, entities or None


def caption_of(call: Call) -> tuple[str | None, list[Entity] | None]:
    """A caption with its entities, or None. Raises `ApiError` for a long one."""
    text, entities = _marked(call, "caption", "caption_entities")
    if units(text) > CAPTION_LIMIT:
        raise errors.CAPTION_TOO_LONG
    return text or None, entities or None


def _marked(call: Call, name: str, given: str) -> tuple[str, list[Entity]]:
    text, entities = call.text(name), _given_entities(call.params.get(given))
    if mode := call.text("parse_mode").lower():
        if mode not in _MODES:
            raise bad_request("unsupported parse_mode")
        text, entities = _MODES[mode](text)
    return text, with_found(text, within(text, entities))


def _given_entities(given: Any) -> list[Entity]:
    if given is None:
        return []
    try:
        return [entity.model_dump() for entity in _ENTITIES.validate_python(given)]
    except ValidationError:
        raise bad_request("can't parse MessageEntity: an entity needs a type, an offset and a length") from None


def markup_of(call: Call, inline: bool = False) -> Json | None:
    """The keyboard. Raises `ApiError` for a wrong one, and for one that is not `inline` where it must be."""
    markup = call.params.get("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        if inline and markup:
            raise bad_request("inline keyboard expected")
        return markup or None
    try:
        rows = _ROWS.validate_python(markup["inline_keyboard"])
    except ValidationError:
        raise bad_request("can't parse inline keyboard button: a field is not of its type") from None
    for button in (button for row in rows for button in row):
        _check(button)
    kept = [[button.model_dump(exclude_none=True) for button in row] for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _check(button: _Button) -> None:
    data, copy = button.callback_data, button.copy_text
    if data is not None and not 1 <= len(data.encode()) <= DATA_LIMIT:
        raise errors.BAD_BUTTON_DATA
    if copy is not None and not 1 <= len(copy.text) <= COPY_LIMIT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    others = (button.model_extra or {}).keys() & _ACTIONS
    if not button.text.strip() or (data is None and copy is None and not button.url and not others):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")


def replied_of(call: Call, room: Room) -> Json | None:
    """The message that is replied to. Raises `ApiError` when it is not there and has to be."""
    given = call.params.get("reply_parameters")
    if given is None:
        return None
    try:
        reply = _Reply.model_validate(given)
    except ValidationError:
        raise bad_request("can't parse reply parameters") from None
    replied = room.messages.get(reply.message_id)
    if replied is None and not reply.allow_sending_without_reply:
        raise bad_request("message to be replied not found")
    return replied
