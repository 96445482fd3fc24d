"""Acting as the people. Each verb is described in `verbs`; `GET /control` lists them with their fields."""

from __future__ import annotations

from uuid import uuid4

from bot.sandbox import memberships, reactions, verbs
from bot.sandbox.bots import Bot, Pending
from bot.sandbox.buttons import button_of
from bot.sandbox.directory import Directory
from bot.sandbox.discussions import Discussions
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.fields import Json
from bot.sandbox.groups import Groups
from bot.sandbox.hearing import tell_reaction, write
from bot.sandbox.inline import Inline
from bot.sandbox.inline_ids import id_of
from bot.sandbox.keys import Keys
from bot.sandbox.places import Places
from bot.sandbox.rewriting import Rewriting
from bot.sandbox.rooms import Checkout, Query, Room
from bot.sandbox.sending import Sending
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError, Verbs
from bot.sandbox.webapps import WebApps


class Control:
    """Carries out the verbs on a world."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._find = Directory(world)
        self.verbs: Verbs = {
            "bot": (verbs.RegisterBot, self._register_bot),
            "user": (verbs.MakeUser, self._make_user),
            "send": (verbs.Send, self._send),
            "start": (verbs.Start, self._start),
            "tap": (verbs.Tap, self._tap),
            "pay": (verbs.Pay, self._pay),
            "read": (verbs.Read, self._read),
            "react": (verbs.React, self._react),
            "block": (verbs.Block, self._block),
            "offline": (verbs.Offline, self._offline),
            "deactivate": (verbs.Deactivate, self._deactivate),
            "delete_chat": (verbs.DeleteChat, self._delete_chat),
            "redeliver": (verbs.Redeliver, self._redeliver),
            "fault": (Fault, self._fault),
        }
        self.verbs |= (
            Groups(world).verbs
            | Sending(world).verbs
            | Places(world).verbs
            | Rewriting(world).verbs
            | Inline(world).verbs
            | Keys(world).verbs
            | Discussions(world).verbs
            | WebApps(world).verbs
        )

    def _register_bot(self, verb: verbs.RegisterBot) -> Json:
        bot = self._world.bot(verb.token, verb.username, verb.name)
        if bot is None:
            raise ControlError("another bot or a person has that number already")
        return bot.user

    def _make_user(self, verb: verbs.MakeUser) -> Json:
        if verb.id in self._world.bots:
            raise ControlError(f"{verb.id} is a bot")
        return self._world.user(**verb.model_dump())

    def _send(self, verb: verbs.Send) -> Json:
        return write(self._world, self._find.saying(verb), verb.text)

    def _start(self, verb: verbs.Start) -> Json:
        return self._send(verbs.Send(user=verb.user, bot=verb.bot, text=f"/start {verb.payload}".rstrip()))

    def _tap(self, verb: verbs.Tap) -> Json:
        room, person = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        message = room.messages.get(verb.message_id)
        if message is None or verb.message_id <= room.cleared:
            raise ControlError("no such message")
        if (verb.button is None) == (verb.data is None):
            raise ControlError("name either a button or its data")
        button = {"callback_data": verb.data} if verb.button is None else button_of(message, verb.button)
        if "callback_data" not in button:
            return {"button": button}
        bot = self._answering(room, message)
        query_id = uuid4().hex
        self._world.queries[query_id] = Query(bot.id, self._world.now())
        query = {"id": query_id, "from": dict(person), "chat_instance": room.key}
        via_it = "via_bot" in message
        query |= {"inline_message_id": id_of(room, message)} if via_it else {"message": dict(message)}
        self._world.update(bot, callback_query=query | {"data": button["callback_data"]})
        return {"callback_query_id": query_id, "button": button}

    def _answering(self, room: Room, message: Json) -> Bot:
        """The bot whose buttons a message has. Raises `ControlError` where there is none."""
        if "via_bot" in message:
            return self._world.bots[message["via_bot"]["id"]]
        bot = next((bot for bot in self._world.bots_in(room) if bot.id == room.author(message)), None)
        if bot is None or room.blocked:
            raise ControlError("the message is not of a bot that can be reached here")
        return bot

    def _pay(self, verb: verbs.Pay) -> Json:
        room, person = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        message = room.messages.get(verb.message_id)
        if message is None or "invoice" not in message:
            raise ControlError("no such invoice")
        asked = {name: message["invoice"][name] for name in ("currency", "total_amount")}
        asked["invoice_payload"] = room.invoices[verb.message_id]
        bot, query_id = self._world.bots[room.author(message)], uuid4().hex
        checkout = Checkout(bot.id, self._world.now(), room, verb.message_id, person, asked)
        self._world.checkouts[query_id] = checkout
        self._world.update(bot, pre_checkout_query={"id": query_id, "from": dict(person), **asked})
        return {"pre_checkout_query_id": query_id}

    def _read(self, verb: verbs.Read) -> Json:
        room, _ = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        room.read[verb.user] = min(max(verb.message_id, room.read.get(verb.user, 0)), room.newest)
        seen = {"message_id": room.read[verb.user]}
        unread = room.unread(verb.user)
        self._world.changed("read", room=room, user=verb.user, message=seen, unread=unread)
        return {"unread": unread}

    def _react(self, verb: verbs.React) -> Json:
        room, person = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        if verb.message_id not in room.messages:
            raise ControlError("no such message")
        if verb.emoji and not reactions.is_known(verb.emoji):
            raise ControlError(f"{verb.emoji!r} is none of Telegram's reactions")
        old = room.reactions.get(verb.message_id, {}).get(verb.user, [])
        new = [{"type": "emoji", "emoji": verb.emoji}] if verb.emoji else []
        room.reactions.setdefault(verb.message_id, {})[verb.user] = new
        tell_reaction(
            self._world, room, verb.message_id, {"user": dict(person), "old_reaction": old, "new_reaction": new}
        )
        self._world.reacted(room, verb.message_id)
        return {"reaction": new}

    def _block(self, verb: verbs.Block) -> Json:
        bot, person = self._find.bot(verb.bot), self._find.person(verb.user)
        room = self._world.private(bot, verb.user)
        if room.blocked != verb.blocked:
            did = "blocked" if verb.blocked else "unblocked"
            self._world.trouble(f"{person['first_name']} {did} {bot.user['first_name']}")
        room.blocked = verb.blocked
        before, after = ("member", "kicked") if verb.blocked else ("kicked", "member")
        memberships.bot_changed(self._world, room, bot, person, before=before, after=after)
        self._world.changed("room", room=room)
        return {"blocked": room.blocked}

    def _offline(self, verb: verbs.Offline) -> Json:
        person = self._find.person(verb.user)
        if verb.offline != (verb.user in self._world.offline):
            state = "is offline" if verb.offline else "is back online"
            self._world.trouble(f"{person['first_name']}’s phone {state}")
        if verb.offline:
            self._world.offline.setdefault(verb.user, self._world.changes.last)
        else:
            self._world.offline.pop(verb.user, None)
        self._world.changed("user", user=dict(person))
        return {"offline": verb.offline}

    def _deactivate(self, verb: verbs.Deactivate) -> Json:
        person = self._find.person(verb.user)
        self._world.deactivated.add(verb.user)
        self._world.changed("user", user=dict(person))
        return {"deactivated": verb.user}

    def _delete_chat(self, verb: verbs.DeleteChat) -> Json:
        self._find.person(verb.user)
        room = self._world.private(self._find.bot(verb.bot), verb.user)
        room.cleared = room.next_message - 1
        self._world.changed("room", room=room)
        return {"deleted": len(room.messages)}

    def _redeliver(self, verb: verbs.Redeliver) -> Json:
        bot = self._find.bot(verb.bot)
        again = Pending(verb.update, self._world.now(), sticky=True)
        if not isinstance(verb.update.get("update_id"), int) or not isinstance(again.content, dict):
            raise ControlError("an update has an update_id and one object")
        bot.updates.append(again)
        self._world.changed("update", bot=bot.id)
        return verb.update

    def _fault(self, verb: Fault) -> Json:
        bot = None if verb.bot is None else str(self._find.bot(verb.bot).id)
        self._faults.add(verb.model_copy(update={"bot": bot}))
        return verb.model_dump(exclude={"bot"}) | {"bot": bot}
