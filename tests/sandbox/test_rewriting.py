"""Messages that people edit, delete and forward, and what bots hear of it."""

from __future__ import annotations

from typing import Any

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock, heard, heard_by_both, refused_to_act

OTHER = "7002:other-bot"


class TestEdits:
    async def test_a_text_is_told_once_more_as_an_edited_message(self, telegram: Telegram, me: dict[str, Any]) -> None:
        sent = await telegram.act("send", **me, text="No onions")
        await heard(telegram)
        await telegram.act("edit", **me, message_id=sent["message_id"], text="No onions /please")
        message = await heard_by_both(telegram, "edited_message")
        assert (message["message_id"], message["text"]) == (sent["message_id"], "No onions /please")
        assert message["entities"][0]["type"] == "bot_command"
        assert message["edit_date"] >= message["date"]

    async def test_a_caption_is_changed_and_taken_away(self, telegram: Telegram, me: dict[str, Any]) -> None:
        sent = await telegram.act("send_file", **me, kind="photo", caption="Before")
        for text in ("After", ""):
            await telegram.act("edit", **me, message_id=sent["message_id"], text=text)
        told = [update["edited_message"].get("caption") for update in (await heard(telegram))[1:]]
        assert told == ["After", None]

    async def test_what_can_not_be_edited_is_refused(
        self, telegram: Telegram, me: dict[str, Any], clock: Clock
    ) -> None:
        own = (await telegram.act("send", **me, text="Mine"))["message_id"]
        place = (await telegram.act("send_location", **me, latitude=1, longitude=2))["message_id"]
        theirs = (await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="Bot's"))["message_id"]
        passed_on = (await telegram.act("forward", **me, message_id=own, to_bot=TOKEN))["message_id"]
        await heard(telegram)

        async def why(number: int, text: str = "Other") -> str:
            return await refused_to_act(telegram, "edit", **me, message_id=number, text=text)

        assert "already" in await why(own, "Mine")
        assert "no text to send" in await why(own, " ")
        assert "somebody else" in await why(theirs)
        assert "no text in" in await why(place)
        assert "forwarded" in await why(passed_on)
        assert "no such message" in await why(1)
        clock.now += 48 * 3600 + 1
        assert "48 hours" in await why(own)
        assert await heard(telegram) == []


class TestForwards:
    async def test_a_forward_tells_whose_it_was_even_when_it_goes_on(
        self, telegram: Telegram, me: dict[str, Any]
    ) -> None:
        said = await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="Ready")
        there = await telegram.act("forward", **me, message_id=said["message_id"], to_bot=OTHER)
        back = {"user": me["user"], "bot": OTHER, "message_id": there["message_id"], "to_bot": TOKEN}
        await telegram.act("forward", **back)
        message = await heard_by_both(telegram)
        origin = message["forward_origin"]
        assert (message["text"], message["from"]["id"]) == ("Ready", me["user"])
        assert (origin["type"], origin["sender_user"]["username"], origin["date"]) == (
            "user",
            "pizza_bot",
            said["date"],
        )

    async def test_a_file_goes_with_its_bytes_and_buttons_stay_behind(
        self, telegram: Telegram, me: dict[str, Any]
    ) -> None:
        keys = {"inline_keyboard": [[{"text": "Go", "callback_data": "x"}]]}
        sent = await telegram.act("send_file", **me, kind="photo", caption="Look")
        shown = await telegram.call(
            TOKEN, "sendPhoto", chat_id=me["user"], photo=sent["photo"][-1]["file_id"], reply_markup=keys
        )
        forwarded = await telegram.act("forward", **me, message_id=shown["message_id"], to_bot=OTHER)
        assert forwarded["photo"] == sent["photo"]
        assert "reply_markup" not in forwarded

    async def test_what_is_protected_or_told_by_telegram_stays_where_it_is(
        self, telegram: Telegram, me: dict[str, Any]
    ) -> None:
        kept = await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="For you only", protect_content=True)
        forward = {**me, "message_id": kept["message_id"], "to_bot": OTHER}
        assert "can't be forwarded" in await refused_to_act(telegram, "forward", **forward)
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        told = await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
        forward = {"user": anna.id, **anna.place, "message_id": told["message_id"], "to_bot": OTHER}
        assert "can't be forwarded" in await refused_to_act(telegram, "forward", **forward)


class TestDeleting:
    async def test_a_person_deletes_in_a_private_chat_whatever_is_there_and_no_bot_hears_of_it(
        self, telegram: Telegram, me: dict[str, Any], carla: Person
    ) -> None:
        said = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="Hello")
        await telegram.act("delete", **me, message_id=said["message_id"])
        assert "Hello" not in [message["text"] for message in await carla.messages()]
        assert await heard(telegram) == []

    async def test_in_a_group_only_what_is_their_own(self, telegram: Telegram) -> None:
        anna, bruno = await telegram.group("Kitchen", "Anna", "Bruno")
        number = (await anna.send("Mine"))["message_id"]
        delete = {**bruno.place, "message_id": number}
        assert "own messages" in await refused_to_act(telegram, "delete", user=bruno.id, **delete)
        await telegram.act("delete", user=anna.id, **delete)
        assert await anna.messages() == []
