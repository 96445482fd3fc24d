"""The answers of the methods that our own bots do not use, and the updates that they bring, against the models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram as ptb
from aiogram.methods import Response
from aiogram.types import Update
from pydantic import BaseModel

from bot.sandbox.bots import KINDS
from bot.sandbox.server import Sandbox
from tests.conformance import samples
from tests.conformance.test_models import METHODS, parts, surplus
from tests.people import Telegram

BOT, OTHER = 7001, 7002
TOKEN, OTHER_TOKEN = f"{BOT}:first", f"{OTHER}:second"
FILE = "https://x.example/file.bin"
PLACE = {"latitude": 45.07, "longitude": 7.69}

# Fields of Bot API 10.1 to 10.3, which python-telegram-bot does not know yet and aiogram insists on.
NEWER = {"can_send_welcome_messages"}

Json = dict[str, Any]


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Sandbox().serve() as sandbox:
        control = Telegram(sandbox.url)
        yield control
        await control.close()


@pytest.fixture
async def chats(telegram: Telegram) -> Json:
    """A private chat, a forum and a channel, in which two bots are administrators that ask for everything."""
    for token in (TOKEN, OTHER_TOKEN):
        await telegram.act("bot", token=token)
        await telegram.call(token, "getUpdates", allowed_updates=KINDS)
    people = [(await telegram.act("user", first_name=name))["id"] for name in ("Anna", "Bruno", "Carla")]
    await telegram.act("send", user=people[0], bot=TOKEN, text="/start")
    group = await telegram.act("group", title="Kitchen", members=people[:2], bots=[TOKEN, OTHER_TOKEN])
    forum = (await telegram.act("migrate", chat=group["id"]))["id"]
    await telegram.act("forum", chat=forum)
    for bot in (BOT, OTHER):
        await telegram.act("promote", chat=forum, user=bot)
    channel = (await telegram.act("channel", title="News", members=people[:2], bots=[TOKEN, OTHER_TOKEN]))["id"]
    return {"people": people, "private": people[0], "forum": forum, "channel": channel}


async def played(telegram: Telegram, chats: Json) -> None:
    """Everything that bots can do with files, members, topics, links and the looks of a chat."""
    _, bruno, carla = chats["people"]

    async def do(method: str, where: str = "forum", **params: Any) -> Any:
        return await telegram.call(TOKEN, method, chat_id=chats[where], **params)

    for where in ("private", "forum", "channel"):
        for kind in ("photo", "document", "voice", "audio", "video", "video_note", "animation"):
            await do(f"send{kind.replace('_', '')}", where, **{kind: FILE})
        media = [{"type": kind, "media": FILE, "caption": "x"} for kind in ("photo", "video")]
        album = await do("sendMediaGroup", where, media=media)
        await do("forwardMessages", where, from_chat_id=chats[where], message_ids=[one["message_id"] for one in album])
        place = (await do("sendLocation", where, **PLACE, live_period=900, heading=90))["message_id"]
        await do("editMessageLiveLocation", where, message_id=place, latitude=1, longitude=1)
        await do("stopMessageLiveLocation", where, message_id=place)
        text = (await do("sendMessage", where, text="x"))["message_id"]
        await do("editMessageMedia", where, message_id=text, media=media[1])
        await do("editMessageCaption", where, message_id=text, caption="y")
        await do("pinChatMessage", where, message_id=text)
        await do("getChat", where)
        await do("getChatMember", where, user_id=BOT)
    topic = (await do("createForumTopic", name="Tickets"))["message_thread_id"]
    await do("editForumTopic", message_thread_id=topic, name="Orders")
    for does in ("close", "reopen"):
        await do(f"{does}ForumTopic", message_thread_id=topic)
        await do(f"{does}GeneralForumTopic")
    await do("hideGeneralForumTopic")
    await do("unhideGeneralForumTopic")
    await do("reopenGeneralForumTopic")
    await do("sendMessage", text="in it", message_thread_id=topic)
    await telegram.call(TOKEN, "getForumTopicIconStickers")
    link = await do("createChatInviteLink", name="Flyer", creates_join_request=True)
    await telegram.act("follow", user=carla, link=link["invite_link"])
    await do("approveChatJoinRequest", user_id=carla)
    await do("editChatInviteLink", invite_link=link["invite_link"], member_limit=3)
    await do("revokeChatInviteLink", invite_link=link["invite_link"])
    await do("exportChatInviteLink", "channel")
    for params in ({"permissions": {"can_send_messages": True}}, {"permissions": {}, "until_date": 2_000_000_000}):
        await do("restrictChatMember", user_id=bruno, **params)
        await do("getChatMember", user_id=bruno)
    await do("promoteChatMember", user_id=carla, can_pin_messages=True)
    await do("setChatAdministratorCustomTitle", user_id=carla, custom_title="Chef")
    await do("getChatAdministrators", return_bots=True)
    await do("banChatMember", user_id=bruno)
    await do("getChatMember", user_id=bruno)
    await do("unbanChatMember", user_id=bruno)
    await do("setChatPermissions", permissions={"can_send_messages": True})
    for where in ("forum", "channel"):
        await do("setChatTitle", where, title="Newer")
        await do("setChatDescription", where, description="About")
        photo = {"photo": ("a.png", samples.picture(64, 64))}
        form = {"chat_id": chats[where]}
        answer = await telegram._http.post(f"/bot{TOKEN}/setChatPhoto", data=form, files=photo)
        assert answer.status_code == 200, answer.text
        await do("getChat", where)
        await do("deleteChatPhoto", where)
    sent = await do("sendMessage", "channel", text="like it")
    await telegram.act("react", user=carla_of(chats), chat=chats["channel"], message_id=sent["message_id"], emoji="👍")


def carla_of(chats: Json) -> int:
    """Who reads the channel."""
    return int(chats["people"][0])


async def test_every_answer_is_of_the_type_that_the_method_returns(telegram: Telegram, chats: Json) -> None:
    await played(telegram, chats)
    log = [entry for entry in await telegram.look("log") if entry.get("bot")]
    assert {entry["status"] for entry in log} == {200}
    for entry in log:
        returns = METHODS[entry["method"].lower()].__returning__
        found = Response[returns].model_validate(entry["answer"]).result  # type: ignore[valid-type]
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, BaseModel):
                assert surplus(one) == [], entry


async def test_every_update_is_one_that_both_libraries_know_to_the_last_field(telegram: Telegram, chats: Json) -> None:
    await played(telegram, chats)
    updates: list[Json] = []
    for token in (TOKEN, OTHER_TOKEN):
        while more := await telegram.call(token, "getUpdates", offset=updates[-1]["update_id"] + 1 if updates else 0):
            updates += more
        updates.append({"update_id": 0})
    kinds = {key for update in updates for key in update if key != "update_id"}
    assert kinds >= {"message", "channel_post", "edited_channel_post", "my_chat_member", "chat_member"}
    assert kinds >= {"chat_join_request", "message_reaction_count"}
    for update in updates:
        assert surplus(Update.model_validate(update)) == []
        known = ptb.Update.de_json(update, None)
        assert known is not None
        assert all(NEWER.issuperset(getattr(part, "api_kwargs", None) or ()) for part in parts(known)), update
