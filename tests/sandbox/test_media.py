"""What a message holds besides text: pictures, documents, places, persons, invoices; what is pinned or reacted to."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

import pytest
from telegram.constants import ReactionEmoji

from bot.sandbox import pictures
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock, refused, refused_to_act

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 640, 480)
INVOICE = {
    "title": "Pizza",
    "description": "Margherita",
    "payload": "order-1",
    "currency": "EUR",
    "provider_token": "made-up",
    "prices": [{"label": "Pizza", "amount": 950}, {"label": "Bag", "amount": 10}],
}


async def upload(telegram: Telegram, carla: Person, kind: str, name: str, content: bytes) -> Any:
    form = {"chat_id": str(carla.id), "caption": "Look"}
    answer = await telegram._http.post(f"/bot{TOKEN}/send{kind}", data=form, files={kind.lower(): (name, content)})
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_a_photo_has_its_sizes_and_can_be_sent_again_and_downloaded(telegram: Telegram, carla: Person) -> None:
    sent = await upload(telegram, carla, "Photo", "pizza.png", PNG)
    small, large = sent["photo"]
    assert (small["width"], small["height"]) == (320, 240)
    assert (large["width"], large["height"], large["file_size"]) == (640, 480, len(PNG))
    again = await telegram.call(TOKEN, "sendPhoto", chat_id=carla.id, photo=large["file_id"])
    assert again["photo"] == sent["photo"]
    file = await telegram.call(TOKEN, "getFile", file_id=large["file_id"])
    assert (await telegram._http.get(f"/file/bot{TOKEN}/{file['file_path']}")).content == PNG


async def test_a_document_keeps_its_name_and_the_page_never_runs_it(telegram: Telegram, carla: Person) -> None:
    sent = await upload(telegram, carla, "Document", "menu.html", b"<script>alert(1)</script>")
    assert (sent["document"]["file_name"], sent["document"]["mime_type"]) == ("menu.html", "text/html")
    shown = await telegram._http.get(f"/control/file/{sent['document']['file_id']}")
    assert shown.headers["Content-Type"] == "application/octet-stream"
    assert shown.headers["Content-Disposition"].startswith("attachment")


async def test_captions_and_media_are_edited_in_place(telegram: Telegram, carla: Person) -> None:
    sent = await upload(telegram, carla, "Photo", "pizza.png", PNG)
    place = {"chat_id": carla.id, "message_id": sent["message_id"]}
    edited = await telegram.call(TOKEN, "editMessageCaption", caption="*Hot*", parse_mode="MarkdownV2", **place)
    assert (edited["caption"], edited["caption_entities"][0]["type"]) == ("Hot", "bold")
    file = await upload(telegram, carla, "Document", "pizza.png", PNG)
    media = {"type": "document", "media": file["document"]["file_id"], "caption": "As a file"}
    changed = await telegram.call(TOKEN, "editMessageMedia", media=media, **place)
    assert "photo" not in changed
    assert (changed["document"]["file_name"], changed["caption"]) == ("pizza.png", "As a file")
    text = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="only text")
    place["message_id"] = text["message_id"]
    assert await refused(telegram, "editMessageCaption", caption="x", **place) == (
        "there is no caption in the message to edit"
    )


@pytest.mark.parametrize(
    ("method", "params", "problem"),
    [
        ("sendPhoto", {}, "there is no photo in the request"),
        ("sendDocument", {"document": "nonsense"}, "wrong file identifier/HTTP URL specified"),
        ("sendVenue", {"latitude": 91, "longitude": 0, "title": "a", "address": "b"}, "wrong latitude"),
        ("sendVenue", {"latitude": 1, "longitude": 0, "title": " ", "address": "b"}, "title must be non-empty"),
        ("sendContact", {"phone_number": "", "first_name": "a"}, "phone number must be non-empty"),
        ("sendInvoice", INVOICE | {"payload": ""}, "INVOICE_PAYLOAD_INVALID"),
        ("sendInvoice", INVOICE | {"payload": "ä" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ("sendInvoice", INVOICE | {"currency": "euro"}, "CURRENCY_INVALID"),
        ("sendInvoice", INVOICE | {"provider_token": ""}, "PAYMENT_PROVIDER_INVALID"),
        ("sendInvoice", INVOICE | {"currency": "XTR"}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ("sendInvoice", INVOICE | {"prices": []}, "prices are empty"),
        ("sendInvoice", INVOICE | {"suggested_tip_amounts": [2, 1], "max_tip_amount": 5}, "SUGGESTED_TIP"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("pinChatMessage", {"message_id": 1}, "message to pin not found"),
        ("unpinChatMessage", {}, "message to unpin not found"),
        ("setMessageReaction", {"message_id": 1}, "message to react not found"),
        ("setChatMenuButton", {"menu_button": {"type": "dance"}}, "can't parse menu button"),
        ("setMyCommands", {"commands": [{"command": "Not this", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [], "scope": {"type": "moon"}}, "can't parse BotCommandScope"),
    ],
)
async def test_what_will_not_do_is_refused(
    telegram: Telegram, carla: Person, method: str, params: dict[str, Any], problem: str
) -> None:
    assert problem in await refused(telegram, method, chat_id=carla.id, **params)


async def test_a_payment_waits_for_the_bots_word_and_ends_with_a_receipt(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, **INVOICE)
    assert sent["invoice"]["total_amount"] == 960
    assert sent["reply_markup"]["inline_keyboard"] == [[{"text": "Pay 9.60 EUR", "pay": True}]]
    paid = await telegram.act("pay", user=carla.id, message_id=sent["message_id"], bot=TOKEN)
    [update] = await telegram.call(TOKEN, "getUpdates", offset=-1)
    assert update["pre_checkout_query"]["invoice_payload"] == "order-1"
    query = {"pre_checkout_query_id": paid["pre_checkout_query_id"]}
    await telegram.call(TOKEN, "answerPreCheckoutQuery", ok=True, **query)
    [update] = await telegram.call(TOKEN, "getUpdates", offset=-1)
    assert update["message"]["successful_payment"]["total_amount"] == 960
    assert "query is too old" in await refused(telegram, "answerPreCheckoutQuery", ok=True, **query)


async def test_a_payment_that_the_bot_refuses_leaves_no_receipt(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, **INVOICE)
    paid = await telegram.act("pay", user=carla.id, message_id=sent["message_id"], bot=TOKEN)
    query = {"pre_checkout_query_id": paid["pre_checkout_query_id"], "ok": False}
    await telegram.call(TOKEN, "answerPreCheckoutQuery", error_message="Sold out", **query)
    assert not any("successful_payment" in message for message in await carla.messages())


async def test_the_newest_pin_is_shown_until_it_is_deleted_or_unpinned(telegram: Telegram, carla: Person) -> None:
    numbers = [
        (await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text=text))["message_id"]
        for text in ("a", "b", "c")
    ]
    for number in numbers:
        await telegram.call(TOKEN, "pinChatMessage", chat_id=carla.id, message_id=number)

    async def pinned() -> str | None:
        chat = await telegram.call(TOKEN, "getChat", chat_id=carla.id)
        text: str | None = chat.get("pinned_message", {}).get("text")
        return text

    assert await pinned() == "c"
    await telegram.call(TOKEN, "deleteMessage", chat_id=carla.id, message_id=numbers[2])
    assert await pinned() == "b"
    await telegram.call(TOKEN, "unpinChatMessage", chat_id=carla.id)
    assert await pinned() == "a"
    await telegram.call(TOKEN, "unpinAllChatMessages", chat_id=carla.id)
    assert await pinned() is None


async def test_reactions_are_seen_by_both_sides(telegram: Telegram, carla: Person) -> None:
    heart = [{"type": "emoji", "emoji": "❤"}]
    message = (await carla.messages())[0]["message_id"]
    await telegram.call(TOKEN, "setMessageReaction", chat_id=carla.id, message_id=message, reaction=heart)
    assert (await carla.messages())[0]["reactions"] == heart
    await telegram.call(TOKEN, "getUpdates", allowed_updates=["message_reaction"])
    await telegram.act("react", user=carla.id, message_id=message, emoji="👍", bot=TOKEN)
    [update] = await telegram.call(TOKEN, "getUpdates", offset=-1)
    assert update["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "👍"}]


async def test_a_reaction_is_one_of_those_that_telegram_has(telegram: Telegram, carla: Person) -> None:
    number = (await carla.messages())[0]["message_id"]
    for emoji in ReactionEmoji:
        given = [{"type": "emoji", "emoji": emoji}]
        assert await telegram.call(TOKEN, "setMessageReaction", chat_id=carla.id, message_id=number, reaction=given)


async def test_any_other_reaction_is_refused(telegram: Telegram, carla: Person) -> None:
    number = (await carla.messages())[0]["message_id"]
    for emoji in ("🍕", "x", "👍👍"):
        given = [{"type": "emoji", "emoji": emoji}]
        said = await refused(telegram, "setMessageReaction", chat_id=carla.id, message_id=number, reaction=given)
        assert said == "REACTION_INVALID"
    assert "none of Telegram's" in await refused_to_act(
        telegram, "react", user=carla.id, message_id=number, emoji="🍕", bot=TOKEN
    )


@pytest.mark.parametrize(
    ("currency", "label"), [("EUR", "Pay 9.50 EUR"), ("JPY", "Pay 950 JPY"), ("XTR", "Pay 950 ⭐")]
)
async def test_an_amount_has_the_decimals_of_its_currency(
    telegram: Telegram, carla: Person, currency: str, label: str
) -> None:
    invoice = {"title": "Pizza", "description": "x", "payload": "1", "currency": currency, "provider_token": "x"}
    prices = [{"label": "Pizza", "amount": 950}]
    sent = await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, prices=prices, **invoice)
    assert sent["reply_markup"]["inline_keyboard"][0][0]["text"] == label


async def test_the_page_gets_a_picture_for_a_photo_that_nobody_has_fetched(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendPhoto", chat_id=carla.id, photo="https://x.example/pizza.png")
    shown = await telegram._http.get(f"/control/file/{sent['photo'][-1]['file_id']}")
    assert (shown.status_code, shown.headers["Content-Type"].partition(";")[0]) == (200, "image/svg+xml")


async def test_a_person_shares_the_own_phone_number(telegram: Telegram, carla: Person) -> None:
    await telegram.act("send_contact", user=carla.id, bot=TOKEN)
    [update] = await telegram.call(TOKEN, "getUpdates", offset=-1)
    assert update["message"]["contact"]["user_id"] == carla.id


async def test_a_chat_shows_the_commands_of_the_narrowest_scope(telegram: Telegram, carla: Person) -> None:
    async def shown() -> list[str]:
        [room] = await telegram.look("chats")
        return [command["command"] for command in room["bots"][0]["commands"]]

    for name, scope in (("all", {"type": "default"}), ("mine", {"type": "chat", "chat_id": carla.id})):
        commands = [{"command": name, "description": "x"}]
        await telegram.call(TOKEN, "setMyCommands", commands=commands, scope=scope)
    assert await shown() == ["mine"]
    await telegram.call(TOKEN, "deleteMyCommands", scope={"type": "chat", "chat_id": carla.id})
    assert await shown() == ["all"]


async def test_the_first_link_is_previewed_unless_another_is_named_or_none_wanted(
    telegram: Telegram, carla: Person
) -> None:
    async def preview(**options: Any) -> Any:
        more = {"link_preview_options": options} if options else {}
        sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="see https://a.example 🍕", **more)
        return sent.get("link_preview_options")

    assert await preview() == {"url": "https://a.example"}
    assert await preview(url="https://b.example") == {"url": "https://b.example"}
    assert await preview(is_disabled=True) == {"is_disabled": True}


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (PNG, (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 33, 44), (33, 44)),
        (b"\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\x0b\x08" + struct.pack(">HH", 20, 10), (10, 20)),
        (b"\xff\xd8\xff", pictures.UNKNOWN),
        (b"text", pictures.UNKNOWN),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_first_bytes(content: bytes, size: tuple[int, int]) -> None:
    assert pictures.size(content) == size


class TestComingAgain:
    async def test_a_forward_says_whose_it_was_and_a_copy_does_not(self, telegram: Telegram, carla: Person) -> None:
        theirs = await carla.send("my words")
        which = {"chat_id": carla.id, "from_chat_id": carla.id, "message_id": theirs["message_id"]}
        forwarded = await telegram.call(TOKEN, "forwardMessage", **which)
        assert forwarded["text"] == "my words"
        assert forwarded["forward_origin"]["sender_user"]["first_name"] == "Carla"
        again = await telegram.call(TOKEN, "forwardMessage", **which | {"message_id": forwarded["message_id"]})
        assert again["forward_origin"]["sender_user"]["first_name"] == "Carla"
        copied = await telegram.call(TOKEN, "copyMessage", **which | {"message_id": again["message_id"]})
        seen = (await carla.messages())[-1]
        assert (copied, seen["text"]) == ({"message_id": seen["message_id"]}, "my words")
        assert "forward_origin" not in seen

    async def test_a_copy_may_have_another_caption_and_keyboard(self, telegram: Telegram, carla: Person) -> None:
        sent = await upload(telegram, carla, "Photo", "pizza.png", PNG)
        which = {"chat_id": carla.id, "from_chat_id": carla.id, "message_id": sent["message_id"]}
        keys = {"inline_keyboard": [[{"text": "Tap", "callback_data": "x"}]]}
        await telegram.call(TOKEN, "copyMessage", **which, caption="<b>New</b>", parse_mode="HTML", reply_markup=keys)
        seen = (await carla.messages())[-1]
        assert (seen["caption"], seen["photo"], seen["reply_markup"]) == ("New", sent["photo"], keys)

    async def test_of_several_those_that_are_there_come_in_order(self, telegram: Telegram, carla: Person) -> None:
        numbers = [(await carla.send(text))["message_id"] for text in ("one", "two")]
        which = {"chat_id": carla.id, "from_chat_id": carla.id}
        for method in ("forwardMessages", "copyMessages"):
            assert len(await telegram.call(TOKEN, method, **which, message_ids=[*numbers, 9])) == 2
        assert [message["text"] for message in await carla.messages()][-4:] == ["one", "two", "one", "two"]
        assert "no messages" in await refused(telegram, "copyMessages", **which, message_ids=[9])

    async def test_what_is_not_there_or_protected_stays(self, telegram: Telegram, carla: Person) -> None:
        kept = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x", protect_content=True)
        which = {"chat_id": carla.id, "from_chat_id": carla.id}
        said = [
            await refused(telegram, method, **which, message_id=number)
            for method, number in (("forwardMessage", 9), ("copyMessage", 9), ("copyMessage", kept["message_id"]))
        ]
        assert said == ["message to forward not found", "message to copy not found", "message can't be copied"]


async def test_a_location_and_dice(telegram: Telegram, carla: Person) -> None:
    place = {"latitude": 45.07, "longitude": 7.69, "horizontal_accuracy": 12.5}
    sent = await telegram.call(TOKEN, "sendLocation", chat_id=carla.id, **place, live_period=900, heading=90)
    assert sent["location"] == place | {"live_period": 900, "heading": 90}
    dice = (await telegram.call(TOKEN, "sendDice", chat_id=carla.id, emoji="🏀"))["dice"]
    assert (dice["emoji"], 1 <= dice["value"] <= 5) == ("🏀", True)
    assert "dice" in await refused(telegram, "sendDice", chat_id=carla.id, emoji="🍕")


class TestUnansweredPayments:
    async def test_a_payment_that_no_bot_agrees_to_in_ten_seconds_fails(
        self, telegram: Telegram, carla: Person, clock: Clock
    ) -> None:
        sent = await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, **INVOICE)
        paid = await telegram.act("pay", user=carla.id, bot=TOKEN, message_id=sent["message_id"])
        clock.now += 10
        await carla.send("well?")  # whatever happens, the sandbox looks at its clock
        changes = await telegram.changing(
            lambda: telegram.changes(0, wait=0),
            lambda changes: any(one["kind"] == "checkout" for one in changes),
            "the payment did not fail",
        )
        [failed] = [one for one in changes if one["kind"] == "checkout"]
        assert (failed["room"], failed["error"]) == (carla.room, "the bot did not answer in time")
        query = {"pre_checkout_query_id": paid["pre_checkout_query_id"], "ok": True}
        assert "too old" in await refused(telegram, "answerPreCheckoutQuery", **query)


class TestLivePlaces:
    PLACE: ClassVar[dict[str, Any]] = {"latitude": 45.07, "longitude": 7.69}

    async def test_a_live_place_moves_until_it_is_stopped(self, telegram: Telegram, carla: Person) -> None:
        sent = await telegram.call(TOKEN, "sendLocation", chat_id=carla.id, **self.PLACE, live_period=900)
        which = {"chat_id": carla.id, "message_id": sent["message_id"]}
        moved = {"latitude": 45.08, "longitude": 7.7, "heading": 90}
        edited = await telegram.call(TOKEN, "editMessageLiveLocation", **which, **moved)
        assert edited["location"] == moved | {"live_period": 900}
        said = await refused(telegram, "editMessageLiveLocation", **which, **moved)
        assert said.startswith("message is not modified")
        stopped = await telegram.call(TOKEN, "stopMessageLiveLocation", **which)
        assert stopped["location"] == {"latitude": 45.08, "longitude": 7.7}
        assert await refused(telegram, "stopMessageLiveLocation", **which) == "message can't be edited"

    @pytest.mark.parametrize(("period", "moves"), [(60, False), (2_147_483_647, True)])
    async def test_a_live_place_moves_as_long_as_it_lives(
        self, telegram: Telegram, carla: Person, clock: Clock, period: int, moves: bool
    ) -> None:
        sent = await telegram.call(TOKEN, "sendLocation", chat_id=carla.id, **self.PLACE, live_period=period)
        which = {"chat_id": carla.id, "message_id": sent["message_id"], "latitude": 45, "longitude": 7}
        clock.now += 60
        answer = await telegram._http.post(f"/bot{TOKEN}/editMessageLiveLocation", json=which)
        assert answer.json()["ok"] is moves

    async def test_a_place_that_stands_still_does_not_move(self, telegram: Telegram, carla: Person) -> None:
        sent = await telegram.call(TOKEN, "sendLocation", chat_id=carla.id, **self.PLACE)
        which = {"chat_id": carla.id, "message_id": sent["message_id"]}
        assert await refused(telegram, "editMessageLiveLocation", **which, **self.PLACE) == "message can't be edited"


async def test_albums_come_again_as_albums_and_a_single_one_of_them_alone(telegram: Telegram, carla: Person) -> None:
    media = [{"type": "photo", "media": "https://x.example/a.png"}] * 2
    sent = await telegram.call(TOKEN, "sendMediaGroup", chat_id=carla.id, media=media)
    numbers = [message["message_id"] for message in sent]
    which = {"chat_id": carla.id, "from_chat_id": carla.id}
    for method in ("forwardMessages", "copyMessages"):
        await telegram.call(TOKEN, method, **which, message_ids=numbers)
        first, second = (message["media_group_id"] for message in (await carla.messages())[-2:])
        assert first == second != sent[0]["media_group_id"]
    alone = await telegram.call(TOKEN, "forwardMessage", **which, message_id=numbers[0])
    assert "media_group_id" not in alone
    await telegram.call(TOKEN, "copyMessage", **which, message_id=numbers[0])
    assert "media_group_id" not in (await carla.messages())[-1]


async def test_a_forwarded_post_names_its_channel_and_what_happened_to_a_chat_is_not_forwarded(
    telegram: Telegram, carla: Person
) -> None:
    chat = await telegram.act("channel", title="News", members=[carla.id], bots=[TOKEN])
    post = await telegram.call(TOKEN, "sendMessage", chat_id=chat["id"], text="Open again")
    which = {"chat_id": carla.id, "from_chat_id": chat["id"]}
    sent = await telegram.call(TOKEN, "forwardMessage", **which, message_id=post["message_id"])
    assert (sent["forward_origin"]["type"], sent["forward_origin"]["chat"]["title"]) == ("channel", "News")
    assert sent["from"]["is_bot"] is True
    await telegram.call(TOKEN, "setChatTitle", chat_id=chat["id"], title="Newer")
    title = (await telegram.look("messages", chat=chat["id"]))[-1]
    said = await refused(telegram, "forwardMessage", **which, message_id=title["message_id"])
    assert said == "message can't be forwarded"
