"""Looking at everything that happened: what `GET /control/…` answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sandbox import pictures
from bot.sandbox.backstage import Backstage
from bot.sandbox.bots import Bot
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json, plainly
from bot.sandbox.journal import Journal
from bot.sandbox.profile import commands_for, menu_button
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
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


@dataclass(frozen=True)
class Read:
    """One thing to look at: where, what it is, the parameters that it takes, and who answers."""

    path: str
    does: str
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    takes: type[_Query] = _Query

    def described(self) -> Json:
        return {"does": self.does, "parameters": self.takes.model_json_schema().get("properties", {})}


class Looking:
    """Answers who looks."""

    def __init__(self, world: World, faults: Faults, watch: Watch, backstage: Backstage) -> None:
        self._world = world
        self._faults = faults
        self._watch = watch
        self._backstage = backstage
        self._streams: set[asyncio.Task[Any]] = set()

    def reads(self) -> list[Read]:
        """Everything that can be looked at."""
        chat = "each with its `room`, the `last` message, and how many each person has not seen (`unread`)"
        stood = "as they stand now, oldest first, with `edits` (how often) and `deleted`"
        events = "as server-sent events, their `seq` as `id`, so that a browser goes on where it was"
        waits = "; with `wait` (seconds) as soon as there is something"
        return [
            Read("chats", f"Every chat with its people and bots, {chat}.", self._chats),
            Read("bots", "Every bot.", self._bots),
            Read("messages", f"The messages of a `room`, or of `bot` and `chat`, {stood}.", self._messages, _WhichChat),
            Read("changes", f"What happened in the chats since{waits}.", self._changes, _Since),
            Read(
                "log", f"Every request to the Bot API and every verb since, with its answer{waits}.", self._log, _Since
            ),
            Read("troubles", f"What went wrong since, in words{waits}.", self._troubles, _Since),
            Read("callback/{query}", f"What the bot answered to a tap, or null{waits}.", self._callback, _Patience),
            Read(
                "inline/{query}", f"What the bot answered to an inline query, or null{waits}.", self._inline, _Patience
            ),
            Read("stream", f"The changes since (else from now on) {events}.", self._stream, _From),
            Read("file/{file_id}", "A file that was sent.", self._file),
            Read("notes", f"What the product told since, by `note`{waits}.", self._notes, _Since),
            Read("notes/{seq}", "One of these.", self._note),
            Read("gauges", "What it told last by `gauges`.", self._gauges),
            Read("offers", "What it offered last by `offer`.", self._offers),
            Read("faults", "The faults that are still to come, with how often each has `struck`.", self._list_faults),
        ]

    def close(self) -> None:
        """End the event streams, which would last for ever."""
        for stream in self._streams:
            stream.cancel()

    async def _list_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": self._faults.listed()})

    async def _chats(self, request: web.Request) -> web.Response:
        rooms = (room for room in self._world.rooms.values() if room.moved_to is None)
        return web.json_response([self._as_chat(room) for room in rooms])

    async def _bots(self, request: web.Request) -> web.Response:
        return web.json_response([bot.user | {"inline": bot.inline} for bot in self._world.bots.values()])

    def _as_chat(self, room: Room) -> Json:
        world = self._world
        return {
            "room": room.key,
            "former": room.former,
            "chat": world.chat(room),
            "members": [self._as_member(user, room) for user in sorted(room.members)],
            "topics": [{"topic": number} | asdict(topic) for number, topic in room.topics.items()],
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
        return self._world.users[user] | offline | seen | {"status": room.status_of(user)}

    async def _messages(self, request: web.Request) -> web.Response:
        which = _query(request, _WhichChat)
        key = which.room
        if key is None:
            key = str(which.chat)
            if which.bot is not None and (bot := self._world.bot_named(which.bot)):
                key = f"{bot.id}:{which.chat}" if (which.chat or 0) > 0 else key
        room = self._world.rooms.get(key)
        if room is None:
            return failed(f"no chat {key!r}")
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
            return failed("no such file", 404)
        if not content:  # of an address, which nobody asks
            return web.Response(text=pictures.PLACEHOLDER, content_type="image/svg+xml")
        kind = pictures.kind(content)
        # What is neither shown nor played is never opened by the browser, which might run it.
        how = f"{'inline' if kind else 'attachment'}; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": how, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind or "application/octet-stream", headers=headers)

    async def _notes(self, request: web.Request) -> web.Response:
        return await self._since(request, self._backstage.notes)

    async def _note(self, request: web.Request) -> web.Response:
        number = request.match_info["seq"]
        seq = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
        note = next((note for note in self._backstage.notes.after(seq - 1) if note["seq"] == seq), None)
        return failed("no such note", 404) if note is None else web.json_response(note)

    async def _gauges(self, request: web.Request) -> web.Response:
        return web.json_response({"values": self._backstage.gauges})

    async def _offers(self, request: web.Request) -> web.Response:
        return web.json_response({"actions": self._backstage.actions})

    async def _callback(self, request: web.Request) -> web.Response:
        query = self._world.queries.get(request.match_info["query"])
        if query is None:
            return failed("no such query", 404)
        await self._watch.until(lambda: query.answer is not None, _query(request, _Patience).wait)
        return web.json_response(query.answer)

    async def _inline(self, request: web.Request) -> web.Response:
        query = self._world.inline_queries.get(request.match_info["query"])
        if query is None:
            return failed("no such query", 404)
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


def failed(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _as_seen(room: Room, message: Json) -> Json:
    number = message["message_id"]
    deleted = number in room.deleted or number <= room.cleared
    more: Json = {"edits": room.edits.get(number, 0), "deleted": deleted}
    if number in room.reactions:
        more["reactions"] = room.given_reactions(number)
    return message | more
