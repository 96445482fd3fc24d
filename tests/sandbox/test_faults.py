"""Trouble on demand: how long it lasts, how often it hits, and where it can be looked up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sandbox.faults import LONGEST, Fault, Faults
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN


async def status(telegram: Telegram, carla: Person) -> int:
    answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": "hi"})
    return answer.status_code


async def test_a_fault_without_a_number_of_times_lasts_until_it_is_cleared(telegram: Telegram, carla: Person) -> None:
    await telegram.act("fault", kind="429", method="sendMessage", times=None)
    assert [await status(telegram, carla) for _ in range(5)] == [429] * 5
    [listed] = (await telegram.look("faults"))["faults"]
    assert (listed["kind"], listed["times"], listed["struck"]) == ("429", None, 5)
    await telegram._http.delete("/control/faults")
    assert await status(telegram, carla) == 200
    assert await telegram.look("faults") == {"faults": []}


async def test_a_fault_with_a_name_is_lifted_without_the_others(telegram: Telegram) -> None:
    await telegram.act("fault", kind="429", name="mine")
    await telegram.act("fault", kind="500")
    await telegram._http.delete("/control/faults/mine")
    [left] = (await telegram.look("faults"))["faults"]
    assert left["kind"] == "500"


async def test_the_page_hears_when_faults_come_are_used_up_and_are_cleared(telegram: Telegram, carla: Person) -> None:
    await telegram.act("fault", kind="500", times=1)
    await status(telegram, carla)
    await telegram.act("fault", kind="502", times=None)
    await telegram._http.delete("/control/faults")
    kinds = [change["kind"] for change in await telegram.look("changes")]
    assert kinds.count("faults") == 4


def hits(**fault: Any) -> list[bool]:
    faults = Faults(lambda words: None)
    faults.add(Fault(kind="500", times=None, **fault))
    return [faults.take("sendMessage", 1, "2") is not None for _ in range(1000)]


def test_a_probability_hits_that_share_of_the_calls_and_the_same_ones_for_the_same_seed() -> None:
    assert 230 < sum(hits(probability=0.25)) < 270
    assert hits(probability=0.25, seed=7) == hits(probability=0.25, seed=7)
    assert hits(probability=0.25, seed=7) != hits(probability=0.25, seed=8)


@pytest.mark.parametrize("spread", ["fixed", "uniform", "exponential"])
def test_a_latency_varies_around_its_mean(spread: str) -> None:
    faults = Faults(lambda words: None)
    faults.add(Fault.model_validate({"kind": "latency", "times": None, "seconds": 0.2, "spread": spread}))
    seconds = [strike.seconds for _ in range(2000) if (strike := faults.take("sendMessage", 1, "2"))]
    assert sum(seconds) / len(seconds) == pytest.approx(0.2, rel=0.1)
    assert (len(set(seconds)) == 1) == (spread == "fixed")
    assert 0 <= min(seconds) <= max(seconds) <= LONGEST


async def test_a_deleted_account_can_not_be_written_to_and_does_nothing(telegram: Telegram, carla: Person) -> None:
    await telegram.act("deactivate", user=carla.id)
    answer = await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": "hi"})
    assert (answer.status_code, answer.json()["description"]) == (403, "Forbidden: user is deactivated")
    refused = await telegram._http.post("/control/send", json={"user": carla.id, "bot": TOKEN, "text": "hi"})
    assert refused.status_code == 400


async def test_what_was_asked_is_done_even_if_whoever_asked_hangs_up(telegram: Telegram, carla: Person) -> None:
    await telegram.act("fault", kind="latency", seconds=0.5, method="sendMessage")
    asking = asyncio.create_task(status(telegram, carla))
    while (await telegram.look("faults"))["faults"]:  # until it has arrived
        pass
    asking.cancel()
    await carla.sees("hi")
