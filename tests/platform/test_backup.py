"""`comanda backup` and `restore`: what was there is there again, and a file that won't do changes nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from redis.exceptions import ConnectionError as Cut

from flows import keys
from flows.commands import AcceptOrder, AnyCommand, CancelOrder, DeclineOrder, MarkPickedUp, MarkReady, RecordNotified
from flows.events import About, CancelReason, DeclineReason, Person, Side
from flows.ledger import Ledger, Shown
from flows.settings import Settings
from flows.store import connect
from flows.turns import Turn
from tests.orders import ANNA, CARLA, place
from tests.platform.programs import Program, valkey_on
from tests.platform.test_store import USER
from workers.backup import CannotBackUp, take
from workers.backup_file import BadBackup, Reader, Record
from workers.cli import main, progress
from workers.cli.seats import import_samples
from workers.restore import checked, restore
from workers.store import StoreError, open_store
from workers.verify import Verification

COURSES: list[list[AnyCommand]] = [
    [],
    [RecordNotified(Side.RESTAURANT, About.PLACED)],
    [AcceptOrder(by=ANNA, minutes=20)],
    [AcceptOrder(by=ANNA, minutes=20), MarkReady(by=ANNA), RecordNotified(Side.CUSTOMER, About.ACCEPTED)],
    [AcceptOrder(by=ANNA, minutes=20), MarkPickedUp(by=ANNA)],
    [DeclineOrder(by=ANNA, reason=DeclineReason.TOO_BUSY)],
    [CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)],
]


def silent(_: int) -> None:
    """Nobody wants to know how far it is."""


def fill(redis: Redis) -> Ledger:
    """Orders at every point of their course, and a bit of everything else."""
    ledger = Ledger(redis)
    import_samples(ledger)
    token = ledger.create_invite("nonna", 3600)
    ledger.join(token, -42)
    ledger.create_invite("momiji", 3600)
    for number, course in enumerate(COURSES):
        order_id = f"0rder{number:08}"
        customer = Person(id=70 + number, name="Carla")
        placed = place(order_id, customer=customer, number=17 - number, code=f"{4821 + number}")
        ledger.execute(order_id, placed, f"{number}-placed")
        for step, one in enumerate(course):
            ledger.execute(order_id, one, f"{number}-{step}")
        ledger.record_shown(order_id, Side.RESTAURANT, Shown(chat_id=-42, message_id=900 + number, version=1))
    ledger.remember_message(77, 5)
    for day in (-1, 0, 1):  # whatever the local day is, its counter is at the orders' number
        redis.set(keys.number("nonna", (datetime.now(UTC) + timedelta(days=day)).date()), 17, ex=86_400)
    redis.set(keys.BEAT, datetime.now(UTC).isoformat())
    redis.hset(keys.inbox("customer"), "11", '{"update_id": 11}')
    redis.hset(keys.inbox_dead("customer"), "12", '{"update": {"update_id": 12}, "traceback": "…", "at": 5.5}')
    redis.zadd(keys.inbox_seen("customer"), {"11": 1773489600.25, "12": 1773489601})
    redis.set("of a later version", b"\xff\x00 no text")
    redis.set("empty", "")
    return ledger


def image(redis: Redis) -> dict[str, object]:
    """All that has to come back, in a form that can be compared; `events` without the ids of its entries."""
    read: dict[object, Callable[[bytes], object]] = {
        b"string": redis.get,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"hash": redis.hgetall,
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"stream": lambda key: sorted(str(fields) for _, fields in redis.xrange(key)),  # type: ignore[union-attr]
    }
    found = [key for key in redis.scan_iter() if not key.startswith(b"rq:")]
    return {key.decode(): read[redis.type(key)](key) for key in found}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "comanda.backup"


def brought_back(redis: Redis, file: Path) -> list[str]:
    """Restore a checked backup. Returns what a look at all of it has found."""
    with file.open("rb") as opened:
        checked(Reader(opened).records())
        done = restore(redis, Reader(opened).records(), Ledger(redis).clock, lambda _: silent)
    return [f"{one.subject}: {one.says}" for one in done.findings]


def test_what_was_there_is_there_again(redis: Redis, file: Path) -> None:
    ledger = fill(redis)
    before, orders = image(redis), ledger.orders()
    invite = ledger.open_invite("momiji")
    lives = [redis.pttl(key) for key in (keys.session(77), keys.invite_of("momiji"))]

    take(redis, file, silent)
    redis.flushall()
    redis.set("rq:queue:comanda", "left from before")
    found = brought_back(redis, file)

    assert found == []
    assert image(redis) == before
    assert Ledger(redis).orders() == orders
    assert Ledger(redis).open_invite("momiji") == invite
    for key, life in zip((keys.session(77), keys.invite_of("momiji")), lives, strict=True):
        assert abs(redis.pttl(key) - life) < 60_000
    assert list(Verification(redis, ledger.clock, repair=False).run()) == []
    assert not redis.exists("rq:queue:comanda")


def test_numbers_and_codes_that_were_noted_wrongly_are_right_after_it(redis: Redis, file: Path) -> None:
    ledger = fill(redis)
    redis.hset(keys.taken("nonna"), "#3", "nobody")
    [one, *_] = ledger.open_orders("nonna")
    redis.hdel(keys.taken("nonna"), one.placed.code)
    take(redis, file, silent)
    brought_back(redis, file)
    taken: Any = redis.hgetall(keys.taken("nonna"))
    assert b"#3" not in taken
    assert taken[one.placed.code.encode()] == one.id.encode()


def test_who_follows_the_events_goes_on_where_they_were(redis: Redis, file: Path) -> None:
    ledger = fill(redis)
    before = ledger.read_events("0")
    take(redis, file, silent)

    brought_back(redis, file)

    after = Ledger(redis).read_events("0")
    assert [(order, version) for _, order, version, _ in after] == [(order, version) for _, order, version, _ in before]
    ledger.execute("0rder00000000", AcceptOrder(by=ANNA, minutes=10), "new")
    assert [event.kind for *_, event in ledger.read_events(after[-1][0])][-1] == "order_accepted"
    assert all(order == "0rder00000000" for _, order, _, _ in ledger.read_events(before[-1][0]))


def test_a_card_that_was_still_to_be_brought_up_to_date_still_is(redis: Redis, file: Path) -> None:
    ledger = Ledger(redis)
    order = ledger.execute("0rder00000000", place("0rder00000000"), "one")
    order = ledger.execute(order.id, CancelOrder(Side.CUSTOMER, CARLA, CancelReason.OTHER), "two")
    assert not order.owed_to(Side.CUSTOMER)

    take(redis, file, silent)
    brought_back(redis, file)

    assert redis.zscore(keys.DUE, keys.notify(order.id, Side.CUSTOMER)) is not None
    assert ledger.requeue(order.id, Side.CUSTOMER)


def test_what_has_expired_meanwhile_does_not_come_back(redis: Redis, file: Path) -> None:
    redis.set(keys.session(77), "{}", px=1)
    redis.set(keys.session(78), "{}", ex=500)
    take(redis, file, silent)
    text = gzip.decompress(file.read_bytes()).decode()
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    lines = [json.loads(line) for line in text.splitlines()]
    rewrite(file, [line | {"expires": past} if "expires" in line else line for line in lines])

    brought_back(redis, file)

    assert redis.get(keys.session(78)) is None


def test_a_backup_of_a_running_system_has_a_beginning_of_each_order(redis: Redis, file: Path) -> None:
    ledger = Ledger(redis)

    def live() -> None:
        for number in range(100):
            ledger.execute(f"live{number:08}", place(f"live{number:08}"), f"a-{number}")
            if number >= 3:
                ledger.execute(f"live{number - 3:08}", AcceptOrder(by=ANNA, minutes=20), f"b-{number}")
            if number >= 9:
                ledger.execute(f"live{number - 9:08}", MarkPickedUp(by=ANNA), f"c-{number}")

    thread = threading.Thread(target=live)
    thread.start()
    while take(redis, file, silent).keys["order"] < 30:
        pass
    thread.join()
    full = {key: redis.lrange(key, 0, -1) for key in redis.scan_iter(match="order:*")}

    found = brought_back(redis, file)

    back = {key: redis.lrange(key, 0, -1) for key in redis.scan_iter(match="order:*")}
    assert found == []
    assert back
    assert all(events == full[key][: len(events)] for key, events in back.items())


def test_a_tap_that_a_backup_has_as_waiting_finds_its_effect_even_after_later_ones(redis: Redis, file: Path) -> None:
    """Given a chat that goes on while a backup is taken: its inbox has been read when two taps take effect."""
    ledger = Ledger(redis)
    redis.hset(keys.inbox("customer"), "1", '{"update_id": 1}')

    def handled(_: int) -> None:
        for tap in (1, 2):
            ledger.advance(77, f"customer-{tap}", lambda session, _: Turn(session))

    take(redis, file, handled)

    brought_back(redis, file)

    assert redis.hexists(keys.inbox("customer"), "1")
    assert ledger.advance(77, "customer-1", lambda session, _: Turn(session)).repeated


def test_an_order_that_cannot_be_read_is_kept_as_it_is(redis: Redis, file: Path) -> None:
    redis.rpush(keys.order("broken"), b"\xff no event")
    take(redis, file, silent)

    found = brought_back(redis, file)

    assert len(found) == 1
    assert found[0].startswith("broken: can't be read")
    assert redis.lrange(keys.order("broken"), 0, -1) == [b"\xff no event"]


def test_a_backup_is_for_its_owner_only_and_plain_to_read(redis: Redis, file: Path) -> None:
    fill(redis)

    summary = take(redis, file, silent)

    first, *lines, last = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (first["format"], first["version"]) == ("comanda-backup", 1)
    assert last["keys"]["order"] == len(COURSES)
    assert len(lines) == summary.keys.total() == sum(last["keys"].values())
    assert not [line["key"] for line in lines if line["key"].startswith(("rq:", "orders", "events", "staff", "worker"))]


def test_a_backup_that_fails_leaves_the_former_one(redis: Redis, file: Path) -> None:
    file.write_text("the former one")
    redis.xadd("somebody's", {"a": "stream"})

    with pytest.raises(CannotBackUp, match="type stream"):
        take(redis, file, silent)

    assert file.read_text() == "the former one"
    assert [one.name for one in file.parent.iterdir()] == [file.name]


# Files that won't do


def rewrite(file: Path, lines: list[dict[str, object]]) -> None:
    """Write these lines with a right checksum."""
    end = lines[-1] | {"sha256": hashlib.sha256(as_lines(lines[:-1])).hexdigest()}
    file.write_bytes(gzip.compress(as_lines([*lines[:-1], end])))


def as_lines(lines: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def lines_of(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def spoil(file: Path, how: str) -> None:
    whole, lines = file.read_bytes(), lines_of(file)
    match how:
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "a flipped bit":
            # In gzip's own checksum: elsewhere it depends on the data what the flip makes of them.
            file.write_bytes(whole[:-8] + bytes([whole[-8] ^ 4]) + whole[-7:])
        case "a line less":
            file.write_bytes(gzip.compress(as_lines([lines[0], *lines[2:]])))
        case "no end":
            file.write_bytes(gzip.compress(as_lines(lines[:-1])))
        case "more behind the end":
            file.write_bytes(whole + gzip.compress(b"{}\n"))
        case "newer":
            rewrite(file, [lines[0] | {"version": 2}, *lines[1:]])
        case "another format":
            rewrite(file, [{"format": "tar"}, *lines[1:]])
        case "no gzip":
            file.write_text("slug: nonna")
        case "empty":
            file.write_bytes(b"")
        case "a job":
            job: dict[str, object] = {"key": "rq:queue:comanda", "type": "list", "value": ["evil"]}
            rewrite(file, [lines[0], job, *lines[1:]])
        case "no key":
            rewrite(file, [lines[0], {"key": "due", "type": "zset", "value": {"wake:x": "soon"}}, *lines[1:]])
        case "no text":
            file.write_bytes(gzip.compress(b"\xff\xfe\n"))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "it is damaged"),
        ("a flipped bit", "it is damaged"),
        ("a line less", "it is damaged: its checksum is another one"),
        ("no end", "it is damaged: its end is missing"),
        ("more behind the end", "it is damaged"),
        ("newer", "it is of a newer Comanda: its format is version 2, and this one reads 1"),
        ("another format", "it is no backup of Comanda"),
        ("no gzip", "it is no backup of Comanda"),
        ("empty", "it is damaged: its end is missing"),
        ("a job", "it has a key that no backup has: 'rq:queue:comanda'"),
        ("no key", "it is damaged: it has a line that is no key"),
        ("no text", "no backup of Comanda"),
    ],
)
def test_a_file_that_will_not_do_is_refused_in_one_line_before_anything_is_written(
    redis: Redis, file: Path, how: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(redis)
    take(redis, file, silent)
    spoil(file, how)
    data = file.parent / "data"
    monkeypatch.setenv("DATA_DIR", str(data))

    done = comanda("restore", str(file), "--replace", "--yes")

    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1
    assert not data.exists()  # not even opened


# The commands, on stores of their own


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of a store with a bit of everything in it, which nobody uses."""
    directory = tmp_path / "data"
    monkeypatch.setenv("DATA_DIR", str(directory))
    with open_store(Settings(_env_file=None, data_dir=directory)) as opened, connect(opened.url) as redis:
        fill(redis)
        redis.delete("of a later version")
    return directory


