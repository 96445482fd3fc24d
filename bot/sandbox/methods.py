"""The methods of the Bot API about the bot itself, its webhook and its chats: one function each.

A new method is one more function with `@served`; what it reads of the parameters it checks, and refuses in Telegram's
words. (getUpdates waits, so it lives in `updates`.)
"""

from __future__ import annotations

import re

from bot.sandbox import errors
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.state import Json, Webhook

served = Served()

_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")


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
    call.bot.commands = commands
    return True


@served
def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands


@served
def delete_my_commands(call: Call) -> bool:
    call.bot.commands = []
    return True


def _accept(call: Call) -> bool:
    return True


served |= dict.fromkeys(
    ("logout", "close", "setmyname", "setmydescription", "setmyshortdescription", "setchatmenubutton"), _accept
)

# Webhooks


@served
def set_webhook(call: Call) -> bool:
    url, secret = call.text("url"), call.text("secret_token")
    if url and not url.startswith(("http://", "https://")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    allowed = call.params.get("allowed_updates")
    call.bot.webhook = Webhook(url, secret, allowed if isinstance(allowed, list) else None) if url else None
    return _drop_pending(call)


@served
def delete_webhook(call: Call) -> bool:
    call.bot.webhook = None
    return _drop_pending(call)


def _drop_pending(call: Call) -> bool:
    if call.flag("drop_pending_updates"):
        call.bot.updates.clear()
    call.world.changed("update", bot=call.bot.id)
    return True


@served
def get_webhook_info(call: Call) -> Json:
    hook = call.bot.webhook
    info: Json = {"url": "", "has_custom_certificate": False, "pending_update_count": len(call.bot.updates)}
    if hook:
        info |= {"url": hook.url} | ({"allowed_updates": hook.allowed} if hook.allowed else {})
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
    return info


# Chats


@served
def send_chat_action(call: Call) -> bool:
    call.world.changed("typing", room=call.room)
    return True


@served
def get_chat(call: Call) -> Json:
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    return call.world.chat(call.room) | more


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


@served
def get_chat_member(call: Call) -> Json:
    user_id = call.number("user_id")
    room = call.room
    if user_id not in room.members | room.bots:
        raise bad_request("PARTICIPANT_ID_INVALID" if user_id in call.world.users else "user not found")
    return {"status": "member", "user": call.world.users[user_id]}


@served
def leave_chat(call: Call) -> bool:
    room = call.room
    if room.kind == "private":
        raise errors.NO_CHAT
    call.world.leave(room, call.bot, call.bot.user, "left")
    return True


@served
def get_file(call: Call) -> Json:
    """What to download, from `/file/bot{token}/{file_path}`."""
    file_id = call.text("file_id")
    if file_id not in call.world.files:
        raise bad_request("invalid file_id")
    size = len(call.world.files[file_id][1])
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": file_id}
