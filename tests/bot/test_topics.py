"""A restaurant whose staff chat is one topic of a group: joining, answers, tickets, and topics that open again."""

from __future__ import annotations

from typing import Any

import pytest

from flows import callbacks as cb
from flows import keys
from flows.callbacks import encode
from flows.events import Side
from flows.ledger import Shown
from flows.messages.staff import ticket_screen
from flows.order import Status
from tests.bot.scenes import handled
from tests.bot.test_restaurant import BOT_ID, DAY, ORDER, TOKEN, Scene, scene
from tests.orders import place
from tests.people import Message, Person
from tests.waiting import until

__all__ = ["scene"]  # the fixture


class Kitchen:
    """Anna in a group with topics, where the bot is a member."""

    def __init__(self, scene: Scene, anna: Person, name: str) -> None:
        self.scene = scene
        self.anna = anna
        self.chat = int(anna.place["chat"])
        self._name = name

    async def opens(self, name: str) -> int:
        made = await self.scene.telegram.act("create_topic", user=self.anna.id, chat=self.chat, name=name)
        return int(made["message_id"])

    async def closes(self, topic: int, closed: bool = True) -> None:
        where = {"user": self.anna.id, "chat": self.chat, "topic": topic}
        await self.scene.telegram.act("edit_topic", **where, closed=closed)

    async def writes(self, text: str, topic: int | None = None) -> None:
        where = {} if topic is None else {"topic": topic}
        await self.scene.telegram.act("send", user=self.anna.id, chat=self.chat, text=text, **where)

    async def joins_in(self, topic: int | None) -> None:
        token = self.scene.ledger.create_invite("nonna", DAY)
        await self.writes(f"/start@{self._name} {token}", topic)
        await until(lambda: self.scene.ledger.service("nonna").staff_topic == topic)
        await self.said("is now the staff chat", topic)

    async def said(self, words: str, topic: int | None) -> Message:
        """What the bot has said in that topic, as soon as it has."""

        def found(messages: list[Message]) -> Message | None:
            mine = [one for one in messages if one["from"]["id"] == BOT_ID and words in one.get("text", "")]
            return next((one for one in mine if one.get("message_thread_id") == topic), None)

        messages = await self.scene.telegram.changing(
            self.anna.messages, lambda all_: found(all_) is not None, f"no {words!r} in topic {topic}"
        )
        message = found(messages)
        assert message is not None
        return message

    async def ticket(self, topic: int) -> Message:
        """A new order, with its ticket in that topic as a worker would have sent it."""
        order = self.scene.ledger.execute(ORDER, place(ORDER), f"customer-{ORDER}")
        screen = ticket_screen(order)
        sent: Message = await self.scene.telegram.call(
            TOKEN,
            "sendMessage",
            chat_id=self.chat,
            message_thread_id=topic,
            text=screen.text,
            parse_mode="HTML",
            reply_markup=screen.keyboard(),
        )
        shown = Shown(chat_id=self.chat, message_id=sent["message_id"], version=order.version, topic=topic)
        self.scene.ledger.record_shown(ORDER, Side.RESTAURANT, shown)
        return sent


@pytest.fixture
async def kitchen(scene: Scene) -> Kitchen:
    [anna] = await scene.telegram.group("Kitchen", "Anna")
    bot = await scene.telegram.act("bot", token=TOKEN)
    chat = (await scene.telegram.act("migrate", chat=anna.place["chat"]))["id"]
    await scene.telegram.act("forum", chat=chat)
    await scene.telegram.act("add_bot", chat=chat, bot=TOKEN, by=anna.id)
    return Kitchen(scene, Person(scene.telegram, anna.id, str(chat), {"chat": chat}), bot["username"])


async def test_an_invite_that_is_opened_in_a_topic_makes_it_the_place_for_tickets(
    scene: Scene, kitchen: Kitchen
) -> None:
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    service = scene.ledger.service("nonna")
    assert (service.staff_chat, service.staff_topic) == (kitchen.chat, topic)


async def test_one_that_is_opened_in_general_or_in_a_private_chat_names_no_topic(
    scene: Scene, kitchen: Kitchen
) -> None:
    await kitchen.joins_in(None)
    await kitchen.joins_in(await kitchen.opens("Tickets"))
    await scene.staff("Bruno")
    assert scene.ledger.service("nonna").staff_topic is None


async def test_the_former_topic_is_told_of_its_successor(scene: Scene, kitchen: Kitchen) -> None:
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    await scene.staff("Bruno")
    await kitchen.said("No more orders arrive here", topic)


