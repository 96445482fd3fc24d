"""The control API over HTTP: `POST /control/{verb}` acts as people, and everything that happened can be looked at.

GET    /control                 `how` to use all this, the verbs with their fields, the `reads` with their parameters,
                                and as `methods` those of the Bot API that are served
POST   /control/{verb}          a JSON object, or a form with a file; errors are 400 with {"error": "..."}
GET    /control/{read}          see `looking`
DELETE /control/faults[/{name}] no more faults, or none of that `name`
"""

from __future__ import annotations

import inspect
import json
from functools import partial
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.sandbox import wire
from bot.sandbox.backstage import Backstage
from bot.sandbox.control import Control
from bot.sandbox.errors import ApiError
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json, plainly
from bot.sandbox.looking import Looking, failed
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError
from bot.sandbox.watch import Watch

_HOW = {
    "POST /control/VERB": "A person acts. The fields go as a JSON object; a file also as `content` of a form.",
    "GET /control/READ": "Look at what happened; parameters go behind a `?`.",
    "DELETE /control/faults[/NAME]": "Lift every fault, or those of that `name`.",
    "fields": "`user` and `chat` are ids; `bot` is a username, an id or a token. With `bot` it happens in the person's "
    "private chat with it, with `chat` in that group or channel. A field with a `default` can be left out.",
    "errors": 'The status is 400, and {"error": "..."} says why.',
}
_dumps = partial(json.dumps, indent=1, ensure_ascii=False)  # people read this


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
        self._looking = Looking(world, faults, watch, self._backstage)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control", self._what),
            *(web.get(f"/control/{read.path}", read.answer) for read in self._looking.reads()),
            web.delete("/control/faults", self._clear_faults),
            web.delete("/control/faults/{name}", self._clear_faults),
            web.post("/control/{verb}", self._act),
            web.get("/control/{read:.+}", self._no_such_read),
        ]

    def close(self) -> None:
        """End the event streams, which would last for ever."""
        self._looking.close()

    async def _what(self, request: web.Request) -> web.Response:
        verbs = {name: _described(model) for name, (model, _) in self._verbs.items()}
        reads = {f"GET /control/{read.path}": read.described() for read in self._looking.reads()}
        return web.json_response({"how": _HOW} | verbs | {"reads": reads, "methods": self._methods}, dumps=_dumps)

    async def _no_such_read(self, request: web.Request) -> web.Response:
        if request.match_info["read"] in self._verbs:
            return failed("that is a verb: ask by POST", 405)
        return failed(f"nothing to look at there; there are {[read.path for read in self._looking.reads()]}", 404)

    async def _act(self, request: web.Request) -> web.Response:
        name = request.match_info["verb"]
        if name not in self._verbs:
            return failed(f"no such verb; there are {sorted(self._verbs)}", 404)
        model, act = self._verbs[name]
        given: Json | bytes = b""
        try:
            given = await _given(request)
            answer, status = act(_verb(model, given)), 200
        except ControlError as error:
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


async def _given(request: web.Request) -> Json | bytes:
    """What a verb is given: JSON, or the fields of a form with a file as its `content`. Raises `ControlError`."""
    try:
        if request.content_type != "multipart/form-data":
            return await request.read()
        form = await wire.read(request)
    except (web.HTTPRequestEntityTooLarge, ApiError) as error:
        too_large = isinstance(error, web.HTTPException) or error.code == 413
        raise ControlError(f"that is more than {wire.BODY_LIMIT // 1024**2} MB" if too_large else str(error)) from None
    for key, (name, content) in [(key, value) for key, value in form.items() if isinstance(value, tuple)]:
        form = {"name": name} | form | {key: content}
    return form


def _described(model: type[BaseModel]) -> Json:
    """What a verb does, and its fields."""
    schema = {key: value for key, value in model.model_json_schema().items() if key not in ("title", "description")}
    return {"does": inspect.getdoc(model), **schema}


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
