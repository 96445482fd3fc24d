"""The control API over HTTP: `POST /control/{verb}` acts as people, and everything that happened can be looked at.

    GET  /control                               the verbs with their fields, and as `methods` those of the Bot API that
                                                are served
    POST /control/{verb}                        a JSON object; errors are 400 with {"error": "..."}
    GET  /control/chats                         every chat with its people and bots, each with its `room`, the `last`
                                                message, and how many each person has not seen (`unread`)
    GET  /control/bots                          every bot
    GET  /control/messages?room=|bot=&chat=     the messages of a chat as they stand now, oldest first, with `edits`
         [&after=ID]                            (how often) and `deleted`; only those after a message id
    GET  /control/changes?after=SEQ             what happened in the chats since
    GET  /control/log?after=SEQ                 every request to the Bot API and every verb since, with its answer
    GET  /control/troubles?after=SEQ            what went wrong since, in words: refused calls, faults, phones
    GET  /control/callback/{id}                 what the bot answered to a tap, or null
    GET  /control/stream?after=SEQ              the changes since (else from now on) as server-sent events, their `seq`
                                                as `id`, so that a browser goes on where it was
    GET  /control/file/{id}                     a file that a bot has sent
    GET  /control/notes?after=SEQ               what the product told since, by `note`
    GET  /control/notes/{seq}                   one of these
    GET  /control/gauges                        what it told last by `gauges`
    GET  /control/offers                        what it offered last by `offer`
    GET  /control/faults                        the faults that are still to come, with how often each has `struck`
    DELETE /control/faults                      no more faults
    DELETE /control/faults/{name}               none of that `name`

`changes`, `log`, `troubles` and `callback` take `wait=SECONDS` (at most 60): they answer as soon as there is something.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sandbox import pictures, wire
from bot.sandbox.backstage import Backstage
from bot.sandbox.bots import Bot
from bot.sandbox.control import Control
from bot.sandbox.errors import ApiError
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json, plainly
from bot.sandbox.journal import Journal
from bot.sandbox.profile import commands_for, menu_button
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError
from bot.sandbox.watch import Watch

_KEEP_ALIVE = 15.0  # seconds between two comments on a silent event stream


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _WhichChat(_Query):
    room: str | None = None
    bot: str | None = None
    chat: int | None = None
    after: int = 0


class _Since(_Query):
    after: int = 0
    wait: float = Field(default=0, ge=0, le=60)  # seconds


class _From(_Query):
    after: int | None = None


class _Patience(_Query):
    wait: float = Field(default=0, ge=0, le=60)  # seconds


Q = TypeVar("Q", bound=_Query)


class ControlApi:
    """The routes of the control API."""

    def __init__(self, world: World, faults: Faults, watch: Watch, methods: list[str]) -> None:
        """`methods` are the names of the Bot API's methods that are served."""
        self._world = world
        self._methods = methods
        self._faults = faults
        self._watch = watch
        self._backstage = Backstage(world)
        self._verbs = Control(world, faults).verbs | self._backstage.verbs
        self._streams: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control", self._what),
            web.get("/control/chats", self._chats),
            web.get("/control/rooms", self._chats),
            web.get("/control/bots", self._bots),
            web.get("/control/messages", self._messages),
            web.get("/control/changes", self._changes),
            web.get("/control/log", self._log),
            web.get("/control/troubles", self._troubles),
            web.get("/control/callback/{query}", self._callback),
            web.get("/control/stream", self._stream),
            web.get("/control/notes", self._notes),
            web.get(r"/control/notes/{seq:\d{1,15}}", self._note),
            web.get("/control/file/{file_id}", self._file),
            web.get("/control/gauges", self._gauges),
            web.get("/control/offers", self._offers),
            web.get("/control/faults", self._list_faults),
            web.delete("/control/faults", self._clear_faults),
            web.delete("/control/faults/{name}", self._clear_faults),
            web.post("/control/{verb}", self._act),
        ]

    def close(self) -> None:
        """End the event streams, which would last for ever."""
        for stream in self._streams:
            stream.cancel()

    # Acting

    async def _what(self, request: web.Request) -> web.Response:
        verbs = {name: {"does": model.__doc__, **model.model_json_schema()} for name, (model, _) in self._verbs.items()}
        return web.json_response(verbs | {"methods": self._methods})

    async def _act(self, request: web.Request) -> web.Response:
        name = request.match_info["verb"]
        if name not in self._verbs:
            return _error(f"no such verb; there are {sorted(self._verbs)}", 404)
        model, act = self._verbs[name]
        given: Json | bytes = b""
        try:
            given = await _given(request)
            answer, status = act(_verb(model, given)), 200
        except (ControlError, ApiError) as error:
            answer, status = {"error": str(error)}, 400
        except ValidationError as error:
            answer, status = {"error": plainly(error)}, 400
        if name not in self._backstage.verbs:  # what the product tells of itself has a journal of its own
            self._world.log.add(control=name, params=_shown(given), status=status, answer=answer)
        await self._watch.changed()
        return web.json_response(answer, status=status)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear(request.match_info.get("name"))
        await self._watch.changed()
        return web.json_response({})

    # Looking

    async def _list_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": self._faults.listed()})

    async def _chats(self, request: web.Request) -> web.Response:
        rooms = (room for room in self._world.rooms.values() if room.moved_to is None)
        return web.json_response([self._as_chat(room) for room in rooms])

    async def _bots(self, request: web.Request) -> web.Response:
        return web.json_response([bot.user for bot in self._world.bots.values()])

    def _as_chat(self, room: Room) -> Json:
        world = self._world
        return {
            "room": room.key,
            "former": room.former,
            "chat": world.chat(room),
            "members": [self._as_member(user, room) for user in sorted(room.members)],
            "bots": [self._as_bot(bot, room) for bot in world.bots_in(room)],
            "pinned": room.pinned[-1:],
            "started": room.started,
            "blocked": room.blocked,
            "cleared": room.cleared,
            "newest": room.newest,
            "last": room.last(),
        }

    def _as_bot(self, bot: Bot, room: Room) -> Json:
        """A bot with the commands that it shows there: to each person, and in a group to whoever has no others."""
        users = self._world.users
        each = {user: commands_for(bot, room, user, users[user].get("language_code", "")) for user in room.members}
        commands = each[room.id] if room.kind == "private" else commands_for(bot, room, 0, "")
        return bot.user | {"commands": commands, "commands_of": each, "menu_button": menu_button(bot, room)}

    def _as_member(self, user: int, room: Room) -> Json:
        since = self._world.offline.get(user)
        offline: Json = {"offline": False} if since is None else {"offline": True, "offline_since_seq": since}
        seen: Json = {"read": room.read.get(user, 0), "unread": room.unread(user)}
        return self._world.users[user] | offline | seen

    async def _messages(self, request: web.Request) -> web.Response:
        which = _query(request, _WhichChat)
        key = which.room
        if key is None:
            key = str(which.chat)
            if which.bot is not None and (bot := self._world.bot_named(which.bot)):
                key = f"{bot.id}:{which.chat}" if (which.chat or 0) > 0 else key
        room = self._world.rooms.get(key)
        if room is None:
            return _error(f"no chat {key!r}")
        both = room.messages | room.deleted
        return web.json_response([_as_seen(room, both[number]) for number in sorted(both) if number > which.after])

    async def _changes(self, request: web.Request) -> web.Response:
        return await self._since(request, self._world.changes)

    async def _log(self, request: web.Request) -> web.Response:
        return await self._since(request, self._world.log)

    async def _troubles(self, request: web.Request) -> web.Response:
        return await self._since(request, self._world.troubles)

    async def _since(self, request: web.Request, journal: Journal) -> web.Response:
        since = _query(request, _Since)
        await self._watch.until(lambda: journal.last > since.after, since.wait)
        return web.json_response(journal.after(since.after))

    async def _file(self, request: web.Request) -> web.Response:
        name, content = self._world.files.get(request.match_info["file_id"], ("", b""))
        if not name:
            return _error("no such file", 404)
        if not content:  # of an address, which nobody asks
            return web.Response(text=pictures.PLACEHOLDER, content_type="image/svg+xml")
        kind = pictures.kind(content)
        # What is no picture is never shown by the browser, which might run it.
        how = "inline" if kind else f"attachment; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": how, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind or "application/octet-stream", headers=headers)

    async def _notes(self, request: web.Request) -> web.Response:
        return await self._since(request, self._backstage.notes)

    async def _note(self, request: web.Request) -> web.Response:
        seq = int(request.match_info["seq"])
        note = next((note for note in self._backstage.notes.after(seq - 1) if note["seq"] == seq), None)
        return _error("no such note", 404) if note is None else web.json_response(note)

    async def _gauges(self, request: web.Request) -> web.Response:
        return web.json_response({"values": self._backstage.gauges})

    async def _offers(self, request: web.Request) -> web.Response:
        return web.json_response({"actions": self._backstage.actions})

    async def _callback(self, request: web.Request) -> web.Response:
        query = self._world.queries.get(request.match_info["query"])
        if query is None:
            return _error("no such query", 404)
        await self._watch.until(lambda: query.answer is not None, _query(request, _Patience).wait)
        return web.json_response(query.answer)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        changes = self._world.changes
        since = _query(request, _From).after
        seen = changes.last if since is None else since
        last = request.headers.get("Last-Event-ID", "")  # of a browser that connects anew
        if last.isascii() and last.isdigit():
            seen = int(last)
        if seen > changes.last:  # counted by a sandbox before this one
            seen = 0
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
            task.add_done_callback(self._streams.discard)
        while True:
            for change in changes.after(seen):
                seen = change["seq"]
                await response.write(f"id: {seen}\ndata: {json.dumps(change)}\n\n".encode())
            if not await self._watch.until(lambda: changes.last > seen, _KEEP_ALIVE):  # noqa: B023 - used at once
                await response.write(b": still here\n\n")


