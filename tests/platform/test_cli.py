"""The command line's own manners: quick help, one-line failures, one `up` per directory, and make's terminal."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

from tests.platform.programs import PATIENCE, Program, eventually
from workers.cli import main
from workers.instance import AlreadyRunning, the_only_one


def test_the_help_lists_every_command_without_importing_any() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from workers.cli import main; "
        "print(CliRunner().invoke(main, ['--help']).output); "
        "print([name for name in ('redis', 'pydantic', 'asyncio') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert all(name in said for name in main.list_commands(Context(main)))
    assert said.endswith("[]\n")


@pytest.mark.parametrize("name", main.list_commands(Context(main)))
def test_every_command_is_there(name: str) -> None:
    command = main.get_command(Context(main), name)

    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", ["up", "worker", "customer-bot", "restaurant-bot"])
def test_without_tokens_nothing_starts_and_one_line_says_why(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, [name])

    assert done.exit_code == 1
    assert done.output.startswith("Error: CUSTOMER_BOT_TOKEN is not set")
    assert done.output.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_version_is_the_one_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

    assert CliRunner().invoke(main, ["--version"]).output == f"comanda {project['version']}\n"


def test_a_command_that_does_not_exist_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2


def test_a_second_up_in_one_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:customer")
    monkeypatch.setenv("RESTAURANT_BOT_TOKEN", "2:restaurant")
    with the_only_one(tmp_path / "data") as instance:
        instance.tell("process 4711")

        done = CliRunner().invoke(main, ["up"])

    assert done.exit_code == 1
    assert "it runs already with DATA_DIR=data: process 4711" in done.output


@pytest.mark.parametrize("above", [0, 1])
def test_a_webhooks_port_that_is_taken_is_said_in_one_line_before_anything_starts(
    above: int, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:customer")
    monkeypatch.setenv("RESTAURANT_BOT_TOKEN", "2:restaurant")
    monkeypatch.setenv("WEBHOOK_URL", "https://orders.example.com")
    monkeypatch.setenv("WEBHOOK_LISTEN", f"127.0.0.1:{free_port}")
    with socket.create_server(("127.0.0.1", free_port + above)):
        done = CliRunner().invoke(main, ["up"])

    assert done.exit_code == 1
    said = f"Error: WEBHOOK_LISTEN: can't listen on 127.0.0.1:{free_port + above} (the restaurants' bot takes the port "
    assert done.output.startswith(said)
    assert done.output.endswith(": another program listens there, so stop that or name another port\n")
    assert done.output.count("\n") == 1
    assert not (tmp_path / "data" / "store").exists()


def test_an_address_that_this_machine_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:customer")
    monkeypatch.setenv("RESTAURANT_BOT_TOKEN", "2:restaurant")
    monkeypatch.setenv("WEBHOOK_URL", "https://orders.example.com")
    monkeypatch.setenv("WEBHOOK_LISTEN", "192.0.2.7:8081")  # of a network that is for documents only (RFC 5737)

    done = CliRunner().invoke(main, ["up"])

    assert done.exit_code == 1
    assert "this machine has no such address; 0.0.0.0 means each that it has" in done.output


def test_being_the_only_one_ends_with_the_process_that_was_it(tmp_path: Path) -> None:
    code = """
import sys
from contextlib import suppress
from pathlib import Path
from workers.instance import the_only_one
with the_only_one(Path(sys.argv[1])) as instance:
    instance.tell("the first")
    print("there", flush=True)
    input()
"""
    first = Program(code, str(tmp_path))
    assert first.says() == "there"
    with pytest.raises(AlreadyRunning, match="the first"), the_only_one(tmp_path):
        pass

    first.kill()

    with the_only_one(tmp_path):
        pass


# What a terminal does for a program: it makes the terminal its own, and runs make there. Ctrl-C is heard again: whoever
# runs the tests in the background (`make test &`) has it ignored by all that they start.
IN_A_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("make", ["make", "--file", sys.argv[1], "demo"])
"""

# Waits for Ctrl-C and ends well, as the demo does.
WAITS = """
from workers.cli.foreground import own_terminal
with own_terminal():
    try:
        print("ready", flush=True)
        while True:
            input()
    except KeyboardInterrupt:
        print("ended in order", flush=True)
"""


def test_ctrl_c_under_make_reaches_only_us_so_that_make_succeeds_as_well(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WAITS)
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"demo:\n\t@{sys.executable} {program}\n\t@echo and make goes on\n")
    ours, theirs = pty.openpty()
    make = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, str(makefile)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""

    def shows(words: bytes) -> bool:
        nonlocal shown
        with suppress(OSError):  # nothing yet, or all of them have ended
            shown += os.read(ours, 4096)
        return words in shown

    try:
        eventually(lambda: shows(b"ready"), "the program is ready")
        os.write(ours, b"\x03")
        eventually(lambda: shows(b"and make goes on"), "make goes on")
        assert make.wait(PATIENCE) == 0
        assert b"ended in order" in shown
    finally:
        make.kill()
        make.wait()
        os.close(ours)
