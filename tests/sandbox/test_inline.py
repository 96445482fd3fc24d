"""Inline mode: what a person types behind a bot's name, what the bot offers, and what is sent via it."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import InlineQueryResultArticle, InlineQueryResultPhoto, InputTextMessageContent

from bot.sandbox.server import Sandbox
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock, heard, heard_by_both, refused, refused_to_act
from tests.sandbox.test_libraries import ptb_bot

OTHER = "7002:other-bot"
KEYS = {"inline_keyboard": [[{"text": "More", "callback_data": "more"}]]}
PIZZA = {
    "type": "article",
    "id": "1",
    "title": "Margherita",
    "description": "9.50",
    "input_message_content": {"message_text": "*Margherita*", "parse_mode": "MarkdownV2"},
    "reply_markup": KEYS,
}


@pytest.fixture
async def me(telegram: Telegram, carla: Person) -> dict[str, Any]:
    """Carla in her chat with the bot, which has inline mode with feedback and has heard all that she has said."""
    await telegram.act("set_inline", bot=TOKEN, placeholder="Find a dish…", feedback=True)
    await heard(telegram)
    return {"user": carla.id, "bot": TOKEN}


async def ask(telegram: Telegram, me: dict[str, Any], query: str = "piz", **more: Any) -> str:
    asked = await telegram.act("ask_inline", **me, of="pizza_bot", query=query, **more)
    return str(asked["inline_query_id"])


async def offer(telegram: Telegram, query: str, *results: dict[str, Any], **more: Any) -> None:
    assert await telegram.call(TOKEN, "answerInlineQuery", inline_query_id=query, results=results, **more)


async def test_only_a_bot_whose_inline_mode_is_on_is_asked(telegram: Telegram, me: dict[str, Any]) -> None:
    assert (await telegram.call(TOKEN, "getMe"))["supports_inline_queries"]
    await telegram.act("set_inline", bot=TOKEN, on=False)
    assert not (await telegram.call(TOKEN, "getMe"))["supports_inline_queries"]
    assert "/setinline" in await refused_to_act(telegram, "ask_inline", **me, of="pizza_bot")
    assert await heard(telegram) == []


async def test_the_bot_hears_who_asks_what_and_in_which_kind_of_chat(telegram: Telegram, me: dict[str, Any]) -> None:
    query = await ask(telegram, me)
    told = await heard_by_both(telegram, "inline_query")
    assert (told["id"], told["from"]["id"], told["query"], told["offset"]) == (query, me["user"], "piz", "")
    assert told["chat_type"] == "sender"
    await telegram.act("start", user=me["user"], bot=OTHER)
    await ask(telegram, me | {"bot": OTHER}, "ram")
    anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
    await telegram.act("ask_inline", user=anna.id, **anna.place, of="pizza_bot", query="sal")
    kinds = [update["inline_query"]["chat_type"] for update in await heard(telegram)]
    assert kinds == ["private", "group"]


async def test_what_is_chosen_is_sent_via_the_bot_which_hears_of_it(telegram: Telegram, me: dict[str, Any]) -> None:
    query = await ask(telegram, me)
    await heard(telegram)
    await offer(telegram, query, PIZZA, next_offset="50")
    answer = await telegram.look(f"inline/{query}", wait=30)
    assert answer["results"] == [{"type": "article", "id": "1", "title": "Margherita", "description": "9.50"}]
    assert answer["next_offset"] == "50"
    sent = await telegram.act("choose_inline", **me, inline_query_id=query, result="1")
    message, chosen = await heard(telegram)
    assert (sent["text"], sent["entities"][0]["type"], sent["via_bot"]["username"]) == (
        "Margherita",
        "bold",
        "pizza_bot",
    )
    assert message["message"] == sent
    result = chosen["chosen_inline_result"]
    assert (result["result_id"], result["query"], result["from"]["id"]) == ("1", "piz", me["user"])


async def test_the_buttons_of_a_message_via_the_bot_name_it_by_its_inline_id(
    telegram: Telegram, me: dict[str, Any], carla: Person
) -> None:
    query = await ask(telegram, me)
    await offer(telegram, query, PIZZA)
    sent = await telegram.act("choose_inline", **me, inline_query_id=query, result="1")
    chosen = (await heard(telegram))[-1]["chosen_inline_result"]
    await telegram.act("tap", **me, message_id=sent["message_id"], button="More")
    tapped = await heard_by_both(telegram, "callback_query")
    assert (tapped["inline_message_id"], tapped["data"]) == (chosen["inline_message_id"], "more")
    assert "message" not in tapped
    named = {"inline_message_id": tapped["inline_message_id"]}
    assert await telegram.call(TOKEN, "editMessageText", **named, text="Sold out") is True
    assert (await carla.messages())[-1]["text"] == "Sold out"
    assert await refused(telegram, "editMessageText", inline_message_id="xyz", text="x") == "MESSAGE_ID_INVALID"


async def test_without_feedback_and_in_a_chat_without_it_the_bot_hears_nothing(
    telegram: Telegram, me: dict[str, Any]
) -> None:
    await telegram.act("set_inline", bot=TOKEN)
    await telegram.act("start", user=me["user"], bot=OTHER)
    query = await ask(telegram, me)
    await offer(telegram, query, PIZZA)
    await heard(telegram)
    there = {"user": me["user"], "bot": OTHER}
    await telegram.act("choose_inline", **there, inline_query_id=query, result="1")
    assert await heard(telegram) == []
    [update] = (await telegram.call(OTHER, "getUpdates"))[1:]
    assert update["message"]["via_bot"]["username"] == "pizza_bot"


class TestAnswers:
    async def test_are_kept_for_the_same_question_as_long_as_the_bot_says(
        self, telegram: Telegram, me: dict[str, Any], clock: Clock
    ) -> None:
        dino = await telegram.person("Dino", bot=TOKEN)
        query = await ask(telegram, me)
        await offer(telegram, query, PIZZA, cache_time=60)
        await heard(telegram)
        assert await ask(telegram, {"user": dino.id, "bot": TOKEN}) == query
        assert await heard(telegram) == []
        clock.now += 60
        assert await ask(telegram, me) != query
        assert len(await heard(telegram)) == 1

    async def test_of_one_person_are_not_given_to_another(self, telegram: Telegram, me: dict[str, Any]) -> None:
        dino = await telegram.person("Dino", bot=TOKEN)
        query = await ask(telegram, me)
        await offer(telegram, query, PIZZA, is_personal=True)
        assert await ask(telegram, me) == query
        assert await ask(telegram, {"user": dino.id, "bot": TOKEN}) != query

    async def test_that_come_too_late_or_twice_are_refused(
        self, telegram: Telegram, me: dict[str, Any], clock: Clock
    ) -> None:
        late, twice = [await ask(telegram, me, text) for text in ("late", "twice")]
        await offer(telegram, twice)
        old = "query is too old and response timeout expired or query ID is invalid"
        assert await refused(telegram, "answerInlineQuery", inline_query_id=twice, results=[]) == old
        clock.now += 31
        assert await refused(telegram, "answerInlineQuery", inline_query_id=late, results=[]) == old
        assert [update["inline_query"]["query"] for update in await heard(telegram)] == []

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ([PIZZA] * 51, "too many inline query results specified"),
            ([PIZZA, PIZZA], "RESULT_ID_DUPLICATE"),
            ([PIZZA | {"id": "x" * 65}], "RESULT_ID_INVALID"),
            ([PIZZA | {"type": "pizza"}], 'can\'t parse inline query result: Type "pizza" is unsupported'),
            ([{"type": "article", "id": "1", "title": "x"}], "message_text"),
            ([{"type": "photo", "id": "1"}], "photo_file_id"),
            ([PIZZA | {"input_message_content": {"message_text": "x" * 4097}}], "message is too long"),
            ([PIZZA | {"reply_markup": {"keyboard": [["x"]]}}], "inline keyboard expected"),
            ([{"id": "1"}], 'Can\'t find field "type"'),
            ({"id": "1"}, "inline query results"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_that_telegram_would_refuse_are_refused_and_the_query_waits_on(
        self, telegram: Telegram, me: dict[str, Any], wrong: Any, words: str
    ) -> None:
        query = await ask(telegram, me)
        said = await refused(telegram, "answerInlineQuery", inline_query_id=query, results=wrong)
        assert words.lower() in said.lower()
        await offer(telegram, query, PIZZA)

    @pytest.mark.parametrize(
        ("result", "field"),
        [
            (
                {"type": "photo", "photo_url": "https://x.example/p.jpg", "thumbnail_url": "https://x.example/t"},
                "photo",
            ),
            (
                {"type": "gif", "gif_url": "https://x.example/p.gif", "thumbnail_url": "https://x.example/t"},
                "animation",
            ),
            ({"type": "venue", "latitude": 1, "longitude": 2, "title": "Nonna", "address": "Via Roma"}, "venue"),
            ({"type": "location", "latitude": 1, "longitude": 2, "title": "Here"}, "location"),
            ({"type": "contact", "phone_number": "+39011", "first_name": "Anna"}, "contact"),
            ({"type": "document", "title": "Menu", "document_url": "https://x.example/m.pdf"}, "document"),
            ({"type": "voice", "title": "Hi", "voice_url": "https://x.example/v.ogg"}, "voice"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_of_each_kind_become_such_a_message(
        self, telegram: Telegram, me: dict[str, Any], result: dict[str, Any], field: str
    ) -> None:
        query = await ask(telegram, me)
        await offer(telegram, query, result | {"id": "1"})
        await heard(telegram)
        await telegram.act("set_inline", bot=TOKEN)
        await telegram.act("choose_inline", **me, inline_query_id=query, result="1")
        assert field in await heard_by_both(telegram)

    async def test_of_the_library_are_taken(self, sandbox: Sandbox, telegram: Telegram, me: dict[str, Any]) -> None:
        query = await ask(telegram, me)
        results = [
            InlineQueryResultArticle("1", "Pizza", InputTextMessageContent("<b>Pizza</b>", parse_mode="HTML")),
            InlineQueryResultPhoto("2", "https://x.example/p.jpg", "https://x.example/t.jpg", caption="Look"),
        ]
        async with ptb_bot(sandbox.url) as bot:
            assert await bot.answer_inline_query(query, results)
        assert [one["id"] for one in (await telegram.look(f"inline/{query}", wait=30))["results"]] == ["1", "2"]
