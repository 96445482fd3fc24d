"""Switches off one safeguard of the product in every program of a run, to show that the checker notices.

Python imports this by itself where this folder is on PYTHONPATH, which only `tests.chaos --sabotage` puts there.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Collection
from typing import Any


def _no_inbox() -> None:
    """Updates are kept in memory only: what is in hand when a bot dies is gone."""
    from bot.inbox import Inbox, Next, Ours, chat_of
    from flows.ledger import Check

    lines: dict[str, deque[Any]] = defaultdict(deque)

    def store(self: Inbox, batch: list[Any], offset: int | None = None, reads: object = None) -> Ours:
        for update in batch:
            lines[str(chat_of(update) or 0)].append(update)
        return Ours(0, dict.fromkeys(str(chat_of(update) or 0) for update in batch))

    def following(self: Inbox, chat: str, done: Any = None, trace: str = "", in_hand: Collection[int] = ()) -> Next:
        if done is not None:
            lines[chat] = deque(one for one in lines[chat] if one["update_id"] != done["update_id"])
        return Next(0, next((one for one in lines[chat] if one["update_id"] not in in_hand), None))

    changed: dict[str, Any] = {"store": store, "next": following, "renew": lambda self, *_: Ours(0, {})}
    changed |= {"release": lambda self: None, "offset": lambda self: 0}
    changed["holds"] = lambda self, update: Check(("EXISTS", "no such key"), 0)
    for name, function in changed.items():
        setattr(Inbox, name, function)


def _no_healing() -> None:
    """Nobody looks after dead workers' jobs, nor for notifications and edits that no job is left for."""
    from flows import keys
    from flows.ledger import Ledger
    from workers.recovery import Recovery

    def renew(self: Recovery) -> int:
        self.renew()
        return 0

    def forget(self: Any, order_id: str, side: Any, due: str) -> bool:
        self._redis.zrem(keys.DUE, due)
        return False

    setattr(Recovery, "renew_and_look", renew)  # noqa: B010 - mypy minds a method that is assigned to
    setattr(Ledger, "_requeue", forget)  # noqa: B010


def _no_gate() -> None:
    """Every process sends as fast as it can, and forgets what Telegram asks for."""
    from flows.gate import Gate

    async def pass_through(self: Gate, *_: Any, **__: Any) -> None:
        pass

    setattr(Gate, "through", pass_through)  # noqa: B010
    setattr(Gate, "slow_down", pass_through)  # noqa: B010


_SWITCHES = {"inbox": _no_inbox, "healing": _no_healing, "gate": _no_gate}

if switch := _SWITCHES.get(os.environ.get("CHAOS_SABOTAGE", "")):
    switch()
