"""Who and what there is in the local Telegram. Plain data in memory, with the rules that Telegram has for it."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.bots import ONLY_WHEN_ASKED, Bot, Pending
from bot.sandbox.errors import BLOCKED, DEACTIVATED, NEVER_STARTED, NO_CHAT, bad_request, kicked, not_a_member
from bot.sandbox.fields import Json
from bot.sandbox.journal import Journal
from bot.sandbox.rooms import (
    GENERAL_TOPIC,
    Checkout,
    InlineQuery,
    Numbers,
    Query,
    Room,
    WebApp,
    unused_number,
    without_keys,
)

TOKEN = re.compile(r"\d{1,15}:[A-Za-z0-9_-]{3,}")
KEYBOARD_BYTES = 10_000  # of a keyboard's JSON: the bound that is reported, for Telegram tells none
FIRST_PERSON = 10**12 + 1  # beyond the numbers of real bots, which may come with any token


class World:
    """Everything there is.

    `changes` is what people could see happen, `log` what bots and people asked for, with the answers, `troubles` what
    went wrong, in words. `now` gives seconds since 1970, `keyboard_bytes` is the size of the largest keyboard.
    """

    def __init__(self, now: Callable[[], float] = time.time, keyboard_bytes: int = KEYBOARD_BYTES) -> None:
        self.now = now
        self.keyboard_bytes = keyboard_bytes
        self.bots: dict[int, Bot] = {}
        self.users: dict[int, Json] = {}
        self.offline: dict[int, int] = {}  # persons without a network, and the last change that their phones saw
        self.deactivated: set[int] = set()  # persons whose accounts were deleted
        self.rooms: dict[str, Room] = {}
        self.queries: dict[str, Query] = {}
        self.inline_queries: dict[str, InlineQuery] = {}
        self.web_apps: dict[str, WebApp] = {}  # those that are open
        self.checkouts: dict[str, Checkout] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.kinds: dict[str, str] = {}  # as what each file was sent first
        self.changes = Journal(now)
        self.log = Journal(now)
        self.troubles = Journal(now)
        self.user_ids = Numbers(FIRST_PERSON)
        self.group_ids = Numbers(unused_number())
        self.file_ids = Numbers(1)

    # People and bots

    def bot(self, token: str, username: str | None = None, name: str | None = None) -> Bot | None:
        """The bot of that token, made on first use; None when its number belongs to another token or to a person."""
        number = int(token.split(":", 1)[0])
        known = self.bots.get(number)
        if known is None and number in self.users:
            return None
        if known is None:
            user = {"id": number, "is_bot": True, "first_name": name or f"Bot {number}"}
            user["username"] = username or f"bot{number}_bot"
            known = self.bots[number] = Bot(user, token)
            self.users[number] = user
            self.changed("bot", bot=number)
        elif known.token != token:
            return None
        known.user |= {key: value for key, value in (("username", username), ("first_name", name)) if value}
        return known

    def bot_named(self, name: str) -> Bot | None:
        """A bot by token, username or id. A token that is new makes its bot."""
        for bot in self.bots.values():
            if name in (bot.token, bot.user["username"], f"@{bot.user['username']}", str(bot.id)):
                return bot
        return self.bot(name) if TOKEN.fullmatch(name) else None

    def user(self, **fields: Any) -> Json:
        """A person, made or renamed."""
        free = (number for number in self.user_ids if number not in self.users)
        number = int(fields.pop("id", None) or next(free))
        known = self.users.setdefault(number, {"id": number, "is_bot": False, "first_name": f"User {number}"})
        known |= {key: value for key, value in fields.items() if value is not None}
        self.changed("user", user=dict(known))
        return known

    @property
    def has_people(self) -> bool:
        return len(self.users) > len(self.bots)

    # Rooms

    def private(self, bot: Bot, user_id: int) -> Room:
        """The chat of a bot and a user, made when it is first looked at."""
        key = f"{bot.id}:{user_id}"
        if key not in self.rooms:
            self.rooms[key] = Room(user_id, "private", bot=bot.id, members={user_id})
        return self.rooms[key]

    def group(self, title: str, members: set[int], owner: int) -> Room:
        """A new group without bots."""
        room = Room(-next(self.group_ids), "group", title=title, members=members, owner=owner)
        self.rooms[room.key] = room
        self.changed("room", room=room)
        return room

    def channel(self, title: str, members: set[int], owner: int) -> Room:
        """A new channel without bots."""
        room = Room(int(f"-100{next(self.group_ids):010}"), "channel", title=title, members=members, owner=owner)
        self.rooms[room.key] = room
        self.changed("room", room=room)
        return room

    def for_bot(self, bot: Bot, chat_id: Any) -> Room:
        """The room that a bot means by a chat id. Raises `ApiError` where Telegram lets it not write there."""
        if chat_id in (None, ""):
            raise bad_request("chat_id is empty")
        try:
            number = int(chat_id)
        except (TypeError, ValueError):
            raise NO_CHAT from None
        room = self.rooms.get(f"{bot.id}:{number}" if number > 0 else str(number))
        if room is None or (room.kind == "private" and not room.started):
            raise NEVER_STARTED if number in self.users else NO_CHAT
        room.lapse(self.now())
        if room.moved_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=room.moved_to)
        if room.id in self.deactivated:
            raise DEACTIVATED
        if room.blocked:
            raise BLOCKED
        if room.kind != "private" and bot.id not in room.bots:
            former = room.former_bots.get(bot.id)
            raise NO_CHAT if former is None else kicked(room.kind) if former == "kicked" else not_a_member(room.kind)
        return room

    def chat(self, room: Room) -> Json:
        """The Chat object of a room."""
        if room.kind != "private":
            forum = {"is_forum": True} if room.topics else {}
            return {"id": room.id, "type": room.kind, "title": room.title, **forum}
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

    def post(self, room: Room, sender: Json, reply_to: Json | None = None, thread: int = 0, **fields: Any) -> Json:
        """A new message in a room, or in the topic `thread` of a forum, as its Message object.

        A channel speaks for those who write there.
        """
        if reply_to is not None:  # a reply quotes one message, not the whole chain
            quoted = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
            fields["reply_to_message"] = without_keys(quoted)
        message = {
            "message_id": room.next_message,
            "date": int(self.now()),
            "chat": self.chat(room),
            **({"sender_chat": self.chat(room)} if room.kind == "channel" else {"from": dict(sender)}),
            **({"message_thread_id": thread, "is_topic_message": True} if thread > GENERAL_TOPIC else {}),
            **{key: value for key, value in fields.items() if value is not None},
        }
        room.messages[room.next_message] = message
        if room.kind == "channel":
            room.authors[room.next_message] = sender["id"]
        room.next_message += 1
        self.changed("message", room=room, message=dict(message))
        return message

    def edited(self, room: Room, message: Json) -> None:
        """Note that a bot has changed a message."""
        message["edit_date"] = int(self.now())
        number = message["message_id"]
        room.edits[number] = room.edits.get(number, 0) + 1
        self.changed("edit", room=room, message=dict(message))

    def delete(self, room: Room, message_id: int) -> None:
        room.pinned = [number for number in room.pinned if number != message_id]
        room.deleted[message_id] = room.messages.pop(message_id)
        self.changed("delete", room=room, message={"message_id": message_id})

    def reacted(self, room: Room, message_id: int) -> None:
        """Note that the reactions to a message are others than before."""
        message = {"message_id": message_id, "reactions": room.given_reactions(message_id)}
        self.changed("reaction", room=room, message=message)

    def file(self, name: str, content: bytes) -> str:
        """Keep a file. Returns its id."""
        file_id = f"file{next(self.file_ids)}"
        self.files[file_id] = (name, content)
        return file_id

    # What happens

    def update(self, bot: Bot, **update: Any) -> None:
        """Put an update into a bot's queue, if the bot wants that kind."""
        kind = next(iter(update))
        if kind not in bot.allowed if bot.allowed else kind in ONLY_WHEN_ASKED:
            return
        bot.updates.append(Pending({"update_id": bot.next_update, **update}, self.now()))
        bot.next_update += 1
        self.changed("update", bot=bot.id)

    def expire(self, bot: Bot) -> None:
        """Drop the updates that have waited too long."""
        now = self.now()
        alive = [one for one in bot.updates if now < one.expires]
        if len(alive) != len(bot.updates):
            bot.updates = deque(alive)

    def trouble(self, title: str) -> None:
        """Note that something goes wrong, or no longer does."""
        self.changed("trouble", trouble=self.troubles.add(title=title))

    def changed(self, kind: str, room: Room | None = None, **details: Any) -> None:
        """Note a change for whoever watches."""
        where = {} if room is None else {"room": room.key}
        self.changes.add(kind=kind, **details, **where)
