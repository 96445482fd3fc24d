"""Trouble on demand: answers that fail, come late, or get lost after they took effect, and updates that come twice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.sandbox.errors import ApiError
from bot.sandbox.verbs import Verb


class Fault(Verb):
    """What goes wrong with the next `times` calls that match; None in a field matches everything.

    `drop_before` and `drop_after` close the connection before or after the call took effect. `duplicate_update` is
    about updates: the next ones come again although their bot has confirmed them.
    """

    kind: Literal["429", "500", "502", "latency", "drop_before", "drop_after", "duplicate_update"]
    method: str | None = None
    bot: str | None = None
    chat: int | None = None
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=1)  # seconds, of a 429
    seconds: float = Field(default=0.5, ge=0, le=60)  # of a latency

    def matches(self, method: str, bot: int, chat: str) -> bool:
        return (
            (self.method is None or self.method.lower() == method.lower())
            and (self.bot is None or self.bot == str(bot))
            and (self.chat is None or str(self.chat) == chat)
        )

    def error(self) -> ApiError | None:
        """The answer of the kinds that answer."""
        match self.kind:
            case "429":
                text = f"Too Many Requests: retry after {self.retry_after}"
                return ApiError(429, text, retry_after=self.retry_after)
            case "500":
                return ApiError(500, "Internal Server Error")
            case "502":
                return ApiError(502, "Bad Gateway")
            case _:
                return None


class Faults:
    """The faults that are still to come, each with the id of its bot as `bot`."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._rules.append(fault)

    def clear(self) -> None:
        self._rules.clear()

    def take(self, method: str, bot: int, chat: str) -> Fault | None:
        """The first fault for this call, used up once."""
        return self._use_up([rule for rule in self._rules if rule.kind != "duplicate_update"], method, bot, chat)

    def doubles(self, kind: str, bot: int, chat: str) -> bool:
        """Whether this update is to come again; `kind`, as `callback_query`, stands for the method."""
        rules = [rule for rule in self._rules if rule.kind == "duplicate_update"]
        return self._use_up(rules, kind, bot, chat) is not None

    def _use_up(self, rules: list[Fault], method: str, bot: int, chat: str) -> Fault | None:
        for rule in rules:
            if rule.matches(method, bot, chat):
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
                return rule
        return None
