"""The customer bot on python-telegram-bot, fed by the intake from a local Telegram: what a customer's chat shows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from bot.customer import UPDATES, CustomerBot
from bot.intake import Intake, TryLater
from bot.polling import Polling
from bot.refusals import TRIES
from bot.sandbox.server import Sandbox
from flows import callbacks as cb
from flows import keys
from flows.callbacks import encode
from flows.commands import AcceptOrder
from flows.events import Side
from flows.gate import Gate
from flows.ledger import Ledger, Shown
from flows.menu import Service
from flows.messages.customer import status_screen
from flows.order import Order, Status
from flows.ordering import Turn
from flows.store import Together
from tests.bot.scenes import handled
from tests.customers import trattoria
from tests.faults import faulty
from tests.flows.test_longest_screens import biggest, fullest_cart
from tests.orders import ANNA, place
from tests.people import Message, Person, Telegram, buttons
from tests.telegram_limits import NO_TOAST
from tests.waiting import until

TOKEN = "7001:customer-token"
BOT_ID = 7001


@dataclass
class Scene:
    """A customer bot at work, the ledger behind it, and Carla in front of it."""

    bot: CustomerBot
    intake: Intake
    ledger: Ledger
    sandbox: Sandbox
    telegram: Telegram
    redis: Redis
    carla: Person

    async def fills_a_cart(self) -> int:
        """Carla has a cola in her cart, which is on screen. Returns the message that shows it."""
        await self.carla.send("/start nonna")
        for label in ("Drinks", "Cola", "Add to cart", "Cart"):
            await self.carla.tap(label)
        message = await self.carla.sees("Your cart at")
        return int(message["message_id"])

    async def orders(self) -> int:
        """Carla has ordered a cola. Returns the message that shows its status."""
        message_id = await self.fills_a_cart()
        await self.carla.tap("Place order")
        await self.carla.sees("Order received")
        await until(lambda: (shown := self.shown()) is not None and shown.version == 1)
        return message_id

    @property
    def order(self) -> Order:
        [order] = self.ledger.orders_of(self.carla.id)
        return order

    def shown(self) -> Shown | None:
        return self.ledger.shown(self.order.id, Side.CUSTOMER)

    async def bots_messages(self) -> list[int]:
        """The messages of the bot that the chat holds."""
        return [one["message_id"] for one in await self.carla.messages() if one["from"]["id"] == BOT_ID]

    async def message(self, message_id: int) -> Message:
        return next(one for one in await self.carla.messages() if one["message_id"] == message_id)

    async def shows(self, message_id: int, text: str) -> Message:
        """That message, as soon as it contains `text`."""
        return await self.telegram.changing(
            lambda: self.message(message_id), lambda one: text in one["text"], f"{text!r} is not in that message"
        )

    async def settled(self) -> None:
        """Every update has been dealt with: none waits in Telegram, none in the inbox or at the intake."""
        bot = self.sandbox.world.bot(TOKEN)
        assert bot is not None
        await until(lambda: not bot.updates and not self.redis.hlen(keys.inbox("customer")) and not self.intake._chats)

    def update(self, number: int, **content: Any) -> dict[str, Any]:
        """An update as Telegram sends it, with a number that no other has."""
        return {"update_id": 900_000 + number, **content}

    def typed(self, **content: Any) -> dict[str, Any]:
        """A message of Carla's, as Telegram sends it."""
        who = {"id": self.carla.id, "is_bot": False, "first_name": "Carla"}
        chat = {"id": self.carla.id, "type": "private", "first_name": "Carla"}
        return {"message_id": 9, "date": 1_800_000_000, "chat": chat, "from": who, **content}


def place_button(scene: Scene) -> str:
    """The payload of *Place order* on the cart as it is now."""
    cart = scene.ledger.session(scene.carla.id).carts[0]
    return encode(cb.Place(cart.id, cart.fingerprint))


@pytest.fixture
async def scene(redis: Redis, impatient: None) -> AsyncIterator[Scene]:
    ledger = Ledger(redis)
    ledger.save_restaurant(trattoria())
    ledger.set_service("nonna", lambda _: Service(staff_chat=-100))
    async with Sandbox().serve() as sandbox:
        telegram = Telegram(sandbox.url)
        carla = await telegram.person("Carla", bot=TOKEN)
        bot = CustomerBot(TOKEN, sandbox.url, ledger, Gate(Together(redis), "customer"))
        await bot.open()
        intake = Intake(bot="customer", token=TOKEN, redis=redis, face=bot)
        polling = Polling("customer", TOKEN, sandbox.url, UPDATES)
        stop = asyncio.Event()
        task = asyncio.create_task(intake.run(polling, stop))
        yield Scene(bot, intake, ledger, sandbox, telegram, redis, carla)
        stop.set()
        await task
        await bot.close()
        await telegram.close()


