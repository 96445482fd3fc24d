"""The supervisor: what dies starts again, later each time; what stops, stops in order; nothing outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.platform.programs import Program as Process
from tests.platform.programs import eventually
from tests.waiting import until
from workers.supervisor import Patience, Program, Supervisor

ROOT = str(Path(__file__).resolve().parents[2])
QUICK = Patience(first_restart=0.05, slowest_restart=0.2, healthy=3600, drain=3600)


@dataclass
class Scene:
    """Programs that note what happens to them, and what the supervisor says."""

    file: Path
    said: list[str] = field(default_factory=list)

    def program(self, behaviour: str, name: str = "child") -> Program:
        return Program(name, "tests.platform.child", {"PYTHONPATH": ROOT}, (behaviour, name, str(self.file)))

    def notes(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def said_by(self, name: str) -> list[str]:
        lines = [line.split(" | ", 1) for line in self.said]
        return [text for prefix, text in lines if prefix.strip() == name]

    @asynccontextmanager
    async def running(self, *stages: list[Program], patience: Patience = QUICK) -> AsyncIterator[Run]:
        supervisor = Supervisor(stages, self.said.append, patience)
        yield Run(supervisor, asyncio.create_task(supervisor.run()))


@dataclass
class Run:
    """A supervisor at work."""

    supervisor: Supervisor
    task: asyncio.Task[bool]

    async def stopped(self) -> bool:
        self.supervisor.stop()
        return await self.task


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "notes")


async def test_a_program_that_dies_starts_again_after_a_wait_that_doubles_up_to_a_limit(scene: Scene) -> None:
    async with scene.running([scene.program("crash")]) as run:
        await until(lambda: len(scene.said_by("comanda")) >= 4)
        assert await run.stopped()

    assert scene.said_by("comanda")[:4] == [
        "child ended (exit code 3); it starts again in 0.05 s",
        "child ended (exit code 3); it starts again in 0.1 s",
        "child ended (exit code 3); it starts again in 0.2 s",
        "child ended (exit code 3); it starts again in 0.2 s",
    ]


async def test_a_program_that_ran_long_enough_starts_again_as_after_its_first_death(scene: Scene) -> None:
    patience = Patience(first_restart=0.05, slowest_restart=10, healthy=0)
    async with scene.running([scene.program("crash")], patience=patience) as run:
        await until(lambda: len(scene.said_by("comanda")) >= 3)
        await run.stopped()

    assert set(scene.said_by("comanda")[:3]) == {"child ended (exit code 3); it starts again in 0.05 s"}


async def test_a_program_that_cannot_be_started_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with scene.running([scene.program("crash")]) as run:
        await until(lambda: len(scene.said_by("comanda")) >= 2)
        await run.stopped()

    assert "child ended (it can't be started: No such file or directory)" in scene.said_by("comanda")[0]


async def test_stages_stop_one_after_the_other(scene: Scene) -> None:
    stages = [[scene.program("work", "bot")], [scene.program("work", "worker")], [scene.program("work", "sandbox")]]
    async with scene.running(*stages) as run:
        await until(lambda: sum("starts" in note for note in scene.notes()) == 3)
        assert await run.stopped()

    assert [note for note in scene.notes() if "starts" not in note] == [
        "bot is asked to stop",
        "bot ends",
        "worker is asked to stop",
        "worker ends",
        "sandbox is asked to stop",
        "sandbox ends",
    ]


async def test_a_program_that_does_not_stop_in_time_is_killed_and_the_next_stage_still_stops(scene: Scene) -> None:
    patience = Patience(drain=0.5)
    stages = [[scene.program("stubborn", "bot")], [scene.program("work", "worker")]]
    async with scene.running(*stages, patience=patience) as run:
        await until(lambda: sum("starts" in note for note in scene.notes()) == 2)
        assert not await run.stopped()

    assert "bot ends" not in scene.notes()


async def test_a_second_signal_stops_at_once(scene: Scene) -> None:
    async with scene.running([scene.program("stubborn")]) as run:
        await until(lambda: "child starts" in scene.notes())
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: "child is asked to stop" in scene.notes())

        os.kill(os.getpid(), signal.SIGTERM)

        assert not await run.task


async def test_a_program_that_waits_for_its_next_start_does_not_hold_up_the_stop(scene: Scene) -> None:
    patience = Patience(first_restart=3600, slowest_restart=3600)
    async with scene.running([scene.program("crash")], patience=patience) as run:
        await until(lambda: len(scene.said_by("comanda")) >= 1)

        assert await run.stopped()


async def test_a_program_that_is_crashed_starts_again_by_itself(scene: Scene) -> None:
    async with scene.running([scene.program("work")]) as run:
        await until(lambda: scene.notes() == ["child starts"])
        run.supervisor.crash("child")
        await until(lambda: scene.notes() == ["child starts", "child starts"])
        await run.stopped()

    assert scene.said_by("comanda")[0] == "child ended (SIGKILL); it starts again in 0.05 s"


async def test_a_program_that_is_switched_off_stays_down_until_it_is_switched_on(scene: Scene) -> None:
    async with scene.running([scene.program("work")]) as run:
        await until(lambda: scene.notes() == ["child starts"])
        run.supervisor.switch_off("child")
        await until(lambda: "child is switched off" in scene.said_by("comanda"))
        assert scene.notes() == ["child starts"]

        run.supervisor.switch_on("child")
        await until(lambda: scene.notes() == ["child starts", "child starts"])
        assert await run.stopped()


async def test_a_program_that_is_switched_off_does_not_hold_up_the_stop(scene: Scene) -> None:
    async with scene.running([scene.program("work")]) as run:
        await until(lambda: scene.notes() == ["child starts"])
        run.supervisor.switch_off("child")
        await until(lambda: "child is switched off" in scene.said_by("comanda"))

        assert await run.stopped()


async def test_programs_stop_in_order_and_start_again_after_what_had_to_be_done_without_them(scene: Scene) -> None:
    async with scene.running([scene.program("work", "bot")], [scene.program("work", "worker")]) as run:
        await until(lambda: len(scene.notes()) == 2)
        async with run.supervisor.all_off(["bot", "worker"]):
            assert scene.notes()[2:] == ["bot is asked to stop", "bot ends", "worker is asked to stop", "worker ends"]
        await until(lambda: len(scene.notes()) == 8)
        await run.stopped()

    assert sorted(scene.notes()[6:8]) == ["bot starts", "worker starts"]


async def test_every_line_of_output_says_whose_it_is(scene: Scene) -> None:
    async with scene.running([scene.program("talk", "talker")]) as run:
        await until(lambda: len(scene.said_by("comanda")) >= 1)
        await run.stopped()

    assert scene.said_by("talker")[:4] == ["café \ufffd", "to stdout", "x" * 20_000, "and no end of line"]


async def test_output_that_nobody_reads_stops_everything_in_order(scene: Scene) -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError

    supervisor = Supervisor([[scene.program("work", "worker")], [scene.program("talk", "talker")]], closed)

    assert await supervisor.run()


# Supervises one program until it is told to stop, or killed.
SUPERVISING = """
import asyncio, sys
from workers.supervisor import Program, Supervisor
environment = {"PYTHONPATH": sys.argv[1]}
program = Program("child", "tests.platform.child", environment, ("work", "child", sys.argv[2]))
asyncio.run(Supervisor([[program]], print).run())
"""


def test_programs_stop_in_order_when_their_supervisor_is_killed(scene: Scene) -> None:
    supervisor = Process(SUPERVISING, ROOT, str(scene.file))
    eventually(lambda: "child starts" in scene.notes(), "the child starts")

    supervisor.kill()

    eventually(lambda: "child ends" in scene.notes(), "the child ends")
