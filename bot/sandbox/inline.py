"""Inline mode: people type `@bot words` in any chat, the bot offers results, and the chosen one is sent via it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import Field

from bot.sandbox.bots import INLINE_LIFE, Bot
from bot.sandbox.calls import Call, Served
from bot.sandbox.directory import Directory
from bot.sandbox.errors import OLD_QUERY, bad_request
from bot.sandbox.fields import Json
from bot.sandbox.hearing import say
from bot.sandbox.inline_ids import id_of
from bot.sandbox.inline_results import results_of
from bot.sandbox.links import LinkError, checked
from bot.sandbox.rooms import InlineQuery, Room
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Say, Verb, Verbs

QUERY_LIMIT = 256  # characters; Bot API, InlineQuery
OFFSET_LIMIT = 64  # bytes; Bot API, answerInlineQuery
CACHE, LONGEST_CACHE = 300, 24 * 3600  # seconds that Telegram keeps an answer, unless the bot says otherwise

served = Served()


class SetInline(Verb):
    """Give a bot inline mode or take it away, as its owner does with @BotFather's /setinline.

    `placeholder` stands in the empty field; with `feedback` the bot hears what is chosen (/setinlinefeedback).
    """

    bot: str
    on: bool = True
    placeholder: str = Field(default="", max_length=64)
    feedback: bool = False


class AskInline(Act):
    """A person types `@of` and a query, in the private chat with `bot` or in the group `chat`.

    The answer is at `GET /control/inline/{inline_query_id}`. Telegram keeps answers for a time (`cache_time`), so that
    the bot may not hear of it. `offset` asks for more, by the `next_offset` of an answer.
    """

    of: str
    query: str = Field(default="", max_length=QUERY_LIMIT)
    offset: str = ""


class ChooseInline(Say):
    """A person chooses a result by its id: it is sent to the chat, via the bot that gave it."""

    inline_query_id: str
    result: str


class Inline:
    """Carries out the verbs of inline mode."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "set_inline": (SetInline, self._set),
            "ask_inline": (AskInline, self._ask),
            "choose_inline": (ChooseInline, self._choose),
        }

    def _set(self, verb: SetInline) -> Json:
        bot = self._find.bot(verb.bot)
        bot.inline, bot.inline_feedback = (verb.placeholder if verb.on else None), verb.feedback
        self._world.changed("bot", bot=bot.id)
        return {"inline": bot.inline, "feedback": bot.inline_feedback}

    def _ask(self, verb: AskInline) -> Json:
        room, person = self._find.room(verb.bot, verb.chat, verb.user), self._find.online(verb.user)
        bot = self._find.bot(verb.of)
        if bot.inline is None:
            name = bot.user["username"]
            raise ControlError(
                f"@{name} has no inline mode: on Telegram @BotFather's /setinline gives it, here set_inline"
            )
        known = self._kept(bot, verb)
        if known is not None:
            return {"inline_query_id": known, "kept": True}
        query_id = str(uuid4().int % 2**63)
        self._world.inline_queries[query_id] = InlineQuery(
            bot.id, self._world.now(), verb.user, verb.query, verb.offset
        )
        asked = {"from": dict(person), "chat_type": _chat_type(room, bot), "query": verb.query, "offset": verb.offset}
        self._world.update(bot, inline_query={"id": query_id, **asked})
        return {"inline_query_id": query_id, "kept": False}

    def _kept(self, bot: Bot, verb: AskInline) -> str | None:
        """An answer that Telegram still has for the same question."""
        for number, one in self._world.inline_queries.items():
            same = (one.bot, one.query, one.offset) == (bot.id, verb.query, verb.offset)
            kept = one.answer is not None and self._world.now() < one.kept_until
            if same and kept and (one.person == verb.user or not one.is_personal):
                return number
        return None

    def _choose(self, verb: ChooseInline) -> Json:
        query = self._world.inline_queries.get(verb.inline_query_id)
        if query is None or verb.result not in query.contents:
            raise ControlError("no such result")
        content = query.contents[verb.result]
        place = self._find.saying(verb)
        bot = self._world.bots[query.bot]
        message = say(self._world, place, **content, via_bot=dict(bot.user))
        if bot.inline_feedback:
            named = {"inline_message_id": id_of(place.room, message)} if "reply_markup" in message else {}
            chosen = {"from": dict(place.person), "query": query.query, "result_id": verb.result}
            self._world.update(bot, chosen_inline_result=chosen | named)
        return message


def _chat_type(room: Room, bot: Bot) -> str:
    if room.kind != "private":
        return room.kind
    return "sender" if room.bot == bot.id else "private"


@served
def answer_inline_query(call: Call) -> bool:
    query = call.world.inline_queries.get(call.text("inline_query_id"))
    button, offset = _button(call.params.get("button")), call.text("next_offset")
    results = results_of(call)
    now = call.world.now()
    if query is None or query.bot != call.bot.id or query.answer is not None or now - query.at > INLINE_LIFE:
        raise OLD_QUERY
    if len(offset.encode()) > OFFSET_LIMIT:
        raise bad_request("NEXT_OFFSET_INVALID")
    query.kept_until = now + min(max(call.number_or("cache_time", CACHE), 0), LONGEST_CACHE)
    query.contents = {one.id: one.content for one in results}
    query.answer = {"results": [one.shown for one in results], "next_offset": offset, "button": button}
    query.is_personal = call.flag("is_personal")
    call.world.changed("inline", query=call.text("inline_query_id"))
    return True


def _button(given: Any) -> Json | None:
    """The button above the results. Raises `ApiError` for one that Telegram refuses."""
    if not given:
        return None
    wrong = "Can't parse inline query results button: "
    if not isinstance(given, dict) or not isinstance(given.get("text"), str):
        raise bad_request(f"{wrong}InlineQueryResultsButton must be an Object")
    if "start_parameter" not in given and not isinstance(given.get("web_app"), dict):
        raise bad_request(f"{wrong}InlineQueryResultsButton must have exactly one optional field")
    if "start_parameter" not in given:
        try:
            checked(str(given["web_app"].get("url")))
        except LinkError:
            raise bad_request("SWITCH_WEBVIEW_URL_INVALID") from None
    return given
