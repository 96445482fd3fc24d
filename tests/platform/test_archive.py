"""`comanda archive`: orders that ended long ago are in the file before they leave the store, whatever happens."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from flows import events, keys
from flows.commands import AcceptOrder, AnyCommand, CancelOrder, DeclineOrder, MarkPickedUp, RecordNotified
from flows.events import About, CancelReason, DeclineReason, OrderDeclined, OrderPlaced, Person, Side
from flows.ledger import Ledger, Shown
from flows.order import Order, fold
from tests.faults import Killed, faulty
from tests.footprint import bytes_by_kind, finish_orders
from tests.orders import ANNA, CARLA, NOON, after, place
from workers.archive import Archived, Archiving
from workers.archive_file import ArchiveFile, CannotArchive, rows_of
from workers.backup import take
from workers.backup_file import Reader
from workers.cli import main, progress
from workers.reading import read_orders
from workers.restore import restore
from workers.verify import Verification

DAY = timedelta(days=1)
ACCEPTED: list[AnyCommand] = [
    RecordNotified(Side.RESTAURANT, About.PLACED),
    AcceptOrder(ANNA, 20),
    RecordNotified(Side.CUSTOMER, About.ACCEPTED),
]
ENDINGS: dict[str, list[AnyCommand]] = {
    "fulfilled": [*ACCEPTED, MarkPickedUp(ANNA)],
    "declined": [DeclineOrder(ANNA, DeclineReason.TOO_BUSY), RecordNotified(Side.CUSTOMER, About.DECLINED)],
    "cancelled": [CancelOrder(Side.CUSTOMER, CARLA, CancelReason.OTHER)],
}


class Years:
    """A ledger whose clock the test moves, and its archive."""

    def __init__(self, redis: Redis, file: Path) -> None:
        self.redis = redis
        self.file = file
        self.now = NOON
        self.ledger = Ledger(redis, lambda: self.now)

    def order(self, order_id: str, *course: AnyCommand, customer: Person = CARLA) -> Order:
        """An order that has come so far, with both sides shown and told all of it."""
        beside = len(self.ledger.open_orders("nonna"))  # no two open orders have one number or code
        signs: dict[str, Any] = {"number": 17 + beside, "code": f"{4821 + beside}"}
        placed = place(order_id, customer=customer, note="Extra hot ✓", **signs)
        order = self.ledger.execute(order_id, placed, f"{order_id}-0")
        for step, command in enumerate(course, 1):
            order = self.ledger.execute(order_id, command, f"{order_id}-{step}")
        for side in Side:
            self.ledger.record_shown(order_id, side, Shown(chat_id=-42, message_id=900, version=order.version))
            self.ledger.settle(order, side, None)
        return order

    def fill(self) -> None:
        """One order of each ending, a day after the other."""
        for ending, course in ENDINGS.items():
            self.order(ending, *course)
            self.now += DAY

    def archive(self, *, redis: Redis | None = None, before: datetime | None = None, dry: bool = False) -> Archived:
        run = Archiving(redis or self.redis, self.file, before or self.now, lambda _: None)
        return run.run(dry=dry)

    def differences(self) -> list[str]:
        # Two days later, for the numbers here are not those of today's counter.
        found = Verification(self.redis, lambda: self.now + 2 * DAY, repair=False).run()
        return [f"{one.subject}: {one.says}" for one in found]

    def select(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(query).fetchall()

    def kept(self) -> dict[str, list[bytes]]:
        """The histories in the file."""
        found: dict[str, list[bytes]] = {}
        for order_id, event in self.select("SELECT order_id, event FROM events ORDER BY order_id, version"):
            found.setdefault(str(order_id), []).append(str(event).encode())
        return found


@pytest.fixture
def years(redis: Redis, tmp_path: Path) -> Years:
    return Years(redis, tmp_path / "archive.sqlite")


def histories(redis: Redis) -> dict[str, list[bytes]]:
    """What the store has of each order."""
    found: dict[str, list[bytes]] = {}
    for key in redis.scan_iter(match="order:*"):
        found[key.decode().removeprefix("order:")] = redis.lrange(key, 0, -1)  # type: ignore[assignment]
    return found


# What the file has


def test_options_that_say_nothing_alone_are_archived_with_their_group() -> None:
    order = after(of=place(options=("Large", "No"), groups=("", "Onions")))
    declined = OrderDeclined(at=NOON, by=ANNA, reason=DeclineReason.OTHER)

    [line] = rows_of([events.dump(order.placed), events.dump(declined)]).lines

    assert line[4] == "Large, Onions: No"


def test_an_owner_reads_orders_lines_and_events_with_any_tool(years: Years) -> None:
    years.fill()

    assert years.archive().orders == 3

    assert years.select("SELECT id, ending, reason, placed_at, ended_at FROM orders ORDER BY placed_at") == [
        ("fulfilled", "fulfilled", None, "2026-03-14T12:00:00Z", "2026-03-14T12:00:00Z"),
        ("declined", "declined", "too_busy", "2026-03-15T12:00:00Z", "2026-03-15T12:00:00Z"),
        ("cancelled", "cancelled", "other", "2026-03-16T12:00:00Z", "2026-03-16T12:00:00Z"),
    ]
    assert years.select(
        "SELECT DISTINCT number, restaurant, restaurant_name, customer_id, customer, note FROM orders"
    ) == [(17, "nonna", "Trattoria da Nonna", 77, "Carla", "Extra hot ✓")]
    assert years.select("SELECT currency, sum(total) FROM orders GROUP BY currency") == [("EUR", 6900)]
    assert years.select("SELECT * FROM order_lines WHERE order_id = 'declined'") == [
        ("declined", 1, "margherita", "Margherita", "Large", 2, 1150, 2300)
    ]
    assert years.select("SELECT version, kind FROM events WHERE order_id = 'declined'") == [
        (1, "order_placed"),
        (2, "restaurant_notified"),
        (3, "order_declined"),
        (4, "user_notified"),
    ]
    assert years.select("SELECT json_extract(event, '$.customer.name') FROM events WHERE version = 1 LIMIT 1") == [
        ("Carla",)
    ]
    assert years.select("PRAGMA foreign_key_check") == []


def test_only_its_owner_may_read_a_new_file(years: Years) -> None:
    years.fill()
    years.archive()
    assert stat.S_IMODE(years.file.stat().st_mode) == 0o600
    assert [one.name for one in years.file.parent.iterdir()] == [years.file.name]


def test_every_event_in_the_file_is_as_the_store_had_it(years: Years) -> None:
    years.fill()
    before = histories(years.redis)
    years.archive()
    assert years.kept() == before


# What is left in the store


def test_nothing_of_an_archived_order_is_left_in_the_store(years: Years) -> None:
    years.fill()
    years.archive()
    left = {key.decode() for key in years.redis.scan_iter() if not key.startswith(b"rq:")}
    assert left == {keys.EVENTS}
    assert years.redis.xlen(keys.EVENTS) == 0
    assert years.differences() == []


def test_what_a_process_of_an_older_version_left_noted_of_an_archived_order_goes_with_it(years: Years) -> None:
    years.fill()
    years.redis.hset(keys.taken("nonna"), mapping={"#17": "declined", "4821": "another"})
    years.archive()
    assert years.redis.hgetall(keys.taken("nonna")) == {b"4821": b"another"}


def test_what_ended_later_and_what_has_not_ended_stays_with_all_its_events(years: Years) -> None:
    open_order = years.order("open", *ACCEPTED)
    years.order("old", *ENDINGS["declined"])
    years.now += 10 * DAY
    years.order("new", *ENDINGS["cancelled"])

    assert years.archive(before=years.now - DAY).orders == 1

    assert set(years.kept()) == {"old"}
    assert [order.id for order in years.ledger.orders()] == ["open", "new"]
    assert years.ledger.order("open") == open_order
    assert [order.id for order in years.ledger.orders_of(CARLA.id)] == ["new", "open"]
    assert [order.id for order in years.ledger.open_orders("nonna")] == ["open"]
    assert [(order_id, version) for _, order_id, version, _ in years.ledger.read_events("0")] == [
        *(("open", version) for version in range(1, open_order.version + 1)),
        *(("new", version) for version in (1, 2)),
    ]
    assert years.differences() == []


def test_an_order_of_which_somebody_is_still_to_be_told_stays(years: Years) -> None:
    years.ledger.execute("0rder0000001", place(), "1")
    years.ledger.execute("0rder0000001", CancelOrder(Side.CUSTOMER, CARLA, CancelReason.OTHER), "2")
    years.now += DAY

    assert years.archive().orders == 0

    assert not years.file.exists()
    assert years.ledger.order("0rder0000001") is not None


def test_a_dry_run_says_how_many_and_does_nothing(years: Years) -> None:
    years.fill()
    before = histories(years.redis)
    assert years.archive(dry=True).orders == 3
    assert not years.file.exists()
    assert histories(years.redis) == before


def test_many_orders_are_moved_batch_by_batch(years: Years, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.archive.AT_ONCE", 3)
    monkeypatch.setattr("workers.archive.REMOVED_AT_ONCE", 2)
    monkeypatch.setattr("flows.ledger.feed.COUNT", 2)
    for number in range(10):
        course = ACCEPTED if number % 4 == 0 else ENDINGS["declined"]
        years.order(f"0rder{number}", *course, customer=Person(id=number % 3, name="Carla"))
    years.now += DAY

    assert years.archive().orders == 7

    assert [order.id for order in years.ledger.orders()] == ["0rder0", "0rder4", "0rder8"]
    assert len(years.kept()) == 7
    assert years.redis.xlen(keys.EVENTS) == 12
    assert years.differences() == []


@pytest.mark.parametrize("event", [b"no json", b'{"kind": "no_such_event"}', b"\xff"])
def test_an_order_that_cannot_be_read_is_left_and_named_and_stops_no_other(years: Years, event: bytes) -> None:
    years.fill()
    years.redis.rpush(keys.order("declined"), event)

    done = years.archive()

    assert done.orders == 2
    assert [one.order_id for one in done.left] == ["declined"]
    assert set(years.kept()) == {"fulfilled", "cancelled"}
    assert list(histories(years.redis)) == ["declined"]


def test_a_number_that_sqlite_cannot_have_is_named_and_left(years: Years) -> None:
    years.fill()
    first = years.ledger.history("declined")[0]
    assert isinstance(first, OrderPlaced)
    years.redis.lset(keys.order("declined"), 0, events.dump(first.model_copy(update={"number": 2**63})).decode())

    done = years.archive()

    assert (done.orders, [one.order_id for one in done.left]) == (2, ["declined"])


# What may come in between


def test_who_dies_at_any_moment_loses_no_order_and_the_next_run_finishes_it(years: Years) -> None:
    deaths = 0
    for moment in range(40):
        years.redis.flushall()
        years.file.unlink(missing_ok=True)
        years.fill()
        before = histories(years.redis)

        def die(number: int, _: bytes, moment: int = moment) -> None:
            if number == moment:
                raise Killed

        for when in ("before", "after"):
            try:
                years.archive(redis=faulty(years.redis, **{when: die}))
            except Killed:
                deaths += 1
            there = years.kept() if years.file.exists() else {}
            assert {**histories(years.redis), **there} == before, f"after dying {when} request {moment}"
            assert years.differences() == []
        years.archive()
        assert years.kept() == before
        assert histories(years.redis) == {}
    assert 0 < deaths < 80


def test_a_lost_reply_to_the_removal_is_no_failure(years: Years) -> None:
    years.fill()
    cut: list[int] = []

    def lose(number: int, request: bytes) -> None:
        if b"XDEL" in request and not cut:
            cut.append(number)
            raise StoreGone("the reply was lost")

    assert years.archive(redis=faulty(years.redis, after=lose)).orders == 3
    assert len(cut) == 1
    assert histories(years.redis) == {}


def in_between(years: Years, change: Callable[[], object]) -> Redis:
    """A client that has `change` happen when the file has the orders, right before they are removed."""
    changed: list[object] = []

    def before(_: int, request: bytes) -> None:
        if b"XDEL" in request and not changed:
            changed.append(change())

    return faulty(years.redis, before=before)


def test_an_order_that_changes_meanwhile_stays_and_is_archived_anew(years: Years) -> None:
    years.fill()
    late = events.UserNotified(at=years.now, about=About.DECLINED)

    def change() -> None:
        years.redis.rpush(keys.order("declined"), events.dump(late))
        years.redis.xadd(keys.EVENTS, {"order": "declined", "version": 5})

    assert years.archive(redis=in_between(years, change)).orders == 2
    assert list(histories(years.redis)) == ["declined"]

    assert years.archive().orders == 1
    assert years.kept()["declined"][-1] == events.dump(late)
    assert len(years.kept()["declined"]) == 5


@pytest.mark.parametrize(
    "member",
    [keys.wake("declined"), keys.notify("declined", Side.CUSTOMER), keys.repaint("declined", Side.RESTAURANT)],
)
def test_an_order_that_becomes_due_meanwhile_stays(years: Years, member: str) -> None:
    years.fill()

    years.archive(redis=in_between(years, lambda: years.redis.zadd(keys.DUE, {member: 5})))

    assert list(histories(years.redis)) == ["declined"]


def test_what_the_file_has_otherwise_is_not_removed(years: Years, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that lies, say."""
    years.fill()
    before = histories(years.redis)
    add = ArchiveFile.add

    def add_badly(self: ArchiveFile, *args: object) -> None:
        add(self, *args)  # type: ignore[arg-type]
        with closing(sqlite3.connect(years.file)) as db, db:
            db.execute("UPDATE orders SET total = 1 WHERE id = 'declined'")

    monkeypatch.setattr(ArchiveFile, "add", add_badly)

    with pytest.raises(CannotArchive, match="order declined reads otherwise"):
        years.archive()
    assert histories(years.redis) == before


