"""A sandbox that starts again with its file has the world that it had, whatever that holds; no file can harm it."""

from __future__ import annotations

import ast
import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import httpx
import pytest

from bot.sandbox import keeping, state
from bot.sandbox.bots import Bot, Pending, Webhook
from bot.sandbox.journal import Journal
from bot.sandbox.keeping import PASSING, CannotKeep, Keeper, Unreadable, packed, unpack
from bot.sandbox.rooms import Checkout, InlineQuery, Numbers, Query, Room, WebApp
from bot.sandbox.server import Sandbox
from bot.sandbox.state import World
from tests.people import Telegram
from tests.sandbox.talk import TOKEN
from tests.waiting import until

ANYTHING: dict[str, Any] = {"text": "Ciao 🍕 \ud83c", "n": [1, 2.5, None, True, {"deep": []}]}


def filled(hint: Any) -> Any:
    """Something of that type which is not empty and no default."""
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if origin in (Union, UnionType):
        return filled(next(one for one in inner if one is not NoneType))
    if origin is Literal:
        return inner[-1]
    if origin is dict:
        return {filled(inner[0]): filled(inner[1])} if inner else dict(ANYTHING)
    if origin is tuple:
        return tuple(map(filled, inner))
    if origin in (list, set, deque):
        return origin([filled(inner[0])])
    if is_dataclass(hint) and isinstance(hint, type):
        return every_field_of(hint)
    simple = {int: 4711, float: 1.25, str: "Ciao", bool: True, bytes: b"\x00\xff", Any: "Ciao"}
    return simple[hint]


def every_field_of(kind: type[Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{one.name: filled(hints[one.name]) for one in fields(kind) if one.init})


def full_world() -> World:
    """A world in which each attribute has something, by the type that is written beside it."""
    world = World()
    for name, hint in written_types().items():
        setattr(world, name, filled(hint))
    for numbers in (one for one in vars(world).values() if isinstance(one, Numbers)):
        numbers.upcoming = 7
    for journal in (one for one in vars(world).values() if isinstance(one, Journal)):
        journal.add(kind="something")
    return world


def written_types() -> dict[str, Any]:
    made = ast.parse(textwrap.dedent(inspect.getsource(World.__init__)))
    return {
        one.target.attr: eval(ast.unparse(one.annotation), vars(state))  # noqa: S307 - our own source
        for one in ast.walk(made)
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Attribute) and one.target.attr not in PASSING
    }


def kept(world: World) -> dict[str, Any]:
    return {name: value for name, value in vars(world).items() if name not in PASSING}


def again(world: World) -> World:
    """What a sandbox that starts has of a world."""
    new = World()
    unpack(packed(world), new)
    return new


def test_nothing_that_a_world_can_have_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is added to it later: all that it has is filled here, whatever that is."""
    monkeypatch.setattr(keeping, "unused_number", lambda: 0)
    world, empty = full_world(), World()

    for name, value in kept(world).items():
        if isinstance(value, Journal):
            assert value.last, f"fill world.{name} in this test"
        else:
            assert value != kept(empty)[name], f"fill world.{name} in this test"
    assert json.loads(packed(again(world))) == json.loads(packed(world)), "a round trip loses something"


@pytest.mark.parametrize("kind", [Bot, Webhook, Pending, Room, Query, InlineQuery, WebApp, Checkout])
def test_each_field_comes_back_as_it_was(kind: type[Any]) -> None:
    world, new = World(), World()
    one = every_field_of(kind)
    world.queries["one"] = one

    unpack(packed(world), new)

    assert plain(new.queries["one"]) == plain(one)


def plain(value: Any) -> Any:
    """By value, also of dataclasses that compare by what they are."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list | deque):
        return [plain(one) for one in value]
    return value


def test_what_two_places_share_is_shared_again() -> None:
    world = World()
    bot = world.bot(TOKEN)
    assert bot is not None
    room = world.private(bot, 5)
    world.checkouts["checkout"] = replace(every_field_of(Checkout), room=room)

    new = again(world)

    assert new.users[bot.id] is new.bots[bot.id].user
    assert new.checkouts["checkout"].room is new.rooms[room.key]


def test_no_number_that_was_given_out_after_the_last_saving_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bot = world.bot(TOKEN)
    assert bot is not None
    room = world.private(bot, 5)
    world.user(id=5)
    line, numbers = packed(world), (bot.next_update, room.next_message, world.group_ids.upcoming)

    new = World()
    monkeypatch.setattr(keeping, "unused_number", lambda: max(numbers) + 100)
    unpack(line, new)

    went_on = (new.bots[bot.id].next_update, new.rooms[room.key].next_message, new.group_ids.upcoming)
    assert all(after > before for after, before in zip(went_on, numbers, strict=True))


def test_a_field_that_a_later_version_has_added_gets_its_default_and_one_that_it_has_dropped_is_passed_over() -> None:
    world, new = World(), World()
    world.rooms["room"] = Room(-5, "group", title="Nonna", next_message=7)
    nodes = json.loads(packed(world))
    [room] = [content for kind, content in nodes if kind == "rooms:Room"]
    del room["pinned"]
    room["dropped"] = 5

    unpack(json.dumps(nodes), new)

    assert (new.rooms["room"].title, new.rooms["room"].pinned) == ("Nonna", [])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda nodes: [],
        lambda nodes: {},
        lambda nodes: [["dict", [["rooms", 5]]]],
        lambda nodes: [["dict", [["rooms", [9]]]]],
        lambda nodes: [["dict", [["rooms", [0]]]]],
        lambda nodes: [["list", []]],
        lambda nodes: [["os:system", {"command": "true"}]],
        lambda nodes: [["server:Sandbox", {}]],
        lambda nodes: [["rooms:Room", {}]],
        lambda nodes: nodes[:-1],
    ],
)
def test_what_is_no_world_is_refused_and_leaves_the_new_one_empty(spoil: Callable[[Any], Any]) -> None:
    new = World()

    with pytest.raises(Unreadable):
        unpack(json.dumps(spoil(json.loads(packed(full_world())))), new)

    assert not any((new.rooms, new.bots, new.users))


