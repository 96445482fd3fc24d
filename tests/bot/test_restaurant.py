"""The restaurant bot on aiogram, fed by the intake from a local Telegram: what staff tap, and who may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from importlib import resources

import pytest
from redis import Redis

from bot.intake import Intake
from bot.restaurant import UPDATES, RestaurantBot
from bot.sandbox.server import Sandbox
from flows import callbacks as cb
from flows.callbacks import encode
from flows.commands import AcceptOrder, DeclineOrder
from flows.events import DeclineReason, Side
from flows.ledger import Ledger, Shown
from flows.messages.staff import ticket_screen
from flows.order import Status
from flows.restaurant_file import load
from tests.orders import BRUNO, place
from tests.people import Person, Telegram
from tests.waiting import until

TOKEN = "7002:restaurant-token"
ORDER = "0rder0000001"
DAY = 86_400


class Scene:
    """A restaurant bot at work, and the ledger behind it."""

    def __init__(self, ledger: Ledger, telegram: Telegram) -> None:
        self.ledger = ledger
        self.telegram = telegram

    async def staff(self, name: str = "Anna", slug: str = "nonna") -> Person:
        """Somebody whose private chat is the restaurant's staff chat."""
        person = await self.telegram.person(name, bot=TOKEN)
        await person.send(f"/start {self.ledger.create_invite(slug, DAY)}")
        await person.sees("is now the staff chat")
        return person

    async def kitchen(self) -> tuple[Person, Person]:
        """Two people in a group that joined by a startgroup link."""
        anna, bruno = await self.telegram.group("Kitchen", "Anna", "Bruno")
        await self.telegram.act("bot", token=TOKEN)
        token = self.ledger.create_invite("nonna", DAY)
        await self.telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id, start=token)
        await anna.sees("is now the staff chat")
        return anna, bruno

    async def ticket(self, order_id: str = ORDER) -> None:
        """A new order, with its ticket in the staff chat as a worker would have sent it."""
        order = self.ledger.execute(order_id, place(order_id), f"customer-{order_id}")
        await self.send_ticket(order_id, self.ledger.service(order.placed.restaurant.slug).staff_chat)

    async def send_ticket(self, order_id: str, chat_id: int | None) -> None:
        order = self.ledger.order(order_id)
        assert order is not None
        assert chat_id is not None
        screen = ticket_screen(order)
        message = {"chat_id": chat_id, "text": screen.text, "parse_mode": "HTML", "reply_markup": screen.keyboard()}
        sent = await self.telegram.call(TOKEN, "sendMessage", **message)
        shown = Shown(chat_id=chat_id, message_id=sent["message_id"], version=order.version)
        self.ledger.record_shown(order_id, Side.RESTAURANT, shown)

    def status(self, order_id: str = ORDER) -> Status:
        order = self.ledger.order(order_id)
        assert order is not None
        return order.status


