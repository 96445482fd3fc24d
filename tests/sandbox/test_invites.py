"""Links by which people come into a chat, and requests to be let in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Telegram
from tests.sandbox.talk import BOT, TOKEN, Clock, heard, refused, refused_to_act

KINDS = ["message", "chat_member", "chat_join_request"]


@pytest.fixture
async def chat(telegram: Telegram) -> dict[str, int]:
    """Anna's group, in which the bot is an administrator and asks for everything."""
    anna = await telegram.act("user", first_name="Anna")
    made = await telegram.act("group", title="Kitchen", members=[anna["id"]], bots=[TOKEN])
    made = await telegram.act("migrate", chat=made["id"])
    await telegram.act("promote", chat=made["id"], user=BOT)
    await telegram.call(TOKEN, "getUpdates", allowed_updates=KINDS, offset=-1)
    await heard(telegram)
    return {"chat_id": made["id"]}


async def made(telegram: Telegram, chat: dict[str, int], **terms: Any) -> str:
    return str((await telegram.call(TOKEN, "createChatInviteLink", **chat, **terms))["invite_link"])


async def person(telegram: Telegram, name: str) -> int:
    return int((await telegram.act("user", first_name=name))["id"])


async def test_who_follows_a_link_is_told_with_it(telegram: Telegram, chat: dict[str, int]) -> None:
    link, dora = await made(telegram, chat, name="Flyer"), await person(telegram, "Dora")
    followed = await telegram.act("follow", user=dora, link=link)
    assert (followed["joined"], followed["chat"]["id"]) == (True, chat["chat_id"])
    member, message = await heard(telegram)
    assert (member["chat_member"]["invite_link"]["name"], member["chat_member"]["from"]["id"]) == ("Flyer", dora)
    assert message["message"]["new_chat_members"][0]["id"] == dora
    assert "already" in await refused_to_act(telegram, "follow", user=dora, link=link)


async def test_who_has_to_ask_comes_in_when_a_bot_says_so(telegram: Telegram, chat: dict[str, int]) -> None:
    link = await made(telegram, chat, creates_join_request=True)
    dora, emil = await person(telegram, "Dora"), await person(telegram, "Emil")
    for user in (dora, emil):
        assert (await telegram.act("follow", user=user, link=link))["joined"] is False
    asked = [update["chat_join_request"] for update in await heard(telegram)]
    assert [one["from"]["id"] for one in asked] == [dora, emil]
    assert asked[1]["invite_link"]["pending_join_request_count"] == 2
    assert await telegram.call(TOKEN, "declineChatJoinRequest", **chat, user_id=emil)
    assert await telegram.call(TOKEN, "approveChatJoinRequest", **chat, user_id=dora)
    member, _ = await heard(telegram)
    assert member["chat_member"]["via_join_request"] is True
    statuses = [(await telegram.call(TOKEN, "getChatMember", **chat, user_id=user))["status"] for user in (dora, emil)]
    assert statuses == ["member", "left"]
    said = [await refused(telegram, "approveChatJoinRequest", **chat, user_id=user) for user in (dora, emil)]
    assert said == ["USER_ALREADY_PARTICIPANT", "HIDE_REQUESTER_MISSING"]


@pytest.mark.parametrize("why", ["revoked", "over", "full", "another main one", "banned"])
async def test_a_link_that_is_over_lets_nobody_in(
    telegram: Telegram, chat: dict[str, int], clock: Clock, why: str
) -> None:
    dora, link = await person(telegram, "Dora"), await telegram.call(TOKEN, "exportChatInviteLink", **chat)
    match why:
        case "revoked":
            link = await made(telegram, chat)
            assert (await telegram.call(TOKEN, "revokeChatInviteLink", **chat, invite_link=link))["is_revoked"]
        case "over":
            link = await made(telegram, chat, expire_date=int(clock.now) + 60)
            clock.now += 60
        case "full":
            link = await made(telegram, chat, member_limit=1)
            await telegram.act("follow", user=await person(telegram, "Emil"), link=link)
        case "another main one":
            newer = await telegram.call(TOKEN, "exportChatInviteLink", **chat)
            assert (await telegram.call(TOKEN, "getChat", **chat))["invite_link"] == newer
        case "banned":
            await telegram.call(TOKEN, "banChatMember", **chat, user_id=dora)
    assert "leads nowhere" in await refused_to_act(telegram, "follow", user=dora, link=link)


async def test_a_revoked_main_link_is_followed_by_another(telegram: Telegram, chat: dict[str, int]) -> None:
    first = await telegram.call(TOKEN, "exportChatInviteLink", **chat)
    await telegram.call(TOKEN, "revokeChatInviteLink", **chat, invite_link=first)
    assert (await telegram.call(TOKEN, "getChat", **chat))["invite_link"] not in (first, None)


async def test_an_edit_replaces_all_terms_of_a_link(telegram: Telegram, chat: dict[str, int], clock: Clock) -> None:
    link = await made(telegram, chat, name="Flyer", member_limit=10, expire_date=int(clock.now) + 60)
    edited = await telegram.call(
        TOKEN, "editChatInviteLink", **chat, invite_link=link, name="Poster", creates_join_request=True
    )
    assert (edited["name"], edited["creates_join_request"]) == ("Poster", True)
    assert not {"member_limit", "expire_date"} & edited.keys()


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        (
            "createChatInviteLink",
            {"member_limit": 3, "creates_join_request": True},
            "member limit can't be specified for links requiring administrator approval",
        ),
        ("createChatInviteLink", {"member_limit": 100_000}, "USAGE_LIMIT_INVALID"),
        ("createChatInviteLink", {"expire_date": 1}, "EXPIRE_DATE_INVALID"),
        ("editChatInviteLink", {}, "invite link must be non-empty"),
        ("editChatInviteLink", {"invite_link": "https://t.me/+nothing"}, "INVITE_HASH_EXPIRED"),
    ],
)
async def test_a_link_that_will_not_do_is_refused(
    telegram: Telegram, chat: dict[str, int], method: str, params: dict[str, Any], words: str
) -> None:
    assert await refused(telegram, method, **chat, **params) == words


async def test_only_an_administrator_with_the_right_invites(telegram: Telegram, chat: dict[str, int]) -> None:
    await telegram.act("promote", chat=chat["chat_id"], user=BOT, rights=["can_pin_messages"])
    words = "not enough rights to manage chat invite link"
    for method in ("createChatInviteLink", "exportChatInviteLink"):
        assert await refused(telegram, method, **chat) == words
    words = "not enough rights to manage chat join requests"
    assert await refused(telegram, "approveChatJoinRequest", **chat, user_id=BOT) == words
