"""The set-up: it finds a Python or names the cure, repairs what is half made, and does nothing twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workers import setup
from workers.setup import Environment, SetupError, Step

ROOT = Path(__file__).resolve().parents[2]

# Pythons as the script meets them. It asks each for its version, then for its modules, then hands over to it.
TOO_OLD = "exit 1"
FAILING_SHIM = "echo 'pyenv: command not found' >&2; exit 127"
WITHOUT_VENV = "case $2 in *ensurepip*) exit 1;; esac"
GOOD = '[ "$1" = -c ] || echo "$(basename "$0") runs $*"'


class Machine:
    """A machine that has nothing but these Pythons, and the script in a checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("sh", "dirname", "basename", "uname"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        shutil.copy(ROOT / "comanda-setup", folder)
        self.release = folder / "os-release"

    def has(self, name: str, behaviour: str) -> None:
        program = self.bin / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{behaviour}\n")
        program.chmod(0o755)

    def set_up(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        known = {"PATH": str(self.bin), "OS_RELEASE": str(self.release), **environment}
        return subprocess.run(
            ["./comanda-setup", *arguments], cwd=self.folder, env=known, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_python_that_runs_is_taken(machine: Machine) -> None:
    machine.has("python3.14", FAILING_SHIM)
    machine.has("python3.13", GOOD)
    machine.has("python3.11", GOOD)

    assert machine.set_up("--dev").stdout == "python3.13 runs -m workers.setup --dev\n"


def test_a_named_python_goes_before_all_others(machine: Machine) -> None:
    machine.has("python3.13", GOOD)
    machine.has("mine", GOOD)

    assert machine.set_up(PYTHON="mine").stdout == "mine runs -m workers.setup\n"


def test_a_named_python_that_is_too_old_is_refused(machine: Machine) -> None:
    machine.has("python3.13", GOOD)
    machine.has("mine", TOO_OLD)

    done = machine.set_up(PYTHON="mine")

    assert done.returncode == 1
    assert "PYTHON=mine is no Python 3.11 or newer that runs" in done.stderr


@pytest.mark.parametrize(
    ("system", "cure"),
    [
        ("ID=ubuntu\nID_LIKE=debian", "sudo apt install python3 python3-venv  # Debian 12, Ubuntu 24.04 or newer;"),
        ("ID=debian", "else uv python install 3.13 (https://docs.astral.sh/uv/)"),
        ("ID=fedora", "sudo dnf install python3.12"),
        ("ID=alpine", "apk add python3"),
        ("ID=arch", "sudo pacman -S python"),
        ("ID=other", "https://www.python.org/downloads/"),
    ],
)
def test_without_a_python_the_cure_of_the_system_is_named(machine: Machine, system: str, cure: str) -> None:
    machine.release.write_text(system)
    machine.has("python3", TOO_OLD)

    done = machine.set_up()

    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert cure in done.stderr
    assert "PYTHON=/path/to/python3.12" in done.stderr


def test_on_a_mac_the_cure_is_homebrew(machine: Machine) -> None:
    (machine.bin / "uname").unlink()
    machine.has("uname", "echo Darwin")

    assert "brew install python" in machine.set_up().stderr


def test_a_python_without_venv_is_passed_over_and_named_if_there_is_no_other(machine: Machine) -> None:
    machine.release.write_text("ID=debian")
    machine.has("python3.13", WITHOUT_VENV)

    done = machine.set_up()
    assert "python3.13 lacks its modules venv and ensurepip" in done.stderr
    assert "  sudo apt install python3.13-venv\n" in done.stderr

    machine.has("python3.11", GOOD)
    assert machine.set_up().stdout == "python3.11 runs -m workers.setup\n"


NOTHING = Step("nothing", "nothing", ("lock.txt",), ("--no-index", "--requirement", "lock.txt"))


# Dies in the middle of a step, and pip with it.
KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from workers.setup import Environment, Step
Environment._run = lambda self, *command: os.kill(os.getpid(), signal.SIGKILL)
Environment(Path(sys.argv[1])).prepare([Step("another", "another one", ("lock.txt",), ())])
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout for all of these tests, since making its environment takes seconds."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "pyproject.toml").touch()
    (root / "lock.txt").touch()
    return root


@pytest.fixture
def environment(checkout: Path, capsys: pytest.CaptureFixture[str]) -> Environment:
    """Its environment, with nothing left to do."""
    ready = Environment(checkout)
    ready.prepare([NOTHING])
    capsys.readouterr()
    return ready


@pytest.fixture
def spare(environment: Environment, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is made anew is a copy of the environment as it is now, which is there in no time."""
    venv, copy = checkout / ".venv", checkout / "spare"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(venv, copy, symlinks=True, ignore=shutil.ignore_patterns("*.stamp"))

    def make(_: Environment) -> None:
        setup.say("making .venv")
        shutil.rmtree(venv)
        shutil.copytree(copy, venv, symlinks=True)

    monkeypatch.setattr(Environment, "_make", make)


def test_what_is_done_is_not_done_again_until_its_lock_changes(environment: Environment, checkout: Path) -> None:
    assert not environment.prepare([NOTHING])

    with (checkout / "lock.txt").open("a") as lock:
        lock.write("# something else\n")

    assert environment.prepare([NOTHING])


def test_a_step_that_fails_is_done_again_next_time(environment: Environment) -> None:
    broken = Step("broken", "something", ("lock.txt",), ("--no-index", "no-such-package"))

    for _ in range(2):
        with pytest.raises(SetupError, match="what went wrong stands above"):
            environment.prepare([broken])


def test_without_an_embedded_store_the_set_up_goes_on_and_says_what_to_do(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "has_wheels", lambda: False)
    store = Step("store", "the embedded store", ("lock.txt",), ("--no-index", "no-such-package"), optional=True)

    environment.prepare([store])

    assert "everything else works with REDIS_URL" in capsys.readouterr().out
    assert not environment.prepare([store])


@pytest.mark.usefixtures("spare")
def test_an_environment_whose_making_was_broken_off_is_made_anew(
    environment: Environment, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pip,) = checkout.glob(".venv/lib/python3*/site-packages/pip")
    shutil.rmtree(pip / "_internal")
    (checkout / ".venv" / "nothing.stamp").unlink()

    assert environment.prepare([NOTHING])

    assert "making .venv" in capsys.readouterr().out


@pytest.mark.usefixtures("spare")
def test_an_environment_in_which_an_installation_was_killed_is_made_anew(
    environment: Environment, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_WORK, str(checkout)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    (checkout / ".venv" / "nothing.stamp").unlink()

    assert environment.prepare([NOTHING])

    assert "making .venv" in capsys.readouterr().out


@pytest.mark.usefixtures("spare")
def test_an_environment_that_lost_its_python_is_made_anew(
    environment: Environment, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / ".venv" / "bin" / "python").unlink()

    assert environment.prepare([NOTHING])

    assert "making .venv" in capsys.readouterr().out


def test_an_environment_that_was_moved_is_made_anew(
    environment: Environment, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = checkout.rename(checkout.with_name("elsewhere"))
    try:
        assert Environment(moved).prepare([NOTHING])
    finally:
        moved.rename(checkout)

    assert "making .venv" in capsys.readouterr().out


def test_the_locks_name_no_index_and_no_machine() -> None:
    for lock in (ROOT / "requirements").iterdir():
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "--find-links" not in text


def test_the_locks_agree_with_one_another() -> None:
    pins: dict[str, set[str]] = {}
    for lock in ("runtime", "dev", "store"):  # each of the others gets an environment of its own
        for line in (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines():
            if "==" in line and not line.startswith((" ", "#")):
                name, _, version = line.partition("==")
                pins.setdefault(name, set()).add(version.split()[0])

    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}
