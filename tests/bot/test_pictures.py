"""What an update leaves to be shown waits for Telegram's limits, and holds up nothing but itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from redis import Redis

from bot.inbox import Inbox, Next
from bot.intake import MOST_BEHIND, TRIES
from bot.pictures import Picture, Pictures, Wanted
from flows import keys
from flows.gate import NotYet
from flows.session import REMEMBERED
from tests.bot.scenes import TOKEN, Scene
from tests.platform.programs import Program
from tests.waiting import until


async def nothing() -> None:
    """A picture that is drawn by looking at it."""


def wanted(number: int, place: str) -> Wanted:
    return Wanted({"update_id": number}, Picture(7, place, nothing), number)


class TestOfOneChat:
    def test_a_newer_picture_takes_the_place_of_the_older_one(self) -> None:
        pictures, old, new = Pictures(), wanted(1, "ticket"), wanted(2, "ticket")
        pictures.add(old)
        pictures.add(new)
        assert pictures.overtaken() == [old]
        pictures.forget(old)
        assert pictures.take() is new
        assert pictures.updates == {2}

    def test_pictures_of_different_places_are_drawn_in_their_order(self) -> None:
        pictures, one, other = Pictures(), wanted(1, "one"), wanted(2, "other")
        pictures.add(one)
        pictures.add(other)
        newer = wanted(3, "one")
        pictures.add(newer)
        for expected in (newer, other):
            found = pictures.take()
            assert found is expected
            pictures.done(expected)
        assert pictures.take() is None

    def test_what_is_being_drawn_is_finished_and_the_newer_one_drawn_after_it(self) -> None:
        pictures, old, new = Pictures(), wanted(1, "ticket"), wanted(2, "ticket")
        pictures.add(old)
        assert pictures.take() is old
        assert pictures.begin(old)
        pictures.add(new)
        assert pictures.overtaken() == []
        assert pictures.updates == {1, 2}
        pictures.pause()
        pictures.done(old)
        assert pictures.take() is new

    def test_what_is_overtaken_while_it_waits_for_another_try_is_not_drawn(self) -> None:
        pictures, old, new = Pictures(), wanted(1, "ticket"), wanted(2, "ticket")
        pictures.add(old)
        pictures.take()
        assert pictures.begin(old)
        pictures.pause()
        pictures.add(new)
        assert pictures.overtaken() == [old]
        assert pictures.updates == {1, 2}  # until it is known that its update is struck off
        assert not pictures.begin(old)

    def test_what_is_overtaken_stays_in_the_inbox_as_long_as_something_older_waits(self) -> None:
        """After a death the older one is handled again, and what followed has to be as well."""
        pictures, older, old, new = Pictures(), wanted(1, "pause"), wanted(2, "resume"), wanted(3, "resume")
        for one in (older, old, new):
            pictures.add(one)
        assert pictures.overtaken() == []
        assert pictures.updates == {1, 2, 3}
        assert pictures.take() is older
        pictures.done(older)
        assert pictures.overtaken() == [old]

    def test_how_many_updates_have_taken_effect_since_the_oldest_that_waits_is_known(self) -> None:
        pictures, one, other = Pictures(), wanted(0, "one"), wanted(5, "other")
        pictures.add(one)
        pictures.add(other)
        pictures.handled = 9
        assert pictures.behind == 9
        pictures.take()
        pictures.done(one)
        assert pictures.behind == 4
        pictures.take()
        pictures.done(other)
        assert pictures.behind == 0


@pytest.fixture
def release(scene: Scene) -> Callable[[], None]:
    """Each update leaves a picture of what is typed before the space; none can be drawn until this is called."""
    closed: list[bool] = [True]

    def show(text: str) -> None:
        if closed:
            raise NotYet(0.01)

    scene.bot.act = lambda text: text.partition(" ")[0]
    scene.bot.show = show
    return closed.clear


async def test_updates_are_handled_while_pictures_wait_and_leave_the_inbox_after_them(
    scene: Scene, release: Callable[[], None]
) -> None:
    carla = await scene.person("Carla")
    async with scene.listening():
        for text in ("a", "b", "c"):
            await carla.send(text)
        await until(lambda: scene.bot.seen == ["a", "b", "c"])
        assert scene.waiting() == 3
        release()
        await until(lambda: scene.waiting() == 0)
    assert list(dict.fromkeys(scene.bot.drawn)) == ["a", "b", "c"]
    assert scene.bot.seen == ["a", "b", "c"]


async def test_what_has_taken_effect_and_waits_for_its_picture_is_noted_until_it_leaves_the_inbox(
    scene: Scene, release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.RENEW", 0.01)
    carla = await scene.person("Carla")
    noted = keys.inbox_handled("customer")
    async with scene.listening():
        await carla.send("a")
        await carla.send("b")
        await until(lambda: scene.waiting() == 2)
        await until(lambda: scene.redis.smembers(noted) == set(scene.redis.hkeys(keys.inbox("customer"))))
        release()
        await until(lambda: scene.waiting() == 0)
        await until(lambda: not scene.redis.exists(noted))


def test_what_has_left_the_inbox_is_not_noted_any_more(scene: Scene) -> None:
    """Given a note that comes later than the update was struck off."""
    Inbox(scene.redis, "customer", "me").renew({5})
    assert not scene.redis.exists(keys.inbox_handled("customer"))


async def test_of_one_place_only_the_newest_picture_is_drawn(scene: Scene, release: Callable[[], None]) -> None:
    carla = await scene.person("Carla")
    async with scene.listening():
        for text in ("a 1", "a 2", "b", "a 3"):
            await carla.send(text)
        await until(lambda: len(scene.bot.seen) == 4 and scene.waiting() == 2)
        scene.bot.drawn.clear()
        release()
        await until(lambda: scene.waiting() == 0)
    assert list(dict.fromkeys(scene.bot.drawn)) == ["a 3", "b"]


async def test_no_more_of_a_private_chat_takes_effect_than_its_session_knows_when_it_comes_again(
    scene: Scene, release: Callable[[], None]
) -> None:
    carla = await scene.person("Carla")
    async with scene.listening():
        await carla.send("a")
        for number in range(REMEMBERED + 5):
            await carla.send(f"b {number}")
        await until(lambda: scene.waiting() == REMEMBERED + 6 and len(scene.bot.seen) >= MOST_BEHIND + 1)
        assert len(scene.bot.seen) == MOST_BEHIND + 1
        release()
        await until(lambda: scene.waiting() == 0)
    assert len(scene.bot.seen) == REMEMBERED + 6


async def test_however_often_a_message_changes_while_it_must_wait_all_takes_effect(scene: Scene) -> None:
    """Of one place only the newest picture waits, and whatever is older has left the inbox."""
    carla = await scene.person("Carla")

    def show(text: str) -> None:
        raise NotYet(3600)

    scene.bot.act, scene.bot.show = lambda text: "menu", show
    async with scene.listening():
        for number in range(REMEMBERED + 5):
            await carla.send(str(number))
        await until(lambda: len(scene.bot.seen) == REMEMBERED + 5 and scene.waiting() == 1)


async def test_a_chat_that_is_looked_at_again_meanwhile_has_nothing_handled_twice(
    scene: Scene, release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each renewal finds the chat's updates in the inbox, and Telegram sends one once more."""
    monkeypatch.setattr("bot.intake.RENEW", 0.01)
    carla = await scene.person("Carla")
    bot = scene.sandbox.world.bot(TOKEN)
    assert bot is not None
    async with scene.listening():
        await carla.send("a")
        await until(lambda: scene.bot.seen == ["a"])
        update = json.loads(next(iter(scene.redis.hgetall(keys.inbox("customer")).values())))
        update.pop("update_id")
        await scene.telegram.act("redeliver", bot=TOKEN, update={"update_id": bot.next_update - 1, **update})
        await carla.send("b")
        await until(lambda: scene.bot.seen[-1] == "b")
        release()
        await until(lambda: scene.waiting() == 0)
        await until(lambda: not scene.redis.exists(keys.inbox_owners("customer")))
    assert scene.bot.seen == ["a", "b"]


