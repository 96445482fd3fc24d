"""What people can do in the local Telegram, what bots hear of it, and how it can be looked at afterwards."""

from __future__ import annotations

import httpx
import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, heard, refused_to_act

KEYS = {"inline_keyboard": [[{"text": "10 min", "callback_data": "a:10"}, {"text": "20 min", "callback_data": "a:20"}]]}


class TestPrivateChats:
    async def test_start_with_a_payload_is_the_command_as_clients_send_it(
        self, telegram: Telegram, carla: Person
    ) -> None:
        await heard(telegram)
        await telegram.act("start", user=carla.id, bot=TOKEN, payload="nonna")
        [update] = await heard(telegram)
        message = update["message"]
        assert message["text"] == "/start nonna"
        assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
        assert message["chat"] == {"id": carla.id, "type": "private", "first_name": "Carla"}
        assert message["from"]["is_bot"] is False

    async def test_a_reply_carries_the_message_but_not_the_whole_chain(self, telegram: Telegram, carla: Person) -> None:
        number = (await carla.send("one"))["message_id"]
        for text in ("two", "three"):
            message = await telegram.act("send", user=carla.id, bot=TOKEN, text=text, reply_to=number)
            number = message["message_id"]
        assert message["reply_to_message"]["text"] == "two"
        assert "reply_to_message" not in message["reply_to_message"]

    async def test_blocking_is_told_to_the_bot_and_unblocking_too(self, telegram: Telegram, carla: Person) -> None:
        await heard(telegram)
        await telegram.act("block", user=carla.id, bot=TOKEN)
        assert "blocked" in await refused_to_act(telegram, "send", user=carla.id, bot=TOKEN, text="hello?")
        await telegram.act("block", user=carla.id, bot=TOKEN, blocked=False)
        await carla.send("hello again")
        gone, back, message = await heard(telegram)
        statuses = [update["my_chat_member"]["new_chat_member"]["status"] for update in (gone, back)]
        assert statuses == ["kicked", "member"]
        assert message["message"]["text"] == "hello again"

    async def test_a_deleted_chat_is_empty_for_the_person_and_the_bot_does_not_notice(
        self, telegram: Telegram, carla: Person
    ) -> None:
        old = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="old", reply_markup=KEYS)
        await telegram.act("delete_chat", user=carla.id, bot=TOKEN)
        assert await carla.messages() == []
        number = old["message_id"]
        assert await telegram.call(TOKEN, "editMessageText", chat_id=carla.id, message_id=number, text="x")
        assert "no such" in await refused_to_act(
            telegram, "tap", user=carla.id, bot=TOKEN, message_id=number, button="a:10"
        )
        await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="new")
        assert [message["text"] for message in await carla.messages()] == ["new"]


class TestTaps:
    @pytest.mark.parametrize("button", ["a:20", "20 min", "20"])
    async def test_a_button_is_found_by_data_by_text_or_by_a_part_of_it(
        self, telegram: Telegram, carla: Person, button: str
    ) -> None:
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="when?", reply_markup=KEYS)
        await heard(telegram)
        await telegram.act("tap", user=carla.id, bot=TOKEN, message_id=sent["message_id"], button=button)
        [update] = await heard(telegram)
        assert update["callback_query"]["data"] == "a:20"
        assert update["callback_query"]["message"]["text"] == "when?"

    async def test_a_part_that_fits_two_buttons_is_refused(self, telegram: Telegram, carla: Person) -> None:
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="when?", reply_markup=KEYS)
        tap = {"user": carla.id, "bot": TOKEN, "message_id": sent["message_id"]}
        assert "2 buttons" in await refused_to_act(telegram, "tap", **tap, button="min")
        assert "no button" in await refused_to_act(telegram, "tap", **tap, button="45")

    async def test_what_was_tapped_stays_as_it_was_when_the_message_changes(
        self, telegram: Telegram, carla: Person
    ) -> None:
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="before", reply_markup=KEYS)
        number = sent["message_id"]
        await heard(telegram)
        await telegram.act("tap", user=carla.id, bot=TOKEN, message_id=number, button="a:10")
        await telegram.call(TOKEN, "editMessageText", chat_id=carla.id, message_id=number, text="after")
        [update] = await heard(telegram)
        assert update["callback_query"]["message"]["text"] == "before"

    async def test_a_person_s_own_message_has_nothing_to_tap(self, telegram: Telegram, carla: Person) -> None:
        number = (await carla.send("hi"))["message_id"]
        assert "not of a bot" in await refused_to_act(
            telegram, "tap", user=carla.id, bot=TOKEN, message_id=number, data="forged"
        )


