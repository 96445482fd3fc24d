"""Whom and what a verb of the control API names."""

from __future__ import annotations

from bot.sandbox import forum
from bot.sandbox.bots import Bot
from bot.sandbox.fields import Json
from bot.sandbox.hearing import Place
from bot.sandbox.rooms import GENERAL_TOPIC, Room, Topic
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Say


class Directory:
    """Finds people, bots and chats. Raises `ControlError` for those that are not there."""

    def __init__(self, world: World) -> None:
        self._world = world

    def person(self, number: int) -> Json:
        person = self._world.users.get(number)
        if person is None or person["is_bot"]:
            raise ControlError(f"no person {number}: make one with /control/user")
        return person

    def online(self, number: int) -> Json:
        person = self.person(number)
        if number in self._world.deactivated:
            raise ControlError("this account was deleted")
        if number in self._world.offline:
            raise ControlError("this phone is offline")
        return person

    def bot(self, name: str) -> Bot:
        bot = self._world.bot_named(name)
        if bot is None:
            raise ControlError("no such bot: make it by its token, at its first request or with /control/bot")
        return bot

    def group(self, number: int) -> Room:
        room = self._world.rooms.get(str(number))
        if room is None or room.moved_to is not None:
            raise ControlError(f"no group {number}")
        room.lapse(self._world.now())
        return room

    def room(self, bot: str | None, chat: int | None, user: int) -> Room:
        if (bot is None) == (chat is None):
            raise ControlError("name either a bot (private chat) or a chat (group)")
        if bot is not None:
            self.person(user)
            return self._world.private(self.bot(bot), user)
        room = self.group(chat or 0)
        if user not in room.members:
            raise ControlError(f"person {user} is not in that group")
        return room

    def message(self, room: Room, number: int) -> Json:
        """A message that people can see there."""
        message = room.messages.get(number)
        if message is None or number <= room.cleared:
            raise ControlError("no such message")
        return message

    def own(self, room: Room, person: Json, number: int) -> Json:
        """A message of that person."""
        message = self.message(room, number)
        if room.author(message) != person["id"]:
            raise ControlError("that is somebody else's message")
        return message

    def acting(self, verb: Act) -> tuple[Room, Json]:
        """Where somebody does something that the bots there hear of, and who."""
        room, person = self.room(verb.bot, verb.chat, verb.user), self.online(verb.user)
        if room.blocked:
            raise ControlError("this person has blocked the bot")
        return room, person

    def saying(self, verb: Say) -> Place:
        """The same for somebody who sends a message, with the one that it replies to, and its topic."""
        room, person = self.acting(verb)
        reply = None if verb.reply_to is None else self.message(room, verb.reply_to)
        if not room.topics:
            if verb.topic is not None:
                raise ControlError("that chat has no topics")
            return Place(room, person, reply)
        topic = verb.topic or (forum.thread_of(reply) if reply else GENERAL_TOPIC)
        self.topic(room, topic)
        return Place(room, person, reply, topic)

    def topic(self, room: Room, number: int) -> Topic:
        """A topic of a forum."""
        if number not in room.topics:
            names = {key: topic.name for key, topic in room.topics.items()}
            raise ControlError(f"no topic {number} among {names}")
        return room.topics[number]
