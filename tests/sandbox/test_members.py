"""What bots can do with the members of a chat: promote, restrict, ban, and what they need for that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, Clock, heard, refused, refused_to_act


@pytest.fixture
async def group(telegram: Telegram) -> list[Person]:
    """Anna, who owns the supergroup, and Bruno; the bot is an ordinary member."""
    people = await telegram.group("Kitchen", "Anna", "Bruno")
    new = await telegram.act("migrate", chat=people[0].place["chat"])
    await telegram.act("add_bot", chat=new["id"], bot=TOKEN, by=people[0].id)
    await telegram.call(TOKEN, "getUpdates", allowed_updates=["message", "chat_member", "my_chat_member"], offset=-1)
    await heard(telegram)
    return [Person(telegram, one.id, str(new["id"]), {"chat": new["id"]}) for one in people]


def of(person: Person) -> dict[str, Any]:
    return {"chat_id": person.place["chat"], "user_id": person.id}


async def promote(telegram: Telegram, person: Person, **more: Any) -> None:
    await telegram.act("promote", chat=person.place["chat"], user=BOT, **more)
    await heard(telegram)


async def status(telegram: Telegram, person: Person) -> str:
    return str((await telegram.call(TOKEN, "getChatMember", **of(person)))["status"])


ALL_OR_NOTHING = [
    ("banChatMember", {}, "not enough rights to restrict/unrestrict chat member"),
    ("unbanChatMember", {}, "not enough rights to restrict/unrestrict chat member"),
    ("restrictChatMember", {"permissions": {}}, "not enough rights to restrict/unrestrict chat member"),
    ("promoteChatMember", {"can_invite_users": True}, "not enough rights"),
]


@pytest.mark.parametrize(("method", "params", "words"), ALL_OR_NOTHING)
async def test_without_the_right_a_bot_changes_no_member(
    telegram: Telegram, group: list[Person], method: str, params: dict[str, Any], words: str
) -> None:
    _, bruno = group
    assert await refused(telegram, method, **of(bruno), **params) == words
    assert await status(telegram, bruno) == "member"


@pytest.mark.parametrize(("method", "params", "words"), ALL_OR_NOTHING)
async def test_no_bot_touches_the_owner(
    telegram: Telegram, group: list[Person], method: str, params: dict[str, Any], words: str
) -> None:
    anna, _ = group
    await promote(telegram, anna)
    assert await refused(telegram, method, **of(anna), **params) == "can't remove chat owner"


async def test_whom_a_bot_bans_is_gone_until_it_is_pardoned(telegram: Telegram, group: list[Person]) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    assert await telegram.call(TOKEN, "banChatMember", **of(bruno))
    member, message = await heard(telegram)
    assert (member["chat_member"]["from"]["id"], member["chat_member"]["new_chat_member"]["status"]) == (BOT, "kicked")
    assert message["message"]["left_chat_member"]["id"] == bruno.id
    assert "not in that group" in await refused_to_act(telegram, "send", user=bruno.id, **bruno.place, text="hello?")
    assert "was put out" in await refused_to_act(telegram, "join", user=bruno.id, **bruno.place)
    assert await telegram.call(TOKEN, "unbanChatMember", **of(bruno), only_if_banned=True)
    assert await status(telegram, bruno) == "left"
    await telegram.act("join", chat=bruno.place["chat"], user=bruno.id)
    assert await status(telegram, bruno) == "member"


async def test_a_member_is_put_out_by_a_pardon_unless_only_the_banned_are_meant(
    telegram: Telegram, group: list[Person]
) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    await telegram.call(TOKEN, "unbanChatMember", **of(bruno), only_if_banned=True)
    assert await status(telegram, bruno) == "member"
    await telegram.call(TOKEN, "unbanChatMember", **of(bruno))
    assert await status(telegram, bruno) == "left"


async def test_a_ban_ends_at_its_time(telegram: Telegram, group: list[Person], clock: Clock) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    end = int(clock.now) + 3600
    await telegram.call(TOKEN, "banChatMember", **of(bruno), until_date=end)
    assert (await telegram.call(TOKEN, "getChatMember", **of(bruno)))["until_date"] == end
    clock.now += 3600
    await telegram.act("join", user=bruno.id, **bruno.place)
    assert await status(telegram, bruno) == "member"


async def test_a_ban_that_would_end_at_once_never_ends(telegram: Telegram, group: list[Person], clock: Clock) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    await telegram.call(TOKEN, "banChatMember", **of(bruno), until_date=int(clock.now) + 10)
    assert (await telegram.call(TOKEN, "getChatMember", **of(bruno)))["until_date"] == 0


async def test_a_restricted_member_has_what_is_left_and_gets_the_rest_back_in_time(
    telegram: Telegram, group: list[Person], clock: Clock
) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    end = int(clock.now) + 600
    allowed = {"can_send_messages": True}
    await telegram.call(TOKEN, "restrictChatMember", **of(bruno), permissions=allowed, until_date=end)
    member = await telegram.call(TOKEN, "getChatMember", **of(bruno))
    assert (member["status"], member["is_member"], member["until_date"]) == ("restricted", True, end)
    assert (member["can_send_messages"], member["can_send_photos"]) == (True, False)
    clock.now += 600
    assert await status(telegram, bruno) == "member"


async def test_media_bring_texts_along_unless_permissions_are_independent(
    telegram: Telegram, group: list[Person]
) -> None:
    anna, bruno = group
    await promote(telegram, anna)
    for independent in (False, True):
        more = {"permissions": {"can_send_polls": True}, "use_independent_chat_permissions": independent}
        await telegram.call(TOKEN, "restrictChatMember", **of(bruno), **more)
        member = await telegram.call(TOKEN, "getChatMember", **of(bruno))
        assert member["can_send_messages"] is not independent


async def test_a_bot_gives_no_right_that_it_has_not(telegram: Telegram, group: list[Person]) -> None:
    anna, bruno = group
    await promote(telegram, anna, rights=["can_promote_members", "can_pin_messages"])
    assert await refused(telegram, "promoteChatMember", **of(bruno), can_delete_messages=True) == "RIGHT_FORBIDDEN"
    await telegram.call(TOKEN, "promoteChatMember", **of(bruno), can_pin_messages=True)
    member = await telegram.call(TOKEN, "getChatMember", **of(bruno))
    assert (member["status"], member["can_pin_messages"], member["can_delete_messages"]) == (
        "administrator",
        True,
        False,
    )
    await telegram.call(TOKEN, "setChatAdministratorCustomTitle", **of(bruno), custom_title="Chef")
    administrators = await telegram.call(TOKEN, "getChatAdministrators", chat_id=bruno.place["chat"])
    assert [one.get("custom_title") for one in administrators if one["user"]["id"] == bruno.id] == ["Chef"]
    await telegram.call(TOKEN, "promoteChatMember", **of(bruno))
    assert await status(telegram, bruno) == "member"


async def test_in_a_basic_group_nobody_is_promoted_or_restricted_by_bots(telegram: Telegram) -> None:
    anna, bruno = await telegram.group("Kitchen", "Anna", "Bruno")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    await promote(telegram, anna)
    words = "method is available for supergroup and channel chats only"
    assert await refused(telegram, "promoteChatMember", **of(bruno), can_pin_messages=True) == words
    words = "method is available only for supergroups"
    assert await refused(telegram, "restrictChatMember", **of(bruno), permissions={}) == words


async def test_what_all_may_holds_for_a_bot_that_is_no_administrator(telegram: Telegram, group: list[Person]) -> None:
    anna, _ = group
    chat = {"chat_id": anna.place["chat"]}
    await promote(telegram, anna)
    await telegram.call(TOKEN, "setChatPermissions", **chat, permissions={"can_send_messages": True})
    await telegram.call(TOKEN, "sendDice", **chat)
    await promote(telegram, anna, rights=[])
    await telegram.call(TOKEN, "sendMessage", **chat, text="still here")
    assert await refused(telegram, "sendDice", **chat) == "not enough rights to send dice to the chat"
    assert await refused(telegram, "setChatPermissions", **chat, permissions={}) == (
        "not enough rights to change chat permissions"
    )


async def test_a_bot_pins_and_deletes_for_others_only_with_the_right(telegram: Telegram, group: list[Person]) -> None:
    anna, _ = group
    theirs = await anna.send("hello")
    place = {"chat_id": anna.place["chat"], "message_id": theirs["message_id"]}
    words = "not enough rights to manage pinned messages in the chat"
    assert await refused(telegram, "pinChatMessage", **place) == words
    assert await refused(telegram, "deleteMessage", **place) == "message can't be deleted"
    await promote(telegram, anna, rights=["can_pin_messages", "can_delete_messages"])
    assert await telegram.call(TOKEN, "pinChatMessage", **place)
    assert await telegram.call(TOKEN, "deleteMessage", **place)


async def test_a_bot_deletes_its_own_messages_for_two_days(
    telegram: Telegram, group: list[Person], clock: Clock
) -> None:
    anna, _ = group
    chat = {"chat_id": anna.place["chat"]}
    old = await telegram.call(TOKEN, "sendMessage", **chat, text="x")
    clock.now += 48 * 3600
    assert await refused(telegram, "deleteMessage", **chat, message_id=old["message_id"]) == "message can't be deleted"
    new = await telegram.call(TOKEN, "sendMessage", **chat, text="x")
    assert await telegram.call(TOKEN, "deleteMessage", **chat, message_id=new["message_id"])


async def test_a_kicked_bot_is_told_from_which_kind_of_chat(telegram: Telegram, group: list[Person]) -> None:
    anna, _ = group
    await telegram.act("remove_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": anna.place["chat"], "text": "x"})
    assert answer.json()["description"] == "Forbidden: bot was kicked from the supergroup chat"


async def test_who_was_never_there_has_left_and_who_does_not_exist_is_no_member(
    telegram: Telegram, group: list[Person], carla: Person
) -> None:
    chat = {"chat_id": group[0].place["chat"]}
    assert (await telegram.call(TOKEN, "getChatMember", **chat, user_id=carla.id))["status"] == "left"
    assert await refused(telegram, "getChatMember", **chat, user_id=4242) == "member not found"
