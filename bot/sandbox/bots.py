"""Bots, where they want their updates, and the updates that wait for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.fields import Json
from bot.sandbox.rooms import QUERY_LIFE, unused_number

UPDATE_LIFE = 24 * 3600  # seconds that an update waits for its bot
KINDS = (  # Bot API, Update
    *("message", "edited_message", "channel_post", "edited_channel_post", "inline_query", "chosen_inline_result"),
    *("callback_query", "shipping_query", "pre_checkout_query", "poll", "poll_answer", "my_chat_member"),
    *("chat_member", "chat_join_request", "chat_boost", "removed_chat_boost", "message_reaction"),
    *("message_reaction_count", "business_connection", "business_message", "edited_business_message"),
    *("deleted_business_messages", "purchased_paid_media"),
)
ONLY_WHEN_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}  # Bot API, getUpdates
INLINE_LIFE = 30  # seconds that an inline query waits for its bot, and can be answered
# Seconds that the updates wait that do not last a day (tdlib, Client).
_LIVES = {"callback_query": QUERY_LIFE, "pre_checkout_query": QUERY_LIFE, "inline_query": INLINE_LIFE}
_LIVES |= {"chosen_inline_result": 600}


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
        return self.at + _LIVES.get(self.kind, UPDATE_LIFE)

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
    next_update: int = field(default_factory=unused_number)
    webhook: Webhook | None = None
    allowed: list[str] | None = None  # the kinds of updates it asked for, by polling or with a webhook
    asked: tuple[int, float] = (0, 0.0)  # the offset of its last getUpdates, and when that came
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # by scope and language
    texts: dict[tuple[str, str], str] = field(default_factory=dict)  # name and descriptions by their language
    inline: str | None = None  # what stands in the empty field of inline mode, where @BotFather has switched it on
    inline_feedback: bool = False  # whether it hears which results are chosen (@BotFather's /setinlinefeedback)
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