@pytest.fixture
async def scene(redis: Redis) -> AsyncIterator[Scene]:
    ledger = Ledger(redis)
    for name in ("nonna", "momiji"):
        ledger.save_restaurant(load((resources.files("flows") / "samples" / f"{name}.yaml").read_text("utf-8"), name))
    async with Sandbox().serve() as sandbox:
        bot = RestaurantBot(TOKEN, sandbox.url, ledger)
        await bot.open()
        intake = Intake(
            bot="restaurant",
            token=TOKEN,
            api_url=sandbox.url,
            redis=redis,
            handle=bot.handle,
            apologise=bot.apologise,
            allowed_updates=UPDATES,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(intake.run(stop))
        telegram = Telegram(sandbox.url)
        yield Scene(ledger, telegram)
        stop.set()
        await task
        await bot.close()
        await telegram.close()


class TestJoining:
    async def test_an_invite_makes_a_private_chat_the_staff_chat(self, scene: Scene) -> None:
        anna = await scene.staff()
        assert scene.ledger.service("nonna").staff_chat == anna.id

    async def test_a_startgroup_link_makes_a_group_the_staff_chat(self, scene: Scene) -> None:
        anna, _ = await scene.kitchen()
        assert scene.ledger.service("nonna").staff_chat == anna.place["chat"]

    async def test_an_invite_works_once(self, scene: Scene) -> None:
        token = scene.ledger.create_invite("nonna", DAY)
        anna, eve = [await scene.telegram.person(name, bot=TOKEN) for name in ("Anna", "Eve")]
        await anna.send(f"/start {token}")
        await anna.sees("is now the staff chat")
        await eve.send(f"/start {token}")
        assert "comanda restaurant invite" in (await eve.sees("This invite"))["text"]
        assert scene.ledger.service("nonna").staff_chat == anna.id

    async def test_a_withdrawn_an_expired_and_a_made_up_invite_do_not_work(self, scene: Scene, redis: Redis) -> None:
        withdrawn = scene.ledger.create_invite("nonna", DAY)
        scene.ledger.revoke_invite("nonna")
        expired = scene.ledger.create_invite("momiji", DAY)
        redis.delete(f"invite:{expired}")  # as its time to live does
        eve = await scene.telegram.person("Eve", bot=TOKEN)
        for number, token in enumerate((withdrawn, expired, "made-up"), 1):
            await eve.send(f"/start {token}")
            await eve.sees_times("This invite", number)
        assert scene.ledger.staff_restaurant(eve.id) is None

    async def test_a_chat_serves_one_restaurant_and_the_invite_survives(self, scene: Scene) -> None:
        anna = await scene.staff()
        token = scene.ledger.create_invite("momiji", DAY)
        await anna.send(f"/start {token}")
        await anna.sees("already is the staff chat")
        assert scene.ledger.open_invite("momiji") == token

    async def test_a_new_staff_chat_replaces_the_former_one_and_both_are_told(self, scene: Scene) -> None:
        anna = await scene.staff("Anna")
        bruno = await scene.staff("Bruno")
        await anna.sees("Another chat is now the staff chat")
        assert scene.ledger.staff_restaurant(anna.id) is None
        assert scene.ledger.staff_restaurant(bruno.id) == "nonna"

    async def test_a_stranger_is_told_how_to_get_in(self, scene: Scene) -> None:
        eve = await scene.telegram.person("Eve", bot=TOKEN)
        for number, text in enumerate(("/start", "/orders", "/pause"), 1):
            await eve.send(text)
            await eve.sees_times("open the invite link", number)

    async def test_a_bot_removed_from_the_group_leaves_the_restaurant_without_a_staff_chat(self, scene: Scene) -> None:
        anna, _ = await scene.kitchen()
        await scene.telegram.act("remove_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
        await until(lambda: scene.ledger.service("nonna").staff_chat is None)

    async def test_a_group_that_becomes_a_supergroup_stays_the_staff_chat(self, scene: Scene) -> None:
        anna, _ = await scene.kitchen()
        new = await scene.telegram.act("migrate", chat=anna.place["chat"])
        await until(lambda: scene.ledger.service("nonna").staff_chat == new["id"])
        assert scene.ledger.staff_restaurant(new["id"]) == "nonna"


class TestTickets:
    async def test_an_order_is_accepted_made_ready_and_picked_up(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        await anna.tap("Accept")
        assert await anna.tap("20 min") == "Accepted, ready in 20 min"
        assert "Accepted by Anna" in (await anna.sees("ACCEPTED"))["text"]
        await anna.tap("Ready")
        await anna.sees("READY")
        await anna.tap("Picked up")
        await anna.sees("Does the customer's code read 4821?")
        await anna.tap("Yes, picked up")
        await anna.sees("PICKED UP")
        assert scene.status() is Status.FULFILLED

    async def test_the_ticket_stays_one_message(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        for label in ("Accept", "Back", "Decline", "Back", "Accept", "10 min"):
            await anna.tap(label)
        await anna.sees("ACCEPTED")
        assert len([one for one in await anna.messages() if "#17" in (one.get("text") or "")]) == 1

    @pytest.mark.parametrize(
        ("label", "offer"), [("Item unavailable", "Hide Margherita"), ("Closing early", "Until /resume")]
    )
    async def test_a_reason_to_decline_offers_its_consequence(self, scene: Scene, label: str, offer: str) -> None:
        anna = await scene.staff()
        await scene.ticket()
        await anna.tap("Decline")
        await anna.tap(label)
        await anna.sees("DECLINED")
        await anna.tap(offer)
        service = scene.ledger.service("nonna")
        assert service.hidden == {"margherita"} or service.paused

    async def test_after_acceptance_it_can_be_cancelled_with_a_reason(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        for label in ("Accept", "10 min", "Cancel", "Kitchen problem"):
            await anna.tap(label)
        await anna.sees("CANCELLED")
        assert scene.status() is Status.CANCELLED

    async def test_what_cannot_be_taken_back_asks_once_more(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        for label in ("Accept", "10 min", "Not collected"):
            await anna.tap(label)
        assert scene.status() is Status.ACCEPTED
        await anna.tap("Yes, not collected")
        await anna.sees("NOT COLLECTED")

    async def test_of_two_who_accept_one_wins_and_the_other_is_told_who(self, scene: Scene) -> None:
        anna, bruno = await scene.kitchen()
        await scene.ticket()
        await anna.tap("Accept")
        ticket = await anna.sees("Ready in how many minutes?")
        payloads = [encode(cb.Accept(ORDER, 10)), encode(cb.Accept(ORDER, 20))]
        answers = await asyncio.gather(
            anna.tap_payload(ticket["message_id"], payloads[0]), bruno.tap_payload(ticket["message_id"], payloads[1])
        )
        assert sum("ready in" in answer for answer in answers) == 1
        assert sum(" accepted it at " in answer for answer in answers) == 1

    async def test_an_order_that_is_over_answers_how_it_ended(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        ticket = await anna.sees("NEW ORDER")
        await anna.tap("Accept")
        scene.ledger.execute(ORDER, DeclineOrder(BRUNO, DeclineReason.TOO_BUSY), "other")
        answer = await anna.tap_payload(ticket["message_id"], encode(cb.Accept(ORDER, 10)))
        assert "declined by Bruno" in answer


class TestWhoMay:
    async def test_another_restaurants_staff_may_not_and_it_is_logged(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        await scene.staff("Anna", "nonna")
        eve = await scene.staff("Eve", "momiji")
        await scene.ticket()
        await scene.send_ticket(ORDER, eve.id)
        ticket = await eve.sees("NEW ORDER")
        with caplog.at_level(logging.WARNING):
            answer = await eve.tap_payload(ticket["message_id"], encode(cb.AskAccept(ORDER)))
        assert "not the staff chat" in answer
        assert ORDER in caplog.text
        assert scene.status() is Status.PLACED

    async def test_a_former_staff_chat_may_not_any_more(self, scene: Scene) -> None:
        anna = await scene.staff("Anna")
        await scene.ticket()
        await scene.staff("Bruno")
        assert "not the staff chat" in await anna.tap("Accept")
        assert scene.status() is Status.PLACED

    async def test_a_button_of_a_former_chat_does_not_pause_the_restaurant(self, scene: Scene) -> None:
        anna = await scene.staff("Anna")
        await anna.send("/pause")
        await anna.sees("Pause for how long?")
        await scene.staff("Bruno")
        assert "not a staff chat" in await anna.tap("1 hour")
        assert not scene.ledger.service("nonna").paused

    @pytest.mark.parametrize(
        ("payload", "answer"),
        [("0ax:x:10", "older version"), ("nonsense", "does nothing"), (encode(cb.ShowRestaurants()), "does nothing")],
    )
    async def test_a_button_that_is_not_of_this_bot_gets_a_short_answer(
        self, scene: Scene, payload: str, answer: str
    ) -> None:
        anna = await scene.staff()
        keyboard = {"inline_keyboard": [[{"text": "Old", "callback_data": payload}]]}
        await scene.telegram.call(TOKEN, "sendMessage", chat_id=anna.id, text="old", reply_markup=keyboard)
        assert answer in await anna.tap("Old")

    async def test_a_made_up_order_or_reason_is_refused(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        ticket = await anna.sees("NEW ORDER")
        for payload, answer in (
            (encode(cb.Accept("n0such0rder0", 10)), "not the staff chat"),
            (encode(cb.Accept(ORDER, 7)), "one of the times"),
            (encode(cb.Decline(ORDER, "rude")), "does nothing"),
        ):
            assert answer in await anna.tap_payload(ticket["message_id"], payload)
        assert scene.status() is Status.PLACED


class TestSettings:
    async def test_staff_pause_and_resume(self, scene: Scene) -> None:
        anna = await scene.staff()
        await anna.send("/pause")
        await anna.tap("1 hour")
        await anna.sees("takes no new orders until")
        assert scene.ledger.service("nonna").paused
        await anna.send("/resume")
        await anna.sees("takes orders. Pause")
        assert not scene.ledger.service("nonna").paused

    async def test_staff_hide_a_dish_and_show_it_again(self, scene: Scene) -> None:
        anna = await scene.staff()
        await anna.send("/items")
        await anna.tap("Margherita")
        assert scene.ledger.service("nonna").hidden == {"margherita"}
        await anna.tap("🚫 Margherita")
        assert scene.ledger.service("nonna").hidden == frozenset()

    async def test_staff_see_their_open_orders(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        scene.ledger.execute(ORDER, AcceptOrder(BRUNO, 10), "other")
        await anna.send("/orders")
        assert "#17" in (await anna.sees("Open orders"))["text"]

    async def test_people_may_talk_in_the_kitchens_group(self, scene: Scene) -> None:
        anna, _ = await scene.kitchen()
        before = len(await anna.messages())
        await anna.send("who takes out the rubbish?")
        await anna.send("/help")
        await anna.sees("This is the staff chat")
        assert len(await anna.messages()) <= before + 3