def comanda(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


def orders() -> str:
    return comanda("orders", "--json").output


def test_from_one_store_into_another(store: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = orders()
    assert comanda("backup", str(file)).output.startswith(f"{file}: 7 orders and ")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "new"))

    done = comanda("restore", str(file))

    assert (done.exit_code, done.stderr) == (0, f"made a new store: {tmp_path.resolve() / 'new'} (embedded)\n")
    assert "7 orders replayed, and all that is derived from them agrees." in done.output
    assert orders() == before
    assert comanda("verify").exit_code == 0


def test_a_store_with_something_in_it_is_replaced_only_on_request(store: Path, file: Path) -> None:
    comanda("backup", str(file))
    with open_store(Settings(_env_file=None, data_dir=store)) as opened, connect(opened.url) as redis:
        Ledger(redis).execute("0rderlater00", place("0rderlater00"), "later")

    refused = comanda("restore", str(file))
    said_no = comanda("restore", str(file), "--replace", answer="n\n")
    assert "0rderlater00" in orders()
    said_yes = comanda("restore", str(file), "--replace", answer="y\n")

    assert (refused.exit_code, "the store is not empty: --replace" in refused.output) == (1, True)
    assert (said_no.exit_code, "This erases all" in said_no.output) == (1, True)
    assert said_yes.exit_code == 0
    assert "0rderlater00" not in orders()
    assert json.loads(comanda("restore", str(file), "--replace", "--yes", "--json").output)["replayed"] == 7


