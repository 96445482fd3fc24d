"""The methods of the Bot API about the bot itself and its chats: one function each.

A new method is one more function with `@served`; what it reads of the parameters it checks, and refuses in Telegram's
words. (getUpdates waits, so it lives in `updates`.)
"""

from __future__ import annotations

import re

from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.state import Json

served = Served()

DESCRIPTION_LIMIT = 256  # characters of a command's description
_COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
_SCOPES = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
_SCOPES |= {"chat", "chat_administrators", "chat_member"}


@served
def get_me(call: Call) -> Json:
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }
    return call.bot.user | abilities


@served
def set_my_commands(call: Call) -> bool:
    commands = call.params.get("commands")
    if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
        raise bad_request("can't parse list of bot commands")
    for command in commands:
        if not _COMMAND.fullmatch(str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= DESCRIPTION_LIMIT:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    call.bot.commands[_whose(call)] = commands
    call.world.changed("bot", bot=call.bot.id)
    return True


def _whose(call: Call) -> tuple[str, str]:
    """For which chats and language commands are meant. Raises `ApiError` for a scope that is none."""
    scope = call.params.get("scope") or {"type": "default"}
    if not isinstance(scope, dict) or str(scope.get("type")) not in _SCOPES:
        raise bad_request("can't parse BotCommandScope")
    parts = [scope["type"], *(str(scope[name]) for name in ("chat_id", "user_id") if name in scope)]
    return ":".join(parts), call.text("language_code")


@served
def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands.get(_whose(call), [])


@served
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_whose(call), None)
    return True


def _accept(call: Call) -> bool:
    return True


served |= dict.fromkeys(("logout", "close", "setmyname", "setmydescription", "setmyshortdescription"), _accept)


@served
def get_file(call: Call) -> Json:
    """What to download, from `/file/bot{token}/{file_path}`."""
    file_id = call.text("file_id")
    if file_id not in call.world.files:
        raise bad_request("invalid file_id")
    size = len(call.world.files[file_id][1])
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": file_id}
