"""Where tickets go in a group with topics, and what happens while nobody can be written to there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from flows import keys
from flows.commands import AcceptOrder, CancelOrder
from flows.events import About, CancelReason, RestaurantUnreachable, Side
from flows.ledger import Ledger, Shown
from flows.menu import Service
from flows.messages.customer import ring, status_screen
from flows.order import Status
from tests.customers import trattoria
from tests.orders import ANNA, CARLA
from tests.people import Message, Person
from tests.workers.conftest import ORDER, RESTAURANT_TOKEN, Stage
from workers.checks import Level, of_restaurants
from workers.delivery import LAST_TRY

CANCEL = CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)


class Forum:
    """Nonna's staff chat: a group with a topic for tickets, which the invite was opened in."""

    def __init__(self, stage: Stage, anna: Person, topic: int) -> None:
        self.stage = stage
        self.anna = anna
        self.chat = int(anna.place["chat"])
        self.topic = topic

    async def opens(self, name: str) -> int:
        made = await self.stage.telegram.act("create_topic", user=self.anna.id, chat=self.chat, name=name)
        return int(made["message_id"])

    async def closes(self, topic: int = 1, closed: bool = True) -> None:
        await self.stage.telegram.act("edit_topic", user=self.anna.id, chat=self.chat, topic=topic, closed=closed)

    async def tickets(self) -> list[tuple[int | None, str]]:
        """The topic of each message of the bot, and its first words."""
        return [(one.get("message_thread_id"), one["text"][:5]) for one in await self.bots()]

    async def bots(self) -> list[Message]:
        number = int(RESTAURANT_TOKEN.partition(":")[0])
        return [one for one in await self.anna.messages() if one["from"]["id"] == number and "text" in one]

    def staff_topic(self, topic: int | None) -> None:
        self.stage.ledger.set_service("nonna", lambda _: Service(staff_chat=self.chat, staff_topic=topic))


@pytest.fixture
async def forum(stage: Stage) -> Forum:
    [anna] = await stage.telegram.group("Kitchen", "Anna")
    chat = (await stage.telegram.act("migrate", chat=anna.place["chat"]))["id"]
    await stage.telegram.act("forum", chat=chat)
    await stage.telegram.act("add_bot", chat=chat, bot=RESTAURANT_TOKEN, by=anna.id)
    found = Forum(stage, Person(stage.telegram, anna.id, str(chat), {"chat": chat}), 0)
    found.topic = await found.opens("Tickets")
    found.staff_topic(found.topic)
    return found


def waits(redis: Redis) -> float | None:
    """When the ticket is tried again, in seconds from now; None when nothing is outstanding."""
    score = redis.zscore(keys.DUE, keys.notify(ORDER, Side.RESTAURANT))
    return None if score is None else float(score) - datetime.now(UTC).timestamp()


def doctor(redis: Redis, ledger: Ledger) -> tuple[Level, str, str]:
    ledger.save_restaurant(trattoria())
    [check] = [one for one in of_restaurants(redis) if one.check == "restaurant nonna"]
    return check.level, check.says, check.cure


async def test_a_ticket_and_what_is_said_of_it_go_to_the_invites_topic(stage: Stage, forum: Forum) -> None:
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    stage.ledger.execute(ORDER, CANCEL, "tap-1")
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert [topic for topic, _ in await forum.tickets()] == [forum.topic, forum.topic]
    _, said = await forum.bots()
    assert "CANCELLED" in said["reply_to_message"]["text"]


@pytest.mark.parametrize("what", ["closed", "deleted"])
async def test_a_topic_that_takes_no_tickets_leaves_them_to_general_and_doctor_says_so(
    stage: Stage, forum: Forum, redis: Redis, what: str
) -> None:
    if what == "closed":
        await forum.closes(forum.topic)
    else:
        await stage.telegram.act("delete_topic", user=forum.anna.id, chat=forum.chat, topic=forum.topic)
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    stage.ledger.execute(ORDER, CANCEL, "tap-1")
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert [topic for topic, _ in await forum.tickets()] == [None, None]
    level, says, cure = doctor(redis, stage.ledger)
    assert level is Level.WARNING
    assert "go to General" in says
    assert "comanda restaurant invite nonna" in cure


async def test_news_of_a_ticket_whose_topic_was_closed_since_comes_in_general(stage: Stage, forum: Forum) -> None:
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    await forum.closes(forum.topic)
    stage.ledger.execute(ORDER, CANCEL, "tap-1")
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert [topic for topic, _ in await forum.tickets()] == [forum.topic, None]
    assert "was cancelled by the customer" in (await forum.bots())[-1]["text"]


