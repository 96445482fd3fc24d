"""Chats, and what in them waits for a bot's word."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from bot.sandbox.fields import Json

QUERY_LIFE = 150  # seconds that a tap waits for its bot, and can be answered
CHECKOUT_LIFE = 10.0  # seconds that a bot has to answer before the payment fails


def unused_number() -> int:
    """Where a new count of updates, messages or groups begins: beyond all that an earlier sandbox has given out.

    The bots remember ids for longer than a sandbox lives, and one that came again would be taken for the former.
    Nobody at the page is faster than so many a second, and one that is started again at once still begins beyond.
    Telegram's own fit into 32 bits; starting over each 248 days is like its starting anywhere after a quiet week.
    """
    return int(time.time() * 100) % 2**31


@dataclass
class Numbers:
    """Numbers that are given out one after the other."""

    upcoming: int

    def __iter__(self) -> Numbers:
        return self

    def __next__(self) -> int:
        self.upcoming += 1
        return self.upcoming - 1


GENERAL_TOPIC = 1  # its number; its messages name none


@dataclass
class Topic:
    """A topic of a forum."""

    name: str
    icon_color: int
    icon_custom_emoji_id: str = ""
    creator: int = 0
    closed: bool = False
    hidden: bool = False


@dataclass
class Invite:
    """A link into a chat: who has made it, and whom it lets in."""

    creator: int
    primary: bool = False  # its maker's main one
    revoked: bool = False
    name: str = ""
    expires: int = 0  # seconds since 1970, 0 for never
    limit: int = 0  # people, 0 for any number
    asks: bool = False  # whoever follows it has to be let in by an administrator
    used: int = 0


@dataclass
class Room:
    """A chat as its members see it: a private one of a bot and a user, a group, or a channel.

    A group with `topics` is a forum. Of `administrators` and `restricted` members it is told what they may.
    """

    id: int
    kind: Literal["private", "group", "supergroup", "channel"]
    title: str = ""
    bot: int | None = None  # of a private chat
    members: set[int] = field(default_factory=set)
    owner: int | None = None  # who has made a group or channel
    administrators: dict[int, Json] = field(default_factory=dict)  # people and bots, with their rights; not the owner
    restricted: dict[int, Json] = field(default_factory=dict)  # people and bots, with what is left to them
    permissions: Json = field(default_factory=dict)  # what all members may, where it is not as usual
    removed: set[int] = field(default_factory=set)  # people whom somebody has put out
    until: dict[int, int] = field(default_factory=dict)  # when that or a restriction ends, where it does
    bots: set[int] = field(default_factory=set)
    former_bots: dict[int, Literal["left", "kicked"]] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    deleted: dict[int, Json] = field(default_factory=dict)  # kept for whoever looks back
    edits: dict[int, int] = field(default_factory=dict)  # how often each message was edited
    cleared: int = 0  # up to this message the person has deleted the chat, which the bot does not notice
    next_message: int = field(default_factory=unused_number)
    started: bool = False  # the user of a private chat has written first
    blocked: bool = False
    moved_to: int | None = None
    former: str | None = None  # of a supergroup: the key of the group that it was
    pinned: list[int] = field(default_factory=list)  # the newest last
    read: dict[int, int] = field(default_factory=dict)  # up to which message each person has seen it
    reactions: dict[int, dict[int, list[Json]]] = field(default_factory=dict)  # of each message, by who reacted
    description: str = ""
    photo: str = ""  # the id of its file
    invites: dict[str, Invite] = field(default_factory=dict)  # by their links
    requests: dict[int, str] = field(default_factory=dict)  # people who wait to be let in, by which link each
    topics: dict[int, Topic] = field(default_factory=dict)  # of a forum, by their numbers
    authors: dict[int, int] = field(default_factory=dict)  # of a channel's posts, which do not say it
    invoices: dict[int, str] = field(default_factory=dict)  # the payloads of the invoices, which nobody is shown

    @property
    def key(self) -> str:
        """Names the room on the page and in the control API."""
        return f"{self.bot}:{self.id}" if self.kind == "private" else str(self.id)

    @property
    def newest(self) -> int:
        """The number given last; that message may be deleted."""
        return self.next_message - 1

    def last(self) -> Json | None:
        """The newest message that is still there."""
        for number in reversed(self.messages):
            return self.messages[number] if number > self.cleared else None
        return None

    def unread(self, person: int) -> int:
        """How many messages of others somebody has not seen."""
        seen = max(self.read.get(person, 0), self.cleared)
        unseen = takewhile(lambda number: number > seen, reversed(self.messages))
        return sum(self.author(self.messages[number]) != person for number in unseen)

    def author(self, message: Json) -> int:
        """Who has sent a message: a channel's posts do not say it."""
        return self.authors.get(message["message_id"]) or int(message["from"]["id"])

    def lapse(self, now: float) -> None:
        """End the bans and restrictions whose time is over."""
        for member in [member for member, end in self.until.items() if end <= now]:
            del self.until[member]
            self.removed.discard(member)
            self.restricted.pop(member, None)

    def given_reactions(self, message_id: int) -> list[Json]:
        """Everybody's reactions to a message."""
        return [one for given in self.reactions.get(message_id, {}).values() for one in given]

    def status_of(self, member: int) -> str:
        """What somebody is in the chat, as ChatMember has it."""
        if member == self.owner:
            return "creator"
        if member in self.removed or self.former_bots.get(member) == "kicked":
            return "kicked"
        if member in self.restricted:
            return "restricted"
        if member not in self.members | self.bots and member != self.bot:
            return "left"
        return "administrator" if member in self.administrators else "member"


@dataclass
class Query:
    """A tap on a button, and the bot's answer to it."""

    bot: int
    at: float
    answer: Json | None = None


@dataclass
class InlineQuery:
    """What a person has typed behind a bot's name, the bot's answer, and the messages that its results become."""

    bot: int
    at: float
    person: int
    query: str
    offset: str
    answer: Json | None = None
    is_personal: bool = False  # the answer is for that person alone
    kept_until: float = 0.0  # until then Telegram answers the same question by itself
    contents: dict[str, Json] = field(default_factory=dict)  # by the id of the result


@dataclass
class WebApp:
    """A bot's page that a person has open: by a `key` of the reply keyboard, or by another button."""

    bot: int
    person: int
    key: str | None


@dataclass
class Checkout:
    """Somebody wants to pay an invoice, and waits for the bot's word. `asked` is what the receipt will repeat."""

    bot: int
    at: float
    room: Room
    message_id: int
    payer: Json
    asked: Json


def without_keys(message: Json) -> Json:
    """A message as bots get it: reply keyboards are not part of it."""
    if "inline_keyboard" in message.get("reply_markup", {"inline_keyboard": []}):
        return dict(message)
    return {key: value for key, value in message.items() if key != "reply_markup"}
