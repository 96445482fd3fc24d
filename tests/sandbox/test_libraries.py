"""The local Telegram as both unmodified libraries see it: what they send arrives, refusals are understood."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot as AiogramBot
from aiogram import methods as bot_methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import InlineKeyboardButton as AiogramButton
from aiogram.types import InlineKeyboardMarkup as AiogramMarkup
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest

from bot.sandbox import bot_api
from bot.sandbox.bots import Pending
from bot.sandbox.server import Sandbox
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN

# The methods as aiogram, which follows the Bot API closest, has them.
BOT_API = sorted(f"{name[0].lower()}{name[1:]}" for name in bot_methods.__all__ if name not in ("Request", "Response"))
BOT_API.remove("telegramMethod")

# How python-telegram-bot gives the seconds of a 429: as the timedelta that its next version gives anyway.
os.environ.setdefault("PTB_TIMEDELTA", "true")


def ptb_bot(url: str, token: str = TOKEN) -> Bot:
    """The library's bot as it comes, but for the certificates, which take it long to load and which nobody asks for."""
    no_tls = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
    requests = [HTTPXRequest(httpx_kwargs=no_tls) for _ in range(2)]
    return Bot(token, base_url=f"{url}/bot", request=requests[0], get_updates_request=requests[1])


@pytest.fixture
async def ptb(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with ptb_bot(sandbox.url) as bot:
        yield bot


@pytest.fixture
async def aiogram(sandbox: Sandbox) -> AsyncIterator[AiogramBot]:
    async with AiogramBot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))) as bot:
        yield bot


def keyboard(data: str = "go") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data=data)]])


