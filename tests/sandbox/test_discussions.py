"""What people do in forums and channels, and what bots hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, heard, heard_by_both, refused_to_act


@pytest.fixture
async def people(telegram: Telegram) -> list[Person]:
    """Anna and Bruno in Anna's forum, where the bot is an administrator that has heard everything."""
    anna, bruno = await telegram.group("Kitchen", "Anna", "Bruno")
    chat = (await telegram.act("migrate", chat=anna.place["chat"]))["id"]
    await telegram.act("forum", chat=chat)
    await telegram.act("add_bot", chat=chat, bot=TOKEN, by=anna.id)
    await telegram.act("promote", chat=chat, user=BOT)
    await heard(telegram)
    return [Person(telegram, one.id, str(chat), {"chat": chat}) for one in (anna, bruno)]


async def open_topic(telegram: Telegram, person: Person, name: str = "Tickets") -> int:
    opened = await telegram.act("create_topic", user=person.id, **person.place, name=name)
    await heard(telegram)
    return int(opened["message_thread_id"])


class TestTopics:
    async def test_opening_one_is_told_in_it(self, telegram: Telegram, people: list[Person]) -> None:
        opened = await telegram.act("create_topic", user=people[1].id, **people[1].place, name="Tickets")
        told = await heard_by_both(telegram)
        assert told["forum_topic_created"]["name"] == "Tickets"
        assert told["message_thread_id"] == told["message_id"] == opened["message_id"]
        assert (told["is_topic_message"], told["from"]["id"]) == (True, people[1].id)

    async def test_people_write_in_one_or_in_the_general_one(self, telegram: Telegram, people: list[Person]) -> None:
        topic, anna = await open_topic(telegram, people[0]), people[0]
        said = await telegram.act("send", user=anna.id, **anna.place, text="One ramen", topic=topic)
        message = await heard_by_both(telegram)
        assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)
        await telegram.act("send", user=anna.id, **anna.place, text="On its way", reply_to=said["message_id"])
        await anna.send("Hello all")
        answer, general = [update["message"] for update in await heard(telegram)]
        assert answer["message_thread_id"] == topic
        assert "message_thread_id" not in general

    async def test_files_and_places_go_there_too(self, telegram: Telegram, people: list[Person]) -> None:
        topic, anna = await open_topic(telegram, people[0]), people[0]
        there = {"user": anna.id, **anna.place, "topic": topic}
        await telegram.act("send_file", **there, kind="photo")
        await telegram.act("send_location", **there, latitude=1, longitude=2)
        await telegram.act("send_album", **there, files=[{"kind": "photo"}] * 2)
        assert {update["message"]["message_thread_id"] for update in await heard(telegram)} == {topic}

    async def test_a_closed_one_is_for_administrators_and_whoever_opened_it(
        self, telegram: Telegram, people: list[Person]
    ) -> None:
        anna, bruno = people
        topic = await open_topic(telegram, anna)
        close = {"user": anna.id, **anna.place, "topic": topic}
        await telegram.act("edit_topic", **close, closed=True)
        assert "forum_topic_closed" in await heard_by_both(telegram)
        write = {**bruno.place, "topic": topic, "text": "Hello?"}
        assert await refused_to_act(telegram, "send", user=bruno.id, **write) == "that topic is closed"
        await telegram.act("send", user=anna.id, **write)
        await telegram.act("edit_topic", **close, closed=False, name="Orders")
        await telegram.act("send", user=bruno.id, **write)
        told = [update["message"] for update in await heard(telegram)]
        assert told[1]["forum_topic_edited"] == {"name": "Orders"}
        assert "forum_topic_reopened" in told[2]
        assert told[3]["from"]["id"] == bruno.id

    async def test_only_its_maker_and_administrators_change_one(self, telegram: Telegram, people: list[Person]) -> None:
        anna, bruno = people
        topic = await open_topic(telegram, anna)
        change = {"user": bruno.id, **bruno.place, "topic": topic}
        for verb, more in (("edit_topic", {"closed": True}), ("delete_topic", {})):
            assert "only administrators" in await refused_to_act(telegram, verb, **change, **more)
        await telegram.act("promote", chat=bruno.place["chat"], user=bruno.id)
        await telegram.act("delete_topic", **change)
        [room] = [one for one in await telegram.look("chats") if one["room"] == bruno.room]
        assert [one["name"] for one in room["topics"]] == ["General"]

    @pytest.mark.parametrize(
        ("verb", "more", "words"),
        [
            ("send", {"text": "x", "topic": 77}, "no topic 77"),
            ("edit_topic", {"topic": 77, "closed": True}, "no topic 77"),
            ("delete_topic", {"topic": 1}, "general topic"),
            ("create_topic", {"name": ""}, "name is empty"),
        ],
        ids=str,
    )
    async def test_what_is_not_there_is_refused(
        self, telegram: Telegram, people: list[Person], verb: str, more: dict[str, Any], words: str
    ) -> None:
        assert words in await refused_to_act(telegram, verb, user=people[0].id, **people[0].place, **more)

    async def test_a_chat_without_topics_says_so(self, telegram: Telegram, carla: Person) -> None:
        words = await refused_to_act(telegram, "send", user=carla.id, bot=TOKEN, text="x", topic=5)
        assert words == "that chat has no topics"
        [dora] = await telegram.group("Bar", "Dora")
        words = await refused_to_act(telegram, "create_topic", user=dora.id, **dora.place, name="x")
        assert "has no topics" in words


