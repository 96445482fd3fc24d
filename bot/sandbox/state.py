"""Who and what there is in the local Telegram. Plain data in memory, with the rules that Telegram has for it."""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.errors import BLOCKED, DEACTIVATED, KICKED, NEVER_STARTED, NO_CHAT, NOT_A_MEMBER, bad_request
from bot.sandbox.journal import Journal

Json = dict[str, Any]

TOKEN = re.compile(r"\d{1,15}:[A-Za-z0-9_-]{3,}")
UPDATE_LIFE = 24 * 3600  # seconds that an update waits for its bot
KINDS = (  # Bot API, Update
    *("message", "edited_message", "channel_post", "edited_channel_post", "inline_query", "chosen_inline_result"),
    *("callback_query", "shipping_query", "pre_checkout_query", "poll", "poll_answer", "my_chat_member"),
    *("chat_member", "chat_join_request", "chat_boost", "removed_chat_boost", "message_reaction"),
    *("message_reaction_count", "business_connection", "business_message", "edited_business_message"),
    *("deleted_business_messages", "purchased_paid_media"),
)
ONLY_WHEN_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}  # Bot API, getUpdates
QUERIES = ("callback_query", "pre_checkout_query")
QUERY_LIFE = 150  # seconds that a tap waits for its bot, and can be answered


def _unused() -> int:
    """Where a new count of updates, messages or groups begins: beyond all that an earlier sandbox has given out.

    The bots remember ids for longer than a sandbox lives, and one that came again would be taken for the former.
    """
    return int(time.time())


@dataclass
class Webhook:
    """Where a bot wants its updates, over how many connections at once, and how that has gone.

    `ip_address` is shown to the bot and otherwise ignored: the sandbox reaches the host of the `url`.
    """

    url: str
    secret: str = ""
    connections: int = 40  # Bot API, setWebhook: its default
    ip_address: str = ""
    has_certificate: bool = False
    last_error: str = ""
    last_error_date: int = 0


@dataclass(eq=False)
class Pending:
    """An update that waits for its bot since `at`; a `sticky` one outlives its next confirmation."""

    update: Json
    at: float
    sticky: bool = False

    @property
    def id(self) -> int:
        return int(self.update["update_id"])

    @property
    def kind(self) -> str:
        return next(key for key in self.update if key != "update_id")

    @property
    def expires(self) -> float:
        """Seconds since 1970."""
        return self.at + (QUERY_LIFE if self.kind in QUERIES else UPDATE_LIFE)

    @property
    def content(self) -> Json:
        found: Json = self.update[self.kind]
        return found

    @property
    def chat(self) -> str:
        """The id of the chat it comes from."""
        message = self.content.get("message", self.content)
        return str(message.get("chat", {}).get("id", ""))


@dataclass
class Bot:
    """A bot and the updates that wait for it."""

    user: Json
    token: str
    updates: deque[Pending] = field(default_factory=deque)
    next_update: int = field(default_factory=_unused)
    webhook: Webhook | None = None
    allowed: list[str] | None = None  # the kinds of updates it asked for, by polling or with a webhook
    asked: tuple[int, float] = (0, 0.0)  # the offset of its last getUpdates, and when that came
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # by scope and language
    menus: dict[str, Json] = field(default_factory=dict)  # the menu button by chat id, "" for all chats

    @property
    def id(self) -> int:
        return int(self.user["id"])

    def allow(self, kinds: Any) -> None:
        """Remember the `allowed_updates` of a request; what is no list of names changes nothing.

        Names that Telegram does not know are passed over, and when none is left the default holds again.
        """
        if isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds):
            wanted = {kind.lower() for kind in kinds}
            known = [kind for kind in KINDS if kind in wanted]
            self.allowed = None if set(known) in (set(), set(KINDS) - ONLY_WHEN_ASKED) else known

    def commands_in(self, room: Room, language: str = "") -> list[Json]:
        """What a chat's menu shows: the commands of the narrowest scope that has any (Bot API, BotCommandScope)."""
        kind = "all_private_chats" if room.kind == "private" else "all_group_chats"
        for scope in (f"chat:{room.id}", kind, "default"):
            for tongue in dict.fromkeys((language, "")):
                if found := self.commands.get((scope, tongue)):
                    return found
        return []


@dataclass
class Room:
    """A chat as its members see it: a private one of a bot and a user, or a group."""

    id: int
    kind: Literal["private", "group", "supergroup"]
    title: str = ""
    bot: int | None = None  # of a private chat
    members: set[int] = field(default_factory=set)
    bots: set[int] = field(default_factory=set)
    former_bots: dict[int, Literal["left", "kicked"]] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    deleted: dict[int, Json] = field(default_factory=dict)  # kept for whoever looks back
    edits: dict[int, int] = field(default_factory=dict)  # how often each message was edited
    cleared: int = 0  # up to this message the person has deleted the chat, which the bot does not notice
    next_message: int = field(default_factory=_unused)
    started: bool = False  # the user of a private chat has written first
    blocked: bool = False
    moved_to: int | None = None
    pinned: list[int] = field(default_factory=list)  # the newest last
    reactions: dict[int, dict[int, list[Json]]] = field(default_factory=dict)  # of each message, by who reacted
    invoices: dict[int, str] = field(default_factory=dict)  # the payloads of the invoices, which nobody is shown

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


