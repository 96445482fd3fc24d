"""What a process and its supervisor write holds no secret, whatever way it is written."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.cli import running
from workers.store import Store
from workers.supervisor import Program, Supervisor

ROOT = str(Path(__file__).resolve().parents[2])

# Writes what it is given in every way in which a program can, and dies of an error that holds it.
TALKATIVE = """
import logging, sys, threading, warnings
from flows.logs import log_to_stderr
log_to_stderr("DEBUG", sys.argv[1:])
secret = sys.argv[1]

class Stubborn:
    def __del__(self):
        raise ValueError(f"unraisable {secret}")

def fail():
    raise ValueError(f"in a thread {secret}")

logging.getLogger("library").debug("logged %s", secret)
warnings.warn(f"warned {secret}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
stubborn = Stubborn()
del stubborn
raise ValueError(f"uncaught {secret}")
"""


def test_a_process_hides_its_secrets_in_whatever_it_and_its_interpreter_write() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TALKATIVE, "hunter2"], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 1
    for words in ("logged", "warned", "in a thread", "unraisable", "uncaught"):
        assert f"{words} <secret>" in done.stderr
    assert "Traceback" in done.stderr
    assert "hunter2" not in done.stderr


async def test_the_supervisor_hides_what_a_program_has_written_past_its_own_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shouting = tmp_path / "shouting.py"
    shouting.write_text("print('my token is 1:hunter2, hidden 1:hunter2')\nraise ValueError('hunter2')\n")
    program = Program("shouting", "shouting", {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    shown = ""

    async def until_it_has_ended(supervisor: Supervisor) -> None:
        nonlocal shown
        while "ended" not in shown:
            shown += capsys.readouterr().out
            await asyncio.sleep(0.02)
        supervisor.stop()

    store = Store("unix:///nowhere", look_after=lambda: None)
    assert await running.run([[program]], store, until_it_has_ended, ["1:hunter2", "hunter2"])

    assert "shouting | my token is <secret>, hidden <secret>" in shown
    assert "shouting | ValueError: <secret>" in shown
    assert "hunter2" not in shown


async def test_the_log_of_comanda_up_hides_the_secrets_of_all_its_settings(tmp_path: Path) -> None:
    login = base64.b64encode(b"anna:p@ss").decode()
    code = (
        "import logging; from flows.settings import read_settings; from workers.cli import running; "
        "settings = read_settings(); running.set_up_logging(settings.log_level, settings.secrets()); "
        f"logging.error('1:customer-token 2:staff-token h%23sh h#sh p%40ss {login} h@u+s')"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PYTHONPATH": ROOT,
            "CUSTOMER_BOT_TOKEN": "1:customer-token",
            "RESTAURANT_BOT_TOKEN": "2:staff-token",
            "REDIS_URL": "redis+sentinel://:h%23sh@host/orders?sentinel_password=h@u%2Bs",
            "HTTPS_PROXY": "http://anna:p%40ss@proxy:3128",
        },
    )
    _, said = await process.communicate()

    assert said.decode().rstrip().endswith("ERROR root: " + " ".join(["<secret>"] * 7))