def test_nothing_is_restored_under_a_running_system(store: Path, file: Path) -> None:
    comanda("backup", str(file))
    user = Program(USER, str(store))
    user.says()

    refused = comanda("restore", str(file), "--replace", "--yes")
    user.go_on()
    user.ends()

    assert refused.exit_code == 1
    assert "is in use: stop `comanda up`" in refused.output
    assert comanda("restore", str(file), "--replace", "--yes").exit_code == 0


def test_nothing_is_restored_into_an_outside_store_with_a_bot_or_a_worker_on_it(
    redis: Redis, file: Path, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(redis, file, silent)
    url = f"redis://127.0.0.1:{free_port}"
    monkeypatch.setattr("workers.store.LEAVING", 0.0)
    monkeypatch.setenv("REDIS_URL", url)
    with valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always") as bot, Redis.from_url(url) as other:
        by_its_connection = comanda("restore", str(file))
        bot.close()
        other.sadd(keys.WORKERS, "w")
        other.set(keys.lease("w"), "1")
        by_its_lease = comanda("restore", str(file))
        other.flushall()
        monkeypatch.setattr("workers.store.LEAVING", 20.0)
        free = comanda("restore", str(file))

    assert "bots or workers run on this store" in by_its_connection.output
    assert "bots or workers run on this store" in by_its_lease.output
    assert free.exit_code == 0, free.output


def test_a_restore_that_was_interrupted_is_done_again_before_anything_starts(store: Path, file: Path) -> None:
    comanda("backup", str(file))
    settings = Settings(_env_file=None, data_dir=store)

    with (
        open_store(settings) as opened,
        connect(opened.url) as redis,
        file.open("rb") as whole,
        pytest.raises(Cut),
    ):
        restore(redis, cut_short(whole), Ledger(redis).clock, lambda _: silent)

    with pytest.raises(StoreError, match="run `comanda restore FILE` again"), open_store(settings):
        pass
    assert comanda("restore", str(file)).exit_code == 0
    assert comanda("verify").exit_code == 0


def cut_short(file: IO[bytes]) -> Iterator[Record]:
    records = Reader(file).records()
    for _ in range(3):
        yield next(records)
    raise Cut


def test_what_takes_long_says_how_far_it_is(store: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET", -1.0)

    done = comanda("backup", str(file))

    assert "1 keys written …" in done.stderr
    assert "keys written" not in done.stdout
    restored = comanda("restore", str(file), "--replace", "--yes").stderr
    assert all(f"{what} …" in restored for what in ("keys brought back", "orders replayed", "orders compared"))


def test_a_folder_that_is_not_there_is_said_in_one_line(store: Path, tmp_path: Path) -> None:
    done = comanda("backup", str(tmp_path / "nowhere" / "file"))

    assert done.exit_code == 1
    assert done.output == f"Error: {tmp_path / 'nowhere' / 'file'}: No such file or directory\n"


def test_the_errors_of_a_file_are_its_own(redis: Redis, file: Path) -> None:
    file.write_bytes(gzip.compress(b"[1]\n"))

    with file.open("rb") as opened, pytest.raises(BadBackup, match="no JSON object"):
        Reader(opened)