@pytest.mark.parametrize("what", ["closed", "deleted"])
async def test_with_news_that_can_be_answered_the_ticket_comes_in_general_too(
    stage: Stage, forum: Forum, redis: Redis, what: str
) -> None:
    """A reminder has no buttons: without its ticket nobody could answer the order."""
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    if what == "closed":
        await forum.closes(forum.topic)
    else:
        await stage.telegram.act("delete_topic", user=forum.anna.id, chat=forum.chat, topic=forum.topic)
    Ledger(redis, lambda: datetime.now(UTC) + timedelta(seconds=80)).wake(ORDER)
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    reminder, ticket = (await forum.bots())[-2:]
    assert "is waiting for your answer" in reminder["text"]
    assert "NEW ORDER" in ticket["text"]
    assert ticket["reply_markup"]["inline_keyboard"]
    assert {reminder.get("message_thread_id"), ticket.get("message_thread_id")} == {None}
    shown = stage.ledger.shown(ORDER, Side.RESTAURANT)
    assert shown is not None
    assert (shown.message_id, shown.topic) == (ticket["message_id"], None)


async def test_a_ticket_whose_topic_is_deleted_comes_again_in_general(stage: Stage, forum: Forum) -> None:
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    await stage.telegram.act("delete_topic", user=forum.anna.id, chat=forum.chat, topic=forum.topic)
    stage.ledger.execute(ORDER, AcceptOrder(ANNA, 20), "tap-1")
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert [topic for topic, _ in await forum.tickets()] == [None]


class TestAllIsClosed:
    """The topic is closed, and General as well."""

    @pytest.fixture(autouse=True)
    async def closed(self, stage: Stage, forum: Forum) -> None:
        await forum.closes(forum.topic)
        await forum.closes()

    async def test_the_order_waits_and_the_ticket_is_tried_again(
        self, stage: Stage, forum: Forum, redis: Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        order = stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed"]
        wait = waits(redis)
        assert wait is not None
        assert wait < (order.answer_by - order.asked_at).total_seconds()
        assert "orders don't arrive" in caplog.text
        level, says, cure = doctor(redis, stage.ledger)
        assert (level, "takes no messages" in says) == (Level.PROBLEM, True)
        assert "General" in cure

    async def test_once_it_is_open_again_the_ticket_arrives(self, stage: Stage, forum: Forum) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await forum.closes(forum.topic, closed=False)
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert [topic for topic, _ in await forum.tickets()] == [forum.topic]
        assert stage.kinds() == ["order_placed", "restaurant_notified"]

    async def test_at_the_end_of_the_time_to_answer_the_customer_hears_why(
        self, stage: Stage, forum: Forum, redis: Redis
    ) -> None:
        order = stage.order()
        window = order.answer_by - order.asked_at
        for stage.later in (window / 10, window / 2, window - LAST_TRY * 2):
            await self.try_again(stage, redis)
            wait = waits(redis)
            assert wait is not None
            assert wait <= window.total_seconds() - LAST_TRY.total_seconds() + 1
            assert stage.kinds() == ["order_placed"]
        stage.later = window - LAST_TRY
        await self.try_again(stage, redis)
        ended = stage.ledger.order(ORDER)
        assert ended is not None
        assert ended.status is Status.EXPIRED
        assert any(isinstance(event, RestaurantUnreachable) for event in stage.ledger.history(ORDER))
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        await stage.carla.sees("could not be reached, so your order #17 expired")
        assert "could not be reached" in status_screen(ended).text
        assert "could not be reached" in ring(ended, About.EXPIRED).text

    async def try_again(self, stage: Stage, redis: Redis) -> None:
        """When it is the chat's turn, which comes by the store's clock and not by ours."""
        for key in redis.scan_iter("gate:*"):
            redis.delete(key)
        await stage.courier.notify(ORDER, Side.RESTAURANT)

    async def test_an_order_that_the_customer_cancels_meanwhile_is_no_news(
        self, stage: Stage, forum: Forum, redis: Redis
    ) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert waits(redis) is None
        assert await forum.tickets() == []


async def test_a_staff_chat_that_cannot_be_written_into_is_named_by_doctor(
    stage: Stage, forum: Forum, redis: Redis
) -> None:
    """Given a bot that was removed while it did not run, and so has not heard of it."""
    await stage.telegram.act("remove_bot", chat=forum.chat, bot=RESTAURANT_TOKEN, by=forum.anna.id)
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert stage.kinds()[-1] == "order_expired"
    level, says, cure = doctor(redis, stage.ledger)
    assert (level, "can't be written into" in says) == (Level.PROBLEM, True)
    assert "comanda restaurant invite nonna" in cure


async def test_without_topics_the_topic_of_old_does_no_harm(stage: Stage, forum: Forum) -> None:
    await stage.telegram.act("forum", chat=forum.chat, on=False)
    stage.order()
    await stage.courier.notify(ORDER, Side.RESTAURANT)
    assert len(await forum.tickets()) == 1


def test_switches_and_records_from_before_there_were_topics_are_read() -> None:
    assert Service.model_validate_json('{"staff_chat": -5}').staff_topic is None
    assert Shown.model_validate_json('{"chat_id": -5, "message_id": 3, "version": 1}').topic is None
