"""The set-up for developers sees to the browser that the tests of the page need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.setup import SetupError, ensure_browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a browser: the only folder where programs are."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write(programs: Path, name: str, script: str) -> None:
    program = programs / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_browser_that_is_there_or_named_is_taken(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/opt/chromium")
    ensure_browser()
    monkeypatch.delenv("CHROMIUM")
    write(programs, "google-chrome", "")
    ensure_browser()


def test_without_a_browser_and_without_debians_packages_the_cure_is_named(programs: Path) -> None:
    with pytest.raises(SetupError, match=r"apt-get install --yes .* chromium .* or name it in CHROMIUM"):
        ensure_browser()


def test_debians_browser_is_installed_where_that_is_allowed(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    browser = programs / "chromium"
    write(programs, "apt-get", f'[ "$1" = install ] && echo > {browser} && /bin/chmod 755 {browser}; true')
    ensure_browser()
    assert "installing Chromium" in capsys.readouterr().out


def test_an_installation_that_is_refused_names_the_cure(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    write(programs, "apt-get", "")
    write(programs, "sudo", "exit 1")
    with pytest.raises(SetupError, match="the tests need Chromium"):
        ensure_browser()