def test_what_comes_back_from_a_backup_is_archived_again_as_it_is_then(years: Years, tmp_path: Path) -> None:
    years.fill()
    take(years.redis, tmp_path / "backup", lambda _: None)
    years.archive()
    before = years.kept()

    with (tmp_path / "backup").open("rb") as file:
        restore(years.redis, Reader(file).records(), lambda: years.now, lambda _: lambda _: None)

    assert len(years.ledger.orders()) == 3
    assert years.archive().orders == 3
    assert years.kept() == before
    assert years.differences() == []


def test_an_order_that_is_archived_while_it_is_to_be_read_is_not_an_unreadable_one(years: Years) -> None:
    years.fill()
    moved: list[Archived] = []

    def archive_first(number: int, _: bytes) -> None:
        if number == 1:  # the first events are read; next come the whole orders
            moved.append(years.archive())

    assert read_orders(faulty(years.redis, before=archive_first), ["declined"]) == []
    assert read_orders(years.redis, ["declined"]) == []
    assert len(moved) == 1


def test_verify_gives_no_false_alarm_while_orders_are_archived(years: Years) -> None:
    def live() -> None:
        for number in range(60):
            years.order(f"live{number:08}", *ENDINGS["declined"], customer=Person(id=number % 7, name="Carla"))
            if number % 5 == 0:
                years.archive(before=NOON + DAY)

    thread = threading.Thread(target=live)
    thread.start()
    found: list[str] = []
    while thread.is_alive():
        found += years.differences()
    thread.join()

    assert found == []
    years.archive(before=NOON + DAY)
    assert len(years.kept()) == 60


