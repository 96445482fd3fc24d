"""Who and what there is in the local Telegram. Plain data in memory, with the rules that Telegram has for it."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.errors import BLOCKED, KICKED, NEVER_STARTED, NO_CHAT, bad_request

Json = dict[str, Any]

UPDATE_LIFE = 24 * 3600  # seconds that an update waits for its bot
QUERY_LIFE = 150  # seconds that a tap waits for its bot, and can be answered
CHANGES_KEPT = 10_000  # how far back a reader of the changes can begin


def _unused() -> int:
    """Where a new count of updates, messages or groups begins: beyond all that an earlier sandbox has given out.

    The bots remember ids for longer than a sandbox lives, and one that came again would be taken for the former.
    """
    return int(time.time())


@dataclass
class Webhook:
    """Where a bot wants its updates, and how that has gone."""

    url: str
    secret: str = ""
    allowed: list[str] | None = None
    last_error: str = ""
    last_error_date: int = 0


@dataclass
class Bot:
    """A bot and the updates that wait for it: (update id, when it came, the update)."""

    user: Json
    token: str
    updates: deque[tuple[int, float, Json]] = field(default_factory=deque)
    next_update: int = field(default_factory=_unused)
    webhook: Webhook | None = None
    allowed: list[str] | None = None
    commands: list[Json] = field(default_factory=list)

    @property
    def id(self) -> int:
        return int(self.user["id"])


@dataclass
class Room:
    """A chat as its members see it: a private one of a bot and a user, or a group."""

    id: int
    kind: Literal["private", "group", "supergroup"]
    title: str = ""
    bot: int | None = None  # of a private chat
    members: set[int] = field(default_factory=set)
    bots: set[int] = field(default_factory=set)
    former_bots: set[int] = field(default_factory=set)
    messages: dict[int, Json] = field(default_factory=dict)
    next_message: int = field(default_factory=_unused)
    started: bool = False  # the user of a private chat has written first
    blocked: bool = False
    moved_to: int | None = None

    @property
    def key(self) -> str:
        """Names the room on the page and in the control API."""
        return f"{self.bot}:{self.id}" if self.kind == "private" else str(self.id)


@dataclass
class Query:
    """A tap on a button, and the bot's answer to it."""

    bot: int
    at: float
    answer: Json | None = None


