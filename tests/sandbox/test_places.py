"""Places that people share, and how bots hear of a live one that moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Telegram
from tests.sandbox.talk import TOKEN, Clock, heard, heard_by_both, refused_to_act

HERE, THERE = {"latitude": 45.07, "longitude": 7.68}, {"latitude": 45.08, "longitude": 7.69}


async def test_a_place_has_no_period_and_what_belongs_to_one(telegram: Telegram, me: dict[str, Any]) -> None:
    await telegram.act("send_location", **me, **HERE, heading=90, horizontal_accuracy=12.5)
    assert (await heard_by_both(telegram))["location"] == HERE | {"horizontal_accuracy": 12.5}


async def test_a_venue_has_its_place_twice(telegram: Telegram, me: dict[str, Any]) -> None:
    await telegram.act("send_venue", **me, **HERE, title="Nonna", address="Via Roma 1")
    message = await heard_by_both(telegram)
    assert message["venue"] == {"location": HERE, "title": "Nonna", "address": "Via Roma 1"}
    assert message["location"] == HERE


async def test_each_movement_of_a_live_place_is_an_edited_message_until_it_stops(
    telegram: Telegram, me: dict[str, Any]
) -> None:
    sent = await telegram.act("send_location", **me, **HERE, live_period=900)
    live = {**me, "message_id": sent["message_id"]}
    await telegram.act("move_location", **live, **THERE, heading=45)
    await telegram.act("stop_location", **live)
    start, moved, stopped = await heard(telegram)
    assert start["message"]["location"] == HERE | {"live_period": 900}
    assert moved["edited_message"]["location"] == THERE | {"heading": 45, "live_period": 900}
    assert moved["edited_message"]["message_id"] == sent["message_id"]
    assert stopped["edited_message"]["location"] == THERE
    assert "no live place" in await refused_to_act(telegram, "move_location", **live, **HERE)


async def test_a_live_place_ends_by_itself(telegram: Telegram, me: dict[str, Any], clock: Clock) -> None:
    sent = await telegram.act("send_location", **me, **HERE, live_period=60)
    live = {**me, "message_id": sent["message_id"], **THERE}
    clock.now += 59
    await telegram.act("move_location", **live)
    clock.now += 1
    assert "is over" in await refused_to_act(telegram, "move_location", **live)
    for_ever = await telegram.act("send_location", **me, **HERE, live_period=2**31 - 1)
    clock.now += 40 * 365 * 86400
    await telegram.act("move_location", **{**live, "message_id": for_ever["message_id"]})


async def test_only_who_shares_a_place_moves_it(telegram: Telegram, me: dict[str, Any]) -> None:
    sent = await telegram.call(TOKEN, "sendLocation", chat_id=me["user"], **HERE, live_period=60)
    moved = {**me, "message_id": sent["message_id"], **THERE}
    assert "somebody else" in await refused_to_act(telegram, "move_location", **moved)


@pytest.mark.parametrize(
    "wrong", [{"latitude": 91}, {"longitude": "x"}, {"live_period": 59}, {"heading": 361}], ids=str
)
async def test_a_place_that_is_none_is_refused(
    telegram: Telegram, me: dict[str, Any], wrong: dict[str, object]
) -> None:
    assert next(iter(wrong)) in await refused_to_act(telegram, "send_location", **me, **(HERE | wrong))
