"""A request to the Bot API, and the register of the methods that answer one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.bots import Bot
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World


@dataclass(frozen=True)
class Call:
    """One request: which bot asks what of which world. Parameters are as the wire gives them (see `wire`)."""

    world: World
    bot: Bot
    params: Json

    @property
    def room(self) -> Room:
        """The room of `chat_id`. Raises `ApiError` where the bot can't write."""
        return self.world.for_bot(self.bot, self.params.get("chat_id"))

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "")

    def number(self, name: str) -> int:
        """An integer parameter. Raises `ApiError` when it is missing or none."""
        try:
            return int(self.params[name])
        except (KeyError, TypeError, ValueError):
            raise bad_request(f"{name.replace('_', ' ')} is not specified") from None

    def number_or(self, name: str, default: int) -> int:
        """An integer parameter, or the default where it is missing or none (as Telegram reads optional ones)."""
        try:
            return int(self.params[name])
        except (KeyError, TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        return str(self.params.get(name, "")).lower() in ("true", "1")


class Served(dict[str, Callable[[Call], Any]]):
    """Methods by their names in lower case: Telegram does not mind the case. To be used as a decorator."""

    def __call__(self, function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        """Serve a function under its name, `send_message` as `sendMessage`."""
        self[function.__name__.replace("_", "")] = function
        return function