class TestMessages:
    async def test_html_becomes_entities_counted_in_utf_16(self, ptb: Bot, carla: Person) -> None:
        sent = await ptb.send_message(carla.id, "🍕 <b>pizza &amp; <i>vino</i></b>", parse_mode="HTML")
        assert sent.text == "🍕 pizza & vino"
        assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
            (MessageEntity.BOLD, 3, 8),
            (MessageEntity.BOLD, 11, 4),
            (MessageEntity.ITALIC, 11, 4),
        ]

    async def test_an_edit_changes_the_message_in_place(self, ptb: Bot, carla: Person) -> None:
        sent = await ptb.send_message(carla.id, "before", reply_markup=keyboard())
        await ptb.edit_message_text("after", carla.id, sent.message_id)
        message = (await carla.messages())[-1]
        assert (message["text"], "edit_date" in message, "reply_markup" in message) == ("after", True, False)

    async def test_both_libraries_read_the_same_keyboard(self, ptb: Bot, aiogram: AiogramBot, carla: Person) -> None:
        button = AiogramButton(text="Accept", callback_data="x", style="success")
        sent = await aiogram.send_message(carla.id, "ticket", reply_markup=AiogramMarkup(inline_keyboard=[[button]]))
        assert sent.reply_markup is not None
        [[back]] = sent.reply_markup.inline_keyboard
        assert (back.text, back.callback_data, back.style) == ("Accept", "x", "success")
        edited = await ptb.edit_message_reply_markup(carla.id, sent.message_id, reply_markup=keyboard("y"))
        assert not isinstance(edited, bool)
        assert edited.reply_markup == keyboard("y")

    async def test_a_reply_quotes_and_a_reply_to_nothing_may_be_allowed(self, ptb: Bot, carla: Person) -> None:
        first = await ptb.send_message(carla.id, "first")
        second = await ptb.send_message(carla.id, "second", reply_parameters=ReplyParameters(first.message_id))
        assert second.reply_to_message is not None
        assert second.reply_to_message.text == "first"
        gone = ReplyParameters(999_999_999, allow_sending_without_reply=True)
        assert (await ptb.send_message(carla.id, "third", reply_parameters=gone)).reply_to_message is None

    async def test_a_photo_is_uploaded_once_and_sent_again_by_its_id(self, ptb: Bot, carla: Person) -> None:
        sent = await ptb.send_photo(carla.id, b"\x89PNG not really", caption="<b>Margherita</b>", parse_mode="HTML")
        again = await ptb.send_photo(carla.id, sent.photo[-1].file_id)
        assert sent.caption == "Margherita"
        assert again.photo == sent.photo

    async def test_a_deleted_message_is_gone(self, ptb: Bot, carla: Person) -> None:
        sent = await ptb.send_message(carla.id, "soon gone")
        await ptb.delete_message(carla.id, sent.message_id)
        with pytest.raises(BadRequest, match="Message to edit not found"):
            await ptb.edit_message_text("too late", carla.id, sent.message_id)

    async def test_the_rest_of_the_methods_answers(self, ptb: Bot, aiogram: AiogramBot, carla: Person) -> None:
        commands = [BotCommand("start", "Begin")]
        assert await ptb.set_my_commands(commands)
        assert list(await ptb.get_my_commands()) == commands
        assert (await ptb.get_chat(carla.id)).first_name == "Carla"
        assert (await aiogram.get_chat(carla.id)).first_name == "Carla"
        assert await ptb.send_chat_action(carla.id, "typing")
        assert (await aiogram.get_me()).is_bot


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "Message text is empty"),
            (" \n ", "Text must be non-empty"),
            ("<b> </b>\u200b", "Text must be non-empty"),
            ("x" * 4097, "Message is too long"),
            ("🍕" * 2049, "Message is too long"),
            ("<b>open", "Can't parse entities: can't find end tag corresponding to start tag \"b\""),
            ("<x>y</x>", 'Can\'t parse entities: unsupported start tag "x"'),
            ("a < b", "Can't parse entities"),
        ],
    )
    async def test_a_text_that_will_not_do(self, ptb: Bot, carla: Person, text: str, words: str) -> None:
        with pytest.raises(BadRequest) as caught:
            await ptb.send_message(carla.id, text, parse_mode="HTML")
        assert words in str(caught.value)

    async def test_markup_does_not_count_towards_the_length(self, ptb: Bot, carla: Person) -> None:
        assert await ptb.send_message(carla.id, f"<b>{'x' * 4096}</b>", parse_mode="HTML")

    async def test_a_button_with_too_much_data(self, ptb: Bot, carla: Person) -> None:
        assert await ptb.send_message(carla.id, "x", reply_markup=keyboard("d" * 64))
        with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
            await ptb.send_message(carla.id, "x", reply_markup=keyboard("d" * 65))

    async def test_an_edit_that_changes_nothing(self, ptb: Bot, aiogram: AiogramBot, carla: Person) -> None:
        sent = await ptb.send_message(carla.id, "same", reply_markup=keyboard())
        with pytest.raises(BadRequest, match="Message is not modified"):
            await ptb.edit_message_text("same", carla.id, sent.message_id, reply_markup=keyboard())
        with pytest.raises(TelegramBadRequest, match="message is not modified"):
            await aiogram.edit_message_text(
                "same",
                chat_id=carla.id,
                message_id=sent.message_id,
                reply_markup=AiogramMarkup(inline_keyboard=[[AiogramButton(text="Go", callback_data="go")]]),
            )

    async def test_what_somebody_else_wrote_cannot_be_edited(self, ptb: Bot, carla: Person) -> None:
        theirs = (await carla.messages())[0]
        with pytest.raises(BadRequest, match="Message can't be edited"):
            await ptb.edit_message_text("mine now", carla.id, theirs["message_id"])

    async def test_a_chat_that_does_not_exist_and_one_that_never_began(self, ptb: Bot, telegram: Telegram) -> None:
        with pytest.raises(BadRequest, match="Chat not found"):
            await ptb.send_message(4242, "hello?")
        silent = await telegram.person("Silent", bot=TOKEN)
        with pytest.raises(Forbidden, match="can't initiate conversation"):
            await ptb.send_message(silent.id, "hello?")

    async def test_a_user_who_blocked_the_bot(
        self, ptb: Bot, aiogram: AiogramBot, telegram: Telegram, carla: Person
    ) -> None:
        await telegram.act("block", user=carla.id, bot=TOKEN)
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await ptb.send_message(carla.id, "hello?")
        with pytest.raises(TelegramForbiddenError):
            await aiogram.send_message(carla.id, "hello?")

    async def test_a_wrong_token_and_an_unknown_method(
        self, sandbox: Sandbox, telegram: Telegram, carla: Person
    ) -> None:
        with pytest.raises(InvalidToken):
            async with ptb_bot(sandbox.url, "7001:another-secret"):
                pass
        session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))
        async with AiogramBot("7001:another-secret", session=session) as stranger:
            with pytest.raises(TelegramUnauthorizedError):
                await stranger.get_me()
        unknown = await telegram._http.post(f"/bot{TOKEN}/makePizza")
        assert (unknown.status_code, unknown.json()["description"]) == (404, "Not Found: method not found")

    async def test_a_method_that_is_not_served_is_named_and_taken_for_no_wrong_token(
        self, ptb: Bot, aiogram: AiogramBot, carla: Person
    ) -> None:
        with pytest.raises(NetworkError, match=r"(?i)not implemented: .*sendPoll; GET /control lists") as caught:
            await ptb.send_poll(carla.id, "Which?", ["Margherita", "Diavola"])
        assert type(caught.value) is NetworkError
        with pytest.raises(TelegramServerError, match=r"Not Implemented: .*sendGame; GET /control lists"):
            await aiogram.send_game(carla.id, "chess")

    async def test_the_control_api_lists_exactly_the_methods_that_are_served(
        self, telegram: Telegram, carla: Person
    ) -> None:
        served = (await telegram._http.get("/control")).json()["methods"]
        assert {"getUpdates", "sendMessage", "setMyShortDescription"} <= set(served)
        for name in BOT_API:
            answer = await telegram._http.post(f"/bot{TOKEN}/{name}")
            assert (answer.status_code == 501) == (name not in served), name

    def test_the_sandbox_knows_every_method_that_the_bot_api_has(self) -> None:
        assert set(BOT_API) <= set(bot_api.NAMES.values())

    async def test_a_group_that_moved_and_one_that_the_bot_left(
        self, ptb: Bot, aiogram: AiogramBot, telegram: Telegram
    ) -> None:
        anna, *_ = await telegram.group("Kitchen", "Anna")
        group = anna.place["chat"]
        with pytest.raises(BadRequest, match="Chat not found"):
            await ptb.send_message(group, "not a member")
        await telegram.act("add_bot", chat=group, bot=TOKEN, by=anna.id)
        await ptb.send_message(group, "hello")
        new = await telegram.act("migrate", chat=group)
        with pytest.raises(ChatMigrated) as caught:
            await ptb.send_message(group, "hello?")
        assert caught.value.new_chat_id == new["id"]
        with pytest.raises(TelegramMigrateToChat):
            await aiogram.send_message(group, "hello?")
        await telegram.act("remove_bot", chat=new["id"], bot=TOKEN, by=anna.id)
        with pytest.raises(Forbidden, match="bot was kicked"):
            await ptb.send_message(new["id"], "hello?")


