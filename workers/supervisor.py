"""Starts programs, starts them again when they end, and stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from flows.backoff import pause

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHUNK = 65536  # bytes of output read at a time
LONGEST_LINE = 16384  # bytes; a longer one is shown in pieces


@dataclass(frozen=True)
class Program:
    """What to start: `module` with `arguments`, in `environment` and nothing else of ours."""

    name: str
    module: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        """Tethered, so that it does not outlive us; `-P`, so that no folder of where we are stands in for ours."""
        return [sys.executable, "-P", "-m", "workers.tether", self.module, *self.arguments]


@dataclass(frozen=True)
class Patience:
    """How long the supervisor waits for what; all in seconds."""

    first_restart: float = 0.5  # after the first death; doubled after each further one
    slowest_restart: float = 30.0
    healthy: float = 10.0  # a program that ran this long starts again as after its first death
    drain: float = 15.0  # from SIGTERM to SIGKILL; the worker's own drain takes 10


class Supervisor:
    """Runs `stages` of programs: the first stage is the first to stop and the last to start.

    SIGINT, SIGTERM or SIGHUP stop it; another one of them, while it is stopping, kills what is left at once.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        write: Callable[[str], None],
        patience: Patience = Patience(),
    ) -> None:
        """`write` gets each line of output, prefixed with its program's name."""
        self._write = write
        self._patience = patience
        self._stages = [[_Child(program, self._say, patience) for program in stage] for stage in stages]
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()

    async def run(self) -> bool:
        """Run until stopped. Returns whether every program could end in order."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            for stage in reversed(self._stages):
                for child in stage:
                    child.start()
            await self._stopping.wait()
            return await self._stop_all()
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def crash(self, name: str) -> None:
        """End a program with -9, as a crash would. Like any other that died, it starts again."""
        self._child(name).crash()

    def switch_off(self, name: str) -> None:
        """End a program with -9, and leave it so until it is switched on."""
        self._child(name).hold()
        self._child(name).crash()

    def switch_on(self, name: str) -> None:
        """Let a program run again."""
        self._child(name).release()

    @asynccontextmanager
    async def all_off(self, names: Sequence[str]) -> AsyncIterator[None]:
        """The programs of these names stop in order, one after the other, and start when the context is left."""
        children = [self._child(name) for name in names]
        try:
            for child in children:
                child.hold()
                child.interrupt()
                await pause(self._patience.drain, child.is_down)
                child.kill()
            yield
        finally:
            for child in reversed(children):
                child.release()

    def _child(self, name: str) -> _Child:
        return next(child for stage in self._stages for child in stage if child.name == name)

    def stop(self) -> None:
        """Stop in order; called again, stop at once."""
        if self._stopping.is_set():
            self._at_once.set()
        self._stopping.set()

    async def _stop_all(self) -> bool:
        self._say("comanda", "stopping; once more to stop at once")
        orderly = [await self._stop_stage(stage) for stage in self._stages]
        return all(orderly)

    async def _stop_stage(self, stage: list[_Child]) -> bool:
        for child in stage:
            child.terminate()
        hurry = asyncio.create_task(self._at_once.wait())
        ended = asyncio.create_task(_all_ended(stage))
        await asyncio.wait([hurry, ended], timeout=self._patience.drain, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        killed = [child.kill() for child in stage]
        await ended
        return not any(killed)

    def _say(self, name: str, line: str) -> None:
        try:
            self._write(f"{name:>14} | {line}")
        except BrokenPipeError:  # nobody reads any more, as after `| head`
            self._stopping.set()


class _Child:
    """One program, and its process while it has one."""

    def __init__(self, program: Program, say: Callable[[str, str], None], patience: Patience) -> None:
        self._program = program
        self._say = say
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._unwanted = asyncio.Event()
        self._may_run = asyncio.Event()
        self._may_run.set()
        self.is_down = asyncio.Event()
        self.is_down.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._program.name

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running(), name=self._program.name)

    async def ended(self) -> None:
        if self._task is not None:
            await self._task

    def hold(self) -> None:
        """Once it is down, it stays so until it is released."""
        self._may_run.clear()

    def release(self) -> None:
        self._may_run.set()

    def interrupt(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def terminate(self) -> None:
        """Ask it to end for good."""
        self._unwanted.set()
        self.release()
        self.interrupt()

    def crash(self) -> bool:
        """End it at once. Returns whether there was anything to end."""
        if self._process is None or self._process.returncode is not None:
            return False
        with suppress(ProcessLookupError):  # it has ended by itself, and asyncio does not know yet
            os.killpg(self._process.pid, signal.SIGKILL)
        return True

    def kill(self) -> bool:
        """End it, for it has been asked in vain. Returns whether there was anything to end."""
        killed = self.crash()
        if killed:
            self._say("comanda", f"{self.name} did not stop in time and was killed")
        return killed

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._patience.first_restart
        while not self._unwanted.is_set():
            await self._may_run.wait()
            if self._unwanted.is_set():
                return
            began = loop.time()
            self.is_down.clear()
            ending = await self._run_once()
            self.is_down.set()
            if self._unwanted.is_set():
                return
            if not self._may_run.is_set():
                self._say("comanda", f"{self.name} is switched off")
                continue
            if loop.time() - began >= self._patience.healthy:
                wait = self._patience.first_restart
            self._say("comanda", f"{self.name} ended ({ending}); it starts again in {wait:g} s")
            await pause(wait, self._unwanted)
            wait = min(wait * 2, self._patience.slowest_restart)

    async def _run_once(self) -> str:
        """Start it and see it end. Returns how."""
        try:
            process = await self._spawn()
        except OSError as error:
            return f"it can't be started: {error.strerror}"
        self._process = process
        if self._unwanted.is_set() or not self._may_run.is_set():
            process.terminate()
        await self._show_output(process)
        code = await process.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._program.command,
            env={**self._program.environment, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.PIPE,  # the tether
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop them in order
        )

    async def _show_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for above
        rest = b""
        while chunk := await process.stdout.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._say(self._program.name, line.decode(errors="replace").rstrip())
        if rest:
            self._say(self._program.name, rest.decode(errors="replace").rstrip())


async def _all_ended(children: list[_Child]) -> None:
    await asyncio.gather(*(child.ended() for child in children))
