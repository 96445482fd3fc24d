"""All methods of the Bot API that are served, from the modules of their subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox import (
    appearance,
    bot_api,
    chats,
    forwards,
    inline,
    invites,
    media,
    members,
    messages,
    methods,
    payments,
    profile,
    shares,
    topics,
    webapps,
    webhooks,
)
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import NO_METHOD, not_served

_SUBJECTS = (
    appearance,
    chats,
    forwards,
    inline,
    invites,
    media,
    members,
    messages,
    methods,
    payments,
    profile,
    shares,
    topics,
    webapps,
    webhooks,
)
_METHODS = Served()
for _subject in _SUBJECTS:
    _METHODS |= _subject.served
SERVED = bot_api.served({"getupdates", *_METHODS})  # which waits, and so lives in `updates`


def method(name: str) -> Callable[[Call], Any]:
    """The function of a method. Raises `ApiError` for one that does not exist, or only with Telegram."""
    function = _METHODS.get(name.lower())
    if function is not None:
        return function
    known = bot_api.NAMES.get(name.lower())
    raise NO_METHOD if known is None else not_served(known)