async def test_a_new_invite_in_another_topic_takes_the_open_tickets_along(scene: Scene, kitchen: Kitchen) -> None:
    """What a worker finds then: no message shows the order, and its staff are to be told."""
    first = await kitchen.opens("Tickets")
    await kitchen.joins_in(first)
    await kitchen.ticket(first)
    scene.redis.zrem(keys.DUE, keys.notify(ORDER, Side.RESTAURANT))
    await kitchen.joins_in(await kitchen.opens("Orders"))
    assert scene.ledger.shown(ORDER, Side.RESTAURANT) is None
    await until(lambda: scene.redis.zscore(keys.DUE, keys.notify(ORDER, Side.RESTAURANT)) is not None)


@pytest.mark.parametrize("command", ["/orders", "/items", "/pause", "/help"])
async def test_a_command_is_answered_in_the_topic_in_which_it_is_asked(
    scene: Scene, kitchen: Kitchen, command: str
) -> None:
    await kitchen.joins_in(await kitchen.opens("Tickets"))
    other = await kitchen.opens("Talk")
    await kitchen.writes(command, other)
    await kitchen.said("", other)


async def test_a_ticket_is_answered_in_its_topic_and_stays_known_there(scene: Scene, kitchen: Kitchen) -> None:
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    await kitchen.ticket(topic)
    await kitchen.anna.tap("Accept")
    await kitchen.anna.tap("20 min")
    await kitchen.said("ACCEPTED", topic)
    await scene.settled()
    assert scene.status() is Status.ACCEPTED
    assert scene.shown.topic == topic


async def test_a_question_on_a_ticket_that_has_vanished_is_asked_in_its_topic(scene: Scene, kitchen: Kitchen) -> None:
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    sent = await kitchen.ticket(topic)
    refused = "Bad Request: message to edit not found"
    await scene.telegram.act("fault", kind="refused", method="editMessageText", description=refused)
    await kitchen.anna.tap("Accept")
    asked = await kitchen.said("Ready in how many minutes?", topic)
    await scene.settled()
    assert asked["message_id"] != sent["message_id"]
    assert scene.shown.topic == topic


async def test_a_topic_that_opens_again_has_waiting_tickets_tried_at_once(scene: Scene, kitchen: Kitchen) -> None:
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    await kitchen.ticket(topic)
    scene.ledger.note_trouble("nonna", "all")
    await kitchen.closes(topic)
    scene.redis.zrem(keys.DUE, keys.notify(ORDER, Side.RESTAURANT))
    await kitchen.closes(topic, closed=False)
    await until(lambda: scene.redis.zscore(keys.DUE, keys.notify(ORDER, Side.RESTAURANT)) is not None)
    assert scene.redis.get(keys.staff_trouble("nonna")) is None


@pytest.mark.parametrize(
    "service", [{"forum_topic_created": {"name": "x", "icon_color": 1}}, {"forum_topic_closed": {}}]
)
async def test_what_telegram_tells_of_topics_is_not_answered(
    scene: Scene, kitchen: Kitchen, service: dict[str, Any]
) -> None:
    await kitchen.joins_in(await kitchen.opens("Tickets"))
    before = len(await kitchen.anna.messages())
    chat = {"id": kitchen.chat, "type": "supergroup", "title": "Kitchen", "is_forum": True}
    await handled(scene.bot, scene.update(1, message=scene.typed(kitchen.anna, chat=chat, **service)))
    assert len(await kitchen.anna.messages()) == before


@pytest.mark.parametrize("words", ["Bad Request: TOPIC_CLOSED", "Bad Request: message thread not found"])
async def test_a_question_that_a_topic_takes_no_more_is_asked_in_general(
    scene: Scene, kitchen: Kitchen, words: str
) -> None:
    """Given a ticket in a topic that is closed or deleted for the bot, but not for the cook."""
    topic = await kitchen.opens("Tickets")
    await kitchen.joins_in(topic)
    ticket = await kitchen.ticket(topic)
    for method in ("editMessageText", "sendMessage"):
        await scene.telegram.act("fault", kind="refused", method=method, description=words)
    await kitchen.anna.tap_payload(ticket["message_id"], encode(cb.AskAccept(ORDER)))
    await kitchen.said("Ready in how many minutes?", None)
    await kitchen.anna.tap("20 min")
    await kitchen.said("ACCEPTED", None)
    assert scene.status() is Status.ACCEPTED
