"""One minute of chaos with a seed of its own, and what can be told of a plan before it is carried out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.plan import KILLS, plan
from tests.chaos.proxy import Proxy
from tests.chaos.run import Options, Run

TEN_MINUTES = 600.0


@pytest.mark.timeout(600)
async def test_a_minute_of_chaos_breaks_no_promise(tmp_path: Path) -> None:
    found = await Run(Options(seed=4, minutes=1, customers=12, restaurants=4), tmp_path, print).go()
    print(report.table(found))
    assert found.broken == []
    assert found.counts["orders acknowledged"] > 0
    assert sum(number for what, number in found.harms.items() if what.startswith("kill")) > 0


def test_a_seed_gives_the_same_plan_again_and_another_seed_another_one() -> None:
    assert plan(1, TEN_MINUTES) == plan(1, TEN_MINUTES)
    assert plan(1, TEN_MINUTES) != plan(2, TEN_MINUTES)


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_have_a_hundred_kills_and_everything_gets_its_share(seed: int) -> None:
    troubles = plan(seed, TEN_MINUTES)
    kills = [one.target for one in troubles if one.kind == "kill"]
    assert len(kills) >= 100
    assert set(kills) == set(KILLS)
    assert {one.kind for one in troubles} == {"kill", "pause", "cut", "fault"}
    assert all(0 <= one.at < TEN_MINUTES for one in troubles)


def test_a_plan_can_be_narrowed_to_some_targets() -> None:
    assert {one.target for one in plan(1, TEN_MINUTES, only=("store",))} == {"store"}


async def test_the_proxy_passes_both_ways_until_it_cuts() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(100):
            writer.write(chunk.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Proxy(f"http://127.0.0.1:{port}").serve() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"ciao")
        assert await reader.read(100) == b"CIAO"
        assert proxy.cut() == 1
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