async def test_a_picture_that_can_never_be_drawn_is_set_aside_and_the_others_are_drawn(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)
    carla = await scene.person("Carla")

    def show(text: str) -> None:
        if text == "poison":
            raise ValueError("cannot draw this")

    scene.bot.act = lambda text: text
    scene.bot.show = show
    async with scene.listening():
        await carla.send("poison")
        await carla.send("fine")
        await until(lambda: scene.waiting() == 0 and "fine" in scene.bot.drawn)
    assert scene.bot.drawn.count("poison") == TRIES
    assert scene.bot.sorry == [carla.id]
    assert scene.redis.hlen(keys.inbox_dead("customer")) == 1


async def test_a_turn_that_is_long_in_coming_is_no_failure(scene: Scene) -> None:
    carla = await scene.person("Carla")
    refusals = iter(range(TRIES * 2))

    def show(text: str) -> None:
        if next(refusals, None) is not None:
            raise NotYet(0.001)

    scene.bot.act = lambda text: text
    scene.bot.show = show
    async with scene.listening():
        await carla.send("a")
        await until(lambda: scene.waiting() == 0 and bool(scene.bot.drawn))
    assert len(scene.bot.drawn) == TRIES * 2 + 1
    assert scene.bot.sorry == []


async def test_pictures_of_one_chat_wait_for_no_other_chats(scene: Scene) -> None:
    carla, dino = await scene.person("Carla"), await scene.person("Dino")
    hangs = asyncio.Event()
    scene.bot.act = lambda text: text
    scene.bot.show = lambda text: hangs.wait() if text == "slow" else None
    async with scene.listening():
        await carla.send("slow")
        await until(lambda: scene.bot.drawn == ["slow"])
        await carla.send("behind it")
        await dino.send("quick")
        await until(lambda: "quick" in scene.bot.drawn)
        await until(lambda: "behind it" in scene.bot.seen)  # an edit under way holds up no tap either
        hangs.set()
        await until(lambda: scene.waiting() == 0)


