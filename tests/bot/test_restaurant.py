"""The restaurant bot on aiogram, fed by the intake from a local Telegram: what staff tap, and who may."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from redis import Redis

from bot.intake import Intake, Refused, TryLater
from bot.polling import Polling
from bot.restaurant import UPDATES, RestaurantBot
from bot.sandbox.server import Sandbox
from flows import callbacks as cb
from flows import keys
from flows.callbacks import encode
from flows.commands import AcceptOrder, CancelOrder, DeclineOrder, MarkPickedUp
from flows.events import CancelReason, DeclineReason, Side
from flows.events import Person as Customer
from flows.gate import Gate
from flows.ledger import Ledger, Shown
from flows.messages.staff import ticket_screen
from flows.order import Order, Status
from flows.restaurant_file import load
from flows.store import Together
from tests.bot.scenes import handled
from tests.faults import faulty
from tests.flows.test_longest_screens import biggest
from tests.orders import BRUNO, CARLA, place
from tests.people import Message, Person, Telegram, buttons
from tests.telegram_limits import NO_TOAST
from tests.waiting import until

TOKEN = "7002:restaurant-token"
BOT_ID = 7002
ORDER = "0rder0000001"
DAY = 86_400


class Scene:
    """A restaurant bot at work, and the ledger behind it."""

    def __init__(self, bot: RestaurantBot, intake: Intake, ledger: Ledger, telegram: Telegram, redis: Redis) -> None:
        self.bot = bot
        self.intake = intake
        self.ledger = ledger
        self.telegram = telegram
        self.redis = redis

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

    @property
    def order(self) -> Order:
        order = self.ledger.order(ORDER)
        assert order is not None
        return order

    @property
    def shown(self) -> Shown:
        shown = self.ledger.shown(ORDER, Side.RESTAURANT)
        assert shown is not None
        return shown

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.history(ORDER)]

    async def message(self, person: Person, message_id: int) -> Message:
        return next(one for one in await person.messages() if one["message_id"] == message_id)

    async def bots_messages(self, person: Person) -> list[int]:
        """The messages of the bot that the chat holds."""
        return [one["message_id"] for one in await person.messages() if one["from"]["id"] == BOT_ID]

    def update(self, number: int, **content: Any) -> dict[str, Any]:
        """An update as Telegram sends it, with a number that no other has."""
        return {"update_id": 900_000 + number, **content}

    def typed(self, person: Person, **content: Any) -> dict[str, Any]:
        """A message in somebody's private chat, as Telegram sends it."""
        who = {"id": person.id, "is_bot": False, "first_name": "Anna"}
        chat = {"id": person.id, "type": "private", "first_name": "Anna"}
        return {"message_id": 9, "date": 1_800_000_000, "chat": chat, "from": who, **content}

    def tap(self, number: int, person: Person, message_id: int, tap: cb.StaffTap) -> dict[str, Any]:
        """The update of a tap in somebody's private chat; its query is one that can't be answered any more."""
        typed = self.typed(person, text="x")
        message = {**typed, "message_id": message_id, "from": {"id": BOT_ID, "is_bot": True, "first_name": "Bot"}}
        query = {"id": "1", "from": typed["from"], "chat_instance": "1", "data": encode(tap), "message": message}
        return self.update(number, callback_query=query)

    async def settled(self) -> None:
        """Every update has been dealt with, and the intake has found nothing behind it."""
        await until(lambda: not self.redis.hlen(keys.inbox("restaurant")) and not self.intake._chats)

    def status(self, order_id: str = ORDER) -> Status:
        order = self.ledger.order(order_id)
        assert order is not None
        return order.status


