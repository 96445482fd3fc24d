"""One sender for both bots, and what a delivery does about Telegram's refusals (see `flows.telegram_errors`).

It speaks the Bot API's two methods that it needs by itself: making and reading the objects of a library took two
thirds of a worker's time (see docs/decisions/0025-speed.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, ClientTimeout
from pydantic import BaseModel, ValidationError

from flows.backoff import granted
from flows.events import Side
from flows.gate import Gate, NotYet, Urgency
from flows.http import UNANSWERED, client, out_of_reach
from flows.screens import Screen
from flows.store import Together
from flows.telegram_errors import Meaning, meaning

CONNECTIONS = 64  # per bot: all of Telegram's rate, even if every answer takes two seconds
TIMEOUT = ClientTimeout(total=15, connect=5)  # seconds


class Later(Exception):
    """Not now. `seconds` is what Telegram asked for (429), or None where a backoff decides."""

    def __init__(self, seconds: float | None, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class NotOurTurn(Later):
    """Telegram has not been asked: its limits leave this chat no room until `seconds` have passed."""


class NoTopic(Later):
    """The chat's topic is closed or deleted, or General is. Telegram has refused the message, and may take it later."""

    def __init__(self, words: str) -> None:
        super().__init__(None, f"the topic takes no messages ({words})")


class Unreachable(Exception):
    """This chat can't be written to, and trying again won't help: blocked, kicked, gone."""


class Moved(Exception):
    """The group has become a supergroup with another id."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"moved to {chat_id}")
        self.chat_id = chat_id


class Vanished(Exception):
    """The message to edit is no longer there, or too old to edit."""


def may_have_arrived(error: Exception) -> bool:
    """Whether a request that ended like this may have taken effect, or still will: nobody answered it."""
    return isinstance(error, Later) and error.seconds is None and not isinstance(error, NoTopic)


class Refused(Exception):
    """Telegram does not understand the request, or does not want it: our mistake, so trying again may not help."""


class _Parameters(BaseModel):
    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Message(BaseModel):
    message_id: int


class _Answer(BaseModel):
    """What the Bot API says (https://core.telegram.org/bots/api#making-requests)."""

    ok: bool
    result: _Message | bool = False
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


class Sender:
    """Sends and edits messages as either bot. Keeps its connections open; `close` them in the end."""

    def __init__(self, api_url: str, customer_token: str, restaurant_token: str, store: Together) -> None:
        """`store` is where Telegram's limits are kept, for bots and workers together."""
        self._gates = {side: Gate(store, str(side)) for side in Side}
        self._tokens = {Side.CUSTOMER: customer_token, Side.RESTAURANT: restaurant_token}
        self._api_url = api_url
        self._sessions: dict[Side, ClientSession] = {}

    async def send(
        self,
        side: Side,
        chat_id: int,
        screen: Screen,
        reply_to: int | None = None,
        topic: int | None = None,
        *,
        urgency: Urgency = Urgency.NEWS,
    ) -> int:
        """Send a new message, which rings. Returns its id.

        Raises `Later` (`NoTopic` too), `Unreachable`, `Moved` or `Refused`.
        """
        body = _body(chat_id, screen)
        if topic is not None:
            body["message_thread_id"] = topic
        if reply_to is not None:
            body["reply_parameters"] = {"message_id": reply_to, "allow_sending_without_reply": True}
        async with self._allowed(side, chat_id, urgency):
            try:
                answer = await self._call(side, "sendMessage", body)
            except Vanished:  # what it answers to is gone: the news counts more than where it points
                body.pop("reply_parameters", None)
                answer = await self._call(side, "sendMessage", body)
        if not isinstance(answer.result, _Message):
            raise Later(None, "Telegram did not say which message it has made")
        return answer.result.message_id

    async def edit(
        self,
        side: Side,
        chat_id: int,
        message_id: int,
        draw: Callable[[], Awaitable[Screen | None]],
        urgency: Urgency = Urgency.ROUTINE,
    ) -> None:
        """Bring a message up to date, silently; no change counts as done. Raises also `Vanished`.

        `draw` is called when it is our turn; None means that there is nothing to do any more.
        """
        async with self._allowed(side, chat_id, urgency):
            screen = await draw()
            if screen is not None:
                await self._call(side, "editMessageText", _body(chat_id, screen) | {"message_id": message_id})

    @asynccontextmanager
    async def _allowed(self, side: Side, chat_id: int, urgency: Urgency) -> AsyncIterator[None]:
        """A request that is made when Telegram's limits allow it."""
        gate = self._gates[side]
        try:
            await gate.through(chat_id, urgency)
        except NotYet as not_yet:
            raise NotOurTurn(not_yet.seconds, str(not_yet)) from None
        try:
            yield
        except Later as later:
            if later.seconds is not None:
                await gate.slow_down(chat_id, later.seconds)
            raise

    async def _call(self, side: Side, method: str, body: dict[str, Any]) -> _Answer:
        """The answer to a request that was granted. Raises what else it means for a delivery."""
        try:
            url = f"{self._api_url}/bot{self._tokens[side]}/{method}"
            async with self._session(side).post(url, json=body, allow_redirects=False) as response:
                answer = _Answer.model_validate_json(await response.read())
        except UNANSWERED as error:
            raise Later(None, out_of_reach(error)) from None
        except ValidationError:
            raise Later(
                None, f"what answers in Telegram's place does not speak the Bot API ({response.status})"
            ) from None
        if answer.ok:
            return answer
        # RQ keeps the traceback of a job; who repeats our request in the words of an error would show the token.
        refusal = _refusal(answer, answer.description.replace(self._tokens[side], "<token>"))
        if refusal is not None:
            raise refusal
        return answer

    def _session(self, side: Side) -> ClientSession:
        if side not in self._sessions:
            self._sessions[side] = client(self._api_url, TIMEOUT, CONNECTIONS)
        return self._sessions[side]

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()


def _body(chat_id: int, screen: Screen) -> dict[str, Any]:
    body = {
        "chat_id": chat_id,
        "text": screen.text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    return body | {"reply_markup": screen.keyboard()} if screen.rows else body


def _refusal(answer: _Answer, words: str) -> Exception | None:
    """What a delivery should do about an answer that is not ok; None where all is as it should be."""
    new_id = answer.parameters.migrate_to_chat_id
    match Meaning.MOVED if new_id is not None else meaning(answer.error_code, words):
        case Meaning.UNCHANGED:
            return None
        case Meaning.MOVED if new_id is not None:
            return Moved(new_id)
        case Meaning.TOO_MANY:
            return Later(granted(answer.parameters.retry_after or 0.0), "Telegram asked to slow down")
        case Meaning.VANISHED:
            return Vanished(words)
        case Meaning.TOPIC:
            return NoTopic(words)
        case Meaning.GONE:
            return Unreachable(words)
        case Meaning.MISTAKE | Meaning.OLD_TAP:
            return Refused(words)
        case Meaning.NOT_NOW | Meaning.MOVED:  # moved, but not said where to: the group's own message tells that
            return Later(None, f"Telegram says {answer.error_code}: {words}")
