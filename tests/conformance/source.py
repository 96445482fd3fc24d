"""The tests: fetched, with an environment of their own in `.venv/conformance`, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter

from tests.conformance import samples
from tests.conformance.report import Outcome
from tests.conformance.stage import Stage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOCK = ROOT / "requirements" / "conformance.txt"
SOURCE = HERE / "source.txt"
PLACE = ROOT / ".venv" / "conformance"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "--require-virtualenv")
# The source distribution lacks some of the tests' files: others of its own stand in for those, or they are made.
STAND_INS = {"telegram.jpg": "thumb.jpg", "game.gif": "telegram.gif"}
LONGEST = 900  # seconds that the whole run may take

# Where no test talks to Telegram, or where more packages would be needed to find that out.
LEFT_OUT = ("tests/ext", "tests/docs", "tests/test_official")


def fetch(say: Callable[[str], None]) -> Path:
    """The folder of the unpacked tests; made, with their environment, when it is not there or of another version."""
    wanted = sha256(b"".join(file.read_bytes() for file in (LOCK, SOURCE, HERE / "samples.py"))).hexdigest()
    stamp = PLACE / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(PLACE, ignore_errors=True)
        say("making an environment for python-telegram-bot's tests (once, about a minute)")
        _do(sys.executable, "-m", "venv", str(PLACE))
        _do(_python(), *PIP, "install", "--require-hashes", "--requirement", str(LOCK))
        say("fetching them")
        # Without isolation: what builds the package is in the environment, and locked.
        options = ("--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes")
        _do(_python(), *PIP, "download", *options, "--requirement", str(SOURCE), "--dest", str(PLACE))
        [archive] = PLACE.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(PLACE, filter="data")
        data = _folder() / "tests" / "data"
        for name, other in STAND_INS.items():
            shutil.copy(data / other, data / name)
        samples.write(data)
        stamp.write_text(wanted)
    return _folder()


def run(tests: Path, stage: Stage, only: str) -> list[Outcome]:
    """Run the tests that talk to Telegram. Raises `RuntimeError` when pytest itself could not."""
    outcomes = PLACE / "outcomes.jsonl"
    outcomes.unlink(missing_ok=True)
    options = ["-q", "--no-header", "--tb=no", "--no-summary", "-m", "req", "-o", "addopts=", "-p", "ptb_plugin"]
    options += ["-p", "no:flaky", "-p", "no:cacheprovider", *(f"--ignore={path}" for path in LEFT_OUT)]
    options += ["-k", only] if only else []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        **stage.environment,
        "SANDBOX_URL": stage.url,
        "OUTCOMES": str(outcomes),
        "PYTHONPATH": str(HERE),
    }
    done = subprocess.run(
        [_python(), "-m", "pytest", *options, "tests"],
        cwd=tests,
        env=environment,
        stdout=sys.stderr,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run the tests: exit code {done.returncode}")
    lines = outcomes.read_text("utf-8").splitlines()
    return TypeAdapter(list[Outcome]).validate_json(f"[{','.join(lines)}]")


def _folder() -> Path:
    [folder] = (path for path in PLACE.glob("python_telegram_bot-*") if path.is_dir())
    return folder


def _python() -> str:
    return str(PLACE / "bin" / "python")


def _do(*command: str) -> None:
    subprocess.run(command, check=True)
