"""What a bot shows of itself: names by language, commands by scope, the menu button."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, refused


async def commands_of(telegram: Telegram, person: Person) -> list[str]:
    """The commands in somebody's menu."""
    [chat] = [one for one in await telegram.look("chats") if one["room"] == person.room]
    return [one["command"] for one in chat["bots"][0]["commands_of"][str(person.id)]]


class TestTexts:
    @pytest.mark.parametrize(
        ("method", "field"),
        [("MyName", "name"), ("MyDescription", "description"), ("MyShortDescription", "short_description")],
    )
    async def test_a_text_is_given_back_in_its_language_and_else_in_the_general_one(
        self, telegram: Telegram, method: str, field: str
    ) -> None:
        await telegram.call(TOKEN, f"set{method}", **{field: "Pizza da Anna"})
        await telegram.call(TOKEN, f"set{method}", **{field: "Anna's Pizza"}, language_code="en")
        told = [await telegram.call(TOKEN, f"get{method}", language_code=one) for one in ("", "en", "it")]
        assert [one[field] for one in told] == ["Pizza da Anna", "Anna's Pizza", "Pizza da Anna"]
        await telegram.call(TOKEN, f"set{method}", language_code="en")
        assert (await telegram.call(TOKEN, f"get{method}", language_code="en"))[field] == "Pizza da Anna"

    async def test_the_general_name_is_the_bots(self, telegram: Telegram) -> None:
        assert (await telegram.call(TOKEN, "getMyName")) == {"name": "Pizza"}
        await telegram.call(TOKEN, "setMyName", name="Pizza da Anna")
        assert (await telegram.call(TOKEN, "getMe"))["first_name"] == "Pizza da Anna"

    async def test_a_language_is_two_letters_and_a_text_has_its_limit(self, telegram: Telegram) -> None:
        assert await refused(telegram, "setMyName", language_code="eng") == "invalid language code specified"
        assert await refused(telegram, "setMyName", name="x" * 65) == "BOT_NAME_TOO_LONG"


class TestCommands:
    async def test_each_gets_the_narrowest_commands_that_there_are(self, telegram: Telegram) -> None:
        anna, bruno = await telegram.group("Kitchen", "Anna", "Bruno")
        group = anna.place["chat"]
        await telegram.act("add_bot", chat=group, bot=TOKEN, by=anna.id)
        seen = []
        for scope in (
            {"type": "default"},
            {"type": "all_private_chats"},
            {"type": "all_group_chats"},
            {"type": "all_chat_administrators"},
            {"type": "chat", "chat_id": group},
            {"type": "chat_administrators", "chat_id": group},
            {"type": "chat_member", "chat_id": group, "user_id": bruno.id},
        ):
            command = {"command": scope["type"], "description": "x"}
            await telegram.call(TOKEN, "setMyCommands", commands=[command], scope=scope)
            seen.append([*await commands_of(telegram, anna), *await commands_of(telegram, bruno)])
        assert seen == [
            ["default", "default"],
            ["default", "default"],
            ["all_group_chats", "all_group_chats"],
            ["all_chat_administrators", "all_group_chats"],
            ["chat", "chat"],
            ["chat_administrators", "chat"],
            ["chat_administrators", "chat_member"],
        ]

    async def test_in_private_they_are_of_the_persons_language(self, telegram: Telegram, carla: Person) -> None:
        await telegram.act("user", id=carla.id, first_name="Carla", language_code="it-IT")
        for name, more in (("help", {}), ("aiuto", {"language_code": "it"})):
            commands = [{"command": name, "description": "x"}]
            await telegram.call(TOKEN, "setMyCommands", commands=commands, **more)
        assert await commands_of(telegram, carla) == ["aiuto"]
        [chat] = [one for one in await telegram.look("chats") if one["room"] == carla.room]
        assert [one["command"] for one in chat["bots"][0]["commands"]] == ["aiuto"]

    @pytest.mark.parametrize(
        ("scope", "words"),
        [
            ("x", "can't parse scope JSON object"),
            ([], "can't parse BotCommandScope: BotCommandScope must be an Object"),
            ({"type": "planet"}, "can't parse BotCommandScope: Unsupported type specified"),
            ({"type": "chat"}, "can't parse BotCommandScope: Can't find field \"chat_id\""),
            ({"type": "chat", "chat_id": 4242}, "chat not found"),
        ],
    )
    async def test_a_scope_that_is_none_is_refused(self, telegram: Telegram, scope: Any, words: str) -> None:
        commands = [{"command": "a", "description": "b"}]
        assert await refused(telegram, "setMyCommands", commands=commands, scope=scope or [1]) == words

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ({"command": "", "description": "x"}, "command must be non-empty"),
            ({"command": "x" * 33, "description": "x"}, "command length must not exceed 32"),
            ({"command": "x", "description": " "}, "command description must be non-empty"),
            ({"command": "No", "description": "x"}, "BOT_COMMAND_INVALID"),
        ],
    )
    async def test_a_command_that_will_not_do(self, telegram: Telegram, command: dict[str, str], words: str) -> None:
        assert await refused(telegram, "setMyCommands", commands=[command]) == words
