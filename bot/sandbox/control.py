"""Acting as the people: `POST /control/<verb>` with a JSON object, and looking at what happened.

Verbs (each model below documents its fields):
  bot, user, group, add_bot, remove_bot, send, tap, block, migrate, redeliver, fault

`bot` in a verb is a token, a username or an id; `chat` a group's id. Errors are 400 with `{"error": "..."}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from bot.sandbox.faults import Fault, Faults
from bot.sandbox.markup import typed_entities
from bot.sandbox.state import Bot, Json, Query, Room, World


class ControlError(Exception):
    """A request that can't be carried out; says why."""


class _Verb(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegisterBot(_Verb):
    """Give the bot of a token its username and name."""

    token: str = Field(pattern=r"^\d+:[A-Za-z0-9_-]{3,}$")
    username: str | None = None
    name: str | None = None


class MakeUser(_Verb):
    """A person, made or (by `id`) renamed."""

    id: int | None = Field(default=None, gt=0)
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class MakeGroup(_Verb):
    """A group of people, with bots or without."""

    title: str
    members: list[int]
    bots: list[str] = []


class AddBot(_Verb):
    """A member adds a bot to the group; `start` is the payload of a `startgroup` link."""

    chat: int
    bot: str
    by: int
    start: str | None = None


class RemoveBot(_Verb):
    """A member removes a bot from the group."""

    chat: int
    bot: str
    by: int


class Send(_Verb):
    """A person writes: in the private chat with `bot`, or in the group `chat`."""

    user: int
    text: str = Field(min_length=1, max_length=4096)
    bot: str | None = None
    chat: int | None = None
    reply_to: int | None = None


class Tap(_Verb):
    """A person taps a button of a message: by its callback data or by its text (exact, or a unique part).

    Instead of `button`, `data` sends any callback data, as a stale or a forged button does.
    """

    user: int
    message_id: int
    button: str | None = None
    data: str | None = Field(default=None, min_length=1, max_length=64)
    bot: str | None = None
    chat: int | None = None


class Block(_Verb):
    """A person blocks the bot, or unblocks it."""

    user: int
    bot: str
    blocked: bool = True


class Migrate(_Verb):
    """The group becomes a supergroup, with a new id."""

    chat: int


class Redeliver(_Verb):
    """The bot's last confirmed update comes again, as after a lost confirmation."""

    bot: str
    update: dict[str, Any]


class Control:
    """Carries out the verbs on a world."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self.verbs: dict[str, tuple[type[BaseModel], Callable[[Any], Any]]] = {
            "bot": (RegisterBot, self._register_bot),
            "user": (MakeUser, lambda verb: world.user(**verb.model_dump())),
            "group": (MakeGroup, self._make_group),
            "add_bot": (AddBot, self._add_bot),
            "remove_bot": (RemoveBot, self._remove_bot),
            "send": (Send, self._send),
            "tap": (Tap, self._tap),
            "block": (Block, self._block),
            "migrate": (Migrate, self._migrate),
            "redeliver": (Redeliver, self._redeliver),
            "fault": (Fault, self._fault),
        }

    # Looking

    def rooms(self) -> list[Json]:
        """Every chat with its people and bots."""
        world = self._world
        return [
            {
                "room": room.key,
                "chat": world.chat(room),
                "members": [world.users[user] for user in sorted(room.members)],
                "bots": [bot.user for bot in world.bots_in(room)],
                "started": room.started,
                "blocked": room.blocked,
            }
            for room in world.rooms.values()
            if room.moved_to is None
        ]

    def messages(self, key: str) -> list[Json]:
        """The messages of a room as they stand now, oldest first."""
        room = self._world.rooms.get(key)
        if room is None:
            raise ControlError(f"no room {key!r}")
        return list(room.messages.values())

    # Verbs

    def _register_bot(self, verb: RegisterBot) -> Json:
        bot = self._world.bot(verb.token, verb.username, verb.name)
        if bot is None:
            raise ControlError("another token is in use for that bot")
        return bot.user

    def _make_group(self, verb: MakeGroup) -> Json:
        room = self._world.group(verb.title, {self._person(user)["id"] for user in verb.members})
        for name in verb.bots:
            self._add_bot(AddBot(chat=room.id, bot=name, by=verb.members[0]))
        return self._world.chat(room)

    def _add_bot(self, verb: AddBot) -> Json:
        room, bot, person = self._group(verb.chat), self._bot(verb.bot), self._person(verb.by)
        room.bots.add(bot.id)
        room.former_bots.discard(bot.id)
        self._membership(room, bot, person, "left", "member")
        message = self._world.post(room, person, new_chat_members=[bot.user], new_chat_member=bot.user)
        self._world.update(bot, message=message)
        if verb.start is not None:
            return self._write(room, person, f"/start@{bot.user['username']} {verb.start}".rstrip())
        return message

    def _remove_bot(self, verb: RemoveBot) -> Json:
        room, bot, person = self._group(verb.chat), self._bot(verb.bot), self._person(verb.by)
        if bot.id not in room.bots:
            raise ControlError("that bot is not in the group")
        room.bots.discard(bot.id)
        room.former_bots.add(bot.id)
        self._membership(room, bot, person, "member", "kicked")
        return self._world.post(room, person, left_chat_member=bot.user)

    def _send(self, verb: Send) -> Json:
        room, person = self._room(verb.bot, verb.chat, verb.user), self._person(verb.user)
        if room.blocked:
            raise ControlError("this person has blocked the bot")
        room.started = True
        reply = None if verb.reply_to is None else room.messages.get(verb.reply_to)
        return self._write(room, person, verb.text, reply)

    def _tap(self, verb: Tap) -> Json:
        room, person = self._room(verb.bot, verb.chat, verb.user), self._person(verb.user)
        message = room.messages.get(verb.message_id)
        if message is None:
            raise ControlError("no such message")
        if (verb.button is None) == (verb.data is None):
            raise ControlError("name either a button or its data")
        button = {"callback_data": verb.data} if verb.button is None else _find_button(message, verb.button)
        if "callback_data" not in button:
            return {"button": button}
        bot = self._world.bots[message["from"]["id"]]
        query_id = uuid4().hex
        self._world.queries[query_id] = Query(bot.id, time.time())
        self._world.update(
            bot,
            callback_query={
                "id": query_id,
                "from": person,
                "message": message,
                "chat_instance": room.key,
                "data": button["callback_data"],
            },
        )
        return {"callback_query_id": query_id, "button": button}

    def _block(self, verb: Block) -> Json:
        bot, person = self._bot(verb.bot), self._person(verb.user)
        room = self._world.private(bot, verb.user)
        room.blocked = verb.blocked
        before, after = ("member", "kicked") if verb.blocked else ("kicked", "member")
        self._membership(room, bot, person, before, after)
        self._world.changed("room", room=room)
        return {"blocked": room.blocked}

    def _migrate(self, verb: Migrate) -> Json:
        old = self._group(verb.chat)
        if old.kind != "group":
            raise ControlError("that is a supergroup already")
        new = Room(int(f"-100{-old.id:010}"), "supergroup", old.title, members=set(old.members), bots=set(old.bots))
        self._world.rooms[new.key] = new
        someone = self._world.users[min(old.members)]
        gone = self._world.post(old, someone, migrate_to_chat_id=new.id)
        come = self._world.post(new, someone, migrate_from_chat_id=old.id)
        old.moved_to = new.id
        for bot in self._world.bots_in(new):
            self._world.update(bot, message=gone)
            self._world.update(bot, message=come)
        return self._world.chat(new)

    def _redeliver(self, verb: Redeliver) -> Json:
        bot = self._bot(verb.bot)
        bot.updates.append((int(verb.update["update_id"]), time.time(), verb.update))
        self._world.changed("update", bot=bot.id)
        return verb.update

    def _fault(self, verb: Fault) -> Json:
        self._faults.add(verb)
        return verb.model_dump()

    # Small helpers

    def _write(self, room: Room, person: Json, text: str, reply: Json | None = None) -> Json:
        entities = typed_entities(text) or None
        message = self._world.post(room, person, text=text, entities=entities, reply_to_message=reply)
        for bot in self._world.bots_in(room):
            # In a group a bot sees only what is meant for it (its privacy mode, on by default).
            if room.kind == "private" or _is_for(bot, message):
                self._world.update(bot, message=message)
        return message

    def _membership(self, room: Room, bot: Bot, person: Json, before: str, after: str) -> None:
        self._world.update(
            bot,
            my_chat_member={
                "chat": self._world.chat(room),
                "from": person,
                "date": int(time.time()),
                "old_chat_member": _member(bot, before),
                "new_chat_member": _member(bot, after),
            },
        )

    def _person(self, number: int) -> Json:
        person = self._world.users.get(number)
        if person is None or person["is_bot"]:
            raise ControlError(f"no person {number}: make one with /control/user")
        return person

    def _bot(self, name: str) -> Bot:
        bot = self._world.bot_named(name)
        if bot is None:
            raise ControlError("no such bot: it is made at its first request, or with /control/bot")
        return bot

    def _group(self, number: int) -> Room:
        room = self._world.rooms.get(str(number))
        if room is None or room.moved_to is not None:
            raise ControlError(f"no group {number}")
        return room

    def _room(self, bot: str | None, chat: int | None, user: int) -> Room:
        if (bot is None) == (chat is None):
            raise ControlError("name either a bot (private chat) or a chat (group)")
        if bot is not None:
            self._person(user)
            return self._world.private(self._bot(bot), user)
        room = self._group(chat or 0)
        if user not in room.members:
            raise ControlError(f"person {user} is not in that group")
        return room


def _member(bot: Bot, status: str) -> Json:
    until = {"until_date": 0} if status == "kicked" else {}
    return {"user": bot.user, "status": status, **until}


def _is_for(bot: Bot, message: Json) -> bool:
    text, name = message["text"], bot.user["username"]
    command = text.startswith("/") and text.split()[0].partition("@")[2].lower() in ("", name.lower())
    answered = message.get("reply_to_message", {}).get("from", {}).get("id") == bot.id
    return command or answered or f"@{name}".lower() in text.lower()


def _find_button(message: Json, wanted: str) -> Json:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    buttons: list[Json] = [button for row in rows for button in row]
    for same in (
        lambda button: wanted == button.get("callback_data"),
        lambda button: wanted == button["text"],
        lambda button: wanted.lower() in button["text"].lower(),
    ):
        found = [button for button in buttons if same(button)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ControlError(f"{len(found)} buttons fit {wanted!r}: {[button['text'] for button in found]}")
    raise ControlError(f"no button {wanted!r} among {[button['text'] for button in buttons]}")