class TestTaps:
    async def test_a_tap_reaches_the_bot_and_its_answer_the_person(self, ptb: Bot, carla: Person) -> None:
        await ptb.get_updates(offset=-1)
        await ptb.send_message(carla.id, "tap", reply_markup=keyboard("payload"))

        async def answer() -> str | None:
            offset = 0
            while True:
                for update in await ptb.get_updates(offset, timeout=5, allowed_updates=["callback_query"]):
                    offset = update.update_id + 1
                    if update.callback_query:
                        await update.callback_query.answer("thank you")
                        return update.callback_query.data

        bot = asyncio.create_task(answer())
        assert await carla.tap("Go") == "thank you"
        assert await bot == "payload"

    async def test_a_tap_that_nobody_knows_cannot_be_answered(self, ptb: Bot, carla: Person) -> None:
        with pytest.raises(BadRequest, match="Query is too old"):
            await ptb.answer_callback_query("made-up")

    async def test_a_tap_is_too_old_after_its_time(
        self, ptb: Bot, carla: Person, sandbox: Sandbox, telegram: Telegram
    ) -> None:
        sent = await ptb.send_message(carla.id, "tap", reply_markup=keyboard())
        tapped = await telegram.act("tap", user=carla.id, bot=TOKEN, message_id=sent.message_id, button="Go")
        query = tapped["callback_query_id"]
        sandbox.world.queries[query].at -= 151
        with pytest.raises(BadRequest, match="Query is too old"):
            await ptb.answer_callback_query(query)


