"""Which store a command speaks to: it is named, and none is made where nobody meant to."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter
from redis import Redis

from flows import keys
from flows.settings import Settings
from tests.e2e.system import COMANDA
from tests.platform.programs import PATIENCE
from workers import lasting
from workers.cli import main
from workers.cli.stores import named
from workers.store import open_store

NONNA = str(Path(__file__).parents[2] / "flows" / "samples" / "nonna.yaml")

LOOKING = [
    ("orders",),
    ("order", "7"),
    ("events",),
    ("restaurant", "list"),
    ("restaurant", "show", "nonna"),
    ("restaurant", "export", "nonna"),
    ("restaurant", "remove", "nonna", "--yes"),
    ("restaurant", "invite", "nonna"),
    ("restaurant", "revoke", "nonna"),
    ("archive",),
    ("backup", "orders.gz"),
    ("verify",),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some folder in which Comanda has never run, and where somebody stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_a_command_that_looks_makes_no_store_where_there_is_none(folder: Path, command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, command)

    assert done.exit_code == (2 if command == ("verify",) else 1)
    assert f"there is no store in {folder / 'data'}: go to the folder in which Comanda runs" in done.output
    assert done.output.count("\n") == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", [("orders",), ("doctor",), ("restaurant", "import", NONNA)], ids=" ".join)
def test_a_name_that_the_disk_refuses_is_said_in_one_line(
    command: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(folder / ("x" * 300)))

    done = CliRunner().invoke(main, command)

    assert done.exit_code == 1
    assert "can't be used: File name too long" in done.output
    assert isinstance(done.exception, SystemExit)


def test_the_doctor_says_where_a_store_lies_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "root/proc/self").mkdir(parents=True)
    (folder / "root/proc/self/mountinfo").write_text(f"29 1 0:25 / {folder} rw - tmpfs tmpfs rw\n")
    monkeypatch.setattr(lasting, "ROOT", folder / "root")
    with open_store(Settings(_env_file=None)):
        done = CliRunner().invoke(main, ["doctor"])

    assert (
        "problem  store: data lies in memory and is gone after a restart → orders would be lost; mount" in done.output
    )


@pytest.mark.parametrize("command", [("orders",), ("order", "7"), ("restaurant", "list")], ids=" ".join)
def test_what_the_store_refuses_is_not_called_an_outage(
    command: tuple[str, ...], folder: Path, redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", store_url)
    for key in (keys.ORDERS, keys.RESTAURANTS, keys.SERVICES):
        redis.set(key, "nonsense")

    done = CliRunner().invoke(main, command)

    assert done.exit_code == 1
    assert "the store refuses what was asked of it (WRONGTYPE" in done.output
    assert "`comanda doctor` and `comanda verify` say what is wrong" in done.output


def test_the_doctor_makes_no_store_either_and_says_where_it_looked(folder: Path) -> None:
    done = CliRunner().invoke(main, ["doctor", "--json"])

    [store] = [check for check in json.loads(done.stdout)["checks"] if check["check"] == "store"]
    assert (store["level"], f"there is no store in {folder / 'data'}" in store["says"]) == ("problem", True)
    assert list(folder.iterdir()) == []


def test_an_import_into_a_new_store_says_so_and_where_that_is_the_next_one_does_not(folder: Path) -> None:
    first = CliRunner().invoke(main, ["restaurant", "import", NONNA, "--json"])
    second = CliRunner().invoke(main, ["restaurant", "import", NONNA, "--json"])

    assert (first.exit_code, first.stderr) == (0, f"made a new store: {folder / 'data'} (embedded)\n")
    assert json.loads(first.stdout)["slug"] == "nonna"
    assert (second.exit_code, second.stderr) == (0, "")


def test_at_a_terminal_each_command_begins_with_the_store_that_it_speaks_to(folder: Path) -> None:
    with open_store(Settings(_env_file=None, data_dir=folder / "data")):
        pass
    ours, theirs = pty.openpty()

    done = subprocess.run(
        [*COMANDA, "orders"], cwd=folder, stdout=subprocess.PIPE, stderr=theirs, timeout=PATIENCE, check=True
    )

    os.close(theirs)
    said = b""
    with suppress(OSError):  # at the end
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert said.decode().splitlines()[0] == f"store: {folder / 'data'} (embedded)"
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:hush@host:6379/2", "redis://host:6379/2"),
        ("rediss://anna:p@ss#w/ord@host/0?ssl_ca_certs=/hush", "rediss://host/0"),
        ("redis+sentinel://anna:hush@one:1,two:2/name?sentinel_password=hush", "redis+sentinel://one:1,two:2/name"),
        ("unix:///run/valkey.sock?password=hush", "unix:///run/valkey.sock"),
    ],
)
def test_an_outside_store_is_named_without_its_password(url: str, name: str) -> None:
    settings = Settings.model_construct(redis_url=TypeAdapter(str).validate_python(url))

    assert named(settings) == name
