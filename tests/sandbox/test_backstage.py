"""What a product tells of itself, what people ask of it, phones without a network, and how a browser keeps up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, refused_to_act

NOTE = {"thread": "Order #1", "title": "order_placed", "at": 1000.5, "details": {"total": 950}, "link": None}
ACTION = {"name": "kill_worker", "label": "Kill a worker", "about": "It comes back.", "toggle": False, "on": False}


async def stream(telegram: Telegram, number: int, after: int, **headers: str) -> list[tuple[int, dict[str, Any]]]:
    """So many events of the stream, each with its id."""
    found: list[tuple[int, dict[str, Any]]] = []
    path = f"/control/stream?after={after}"
    async with telegram._http.stream("GET", path, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                seq = int(line.removeprefix("id: "))
            if line.startswith("data: "):
                found.append((seq, json.loads(line.removeprefix("data: "))))
            if len(found) == number:
                return found
    raise AssertionError("the stream ended")


async def test_notes_are_kept_in_order_and_come_with_the_stream(telegram: Telegram) -> None:
    await telegram.act("note", **NOTE)
    await telegram.act("note", **{**NOTE, "title": "order_accepted"})
    notes = await telegram.look("notes")
    assert notes == [{**NOTE, "seq": 1}, {**NOTE, "seq": 2, "title": "order_accepted"}]
    assert await telegram.look("notes", after=1) == notes[1:]
    assert await telegram.look("notes/2") == notes[1]
    assert (await telegram._http.get("/control/notes/3")).status_code == 404
    [(_, change)] = await stream(telegram, 1, after=1)  # the bot has come before
    assert (change["kind"], change["note"]) == ("note", notes[0])


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd"])
async def test_a_note_links_to_the_web_or_to_nothing(telegram: Telegram, link: str) -> None:
    assert "link" in await refused_to_act(telegram, "note", **{**NOTE, "link": link})
    assert await telegram.look("notes") == []


async def test_gauges_show_what_was_told_last(telegram: Telegram) -> None:
    await telegram.act("gauges", values={"queued": 3})
    await telegram.act("gauges", values={"queued": 0, "in flight": 1})
    assert await telegram.look("gauges") == {"values": {"queued": 0, "in flight": 1}}


async def test_people_ask_for_what_is_on_offer_and_nothing_else(telegram: Telegram) -> None:
    await telegram.act("offer", actions=[ACTION])
    assert await telegram.look("offers") == {"actions": [ACTION]}
    await telegram.act("ask", name="kill_worker")
    assert "not on offer" in await refused_to_act(telegram, "ask", name="format_disk")
    asked = [change["name"] for change in await telegram.look("changes") if change["kind"] == "ask"]
    assert asked == ["kill_worker"]


async def test_what_the_product_tells_of_itself_is_not_in_the_log_of_the_api(telegram: Telegram) -> None:
    before = len(await telegram.look("log"))
    await telegram.act("gauges", values={"queued": 1})
    assert len(await telegram.look("log")) == before


async def test_an_offline_phone_can_do_nothing_and_hears_nothing_until_it_is_back(telegram: Telegram) -> None:
    carla: Person = await telegram.person("Carla", bot=TOKEN)
    await carla.send("/start")
    await telegram.act("offline", user=carla.id)
    place = {"user": carla.id, "bot": TOKEN}
    assert await refused_to_act(telegram, "send", text="hello", **place) == "this phone is offline"
    assert await refused_to_act(telegram, "start", **place) == "this phone is offline"
    assert await refused_to_act(telegram, "tap", message_id=1, button="x", **place) == "this phone is offline"
    [seen] = [member for room in await telegram.look("chats") for member in room["members"]]
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="Are you there?")
    [missed] = [
        change["message"]["message_id"]
        for change in await telegram.look("changes", after=seen["offline_since_seq"])
        if change["kind"] == "message"
    ]
    assert seen["offline"]
    assert missed == sent["message_id"]

    await telegram.act("offline", user=carla.id, offline=False)
    await carla.send("I am back")
    [seen] = [member for room in await telegram.look("chats") for member in room["members"]]
    assert seen["offline"] is False


async def test_a_browser_that_connects_anew_goes_on_where_it_was(telegram: Telegram) -> None:
    for number in range(3):
        await telegram.act("gauges", values={"queued": number})
    everything = await stream(telegram, 3, after=0)
    again = await stream(telegram, 1, after=0, **{"Last-Event-ID": str(everything[1][0])})
    assert again == everything[2:]


async def test_a_browser_that_knew_an_earlier_sandbox_begins_anew(telegram: Telegram) -> None:
    await telegram.act("gauges", values={"queued": 1})
    [(seq, _)] = await stream(telegram, 1, after=0, **{"Last-Event-ID": "987654"})
    assert seq == 1
