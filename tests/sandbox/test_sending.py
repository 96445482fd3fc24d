"""What people send besides words, what the bot hears of it, and the bytes that it can fetch."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.sandbox.samples import SAMPLES
from bot.sandbox.wire import BODY_LIMIT
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, heard, heard_by_both, refused_to_act

PDF = b"%PDF-1.4 not really"


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def bytes_of(telegram: Telegram, file_id: str) -> bytes:
    file = await telegram.call(TOKEN, "getFile", file_id=file_id)
    answer = await telegram._http.get(f"/file/bot{TOKEN}/{file['file_path']}")
    assert answer.status_code == 200
    return answer.content


def file_of(message: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = message["photo"][-1] if kind == "photo" else message[kind]
    return found


@pytest.fixture
async def quiet(telegram: Telegram, carla: Person) -> Person:
    """Carla, and a bot that has heard all that she has said."""
    await heard(telegram)
    return carla


class TestFiles:
    @pytest.mark.parametrize("kind", SAMPLES)
    async def test_a_made_up_one_reaches_the_bot_with_all_that_the_libraries_read(
        self, telegram: Telegram, quiet: Person, kind: str
    ) -> None:
        await telegram.act("send_file", user=quiet.id, bot=TOKEN, kind=kind, caption="Look /here")
        message = await heard_by_both(telegram)
        assert (message["caption"], message["caption_entities"][0]["type"]) == ("Look /here", "bot_command")
        content = await bytes_of(telegram, file_of(message, kind)["file_id"])
        assert len(content) == file_of(message, kind)["file_size"] > 0

    @pytest.mark.parametrize("kind", ["photo", "document", "voice", "audio", "video", "video_note", "animation"])
    async def test_the_bot_gets_the_very_bytes_that_were_sent(
        self, telegram: Telegram, quiet: Person, kind: str
    ) -> None:
        given = {"kind": kind, "content": in_base64(PDF), "name": "menu.pdf"}
        await telegram.act("send_file", user=quiet.id, bot=TOKEN, **given)
        message = await heard_by_both(telegram)
        assert await bytes_of(telegram, file_of(message, kind)["file_id"]) == PDF

    async def test_an_upload_by_a_form_is_a_file_with_its_name(self, telegram: Telegram, quiet: Person) -> None:
        form = {"user": str(quiet.id), "bot": TOKEN, "caption": "The menu"}
        answer = await telegram._http.post("/control/send_file", data=form, files={"content": ("menu.pdf", PDF)})
        assert answer.status_code == 200, answer.text
        message = await heard_by_both(telegram)
        document = message["document"]
        assert (document["file_name"], document["mime_type"]) == ("menu.pdf", "application/pdf")
        assert (message["caption"], await bytes_of(telegram, document["file_id"])) == ("The menu", PDF)

    async def test_a_file_is_not_in_the_log(self, telegram: Telegram, quiet: Person) -> None:
        await telegram.act("send_file", user=quiet.id, bot=TOKEN, content=in_base64(PDF))
        await telegram.act("send_album", user=quiet.id, bot=TOKEN, files=[{"content": in_base64(PDF)}] * 2)
        assert in_base64(PDF) not in str(await telegram.look("log"))

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"content": "***"}, "content has to be base64"),
            ({"content": ""}, "the file is empty"),
            ({"kind": "video"}, "content is missing: there is no made-up file of the kind video"),
            ({"kind": "sticker"}, "kind is not as it has to be"),
            ({"caption": "x" * 1025}, "caption is longer than 1024 characters"),
            ({"kind": "video_note", "content": "eA==", "caption": "x"}, "a video note has no caption"),
        ],
        ids=str,
    )
    async def test_what_can_not_be_sent_is_refused_in_plain_words(
        self, telegram: Telegram, quiet: Person, given: dict[str, Any], words: str
    ) -> None:
        assert await refused_to_act(telegram, "send_file", user=quiet.id, bot=TOKEN, **given) == words
        assert await heard(telegram) == []

    async def test_in_a_group_only_what_names_the_bot_or_answers_it_is_heard(self, telegram: Telegram) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
        chat = anna.place["chat"]
        await telegram.act("add_bot", chat=chat, bot=TOKEN, by=anna.id)
        ticket = await telegram.call(TOKEN, "sendMessage", chat_id=chat, text="ticket")
        await heard(telegram)
        for more in ({}, {"caption": "for @pizza_bot"}, {"reply_to": ticket["message_id"]}):
            await telegram.act("send_file", user=anna.id, chat=chat, kind="photo", **more)
        named, answer = [update["message"] for update in await heard(telegram)]
        assert (named["caption"], answer["reply_to_message"]["text"]) == ("for @pizza_bot", "ticket")


class TestAlbums:
    async def test_each_file_is_a_message_and_all_share_a_group(self, telegram: Telegram, quiet: Person) -> None:
        files = [{"kind": "photo", "caption": "Before"}, {"kind": "photo"}]
        sent = await telegram.act("send_album", user=quiet.id, bot=TOKEN, files=files)
        first, second = [update["message"] for update in await heard(telegram)]
        assert {first["media_group_id"], second["media_group_id"]} == {sent["media_group_id"]}
        assert (first["caption"], second.get("caption")) == ("Before", None)

    @pytest.mark.parametrize(
        ("kinds", "words"),
        [
            (["photo"], "files is too short"),
            (["photo", "voice"], "an album can't hold that kind"),
            (["photo", "document"], "can't be mixed"),
        ],
        ids=str,
    )
    async def test_one_that_clients_could_not_make_is_refused_whole(
        self, telegram: Telegram, quiet: Person, kinds: list[str], words: str
    ) -> None:
        files = [{"kind": kind} for kind in kinds]
        assert words in await refused_to_act(telegram, "send_album", user=quiet.id, bot=TOKEN, files=files)
        assert await heard(telegram) == []


@pytest.mark.parametrize("how", ["json", "form"])
async def test_a_file_that_is_too_large_is_refused_with_the_bound(telegram: Telegram, quiet: Person, how: str) -> None:
    content, about = b"A" * (BODY_LIMIT + 4), {"user": str(quiet.id), "bot": TOKEN}
    if how == "json":
        answer = await telegram._http.post("/control/send_file", json=about | {"content": content.decode()})
    else:
        answer = await telegram._http.post("/control/send_file", data=about, files={"content": ("x", content)})
    assert (answer.status_code, answer.json()) == (400, {"error": "that is more than 50 MB"})
    assert await heard(telegram) == []
