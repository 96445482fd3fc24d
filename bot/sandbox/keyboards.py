"""The keyboards under messages and in place of the phone's own, checked as Telegram does (Client::get_reply_markup)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, ValidationError

from bot.sandbox import errors, links
from bot.sandbox.calls import Call
from bot.sandbox.cleaning import is_blank
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Given, Json, Text, complaint

# Telegram publishes neither bound; both are what bot authors report (tginfo/Telegram-Limits 187 and 228,
# python-telegram-bot 5104: 99 buttons with 64 bytes of data each were too long). For reply keyboards some report 300.
MOST_BUTTONS = 100
DATA_LIMIT = 64  # bytes of callback_data
COPY_LIMIT = 256  # characters of a copy_text button
PLACEHOLDER_LIMIT = 64  # characters in an empty input field; Bot API, ReplyKeyboardMarkup

_Style = Annotated[
    Literal["", "default", "primary", "danger", "success"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


class _WithUrl(Given):
    url: Text


class _CopyText(Given):
    text: Text


class _Requested(Given):
    request_id: int


class _Button(Given):
    text: Text
    style: _Style | None = None


class _Inline(_Button):
    """A button of a message. Telegram takes the first of these fields, in this order, for what it does."""

    url: Text | None = None
    callback_data: Text | None = None
    callback_game: dict[str, Any] | None = None
    pay: bool | None = None
    switch_inline_query: Text | None = None
    switch_inline_query_chosen_chat: dict[str, Any] | None = None
    switch_inline_query_current_chat: Text | None = None
    login_url: _WithUrl | None = None
    web_app: _WithUrl | None = None
    copy_text: _CopyText | None = None


class _Key(_Button):
    """A button of a reply keyboard."""

    request_contact: bool | None = None
    request_location: bool | None = None
    request_poll: dict[str, Any] | None = None
    request_users: _Requested | None = None
    request_chat: _Requested | None = None
    web_app: _WithUrl | None = None


class _Markup(Given):
    keyboard: list[Any] | None = None
    inline_keyboard: list[Any] | None = None
    remove_keyboard: bool | None = None
    force_reply: bool | None = None
    selective: bool | None = None
    input_field_placeholder: Text | None = None
    resize_keyboard: bool | None = None
    one_time_keyboard: bool | None = None
    is_persistent: bool | None = None


B = TypeVar("B", bound=_Button)
_ACTIONS = tuple(name for name in _Inline.model_fields if name not in _Button.model_fields)
_NO_ACTION = "Can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"


def markup_of(call: Call, inline: bool = False) -> Json | None:
    """The keyboard. Raises `ApiError` for one that is wrong, too long, or not `inline` where it must be."""
    markup = _markup_of(call, inline)
    if markup is not None and _is_too_long(markup, call.world.keyboard_bytes):
        raise errors.KEYBOARD_TOO_LONG
    return markup


def _is_too_long(markup: Json, most_bytes: int) -> bool:
    """Measured as the libraries write it, but for their escapes: Telegram counts the characters' own bytes."""
    rows = markup.get("inline_keyboard") or markup.get("keyboard") or ()
    return sum(map(len, rows)) > MOST_BUTTONS or len(json.dumps(markup, ensure_ascii=False).encode()) > most_bytes


def _markup_of(call: Call, inline: bool) -> Json | None:
    given = call.params.get("reply_markup")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise bad_request("Object expected as reply markup")
    try:
        markup = _Markup.model_validate(given)
    except ValidationError as error:
        raise bad_request(complaint(error)) from None
    keys = _rows(markup.keyboard, "keyboard", _Key)
    buttons = _rows(markup.inline_keyboard, "inline_keyboard", _Inline)
    if inline and (keys or (not buttons and (markup.remove_keyboard or markup.force_reply))):
        raise bad_request("Inline keyboard expected")
    if keys:
        return _reply_keyboard(call, markup, keys)
    if buttons:
        if any(button.web_app for row in buttons for button in row) and not _in_private(call):
            raise bad_request("BUTTON_TYPE_INVALID")
        return {"inline_keyboard": [[_checked(button) for button in row] for row in buttons]}
    if markup.remove_keyboard:
        return {"remove_keyboard": True} | _set(markup, "selective")
    return {"force_reply": True} | _set(markup, "selective", "input_field_placeholder") if markup.force_reply else None


