"""Topics of a forum: what bots can do with them, and where their messages go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, heard, refused


@pytest.fixture
async def forum(telegram: Telegram) -> Person:
    """Anna in her forum, where the bot is an ordinary member."""
    [anna] = await telegram.group("Kitchen", "Anna")
    chat = (await telegram.act("migrate", chat=anna.place["chat"]))["id"]
    assert (await telegram.act("forum", chat=chat))["is_forum"] is True
    await telegram.act("add_bot", chat=chat, bot=TOKEN, by=anna.id)
    await heard(telegram)
    return Person(telegram, anna.id, str(chat), {"chat": chat})


@pytest.fixture
async def trusted(telegram: Telegram, forum: Person) -> Person:
    """The same with the bot as an administrator."""
    await telegram.act("promote", chat=forum.place["chat"], user=BOT)
    await heard(telegram)
    return forum


async def opened(telegram: Telegram, forum: Person, **more: Any) -> dict[str, Any]:
    topic: dict[str, Any] = await telegram.call(
        TOKEN, "createForumTopic", chat_id=forum.place["chat"], name="Tickets", **more
    )
    return topic


async def test_a_message_stands_in_the_topic_that_it_names(telegram: Telegram, forum: Person) -> None:
    topic = await opened(telegram, forum, icon_color=0x6FB9F0)
    assert (topic["name"], topic["icon_color"]) == ("Tickets", 0x6FB9F0)
    [update] = await heard(telegram)
    assert update["message"]["forum_topic_created"]["name"] == "Tickets"
    assert update["message"]["message_thread_id"] == topic["message_thread_id"] == update["message"]["message_id"]
    where = {"chat_id": forum.place["chat"], "text": "x"}
    sent = await telegram.call(TOKEN, "sendMessage", **where, message_thread_id=topic["message_thread_id"])
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (topic["message_thread_id"], True)
    general = await telegram.call(TOKEN, "sendMessage", **where)
    assert "message_thread_id" not in general


async def test_a_reply_stands_in_the_topic_of_what_it_answers(telegram: Telegram, forum: Person) -> None:
    topic = await opened(telegram, forum)
    reply = {"message_id": topic["message_thread_id"]}
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=forum.place["chat"], text="x", reply_parameters=reply)
    assert sent["message_thread_id"] == topic["message_thread_id"]


@pytest.mark.parametrize("thread", [1, 999_999])
async def test_a_topic_that_is_not_there_is_refused(telegram: Telegram, forum: Person, thread: int) -> None:
    said = await refused(telegram, "sendMessage", chat_id=forum.place["chat"], text="x", message_thread_id=thread)
    assert said == "message thread not found"


SENDING: list[tuple[str, dict[str, Any]]] = [
    ("sendMediaGroup", {"media": [{"type": "photo", "media": "https://x.example/a.png"}] * 2}),
    ("sendVideo", {"video": "https://x.example/a.mp4"}),
    ("sendLocation", {"latitude": 1, "longitude": 1}),
    ("sendDice", {}),
    ("sendChatAction", {"action": "typing"}),
    *((method, {"message_id": True}) for method in ("forwardMessage", "copyMessage")),
]


@pytest.mark.parametrize(("method", "params"), SENDING, ids=[method for method, _ in SENDING])
async def test_no_kind_of_message_goes_into_a_topic_that_is_not_there(
    telegram: Telegram, forum: Person, method: str, params: dict[str, Any]
) -> None:
    chat = {"chat_id": forum.place["chat"]}
    first = await telegram.call(TOKEN, "sendMessage", **chat, text="x")
    if "message_id" in params:
        params = {"from_chat_id": forum.place["chat"], "message_id": first["message_id"]}
    assert await refused(telegram, method, **chat, **params, message_thread_id=999_999) == "message thread not found"
    assert (await forum.messages())[-1]["message_id"] == first["message_id"]


async def test_a_private_chat_has_no_topics_and_a_plain_group_passes_over_their_numbers(
    telegram: Telegram, carla: Person
) -> None:
    message = {"text": "x", "message_thread_id": 7}
    assert await refused(telegram, "sendMessage", chat_id=carla.id, **message) == "message thread not found"
    [anna] = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=anna.place["chat"], **message)
    assert "message_thread_id" not in sent


async def test_in_a_closed_topic_only_its_maker_and_administrators_write(telegram: Telegram, forum: Person) -> None:
    chat = {"chat_id": forum.place["chat"]}
    own = {**chat, "message_thread_id": (await opened(telegram, forum))["message_thread_id"]}
    assert await telegram.call(TOKEN, "closeForumTopic", **own)
    assert await refused(telegram, "closeForumTopic", **own) == "TOPIC_NOT_MODIFIED"
    await telegram.call(TOKEN, "sendMessage", **own, text="mine")
    words = "not enough rights to close or open the topic"
    assert await refused(telegram, "closeGeneralForumTopic", **chat) == words
    await telegram.act("promote", chat=forum.place["chat"], user=BOT)
    await telegram.call(TOKEN, "closeGeneralForumTopic", **chat)
    await telegram.call(TOKEN, "sendMessage", **chat, text="as an administrator")
    await telegram.act("promote", chat=forum.place["chat"], user=BOT, rights=[])
    assert await refused(telegram, "sendMessage", **chat, text="x") == "TOPIC_CLOSED"


async def test_what_becomes_of_a_topic_is_told_in_it(telegram: Telegram, trusted: Person) -> None:
    chat = {"chat_id": trusted.place["chat"]}
    topic = {**chat, "message_thread_id": (await opened(telegram, trusted))["message_thread_id"]}
    await heard(telegram)
    await telegram.call(TOKEN, "editForumTopic", **topic, name="Orders")
    for method in ("closeForumTopic", "reopenForumTopic"):
        await telegram.call(TOKEN, method, **topic)
    for method in ("hide", "unhide", "reopen"):
        await telegram.call(TOKEN, f"{method}GeneralForumTopic", **chat)
    told = [update["message"] for update in await heard(telegram)]
    kinds = ["forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"]
    kinds += ["general_forum_topic_hidden", "general_forum_topic_unhidden", "forum_topic_reopened"]
    assert [kind in message for kind, message in zip(kinds, told, strict=True)] == [True] * 6
    assert [message.get("message_thread_id") for message in told] == [topic["message_thread_id"]] * 3 + [None] * 3


async def test_a_deleted_topic_takes_its_messages_along(telegram: Telegram, trusted: Person) -> None:
    topic = await opened(telegram, trusted)
    place = {"chat_id": trusted.place["chat"], "message_thread_id": topic["message_thread_id"]}
    await telegram.call(TOKEN, "sendMessage", **place, text="in it")
    await telegram.call(TOKEN, "deleteForumTopic", **place)
    assert "in it" not in [message.get("text") for message in await trusted.messages()]
    assert await refused(telegram, "sendMessage", **place, text="x") == "message thread not found"
    assert await refused(telegram, "deleteForumTopic", **place) == "TOPIC_ID_INVALID"


async def test_what_is_pinned_in_one_topic_is_unpinned_without_the_others(telegram: Telegram, trusted: Person) -> None:
    chat = {"chat_id": trusted.place["chat"]}
    topic = {**chat, "message_thread_id": (await opened(telegram, trusted))["message_thread_id"]}
    for where in (chat, topic):
        sent = await telegram.call(TOKEN, "sendMessage", **where, text=f"pinned in {len(where)}")
        await telegram.call(TOKEN, "pinChatMessage", **chat, message_id=sent["message_id"])
    await telegram.call(TOKEN, "unpinAllForumTopicMessages", **topic)
    assert (await telegram.call(TOKEN, "getChat", **chat))["pinned_message"]["text"] == "pinned in 1"
    await telegram.call(TOKEN, "unpinAllGeneralForumTopicMessages", **chat)
    assert "pinned_message" not in await telegram.call(TOKEN, "getChat", **chat)


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("createForumTopic", {"name": " "}, "name must be non-empty"),
        ("createForumTopic", {"name": "x", "icon_color": 7}, "invalid icon color specified"),
        ("createForumTopic", {"name": "x", "icon_custom_emoji_id": "7"}, "DOCUMENT_INVALID"),
        ("editForumTopic", {"message_thread_id": 7, "name": "x"}, "TOPIC_ID_INVALID"),
        ("editGeneralForumTopic", {"name": "General"}, "TOPIC_NOT_MODIFIED"),
        ("reopenGeneralForumTopic", {}, "TOPIC_NOT_MODIFIED"),
        ("unhideGeneralForumTopic", {}, "TOPIC_NOT_MODIFIED"),
        ("deleteForumTopic", {"message_thread_id": 1}, "TOPIC_ID_INVALID"),
    ],
)
async def test_what_will_not_do_with_topics_is_refused(
    telegram: Telegram, trusted: Person, method: str, params: dict[str, Any], words: str
) -> None:
    assert await refused(telegram, method, chat_id=trusted.place["chat"], **params) == words


async def test_where_there_are_no_topics_none_can_be_made(telegram: Telegram, forum: Person) -> None:
    await telegram.act("forum", chat=forum.place["chat"], on=False)
    assert await refused(telegram, "createForumTopic", chat_id=forum.place["chat"], name="x") == (
        "the chat is not a forum"
    )
