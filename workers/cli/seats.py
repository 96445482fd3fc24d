"""Who sits where in the demo: a customer, and one staff group for each sample restaurant."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from itertools import count
from typing import Any

import httpx

from flows.ledger import Ledger
from flows.menu import Restaurant
from flows.restaurant_file import load

CUSTOMER_TOKEN = "1:demo-customers"  # noqa: S105 - made up; the sandbox takes any
RESTAURANT_TOKEN = "2:demo-restaurants"  # noqa: S105
CUSTOMER = 101
CARLAS_CHAT = f"{CUSTOMER_TOKEN.partition(':')[0]}:{CUSTOMER}"  # as the sandbox names it
# The first of each lets the bot in. Anna is everywhere: whoever has her phone sees every ticket.
STAFF = {"nonna": {201: "Anna", 203: "Ben"}, "momiji": {202: "Yuki", 201: "Anna"}}
COPIED = "nonna"  # what other restaurants are like, and who works there

INVITE_LIFE = 3600  # seconds; it is used at once
PATIENCE = 180.0  # seconds until the sandbox or a bot counts as not coming; aiogram alone takes 5 to import
ASK_EVERY = 0.1  # seconds


class NobodyAnswers(Exception):
    """The sandbox or a bot has not come up."""


@dataclass(frozen=True)
class Guests:
    """Acts as the people of the demo, by the control API of the sandbox at `url`."""

    url: str

    async def find_their_seats(self, ledger: Ledger) -> None:
        """Forget the staff chats that the sandbox does not have, as one without its file. Raises `NobodyAnswers`.

        To be done before a worker runs, which would write into them.
        """
        async with self._control() as control:
            await _until_it_answers(control)
            chats = (await control.get("/chats")).raise_for_status().json()
        number = int(RESTAURANT_TOKEN.partition(":")[0])
        there = {room["chat"]["id"] for room in chats if any(bot["id"] == number for bot in room["bots"])}
        await asyncio.to_thread(_forget_all_but, ledger, there)

    async def take_their_seats(self, ledger: Ledger) -> None:
        """Import the samples, make the people and let them write to the bots. Raises `NobodyAnswers`.

        Whoever has a seat from an earlier demo keeps it.
        """
        restaurants = await asyncio.to_thread(_open_all, ledger)
        async with self._control() as control:
            await _act(control, "bot", token=CUSTOMER_TOKEN, username="comanda_bot", name="Comanda")
            await _act(control, "bot", token=RESTAURANT_TOKEN, username="comanda_staff_bot", name="Comanda for staff")
            await _act(control, "user", id=CUSTOMER, first_name="Carla")
            for restaurant in restaurants:
                if await asyncio.to_thread(_staff_chat, ledger, restaurant) is None:
                    await _seat_staff(control, ledger, restaurant)
            await _until_the_staff_has_joined(ledger, restaurants)
            # Not before: the first thing to see would be that nobody takes orders.
            chats = (await control.get("/chats")).raise_for_status().json()
            if not any(room["room"] == CARLAS_CHAT and room["started"] for room in chats):
                await _act(control, "send", user=CUSTOMER, bot=CUSTOMER_TOKEN, text="/start")
            await _until_the_bots_are_up(control)
            await _until_carla_has_an_answer(control)

    async def open_another(self, ledger: Ledger) -> Restaurant:
        """Open one more restaurant, like a sample but for its name, and seat its staff."""
        restaurant = await asyncio.to_thread(_copy, ledger)
        async with self._control() as control:
            await _seat_staff(control, ledger, restaurant)
        return restaurant

    def _control(self) -> httpx.AsyncClient:
        # A proxy has no part in what happens on this machine.
        return httpx.AsyncClient(base_url=f"{self.url}/control", trust_env=False, timeout=10)


def _forget_all_but(ledger: Ledger, there: Collection[int]) -> None:
    for restaurant in ledger.restaurants():
        chat = _staff_chat(ledger, restaurant)
        if chat is not None and chat not in there:
            ledger.leave(chat)


def _staff_chat(ledger: Ledger, restaurant: Restaurant) -> int | None:
    return ledger.service(restaurant.slug).staff_chat


def import_samples(ledger: Ledger) -> list[Restaurant]:
    """Create or update the sample restaurants."""
    samples = [_sample(slug) for slug in STAFF]
    for sample in samples:
        ledger.save_restaurant(sample)
    return samples


def _open_all(ledger: Ledger) -> list[Restaurant]:
    """The sample restaurants, and those that an earlier demo has opened besides."""
    return import_samples(ledger) + [one for one in ledger.restaurants() if one.slug not in STAFF]


def _sample(slug: str) -> Restaurant:
    file = resources.files("flows.samples") / f"{slug}.yaml"
    return load(file.read_text("utf-8"), file.name)


def _copy(ledger: Ledger) -> Restaurant:
    """A new restaurant with the next number that none has yet."""
    number = next(number for number in count(2) if ledger.restaurant(f"{COPIED}-{number}") is None)
    sample = _sample(COPIED)
    copy = sample.model_copy(update={"slug": f"{COPIED}-{number}", "name": f"{sample.name} {number}"})
    ledger.save_restaurant(copy)
    return copy


async def _seat_staff(control: httpx.AsyncClient, ledger: Ledger, restaurant: Restaurant) -> None:
    """A new group of the restaurant's staff, which the bot joins by an invite as it does in real life.

    The tickets of open orders come to it.
    """
    staff = STAFF.get(restaurant.slug, STAFF[COPIED])
    for number, name in staff.items():
        await _act(control, "user", id=number, first_name=name)
    group = await _act(control, "group", title=restaurant.name, members=list(staff))
    invite = await asyncio.to_thread(ledger.create_invite, restaurant.slug, INVITE_LIFE)
    await _act(control, "add_bot", chat=group["id"], bot=RESTAURANT_TOKEN, by=next(iter(staff)), start=invite)


async def _act(control: httpx.AsyncClient, verb: str, **body: Any) -> Any:
    answer = await control.post(f"/{verb}", json=body)
    answer.raise_for_status()
    return answer.json()


async def _until_it_answers(control: httpx.AsyncClient) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    (await control.get("/chats")).raise_for_status()
                except httpx.TransportError:
                    await asyncio.sleep(ASK_EVERY)
                else:
                    return
    except TimeoutError:
        raise NobodyAnswers("the sandbox does not come up: see its lines above") from None


async def _until_the_bots_are_up(control: httpx.AsyncClient) -> None:
    """Until each has asked this sandbox for something. What people write before waits for them."""
    missing, seen = {int(token.partition(":")[0]) for token in (CUSTOMER_TOKEN, RESTAURANT_TOKEN)}, 0
    try:
        async with asyncio.timeout(PATIENCE):
            while missing:
                # Answers as soon as there is something new.
                entries = (await control.get("/log", params={"after": seen, "wait": 5})).raise_for_status().json()
                missing -= {entry["bot"] for entry in entries if entry.get("method") and entry.get("status") == 200}
                seen = entries[-1]["seq"] if entries else seen
    except TimeoutError:
        raise NobodyAnswers("the bots do not come up: see their lines above") from None


async def _until_carla_has_an_answer(control: httpx.AsyncClient) -> None:
    """Until the first thing to see is there; from an earlier demo it may be."""
    seen = 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                shown = (await control.get("/messages", params={"room": CARLAS_CHAT})).raise_for_status().json()
                if any(message["from"]["is_bot"] for message in shown):
                    return
                # Answers as soon as there is something new.
                changes = (await control.get("/changes", params={"after": seen, "wait": 5})).raise_for_status().json()
                seen = changes[-1]["seq"] if changes else seen
    except TimeoutError:
        raise NobodyAnswers("the customers' bot does not answer: see its lines above") from None


async def _until_the_staff_has_joined(ledger: Ledger, restaurants: list[Restaurant]) -> None:
    """Until then a restaurant takes no orders."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(_all_joined, ledger, restaurants):  # noqa: ASYNC110 - the ledger has no event to wait for
                await asyncio.sleep(ASK_EVERY)
    except TimeoutError:
        raise NobodyAnswers("the restaurants' bot does not come up: see its lines above") from None


def _all_joined(ledger: Ledger, restaurants: list[Restaurant]) -> bool:
    return all(_staff_chat(ledger, one) is not None for one in restaurants)
