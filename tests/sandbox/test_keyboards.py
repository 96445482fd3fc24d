"""Which keyboards Telegram takes, what it makes of them, and in which words it refuses the others."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from bot.sandbox.server import Sandbox
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


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"request_contact": True}, "phone number can be requested in private chats only"),
        ({"request_location": True}, "location can be requested in private chats only"),
        ({"request_poll": {"type": "quiz"}}, "poll can be requested in private chats only"),
        ({"request_users": {"request_id": 1}}, "users can be requested in private chats only"),
        ({"request_chat": {"request_id": 1, "chat_is_channel": False}}, "chats can be requested in private chats only"),
        ({"web_app": {"url": "https://a.example"}}, "web App buttons can be used in private chats only"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
async def test_what_a_key_asks_for_is_asked_in_private_only(
    telegram: Telegram, request_: dict[str, Any], words: str
) -> None:
    anna, *_ = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    keyboard = {"keyboard": [[{"text": "Ask", **request_}]]}
    said = await refused(telegram, "sendMessage", chat_id=anna.place["chat"], text="x", reply_markup=keyboard)
    assert said == words


async def test_a_web_app_is_opened_from_a_button_in_private_only(telegram: Telegram, carla: Person) -> None:
    anna, *_ = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    message = {"text": "x", "reply_markup": inline({"text": "Open", "web_app": {"url": "https://a.example"}})}
    await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, **message)
    assert await refused(telegram, "sendMessage", chat_id=anna.place["chat"], **message) == "BUTTON_TYPE_INVALID"


async def test_a_channel_has_buttons_below_its_posts_only(telegram: Telegram, carla: Person) -> None:
    channel = await telegram.act("channel", title="News", members=[carla.id], bots=[TOKEN])
    post = {"chat_id": channel["id"], "text": "x"}
    for markup in ({"keyboard": [["Yes"]]}, {"force_reply": True}):
        assert await refused(telegram, "sendMessage", **post, reply_markup=markup) == "inline keyboard expected"
    await telegram.call(TOKEN, "sendMessage", **post, reply_markup=inline(TAP))


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


def of_buttons(number: int, **button: str) -> list[list[dict[str, str]]]:
    return [[{"text": str(at), **button}] for at in range(number)]


class TestTooLong:
    """What Telegram's server calls "reply markup is too long"."""

    WORDS = "reply markup is too long"

    @pytest.mark.parametrize("kind", ["inline_keyboard", "keyboard"])
    async def test_a_keyboard_of_more_than_a_hundred_buttons_is_refused(
        self, telegram: Telegram, carla: Person, kind: str
    ) -> None:
        message = {"chat_id": carla.id, "text": "x"}
        most, more = ({kind: of_buttons(number, callback_data="x")} for number in (100, 101))
        await telegram.call(TOKEN, "sendMessage", **message, reply_markup=most)
        assert await refused(telegram, "sendMessage", **message, reply_markup=more) == self.WORDS

    async def test_the_buttons_of_a_row_count_like_those_of_many(self, telegram: Telegram, carla: Person) -> None:
        row = [button for [button] in of_buttons(101, callback_data="x")]
        assert await refused(telegram, "sendMessage", chat_id=carla.id, text="x", reply_markup=inline(*row)) == (
            self.WORDS
        )

    @pytest.mark.parametrize("kind", ["inline_keyboard", "keyboard"])
    async def test_a_keyboard_above_ten_kilobytes_is_refused_however_few_its_buttons(
        self, telegram: Telegram, carla: Person, kind: str
    ) -> None:
        message = {"chat_id": carla.id, "text": "x"}
        # Three bytes a letter, as in Thai or Georgian: the bytes count, and neither letters nor JSON's escapes of them.
        most, more = ({kind: [[TAP | {"text": "ก" * letters}]]} for letters in (3_200, 3_400))
        await telegram.call(TOKEN, "sendMessage", **message, reply_markup=most)
        assert await refused(telegram, "sendMessage", **message, reply_markup=more) == self.WORDS

    async def test_ninety_nine_buttons_with_all_the_data_they_may_have_are_too_long(
        self, telegram: Telegram, carla: Person
    ) -> None:
        keyboard = {"inline_keyboard": of_buttons(99, callback_data="d" * 64)}
        assert await refused(telegram, "sendMessage", chat_id=carla.id, text="x", reply_markup=keyboard) == self.WORDS

    @pytest.mark.parametrize(
        ("method", "content"),
        [
            ("editMessageText", {"text": "y"}),
            ("editMessageReplyMarkup", {}),
        ],
    )
    async def test_an_edit_brings_no_longer_one(
        self, telegram: Telegram, carla: Person, method: str, content: dict[str, str]
    ) -> None:
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", reply_markup=inline(TAP))
        place = {"chat_id": carla.id, "message_id": sent["message_id"]}
        keyboard = {"inline_keyboard": of_buttons(101, callback_data="x")}
        assert await refused(telegram, method, **place, **content, reply_markup=keyboard) == self.WORDS
        assert (await carla.messages())[-1]["reply_markup"] == inline(TAP)

    async def test_the_bound_in_bytes_is_a_setting_of_the_sandbox(self) -> None:
        async with Sandbox(keyboard_bytes=200).serve() as sandbox:
            telegram = Telegram(sandbox.url)
            carla = await telegram.person("Carla", bot=TOKEN)
            await carla.send("/start")
            keyboard = {"inline_keyboard": of_buttons(5, callback_data="x")}
            assert await refused(telegram, "sendMessage", chat_id=carla.id, text="x", reply_markup=keyboard) == (
                self.WORDS
            )
            await telegram.close()


@pytest.mark.parametrize("size", ["0", "-1", "much"])
def test_a_bound_that_is_no_size_is_refused_on_the_command_line(size: str) -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--keyboard-bytes", size]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--keyboard-bytes" in done.stderr
