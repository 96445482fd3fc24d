"""Trouble on demand: answers that fail, come late, or get lost after they took effect, and updates that come twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from pydantic import Field

from bot.sandbox.errors import ApiError
from bot.sandbox.verbs import Verb

LONGEST = 60.0  # seconds that an answer may be late


class Fault(Verb):
    """What goes wrong with the next `times` calls that match (null: with all of them until the faults are cleared).

    None in `method`, `bot` or `chat` matches everything. `drop_before` and `drop_after` close the connection before or
    after the call took effect. `refused` answers with a `code` and a `description`, and nothing is done.
    `duplicate_update` is about updates: the next ones come again although their bot has confirmed them. With a
    `probability` below 1 only some of the matching calls are hit, the same ones again for the same `seed`. One with a
    `name` can be lifted without the others.
    """

    kind: Literal["429", "500", "502", "refused", "latency", "drop_before", "drop_after", "duplicate_update"]
    name: str | None = Field(default=None, pattern=r"^[a-z0-9_-]{1,40}$")
    method: str | None = None
    bot: str | None = None
    chat: int | None = None
    times: int | None = Field(default=1, ge=1)
    probability: float = Field(default=1, gt=0, le=1)
    seed: int = 0
    retry_after: int = Field(default=1, ge=1)  # seconds, of a 429
    code: int = Field(default=400, ge=400, le=599)  # of a refusal
    description: str = "Bad Request"  # of a refusal
    seconds: float = Field(default=0.5, ge=0, le=LONGEST)  # of a latency; on average, if it varies
    spread: Literal["fixed", "uniform", "exponential"] = "fixed"  # how it varies; uniform from 0 to twice as much

    def __str__(self) -> str:
        return f"{self.kind} for {self.method or 'every method'}"

    def matches(self, method: str, bot: int, chat: str) -> bool:
        return (
            (self.method is None or self.method.lower() == method.lower())
            and (self.bot is None or self.bot == str(bot))
            and (self.chat is None or str(self.chat) == chat)
        )


@dataclass(frozen=True)
class Strike:
    """A fault that hits a call; a latency takes `seconds`."""

    fault: Fault
    seconds: float

    @property
    def kind(self) -> str:
        return self.fault.kind

    def error(self) -> ApiError | None:
        """The answer of the kinds that answer."""
        match self.fault.kind:
            case "429":
                seconds = self.fault.retry_after
                return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
            case "500":
                return ApiError(500, "Internal Server Error")
            case "502":
                return ApiError(502, "Bad Gateway")
            case "refused":
                return ApiError(self.fault.code, self.fault.description)
            case _:
                return None


class _Rule:
    """A fault with what is left of it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        self._random = Random(fault.seed)  # noqa: S311 - a run that can be repeated is the point

    @property
    def is_over(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times

    def strikes(self) -> bool:
        hit = self._random.random() < self.fault.probability
        self.struck += hit
        return hit

    def seconds(self) -> float:
        match self.fault.spread:
            case "uniform":
                seconds = self._random.uniform(0, 2 * self.fault.seconds)
            case "exponential":
                seconds = self._random.expovariate(1 / self.fault.seconds) if self.fault.seconds else 0.0
            case "fixed":
                seconds = self.fault.seconds
        return min(seconds, LONGEST)


class Faults:
    """The faults that are still to come, each with the id of its bot as `bot`."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        """`changed` is called whenever the list has, with words for it."""
        self._rules: list[_Rule] = []
        self._changed = changed

    def add(self, fault: Fault) -> None:
        self._rules.append(_Rule(fault))
        self._changed(f"fault on: {fault}")

    def clear(self, name: str | None = None) -> None:
        """Lift the faults of that name, or all."""
        for rule in [rule for rule in self._rules if name in (None, rule.fault.name)]:
            self._lift(rule)

    def listed(self) -> list[dict[str, Any]]:
        """Each fault with how often it has `struck`."""
        return [rule.fault.model_dump() | {"struck": rule.struck} for rule in self._rules]

    def take(self, method: str, bot: int, chat: str) -> Strike | None:
        """The first fault for this call, used up once."""
        return self._use_up([rule for rule in self._rules if rule.fault.kind != "duplicate_update"], method, bot, chat)

    def doubles(self, kind: str, bot: int, chat: str) -> bool:
        """Whether this update is to come again; `kind`, as `callback_query`, stands for the method."""
        rules = [rule for rule in self._rules if rule.fault.kind == "duplicate_update"]
        return self._use_up(rules, kind, bot, chat) is not None

    def _use_up(self, rules: list[_Rule], method: str, bot: int, chat: str) -> Strike | None:
        for rule in rules:
            if rule.fault.matches(method, bot, chat) and rule.strikes():
                if rule.is_over:
                    self._lift(rule)
                return Strike(rule.fault, rule.seconds())
        return None

    def _lift(self, rule: _Rule) -> None:
        self._rules.remove(rule)
        self._changed(f"fault off: {rule.fault}")
