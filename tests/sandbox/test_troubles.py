"""What goes wrong is told in words, and kept for whoever looks later."""

from __future__ import annotations

import httpx
import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, refused


async def told(telegram: Telegram) -> list[str]:
    return [trouble["title"] for trouble in await telegram.look("troubles")]


async def test_a_refused_call_is_told_with_the_reason(telegram: Telegram, carla: Person) -> None:
    await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="fine")
    await refused(telegram, "sendMessage", chat_id=carla.id, text="")
    assert await told(telegram) == ["sendMessage refused: 400, message text is empty"]
    streamed = [change["trouble"] for change in await telegram.look("changes") if change["kind"] == "trouble"]
    assert streamed == await telegram.look("troubles")


async def test_an_edit_that_somebody_else_has_made_already_is_no_trouble(telegram: Telegram, carla: Person) -> None:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text="same")
    edit = {"chat_id": carla.id, "message_id": sent["message_id"], "text": "same"}
    assert "not modified" in await refused(telegram, "editMessageText", **edit)
    assert await told(telegram) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("429", "sendMessage refused: 429, again in 1 s"),
        ("502", "sendMessage refused: 502, Bad Gateway"),
        ("drop_before", "sendMessage cut off before it took effect"),
        ("drop_after", "sendMessage cut off after it took effect"),
    ],
)
async def test_a_fault_is_told_when_it_comes_when_it_strikes_and_when_it_is_lifted(
    telegram: Telegram, carla: Person, kind: str, words: str
) -> None:
    await telegram.act("fault", kind=kind, method="sendMessage", times=None)
    message = {"chat_id": carla.id, "text": "hi"}
    try:
        await telegram._http.post(f"/bot{TOKEN}/sendMessage", json=message)
    except httpx.TransportError:
        assert kind.startswith("drop")
    await telegram.delete("faults")
    assert await told(telegram) == [f"fault on: {kind} for sendMessage", words, f"fault off: {kind} for sendMessage"]


async def test_phones_and_blocked_bots_are_told_of(telegram: Telegram, carla: Person) -> None:
    for lost in (True, False):
        await telegram.act("offline", user=carla.id, offline=lost)
        await telegram.act("block", user=carla.id, bot=TOKEN, blocked=lost)
    assert await told(telegram) == [
        "Carla’s phone is offline",
        "Carla blocked Pizza",
        "Carla’s phone is back online",
        "Carla unblocked Pizza",
    ]