def _in_private(call: Call) -> bool:
    """Whether the keyboard is for a private chat; one without a chat is of a message that was sent via the bot."""
    return "chat_id" not in call.params or call.room.kind == "private"


def _rows(given: list[Any] | None, name: str, model: type[B]) -> list[list[B]]:
    """The rows that have buttons."""
    inline = model is _Inline
    if any(not isinstance(row, list) for row in given or ()):
        of = " of the InlineKeyboardMarkup" if inline else ""
        raise bad_request(f'Field "{name}"{of} must be an Array of Arrays')
    return [[_parsed(button, model, inline) for button in row] for row in given or () if row]


def _parsed(given: Any, model: type[B], inline: bool) -> B:
    if isinstance(given, str) and not inline:
        given = {"text": given}
    what = "inline keyboard button" if inline else "keyboard button"
    if not isinstance(given, dict):
        must = "InlineKeyboardButton must be an Object" if inline else "KeyboardButton must be a String or an Object"
        raise bad_request(f"Can't parse {what}: {must}")
    try:
        button = model.model_validate(given)
    except ValidationError as error:
        wrong_style = error.errors()[0]["type"] == "literal_error"
        why = "invalid button style specified" if wrong_style else complaint(error)
        raise bad_request(f"Can't parse {what}: {why}") from None
    if is_blank(button.text):
        raise bad_request(f"{what.capitalize()} text must be non-empty")
    return button


_REQUESTED = {
    "request_contact": "Phone number",
    "request_location": "Location",
    "request_poll": "Poll",
    "request_users": "Users",
    "request_chat": "Chats",
}


def _reply_keyboard(call: Call, markup: _Markup, rows: list[list[_Key]]) -> Json:
    private = call.room.kind == "private"
    for key in (key for row in rows for key in row):
        for name, what in _REQUESTED.items():
            if getattr(key, name) and not private:
                raise bad_request(f"{what} can be requested in private chats only")
        if key.web_app:
            if not private:
                raise bad_request("Web App buttons can be used in private chats only")
            _link(key.web_app.url, "Keyboard button Web App", links.web_app)
    if len(markup.input_field_placeholder or "") > PLACEHOLDER_LIMIT:
        raise bad_request("INPUT_FIELD_PLACEHOLDER_INVALID")
    keyboard = [[key.model_dump(exclude_none=True) for key in row] for row in rows]
    names = ("resize_keyboard", "one_time_keyboard", "is_persistent", "selective", "input_field_placeholder")
    return {"keyboard": keyboard} | _set(markup, *names)


def _set(markup: _Markup, *names: str) -> Json:
    return {name: value for name in names if (value := getattr(markup, name))}


def _checked(button: _Inline) -> Json:
    """The button as a message has it: with one action. Raises `ApiError` for one that Telegram refuses."""
    data, copy = button.callback_data, button.copy_text
    if data and not button.url and len(data.encode()) > DATA_LIMIT:
        raise errors.BAD_BUTTON_DATA
    does = next((name for name in _ACTIONS if _does(button, name)), None)
    if does is None:
        raise bad_request(_NO_ACTION)
    if does == "copy_text" and copy and not 1 <= len(copy.text) <= COPY_LIMIT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    plain = {"style"} if button.style in ("", "default") else set()
    kept = button.model_dump(exclude_none=True, exclude=plain | {name for name in _ACTIONS if name != does})
    if button.url and links.user_of(button.url) is None:
        kept["url"] = _link(button.url, "Inline keyboard button")
    if does == "login_url" and button.login_url:
        kept[does]["url"] = _link(button.login_url.url, "Inline keyboard button login", links.secure)
    if does == "web_app" and button.web_app:
        kept[does]["url"] = _link(button.web_app.url, "Inline keyboard button Web App", links.web_app)
    return kept


def _does(button: _Inline, name: str) -> bool:
    value = getattr(button, name)
    return bool(value) if name in ("url", "callback_data") else value is not None


def _link(url: str, whose: str, check: Callable[[str], str] = links.checked) -> str:
    try:
        return check(url)
    except links.LinkError as error:
        raise bad_request(f"{whose} URL '{url}' is invalid: {error}") from None
