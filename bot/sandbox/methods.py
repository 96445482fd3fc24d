"""The methods of the Bot API about the bot itself and its files: one function each.

A new method is one more function with `@served`; what it reads of the parameters it checks, and refuses in Telegram's
words. (getUpdates waits, so it lives in `updates`.)
"""

from __future__ import annotations

from bot.sandbox.attachments import described, path_of
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json

served = Served()

DOWNLOAD_LIMIT = 20 * 1024 * 1024  # bytes; Bot API, getFile


@served
def get_me(call: Call) -> Json:
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": call.bot.inline is not None,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }
    return call.bot.user | abilities


def _accept(call: Call) -> bool:
    return True


served |= dict.fromkeys(("logout", "close"), _accept)


@served
def get_file(call: Call) -> Json:
    """What to download, from `/file/bot{token}/{file_path}`."""
    file_id = call.text("file_id")
    if file_id not in call.world.files:
        raise bad_request("invalid file_id")
    file = described(call.world, file_id)
    if file["file_size"] > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    return file | {"file_path": path_of(call.world, file_id)}
