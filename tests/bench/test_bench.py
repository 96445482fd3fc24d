"""The benchmark does what it says, whatever the timings are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis

from flows.events import Side
from tests.bench.__main__ import MEASURES, main
from tests.bench.environments import versions
from tests.bench.errors import BrokenRun
from tests.bench.pipeline import driver
from tests.bench.pipeline.contestants import ALL, Contestant
from tests.bench.pipeline.driver import Driver, Failed
from tests.bench.pipeline.place import IN_FLIGHT
from tests.bench.pipeline.run import Setting, run
from tests.bench.stores import store
from workers import worker


@pytest.mark.timeout(1500)  # the peers' environments have to be made as well
def test_the_quick_benchmark_measures_everybody_and_writes_it_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its timings mean nothing beside other tests; but it refuses a run in which anybody left an order undone."""
    assert main(["--size", "quick", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert [section["name"] for section in report["sections"]] == list(MEASURES)
    assert all(section["rows"] for section in report["sections"])
    assert set(report["versions"]) == {one.name for one in ALL}
    assert (tmp_path / "report.txt").read_text("utf-8") in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.png")} >= {"pipeline.png", "latency.png"}


def test_the_others_may_have_as_many_jobs_in_flight_as_comanda_ships_with() -> None:
    assert worker.IN_FLIGHT == IN_FLIGHT


async def test_a_run_in_which_orders_are_stuck_is_refused(
    redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", store_url)
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(driver, "STUCK", 0.5)

    def nobody(order_id: str, side: Side) -> None:
        """What is published here is never worked off."""

    with pytest.raises(Failed, match=r"3 orders are stuck: \{'order_placed': 3\}"):
        await Driver(nobody, {}).run(1.0, 3)


def test_a_peer_that_does_not_even_start_is_refused(tmp_path: Path) -> None:
    broken = Contestant(
        "broken", "project", "tests.bench.pipeline.peers.with_rq", (), lambda _: ["-c", "raise SystemExit(3)"]
    )
    with store(tmp_path / "store") as served, pytest.raises(BrokenRun, match=r"broken \(0 ms, 1 process\): .*code 3"):
        run(broken, Setting(0.0, 1), 1.0, served, tmp_path)


def test_a_package_that_is_missing_is_refused() -> None:
    with pytest.raises(BrokenRun, match="No package metadata was found for nobody-has-this"):
        versions("project", ["nobody-has-this"])


def test_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--size", "huge"])
    assert left.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
