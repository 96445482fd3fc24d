"""Which keyboards Telegram takes, what it makes of them, and in which words it refuses the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, heard, refused

TAP = {"text": "Tap", "callback_data": "x"}


def inline(*buttons: Any) -> dict[str, Any]:
    return {"inline_keyboard": [list(buttons)]}


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("no", "can't parse reply keyboard markup JSON object"),
        ([], "object expected as reply markup"),
        ({"keyboard": "no"}, 'field "keyboard" must be of type Array'),
        ({"keyboard": ["no"]}, 'field "keyboard" must be an Array of Arrays'),
        ({"keyboard": [[7]]}, "can't parse keyboard button: KeyboardButton must be a String or an Object"),
        ({"keyboard": [[{}]]}, "can't parse keyboard button: Can't find field \"text\""),
        ({"keyboard": [[" "]]}, "keyboard button text must be non-empty"),
        (
            {"keyboard": [[{"text": "x", "request_contact": "yes"}]]},
            'can\'t parse keyboard button: Field "request_contact" must be of type Boolean',
        ),
        ({"keyboard": [["x"]], "resize_keyboard": 7}, 'field "resize_keyboard" must be of type Boolean'),
        ({"remove_keyboard": "x"}, 'field "remove_keyboard" must be of type Boolean'),
        ({"force_reply": 1}, 'field "force_reply" must be of type Boolean'),
        ({"inline_keyboard": 7}, 'field "inline_keyboard" must be of type Array'),
        (
            {"inline_keyboard": [7]},
            'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        ),
        (inline("x"), "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        (
            inline({"text": "x"}),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (inline(TAP | {"text": ""}), "inline keyboard button text must be non-empty"),
        (inline(TAP | {"style": "fancy"}), "can't parse inline keyboard button: invalid button style specified"),
        (inline(TAP | {"callback_data": "è" * 33}), "BUTTON_DATA_INVALID"),
        (
            inline({"text": "x", "url": "nonsense"}),
            "inline keyboard button URL 'nonsense' is invalid: Wrong HTTP URL",
        ),
        (
            inline({"text": "x", "url": "ftp://a.example"}),
            "inline keyboard button URL 'ftp://a.example' is invalid: Unsupported URL protocol",
        ),
        (
            inline({"text": "x", "web_app": {"url": "http://a.example"}}),
            "inline keyboard button Web App URL 'http://a.example' is invalid: Only HTTPS links are allowed",
        ),
        (inline({"text": "x", "copy_text": {"text": ""}}), "BUTTON_COPY_TEXT_INVALID"),
    ],
    ids=str,
)
async def test_a_keyboard_that_will_not_do_is_refused(
    telegram: Telegram, carla: Person, markup: object, words: str
) -> None:
    assert await refused(telegram, "sendMessage", chat_id=carla.id, text="x", reply_markup=markup) == words


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"text": "x", "url": "Pizza.example"}, {"text": "x", "url": "http://pizza.example/"}),
        ({"text": "x", "url": "tg://user?id=7"}, {"text": "x", "url": "tg://user?id=7"}),
        (TAP | {"style": "Danger"}, TAP | {"style": "danger"}),
        (TAP | {"style": "default"}, TAP),
        (TAP | {"copy_text": {"text": "y"}}, TAP),
        ({"text": "x", "callback_data": 7}, {"text": "x", "callback_data": "7"}),
    ],
    ids=str,
)
async def test_a_button_is_kept_as_telegram_writes_it(
    telegram: Telegram, carla: Person, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", reply_markup=inline(given))
    assert sent["reply_markup"] == inline(kept)


async def test_a_persons_phone_shows_the_reply_keyboard_and_the_bot_gets_none_back(
    telegram: Telegram, carla: Person
) -> None:
    keyboard = {"keyboard": [["Yes", {"text": "Number", "request_contact": True}], []], "one_time_keyboard": True}
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", reply_markup=keyboard)
    assert "reply_markup" not in sent
    shown = (await carla.messages())[-1]["reply_markup"]
    rows = [[{"text": "Yes"}, {"text": "Number", "request_contact": True}]]
    assert shown == {"keyboard": rows, "one_time_keyboard": True}


async def test_a_phone_number_is_asked_for_in_private_only(telegram: Telegram) -> None:
    anna, *_ = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    keyboard = {"keyboard": [[{"text": "Number", "request_contact": True}]]}
    said = await refused(telegram, "sendMessage", chat_id=anna.place["chat"], text="x", reply_markup=keyboard)
    assert said == "phone number can be requested in private chats only"


async def test_an_edit_takes_no_reply_keyboard(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", reply_markup=inline(TAP))
    edit = {"chat_id": carla.id, "message_id": sent["message_id"], "reply_markup": {"force_reply": True}}
    assert await refused(telegram, "editMessageReplyMarkup", **edit) == "inline keyboard expected"


@pytest.mark.parametrize(
    ("url", "opens"),
    [("https://t.me/pizza_bot?start=x", True), ("t.me/pizza_bot?start=", True), ("https://example.org", False)],
)
async def test_a_tap_leads_to_a_bot_and_nowhere_else(telegram: Telegram, carla: Person, url: str, opens: bool) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", reply_markup=inline(TAP))
    tap = {"user": carla.id, "bot": TOKEN, "message_id": sent["message_id"], "button": "Tap"}
    query = (await telegram.act("tap", **tap))["callback_query_id"]
    assert (await heard(telegram))[-1]["callback_query"]["id"] == query
    answer = {"callback_query_id": query, "url": url, "cache_time": 5}
    if opens:
        assert await telegram.call(TOKEN, "answerCallbackQuery", **answer)
        seen = await telegram.look(f"callback/{query}")
        assert (seen["url"], seen["cache_time"]) == (url, 5)
    else:
        assert await refused(telegram, "answerCallbackQuery", **answer) == "URL_INVALID"
