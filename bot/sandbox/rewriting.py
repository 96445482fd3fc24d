"""What people do with messages that are there: edit and delete their own, and forward any."""

from __future__ import annotations

from pydantic import Field

from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.forwards import forwarded, may_go
from bot.sandbox.hearing import Place, captioned, change, say, written
from bot.sandbox.media import WITH_CAPTION
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Verbs

EDITABLE = 48 * 3600  # seconds that people can edit a message


class Edit(Act):
    """A person changes the text of an own message, or the caption of an own file."""

    message_id: int
    text: str = Field(max_length=4096)


class Delete(Act):
    """A person deletes a message for everybody: an own one, or any in a private chat. No bot hears of it."""

    message_id: int


class Forward(Act):
    """A person forwards a message from this chat to the private chat with `to_bot` or to the group `to_chat`."""

    message_id: int
    to_bot: str | None = None
    to_chat: int | None = None


class Rewriting:
    """Carries out the verbs about messages that are there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "edit": (Edit, self._edit),
            "delete": (Delete, self._delete),
            "forward": (Forward, self._forward),
        }

    def _edit(self, verb: Edit) -> Json:
        room, person = self._find.acting(verb)
        message = self._find.own(room, person, verb.message_id)
        if "forward_origin" in message or "via_bot" in message:
            raise ControlError("a message that was forwarded or sent via a bot can't be edited")
        if self._world.now() - message["date"] > EDITABLE:
            raise ControlError("a message can be edited for 48 hours only")
        if "text" in message:
            text, entities = written(verb.text)
            content: Json = {"text": text, "entities": entities}
        elif any(kind in message for kind in WITH_CAPTION):
            content = captioned(verb.text)
        else:
            raise ControlError("there is no text in that message")
        if all(message.get(name) == value for name, value in content.items()):
            raise ControlError("that is what the message says already")
        return change(self._world, room, message, **content)

    def _delete(self, verb: Delete) -> Json:
        room, person = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        message = self._find.message(room, verb.message_id)
        if room.kind != "private" and room.author(message) != person["id"]:
            raise ControlError("only own messages can be deleted in a group")
        self._world.delete(room, verb.message_id)
        return {"deleted": verb.message_id}

    def _forward(self, verb: Forward) -> Json:
        source = self._find.room(verb.bot, verb.chat, verb.user)
        message = self._find.message(source, verb.message_id)
        if not may_go(message):
            raise ControlError("that message can't be forwarded")
        room, person = self._find.acting(Act(user=verb.user, bot=verb.to_bot, chat=verb.to_chat))
        return say(self._world, Place(room, person), **forwarded(message))
