"""A real Valkey for every test that needs a store, and free ports for those that serve."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from redis import Redis

from flows.settings import Settings
from flows.store import connect
from workers import lasting
from workers.store import open_store

# A busy machine is no mistake of the code: no example has to be quick.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


LONG = ("chaos", "e2e", "platform", "page", "bench", "workers")
"""The folders whose tests take long: they begin first, so that no process is left with them in the end."""


@pytest.hookimpl(trylast=True)  # after a plugin that shuffles
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long ones go first, each file as a whole."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Escape bytes that are no text in what a test logged: pytest-xdist can't pass them on, and ends the whole run."""
    report.sections = [(name, said.encode("utf-8", "backslashreplace").decode()) for name, said in report.sections]


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded store for the whole run, in a directory of its own."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), redis_url=None)
    with open_store(settings) as store:
        yield store.url


@pytest.fixture
def redis(store_url: str) -> Iterator[Redis]:
    """A client of a store without any keys."""
    client = connect(store_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the developer's shell or `.env` says must not reach a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def hooks_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that runs in a test has the interpreter log what ends it; afterwards that is pytest's again."""
    for module, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))


@pytest.fixture(autouse=True)
def every_place_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests write into folders that may lie in a container or in memory; only tests of that tell where they are."""
    monkeypatch.setattr(lasting, "ROOT", Path("/nowhere"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """People tap as fast as tests do: chats have a budget for all that happens in one."""
    for of_chats in ("CHAT_BURST", "GROUP_BURST"):
        monkeypatch.setattr(f"flows.gate.{of_chats}", 200)


@pytest.fixture
def free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    return a_free_port()


def a_free_port() -> int:
    """The same, for those who need more than one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