class TestOneMenu:
    async def test_an_order_is_one_message_from_the_menu_to_its_status(self, scene: Scene) -> None:
        status = await scene.orders()
        assert await scene.bots_messages() == [status]
        assert scene.order.status is Status.PLACED
        assert scene.shown() == Shown(chat_id=scene.carla.id, message_id=status, version=1)

    async def test_a_new_menu_takes_the_former_one_away(self, scene: Scene) -> None:
        for number in range(3):
            await scene.carla.send("/start nonna")
            await scene.carla.sees_times("/start nonna", number + 1)
        await scene.settled()
        assert len(await scene.bots_messages()) == 1

    async def test_an_orders_status_is_never_taken_away(self, scene: Scene) -> None:
        status = await scene.orders()
        await scene.carla.send("/start")
        await scene.carla.sees("Where would you like to order?")
        await scene.carla.send("/help")
        await scene.carla.sees("How it works")
        await scene.settled()
        assert len(await scene.bots_messages()) == 2
        assert "Order received" in (await scene.message(status))["text"]

    async def test_an_orders_status_never_becomes_a_menu(self, scene: Scene) -> None:
        """A quick finger taps *‹ Menu* on the cart that is just turning into the order's status."""
        status = await scene.orders()
        await scene.carla.tap_payload(status, encode(cb.ShowMenu("nonna")))
        menu = await scene.carla.sees("What would you like?")
        assert menu["message_id"] != status
        assert "Order received" in (await scene.message(status))["text"]

    async def test_a_menu_that_the_customer_deleted_is_sent_anew(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        await scene.telegram.call(TOKEN, "deleteMessage", chat_id=scene.carla.id, message_id=cart)
        raw = scene.update(1, callback_query=tap_of(scene, cart, encode(cb.ShowCart("nonna"))))
        await handled(scene.bot, raw)
        again = await scene.carla.sees("Your cart at")
        assert again["message_id"] != cart
        assert scene.ledger.session(scene.carla.id).message_id == again["message_id"]

    async def test_two_carts_live_side_by_side(self, scene: Scene) -> None:
        scene.ledger.save_restaurant(trattoria("bao", "Bao House"))
        await scene.fills_a_cart()
        await scene.carla.send("/start bao")
        await scene.carla.sees("Bao House")
        await scene.carla.tap("‹ Restaurants")
        for label in ("Trattoria da Nonna 🛒", "Cart (1) · €2.50"):
            await scene.carla.tap(label)
        await scene.carla.sees("Your cart at Trattoria da Nonna")

    async def test_the_note_is_typed_and_the_cart_comes_back_below_it(self, scene: Scene) -> None:
        await scene.fills_a_cart()
        await scene.carla.tap("Add a note")
        await scene.carla.send("No ice <please> & thank you 🙏")
        cart = await scene.carla.sees("📝 No ice <please> & thank you 🙏")
        assert "Your cart at" in cart["text"]
        await scene.settled()
        assert await scene.bots_messages() == [cart["message_id"]]


def tap_of(scene: Scene, message_id: int, payload: str) -> dict[str, Any]:
    """A tap of Carla's, as Telegram sends it."""
    typed = scene.typed()
    who = {"id": BOT_ID, "is_bot": True, "first_name": "Bot"}
    message = {**typed, "message_id": message_id, "from": who, "text": "x"}
    return {"id": "1", "from": typed["from"], "chat_instance": "1", "data": payload, "message": message}


class TestLongScreens:
    async def test_a_dish_with_many_long_options_is_shown_and_ordered(self, scene: Scene) -> None:
        """The local Telegram refuses a keyboard above 10 kB, as Telegram does."""
        scene.ledger.save_restaurant(biggest("ჯ", "nonna").model_copy(update={"hours": None}))
        await scene.carla.send("/start nonna")
        first = await scene.carla.sees("What would you like?")
        for row in (0, 0):  # the first category, its first dish
            [button] = first["reply_markup"]["inline_keyboard"][row]
            await scene.carla.tap_payload(first["message_id"], button["callback_data"])
            await scene.settled()
            first = await scene.message(first["message_id"])
        await scene.carla.tap("›")
        await scene.settled()
        shown = await scene.message(first["message_id"])
        option = shown["reply_markup"]["inline_keyboard"][0][0]
        await scene.carla.tap_payload(shown["message_id"], option["callback_data"])
        await scene.settled()
        chosen = (await scene.message(first["message_id"]))["reply_markup"]["inline_keyboard"][0][0]
        assert chosen["text"] == option["text"].replace("○", "☑")
        assert scene.redis.hlen(keys.inbox_dead("customer")) == 0

    async def test_the_fullest_cart_is_shown_and_ordered(self, scene: Scene) -> None:
        restaurant = biggest("ჯ", "nonna").model_copy(update={"hours": None})
        scene.ledger.save_restaurant(restaurant)
        cart = fullest_cart(restaurant, "ჯ" * 300)
        scene.ledger.advance(scene.carla.id, "test", lambda session, _: Turn(session.with_cart(cart)))
        await scene.carla.send("/start nonna")
        await scene.carla.sees("What would you like?")
        await scene.carla.tap("🛒 Cart")
        message = await scene.carla.sees("Your cart at")
        await scene.carla.tap("›")
        await scene.shows(message["message_id"], "of 30")
        await scene.carla.tap("Place order")
        await scene.carla.sees("Order received")
        assert len(scene.order.placed.lines) == 30


class TestStatus:
    async def test_cancelling_asks_once_more_in_the_status_message(self, scene: Scene) -> None:
        status = await scene.orders()
        await scene.carla.tap("Cancel order")
        await scene.carla.sees("Cancel this order?")
        assert await scene.carla.tap("Yes, cancel it") == "Order cancelled"
        await scene.carla.sees("You cancelled this order")
        await until(lambda: (shown := scene.shown()) is not None and shown.version == 2)
        assert await scene.bots_messages() == [status]
        assert scene.order.status is Status.CANCELLED

    async def test_what_was_accepted_meanwhile_says_so_and_shows_the_code(self, scene: Scene) -> None:
        status = await scene.orders()
        order = scene.ledger.execute(scene.order.id, AcceptOrder(ANNA, 20), "restaurant-1")
        assert "can't be cancelled here" in await scene.carla.tap_payload(status, encode(cb.CancelMine(order.id)))
        message = await scene.shows(status, f"Your pick-up code: {order.placed.code}")
        assert buttons(message, "Copy code")[0]["copy_text"] == {"text": order.placed.code}

    async def test_a_worker_that_was_quicker_is_not_painted_over(self, scene: Scene) -> None:
        """The order is accepted while the bot's edit with the older status is on its way."""
        status = await scene.orders()
        await scene.telegram.act("fault", kind="latency", method="editMessageText", seconds=0.3)
        await scene.carla.tap("Cancel order")
        accepted = scene.ledger.execute(scene.order.id, AcceptOrder(ANNA, 20), "restaurant-1")
        shown = Shown(chat_id=scene.carla.id, message_id=status, version=accepted.version)
        scene.ledger.record_shown(accepted.id, Side.CUSTOMER, shown)
        await scene.settled()
        assert "Ready by" in (await scene.message(status))["text"]

    async def test_an_order_opened_from_the_list_is_a_copy_with_a_way_back(self, scene: Scene) -> None:
        status = await scene.orders()
        await scene.carla.send("/orders")
        listed = await scene.carla.sees("Your orders")
        await scene.carla.tap("Trattoria da Nonna · €2.50 · waiting")
        await scene.shows(listed["message_id"], "Order #1")
        await scene.carla.tap("Cancel order")
        await scene.shows(listed["message_id"], "Cancel this order?")
        await scene.carla.tap("No, keep it")
        await scene.carla.tap("‹ Back")
        await scene.shows(listed["message_id"], "Your orders")
        await scene.settled()
        assert await scene.bots_messages() == [status, listed["message_id"]]
        assert scene.shown() == Shown(chat_id=scene.carla.id, message_id=status, version=1)

    async def test_text_below_a_status_gets_a_hint_with_the_orders_and_no_second_status(self, scene: Scene) -> None:
        status = await scene.orders()
        await scene.carla.send("thank you!")
        hint = await scene.carla.sees("Please use the buttons")
        assert hint["message_id"] != status
        assert "Order received" not in hint["text"]
        assert buttons(hint, "#1 Trattoria da Nonna")
        await scene.carla.send("really")
        await scene.settled()
        assert len(await scene.bots_messages()) == 2


async def test_until_its_answer_a_tap_asks_the_store_once_and_a_new_order_once_more_for_its_number(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a tap has to know was read when it was stored; what is left is to commit it."""
    requests: list[bytes] = []
    asked: list[int] = []
    answer = scene.bot._replies.answer

    async def answered(*given: Any) -> None:
        asked.append(len(requests))
        await answer(*given)

    monkeypatch.setattr(scene.bot._replies, "answer", answered)
    scene.bot._ledger._redis = faulty(scene.redis, before=lambda _, request: requests.append(request))
    scene.bot._ledger.execute("another", place("another"), "test")  # now RQ has asked for the server's version
    scene.bot._ledger.next_number("nonna", datetime.now(UTC).date())  # and the store knows that script
    await scene.carla.send("/start nonna")
    await scene.carla.sees("Trattoria")
    for label in ("Drinks", "Cola", "Add to cart", "Cart", "Place order", "Cancel order", "Yes, cancel it"):
        await scene.settled()
        requests.clear()
        await scene.carla.tap(label)
    assert asked == [1, 1, 1, 1, 2, 1, 1]
    assert scene.order.status is Status.CANCELLED


class TestTwice:
    """An update comes again when a process died before striking it off: one effect, and the reply again."""

    async def test_placing_an_order(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        place = place_button(scene)
        raw = scene.update(1, callback_query=tap_of(scene, cart, place))
        await handled(scene.bot, raw)
        await handled(scene.bot, raw)
        assert scene.order.version == 1
        assert await scene.bots_messages() == [cart]
        assert "Order received" in (await scene.message(cart))["text"]

    async def test_one_more_of_a_line(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        more = encode(cb.ChangeLine(scene.ledger.session(scene.carla.id).carts[0].id, 0, "cola", 1))
        raw = scene.update(1, callback_query=tap_of(scene, cart, more))
        await handled(scene.bot, raw)
        await handled(scene.bot, raw)
        assert [line.quantity for line in scene.ledger.session(scene.carla.id).carts[0].lines] == [2]

    async def test_a_double_tap_on_place_order_is_one_order(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        place = place_button(scene)
        answers = [await scene.carla.tap_payload(cart, place) for _ in range(2)]
        await scene.settled()
        assert answers == ["Order received", ""]
        assert scene.order.version == 1
        assert await scene.bots_messages() == [cart]

    async def test_the_tapped_message_is_the_orders_from_the_start(self, scene: Scene) -> None:
        """The bot died between commit and reply: whoever has news before it is back finds the message to edit."""
        cart = await scene.fills_a_cart()
        raw = scene.update(1, callback_query=tap_of(scene, cart, place_button(scene)))
        await scene.telegram.act("fault", kind="502", method="editMessageText")
        with pytest.raises(TryLater):
            await handled(scene.bot, raw)
        assert (shown := scene.shown()) is not None
        assert (shown.message_id, shown.version) == (cart, 0)

        await handled(scene.bot, raw)

        assert (shown := scene.shown()) is not None
        assert (shown.message_id, shown.version) == (cart, 1)

    async def test_a_worker_that_told_the_customer_first_keeps_its_message(self, scene: Scene) -> None:
        """As above, and the worker has sent a message, since Carla had deleted the one that she tapped."""
        cart = await scene.fills_a_cart()
        place = place_button(scene)
        raw = scene.update(1, callback_query=tap_of(scene, cart, place))
        await scene.telegram.act("fault", kind="502", method="editMessageText")
        with pytest.raises(TryLater):
            await handled(scene.bot, raw)
        order = scene.ledger.execute(scene.order.id, AcceptOrder(ANNA, 20), "restaurant-1")
        sent = await self.worker_tells(scene, order)

        await handled(scene.bot, raw)

        assert scene.shown() == sent
        assert buttons(await scene.message(cart), "‹ Back")
        assert scene.ledger.session(scene.carla.id).message_id == cart

    async def worker_tells(self, scene: Scene, order: Order) -> Shown:
        screen = status_screen(order)
        sent = await scene.telegram.call(
            TOKEN, "sendMessage", chat_id=scene.carla.id, text=screen.text, parse_mode="HTML"
        )
        shown = Shown(chat_id=scene.carla.id, message_id=sent["message_id"], version=order.version)
        scene.ledger.record_shown(order.id, Side.CUSTOMER, shown)
        return shown


class TestTrouble:
    @pytest.mark.parametrize("kind", ["429", "502", "drop_before", "drop_after"])
    async def test_a_reply_that_fails_is_given_again(self, scene: Scene, kind: str) -> None:
        await scene.fills_a_cart()
        await scene.telegram.act("fault", kind=kind, method="editMessageText")
        await scene.carla.tap("Place order")
        await scene.carla.sees("Order received")
        await scene.settled()
        assert scene.order.version == 1
        assert scene.redis.hlen(keys.inbox_dead("customer")) == 0

    async def test_a_status_that_telegram_refused_to_edit_is_in_no_doubt(self, scene: Scene) -> None:
        """It can't arrive later, so there is nothing to paint over."""
        cart = await scene.fills_a_cart()
        raw = scene.update(1, callback_query=tap_of(scene, cart, place_button(scene)))
        await scene.telegram.act("fault", kind="429", method="editMessageText")
        with pytest.raises(TryLater):
            await handled(scene.bot, raw)
        assert (shown := scene.shown()) is not None
        assert not shown.edits

    async def test_a_blocked_bot_changes_nothing_about_the_effect(self, scene: Scene) -> None:
        await scene.carla.send("/start")
        await scene.carla.sees("Where would you like to order?")
        await scene.telegram.act("block", user=scene.carla.id, bot=TOKEN)
        text = {"text": "/start nonna", "entities": [{"type": "bot_command", "offset": 0, "length": 6}]}
        await handled(scene.bot, scene.update(1, message=scene.typed(**text)))
        assert scene.ledger.session(scene.carla.id).view.kind == "menu"

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
        await scene.telegram.act("fault", kind="refused", method="sendMessage", times=None, description=words)
        await scene.carla.send("/start nonna")
        await scene.settled()
        [fault] = scene.sandbox.faults.listed()
        assert fault["struck"] == 1
        assert "Traceback" not in caplog.text
        assert scene.redis.hlen(keys.inbox_dead("customer")) == 0
        assert scene.ledger.session(scene.carla.id).view.kind == "menu"

    @pytest.mark.parametrize(
        "words", ["Bad Request: MESSAGE_ID_INVALID", "Bad Request: message can't be edited", "MESSAGE_AUTHOR_REQUIRED"]
    )
    async def test_a_screen_whose_message_has_vanished_comes_as_a_new_message(self, scene: Scene, words: str) -> None:
        before = await scene.fills_a_cart()
        await scene.telegram.act("fault", kind="refused", method="editMessageText", description=words)
        await scene.carla.tap("‹ Menu")
        message = await scene.carla.sees("What would you like?")
        await scene.settled()
        assert message["message_id"] > before
        assert scene.ledger.session(scene.carla.id).message_id == message["message_id"]
        assert scene.redis.hlen(keys.inbox_dead("customer")) == 0

    @pytest.mark.parametrize("code", [401, 404, 500, 503])
    async def test_a_reply_waits_while_telegram_is_not_itself(self, scene: Scene, code: int) -> None:
        await scene.telegram.act("fault", kind="refused", method="sendMessage", code=code, description="Not now")
        with pytest.raises(TryLater):
            await handled(scene.bot, scene.update(1, message=scene.typed(text="hello")))

    @pytest.mark.parametrize("fault", NO_TOAST, ids=str)
    async def test_a_tap_whose_answer_telegram_does_not_take_holds_up_neither_its_screen_nor_the_next(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
    ) -> None:
        monkeypatch.setattr("bot.toasts.WITHIN", 0.5)
        await scene.fills_a_cart()
        await scene.telegram.act("fault", method="answerCallbackQuery", times=None, **fault)
        await scene.carla.presses("Place order")
        await scene.carla.sees("Order received")
        await scene.carla.presses("Cancel order")
        await scene.carla.sees("Cancel this order?")
        await scene.settled()
        assert scene.redis.hlen(keys.inbox_dead("customer")) == 0

    async def test_a_tap_is_answered_when_telegram_is_itself_again_a_moment_later(self, scene: Scene) -> None:
        await scene.fills_a_cart()
        await scene.telegram.act("fault", kind="502", method="answerCallbackQuery")
        assert await scene.carla.tap("Place order") == "Order received"

    async def test_a_tap_answered_too_late_still_counts(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        place = place_button(scene)
        await handled(scene.bot, scene.update(1, callback_query=tap_of(scene, cart, place)))
        assert scene.order.status is Status.PLACED

    async def test_an_error_of_a_handler_reaches_the_intake(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(scene.ledger, "advance", fail)
        with pytest.raises(RuntimeError, match="a bug"):
            await handled(scene.bot, scene.update(1, message=scene.typed(text="hello")))

    async def test_the_apology_tells_how_to_go_on_and_does_not_deny_the_effect(self, scene: Scene) -> None:
        await scene.carla.send("/start")
        await scene.bot.apologise(scene.carla.id)
        words = (await scene.carla.sees("Sorry"))["text"]
        assert "may have counted" in words
        assert "/orders" in words
        assert "/start to go on" in words


class TestBadInput:
    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("0me:nonna", "older version"),
            ("garbage", "does nothing"),
            ("1me:no:such:thing", "does nothing"),
            (encode(cb.Ready("0rder0000001")), "does nothing"),
            ("1pl:000000000000:0000", "That cart is gone"),
            ("1cm:000000000000", "not one of yours"),
        ],
    )
    async def test_a_button_that_is_not_of_this_menu_is_answered(self, scene: Scene, payload: str, words: str) -> None:
        cart = await scene.fills_a_cart()
        assert words in await scene.carla.tap_payload(cart, payload)
        await scene.carla.tap_payload(cart, encode(cb.ShowCart("nonna")))
        await scene.carla.sees("Your cart at")

    async def test_a_tap_without_any_data_is_answered(self, scene: Scene) -> None:
        cart = await scene.fills_a_cart()
        tap = {**tap_of(scene, cart, ""), "game_short_name": "snake"}
        del tap["data"]
        await handled(scene.bot, scene.update(1, callback_query=tap))
        assert scene.ledger.session(scene.carla.id).view.kind == "cart"

    @pytest.mark.parametrize(
        "content",
        [
            {"sticker": {"file_id": "1", "file_unique_id": "1", "type": "regular", "width": 1, "height": 1}
             | {"is_animated": False, "is_video": False}},
            {"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}], "caption": "one of these"},
            {"location": {"latitude": 45.07, "longitude": 7.69}},
            {"contact": {"phone_number": "+39", "first_name": "Carla"}},
            {"text": "/unknown", "entities": [{"type": "bot_command", "offset": 0, "length": 8}]},
        ],
    )  # fmt: skip
    async def test_anything_else_that_is_sent_gets_a_hint(self, scene: Scene, content: dict[str, Any]) -> None:
        await scene.carla.send("/start nonna")
        await scene.carla.sees("What would you like?")
        await handled(scene.bot, scene.update(1, message=scene.typed(**content)))
        hint = await scene.carla.sees("Please use the buttons")
        assert buttons(hint, "Drinks")

    async def test_an_edited_message_gets_a_hint_and_is_no_note(self, scene: Scene) -> None:
        await scene.fills_a_cart()
        await scene.carla.tap("Add a note")
        await scene.carla.sees("Send me your note")
        edited = scene.typed(text="/start nonna", edit_date=1_800_000_001)
        await handled(scene.bot, scene.update(1, edited_message=edited))
        await scene.carla.sees("your change does not count")
        assert scene.ledger.session(scene.carla.id).view.kind == "note"

    async def answers_to(self, scene: Scene) -> int:
        """How many messages of the bot the chat has got since Carla began, those that are gone included."""
        await scene.settled()
        found = await scene.telegram.look("messages", room=scene.carla.room)
        return sum(one["from"]["id"] == BOT_ID for one in found)

    async def test_an_album_of_ten_pictures_is_answered_once(self, scene: Scene) -> None:
        await scene.carla.send("/start nonna")
        await scene.carla.sees("What would you like?")
        before = await self.answers_to(scene)
        await scene.telegram.act("send_album", user=scene.carla.id, bot=TOKEN, files=[{"kind": "photo"}] * 10)
        await scene.carla.sees("I can't look at pictures")
        assert await self.answers_to(scene) == before + 1

    async def test_a_live_place_is_answered_once_however_long_it_moves(self, scene: Scene) -> None:
        await scene.carla.send("/start nonna")
        await scene.carla.sees("What would you like?")
        before = await self.answers_to(scene)
        me = {"user": scene.carla.id, "bot": TOKEN}
        sent = await scene.telegram.act("send_location", **me, latitude=45.0, longitude=7.6, live_period=28800)
        await scene.carla.sees("where you are")
        for step in range(5):
            await scene.telegram.act(
                "move_location", **me, message_id=sent["message_id"], latitude=45.1 + step, longitude=7.6
            )
        assert await self.answers_to(scene) == before + 1

    async def test_a_hint_whose_reply_failed_is_given_again_and_still_once(self, scene: Scene) -> None:
        """The update comes again, as after a death between its effect and its reply; so do the others of the album."""
        await scene.carla.send("/start nonna")
        await scene.carla.sees("What would you like?")
        before = await self.answers_to(scene)
        photo = {"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]}
        first, second = (scene.update(number, message=scene.typed(**photo)) for number in (1, 2))
        await scene.telegram.act("fault", kind="502", method="sendMessage")
        with pytest.raises(TryLater):
            await handled(scene.bot, first)
        await handled(scene.bot, first)
        await handled(scene.bot, second)
        await handled(scene.bot, second)
        assert await self.answers_to(scene) == before + 1

    @pytest.mark.parametrize("kind", ["pinned", "deleted_business_messages", "something_new"])
    async def test_updates_of_other_kinds_are_ignored(self, scene: Scene, kind: str) -> None:
        await scene.carla.send("/start")
        await scene.carla.sees("Where would you like to order?")
        await scene.settled()
        before = await scene.carla.messages()
        content: dict[str, Any] = {
            "pinned": {"message": scene.typed(pinned_message=scene.typed(text="x"))},
            "deleted_business_messages": {
                kind: {"business_connection_id": "1", "chat": scene.typed()["chat"], "message_ids": [1]}
            },
            "something_new": {kind: {"a": 1}},
        }[kind]
        await handled(scene.bot, scene.update(1, **content))
        assert await scene.carla.messages() == before

    async def test_a_name_of_any_kind_reaches_the_ticket_harmless(self, scene: Scene) -> None:
        person = await scene.telegram.person("\u202eمريم <b>" + "x" * 200, bot=TOKEN)
        await person.send("/start nonna")
        for label in ("Drinks", "Cola", "Add to cart", "Cart", "Place order"):
            await person.tap(label)
        [order] = scene.ledger.orders_of(person.id)
        assert order.placed.customer.name.startswith("مريم <b>xxx")
        assert len(order.placed.customer.name) == 64


class TestGroups:
    @pytest.mark.parametrize("text", ["/start", "/start@bot7001_bot nonna", "@bot7001_bot one margherita"])
    async def test_a_group_is_sent_to_the_private_chat(self, scene: Scene, text: str) -> None:
        [anna] = await scene.telegram.group("Friends", "Anna")
        me = await scene.telegram.act("bot", token=TOKEN)
        await scene.telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
        await anna.send(text.replace("bot7001_bot", me["username"]))
        answer = await anna.sees("in a private chat only")
        [button] = buttons(answer, "Order in a private chat")
        assert button["url"] == f"https://t.me/{me['username']}"
        assert scene.ledger.session(anna.place["chat"]).causes == ()

    async def test_what_a_group_says_among_itself_is_not_answered(self, scene: Scene) -> None:
        [anna] = await scene.telegram.group("Friends", "Anna")
        await scene.telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
        await anna.send("hello everyone")
        await anna.send("/start@another_bot")
        await anna.send("/help")
        await anna.sees("in a private chat only")
        await scene.settled()
        assert len([one for one in await anna.messages() if one["from"]["id"] == BOT_ID]) == 1

    async def test_a_group_that_cannot_be_written_into_any_more_is_no_failure(self, scene: Scene) -> None:
        [anna] = await scene.telegram.group("Friends", "Anna")
        await scene.telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
        await scene.telegram.act("migrate", chat=anna.place["chat"])
        for number, chat_id in enumerate((anna.place["chat"], -404)):
            group = {"id": chat_id, "type": "group", "title": "Friends"}
            await handled(scene.bot, scene.update(number, message=scene.typed(chat=group, text="/help")))

    async def test_a_tap_in_a_group_is_answered(self, scene: Scene) -> None:
        tap = tap_of(scene, 1, encode(cb.ShowMenu("nonna")))
        tap["message"]["chat"] = {"id": -5, "type": "group", "title": "Friends"}
        await handled(scene.bot, scene.update(1, callback_query=tap))
        assert scene.ledger.session(-5).causes == ()


async def test_clients_are_told_the_commands(scene: Scene) -> None:
    commands = await scene.telegram.call(TOKEN, "getMyCommands")
    assert [one["command"] for one in commands] == ["start", "orders", "help"]


class TestStart:
    """What clients show of the bot is set once: Telegram grants such calls a few times a day."""

    def asked(self, scene: Scene) -> list[str]:
        return [entry["method"] for entry in scene.sandbox.world.log.after(0) if "setMy" in entry.get("method", "")]

    async def test_only_what_has_changed_is_set(self, scene: Scene) -> None:
        first = ["setMyCommands", "setMyShortDescription", "setMyDescription"]
        assert self.asked(scene) == first
        await scene.bot.open()
        assert self.asked(scene) == first
        await scene.telegram.call(TOKEN, "setMyShortDescription", short_description="something else")
        await scene.bot.open()
        assert self.asked(scene) == [*first, "setMyShortDescription", "setMyShortDescription"]

    async def test_what_can_not_be_set_now_keeps_nothing_else_from_being_set_or_the_bot_from_starting(
        self, redis: Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Sandbox().serve() as sandbox:
            telegram = Telegram(sandbox.url)
            await telegram.act("fault", kind="429", method="setMyShortDescription", retry_after=3600)
            bot = CustomerBot(TOKEN, sandbox.url, Ledger(redis), Gate(Together(redis), "customer"))
            await bot.open()
            assert (await telegram.call(TOKEN, "getMyDescription"))["description"]
            await bot.close()
            await telegram.close()
        assert "the next start tries again" in caplog.text

    async def test_that_telegram_grants_no_more_of_it_silences_nobody(self, scene: Scene) -> None:
        """Given that refusal, and a moment later one in Carla's chat, when Dino writes, then he is answered."""
        await scene.telegram.call(TOKEN, "setMyShortDescription", short_description="something else")
        await scene.telegram.act("fault", kind="429", method="setMyShortDescription", retry_after=3600)
        await scene.bot.open()
        await scene.telegram.act("fault", kind="429", chat=scene.carla.id, retry_after=15)
        await scene.carla.send("/help")
        await until(lambda: scene.redis.exists(keys.quiet("customer", str(scene.carla.id))))
        dino = await scene.telegram.person("Dino", bot=TOKEN)
        await dino.send("/help")
        await dino.sees("How it works")
        assert not scene.redis.exists(keys.quiet("customer"))


class TestProcess:
    """`python -m bot.customer`, as it is deployed."""

    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        async with Sandbox().serve() as sandbox:
            yield sandbox

    async def start(self, url: str, store_url: str) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "CUSTOMER_BOT_TOKEN": TOKEN,
            "RESTAURANT_BOT_TOKEN": "7002:restaurant-token",
            "TELEGRAM_API_URL": url,
            "REDIS_URL": store_url,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.customer", env=environment, stderr=asyncio.subprocess.PIPE
        )

    async def test_it_stops_cleanly_on_sigterm(self, sandbox: Sandbox, store_url: str, redis: Redis) -> None:
        process = await self.start(sandbox.url, store_url)
        assert process.stderr is not None
        while b"is listening" not in (line := await process.stderr.readline()):
            assert line, "it ended before it was listening"
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
        assert process.returncode == 0, log
        assert b"customer-token" not in log

    async def test_it_stops_while_telegram_is_out_of_reach(self, store_url: str, free_port: int) -> None:
        process = await self.start(f"http://127.0.0.1:{free_port}", store_url)
        assert process.stderr is not None
        first = b""
        while b"out of reach" not in first:
            first = await process.stderr.readline()
            assert first, "it ended instead of waiting"
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0

    async def test_a_refused_token_is_said_in_one_line_without_it(self, sandbox: Sandbox, store_url: str) -> None:
        telegram = Telegram(sandbox.url)
        await telegram.act("bot", token=f"{BOT_ID}:another-secret")
        await telegram.close()
        process = await self.start(sandbox.url, store_url)
        _, log = await process.communicate()
        assert process.returncode == 1
        *tries, last = log.decode().strip().splitlines()
        assert last == "Telegram refuses the customer bot's token: check CUSTOMER_BOT_TOKEN"
        assert len(tries) == TRIES - 1
        assert all("check CUSTOMER_BOT_TOKEN; next try in" in line for line in tries)
        assert b"another-secret" not in log
        assert b"customer-token" not in log
