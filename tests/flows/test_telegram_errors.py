"""What Telegram's refusals mean, whoever hears them: the workers, python-telegram-bot or aiogram."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.methods import SendMessage
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

from bot import customer_errors, restaurant_errors
from flows.telegram_errors import Meaning, meaning

GONE = [
    (400, "chat not found"),
    (400, "private chat not found"),
    (400, "user not found"),
    (400, "PEER_ID_INVALID"),
    (400, "CHAT_WRITE_FORBIDDEN"),
    (400, "CHAT_RESTRICTED"),
    (400, "CHAT_SEND_PLAIN_FORBIDDEN"),
    (400, "CHAT_ADMIN_REQUIRED"),
    (400, "CHANNEL_PRIVATE"),
    (400, "USER_BANNED_IN_CHANNEL"),
    (400, "group chat was deactivated"),
    (400, "not enough rights to send text messages to the chat"),
    (400, "have no rights to send a message"),
    (400, "have no write access to the chat"),
    (400, "need administrator rights in the channel chat"),
    (403, "bot was blocked by the user"),
    (403, "user is deactivated"),
    (403, "bot can't initiate conversation with a user"),
    (403, "bot was kicked from the supergroup chat"),
    (403, "bot is not a member of the channel chat"),
    (403, "the group chat was deleted"),
    (403, "words that are new to us"),
]
TOPIC = [
    (400, "TOPIC_CLOSED"),
    (400, "TOPIC_DELETED"),
    (400, "message thread not found"),
    (400, "invalid forum topic identifier specified"),
]
VANISHED = [
    (400, "message to edit not found"),
    (400, "message can't be edited"),
    (400, "MESSAGE_ID_INVALID"),
    (400, "message to be replied not found"),
    (400, "message to delete not found"),
    (400, "message can't be deleted for everyone"),
]
UNCHANGED = [
    (400, "message is not modified: specified new message content and reply markup are exactly the same"),
    (400, "MESSAGE_NOT_MODIFIED"),
]
OLD_TAP = [(400, "query is too old and response timeout expired or query ID is invalid"), (400, "QUERY_ID_INVALID")]
MISTAKE = [
    (400, "BUTTON_DATA_INVALID"),
    (400, "message text is empty"),
    (400, "message is too long"),
    (400, "reply markup is too long"),
    (400, "can't parse entities: unclosed start tag at byte offset 0"),
    (400, "words that are new to us"),
]
NOT_NOW = [
    (401, "Unauthorized"),
    (404, "Not Found"),
    (500, "Internal Server Error: restart"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
]
ALL = [
    (code, words, wanted)
    for wanted, answers in {
        Meaning.GONE: GONE,
        Meaning.TOPIC: TOPIC,
        Meaning.VANISHED: VANISHED,
        Meaning.UNCHANGED: UNCHANGED,
        Meaning.OLD_TAP: OLD_TAP,
        Meaning.MISTAKE: MISTAKE,
        Meaning.NOT_NOW: NOT_NOW,
    }.items()
    for code, words in answers
]
PREFIXES = {400: "Bad Request: ", 403: "Forbidden: "}


class Answers(BaseRequest):
    """python-telegram-bot's own reading of an answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = status, body

    @property
    def read_timeout(self) -> float:
        return 1

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        return self._answer


async def to_the_customers_bot(status: int, body: bytes) -> Meaning:
    with pytest.raises(TelegramError) as caught:
        await Answers(status, body).post("http://telegram/bot1:a/sendMessage")
    return customer_errors.meaning_of(caught.value)


def to_the_restaurants_bot(status: int, body: bytes) -> Meaning:
    method = SendMessage(chat_id=1, text="x")
    with pytest.raises(restaurant_errors.REFUSALS) as caught:
        AiohttpSession().check_response(Bot("1:a"), method, status, body.decode())
    error = caught.value
    assert isinstance(error, restaurant_errors.REFUSALS)
    return restaurant_errors.meaning_of(error)


def answer(code: int, words: str, **parameters: int) -> bytes:
    body = {"ok": False, "error_code": code, "description": words}
    return json.dumps(body | ({"parameters": parameters} if parameters else {})).encode()


@pytest.mark.parametrize(("code", "words", "wanted"), ALL)
async def test_a_refusal_means_the_same_to_all(code: int, words: str, wanted: Meaning) -> None:
    described = PREFIXES.get(code, "") + words
    assert meaning(code, described) is wanted
    assert await to_the_customers_bot(code, answer(code, described)) is wanted
    assert to_the_restaurants_bot(code, answer(code, described)) is wanted


@pytest.mark.parametrize("status", [200, 400, 403, 429, 502])
async def test_what_is_not_telegrams_says_nothing_about_the_chat(status: int) -> None:
    body = b"<html><body>chat not found</body></html>"
    assert await to_the_customers_bot(status, body) is Meaning.NOT_NOW
    assert to_the_restaurants_bot(status, body) is Meaning.NOT_NOW


async def test_too_many_is_known_by_its_code_and_by_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # as the customers' bot has it
    body = answer(429, "Too Many Requests: retry after 3", retry_after=3)
    assert meaning(429, "Too Many Requests") is Meaning.TOO_MANY
    assert await to_the_customers_bot(429, body) is Meaning.TOO_MANY
    assert to_the_restaurants_bot(429, body) is Meaning.TOO_MANY


async def test_a_group_that_moved_is_known_by_its_parameters_and_by_its_words() -> None:
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    body = answer(400, words, migrate_to_chat_id=-1001)
    assert meaning(400, words) is Meaning.MOVED
    assert await to_the_customers_bot(400, body) is Meaning.MOVED
    assert to_the_restaurants_bot(400, body) is Meaning.MOVED
