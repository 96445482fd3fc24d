"""Everything that the sandbox tells, as it happens: what each chat shows, and the record for the checker.

One reader for all: dozens of people who each asked the sandbox again and again would be its main load.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.people import Telegram

Json = dict[str, Any]
TAP_LIFE = 150.0  # seconds
PAUSE = 0.1  # seconds between two looks, so that each brings more than one entry


class Gap(Exception):
    """The sandbox has forgotten entries that were not read yet: nothing can be said about this run."""


class Chat:
    """One chat as it stands."""

    def __init__(self) -> None:
        self.messages: dict[int, Json] = {}

    def newest(self, fits: Callable[[Json], bool]) -> Json | None:
        """The newest message of a kind."""
        return next(
            (self.messages[number] for number in sorted(self.messages, reverse=True) if fits(self.messages[number])),
            None,
        )

    def says(self, *words: str) -> bool:
        """Whether a message contains all these words."""
        return any(all(word in message.get("text", "") for word in words) for message in self.messages.values())


class Feed:
    """Follows the sandbox's two journals."""

    def __init__(self, telegram: Telegram, record: Path) -> None:
        """Every entry is also written to the file `record`, one JSON object a line."""
        self._telegram = telegram
        self._record = record.open("w", encoding="utf-8")
        self._chats: dict[str, Chat] = {}
        self._news = asyncio.Event()
        self._unanswered: dict[str, float] = {}  # taps, and when they were made
        self.received: set[str] = set()  # orders that customers have been told are received

    def chat(self, room: str) -> Chat:
        return self._chats.setdefault(room, Chat())

    def unanswered(self) -> int:
        """Taps that may still be answered: after a while Telegram itself gives them up."""
        return sum(time.time() - at < TAP_LIFE for at in self._unanswered.values())

    async def run(self) -> None:
        """Follow until cancelled. Raises `Gap`."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._follow("changes", self._changed))
                loops.create_task(self._follow("log", self._logged))
        finally:
            self._record.close()

    async def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait until something holds. Returns False when it does not within that time."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def note(self, **entry: Any) -> None:
        """Put something into the record that the sandbox does not know."""
        self._record.write(json.dumps(entry) + "\n")

    async def _follow(self, journal: str, take: Callable[[Json], Json | None]) -> None:
        after = 0
        while True:
            entries: list[Json] = await self._telegram.look(journal, after=after, wait=5)
            for entry in entries:
                if entry["seq"] != after + 1:
                    raise Gap(f"the {journal} from {after + 1} to {entry['seq'] - 1} are gone")
                after = entry["seq"]
                if kept := take(entry):
                    self.note(**kept)
            self._record.flush()
            news, self._news = self._news, asyncio.Event()
            news.set()
            await asyncio.sleep(PAUSE)

    def _changed(self, change: Json) -> Json | None:
        if change["kind"] not in ("message", "edit", "delete"):
            return None
        message, chat = change["message"], self.chat(change["room"])
        number = message["message_id"]
        entry = {"what": change["kind"], "at": change["at"], "room": change["room"], "message": number}
        if change["kind"] == "delete":
            chat.messages.pop(number, None)
            return entry
        chat.messages[number] = message
        data = payloads(message)
        if "Order received." in message.get("text", ""):
            self.received.update(one.split(":")[1] for one in data if one.startswith("1ac:"))
        return entry | {"sender": message["from"]["id"], "text": message.get("text", ""), "data": data}

    def _logged(self, entry: Json) -> Json | None:
        if "control" in entry:
            return self._acted(entry)
        params, answer = entry["params"], entry["answer"] or {}
        kept = {"what": "call", "at": entry["at"], "bot": entry["bot"], "method": entry["method"].lower()}
        kept |= {"status": entry["status"], "fault": entry.get("fault", "")}
        match kept["method"]:
            case "getupdates":
                updates = answer.get("result") or []
                kept["taps"] = [one["callback_query"]["id"] for one in updates if "callback_query" in one]
            case "answercallbackquery":
                kept |= {"tap": params.get("callback_query_id"), "text": params.get("text", "")}
                self._unanswered.pop(str(kept["tap"]), None)
            case "sendmessage" if kept["status"] == 200:
                kept |= {"chat": answer["result"]["chat"]["id"], "message": answer["result"]["message_id"]}
        return kept

    def _acted(self, entry: Json) -> Json | None:
        verb, params, answer = entry["control"], entry["params"], entry["answer"]
        if (
            entry["status"] != 200
            or verb not in ("tap", "block")
            or (verb == "tap" and "callback_query_id" not in answer)
        ):
            return None
        kept = {"what": verb, "at": entry["at"], "user": params["user"]}
        if verb == "tap":
            self._unanswered[answer["callback_query_id"]] = entry["at"]
            kept |= {"message": params["message_id"], "data": answer["button"]["callback_data"]}
            kept |= {"tap": answer["callback_query_id"], "chat": params.get("chat") or params["user"]}
        return kept


def payloads(message: Json) -> list[str]:
    """What the buttons of a message send."""
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]
