"""The HTTP server of the sandbox: `/bot{token}/{method}`, `/control/…`, and the page at `/`."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import resources
from itertools import takewhile

from aiohttp import web
from pydantic import ValidationError

from bot.sandbox import wire
from bot.sandbox.control import Control, ControlError
from bot.sandbox.errors import NOT_FOUND, UNAUTHORIZED, ApiError
from bot.sandbox.faults import Faults
from bot.sandbox.methods import METHODS, Call
from bot.sandbox.state import Bot, Json, World
from bot.sandbox.updates import Pollers, Webhooks

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"^\d{1,15}:[A-Za-z0-9_-]{3,}$")
_KEEP_ALIVE = 15.0  # seconds between two comments on a silent event stream
BODY_LIMIT = 50 * 1024 * 1024  # bytes; Bot API, the largest upload


class Sandbox:
    """One local Telegram. `app` serves it; `url` is set while it listens."""

    def __init__(self) -> None:
        self.world = World()
        self.faults = Faults()
        self.control = Control(self.world, self.faults)
        self.url = ""
        self._changes = asyncio.Condition()
        self._pollers = Pollers(self._changes)
        self._streams: set[asyncio.Task[object]] = set()
        self.app = web.Application(client_max_size=BODY_LIMIT)
        self.app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api),
                web.get("/file/bot{token}/{file_id}", self._download),
                web.get("/control/rooms", self._rooms),
                web.get("/control/messages", self._messages),
                web.get("/control/changes", self._wait_for_changes),
                web.get("/control/answer/{query}", self._answer),
                web.get("/control/stream", self._stream),
                web.delete("/control/faults", self._clear_faults),
                web.post("/control/{verb}", self._act),
                web.get("/", self._page),
                web.get("/page/{name}", self._page),
            ]
        )

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Sandbox]:
        """Listen, on a free port if `port` is 0, until the context is left."""
        # Long polls and event streams last; nobody waits for them at the end.
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        webhooks = asyncio.create_task(Webhooks(self.world, self._changes).run())
        try:
            yield self
        finally:
            webhooks.cancel()
            for stream in self._streams:
                stream.cancel()
            with suppress(asyncio.CancelledError):
                await webhooks
            await runner.cleanup()

    # The Bot API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        try:
            bot = self._bot(request.match_info["token"])
            params = await wire.read(request)
            return await self._answer_with_faults(request, Call(self.world, bot, params), name)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        finally:
            await self._notify()

    def _bot(self, token: str) -> Bot:
        if not _TOKEN.match(token):
            raise UNAUTHORIZED if ":" in token else NOT_FOUND
        bot = self.world.bot(token)
        if bot is None:
            raise UNAUTHORIZED
        return bot

    async def _answer_with_faults(self, request: web.Request, call: Call, name: str) -> web.StreamResponse:
        fault = self.faults.take(name, call.bot.id, str(call.params.get("chat_id", "")))
        if fault and (error := fault.error()):
            raise error
        if fault and fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "drop_before":
            return _drop(request)
        result = await self._call(call, name)
        if fault and fault.kind == "drop_after":
            return _drop(request)
        return wire.ok(result)

    async def _call(self, call: Call, name: str) -> object:
        if name.lower() == "getupdates":
            return await self._pollers.get_updates(call)
        function = METHODS.get(name.lower())
        if function is None:
            raise NOT_FOUND
        result = function(call)
        shown = {key: value for key, value in call.params.items() if not isinstance(value, tuple)}
        self.world.changed("call", bot=call.bot.id, method=name, params=shown)
        return result

    async def _download(self, request: web.Request) -> web.Response:
        self._bot(request.match_info["token"])
        name, content = self.world.files.get(request.match_info["file_id"], ("", b""))
        return web.Response(body=content) if name else web.json_response(NOT_FOUND.body(), status=404)

    # Control

    async def _act(self, request: web.Request) -> web.Response:
        verb = self.control.verbs.get(request.match_info["verb"])
        if verb is None:
            return web.json_response({"error": f"no such verb; there are {sorted(self.control.verbs)}"}, status=404)
        model, act = verb
        try:
            result = act(model.model_validate_json(await request.read()))
        except (ControlError, ValidationError, ApiError) as error:
            return web.json_response({"error": str(error)}, status=400)
        await self._notify()
        return web.json_response(result)

    async def _rooms(self, request: web.Request) -> web.Response:
        return web.json_response(self.control.rooms())

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(self.control.messages(request.query.get("room", "")))
        except ControlError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _wait_for_changes(self, request: web.Request) -> web.Response:
        """The changes after `?after=SEQ`; with `?wait=SECONDS` as soon as there is one."""
        after = int(request.query.get("after", 0))
        wait = min(float(request.query.get("wait", 0)), 60.0)
        await self._wait_until(partial(self._changes_after, after), wait)
        return web.json_response(self._changes_after(after))

    def _changes_after(self, seq: int) -> list[Json]:
        newer = takewhile(lambda change: change["seq"] > seq, reversed(self.world.changes))
        return list(newer)[::-1]

    async def _answer(self, request: web.Request) -> web.Response:
        """What the bot answered to a tap, or null; with `?wait=SECONDS` as soon as it has."""
        query = self.world.queries.get(request.match_info["query"])
        if query is None:
            return web.json_response({"error": "no such query"}, status=404)
        await self._wait_until(lambda: query.answer is not None, min(float(request.query.get("wait", 0)), 60.0))
        return web.json_response(query.answer)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """The changes from now on, as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
            task.add_done_callback(self._streams.discard)
        seen = self.world.last_change
        while True:
            for change in self._changes_after(seen):
                seen = change["seq"]
                if change["kind"] != "call":
                    await response.write(f"data: {json.dumps(change)}\n\n".encode())
            if not await self._wait_until(partial(self._changes_after, seen), _KEEP_ALIVE):
                await response.write(b": still here\n\n")

    async def _wait_until(self, condition: Callable[[], object], seconds: float) -> bool:
        async with self._changes:
            try:
                async with asyncio.timeout(seconds):
                    await self._changes.wait_for(lambda: bool(condition()))
            except TimeoutError:
                return False
        return True

    async def _notify(self) -> None:
        async with self._changes:
            self._changes.notify_all()

    # The page

    async def _page(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        kind = _PAGE.get(name)
        if kind is None:
            return web.Response(status=404, text="not found")
        text = (resources.files("bot.sandbox") / "page" / name).read_text("utf-8")
        return web.Response(text=text, content_type=kind, headers={"Content-Security-Policy": _POLICY})


_PAGE = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_POLICY = "default-src 'self'"


def _drop(request: web.Request) -> web.Response:
    """Close the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