class World:
    """Everything there is. `changes` is what the page and waiting tests read, oldest first."""

    def __init__(self) -> None:
        self.bots: dict[int, Bot] = {}
        self.users: dict[int, Json] = {}
        self.rooms: dict[str, Room] = {}
        self.queries: dict[str, Query] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.changes: deque[Json] = deque(maxlen=CHANGES_KEPT)
        self.last_change = 0
        self._user_ids = itertools.count(1001)
        self._group_ids = itertools.count(_unused())
        self._file_ids = itertools.count(1)

    # People and bots

    def bot(self, token: str, username: str | None = None, name: str | None = None) -> Bot | None:
        """The bot of that token, made on first use; None when its number belongs to another token."""
        number = int(token.split(":", 1)[0])
        known = self.bots.get(number)
        if known is None:
            user = {"id": number, "is_bot": True, "first_name": name or f"Bot {number}"}
            user["username"] = username or f"bot{number}_bot"
            known = self.bots[number] = Bot(user, token)
            self.users[number] = user
        elif known.token != token:
            return None
        known.user |= {key: value for key, value in (("username", username), ("first_name", name)) if value}
        return known

    def bot_named(self, name: str) -> Bot | None:
        """A bot by token, username or id."""
        for bot in self.bots.values():
            if name in (bot.token, bot.user["username"], f"@{bot.user['username']}", str(bot.id)):
                return bot
        return None

    def user(self, **fields: Any) -> Json:
        """A person, made or renamed."""
        number = int(fields.pop("id", None) or next(self._user_ids))
        known = self.users.setdefault(number, {"id": number, "is_bot": False, "first_name": f"User {number}"})
        known |= {key: value for key, value in fields.items() if value is not None}
        self.changed("user", user=known)
        return known

    # Rooms

    def private(self, bot: Bot, user_id: int) -> Room:
        """The chat of a bot and a user, made when it is first looked at."""
        key = f"{bot.id}:{user_id}"
        if key not in self.rooms:
            self.rooms[key] = Room(user_id, "private", bot=bot.id, members={user_id})
        return self.rooms[key]

    def group(self, title: str, members: set[int]) -> Room:
        """A new group without bots."""
        room = Room(-next(self._group_ids), "group", title=title, members=members)
        self.rooms[room.key] = room
        self.changed("room", room=room)
        return room

    def for_bot(self, bot: Bot, chat_id: Any) -> Room:
        """The room that a bot means by a chat id. Raises `ApiError` where Telegram lets it not write there."""
        try:
            number = int(chat_id)
        except (TypeError, ValueError):
            raise NO_CHAT from None
        room = self.rooms.get(f"{bot.id}:{number}" if number > 0 else str(number))
        if room is None or (room.kind == "private" and not room.started):
            raise NEVER_STARTED if number in self.users else NO_CHAT
        if room.moved_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=room.moved_to)
        if room.blocked:
            raise BLOCKED
        if room.kind != "private" and bot.id not in room.bots:
            raise KICKED if bot.id in room.former_bots else NO_CHAT
        return room

    def chat(self, room: Room) -> Json:
        """The Chat object of a room."""
        if room.kind != "private":
            return {"id": room.id, "type": room.kind, "title": room.title}
        user = self.users[room.id]
        names: Json = {key: user[key] for key in ("first_name", "last_name", "username") if key in user}
        return {"id": room.id, "type": "private", **names}

    def bots_in(self, room: Room) -> Iterator[Bot]:
        """The bots that get what is written there."""
        numbers = [room.bot] if room.kind == "private" else sorted(room.bots)
        for number in numbers:
            if number is not None:
                yield self.bots[number]

    # Messages

    def post(self, room: Room, sender: Json, **fields: Any) -> Json:
        """A new message in a room, as its Message object."""
        message = {
            "message_id": room.next_message,
            "date": int(time.time()),
            "chat": self.chat(room),
            "from": dict(sender),
            **{key: value for key, value in fields.items() if value is not None},
        }
        room.messages[room.next_message] = message
        room.next_message += 1
        self.changed("message", room=room, message=message)
        return message

    def edited(self, room: Room, message: Json) -> None:
        """Note that a bot has changed a message."""
        message["edit_date"] = int(time.time())
        self.changed("edit", room=room, message=message)

    def delete(self, room: Room, message_id: int) -> None:
        del room.messages[message_id]
        self.changed("delete", room=room, message={"message_id": message_id})

    def file(self, name: str, content: bytes) -> str:
        """Keep a file. Returns its id."""
        file_id = f"file{next(self._file_ids)}"
        self.files[file_id] = (name, content)
        return file_id

    # What happens

    def update(self, bot: Bot, **update: Any) -> Json:
        """Put an update into a bot's queue."""
        queued = {"update_id": bot.next_update, **update}
        bot.next_update += 1
        kind = next(iter(update))
        allowed = bot.webhook.allowed if bot.webhook else bot.allowed
        if not allowed or kind in allowed:
            bot.updates.append((queued["update_id"], time.time(), queued))
        self.changed("update", bot=bot.id)
        return queued

    def expire(self, bot: Bot) -> None:
        """Drop the updates that have waited too long."""
        now = time.time()
        alive = [
            entry
            for entry in bot.updates
            if now - entry[1] < (QUERY_LIFE if "callback_query" in entry[2] else UPDATE_LIFE)
        ]
        if len(alive) != len(bot.updates):
            bot.updates = deque(alive)

    def changed(self, kind: str, room: Room | None = None, **details: Any) -> None:
        """Note a change for whoever watches."""
        self.last_change += 1
        change = {"seq": self.last_change, "at": time.time(), "kind": kind, **details}
        if room is not None:
            change["room"] = room.key
        self.changes.append(change)
