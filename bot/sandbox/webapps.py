"""Web apps: pages of a bot that open within Telegram, and what they are told and send back.

What a page is told is signed with the bot's token, as its server checks it. The signature by Telegram's own key, for
third parties, can't be made here and is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import quote, urlencode
from uuid import uuid4

from pydantic import Field

from bot.sandbox.buttons import button_of
from bot.sandbox.calls import Call, Served
from bot.sandbox.directory import Directory
from bot.sandbox.errors import OLD_QUERY
from bot.sandbox.fields import Json
from bot.sandbox.hearing import Place, say
from bot.sandbox.inline_ids import id_of
from bot.sandbox.inline_results import result_of
from bot.sandbox.profile import menu_button
from bot.sandbox.rooms import Room, WebApp
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Verb, Verbs

DATA_LIMIT = 4096  # bytes; Telegram.WebApp.sendData
VERSION = "9.1"  # of the events that this page and web apps exchange
_THEME = {
    "bg_color": "#ffffff",
    "secondary_bg_color": "#e7ebf0",
    "text_color": "#14202b",
    "hint_color": "#55636e",
    "link_color": "#1a5f9c",
    "button_color": "#1f6fb2",
    "button_text_color": "#ffffff",
}

served = Served()


class OpenWebApp(Act):
    """A person opens a web app by a `button` of a message, or without one by the menu button of the chat with a bot.

    The answer has the address with all that the page is told behind its `#`. (The key of a reply keyboard is pressed
    with `press_key`.)
    """

    message_id: int | None = None
    button: str | None = None


class SendWebAppData(Verb):
    """A web app that a key of the reply keyboard has opened sends data to its bot, and is closed by that."""

    web_app: str
    data: str = Field(min_length=1)


class WebApps:
    """Carries out the verbs about web apps."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "open_web_app": (OpenWebApp, self._open),
            "web_app_data": (SendWebAppData, self._send_data),
        }

    def _open(self, verb: OpenWebApp) -> Json:
        room, person = self._find.acting(verb)
        if room.bot is None:
            raise ControlError("web apps open in the private chat with their bot only")
        if verb.message_id is None:
            button = menu_button(self._world.bots[room.bot], room)
        else:
            button = button_of(self._find.message(room, verb.message_id), verb.button or "")
        if "web_app" not in button:
            raise ControlError("that opens no web app")
        return opened(self._world, room, person, button["web_app"]["url"])

    def _send_data(self, verb: SendWebAppData) -> Json:
        app = self._world.web_apps.get(verb.web_app)
        if app is None:
            raise ControlError("no such web app, or it is closed")
        if app.key is None:
            raise ControlError("only a web app that was opened by a key of the reply keyboard can send data")
        if len(verb.data.encode()) > DATA_LIMIT:
            raise ControlError(f"data is longer than {DATA_LIMIT} bytes")
        room, person = self._find.acting(Act(user=app.person, bot=str(app.bot)))
        del self._world.web_apps[verb.web_app]
        return say(self._world, Place(room, person), web_app_data={"data": verb.data, "button_text": app.key})


def opened(world: World, room: Room, person: Json, url: str, key: str | None = None) -> Json:
    """Open a web app in a private chat with its bot: by a `key` of the reply keyboard, or by another button.

    One that a key opens is told nothing, but may send data; any other may be answered by answerWebAppQuery.
    """
    bot = world.bots[room.bot or 0]
    app = uuid4().hex
    world.web_apps[app] = WebApp(bot.id, person["id"], key)
    told = "" if key else signed(_about(world, app, person), bot.token)
    joint = "&" if "#" in url else "#"
    fragment = {"tgWebAppData": told, "tgWebAppVersion": VERSION, "tgWebAppPlatform": "web"}
    fragment |= {"tgWebAppThemeParams": _json(_THEME)}
    return {"web_app": app, "url": f"{url}{joint}{_query(fragment)}", "sends_data": key is not None}


def _about(world: World, app: str, person: Json) -> dict[str, str]:
    names = ("id", "first_name", "last_name", "username", "language_code")
    user = {name: person[name] for name in names if name in person} | {"allows_write_to_pm": True}
    return {"query_id": app, "user": _json(user), "auth_date": str(int(world.now()))}


def signed(about: dict[str, str], token: str) -> str:
    """What a page is told, with the hash that only the bot's token makes (Bot API, Mini Apps)."""
    lines = "\n".join(f"{name}={about[name]}" for name in sorted(about))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return _query(about | {"hash": hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()})


def _query(fields: dict[str, str]) -> str:
    """As browsers write it: pages may not take a plus for a space."""
    return urlencode(fields, quote_via=quote)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@served
def answer_web_app_query(call: Call) -> Json:
    """Send a message for the person whose web app is open."""
    result = result_of(call, call.params.get("result"))
    app = call.world.web_apps.get(call.text("web_app_query_id"))
    if app is None or app.bot != call.bot.id or app.key is not None:
        raise OLD_QUERY
    del call.world.web_apps[call.text("web_app_query_id")]
    room, person = call.world.private(call.bot, app.person), call.world.users[app.person]
    message = say(call.world, Place(room, person), **result.content, via_bot=dict(call.bot.user))
    return {"inline_message_id": id_of(room, message)} if "reply_markup" in message else {}