def _query(request: web.Request, model: type[Q]) -> Q:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise web.HTTPBadRequest(text=json.dumps({"error": plainly(error)}), content_type="application/json") from None


def _error(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _as_seen(room: Room, message: Json) -> Json:
    number = message["message_id"]
    deleted = number in room.deleted or number <= room.cleared
    more: Json = {"edits": room.edits.get(number, 0), "deleted": deleted}
    if number in room.reactions:
        more["reactions"] = room.given_reactions(number)
    return message | more


async def _given(request: web.Request) -> Json | bytes:
    """What a verb is given: JSON, or the fields of a form with a file as its `content`. Raises `ControlError`."""
    if request.content_type != "multipart/form-data":
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise ControlError(f"that is more than {wire.BODY_LIMIT // 1024**2} MB") from None
    form = await wire.read(request)
    for key, (name, content) in [(key, value) for key, value in form.items() if isinstance(value, tuple)]:
        form = {"name": name} | form | {key: content}
    return form


def _verb(model: type[BaseModel], given: Json | bytes) -> BaseModel:
    return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)


def _shown(given: Json | bytes) -> Any:
    """A verb's parameters for the log: without tokens, since bots can be named by theirs, and without files."""
    try:
        params = json.loads(given) if isinstance(given, bytes) else given
    except ValueError:
        return None
    if not isinstance(params, dict):
        return None
    hidden: Json = {name: str(value).partition(":")[0] for name, value in params.items() if name in ("bot", "token")}
    if isinstance(params.get("bots"), list):
        hidden["bots"] = [str(name).partition(":")[0] for name in params["bots"]]
    return _without_files(params | hidden)


def _without_files(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_files(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: "…" if name == "content" else _without_files(one) for name, one in value.items()}