class TestStopping:
    async def test_what_can_be_drawn_is_drawn_and_what_waits_for_its_turn_is_left(
        self, scene: Scene, release: Callable[[], None]
    ) -> None:
        carla, dino = await scene.person("Carla"), await scene.person("Dino")
        drawn = asyncio.Event()

        async def show(text: str) -> None:
            if text == "not yet":
                raise NotYet(3600)
            await drawn.wait()

        scene.bot.show = show
        async with scene.listening():
            await carla.send("not yet")
            await dino.send("under way")
            await until(lambda: sorted(scene.bot.drawn) == ["not yet", "under way"])
            asyncio.get_running_loop().call_later(0.05, drawn.set)
        assert scene.waiting() == 1
        scene.bot.show = lambda text: None
        async with scene.listening():
            await until(lambda: scene.waiting() == 0)
        assert scene.bot.seen.count("not yet") == 2
        assert scene.bot.seen.count("under way") == 1


WAITING_BOT = """
import asyncio, sys
from bot.intake import Intake
from bot.pictures import Picture
from bot.polling import Polling
from flows.gate import NotYet
from flows.session import REMEMBERED
from flows.store import connect

class Waiting:
    def reads(self, update):
        return []

    async def handle(self, update):
        print(update["message"]["text"], flush=True)
        return Picture(update["message"]["chat"]["id"], "place", None)

    async def draw(self, update, picture):
        raise NotYet(3600)

async def main(api_url, store_url, token):
    intake = Intake(bot="customer", token=token, redis=connect(store_url), face=Waiting())
    await intake.run(Polling("customer", token, api_url, ["message"]), asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_a_killed_process_had_not_drawn_is_shown_after_the_restart(scene: Scene) -> None:
    carla = await scene.person("Carla")
    address = scene.redis.connection_pool.connection_kwargs["path"]
    killed = Program(WAITING_BOT, scene.sandbox.url, f"unix://{address}", TOKEN)
    try:
        for text in ("a", "b"):
            await carla.send(text)
            assert await asyncio.to_thread(killed.says) == text
        await until(lambda: scene.waiting() == 1)  # the newest keeps its place in the inbox
    finally:
        await asyncio.to_thread(killed.kill)
    scene.bot.act = lambda text: "place"
    async with scene.listening():
        await until(lambda: scene.waiting() == 0)
    assert scene.bot.drawn == ["b"]


def test_what_is_in_hand_is_skipped_and_keeps_the_chat_with_its_owner(redis: Redis) -> None:
    first, second = ({"update_id": number, "message": {"chat": {"id": 7}}} for number in (1, 2))
    inbox = Inbox(redis, "customer", "me")
    inbox.store([first, second])
    assert inbox.next("7", in_hand={1}) == Next(waiting=2, update=second)
    assert inbox.next("7", in_hand={1, 2}) == Next(waiting=2, update=None)
    assert redis.hget(keys.inbox_owners("customer"), "7") == b"me"
    assert inbox.next("7", done=second, in_hand={1}) == Next(waiting=1, update=None)
    assert inbox.next("7", done=first) == Next(waiting=0, update=None)
    assert not redis.exists(keys.inbox_owners("customer"))