# Files that won't do


def foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE mine (a)")


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE orders (a)")
        db.execute("PRAGMA application_id = 0x436F6D61")
        db.execute("PRAGMA user_version = 2")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (foreign, "is no archive of Comanda"),
        (newer, "is of another Comanda: its tables are version 2, not 1"),
        (lambda file: file.write_text("no database" * 100), "file is not a database"),
        (lambda file: file.mkdir(), "Is a directory"),
    ],
)
def test_a_file_that_will_not_do_is_refused_in_a_line_and_nothing_is_removed(
    years: Years, spoil: Callable[[Path], object], said: str
) -> None:
    years.fill()
    spoil(years.file)

    with pytest.raises(CannotArchive, match=said) as refused:
        years.archive()

    assert "\n" not in str(refused.value)
    assert len(histories(years.redis)) == 3


def test_a_file_that_another_tool_writes_is_waited_for_and_then_given_up(
    years: Years, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.archive_file.PATIENCE", 0.01)
    years.order("first", *ENDINGS["declined"])
    years.now += DAY
    years.archive()
    years.order("second", *ENDINGS["declined"])
    years.now += DAY

    with closing(sqlite3.connect(years.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CannotArchive, match="database is locked"):
            years.archive()

    assert list(histories(years.redis)) == ["second"]


# The command

ARCHIVE = ("archive", "--older-than", "0")


def comanda(store_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("REDIS_URL", store_url)
    return CliRunner().invoke(main, arguments)


def test_the_command_says_what_it_does(
    years: Years, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    years.fill()
    years.redis.rpush(keys.order("cancelled"), b"no event")
    file = tmp_path / "data" / "archive.sqlite"
    monkeypatch.setenv("DATA_DIR", str(file.parent))

    dry = comanda(store_url, monkeypatch, *ARCHIVE, "--dry-run", "--json")
    done = comanda(store_url, monkeypatch, "archive")
    again = comanda(store_url, monkeypatch, "archive", "--json")

    assert json.loads(dry.output) | {"left": []} == {"file": str(file), "dry_run": True, "archived": 2, "left": []}
    assert done.exit_code == again.exit_code == 1  # one can't be read
    assert done.output.startswith("cancelled: can't be archived: ")
    assert f"2 orders that ended more than 30 days ago are in {file} now." in done.output
    assert [one["order_id"] for one in json.loads(again.output)["left"]] == ["cancelled"]
    years.redis.delete(keys.order("cancelled"))
    assert comanda(store_url, monkeypatch, "archive").exit_code == 0


def test_orders_of_the_last_month_are_not_moved_unless_told(
    years: Years, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    years.now = datetime.now(UTC) - 29 * DAY
    years.order("recent", *ENDINGS["declined"])
    file = str(years.file)

    assert comanda(store_url, monkeypatch, "archive", file).output.startswith("0 orders that ended")
    assert comanda(store_url, monkeypatch, "archive", file, "--older-than", "28").output.startswith("1 orders that")


def test_what_takes_long_says_how_far_it_is(years: Years, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET", -1.0)
    years.fill()
    assert "3 orders archived …" in comanda(store_url, monkeypatch, *ARCHIVE, str(years.file)).stderr


def test_a_folder_that_is_not_there_is_said_in_one_line(
    years: Years, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    years.fill()
    file = years.file.parent / "nowhere" / "file"

    done = comanda(store_url, monkeypatch, *ARCHIVE, str(file))

    assert (done.exit_code, done.output) == (1, f"Error: {file}: No such file or directory\n")
    assert len(histories(years.redis)) == 3


# What stands for a full disk: no file may grow larger.
FULL = """
import resource, sys
from pathlib import Path
from workers import lasting
lasting.ROOT = Path("/nowhere")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from workers.cli import main
main(["archive", sys.argv[2]])
"""


@pytest.mark.parametrize("room", [0, 8192])
def test_a_full_disk_is_said_in_one_line_and_nothing_is_removed(
    years: Years, store_url: str, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    years.fill()
    monkeypatch.setenv("REDIS_URL", store_url)

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(room), str(years.file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {years.file}: ")
    assert done.stderr.count("\n") == 1
    assert len(histories(years.redis)) == 3


# What an order costs


def test_a_finished_order_costs_less_than_two_kilobytes(redis: Redis) -> None:
    finish_orders(redis, 60)
    assert sum(bytes_by_kind(redis).values()) / 60 < 2048


def test_which_messages_show_an_order_is_forgotten_after_it_is_over(years: Years) -> None:
    years.order("open", *ACCEPTED)
    years.order("over", *ENDINGS["declined"])
    assert years.redis.ttl(keys.delivery("open")) == -1
    assert 0 < years.redis.ttl(keys.delivery("over")) <= 7 * 86_400
    order = fold(years.ledger.history("over"))
    assert order is not None
    assert order.over
