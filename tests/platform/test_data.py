"""The commands that look at and feed the ledger: what people read, what scripts read, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from flows.ledger import Ledger
from flows.settings import Settings
from flows.store import connect
from tests.orders import place
from tests.platform.programs import PATIENCE
from workers.cli.ending import until_stopped
from workers.store import open_store

# Whoever runs the tests in the background (`make test &`) has Ctrl-C ignored by all that they start, nohup the hang-up.
COMANDA = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from workers.cli import main
main()
"""


class TestFollowing:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_it_quietly_and_the_store_that_it_started_with_it(
        self, number: signal.Signals, tmp_path: Path
    ) -> None:
        with open_store(Settings(_env_file=None, data_dir=tmp_path)) as store:
            Ledger(connect(store.url)).execute("0rder0000001", place(), "test")

        with subprocess.Popen(
            [sys.executable, "-c", COMANDA, "events", "--follow"],
            cwd=tmp_path,
            env={**os.environ, "DATA_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as following:
            assert following.stdout is not None
            assert "order_placed" in following.stdout.readline()
            following.send_signal(number)
            said = following.communicate(timeout=PATIENCE)

        assert (following.returncode, *said) == (0, "", "")
        with connect(store.url) as gone, pytest.raises(RedisError):
            gone.ping()

    def test_a_signal_while_something_is_opened_waits_until_that_is_done(self) -> None:
        done = []
        with until_stopped() as unless_stopped:
            signal.raise_signal(signal.SIGTERM)
            done.append("opened")
            unless_stopped()
            done.append("went on")

        assert done == ["opened"]

    def test_a_second_signal_does_not_break_off_the_closing(self) -> None:
        done = []
        with until_stopped() as unless_stopped:
            try:
                unless_stopped()
                signal.raise_signal(signal.SIGTERM)
                done.append("went on")
            finally:
                signal.raise_signal(signal.SIGTERM)
                done.append("closed")

        assert done == ["closed"]

    def test_a_hang_up_that_is_ignored_as_by_nohup_stays_so(self) -> None:
        done = []
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with until_stopped() as unless_stopped:
                unless_stopped()
                signal.raise_signal(signal.SIGHUP)
                done.append("went on")
        finally:
            signal.signal(signal.SIGHUP, before)

        assert done == ["went on"]
