"""The methods of the Bot API about what a bot shows of itself: its name, its commands, its menu button."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError

from bot.sandbox import links
from bot.sandbox.bots import Bot
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Given, Json, Text, complaint
from bot.sandbox.rooms import Room

served = Served()

COMMANDS_LIMIT = 100
COMMAND_LIMIT, DESCRIPTION_LIMIT = 32, 256  # characters of a command and of what it is described by
TEXT_LIMITS = {"name": 64, "description": 512, "short_description": 120}  # characters
_COMMAND = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"([a-z]{2})?")
_GENERAL = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
_OF_A_CHAT = ("chat", "chat_administrators", "chat_member")


# Commands


@served
def set_my_commands(call: Call) -> bool:
    commands = call.params.get("commands")
    if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
        raise bad_request("can't parse list of bot commands")
    if len(commands) > COMMANDS_LIMIT:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    call.bot.commands[_whose(call)] = [_command(one) for one in commands]
    call.world.changed("bot", bot=call.bot.id)
    return True


def _command(given: Json) -> Json:
    name = str(given.get("command", "")).strip().removeprefix("/")
    description = str(given.get("description", "")).strip()
    for what, text, limit in (
        ("Command", name, COMMAND_LIMIT),
        ("Command description", description, DESCRIPTION_LIMIT),
    ):
        if not text:
            raise bad_request(f"{what} must be non-empty")
        if len(text) > limit:
            raise bad_request(f"{what} length must not exceed {limit}")
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


def _whose(call: Call) -> tuple[str, str]:
    """For which chats and language commands are meant. Raises `ApiError` for a scope that is none."""
    scope = call.params.get("scope") or {"type": "default"}
    if not isinstance(scope, dict):
        raise _cant_parse("BotCommandScope must be an Object")
    kind = scope.get("type")
    if not isinstance(kind, str | None):
        raise _cant_parse('Field "type" must be of type String')
    if kind in _GENERAL:
        return str(kind), language_of(call)
    if kind not in _OF_A_CHAT:
        raise _cant_parse("Unsupported type specified" if "type" in scope else 'Can\'t find field "type"')
    if not scope.get("chat_id"):
        raise _cant_parse("Empty chat_id specified" if "chat_id" in scope else 'Can\'t find field "chat_id"')
    room = call.world.for_bot(call.bot, scope["chat_id"])
    if room.kind == "private" and kind != "chat":
        raise bad_request("Can't use specified scope in private chats")
    user = f":{_user(scope)}" if kind == "chat_member" else ""
    return f"{kind}:{room.id}{user}", language_of(call)


def _user(scope: Json) -> int:
    try:
        number = int(scope["user_id"])
    except (KeyError, TypeError, ValueError):
        raise _cant_parse('Can\'t find field "user_id"') from None
    if number <= 0:
        raise _cant_parse("Invalid user_id specified")
    return number


def _cant_parse(why: str) -> Exception:
    return bad_request(f"Can't parse BotCommandScope: {why}")


@served
def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands.get(_whose(call), [])


@served
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_whose(call), None)
    call.world.changed("bot", bot=call.bot.id)
    return True


def commands_for(bot: Bot, room: Room, user: int, language: str) -> list[Json]:
    """What somebody's menu in a chat shows: the narrowest commands that there are (Bot API, BotCommandScope)."""
    for scope in _scopes(room, user):
        for tongue in dict.fromkeys((language[:2], "")):
            if found := bot.commands.get((scope, tongue)):
                return found
    return []


def _scopes(room: Room, user: int) -> Iterator[str]:
    """The scopes that a person in a chat is in, the narrowest first."""
    if room.kind == "private":
        yield from (f"chat:{room.id}", "all_private_chats", "default")
        return
    administrates = user == room.owner
    yield f"chat_member:{room.id}:{user}"
    if administrates:
        yield f"chat_administrators:{room.id}"
    yield f"chat:{room.id}"
    if administrates:
        yield "all_chat_administrators"
    yield from ("all_group_chats", "default")


# Name and descriptions


def language_of(call: Call) -> str:
    """The language of a request, "" for all. Raises `ApiError` for what is none."""
    code = call.text("language_code")
    if not _LANGUAGE.fullmatch(code):
        raise bad_request("Invalid language code specified")
    return code


def _serve_text(what: str) -> None:
    def set_text(call: Call) -> bool:
        text, language = call.text(what), language_of(call)
        if len(text) > TEXT_LIMITS[what]:
            raise bad_request(f"BOT_{what.upper()}_TOO_LONG")
        call.bot.texts[what, language] = text
        if (what, language) == ("name", "") and text:
            call.bot.user["first_name"] = text
        call.world.changed("bot", bot=call.bot.id)
        return True

    def get_text(call: Call) -> Json:
        tongues = (language_of(call), "")
        text = next((found for one in tongues if (found := call.bot.texts.get((what, one)))), "")
        return {what: text or (call.bot.user["first_name"] if what == "name" else "")}

    name = what.replace("_", "")
    served[f"setmy{name}"] = set_text
    served[f"getmy{name}"] = get_text


for _what in TEXT_LIMITS:
    _serve_text(_what)


# The menu button


class _WithUrl(Given):
    url: Text


class _WebAppMenu(Given):
    text: Text
    web_app: _WithUrl


@served
def set_chat_menu_button(call: Call) -> bool:
    button = call.params.get("menu_button") or {"type": "default"}
    if not isinstance(button, dict):
        raise bad_request("Can't parse menu button: MenuButton must be an Object")
    if button.get("type") not in ("commands", "default", "web_app"):
        raise bad_request("Can't parse menu button: MenuButton has unsupported type")
    if button["type"] == "web_app":
        button = _web_app(button)
    call.bot.menus[call.text("chat_id")] = button
    call.world.changed("bot", bot=call.bot.id)
    return True


def _web_app(button: Json) -> Json:
    try:
        menu = _WebAppMenu.model_validate(button)
    except ValidationError as error:
        raise bad_request(f"Can't parse menu button: {complaint(error)}") from None
    try:
        return button | {"web_app": {"url": links.web_app(menu.web_app.url)}}
    except links.LinkError as error:
        raise bad_request(f"Menu button Web App URL '{menu.web_app.url}' is invalid: {error}") from None


@served
def get_chat_menu_button(call: Call) -> Json:
    """The button that was set for that chat or, without one, for all chats: at first the list of commands."""
    chat = call.text("chat_id")
    return call.bot.menus.get(chat, {"type": "default" if chat else "commands"})


def menu_button(bot: Bot, room: Room) -> Json:
    """The button that is seen in a chat."""
    menus = (bot.menus.get(chat, {"type": "default"}) for chat in (str(room.id), ""))
    return next((menu for menu in menus if menu["type"] != "default"), {"type": "commands"})
