"""What can be asked of the control API: a model for each verb. `bot` is a token, a username or an id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ControlError(Exception):
    """A request that can't be carried out; says why."""


class Verb(BaseModel):
    """A request that people could make with their hands."""

    model_config = ConfigDict(extra="forbid")


Verbs = dict[str, tuple[type[BaseModel], Callable[[Any], Any]]]  # by name: what each takes, and who carries it out


class RegisterBot(Verb):
    """Give the bot of a token its username and name."""

    token: str = Field(pattern=r"^\d{1,15}:[A-Za-z0-9_-]{3,}$")
    username: str | None = None
    name: str | None = None


class MakeUser(Verb):
    """A person, made or (by `id`) renamed."""

    id: int | None = Field(default=None, gt=0)
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class MakeGroup(Verb):
    """A group of people, with bots or without; the first member adds the bots."""

    title: str
    members: list[int] = Field(min_length=1)
    bots: list[str] = []


class MakeChannel(Verb):
    """A channel: its first member has made it and adds the bots, which are administrators there."""

    title: str
    members: list[int] = Field(min_length=1)
    bots: list[str] = []


class SetForum(Verb):
    """The owner of a supergroup lets it have topics, or takes them away."""

    chat: int
    on: bool = True


class Promote(Verb):
    """The owner makes a person or a bot (by its number) an administrator with these rights: by default with all.

    Without any right it is an ordinary member again.
    """

    chat: int
    user: int
    rights: list[str] | None = None


class AddBot(Verb):
    """A member adds a bot to the group; `start` is the payload of a `startgroup` link."""

    chat: int
    bot: str
    by: int
    start: str | None = None


class RemoveBot(Verb):
    """A member removes a bot from the group."""

    chat: int
    bot: str
    by: int


class Join(Verb):
    """A person comes into the group, or `by` brings that person in."""

    chat: int
    user: int
    by: int | None = None


class Follow(Verb):
    """A person follows an invite link: comes into the chat, or asks to be let in."""

    user: int
    link: str


class Leave(Verb):
    """A person leaves the group, or `by` removes that person."""

    chat: int
    user: int
    by: int | None = None


class Act(Verb):
    """A person does something: in the private chat with `bot`, or in the group `chat`."""

    user: int
    bot: str | None = None
    chat: int | None = None


class Say(Act):
    """A person sends a message, which may reply to another one; in a forum to its `topic` (else that of the reply)."""

    reply_to: int | None = None
    topic: int | None = None


class Send(Say):
    """A person writes: in the private chat with `bot`, or in the group `chat`."""

    text: str = Field(min_length=1, max_length=4096)


class Start(Verb):
    """A person presses Start, or follows a link with a payload, in the private chat with `bot`."""

    user: int
    bot: str
    payload: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")


class Tap(Act):
    """A person taps a button of a message: by its callback data or by its text (exact, or a unique part).

    Instead of `button`, `data` sends any callback data, as a stale or a forged button does.
    """

    message_id: int
    button: str | None = None
    data: str | None = Field(default=None, min_length=1, max_length=64)


class Pay(Act):
    """A person pays the invoice that a message holds. The bot has 10 seconds to agree."""

    message_id: int


class Read(Act):
    """A person has seen a chat up to that message."""

    message_id: int


class React(Act):
    """A person reacts to a message with an emoji, or (with none) takes that back."""

    message_id: int
    emoji: str | None = None


class Block(Verb):
    """A person blocks the bot, or unblocks it."""

    user: int
    bot: str
    blocked: bool = True


class Offline(Verb):
    """A person's phone loses the network, or has it again. Until then this person can't do anything in the chats."""

    user: int
    offline: bool = True


class Deactivate(Verb):
    """A person deletes the account: no bot can write there any more."""

    user: int


class DeleteChat(Verb):
    """A person deletes the chat with the bot: its messages are gone for the person, and the bot does not notice."""

    user: int
    bot: str


class Migrate(Verb):
    """The group becomes a supergroup, with a new id."""

    chat: int


class Redeliver(Verb):
    """An update that the bot has confirmed comes again, as after a lost confirmation."""

    bot: str
    update: dict[str, Any] = Field(min_length=2)
