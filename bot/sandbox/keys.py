"""Keys of a reply keyboard that people press: each sends what it asks for."""

from __future__ import annotations

from pydantic import Field

from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.hearing import Place, say, write
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Say, Verb, Verbs
from bot.sandbox.webapps import opened

_NAMES = ("first_name", "last_name")
_PHONE = "+390110000000"


class _Shared(Verb):
    phone_number: str = Field(default=_PHONE, pattern=r"^\+?[0-9]{3,20}$")


class PressKey(_Shared, Act):
    """A person presses a key of the reply keyboard (its text, exactly), and agrees to what it asks for.

    `request_location` shares the place that is given, `request_contact` the number, `request_users` the `shared_users`,
    `request_chat` the `shared_chat`; a web app's key gives the address to open. Any other key sends its text.
    """

    key: str
    latitude: float = Field(default=45.0703, ge=-90, le=90)
    longitude: float = Field(default=7.6869, ge=-180, le=180)
    shared_users: list[int] = Field(default=[])
    shared_chat: int | None = None


class SendContact(_Shared, Say):
    """A person shares the own phone number."""


class Keys:
    """Carries out the verbs about reply keyboards."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "press_key": (PressKey, self._press),
            "send_contact": (SendContact, self._send_contact),
        }

    def _press(self, verb: PressKey) -> Json:
        room, person = self._find.acting(verb)
        message, key = key_of(room, verb.key)
        if "request_poll" in key:
            raise ControlError("the sandbox has no polls")
        if "web_app" in key:
            return opened(self._world, room, person, key["web_app"]["url"], key["text"])
        if key.get("request_contact"):
            return self._say(room, person, contact=_contact(person, verb.phone_number))
        if key.get("request_location"):
            return self._say(room, person, location={"latitude": verb.latitude, "longitude": verb.longitude})
        if "request_users" in key:
            return self._say(room, person, users_shared=self._users(key["request_users"], verb.shared_users))
        if "request_chat" in key:
            return self._say(room, person, chat_shared=self._chat(key["request_chat"], person, verb.shared_chat))
        # In a group the answer is a reply, so that the bot hears of it.
        reply = None if room.kind == "private" else message
        return write(self._world, Place(room, person, reply, message.get("message_thread_id", 0)), key["text"])

    def _send_contact(self, verb: SendContact) -> Json:
        place = self._find.saying(verb)
        return say(self._world, place, contact=_contact(place.person, verb.phone_number))

    def _say(self, room: Room, person: Json, **content: Json) -> Json:
        return say(self._world, Place(room, person), **content)

    def _users(self, asked: Json, chosen: list[int]) -> Json:
        """UsersShared. Raises `ControlError` for people whom a client would not offer."""
        most = asked.get("max_quantity", 1)
        if not 1 <= len(set(chosen)) <= most:
            raise ControlError(f"choose 1 to {most} people by their ids in shared_users")
        users = []
        for number in dict.fromkeys(chosen):
            user = self._world.users.get(number)
            if user is None or asked.get("user_is_bot", user["is_bot"]) != user["is_bot"]:
                raise ControlError(f"{number} is nobody whom the key asks for")
            users.append({"user_id": number} | _told(asked, user))
        return {"request_id": asked["request_id"], "user_ids": [user["user_id"] for user in users], "users": users}

    def _chat(self, asked: Json, person: Json, chosen: int | None) -> Json:
        """ChatShared. Raises `ControlError` for a chat that a client would not offer."""
        if chosen is None:
            raise ControlError("choose a chat by its id in shared_chat")
        room = self._find.group(chosen)
        chat = self._world.chat(room)
        fits = [
            person["id"] in room.members,
            (chat["type"] == "channel") == bool(asked.get("chat_is_channel")),
            asked.get("chat_is_forum", "is_forum" in chat) == ("is_forum" in chat),
            asked.get("chat_has_username", "username" in chat) == ("username" in chat),
            not asked.get("chat_is_created") or room.owner == person["id"],
        ]
        if not all(fits):
            raise ControlError(f"{chosen} is no chat that the key asks for")
        told = {"title": chat["title"]} if asked.get("request_title") else {}
        return {"request_id": asked["request_id"], "chat_id": room.id} | told


def key_of(room: Room, text: str) -> tuple[Json, Json]:
    """The key of that text in the keyboard that the chat has now, and the message that brought the keyboard."""
    message = next((one for one in reversed(room.messages.values()) if _sets_keyboard(one)), {})
    keys = [key for row in message.get("reply_markup", {}).get("keyboard", []) for key in row]
    key = next((key for key in keys if key["text"] == text), None)
    if key is None:
        raise ControlError(f"no key {text!r} among {[key['text'] for key in keys]}")
    return message, key


def _sets_keyboard(message: Json) -> bool:
    return bool(message.get("reply_markup", {}).keys() & {"keyboard", "remove_keyboard"})


def _contact(person: Json, phone_number: str) -> Json:
    names = {name: person[name] for name in _NAMES if name in person}
    return {"phone_number": phone_number, **names, "user_id": person["id"]}


def _told(asked: Json, user: Json) -> Json:
    """What of a person the key asks for besides the number."""
    names = (*(_NAMES if asked.get("request_name") else ()), *(("username",) if asked.get("request_username") else ()))
    return {name: user[name] for name in names if name in user}
