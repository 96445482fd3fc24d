"""Who is told, while the store is out of reach, that nothing has been done yet: each sender once, by one process.

There is no store to agree by. So the processes of a bot share the chats out by their names, as they knew each other
before the outage; an update that comes to several of them, or to one after the other, is excused by the chat's own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.inbox import Update, chat_of

PATIENCE = 15.0  # seconds that another process has for its chats: then it may be dead, or the update never came to it
MOST = 10_000  # updates that are remembered
LIFE = 25 * 3600.0  # seconds that they are; Telegram keeps an update for 24 h


@dataclass
class _Noted:
    """An update that came in an outage, since when it is known, and whether its sender was told."""

    since: float
    is_told: bool = False


class Excuses:
    """What the process `me` of a bot owes the senders of updates."""

    def __init__(self, me: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._me = me
        self._clock = clock
        self._noted: dict[int, _Noted] = {}  # the oldest first

    def due(self, batch: Collection[Update], fellows: Collection[str]) -> list[Update]:
        """Those whose senders are to be told now. `fellows` are the bot's processes, as far as they are known."""
        now = self._clock()
        return [update for update in batch if self._is_due(update, fellows, now)]

    def settled(self, update: Update) -> None:
        """An update was handled, so it does not come again."""
        self._noted.pop(update["update_id"], None)

    def _is_due(self, update: Update, fellows: Collection[str], now: float) -> bool:
        noted = self._note(update["update_id"], now)
        others_turn = self._of_chat(update, fellows) != self._me and now - noted.since < PATIENCE
        if noted.is_told or others_turn:
            return False
        noted.is_told = True
        return True

    def _note(self, number: int, now: float) -> _Noted:
        while self._noted:
            oldest = next(iter(self._noted))
            if len(self._noted) < MOST and now - self._noted[oldest].since < LIFE:
                break
            del self._noted[oldest]
        return self._noted.setdefault(number, _Noted(now))

    def _of_chat(self, update: Update, fellows: Collection[str]) -> str:
        """The process whose chat it is: the same for all who know the same fellows."""
        chat = chat_of(update) or 0
        return max({*fellows, self._me}, key=lambda name: hashlib.sha256(f"{name} {chat}".encode()).digest())
