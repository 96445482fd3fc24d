"""The HTTP server of the sandbox: `/bot{token}/{method}`, `/control/…`, and the page at `/`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from aiohttp import web

from bot.sandbox import payments, sites, troubles, wire
from bot.sandbox.attachments import found_at
from bot.sandbox.bots import Bot
from bot.sandbox.calls import Call
from bot.sandbox.control_http import ControlApi
from bot.sandbox.delivery import Sleep, Webhooks
from bot.sandbox.errors import NOT_FOUND, UNAUTHORIZED, ApiError, bad_request
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json
from bot.sandbox.keeping import Keeper
from bot.sandbox.limits import Limits, Meter
from bot.sandbox.register import SERVED, method
from bot.sandbox.state import KEYBOARD_BYTES, TOKEN, World
from bot.sandbox.updates import Pollers
from bot.sandbox.watch import Watch

SOMEBODY = "Carla"
_SECRETS = {"secret_token"}  # parameters that nobody should read in the log


class Sandbox:
    """One local Telegram. `app` serves it; `url` is set while it listens.

    `now` gives seconds since 1970; without `limits` bots send as much as they like. `sleep` waits
    between two tries of a webhook. With `somebody` a first bot finds a person, where there is nobody yet.
    A keyboard whose JSON has more than `keyboard_bytes` is refused. With `keep` the world is read from that file and
    kept there.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        limits: Limits | None = None,
        sleep: Sleep = asyncio.sleep,
        somebody: bool = False,
        *,
        keyboard_bytes: int = KEYBOARD_BYTES,
        keep: Path | None = None,
    ) -> None:
        self.world = World(now, keyboard_bytes)
        self._keeper = None if keep is None else Keeper(self.world, keep)
        self.faults = Faults(self._faults_changed)
        self._meter = Meter(limits, now)
        self.url = ""
        self._only_this_machine = True
        self._somebody = somebody
        self._watch = Watch()
        self._control = ControlApi(self.world, self.faults, self._watch, SERVED)
        self._working: set[asyncio.Task[Any]] = set()  # calls that are being carried out
        self._pollers = Pollers(self._watch, self.faults)
        self._webhooks = Webhooks(self.world, self._watch, self.faults, self._respond, sleep)
        self.app = web.Application(
            client_max_size=wire.BODY_LIMIT, middlewares=[sites.guard(lambda: self._only_this_machine)]
        )
        self.app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api),
                web.get("/file/bot{token}/{path:.+}", self._download),
                *self._control.routes(),
                web.get("/", _page),
                web.get("/page/{name}", _page),
                web.route("*", "/{path:(bot|file/).*}", _no_such_path),
            ]
        )

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Sandbox]:
        """Listen, on a free port if `port` is 0, until the context is left."""
        if self._keeper is not None and (told := self._keeper.open()):
            print(told, file=sys.stderr, flush=True)
        # Long polls and event streams last; nobody waits for them at the end.
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self._only_this_machine = all(sites.is_loopback(address[0]) for address in runner.addresses)
        self.url = sites.url_of(*runner.addresses[0][:2])
        works: list[asyncio.Task[Any]] = [asyncio.create_task(self._webhooks.run())]
        works += [asyncio.create_task(payments.fail_unanswered(self.world, self._watch))]
        works += [asyncio.create_task(self._keeper.run())] if self._keeper else []
        try:
            yield self
        finally:
            self._control.close()
            for work in [*works, *self._working]:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
            await runner.cleanup()
            if self._keeper is not None:
                await self._keeper.save()
                self._keeper.close()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        try:
            bot = self._bot(request.match_info["token"])
            await self._welcome(bot)
            call = Call(self.world, bot, await wire.read(request))
        except ApiError as error:
            self.world.log.add(bot=None, method=name, params={}, status=error.code, answer=error.body())
            return web.json_response(error.body(), status=error.code)
        status, answer, fault = await self._received(call, name)
        if fault in ("drop_before", "drop_after"):
            return _drop(request)
        return web.json_response(answer, status=status)

    async def _received(self, call: Call, name: str) -> tuple[int, Json | None, str]:
        """Carry it out even if whoever has asked hangs up meanwhile; only a poll ends with its poller."""
        work = asyncio.create_task(self._carry_out(call, name))
        if name.lower() == "getupdates":
            return await work
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        return await asyncio.shield(work)

    async def _respond(self, bot: Bot, name: str, params: Json) -> None:
        """Carry out what a bot has asked for in its answer to a webhook."""
        await self._carry_out(Call(self.world, bot, params), name)

    async def _carry_out(self, call: Call, name: str) -> tuple[int, Json | None, str]:
        """The status and body of the answer, and the kind of the fault that hit the call, if any."""
        bot, chat = call.bot, str(call.params.get("chat_id", ""))
        fault = self.faults.take(name, bot.id, chat)
        if fault and fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        status, answer = 0, None  # what nobody answered
        if not fault or fault.kind != "drop_before":
            refusal = (fault and fault.error()) or self._meter.count(name.lower(), bot.id, chat)
            status, answer = await self._answer(call, name, refusal)
        params = {key: _loggable(key, value) for key, value in call.params.items()}
        said = {"fault": fault.kind} if fault else {}
        self.world.log.add(bot=bot.id, method=name, params=params, status=status, answer=answer, **said)
        if words := troubles.of_call(name, status, answer, fault.kind if fault else ""):
            self.world.trouble(words)
        await self._watch.changed()
        return status, answer, fault.kind if fault else ""

    def _faults_changed(self, words: str) -> None:
        self.world.changed("faults")
        self.world.trouble(words)

    async def _welcome(self, bot: Bot) -> None:
        """Make a person for a first bot: who opens the page has a phone, and Start to press."""
        if not self._somebody or self.world.has_people:
            return
        person = self.world.user(first_name=SOMEBODY)
        self.world.changed("room", room=self.world.private(bot, person["id"]))
        await self._watch.changed()

    def _bot(self, token: str) -> Bot:
        if ":" not in token:
            raise NOT_FOUND
        bot = self.world.bot(token) if TOKEN.fullmatch(token) else None
        if bot is None:
            raise UNAUTHORIZED
        return bot

    async def _answer(self, call: Call, name: str, error: ApiError | None) -> tuple[int, Json]:
        """The status and body of the answer."""
        try:
            if error is not None:
                raise error
            if name.lower() == "getupdates":
                return 200, {"ok": True, "result": await self._pollers.get_updates(call)}
            return 200, {"ok": True, "result": method(name)(call)}
        except UnicodeEncodeError:  # half a pair of surrogates, which JSON can carry
            error = bad_request("strings must be encoded in UTF-8")
        except ApiError as refusal:
            error = refusal
        return error.code, error.body()

    async def _download(self, request: web.Request) -> web.Response:
        try:
            self._bot(request.match_info["token"])
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        file_id = found_at(self.world, request.match_info["path"])
        if file_id is None:
            return await _no_such_path(request)
        return web.Response(body=self.world.files[file_id][1])


_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PAGE = {file.name: file for file in (resources.files("bot.sandbox") / "page").iterdir()}
# Web apps are framed: over TLS, or from this very machine.
_POLICY = "default-src 'self'; img-src 'self' data:; frame-src https: http://127.0.0.1:*"


async def _page(request: web.Request) -> web.Response:
    file = _PAGE.get(request.match_info.get("name", "index.html"))
    if file is None:
        return web.Response(status=404, text="not found")
    # A page that a browser has kept could be of another version than this sandbox.
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    kind = _KINDS[PurePath(file.name).suffix]
    return web.Response(text=file.read_text("utf-8"), content_type=kind, headers=headers)


async def _no_such_path(request: web.Request) -> web.Response:
    return web.json_response(NOT_FOUND.body(), status=404)


def _loggable(name: str, value: object) -> object:
    if name in _SECRETS:
        return "…"
    return f"file {value[0]}" if isinstance(value, tuple) else value


def _drop(request: web.Request) -> web.Response:
    """Close the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