@dataclass
class Checkout:
    """Somebody wants to pay an invoice, and waits for the bot's word. `asked` is what the receipt will repeat."""

    bot: int
    at: float
    room: Room
    message_id: int
    payer: Json
    asked: Json


class World:
    """Everything there is.

    `changes` is what people could see happen, `log` what bots and people asked for, with the answers. `now` gives
    seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.bots: dict[int, Bot] = {}
        self.users: dict[int, Json] = {}
        self.offline: dict[int, int] = {}  # persons without a network, and the last change that their phones saw
        self.deactivated: set[int] = set()  # persons whose accounts were deleted
        self.rooms: dict[str, Room] = {}
        self.queries: dict[str, Query] = {}
        self.checkouts: dict[str, Checkout] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.changes = Journal(now)
        self.log = Journal(now)
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
        """A bot by token, username or id. A token that is new makes its bot."""
        for bot in self.bots.values():
            if name in (bot.token, bot.user["username"], f"@{bot.user['username']}", str(bot.id)):
                return bot
        return self.bot(name) if TOKEN.fullmatch(name) else None

    def user(self, **fields: Any) -> Json:
        """A person, made or renamed."""
        free = (number for number in self._user_ids if number not in self.users)
        number = int(fields.pop("id", None) or next(free))
        known = self.users.setdefault(number, {"id": number, "is_bot": False, "first_name": f"User {number}"})
        known |= {key: value for key, value in fields.items() if value is not None}
        self.changed("user", user=dict(known))
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
        if chat_id in (None, ""):
            raise bad_request("chat_id is empty")
        try:
            number = int(chat_id)
        except (TypeError, ValueError):
            raise NO_CHAT from None
        room = self.rooms.get(f"{bot.id}:{number}" if number > 0 else str(number))
        if room is None or (room.kind == "private" and not room.started):
            raise NEVER_STARTED if number in self.users else NO_CHAT
        if room.moved_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=room.moved_to)
        if room.id in self.deactivated:
            raise DEACTIVATED
        if room.blocked:
            raise BLOCKED
        if room.kind != "private" and bot.id not in room.bots:
            former = room.former_bots.get(bot.id)
            raise NO_CHAT if former is None else KICKED if former == "kicked" else NOT_A_MEMBER
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

    def join(self, room: Room, bot: Bot, by: Json) -> None:
        """A bot comes into a group."""
        room.bots.add(bot.id)
        room.former_bots.pop(bot.id, None)
        self.member_changed(room, bot, by, "left", "member")

    def leave(self, room: Room, bot: Bot, by: Json, how: Literal["left", "kicked"]) -> Json:
        """A bot goes out of a group, by itself or by somebody's will. Returns the group's service message."""
        room.bots.discard(bot.id)
        room.former_bots[bot.id] = how
        self.member_changed(room, bot, by, "member", how)
        return self.post(room, by, left_chat_member=bot.user)

    def member_changed(self, room: Room, bot: Bot, by: Json, before: str, after: str) -> None:
        """Tell a bot what it is in a chat from now on."""
        change = {"chat": self.chat(room), "from": dict(by), "date": int(self.now())}
        change |= {"old_chat_member": _member(bot, before), "new_chat_member": _member(bot, after)}
        self.update(bot, my_chat_member=change)

    # Messages

    def post(self, room: Room, sender: Json, reply_to: Json | None = None, **fields: Any) -> Json:
        """A new message in a room, as its Message object."""
        if reply_to is not None:  # a reply quotes one message, not the whole chain
            fields["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
        message = {
            "message_id": room.next_message,
            "date": int(self.now()),
            "chat": self.chat(room),
            "from": dict(sender),
            **{key: value for key, value in fields.items() if value is not None},
        }
        room.messages[room.next_message] = message
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

    def file(self, name: str, content: bytes) -> str:
        """Keep a file. Returns its id."""
        file_id = f"file{next(self._file_ids)}"
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

    def changed(self, kind: str, room: Room | None = None, **details: Any) -> None:
        """Note a change for whoever watches."""
        where = {} if room is None else {"room": room.key}
        self.changes.add(kind=kind, **details, **where)


def _member(bot: Bot, status: str) -> Json:
    until = {"until_date": 0} if status == "kicked" else {}
    return {"user": bot.user, "status": status, **until}
