"""Films, recordings and albums, from where files are downloaded, and how large they may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox import recordings
from bot.sandbox.server import Sandbox
from tests.conformance import samples
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, heard, refused

FILM = samples.film(10_000, 5, 360, 640)
VOICE = samples.voice(2_000, 3)
TUNE = samples.tune(100_000, 4)
PICTURE = samples.picture(640, 480)

Upload = tuple[str, bytes]


async def upload(telegram: Telegram, method: str, files: dict[str, Upload], **params: Any) -> Any:
    answer = await telegram._http.post(f"/bot{TOKEN}/{method}", data=params, files=files)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def download(telegram: Telegram, file_id: str) -> tuple[str, bytes]:
    """From where a file is downloaded, and what comes."""
    path = (await telegram.call(TOKEN, "getFile", file_id=file_id))["file_path"]
    answer = await telegram._http.get(f"/file/bot{TOKEN}/{path}")
    assert answer.status_code == 200
    return str(path), answer.content


MOVING = {"width": 360, "height": 640, "duration": 5}
# What is sent as each kind, what is told of it, and how the path of its download begins and ends.
SENT: dict[str, tuple[Upload, dict[str, Any], tuple[str, str]]] = {
    "video": (("film.mp4", FILM), MOVING, ("videos/file_", ".mp4")),
    "animation": (("film.mp4", FILM), MOVING, ("animations/file_", ".mp4")),
    "video_note": (("film.mp4", FILM), {"length": 320, "duration": 5}, ("video_notes/file_", ".mp4")),
    "voice": (("voice.ogg", VOICE), {"duration": 3, "mime_type": "audio/ogg"}, ("voice/file_", ".oga")),
    "audio": (("tune.mp3", TUNE), {"duration": 4, "mime_type": "audio/mpeg"}, ("music/file_", ".mp3")),
    "document": (("menu.pdf", b"%PDF-1.7"), {"mime_type": "application/pdf"}, ("documents/file_", ".pdf")),
}


@pytest.mark.parametrize("kind", SENT)
async def test_a_file_tells_what_is_in_it_and_is_downloaded_from_the_folder_of_its_kind(
    telegram: Telegram, carla: Person, kind: str
) -> None:
    method, (file, told, (begin, end)) = f"send{kind.replace('_', '')}", SENT[kind]
    sent = (await upload(telegram, method, {kind: file}, chat_id=carla.id))[kind]
    assert told.items() <= sent.items()
    assert sent["file_size"] == len(file[1])
    path, came = await download(telegram, sent["file_id"])
    assert (path.startswith(begin), path.endswith(end), came) == (True, True, file[1])
    again = await telegram.call(TOKEN, method, chat_id=carla.id, **{kind: sent["file_id"]})
    assert again[kind] == sent


async def test_both_sizes_of_a_photo_are_downloaded(telegram: Telegram, carla: Person) -> None:
    sent = await upload(telegram, "sendPhoto", {"photo": ("a.png", PICTURE)}, chat_id=carla.id)
    paths = {(await download(telegram, one["file_id"]))[0] for one in sent["photo"]}
    assert {path.partition("/")[0] for path in paths} == {"photos", "thumbnails"}
    assert all(path.endswith(".jpg") for path in paths)
    assert len({one["file_unique_id"] for one in sent["photo"]}) == 2


@pytest.mark.parametrize("path", ["photos/file_1.png", "documents/file_1.jpg", "photos/file_7.jpg", "file1"])
async def test_no_other_path_leads_to_a_file(telegram: Telegram, carla: Person, path: str) -> None:
    sent = await upload(telegram, "sendPhoto", {"photo": ("a.png", PICTURE)}, chat_id=carla.id)
    assert (await download(telegram, sent["photo"][-1]["file_id"]))[0] == "photos/file_1.jpg"
    assert (await telegram._http.get(f"/file/bot{TOKEN}/{path}")).status_code == 404


async def test_the_unique_id_of_a_file_sends_nothing(telegram: Telegram, carla: Person) -> None:
    sent = await upload(telegram, "sendVoice", {"voice": ("v.ogg", VOICE)}, chat_id=carla.id)
    unique = sent["voice"]["file_unique_id"]
    assert await refused(telegram, "sendVoice", chat_id=carla.id, voice=unique) == (
        "wrong file identifier/HTTP URL specified"
    )


async def test_what_the_sender_tells_goes_before_what_the_file_says(telegram: Telegram, carla: Person) -> None:
    files = {"audio": ("t.mp3", TUNE), "thumbnail": ("t.png", PICTURE)}
    more = {"duration": "7", "performer": "Verdi", "title": "Va, pensiero", "caption": "*Listen*"}
    sent = await upload(telegram, "sendAudio", files, chat_id=carla.id, **more, parse_mode="MarkdownV2")
    audio = sent["audio"]
    assert (audio["duration"], audio["performer"], audio["title"]) == (7, "Verdi", "Va, pensiero")
    assert (audio["thumbnail"]["width"], sent["caption"]) == (320, "Listen")


async def test_a_file_of_which_nothing_is_told_lasts_no_time(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendVideo", chat_id=carla.id, video="https://x.example/film.mp4")
    assert (sent["video"]["duration"], sent["video"]["file_size"]) == (0, 0)


async def test_a_photo_is_no_document_and_a_document_no_photo(telegram: Telegram, carla: Person) -> None:
    photo = await upload(telegram, "sendPhoto", {"photo": ("a.png", PICTURE)}, chat_id=carla.id)
    file = await upload(telegram, "sendDocument", {"document": ("a.png", PICTURE)}, chat_id=carla.id)
    for method, field, file_id, words in (
        ("sendDocument", "document", photo["photo"][-1]["file_id"], "can't use file of type Photo as Document"),
        ("sendPhoto", "photo", file["document"]["file_id"], "can't use file of type Document as Photo"),
    ):
        assert await refused(telegram, method, chat_id=carla.id, **{field: file_id}) == words


async def test_a_file_above_20_megabytes_is_sent_but_not_downloaded(telegram: Telegram, carla: Person) -> None:
    content = bytes(20 * 1024 * 1024 + 1)
    sent = await upload(telegram, "sendDocument", {"document": ("a.bin", content)}, chat_id=carla.id)
    said = await refused(telegram, "getFile", file_id=sent["document"]["file_id"])
    assert said == "file is too big"


class TestAlbums:
    async def test_an_album_is_a_message_for_each_of_its_files(self, telegram: Telegram, carla: Person) -> None:
        media = [
            {"type": "photo", "media": "attach://one", "caption": "<b>Both</b>", "parse_mode": "HTML"},
            {"type": "video", "media": "attach://two", "thumbnail": "attach://one"},
        ]
        files = {"one": ("a.png", PICTURE), "two": ("b.mp4", FILM)}
        sent = await upload(telegram, "sendMediaGroup", files, chat_id=carla.id, media=json.dumps(media))
        assert [message.get("caption") for message in sent] == ["Both", None]
        assert sent[0]["media_group_id"] == sent[1]["media_group_id"]
        assert (sent[1]["video"]["width"], sent[1]["video"]["thumbnail"]["width"]) == (360, 320)

    @pytest.mark.parametrize(
        ("media", "words"),
        [
            ("no", "can't parse media JSON object"),
            ({}, "expected an Array of InputMedia"),
            ([], "there are no messages to send"),
            ([{"type": "photo", "media": "https://x.example/a.png"}] * 11, "too many messages to send as an album"),
            ([{"type": "photo"}], "can't parse input media"),
            ([{"type": "photo", "media": "nothing"}], "wrong file identifier/HTTP URL specified"),
            (
                [{"type": kind, "media": "https://x.example/a"} for kind in ("photo", "document")],
                "can't use the media of the specified type in the album",
            ),
        ],
        ids=str,
    )
    async def test_an_album_that_will_not_do_is_refused_as_a_whole(
        self, telegram: Telegram, carla: Person, media: Any, words: str
    ) -> None:
        before = await carla.messages()
        assert await refused(telegram, "sendMediaGroup", chat_id=carla.id, media=media) == words
        assert await carla.messages() == before

    async def test_a_voice_note_stands_in_no_album(self, telegram: Telegram, carla: Person) -> None:
        media = [{"type": "voice", "media": "https://x.example/a"}] * 2
        assert 'type "voice"' in await refused(telegram, "sendMediaGroup", chat_id=carla.id, media=media)

    async def test_in_an_album_a_file_is_replaced_only_by_one_that_fits(
        self, telegram: Telegram, carla: Person
    ) -> None:
        media = [{"type": "photo", "media": "https://x.example/a.png"}] * 2
        sent = await telegram.call(TOKEN, "sendMediaGroup", chat_id=carla.id, media=media)
        place = {"chat_id": carla.id, "message_id": sent[0]["message_id"]}
        audio = {"type": "audio", "media": "https://x.example/a.mp3"}
        assert await refused(telegram, "editMessageMedia", **place, media=audio) == (
            "can't change media type in the album"
        )
        video = {"type": "video", "media": "https://x.example/a.mp4"}
        assert "video" in await telegram.call(TOKEN, "editMessageMedia", **place, media=video)


async def test_any_kind_of_file_takes_the_place_of_another(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="soon a film")
    place = {"chat_id": carla.id, "message_id": sent["message_id"]}
    for kind in ("photo", "video", "animation", "audio", "document"):
        media = {"type": kind, "media": f"https://x.example/{kind}"}
        changed = await telegram.call(TOKEN, "editMessageMedia", **place, media=media)
        others = {"photo", "video", "animation", "audio", "document", "text"} - {kind}
        assert kind in changed
        assert not (others - {"document"}) & changed.keys()
        assert ("document" in changed) == (kind in ("document", "animation"))


@pytest.mark.parametrize("kind", ["live_photo", "sticker"])
async def test_media_that_the_sandbox_lacks_are_named_as_such(telegram: Telegram, carla: Person, kind: str) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="x")
    params = {"chat_id": carla.id, "message_id": sent["message_id"], "media": {"type": kind, "media": "x"}}
    answer = await telegram._http.post(f"/bot{TOKEN}/editMessageMedia", json=params)
    assert (answer.status_code, kind in answer.json()["description"]) == (501, True)


async def test_what_a_person_sends_is_downloaded_like_what_bots_send(
    telegram: Telegram, carla: Person, sandbox: Sandbox
) -> None:
    await heard(telegram)
    await telegram.act("send_file", user=carla.id, bot=TOKEN, kind="voice")
    [update] = await heard(telegram)
    path, content = await download(telegram, update["message"]["voice"]["file_id"])
    assert path.startswith("voice/")
    assert content.startswith(b"OggS")


@pytest.mark.parametrize("content", [b"", b"OggS", FILM[:40], TUNE[:3], b"RIFF" + bytes(40), b"\xff\xfb\xf0"])
def test_what_is_cut_off_lasts_no_time(content: bytes) -> None:
    assert recordings.seconds(content) == 0
    assert recordings.size(content) is None