class TestUpdates:
    async def test_an_offset_confirms_all_below_it(self, ptb: Bot, carla: Person) -> None:
        await carla.send("one")
        await carla.send("two")
        start, one, two = await ptb.get_updates()
        assert [update.update_id for update in (one, two)] == [start.update_id + 1, start.update_id + 2]
        assert await ptb.get_updates(offset=two.update_id) == (two,)
        assert await ptb.get_updates(offset=two.update_id + 1) == ()

    async def test_a_second_poller_ends_the_first_ones_call(self, ptb: Bot, sandbox: Sandbox, carla: Person) -> None:
        await ptb.get_updates(offset=-1)
        [last] = await ptb.get_updates()
        first = asyncio.create_task(ptb.get_updates(offset=last.update_id + 1, timeout=30))
        async with ptb_bot(sandbox.url) as second:
            await asyncio.wait([asyncio.create_task(second.get_updates(timeout=1)), first])
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first

    async def test_polling_is_refused_while_a_webhook_is_set(self, ptb: Bot, carla: Person) -> None:
        await ptb.set_webhook("http://127.0.0.1:9/hook")
        with pytest.raises(Conflict, match="webhook is active"):
            await ptb.get_updates()
        await ptb.delete_webhook(drop_pending_updates=True)
        assert await ptb.get_updates() == ()

    async def test_an_update_that_waited_a_day_and_a_tap_that_waited_minutes_are_gone(
        self, ptb: Bot, carla: Person, sandbox: Sandbox
    ) -> None:
        bot = sandbox.world.bot(TOKEN)
        assert bot is not None
        [start] = bot.updates
        tap = Pending({"update_id": start.id + 1, "callback_query": {}}, start.at - 151)
        start.at -= 86_401
        bot.updates.append(tap)
        assert await ptb.get_updates() == ()


class TestFaults:
    async def test_a_429_says_how_long(self, ptb: Bot, aiogram: AiogramBot, telegram: Telegram, carla: Person) -> None:
        await telegram.act("fault", kind="429", method="sendMessage", retry_after=7, times=2)
        with pytest.raises(RetryAfter, match=r"7 seconds|0:00:07"):
            await ptb.send_message(carla.id, "x")
        with pytest.raises(TelegramRetryAfter) as caught:
            await aiogram.send_message(carla.id, "x")
        assert caught.value.retry_after == 7
        assert await ptb.send_message(carla.id, "x")

    @pytest.mark.parametrize(
        ("kind", "arrives"), [("500", False), ("502", False), ("drop_before", False), ("drop_after", True)]
    )
    async def test_an_outage_loses_the_answer_and_only_sometimes_the_message(
        self, ptb: Bot, telegram: Telegram, carla: Person, kind: str, arrives: bool
    ) -> None:
        await telegram.act("fault", kind=kind, method="sendMessage")
        with pytest.raises(NetworkError):
            await ptb.send_message(carla.id, "did it arrive?")
        texts = [message["text"] for message in await carla.messages()]
        assert ("did it arrive?" in texts) == arrives

    async def test_faults_hit_whom_they_name_and_can_be_cleared(
        self, ptb: Bot, telegram: Telegram, carla: Person
    ) -> None:
        await telegram.act("fault", kind="500", chat=4242)
        assert await ptb.send_message(carla.id, "not me")
        await telegram.act("fault", kind="500", times=9)
        await telegram._http.delete("/control/faults")
        assert await ptb.send_message(carla.id, "nobody")