class TestGroups:
    async def test_a_bot_added_by_a_link_hears_of_it_and_of_the_start(self, telegram: Telegram) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id, start="invite")
        joined, service, start = await heard(telegram)
        assert joined["my_chat_member"]["new_chat_member"]["status"] == "member"
        assert [user["username"] for user in service["message"]["new_chat_members"]] == ["pizza_bot"]
        assert start["message"]["text"] == "/start@pizza_bot invite"
        assert start["message"]["chat"] == {"id": anna.place["chat"], "type": "group", "title": "Kitchen"}

    async def test_a_bot_hears_only_what_is_meant_for_it(self, telegram: Telegram) -> None:
        anna, bruno = await telegram.group("Kitchen", "Anna", "Bruno")
        group = anna.place["chat"]
        await telegram.act("add_bot", chat=group, bot=TOKEN, by=anna.id)
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=group, text="ticket")
        await heard(telegram)
        for text in ("where is the basil?", "/pause", "/pause@other_bot", "/pause@Pizza_Bot", "ask @pizza_bot"):
            await bruno.send(text)
        await telegram.act("send", user=anna.id, chat=group, text="done", reply_to=sent["message_id"])
        texts = [update["message"]["text"] for update in await heard(telegram)]
        assert texts == ["/pause", "/pause@Pizza_Bot", "ask @pizza_bot", "done"]

    async def test_a_supergroup_keeps_its_people_and_its_bots_and_both_ids_are_told(self, telegram: Telegram) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        old = anna.place["chat"]
        await telegram.act("add_bot", chat=old, bot=TOKEN, by=anna.id)
        await heard(telegram)
        new = (await telegram.act("migrate", chat=old))["id"]
        to, origin = (update["message"] for update in await heard(telegram))
        assert (to["chat"]["id"], to["migrate_to_chat_id"]) == (old, new)
        assert (origin["chat"]["id"], origin["migrate_from_chat_id"]) == (new, old)
        assert str(new).startswith("-100")
        [chat] = [one for one in await telegram.look("chats") if one["room"] == str(new)]
        assert [user["first_name"] for user in chat["members"]] == ["Anna", "Bruno"]
        assert await telegram.call(TOKEN, "sendMessage", chat_id=new, text="still here")

    async def test_a_bot_that_leaves_is_not_a_member_and_one_that_is_removed_was_kicked(
        self, telegram: Telegram
    ) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        chat = {"chat": anna.place["chat"], "bot": TOKEN, "by": anna.id}
        said = []
        await telegram.act("add_bot", **chat)
        await telegram.call(TOKEN, "leaveChat", chat_id=chat["chat"])
        for verb in ("add_bot", "remove_bot"):
            message = {"chat_id": chat["chat"], "text": "x"}
            answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json=message)
            said.append(answer.json().get("description"))
            await telegram.act(verb, **chat)
        answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json=message)
        assert said == ["Forbidden: bot is not a member of the group chat", None]
        assert answer.json()["description"] == "Forbidden: bot was kicked from the group chat"


class TestComingAgain:
    async def test_a_doubled_update_comes_again_although_it_was_confirmed(
        self, telegram: Telegram, carla: Person
    ) -> None:
        await heard(telegram)
        await telegram.act("fault", kind="duplicate_update", bot="pizza_bot")
        await carla.send("once")
        [first], [again], rest = [await heard(telegram) for _ in range(3)]
        assert first == again
        assert rest == []

    async def test_a_redelivered_update_waits_for_the_bot_even_when_it_asks_for_later_ones(
        self, telegram: Telegram, carla: Person
    ) -> None:
        [update] = await heard(telegram)
        await telegram.act("redeliver", bot=TOKEN, update=update)
        later = update["update_id"] + 1
        assert await telegram.call(TOKEN, "getUpdates", offset=later) == [update]
        assert await telegram.call(TOKEN, "getUpdates", offset=later + 1) == []