class TestRestrictions:
    async def test_who_may_not_send_something_is_told_what(self, telegram: Telegram, people: list[Person]) -> None:
        bruno = people[1]
        allowed = {"can_send_messages": True}
        who = {"chat_id": bruno.place["chat"], "user_id": bruno.id}
        await telegram.call(
            TOKEN, "restrictChatMember", **who, permissions=allowed, use_independent_chat_permissions=True
        )
        await heard(telegram)
        words = await refused_to_act(telegram, "send_file", user=bruno.id, **bruno.place, kind="photo")
        assert words == "Bruno may not send photos there"
        await bruno.send("Words only, then")
        assert (await heard_by_both(telegram))["text"] == "Words only, then"


class TestChannels:
    @pytest.fixture
    async def readers(self, telegram: Telegram) -> list[Person]:
        """Anna, whose channel it is, and Bruno, who reads it."""
        users = [await telegram.act("user", first_name=name) for name in ("Anna", "Bruno")]
        members = [user["id"] for user in users]
        channel = await telegram.act("channel", title="News", members=members, bots=[TOKEN])
        await heard(telegram)
        return [Person(telegram, number, str(channel["id"]), {"chat": channel["id"]}) for number in members]

    async def test_an_administrator_posts_and_edits_and_subscribers_read(
        self, telegram: Telegram, readers: list[Person]
    ) -> None:
        anna, bruno = readers
        post = await anna.send("Ramen is back")
        told = await heard_by_both(telegram, "channel_post")
        assert (told["sender_chat"]["title"], told["text"]) == ("News", "Ramen is back")
        assert "from" not in told
        await telegram.act("edit", user=anna.id, **anna.place, message_id=post["message_id"], text="Ramen!")
        assert (await heard_by_both(telegram, "edited_channel_post"))["text"] == "Ramen!"
        assert [message["text"] for message in await bruno.messages()] == ["Ramen!"]
        words = await refused_to_act(telegram, "send", user=bruno.id, **bruno.place, text="Hello?")
        assert words == "Bruno may not send text messages there"

    async def test_a_post_is_forwarded_as_the_channel_s(
        self, telegram: Telegram, readers: list[Person], carla: Person
    ) -> None:
        anna, bruno = readers
        post = await anna.send("Ramen is back")
        await telegram.act("start", user=bruno.id, bot=TOKEN)
        await heard(telegram)
        await telegram.act("forward", user=bruno.id, **bruno.place, message_id=post["message_id"], to_bot=TOKEN)
        origin = (await heard_by_both(telegram))["forward_origin"]
        assert (origin["type"], origin["chat"]["title"], origin["message_id"]) == (
            "channel",
            "News",
            post["message_id"],
        )

    async def test_people_join_and_leave(self, telegram: Telegram, readers: list[Person], carla: Person) -> None:
        await telegram.call(TOKEN, "getUpdates", allowed_updates=["chat_member"], offset=-1)
        await heard(telegram)
        chat = readers[0].place["chat"]
        for verb in ("join", "leave"):
            await telegram.act(verb, chat=chat, user=carla.id)
        told = [update["chat_member"]["new_chat_member"]["status"] for update in await heard(telegram)]
        assert told == ["member", "left"]
