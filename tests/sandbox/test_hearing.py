"""What bots hear in groups and channels, and of reactions: privacy mode, administrators, posts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, heard

OTHER = "7002:other-token"


@pytest.fixture
async def group(telegram: Telegram) -> Person:
    """Anna in a group with two bots, of which neither has spoken."""
    await telegram.act("bot", token=OTHER, username="other_bot")
    [anna] = await telegram.group("Kitchen", "Anna")
    for bot in (TOKEN, OTHER):
        await telegram.act("add_bot", chat=anna.place["chat"], bot=bot, by=anna.id)
    return anna


async def listeners(telegram: Telegram, text: str) -> list[str]:
    """Which of the two bots got a text, or a caption."""
    found = []
    for name, token in (("pizza", TOKEN), ("other", OTHER)):
        messages = [update.get("message", {}) for update in await heard(telegram, token)]
        if any(text in (message.get("text"), message.get("caption")) for message in messages):
            found.append(name)
    return found


async def speaks(telegram: Telegram, token: str, anna: Person) -> dict[str, Any]:
    sent: dict[str, Any] = await telegram.call(token, "sendMessage", chat_id=anna.place["chat"], text="I am here")
    return sent


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("just talking", []),
        ("/items@pizza_bot", ["pizza"]),
        ("/items@other_bot now", ["other"]),
        ("/items@a_third_bot", []),
        ("hello @pizza_bot", ["pizza"]),
        ("hello @pizza_bot2", []),
    ],
)
async def test_in_a_group_a_bot_hears_what_names_it(
    telegram: Telegram, group: Person, text: str, who: list[str]
) -> None:
    await group.send(text)
    assert await listeners(telegram, text) == who


async def test_a_command_that_names_no_bot_is_for_the_last_one_that_spoke(telegram: Telegram, group: Person) -> None:
    await group.send("/first")
    assert await listeners(telegram, "/first") == ["pizza", "other"]
    await speaks(telegram, TOKEN, group)
    await speaks(telegram, OTHER, group)
    await group.send("/second")
    assert await listeners(telegram, "/second") == ["other"]


async def test_a_reply_is_for_the_bot_that_it_answers_even_if_it_names_another(
    telegram: Telegram, group: Person
) -> None:
    question = await speaks(telegram, TOKEN, group)
    text = "/items@other_bot"
    await telegram.act("send", user=group.id, **group.place, text=text, reply_to=question["message_id"])
    assert await listeners(telegram, text) == ["pizza"]


async def test_an_answer_to_what_was_meant_for_a_bot_is_for_that_bot_too(telegram: Telegram, group: Person) -> None:
    for first, who in (("/items@pizza_bot", ["pizza"]), ("just talking", [])):
        asked = await group.send(first)
        for text in (f"more on {first[1:4]}", f"still more on {first[1:4]}"):
            more = {"text": text, "reply_to": asked["message_id"]}
            asked = await telegram.act("send", user=group.id, **group.place, **more)
            assert await listeners(telegram, text) == who


async def test_a_caption_addresses_a_bot_like_a_text(telegram: Telegram, group: Person) -> None:
    for caption, who in (("look", []), ("look @pizza_bot", ["pizza"])):
        await telegram.act("send_file", user=group.id, **group.place, kind="photo", caption=caption)
        assert await listeners(telegram, caption) == who


async def test_an_administrator_hears_everything(telegram: Telegram, group: Person) -> None:
    await telegram.act("promote", chat=group.place["chat"], user=BOT, rights=["can_invite_users"])
    await group.send("just talking")
    assert await listeners(telegram, "just talking") == ["pizza"]


async def test_an_edit_reaches_whom_the_message_has_reached(telegram: Telegram, group: Person) -> None:
    await heard(telegram)
    sent = await group.send("/items@pizza_bot")
    quiet = await group.send("just talking")
    for one, text in ((sent, "/items@pizza_bot 2"), (quiet, "still talking")):
        await telegram.act("edit", user=group.id, **group.place, message_id=one["message_id"], text=text)
    message, edited = await heard(telegram)
    assert (message["message"]["text"], edited["edited_message"]["text"]) == ("/items@pizza_bot", "/items@pizza_bot 2")


async def test_every_bot_hears_what_happens_to_the_group(telegram: Telegram, group: Person) -> None:
    dora = await telegram.act("user", first_name="Dora")
    await telegram.act("join", chat=group.place["chat"], user=dora["id"])
    for token in (TOKEN, OTHER):
        updates = await heard(telegram, token)
        assert updates[-1]["message"]["new_chat_members"][0]["id"] == dora["id"]


async def test_only_an_administrator_hears_of_reactions_in_a_group(telegram: Telegram, group: Person) -> None:
    await telegram.call(TOKEN, "getUpdates", allowed_updates=["message_reaction"], offset=-1)
    sent = await speaks(telegram, TOKEN, group)
    await heard(telegram)
    react = {"user": group.id, **group.place, "message_id": sent["message_id"]}
    await telegram.act("react", **react, emoji="👍")
    assert await heard(telegram) == []
    await telegram.act("promote", chat=group.place["chat"], user=BOT)
    await telegram.act("react", **react, emoji="🔥")
    [update] = await heard(telegram)
    assert update["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "🔥"}]


class TestChannels:
    @pytest.fixture
    async def channel(self, telegram: Telegram) -> Person:
        """Anna's channel, in which two bots are administrators and Bruno reads."""
        await telegram.act("bot", token=OTHER, username="other_bot")
        people = [(await telegram.act("user", first_name=name))["id"] for name in ("Anna", "Bruno")]
        chat = await telegram.act("channel", title="News", members=people, bots=[TOKEN, OTHER])
        assert chat["type"] == "channel"
        await heard(telegram)
        return Person(telegram, people[0], str(chat["id"]), {"chat": chat["id"]})

    async def test_a_post_speaks_for_the_channel_and_other_bots_hear_it(
        self, telegram: Telegram, channel: Person
    ) -> None:
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=channel.place["chat"], text="Open again")
        assert "from" not in sent
        assert sent["sender_chat"] == sent["chat"]
        edit = {"chat_id": channel.place["chat"], "message_id": sent["message_id"], "text": "Closed"}
        await telegram.call(TOKEN, "editMessageText", **edit)
        updates = await heard(telegram, OTHER)
        assert [next(key for key in one if key != "update_id") for one in updates] == [
            "my_chat_member",
            "channel_post",
            "edited_channel_post",
        ]
        assert await heard(telegram) == []

    async def test_bots_hear_what_people_post(self, telegram: Telegram, channel: Person) -> None:
        await channel.send("Open again")
        [update] = await heard(telegram)
        assert update["channel_post"]["text"] == "Open again"

    async def test_a_tap_in_a_channel_reaches_the_bot_that_has_posted(
        self, telegram: Telegram, channel: Person
    ) -> None:
        keyboard = {"inline_keyboard": [[{"text": "Book", "callback_data": "b"}]]}
        sent = await telegram.call(
            TOKEN, "sendMessage", chat_id=channel.place["chat"], text="Tables", reply_markup=keyboard
        )
        await telegram.act("tap", user=channel.id, **channel.place, message_id=sent["message_id"], button="Book")
        [update] = await heard(telegram)
        assert update["callback_query"]["data"] == "b"

    async def test_members_of_a_channel_are_known_to_its_administrators(
        self, telegram: Telegram, channel: Person
    ) -> None:
        chat = {"chat_id": channel.place["chat"]}
        assert await telegram.call(TOKEN, "getChatMemberCount", **chat) == 4
        for more, bots in (({}, [BOT]), ({"return_bots": True}, [BOT, 7002])):
            owner, *others = await telegram.call(TOKEN, "getChatAdministrators", **chat, **more)
            assert owner["status"] == "creator"
            assert [one["user"]["id"] for one in others] == bots
        bot = await telegram.call(TOKEN, "getChatMember", **chat, user_id=BOT)
        assert (bot["status"], bot["can_post_messages"]) == ("administrator", True)
        assert "can_pin_messages" not in bot

    async def test_a_bot_without_the_right_posts_nothing(self, telegram: Telegram, channel: Person) -> None:
        await telegram.act("promote", chat=channel.place["chat"], user=BOT, rights=["can_invite_users"])
        answer = await telegram._http.post(
            f"/bot{TOKEN}/sendMessage", json={"chat_id": channel.place["chat"], "text": "x"}
        )
        assert answer.json()["description"] == "Bad Request: need administrator rights in the channel chat"