class TestLooking:
    async def test_messages_keep_how_often_they_were_edited_and_that_they_were_deleted(
        self, telegram: Telegram, carla: Person
    ) -> None:
        bot = {"chat_id": carla.id}
        edited, deleted = [
            (await telegram.call(TOKEN, "sendMessage", **bot, text=text))["message_id"] for text in ("one", "two")
        ]
        for text in ("a", "b"):
            await telegram.call(TOKEN, "editMessageText", **bot, message_id=edited, text=text)
        await telegram.call(TOKEN, "deleteMessages", **bot, message_ids=[deleted, 1])
        seen = await telegram.look("messages", bot=TOKEN, chat=carla.id, after=edited - 1)
        assert [(one["text"], one["edits"], one["deleted"]) for one in seen] == [("b", 2, False), ("two", 0, True)]

    async def test_what_a_person_has_not_seen_is_counted_until_they_have_read_it(
        self, telegram: Telegram, carla: Person
    ) -> None:
        for text in ("one", "two"):
            sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text=text)

        async def unread() -> int:
            [chat] = await telegram.look("chats")
            assert chat["last"]["text"] == "two"
            return int(chat["members"][0]["unread"])

        assert await unread() == 2
        read = {"user": carla.id, "bot": TOKEN}
        assert await telegram.act("read", **read, message_id=sent["message_id"] - 1) == {"unread": 1}
        assert await telegram.act("read", **read, message_id=sent["message_id"] + 9) == {"unread": 0}
        await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="three")
        await telegram.call(TOKEN, "deleteMessage", chat_id=carla.id, message_id=sent["message_id"] + 1)
        assert await unread() == 0

    async def test_the_log_has_every_request_and_every_act_in_order_and_no_secrets(
        self, telegram: Telegram, carla: Person
    ) -> None:
        await telegram.call(TOKEN, "setWebhook", url="http://127.0.0.1:9/", secret_token="s3cret")
        await telegram.call(TOKEN, "deleteWebhook")
        await telegram.act("fault", kind="drop_before", method="sendMessage")
        url, message = f"/bot{TOKEN}/sendMessage", {"chat_id": carla.id, "text": "arrives"}
        with pytest.raises(httpx.TransportError):
            await telegram._http.post(url, json=message | {"text": "lost"})
        await telegram._http.post(url, json=message | {"text": ""})
        await telegram._http.post(url, json=message)
        log = await telegram.look("log")
        steps = [(entry.get("method") or entry["control"], entry["status"]) for entry in log]
        assert steps[-7:] == [
            ("send", 200),
            ("setWebhook", 200),
            ("deleteWebhook", 200),
            ("fault", 200),
            ("sendMessage", 0),
            ("sendMessage", 400),
            ("sendMessage", 200),
        ]
        assert log[-1]["params"] == message
        assert log[-1]["answer"]["result"]["text"] == "arrives"
        assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
        assert await telegram.look("log", after=log[-2]["seq"]) == log[-1:]
        assert TOKEN not in str(log)
        assert "s3cret" not in str(log)

    async def test_the_verbs_are_described(self, telegram: Telegram) -> None:
        described = (await telegram._http.get("/control")).json()
        assert {"bot", "user", "group", "send", "start", "tap", "block", "migrate", "fault"} <= described.keys()
        assert "person" in described["tap"]["does"]
        assert {"POST /control/VERB", "GET /control/READ", "fields", "errors"} <= described["how"].keys()

    async def test_what_cannot_be_looked_at_is_answered_with_what_can(self, telegram: Telegram) -> None:
        unknown = await telegram._http.get("/control/message")
        assert unknown.status_code == 404
        assert "'messages'" in unknown.json()["error"]
        verb = await telegram._http.get("/control/send")
        assert (verb.status_code, verb.json()) == (405, {"error": "that is a verb: ask by POST"})

    async def test_what_can_be_looked_at_is_described_with_its_parameters(self, telegram: Telegram) -> None:
        reads = (await telegram._http.get("/control")).json()["reads"]
        assert {"GET /control/chats", "GET /control/messages", "GET /control/stream"} <= reads.keys()
        assert reads["GET /control/messages"]["parameters"].keys() == {"room", "bot", "chat", "after"}
        assert all(read["does"] for read in reads.values())
        without_a_name = [path.removeprefix("GET ") for path in reads if "{" not in path and "stream" not in path]
        for path in without_a_name:
            answer = await telegram._http.get(path, params={"room": "nowhere"} if "messages" in path else {})
            assert answer.status_code in (200, 400), path

    @pytest.mark.parametrize("path", ["messages?room=nowhere", "messages?chat=x", "log?after=x", "changes?wait=1e9"])
    async def test_a_wrong_question_is_said_to_be_one(self, telegram: Telegram, path: str) -> None:
        answer = await telegram._http.get(f"/control/{path}")
        assert answer.status_code == 400
        assert answer.json()["error"]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"text": "x" * 4097}, "text is longer than 4096 characters"),
            ({"text": ""}, "text is empty"),
            ({}, "text is missing"),
            ({"text": 1}, "text must be of type String"),
            ({"text": "x", "sound": "ping"}, "there is no field sound"),
        ],
        ids=str,
    )
    async def test_a_refusal_is_in_plain_words(
        self, telegram: Telegram, carla: Person, body: dict[str, object], words: str
    ) -> None:
        assert await refused_to_act(telegram, "send", user=carla.id, bot=TOKEN, **body) == words

    async def test_another_site_cannot_act_through_the_browser_of_whoever_runs_it(self, telegram: Telegram) -> None:
        headers = {"Origin": "https://elsewhere.example"}
        stranger = await telegram._http.post("/control/user", json={"first_name": "X"}, headers=headers)
        own_page = await telegram._http.post(
            "/control/user", json={"first_name": "X"}, headers={"Origin": telegram.url}
        )
        assert (stranger.status_code, own_page.status_code) == (403, 200)

    async def test_ids_of_people_are_given_once_also_beside_chosen_ones(self, telegram: Telegram) -> None:
        first = await telegram.act("user", first_name="Anna")
        await telegram.act("user", id=first["id"] + 1, first_name="Bruno")
        assert (await telegram.act("user", first_name="Carla"))["id"] == first["id"] + 2
        assert "is a bot" in await refused_to_act(telegram, "user", id=7001, first_name="Not a person")
