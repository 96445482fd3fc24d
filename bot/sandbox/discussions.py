"""What people do with the topics of a forum: open, rename, close and delete them."""

from __future__ import annotations

from pydantic import Field

from bot.sandbox import forum, rights
from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.rooms import GENERAL_TOPIC, Room, Topic
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError, Verb, Verbs


class CreateTopic(Verb):
    """A member of a forum opens a topic. Its number is that of the message which says so."""

    user: int
    chat: int
    name: str = Field(min_length=1, max_length=forum.NAME_LIMIT)


class EditTopic(Verb):
    """Whoever has opened a topic, or an administrator, renames it, closes it, or opens it again."""

    user: int
    chat: int
    topic: int
    name: str | None = Field(default=None, min_length=1, max_length=forum.NAME_LIMIT)
    closed: bool | None = None


class DeleteTopic(Verb):
    """The same person deletes a topic with all its messages."""

    user: int
    chat: int
    topic: int


class Discussions:
    """Carries out the verbs about topics."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "create_topic": (CreateTopic, self._create),
            "edit_topic": (EditTopic, self._edit),
            "delete_topic": (DeleteTopic, self._delete),
        }

    def _create(self, verb: CreateTopic) -> Json:
        room, person = self._forum(verb.chat, verb.user)
        if not rights.may(room, verb.user, "can_manage_topics"):
            raise ControlError(f"{person['first_name']} may not open topics there")
        return forum.open_topic(self._world, room, person, verb.name)

    def _edit(self, verb: EditTopic) -> Json:
        room, person, topic = self._changeable(verb)
        if verb.name is not None and verb.name != topic.name:
            forum.edit_topic(self._world, room, person, verb.topic, name=verb.name)
        if verb.closed is not None and verb.closed != topic.closed:
            forum.close_topic(self._world, room, person, verb.topic, verb.closed)
        return {"name": topic.name, "closed": topic.closed}

    def _delete(self, verb: DeleteTopic) -> Json:
        room, _, _ = self._changeable(verb)
        if verb.topic == GENERAL_TOPIC:
            raise ControlError("the general topic can't be deleted")
        forum.delete_topic(self._world, room, verb.topic)
        return {"deleted": verb.topic}

    def _changeable(self, verb: EditTopic | DeleteTopic) -> tuple[Room, Json, Topic]:
        room, person = self._forum(verb.chat, verb.user)
        topic = self._find.topic(room, verb.topic)
        if topic.creator != verb.user and not forum.edits_topics(room, verb.user):
            raise ControlError(f"only administrators and whoever opened it may change “{topic.name}”")
        return room, person, topic

    def _forum(self, chat: int, user: int) -> tuple[Room, Json]:
        room, person = self._find.room(None, chat, user), self._find.online(user)
        if not room.topics:
            raise ControlError("that chat has no topics: /control/forum gives a supergroup some")
        return room, person