# The file


async def talk(sandbox: Sandbox) -> None:
    """Somebody writes to a bot and gets an answer with a picture."""
    telegram = Telegram(sandbox.url)
    await telegram.act("bot", token=TOKEN, username="pizza_bot")
    carla = await telegram.person("Carla", bot=TOKEN)
    await carla.send("One margherita")
    async with httpx.AsyncClient(trust_env=False) as http:
        sent = {"chat_id": str(carla.id), "caption": "Here"}
        files = {"photo": ("pizza.jpg", b"\xff\xd8 no picture")}
        (await http.post(f"{sandbox.url}/bot{TOKEN}/sendPhoto", data=sent, files=files)).raise_for_status()
    await telegram.close()


async def test_people_chats_pictures_and_what_waits_for_a_bot_are_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "telegram" / "world.json"
    async with Sandbox(keep=file).serve() as first:
        await talk(first)
    before = first.world

    async with Sandbox(keep=file).serve() as second:
        room = next(iter(second.world.rooms.values()))
        updates = [one.update for one in second.world.bots[int(TOKEN.partition(":")[0])].updates]

    assert second.world.users == before.users
    assert room.messages == next(iter(before.rooms.values())).messages
    assert second.world.files == before.files
    assert [update["message"]["text"] for update in updates] == ["One margherita"]
    assert second.world.changes.last >= before.changes.last
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_world_is_saved_while_it_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    async with Sandbox(keep=file).serve() as sandbox:
        await talk(sandbox)
        await until(lambda: b"One margherita" in file.read_bytes())


def set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("world.json.2*"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is a file of something else"),
        (b"\x00\xff", "it is a file of something else"),
        (
            b'{"format": "comanda-backup", "version": 1, "sha256": ""}\n[]',
            "it is of another version, or of something else",
        ),
        (b'{"format": "comanda-sandbox-world", "version": 2, "sha256": ""}\n[]', "it is of another version"),
        (b'{"format": "comanda-sandbox-world", "version": 1, "sha256": ""}\n[]', "it is damaged"),
    ],
)
async def test_a_file_that_is_broken_or_foreign_is_set_aside_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, why: str
) -> None:
    file = tmp_path / "world.json"
    file.write_bytes(content)

    async with Sandbox(keep=file).serve() as sandbox:
        await talk(sandbox)

    said = capsys.readouterr().err
    [aside] = set_aside(tmp_path)
    assert said.startswith(f"{file} holds no world for this sandbox: {why}")
    assert said.endswith(f"It is {aside} now, and all begins anew.\n")
    assert said.count("\n") == 1
    assert aside.read_bytes() == content
    assert b"One margherita" in file.read_bytes()


async def test_a_file_cut_short_by_a_full_disk_is_set_aside_as_well(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    async with Sandbox(keep=file).serve() as sandbox:
        await talk(sandbox)
    file.write_bytes(file.read_bytes()[:-10])

    async with Sandbox(keep=file).serve() as second:
        assert second.world.users == {}


async def test_two_sandboxes_do_not_keep_their_worlds_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    async with Sandbox(keep=file).serve():
        with pytest.raises(CannotKeep, match="another sandbox keeps its world in"):
            async with Sandbox(keep=file).serve():
                pass


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_what_is_no_file_is_refused_and_left_as_it_is(tmp_path: Path, make: Callable[[Path], None]) -> None:
    place = tmp_path / "world.json"
    make(place)

    with pytest.raises(CannotKeep, match=r"world\.json can't be used to keep the world in: it is no file"):
        Keeper(World(), place).open()

    assert list(tmp_path.iterdir()) == [place]


async def test_a_file_that_cannot_be_written_is_said_once_and_the_sandbox_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    file = tmp_path / "world.json"
    (tmp_path / "world.json.new").mkdir()
    async with Sandbox(keep=file).serve() as sandbox:
        await talk(sandbox)
        await talk(sandbox)

    said = capsys.readouterr().err
    assert said.startswith(f"what happens can't be kept in {file}: ")
    assert said.count("\n") == 1


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a sandbox that keeps its world, as a process of its own."""
    started: list[subprocess.Popen[str]] = []
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json", "--keep", str(tmp_path / "world.json")]

    def start() -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


async def test_a_sandbox_killed_with_9_has_all_but_the_last_moment(
    process: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = process()
    assert first.stdout is not None
    telegram = Telegram(json.loads(first.stdout.readline())["url"])
    carla = await telegram.person("Carla", bot=TOKEN)
    await carla.send("One margherita")
    await until(lambda: b"One margherita" in (tmp_path / "world.json").read_bytes())
    await telegram.close()

    first.send_signal(signal.SIGKILL)
    first.wait()
    second = process()
    assert second.stdout is not None
    telegram = Telegram(json.loads(second.stdout.readline())["url"])

    [room] = await telegram.look("chats")
    assert (room["last"]["text"], room["members"][0]["first_name"]) == ("One margherita", "Carla")
    await telegram.close()


def test_a_second_process_on_the_same_file_ends_with_one_line(process: Callable[[], subprocess.Popen[str]]) -> None:
    first = process()
    assert first.stdout is not None
    assert first.stdout.readline()

    second = process()

    _, said = second.communicate(timeout=60)
    assert second.returncode == 1
    assert said.startswith("another sandbox keeps its world in")
    assert said.count("\n") == 1
