"""The methods of the Bot API that the sandbox serves: one function each, `(call) -> result`.

A new method is one more function with `@method`. Parameters arrive as the wire gives them (see `wire`); what a method
reads it checks, and refuses in Telegram's words.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox import errors
from bot.sandbox.errors import bad_request
from bot.sandbox.markup import Entity, parse_html, units
from bot.sandbox.state import QUERY_LIFE, Bot, Json, Room, Webhook, World

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024  # UTF-16 units after the entities are parsed
DATA_LIMIT = 64  # bytes of callback_data
ANSWER_LIMIT = 200  # characters of a callback answer
COPY_LIMIT = 256  # characters of a copy_text button


@dataclass(frozen=True)
class Call:
    """One request: which bot asks what of which world."""

    world: World
    bot: Bot
    params: Json

    @property
    def room(self) -> Room:
        """The room of `chat_id`."""
        return self.world.for_bot(self.bot, self.params.get("chat_id"))

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "")

    def number(self, name: str) -> int:
        """An integer parameter. Raises `ApiError` when it is missing or none."""
        try:
            return int(self.params[name])
        except (KeyError, TypeError, ValueError):
            raise bad_request(f"{name.replace('_', ' ')} is not specified") from None

    def flag(self, name: str) -> bool:
        return str(self.params.get(name, "")).lower() in ("true", "1")


METHODS: dict[str, Callable[[Call], Any]] = {}
"""Every method by its name in lower case: Telegram does not mind the case."""


def method(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """Serve a function under its name, `send_message` as `sendMessage`."""
    METHODS[function.__name__.replace("_", "")] = function
    return function


# The bot itself


@method
def get_me(call: Call) -> Json:
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }
    return call.bot.user | abilities


@method
def set_my_commands(call: Call) -> bool:
    commands = call.params.get("commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands")
    call.bot.commands = commands
    return True


@method
def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands


@method
def delete_my_commands(call: Call) -> bool:
    call.bot.commands = []
    return True


def _accept(call: Call) -> bool:
    return True


METHODS |= dict.fromkeys(
    ("logout", "close", "setmyname", "setmydescription", "setmyshortdescription", "setchatmenubutton"), _accept
)

# Webhooks (getUpdates waits, so it lives in `updates`)


@method
def set_webhook(call: Call) -> bool:
    url = call.text("url")
    if not url:
        call.bot.webhook = None
        return _drop_pending(call)
    allowed = call.params.get("allowed_updates")
    call.bot.webhook = Webhook(url, call.text("secret_token"), allowed if isinstance(allowed, list) else None)
    return _drop_pending(call)


@method
def delete_webhook(call: Call) -> bool:
    call.bot.webhook = None
    return _drop_pending(call)


def _drop_pending(call: Call) -> bool:
    if call.flag("drop_pending_updates"):
        call.bot.updates.clear()
    call.world.changed("update", bot=call.bot.id)
    return True


@method
def get_webhook_info(call: Call) -> Json:
    hook = call.bot.webhook
    info: Json = {"url": "", "has_custom_certificate": False, "pending_update_count": len(call.bot.updates)}
    if hook:
        info["url"] = hook.url
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
    return info


# Messages


@method
def send_message(call: Call) -> Json:
    room = call.room
    text, entities = _text(call, "text", TEXT_LIMIT, errors.TOO_LONG)
    if not text.strip():
        raise errors.EMPTY
    return _send(call, room, text=text, entities=entities or None)


@method
def send_photo(call: Call) -> Json:
    room = call.room
    photo = call.params.get("photo")
    caption, entities = _text(call, "caption", CAPTION_LIMIT, errors.CAPTION_TOO_LONG)
    if isinstance(photo, tuple):
        file_id = call.world.file(*photo)
    elif photo in call.world.files or str(photo).startswith(("http://", "https://")):
        file_id = str(photo)
    else:
        raise bad_request(
            "there is no photo in the request" if not photo else "wrong file identifier/HTTP URL specified"
        )
    sizes = [{"file_id": file_id, "file_unique_id": f"u{file_id}", "width": 640, "height": 480}]
    return _send(call, room, photo=sizes, caption=caption or None, caption_entities=entities or None)


def _send(call: Call, room: Room, **content: Any) -> Json:
    markup = _markup(call)
    reply = None
    parameters = call.params.get("reply_parameters")
    if isinstance(parameters, dict) and "message_id" in parameters:
        reply = room.messages.get(int(parameters["message_id"]))
        if reply is None and not parameters.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
    quoted = None if reply is None else {key: value for key, value in reply.items() if key != "reply_to_message"}
    sent = call.world.post(room, call.bot.user, **content, reply_to_message=quoted, reply_markup=markup)
    return _as_sent(sent)


@method
def edit_message_text(call: Call) -> Json:
    message = _own_message(call)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    text, entities = _text(call, "text", TEXT_LIMIT, errors.TOO_LONG)
    if not text.strip():
        raise errors.EMPTY
    return _edit(call, message, text=text, entities=entities or None, reply_markup=_markup(call, inline=True))


@method
def edit_message_reply_markup(call: Call) -> Json:
    return _edit(call, _own_message(call), reply_markup=_markup(call, inline=True))


def _own_message(call: Call) -> Json:
    message = call.room.messages.get(call.number("message_id"))
    if message is None:
        raise errors.NO_MESSAGE_TO_EDIT
    if message["from"]["id"] != call.bot.id:
        raise errors.CANT_EDIT
    return message


def _edit(call: Call, message: Json, **content: Any) -> Json:
    if all(message.get(name) == value for name, value in content.items()):
        raise errors.NOT_MODIFIED
    for name, value in content.items():
        if value is None:
            message.pop(name, None)
        else:
            message[name] = value
    call.world.edited(call.room, message)
    return _as_sent(message)


@method
def delete_message(call: Call) -> bool:
    room, number = call.room, call.number("message_id")
    message = room.messages.get(number)
    if message is None:
        raise errors.NO_MESSAGE_TO_DELETE
    if message["from"]["id"] != call.bot.id and room.kind != "private":
        raise bad_request("message can't be deleted")
    call.world.delete(room, number)
    return True


@method
def delete_messages(call: Call) -> bool:
    numbers = call.params.get("message_ids")
    for number in numbers if isinstance(numbers, list) else []:
        if number in call.room.messages:
            call.world.delete(call.room, number)
    return True


@method
def send_chat_action(call: Call) -> bool:
    call.world.changed("typing", room=call.room)
    return True


@method
def answer_callback_query(call: Call) -> bool:
    query = call.world.queries.get(call.text("callback_query_id"))
    if query is None or query.bot != call.bot.id or time.time() - query.at > QUERY_LIFE:
        raise errors.OLD_QUERY
    text = call.text("text")
    if len(text) > ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    query.answer = {"text": text, "show_alert": call.flag("show_alert")}
    call.world.changed("answer", query=call.text("callback_query_id"), answer=query.answer)
    return True


# Chats


@method
def get_chat(call: Call) -> Json:
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    return call.world.chat(call.room) | more


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


@method
def get_chat_member(call: Call) -> Json:
    user_id = call.number("user_id")
    room = call.room
    if user_id not in room.members | room.bots:
        raise bad_request("PARTICIPANT_ID_INVALID" if user_id in call.world.users else "user not found")
    return {"status": "member", "user": call.world.users[user_id]}


@method
def leave_chat(call: Call) -> bool:
    room = call.room
    room.bots.discard(call.bot.id)
    return True


# Parts of requests


def _text(call: Call, name: str, limit: int, too_long: errors.ApiError) -> tuple[str, list[Entity]]:
    source = call.text(name)
    mode = call.text("parse_mode").lower()
    if mode == "html":
        text, entities = parse_html(source)
    elif mode:
        raise bad_request(f"unsupported parse_mode in the sandbox: {mode}")
    else:
        given = call.params.get("entities" if name == "text" else "caption_entities")
        text, entities = source, given if isinstance(given, list) else []
    if units(text) > limit:
        raise too_long
    return text, entities


def _markup(call: Call, inline: bool = False) -> Json | None:
    markup = call.params.get("reply_markup")
    if not isinstance(markup, dict):
        return None
    rows = markup.get("inline_keyboard")
    if rows is None:
        if inline:
            raise bad_request("inline keyboard expected")
        return markup
    for button in (button for row in rows for button in row):
        _check_button(button)
    kept = [row for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _check_button(button: Json) -> None:
    if not str(button.get("text", "")).strip():
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data, copy = button.get("callback_data"), button.get("copy_text")
    if data is not None and not 1 <= len(str(data).encode()) <= DATA_LIMIT:
        raise errors.BAD_BUTTON_DATA
    if copy is not None and not 1 <= len(str(copy.get("text", ""))) <= COPY_LIMIT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if data is None and copy is None and not button.get("url"):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")


def _as_sent(message: Json) -> Json:
    """A message as its sender gets it back: reply keyboards are not part of it."""
    markup = message.get("reply_markup")
    if markup is None or "inline_keyboard" in markup:
        return dict(message)
    return {key: value for key, value in message.items() if key != "reply_markup"}