@pytest.fixture
async def scene(redis: Redis, impatient: None) -> AsyncIterator[Scene]:
    ledger = Ledger(redis)
    for name in ("nonna", "momiji"):
        ledger.save_restaurant(load((resources.files("flows") / "samples" / f"{name}.yaml").read_text("utf-8"), name))
    async with Sandbox().serve() as sandbox:
        bot = RestaurantBot(TOKEN, sandbox.url, ledger, Gate(Together(redis), "restaurant"))
        await bot.open()
        intake = Intake(bot="restaurant", token=TOKEN, redis=redis, face=bot)
        polling = Polling("restaurant", TOKEN, sandbox.url, UPDATES)
        stop = asyncio.Event()
        task = asyncio.create_task(intake.run(polling, stop))
        telegram = Telegram(sandbox.url)
        yield Scene(bot, intake, ledger, telegram, redis)
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

    async def test_a_private_staff_chat_that_blocks_the_bot_is_none_any_more(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.telegram.act("block", user=anna.id, bot=TOKEN)
        await until(lambda: scene.ledger.service("nonna").staff_chat is None)

    async def test_joining_with_the_own_invite_again_changes_nothing(self, scene: Scene) -> None:
        token = scene.ledger.create_invite("nonna", DAY)
        anna = await scene.telegram.person("Anna", bot=TOKEN)
        for _ in range(2):
            await anna.send(f"/start {token}")
        await anna.sees("This is the staff chat of Trattoria")
        assert scene.ledger.staff_restaurant(anna.id) == "nonna"

    async def test_a_former_chat_that_is_gone_does_not_keep_the_new_one_out(self, scene: Scene) -> None:
        anna = await scene.staff("Anna")
        scene.ledger.set_service("nonna", lambda service: service.model_copy(update={"staff_chat": -404}))
        await scene.staff("Bruno")
        assert scene.ledger.service("nonna").staff_chat != anna.id

    async def test_one_half_of_a_migration_is_enough(self, scene: Scene) -> None:
        anna = await scene.staff()
        new = {"id": -1005, "type": "supergroup", "title": "Kitchen"}
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, chat=new, migrate_from_chat_id=anna.id)))
        assert scene.ledger.service("nonna").staff_chat == -1005
        old = {"id": -1005, "type": "group", "title": "Kitchen"}
        await handled(scene.bot, scene.update(2, message=scene.typed(anna, chat=old, migrate_to_chat_id=-1006)))
        assert scene.ledger.service("nonna").staff_chat == -1006

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
        await anna.sees("Is it ready? The customer is told.")
        assert await anna.tap("Yes, it is ready") == "Ready. The customer is told."
        await anna.sees("READY")
        await anna.tap("Picked up")
        await anna.sees("Does the customer's code read 4821?")
        await anna.tap("Yes, picked up")
        await anna.sees("PICKED UP")
        assert scene.status() is Status.FULFILLED

    async def test_until_its_answer_a_tap_asks_the_store_once_and_a_question_not_at_all(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a tap has to know was read when it was stored; what is left is to commit it."""
        requests: list[bytes] = []
        asked: list[int] = []
        answer = scene.bot._replies.answer

        async def answered(*given: Any, **named: Any) -> None:
            asked.append(len(requests))
            await answer(*given, **named)

        anna = await scene.staff()
        await scene.ticket()
        monkeypatch.setattr(scene.bot._replies, "answer", answered)
        scene.bot._ledger._redis = faulty(scene.redis, before=lambda _, request: requests.append(request))
        scene.bot._ledger.session(77)  # now it is connected
        for label in ("Accept", "20 min", "Ready", "Yes, it is ready", "Picked up", "Yes, picked up"):
            await scene.settled()
            requests.clear()
            await anna.tap(label)
        assert asked == [0, 1, 0, 1, 0, 1]

    async def test_the_ticket_stays_one_message(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        for label in ("Accept", "Back", "Decline", "Back", "Accept", "10 min"):
            await anna.tap(label)
        await anna.sees("ACCEPTED")
        assert len([one for one in await anna.messages() if "#17" in (one.get("text") or "")]) == 1

    @pytest.mark.parametrize(
        ("label", "offer"), [("Item unavailable", "Hide Margherita"), ("Closing early", "until /resume")]
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
        await scene.settled()
        assert not buttons(await anna.sees("DECLINED"), "")  # what is done is not offered any more

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

    async def test_a_question_to_an_accepted_order_is_answered_with_who_accepted_it(self, scene: Scene) -> None:
        anna, bruno = await scene.kitchen()
        await scene.ticket()
        ticket = await anna.sees("NEW ORDER")
        for label in ("Accept", "10 min"):
            await anna.tap(label)
        answer = await bruno.tap_payload(ticket["message_id"], encode(cb.AskAccept(ORDER)))
        assert "Anna accepted it at" in answer
        await bruno.sees("ACCEPTED")

    async def test_a_pause_counts_from_when_the_tap_came(self, scene: Scene) -> None:
        anna = await scene.staff()
        await anna.send("/pause")
        pauses = await anna.sees("Pause for how long?")
        await scene.settled()
        came = datetime.now(UTC) - timedelta(minutes=20)
        user = {"id": anna.id, "is_bot": False, "first_name": "Anna"}
        message = {"message_id": pauses["message_id"], "date": 1, "chat": {"id": anna.id, "type": "private"}}
        tap = {"id": "1", "from": user, "message": message, "chat_instance": "1", "data": encode(cb.Pause(60))}
        scene.redis.zadd(keys.inbox_seen("restaurant"), {"999": came.timestamp()})
        scene.redis.hset(keys.inbox("restaurant"), "999", json.dumps({"update_id": 999, "callback_query": tap}))
        scene.redis.rpush(keys.inbox_chat("restaurant", str(anna.id)), "999")
        scene.redis.hsetnx(keys.inbox_owners("restaurant"), str(anna.id), "")
        await anna.sees("takes no new orders until")
        until_ = scene.ledger.service("nonna").paused_until
        assert until_ is not None
        assert timedelta() <= until_ - (came + timedelta(hours=1)) <= timedelta(minutes=1)

    async def test_a_pause_that_a_ticket_offered_leaves_the_ticket_with_no_further_offer(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        for label in ("Decline", "Closing early"):
            await anna.tap(label)
        ticket = await anna.sees("DECLINED")
        await anna.tap("until /resume")
        pause = await anna.sees("takes no new orders until you resume")
        assert pause["message_id"] != ticket["message_id"]
        await scene.settled()
        left = await scene.message(anna, ticket["message_id"])
        assert left["text"] == ticket["text"]
        assert not buttons(left, "")
        assert await anna.tap("Take orders again") == "Taking orders"

    async def test_an_order_that_is_over_answers_how_it_ended(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        ticket = await anna.sees("NEW ORDER")
        await anna.tap("Accept")
        scene.ledger.execute(ORDER, DeclineOrder(BRUNO, DeclineReason.TOO_BUSY), "other")
        answer = await anna.tap_payload(ticket["message_id"], encode(cb.Accept(ORDER, 10)))
        assert "declined by Bruno" in answer


class TestTrouble:
    """Telegram and the workers do not wait for us."""

    async def test_a_tap_that_comes_twice_counts_once(self, scene: Scene) -> None:
        """The bot died after its effect and its reply, before it struck the update off."""
        anna = await scene.staff()
        await scene.ticket()
        tap = scene.tap(1, anna, scene.shown.message_id, cb.Accept(ORDER, 20))
        await handled(scene.bot, tap)
        await handled(scene.bot, tap)
        assert scene.kinds().count("order_accepted") == 1
        await anna.sees("ACCEPTED")

    async def test_a_tap_that_comes_again_much_later_shows_what_is_now(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        tap = scene.tap(1, anna, scene.shown.message_id, cb.Accept(ORDER, 20))
        await handled(scene.bot, tap)
        scene.ledger.execute(ORDER, MarkPickedUp(BRUNO), "other")
        await handled(scene.bot, tap)
        assert scene.status() is Status.FULFILLED
        await anna.sees("PICKED UP")

    async def test_what_a_worker_showed_meanwhile_is_not_painted_over(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The customer cancels while the question is on its way to the ticket."""
        anna = await scene.staff()
        await scene.ticket()
        record = scene.ledger.record_shown

        def cancelled_meanwhile(order_id: str, side: Side, shown: Shown, edit: str) -> None:
            monkeypatch.undo()
            record(order_id, side, shown, edit)
            reason = CancelReason.CUSTOMER_CHANGED_MIND
            order = scene.ledger.execute(order_id, CancelOrder(Side.CUSTOMER, CARLA, reason), "customer-1")
            record(order_id, side, shown.model_copy(update={"version": order.version}))

        monkeypatch.setattr(scene.ledger, "record_shown", cancelled_meanwhile)
        await handled(scene.bot, scene.tap(1, anna, scene.shown.message_id, cb.AskAccept(ORDER)))
        await anna.sees("CANCELLED")

    async def test_a_second_copy_of_a_ticket_works_and_the_first_stays_the_workers(self, scene: Scene) -> None:
        """A worker died between sending and its record, so the ticket was sent twice."""
        anna = await scene.staff()
        await scene.ticket()
        copy = scene.shown.message_id
        await scene.send_ticket(ORDER, anna.id)
        first = scene.shown
        await handled(scene.bot, scene.tap(1, anna, copy, cb.Accept(ORDER, 20)))
        assert "ACCEPTED" in (await scene.message(anna, copy))["text"]
        assert scene.shown == first

    async def test_a_question_on_a_ticket_that_was_deleted_is_asked_in_a_new_one(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        gone = scene.shown.message_id
        await scene.telegram.call(TOKEN, "deleteMessage", chat_id=anna.id, message_id=gone)
        await handled(scene.bot, scene.tap(1, anna, gone, cb.AskAccept(ORDER)))
        assert (await anna.sees("Ready in how many minutes?"))["message_id"] == scene.shown.message_id != gone

    async def test_a_deleted_ticket_is_left_to_the_workers_after_a_command(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        gone = scene.shown.message_id
        await scene.telegram.call(TOKEN, "deleteMessage", chat_id=anna.id, message_id=gone)
        before = await scene.bots_messages(anna)
        await handled(scene.bot, scene.tap(1, anna, gone, cb.Accept(ORDER, 20)))
        assert scene.status() is Status.ACCEPTED
        assert await scene.bots_messages(anna) == before
        assert scene.shown.version < scene.order.changed  # so that the worker sends it anew

    @pytest.mark.parametrize("kind", ["429", "500", "502", "drop_before", "drop_after"])
    async def test_a_ticket_that_cannot_be_edited_now_is_left_to_the_workers_after_a_command(
        self, scene: Scene, kind: str
    ) -> None:
        anna = await scene.staff()
        await scene.ticket()
        await scene.telegram.act("fault", kind=kind, method="editMessageText")
        await handled(scene.bot, scene.tap(1, anna, scene.shown.message_id, cb.Accept(ORDER, 20)))
        assert scene.status() is Status.ACCEPTED
        assert scene.shown.version < scene.order.changed
        assert bool(scene.shown.edits) is (kind != "429")  # what was refused can't arrive later

    @pytest.mark.parametrize("kind", ["429", "500", "502", "drop_before", "drop_after"])
    async def test_a_question_that_cannot_be_asked_now_is_asked_later(self, scene: Scene, kind: str) -> None:
        anna = await scene.staff()
        await scene.ticket()
        await scene.telegram.act("fault", kind=kind, method="editMessageText")
        await anna.tap("Accept")
        await anna.sees("Ready in how many minutes?")
        await scene.settled()
        assert scene.redis.hlen(keys.inbox_dead("restaurant")) == 0

    @pytest.mark.parametrize(
        "words",
        [
            "Bad Request: user not found",
            "Bad Request: PEER_ID_INVALID",
            "Bad Request: have no rights to send a message",
        ],
    )
    async def test_a_chat_that_cannot_be_written_to_gets_one_try_and_no_apology(
        self, scene: Scene, words: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What a handler does not raise is not tried again, nor apologised for."""
        anna = await scene.staff()
        before = await scene.bots_messages(anna)
        await scene.telegram.act("fault", kind="refused", method="sendMessage", description=words)
        command = {"text": "/resume", "entities": [{"type": "bot_command", "offset": 0, "length": 7}]}
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, **command)))
        assert await scene.bots_messages(anna) == before
        assert "Traceback" not in caplog.text

    @pytest.mark.parametrize(
        "words", ["Bad Request: MESSAGE_ID_INVALID", "Bad Request: message can't be edited", "MESSAGE_AUTHOR_REQUIRED"]
    )
    async def test_a_question_on_a_ticket_that_has_vanished_comes_as_a_new_message(
        self, scene: Scene, words: str
    ) -> None:
        anna = await scene.staff()
        await scene.ticket()
        before = scene.shown.message_id
        await scene.telegram.act("fault", kind="refused", method="editMessageText", description=words)
        await anna.tap("Accept")
        await anna.sees("Ready in how many minutes?")
        await scene.settled()
        assert scene.shown.message_id > before
        assert scene.redis.hlen(keys.inbox_dead("restaurant")) == 0

    @pytest.mark.parametrize("code", [401, 404, 500, 503])
    async def test_a_reply_waits_while_telegram_is_not_itself(self, scene: Scene, code: int) -> None:
        anna = await scene.staff()
        await scene.telegram.act("fault", kind="refused", method="sendMessage", code=code, description="Not now")
        with pytest.raises(TryLater):
            await handled(scene.bot, scene.update(1, message=scene.typed(anna, text="/help")))

    async def test_a_group_that_has_become_a_supergroup_is_followed_from_a_refusal(self, scene: Scene) -> None:
        """Given a bot that has not heard of it yet, when somebody's earlier command is answered."""
        anna, _ = await scene.kitchen()
        old = anna.place["chat"]
        new = await scene.telegram.act("migrate", chat=old)
        await until(lambda: scene.ledger.service("nonna").staff_chat == new["id"])
        scene.ledger.move_staff_chat(new["id"], old)
        command = {"text": "/help", "entities": [{"type": "bot_command", "offset": 0, "length": 5}]}
        chat = {"id": old, "type": "group", "title": "Kitchen"}
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, chat=chat, **command)))
        assert scene.ledger.service("nonna").staff_chat == new["id"]

    @pytest.mark.parametrize("fault", NO_TOAST, ids=str)
    async def test_a_tap_whose_answer_telegram_does_not_take_holds_up_neither_its_ticket_nor_the_next(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
    ) -> None:
        monkeypatch.setattr("bot.toasts.WITHIN", 0.5)
        anna = await scene.staff()
        await scene.ticket()
        await scene.telegram.act("fault", method="answerCallbackQuery", times=None, **fault)
        for label in ("Accept", "20 min"):
            await anna.presses(label)
        await anna.sees("ACCEPTED")
        await scene.settled()
        assert scene.redis.hlen(keys.inbox_dead("restaurant")) == 0

    async def test_how_long_telegram_wants_to_be_left_alone_is_passed_on(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.telegram.act("fault", kind="429", method="sendMessage", retry_after=33)
        with pytest.raises(TryLater) as caught:
            await handled(scene.bot, scene.update(1, message=scene.typed(anna, text="/help")))
        assert caught.value.seconds == 33

    async def test_a_blocked_bot_changes_nothing_about_the_effect(self, scene: Scene) -> None:
        anna = await scene.staff()
        scene.ledger.set_service("nonna", lambda service: service.model_copy(update={"paused": True}))
        await scene.telegram.act("block", user=anna.id, bot=TOKEN)
        await until(lambda: scene.ledger.service("nonna").staff_chat is None)
        scene.ledger.join(scene.ledger.create_invite("nonna", DAY), anna.id)
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, text="/resume")))
        assert not scene.ledger.service("nonna").paused

    async def test_a_chat_that_does_not_exist_any_more_is_no_failure(self, scene: Scene) -> None:
        eve = await scene.telegram.person("Eve", bot=TOKEN)
        gone = {"id": -404, "type": "group", "title": "Gone"}
        await handled(scene.bot, scene.update(1, message=scene.typed(eve, chat=gone, text="/help")))

    async def test_a_ticket_too_old_for_telegram_to_know_is_still_answered_for(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        tap = scene.tap(1, anna, scene.shown.message_id, cb.Accept(ORDER, 20))
        known = tap["callback_query"]["message"]
        tap["callback_query"]["message"] = {"chat": known["chat"], "message_id": known["message_id"], "date": 0}
        await handled(scene.bot, tap)
        await anna.sees("ACCEPTED")

    async def test_an_error_of_a_handler_reaches_the_intake(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a bug")

        anna = await scene.staff()
        monkeypatch.setattr(scene.ledger, "staff_restaurant", fail)
        with pytest.raises(RuntimeError, match="a bug"):
            await handled(scene.bot, scene.update(1, message=scene.typed(anna, text="/help")))

    async def test_the_apology_tells_how_to_go_on(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.bot.apologise(anna.id)
        assert "try again" in (await anna.sees("Sorry"))["text"]

    @pytest.mark.parametrize("kind", ["poll", "edited_message", "something_new"])
    async def test_updates_of_other_kinds_are_ignored(self, scene: Scene, kind: str) -> None:
        await handled(scene.bot, scene.update(1, **{kind: {"a": 1}}))


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
            (encode(cb.Pause(10**12)), "does nothing"),
            (encode(cb.SetItem("no-such-dish", 1, 0)), "no longer on the menu"),
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

    async def test_what_cannot_be_read_is_answered_once_and_what_telegram_tells_not_at_all(self, scene: Scene) -> None:
        anna = await scene.staff()
        before = len(await scene.bots_messages(anna))
        photo = {"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]}
        voice = {"voice": {"file_id": "1", "file_unique_id": "1", "duration": 1}}
        pinned = {"pinned_message": scene.typed(anna, text="x")}
        another: dict[str, Any] = {"text": "/pause", "from": {"id": 9, "is_bot": True, "first_name": "Bot"}}
        post = {"text": "/pause", "is_automatic_forward": True}
        contents: list[dict[str, Any]] = [photo, photo, photo, pinned, another, post, photo]
        for number, content in enumerate(contents, 1):
            await handled(scene.bot, scene.update(number, message=scene.typed(anna, **content)))
        assert "commands and taps only" in (await anna.sees("Please use the buttons on the tickets"))["text"]
        assert len(await scene.bots_messages(anna)) == before + 1
        await handled(scene.bot, scene.update(9, message=scene.typed(anna, **voice)))
        assert len(await scene.bots_messages(anna)) == before + 2

    async def test_a_hint_to_staff_whose_reply_failed_is_given_again(self, scene: Scene) -> None:
        anna = await scene.staff()
        photo = {"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]}
        await scene.telegram.act("fault", kind="502", method="sendMessage")
        with pytest.raises(TryLater):
            await handled(scene.bot, scene.update(1, message=scene.typed(anna, **photo)))
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, **photo)))
        await anna.sees("commands and taps only")

    async def test_staff_see_their_open_orders(self, scene: Scene) -> None:
        anna = await scene.staff()
        await scene.ticket()
        scene.ledger.execute(ORDER, AcceptOrder(BRUNO, 10), "other")
        await anna.send("/orders")
        assert "#17" in (await anna.sees("Open orders"))["text"]

    async def test_more_open_orders_than_fit_on_a_message_are_turned_over_in_it(self, scene: Scene) -> None:
        anna = await scene.staff()
        for number in range(60):
            order_id = f"{number:012}"
            customer = Customer(id=CARLA.id, name="ჯ" * 64)
            scene.ledger.execute(order_id, place(order_id, customer=customer), f"customer-{order_id}")
        await anna.send("/orders")
        first = await anna.sees("Open orders")
        assert await anna.tap("›") == ""
        second = await scene.telegram.changing(
            lambda: scene.message(anna, first["message_id"]), lambda one: bool(buttons(one, "‹")), "not turned over"
        )
        assert second["text"].startswith("Open orders")
        assert buttons(second, "2/2")

    async def test_a_category_of_many_dishes_with_long_names_is_hidden_page_by_page(self, scene: Scene) -> None:
        anna = await scene.staff()
        restaurant = biggest("ჯ", "nonna")
        scene.ledger.save_restaurant(restaurant)
        await anna.send("/items")
        await anna.sees("Tap a dish to hide it")
        await anna.tap("›")
        await scene.settled()
        message = await anna.sees("Tap a dish to hide it")
        label = message["reply_markup"]["inline_keyboard"][0][0]["text"]
        await anna.tap(label)
        await until(lambda: len(scene.ledger.service("nonna").hidden) == 1)
        await anna.sees("Tap a dish to hide it")
        await scene.settled()
        message = await scene.message(anna, message["message_id"])
        assert message["reply_markup"]["inline_keyboard"][0][0]["text"] == label.replace("🟢", "🚫")

    async def test_86_means_the_dishes_to_hide(self, scene: Scene) -> None:
        anna = await scene.staff()
        await anna.send("/86")
        await anna.sees("Tap a dish to hide it")

    async def test_people_may_talk_in_the_kitchens_group(self, scene: Scene) -> None:
        anna, _ = await scene.kitchen()
        before = await scene.bots_messages(anna)
        chat = {"id": anna.place["chat"], "type": "group", "title": "Kitchen"}
        for number, text in enumerate(("who takes out the rubbish?", "/help@another_bot", "/unknown")):
            await handled(scene.bot, scene.update(number, message=scene.typed(anna, chat=chat, text=text)))
        assert await scene.bots_messages(anna) == before

    @pytest.mark.parametrize(
        "content", [{"text": "hello"}, {"text": "/unknown"}, {"dice": {"emoji": "🎲", "value": 6}}]
    )
    async def test_anything_else_in_a_private_chat_gets_a_hint(self, scene: Scene, content: dict[str, Any]) -> None:
        anna = await scene.staff()
        await handled(scene.bot, scene.update(1, message=scene.typed(anna, **content)))
        await anna.sees("Please use the buttons on the tickets")

    async def test_a_stranger_who_types_is_told_how_to_get_in(self, scene: Scene) -> None:
        eve = await scene.telegram.person("Eve", bot=TOKEN)
        await eve.send("hello?")
        await eve.sees("open the invite link")

    async def test_a_name_of_any_kind_stands_on_the_ticket_harmless(self, scene: Scene) -> None:
        anna = await scene.staff("\u202eAnna <b> & " + "x" * 80)
        await scene.ticket()
        for label in ("Accept", "10 min"):
            await anna.tap(label)
        assert "Accepted by Anna <b> & xxx" in (await anna.sees("ACCEPTED"))["text"]


class TestStart:
    async def test_clients_are_told_the_commands(self, scene: Scene) -> None:
        commands = await scene.telegram.call(TOKEN, "getMyCommands")
        assert [one["command"] for one in commands] == ["orders", "items", "pause", "resume", "help"]

    async def test_they_are_set_only_when_they_have_changed(self, scene: Scene) -> None:
        await scene.telegram.act("fault", kind="429", method="setMyCommands", retry_after=3600)
        await scene.bot.open()
        [fault] = (await scene.telegram.look("faults"))["faults"]
        assert fault["struck"] == 0

    async def test_the_bot_opens_without_its_command_menu_too(self, scene: Scene) -> None:
        await scene.telegram.call(TOKEN, "deleteMyCommands")
        await scene.telegram.act("fault", kind="429", method="setMyCommands", retry_after=3600)
        await scene.bot.open()
        assert await scene.telegram.call(TOKEN, "getMyCommands") == []

    async def test_a_token_that_telegram_refuses_is_said_without_it(self, scene: Scene) -> None:
        bot = RestaurantBot(
            f"{BOT_ID}:another-secret", scene.telegram.url, scene.ledger, Gate(Together(scene.redis), "restaurant")
        )
        with pytest.raises(Refused, match="check RESTAURANT_BOT_TOKEN") as caught:
            await bot.open()
        await bot.close()
        assert "another-secret" not in "".join(traceback.format_exception(caught.value))

    async def test_telegram_out_of_reach_is_no_reason_to_give_up(self, redis: Redis, free_port: int) -> None:
        bot = RestaurantBot(TOKEN, f"http://127.0.0.1:{free_port}", Ledger(redis), Gate(Together(redis), "restaurant"))
        with pytest.raises(TryLater, match="out of reach") as caught:
            await bot.open()
        await bot.close()
        assert "restaurant-token" not in "".join(traceback.format_exception(caught.value))


class TestProcess:
    """`python -m bot.restaurant`, as it is deployed."""

    async def start(self, url: str, store_url: str) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "CUSTOMER_BOT_TOKEN": "7001:customer-token",
            "RESTAURANT_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": url,
            "REDIS_URL": store_url,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.restaurant", env=environment, stderr=asyncio.subprocess.PIPE
        )

    async def test_it_stops_cleanly_on_sigterm(self, store_url: str, redis: Redis) -> None:
        async with Sandbox().serve() as sandbox:
            process = await self.start(sandbox.url, store_url)
            assert process.stderr is not None
            while b"is listening" not in (line := await process.stderr.readline()):
                assert line, "it ended before it was listening"
            process.send_signal(signal.SIGTERM)
            _, log = await process.communicate()
        assert process.returncode == 0, log
        assert b"restaurant-token" not in log
