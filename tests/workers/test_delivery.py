"""What each side is told, and what happens when Telegram does not want to hear it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from flows import keys
from flows.commands import AcceptOrder, CancelOrder, DeclineOrder, MarkPickedUp, MarkReady, RecordNotified
from flows.events import About, CancelReason, DeclineReason, Side, UserUnreachable
from flows.gate import Gate, NotYet
from flows.ledger import Ledger, Shown
from flows.ledger.shown import EDIT_LIFE, HANDS_OFF
from flows.ledger.telling import telling
from flows.menu import Service
from flows.order import Status
from flows.reactions import QUEUE
from flows.store import NotReplicated, Together
from tests.faults import faulty
from tests.orders import ANNA, CARLA, place
from tests.waiting import until
from tests.workers.conftest import CUSTOMER_TOKEN, ORDER, RESTAURANT_TOKEN, Stage
from workers.clock import Clock
from workers.delivery import GIVE_UP, Courier
from workers.telegram import Sender

ACCEPT = AcceptOrder(ANNA, 20)
CANCEL = CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)


def waits(redis: Redis, side: Side) -> float | None:
    """When the delivery is due again, in seconds from now; None when nothing is outstanding."""
    score = redis.zscore(keys.DUE, f"notify:{ORDER}:{side}")
    return None if score is None else float(score) - datetime.now(UTC).timestamp()


class TestWhatIsSaid:
    async def test_a_new_order_arrives_as_one_ticket(self, stage: Stage, redis: Redis) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.anna.sees("NEW ORDER")
        assert stage.kinds() == ["order_placed", "restaurant_notified"]
        assert waits(redis, Side.RESTAURANT) is None

    async def test_where_the_restaurant_is_known_a_ticket_costs_three_requests(
        self, stage: Stage, redis: Redis
    ) -> None:
        """The lock with all that is looked at, the gate, and what is recorded, which unlocks it as well."""
        stage.order()
        requests: list[bytes] = []
        together = Together(faulty(redis, before=lambda _, request: requests.append(request)))
        sender = Sender(stage.sandbox.url, CUSTOMER_TOKEN, RESTAURANT_TOKEN, together)
        courier = Courier(stage.ledger, together, sender)
        await courier.notify(ORDER, Side.CUSTOMER)  # now it is connected, and the server knows the scripts
        requests.clear()
        await courier.notify(ORDER, Side.RESTAURANT, "nonna")
        await sender.close()
        await stage.anna.sees("NEW ORDER")
        assert len(requests) == 3
        assert not redis.exists(keys.delivery_lock(ORDER, Side.RESTAURANT))

    async def test_whatever_restaurant_the_job_names_the_ticket_goes_to_that_of_the_order(self, stage: Stage) -> None:
        stage.order()
        stage.ledger.set_service("momiji", lambda _: Service(staff_chat=stage.carla.id))
        await stage.courier.notify(ORDER, Side.RESTAURANT, "momiji")
        await stage.anna.sees("NEW ORDER")

    async def test_the_ticket_is_edited_and_not_sent_again(self, stage: Stage) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        tickets = [message for message in await stage.anna.messages() if "#17" in (message.get("text") or "")]
        assert [("ACCEPTED" in ticket["text"], "edit_date" in ticket) for ticket in tickets] == [(True, True)]

    async def test_an_acceptance_rings_at_the_customers_and_points_to_the_status(self, stage: Stage) -> None:
        stage.order(ACCEPT)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        ring = await stage.carla.sees("accepted your order #17")
        status = await stage.carla.sees("Order #17")
        assert "4821" in ring["text"]
        assert ring["reply_to_message"]["message_id"] == status["message_id"]
        assert stage.kinds()[-1] == "user_notified"

    async def test_news_that_came_together_is_told_in_order(self, stage: Stage) -> None:
        stage.order(ACCEPT, MarkReady(ANNA))
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        texts = [message.get("text") or "" for message in await stage.carla.messages()]
        assert [words for text in texts for words in ("accepted your", "is ready") if words in text] == [
            "accepted your",
            "is ready",
        ]

    @pytest.mark.parametrize(
        ("commands", "words"),
        [
            ((DeclineOrder(ANNA, DeclineReason.TOO_BUSY),), "too busy"),
            ((ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM)), "had to cancel"),
        ],
    )
    async def test_the_customer_hears_of_a_bad_end(self, stage: Stage, commands: tuple, words: str) -> None:  # type: ignore[type-arg]
        stage.order(*commands)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        await stage.carla.sees(words)

    async def test_staff_hear_that_the_customer_cancelled(self, stage: Stage) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        ring = await stage.anna.sees("was cancelled by the customer")
        assert "CANCELLED" in ring["reply_to_message"]["text"]

    @pytest.mark.parametrize("words", ["message to be replied not found", "MESSAGE_ID_INVALID"])
    async def test_news_of_which_the_ticket_has_vanished_comes_without_it(self, stage: Stage, words: str) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await stage.telegram.act("fault", kind="refused", method="sendMessage", description=f"Bad Request: {words}")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        ring = await stage.anna.sees("was cancelled by the customer")
        assert "reply_to_message" not in ring

    async def test_also_while_the_ticket_was_on_its_way(self, stage: Stage, redis: Redis) -> None:
        stage.order()
        await stage.telegram.act("fault", kind="latency", method="sendMessage", seconds=1)
        delivery = asyncio.create_task(stage.courier.notify(ORDER, Side.RESTAURANT))
        await until(lambda: not stage.sandbox.faults.listed())
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await delivery
        await stage.anna.sees("was cancelled by the customer")
        assert await stage.tickets() == ["CANCELLED"]
        assert stage.kinds()[-2:] == ["restaurant_notified", "restaurant_notified"]
        assert waits(redis, Side.RESTAURANT) is None

    async def test_staff_never_hear_of_an_order_that_was_over_before_its_ticket_went_out(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order(CANCEL)
        before = len(await stage.anna.messages())
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert len(await stage.anna.messages()) == before
        assert waits(redis, Side.RESTAURANT) is None

    async def test_unless_it_went_out_and_its_worker_could_not_say_so(self, stage: Stage, redis: Redis) -> None:
        """Given a ticket that nobody has recorded, when the customer cancels."""
        stage.order()
        await self._send_and_lose_the_store(stage, redis)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        for _ in range(2):  # the second time nothing is left to say
            await stage.courier.notify(ORDER, Side.RESTAURANT)
            assert await stage.tickets() == ["NEW ORDER", "CANCELLED"]
            assert waits(redis, Side.RESTAURANT) is None

    async def test_nor_do_they_hear_of_one_whose_ticket_telegram_refused(self, stage: Stage, redis: Redis) -> None:
        stage.order()
        await stage.telegram.act("fault", kind="429", method="sendMessage", retry_after=1)
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == []
        assert waits(redis, Side.RESTAURANT) is None

    async def _send_and_lose_the_store(self, stage: Stage, redis: Redis) -> None:
        lost: list[bytes] = []

        def from_then_on(number: int, request: bytes) -> None:
            if lost or b"restaurant_notified" in request:
                lost.append(request)
                raise StoreGone("gone")

        store = Together(faulty(redis, before=from_then_on))
        with pytest.raises(StoreGone):
            await Courier(stage.ledger, store, stage.sender).notify(ORDER, Side.RESTAURANT, "nonna")
        redis.delete(keys.delivery_lock(ORDER, Side.RESTAURANT))  # expired

    async def test_an_edit_that_comes_late_does_not_leave_an_older_state_on_screen(
        self, stage: Stage, redis: Redis
    ) -> None:
        """Given a worker whose edit is on its way, when another shows a newer state meanwhile."""
        late = await self._late_edit(stage, redis)
        await late
        assert await stage.tickets() == ["READY"]

    async def test_nor_when_whoever_asked_for_it_has_died(self, stage: Stage, redis: Redis) -> None:
        late = await self._late_edit(stage, redis)
        late.cancel()
        await asyncio.wait([late])
        await stage.anna.sees("ACCEPTED")  # over READY, and nobody knows
        redis.delete("rq:queue:comanda")  # its jobs are done
        stage.later = timedelta(seconds=EDIT_LIFE)
        Clock(stage.ledger, redis).tick()
        assert redis.lrange("rq:queue:comanda", 0, -1) == [f"{ORDER}-4-restaurant-2".encode()]
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == ["READY"]
        assert redis.zscore(keys.DUE, keys.repaint(ORDER, Side.RESTAURANT)) is None

    async def _late_edit(self, stage: Stage, redis: Redis) -> asyncio.Task[None]:
        """One worker asks for an edit that is delayed on its way, and another one shows what happens next."""
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.telegram.act("fault", kind="latency", method="editMessageText", seconds=1)
        late = asyncio.create_task(stage.courier.notify(ORDER, Side.RESTAURANT))
        await until(lambda: not stage.sandbox.faults.listed())
        redis.delete(keys.delivery_lock(ORDER, Side.RESTAURANT))  # expired
        stage.ledger.execute(ORDER, MarkReady(ANNA), "tap-2")
        stage.later = timedelta(seconds=HANDS_OFF)
        await Courier(stage.ledger, Together(redis), stage.sender).notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == ["READY"]
        return late

    async def test_nor_is_a_message_painted_anew_that_cannot_be_any_more(self, stage: Stage, redis: Redis) -> None:
        """Given an edit that nobody saw answered, when the customer has blocked the bot."""
        stage.order()
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.telegram.act("fault", kind="drop_before", method="editMessageText")
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert redis.zscore(keys.DUE, keys.repaint(ORDER, Side.CUSTOMER)) is not None
        await stage.telegram.act("block", user=stage.carla.id, bot=CUSTOMER_TOKEN)
        stage.later = timedelta(seconds=HANDS_OFF)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert redis.zscore(keys.DUE, keys.repaint(ORDER, Side.CUSTOMER)) is None
        assert any(isinstance(event, UserUnreachable) for event in stage.ledger.history(ORDER))

    async def test_an_edit_that_has_just_begun_is_left_to_whoever_makes_it(self, stage: Stage, redis: Redis) -> None:
        """Given a tap that its bot is about to answer by an edit, when a worker comes by the same order."""
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        shown = stage.ledger.shown(ORDER, Side.RESTAURANT)
        assert shown is not None
        stage.ledger.begin_edit(ORDER, Side.RESTAURANT, shown.chat_id, shown.message_id)
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == ["NEW ORDER"]
        assert waits(redis, Side.RESTAURANT) is not None
        stage.later = timedelta(seconds=HANDS_OFF)  # it has died over it
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == ["ACCEPTED"]

    async def test_whoever_lost_the_reply_when_noting_an_edit_does_not_wait_for_itself(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        lost: list[bytes] = []

        def once(number: int, request: bytes) -> None:
            if b"edits" in request and not lost:
                lost.append(request)
                raise StoreGone("the reply was lost")

        store = Together(faulty(redis, after=once))
        await Courier(stage.ledger, store, stage.sender).notify(ORDER, Side.RESTAURANT)
        store.redis.connection_pool.disconnect()
        assert lost
        assert await stage.tickets() == ["ACCEPTED"]

    async def test_an_edit_that_was_answered_needs_no_second_look(self, stage: Stage, redis: Redis) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.telegram.act("fault", kind="429", method="editMessageText")
        for _ in range(2):  # the first one is refused
            await stage.courier.notify(ORDER, Side.RESTAURANT)
            assert redis.zscore(keys.DUE, keys.repaint(ORDER, Side.RESTAURANT)) is None

    async def test_saying_the_same_twice_sends_nothing_new(self, stage: Stage) -> None:
        stage.order(ACCEPT)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        before = await stage.carla.messages()
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert await stage.carla.messages() == before


class TestTrouble:
    async def test_a_429_is_obeyed_to_the_second(self, stage: Stage, redis: Redis) -> None:
        await stage.telegram.act("fault", kind="429", method="sendMessage", retry_after=42)
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        wait = waits(redis, Side.RESTAURANT)
        assert wait is not None
        assert 40 < wait <= 42
        assert stage.kinds() == ["order_placed"]

    async def test_a_429_counts_for_every_order_of_that_chat(self, stage: Stage, redis: Redis) -> None:
        await stage.telegram.act("fault", kind="429", method="sendMessage", retry_after=42)
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        other = "0rder0000002"
        stage.ledger.execute(other, place(other), "test-other")
        await stage.courier.notify(other, Side.RESTAURANT)
        assert [event.kind for event in stage.ledger.history(other)] == ["order_placed"]
        assert redis.zscore(keys.DUE, f"notify:{other}:restaurant") == pytest.approx(
            redis.zscore(keys.DUE, f"notify:{ORDER}:restaurant"), abs=5
        )

    @pytest.mark.parametrize("kind", ["500", "502", "drop_before"])
    async def test_an_outage_is_waited_out(self, stage: Stage, redis: Redis, kind: str) -> None:
        await stage.telegram.act("fault", kind=kind, method="sendMessage")
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert waits(redis, Side.RESTAURANT) is not None
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.anna.sees("NEW ORDER")
        assert waits(redis, Side.RESTAURANT) is None

    async def test_an_answer_lost_after_the_send_doubles_a_message_and_loses_none(self, stage: Stage) -> None:
        await stage.telegram.act("fault", kind="drop_after", method="sendMessage")
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        tickets = [message for message in await stage.anna.messages() if "NEW ORDER" in (message.get("text") or "")]
        assert len(tickets) == 2
        assert stage.kinds() == ["order_placed", "restaurant_notified"]

    async def test_a_customer_who_blocked_the_bot_is_recorded_and_shown_on_the_ticket(self, stage: Stage) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.telegram.act("block", user=stage.carla.id, bot=stage.carla.place["bot"])
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert stage.kinds()[-1] == "user_unreachable"
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert "can't be reached" in (await stage.anna.sees("#17"))["text"]
        order = stage.ledger.execute(ORDER, MarkPickedUp(ANNA), "tap-2")
        assert order.status is Status.FULFILLED

    async def test_who_cancels_hears_that_a_restaurant_which_has_the_ticket_could_not_be_told(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        stage.ledger.execute(ORDER, CANCEL, "tap-1")
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert "could not be told" not in (await stage.carla.sees("You cancelled this order"))["text"]
        await stage.telegram.act("block", user=stage.anna.id, bot=RESTAURANT_TOKEN)
        redis.delete(f"rq:queue:{QUEUE}")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert redis.llen(f"rq:queue:{QUEUE}") == 1
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        await stage.carla.sees("The restaurant could not be told. Please call +39 011 000000.")

    async def test_a_restaurant_that_cannot_be_reached_ends_the_order_and_the_customer_hears_it(
        self, stage: Stage
    ) -> None:
        await stage.telegram.act("block", user=stage.anna.id, bot=stage.anna.place["bot"])
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed", "restaurant_unreachable", "order_expired"]
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        await stage.carla.sees("Nothing to pay")

    async def test_a_restaurant_without_a_staff_chat_just_now_may_get_one_in_time(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.ledger.set_service("nonna", lambda _: Service())
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed"]
        assert waits(redis, Side.RESTAURANT) is not None
        stage.ledger.set_service("nonna", lambda _: Service(staff_chat=stage.anna.id))
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.anna.sees("NEW ORDER")

    async def test_a_ticket_that_was_deleted_is_sent_anew(self, stage: Stage) -> None:
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        ticket = await stage.anna.sees("NEW ORDER")
        del stage.sandbox.world.rooms[stage.anna.room].messages[ticket["message_id"]]
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.anna.sees("ACCEPTED")

    async def test_a_group_that_became_a_supergroup_keeps_its_tickets(self, stage: Stage) -> None:
        bruno, *_ = await stage.telegram.group("Kitchen", "Bruno", "Dora")
        group = bruno.place["chat"]
        await stage.telegram.act("add_bot", chat=group, bot=stage.anna.place["bot"], by=bruno.id)
        stage.ledger.set_service("nonna", lambda service: service.model_copy(update={"staff_chat": group}))
        stage.ledger._redis.hset(keys.STAFF, str(group), "nonna")
        stage.order()
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        new = (await stage.telegram.act("migrate", chat=group))["id"]
        stage.ledger.execute(ORDER, ACCEPT, "tap-1")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        messages = await stage.telegram.look("messages", room=str(new))
        assert any("ACCEPTED" in (message.get("text") or "") for message in messages)
        assert stage.ledger.service("nonna").staff_chat == new

    async def test_what_could_not_be_said_for_a_day_is_given_up_and_recorded(self, stage: Stage, redis: Redis) -> None:
        stage.order(ACCEPT)
        late = Ledger(redis, lambda: datetime.now(UTC) + GIVE_UP + timedelta(minutes=1))
        await stage.telegram.act("fault", kind="500", times=1000)
        await Courier(late, Together(redis), stage.courier._sender).notify(ORDER, Side.CUSTOMER)
        last = stage.ledger.history(ORDER)[-1]
        assert isinstance(last, UserUnreachable)
        assert "24" in last.reason or "1 day" in last.reason

    async def test_after_a_day_without_workers_a_ticket_that_has_its_grace_is_tried_again(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order()
        Clock(stage.ledger, redis).tick()
        stage.later = GIVE_UP + timedelta(hours=1)
        Clock(stage.ledger, redis).tick()
        await stage.telegram.act("fault", kind="500", method="sendMessage")
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed", "answer_time_extended"]
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        await stage.anna.sees("NEW ORDER")

    @pytest.mark.parametrize("is_noted", [True, False])
    async def test_days_without_workers_are_no_time_in_which_news_was_tried(
        self, stage: Stage, redis: Redis, is_noted: bool
    ) -> None:
        """Whether a clock has noted them already or the worker that is back delivers first."""
        stage.order(ACCEPT)
        Clock(stage.ledger, redis).tick()
        stage.later = 3 * GIVE_UP
        if is_noted:
            Clock(stage.ledger, redis).tick()
        await stage.telegram.act("fault", kind="500", method="sendMessage", times=1000)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert "user_unreachable" not in stage.kinds()
        wait = waits(redis, Side.CUSTOMER)
        assert wait is not None
        assert wait - stage.later.total_seconds() < 60

    async def test_and_the_day_in_which_it_is_tried_goes_on_after_them(self, stage: Stage, redis: Redis) -> None:
        stage.order(ACCEPT)
        clock = Clock(stage.ledger, redis)
        clock.tick()
        stage.later = 3 * GIVE_UP
        clock.tick()
        redis.set(keys.BEAT, (stage.ledger.clock() + GIVE_UP).isoformat())  # from now on clocks ran
        stage.later += GIVE_UP
        await stage.telegram.act("fault", kind="500", method="sendMessage", times=1000)
        await stage.courier.notify(ORDER, Side.CUSTOMER)
        assert stage.kinds()[-1] == "user_unreachable"

    async def test_what_telegram_was_never_asked_for_is_not_given_up(self, stage: Stage, redis: Redis) -> None:
        """Given a chat that has had its messages of these seconds, when the order is a day old."""
        stage.order()
        stage.later = GIVE_UP + timedelta(hours=1)
        gate = Gate(Together(redis), Side.RESTAURANT)
        with suppress(NotYet):
            while True:
                await gate.through(stage.anna.id)
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed"]

    async def test_two_workers_do_not_talk_over_each_other(self, stage: Stage, redis: Redis) -> None:
        stage.order()
        with redis.lock(keys.delivery_lock(ORDER, Side.RESTAURANT), timeout=30):
            await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed"]
        wait = waits(redis, Side.RESTAURANT)
        assert wait is not None
        assert wait <= 1

    async def test_what_a_worker_was_telling_another_tells_as_soon_as_its_lease_is_gone(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order()
        redis.set(keys.lease("one"), "1")
        store = Together(redis)
        async with telling(stage.ledger, store, ORDER, Side.RESTAURANT, lease=keys.lease("one")):
            other = Courier(stage.ledger, store, stage.sender, keys.lease("other"))
            await other.notify(ORDER, Side.RESTAURANT)
            assert stage.kinds() == ["order_placed"]
            redis.delete(keys.lease("one"))  # it is dead, or sleeps
            await other.notify(ORDER, Side.RESTAURANT)
            assert stage.kinds() == ["order_placed", "restaurant_notified"]

    async def test_nobody_is_told_what_the_replicas_have_not_confirmed(
        self, stage: Stage, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Given a primary that has lost its replica, when a worker finds the job of an order."""
        monkeypatch.setattr("flows.store.REPLICATED_WITHIN", 1)
        stage.order()
        with pytest.raises(NotReplicated):
            await Courier(stage.ledger, Together(redis, replicas=1), stage.sender).notify(ORDER, Side.RESTAURANT)
        assert await stage.tickets() == []
        assert waits(redis, Side.RESTAURANT) is not None

    async def test_which_message_shows_it_is_known_as_of_when_the_lock_is_taken(
        self, stage: Stage, redis: Redis
    ) -> None:
        """Given a server that has to be given the script first, and a worker that ends telling it meanwhile."""
        stage.order()
        redis.script_flush()
        told: list[bytes] = []

        def meanwhile(number: int, request: bytes) -> None:
            if b"EVAL\r\n" in request and not told:
                told.append(request)
                stage.ledger.record_shown(ORDER, Side.RESTAURANT, Shown(chat_id=stage.anna.id, message_id=5, version=1))
                stage.ledger.execute(ORDER, RecordNotified(Side.RESTAURANT, About.PLACED), "delivery-1")

        store = Together(faulty(redis, before=meanwhile))
        await Courier(stage.ledger, store, stage.sender).notify(ORDER, Side.RESTAURANT)
        store.redis.connection_pool.disconnect()
        assert told
        assert await stage.tickets() == []

    async def test_a_store_that_fails_after_the_send_keeps_the_delivery_outstanding(
        self, stage: Stage, redis: Redis
    ) -> None:
        stage.order()

        def no_record(number: int, request: bytes) -> None:
            if b"restaurant_notified" in request:
                raise StoreGone("gone")

        store = faulty(redis, before=no_record)
        courier = Courier(Ledger(store), Together(store), stage.courier._sender)
        with pytest.raises(StoreGone):
            await courier.notify(ORDER, Side.RESTAURANT)
        store.connection_pool.disconnect()
        assert waits(redis, Side.RESTAURANT) is not None
        await stage.courier.notify(ORDER, Side.RESTAURANT)
        assert stage.kinds() == ["order_placed", "restaurant_notified"]
