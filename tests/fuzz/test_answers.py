"""What comes in Telegram's place, and what the inbox holds: batches of updates, or `NotNow` and `Refused`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientTimeout
from hypothesis import strategies as st

from bot.inbox import Inbox, Update, chat_of, offset_after
from bot.intake import Refused
from bot.polling import NotNow, Polling
from flows import keys
from flows.backoff import Backoff
from flows.http import client
from tests.fuzz.budget import fuzz
from tests.fuzz.stand import EVE, Stand, message, tap, typed
from tests.fuzz.strategies import mutated, stored, values

UPDATES = [typed(EVE, "hello"), tap(EVE, "1me:nonna", "customer"), {"update_id": 3, "edited_message": message(EVE)}]
ANSWERS = [
    {"ok": True, "result": UPDATES},
    {"ok": True, "result": []},
    {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3}},
    {"ok": False, "error_code": 409, "description": "Conflict: can't use getUpdates while webhook is active"},
    {"ok": False, "error_code": 502, "description": "Bad Gateway"},
]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Impostor:
    """Answers every connection with the same bytes, whatever was asked; and one that asks there."""

    def __init__(self, bots: Stand) -> None:
        self._bots = bots
        self._says = b""
        self._serving = AsyncExitStack()
        self._polling = bots.run(self._open())

    async def _open(self) -> Polling:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        await self._serving.enter_async_context(server)
        host, port = server.sockets[0].getsockname()
        url = f"http://{host}:{port}"
        self._http = await self._serving.enter_async_context(client(url, ClientTimeout(total=10)))
        return Polling("customer", "7001:customer-token", url, [])

    def close(self) -> None:
        self._bots.run(self._serving.aclose())

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(self._says)
        await writer.drain()
        writer.close()

    def take_in(self, answer: bytes) -> None:
        """The intake's way with an answer."""
        self._says = answer
        seconds, batch = None, list[Update]()
        try:
            batch = self._bots.run(self._polling.ask(self._http, 0))
        except NotNow as reason:
            seconds = reason.seconds
        except Refused:
            return
        assert 0 <= Backoff().next(seconds) < 86_400
        if not batch:
            return
        clear(self._bots)
        inbox = Inbox(self._bots.redis, "customer", "me")
        chats = set(inbox.store(batch, offset_after(batch)).chats)
        handed_out = [update for chat in chats for update in line(inbox, chat)]
        assert {update["update_id"] for update in handed_out} == {update["update_id"] for update in batch}
        assert inbox.offset() == offset_after(batch)


def clear(bots: Stand) -> None:
    """An empty inbox."""
    for key in bots.redis.scan_iter(match="inbox:*"):
        bots.redis.delete(key)


def line(inbox: Inbox, chat: str) -> Iterator[Update]:
    """A chat's updates, each struck off when the next one is asked for."""
    found = inbox.next(chat)
    while found.update is not None:
        yield found.update
        found = inbox.next(chat, found.update)


@pytest.fixture(scope="module")
def impostor(bots: Stand) -> Iterator[Impostor]:
    made = Impostor(bots)
    yield made
    made.close()


def in_full(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


@fuzz(2, body=stored(*ANSWERS))
def test_any_body(impostor: Impostor, body: bytes) -> None:
    impostor.take_in(in_full(body))


@pytest.mark.parametrize("seconds", [-1, 0, 10**12, 10**400])
def test_any_wait_that_telegram_asks_for(impostor: Impostor, seconds: int) -> None:
    impostor.take_in(in_full(json.dumps(ANSWERS[2] | {"parameters": {"retry_after": seconds}}).encode()))


@fuzz(1, answer=st.binary(max_size=200) | st.binary(max_size=80).map(lambda junk: HEAD + junk))
def test_any_bytes(impostor: Impostor, answer: bytes) -> None:
    impostor.take_in(answer)


@fuzz(2, update=st.sampled_from(UPDATES).flatmap(mutated) | st.dictionaries(st.text(max_size=8), values, max_size=3))
def test_an_update_belongs_to_a_chat_or_to_none(update: object) -> None:
    if isinstance(update, dict):
        assert isinstance(chat_of(update), int | None)


@fuzz(1, raw=stored(*UPDATES))
def test_what_the_inbox_cannot_read_does_not_stop_the_bot(bots: Stand, raw: bytes) -> None:
    good = typed(EVE, "good")
    clear(bots)
    inbox = Inbox(bots.redis, "customer", "me")
    inbox.store([{**good, "update_id": 0}, good])
    bots.redis.hset(keys.inbox("customer"), "0", raw)
    assert good in line(inbox, str(EVE))


@pytest.mark.parametrize("raw", [b"", b"x", b"\xff", b"1e3", b"9" * 5000])
def test_an_offset_that_cannot_be_read_asks_from_the_oldest_on(bots: Stand, raw: bytes) -> None:
    bots.redis.set(keys.inbox_offset("customer"), raw)
    assert Inbox(bots.redis, "customer", "me").offset() == 0
