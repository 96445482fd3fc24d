"""Texts and captions with their entities, as a request gives them and as a message has them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from bot.sandbox import errors, links
from bot.sandbox.calls import Call
from bot.sandbox.cleaning import cleaned
from bot.sandbox.entities import FOUND, KINDS, Entity, merged, units
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Given, Text, complaint
from bot.sandbox.finding import find_entities
from bot.sandbox.markdown import parse_markdown, parse_markdown_v2
from bot.sandbox.markup import is_emoji_id, parse_html
from bot.sandbox.state import World

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024  # UTF-16 units after the entities are parsed

_MODES = {"html": parse_html, "markdown": parse_markdown, "markdownv2": parse_markdown_v2}
_NEEDED = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id", "date_time": "unix_time"}
_KEPT = {"pre": {"language"}, "date_time": {"unix_time", "date_time_format"}}


class _User(Given):
    id: int


class _Entity(Given):
    offset: int = Field(ge=0)
    length: int = Field(ge=0)
    type: str
    url: Text | None = None
    user: _User | None = None
    custom_emoji_id: Text | None = None
    language: str | None = None
    unix_time: int | None = None


def text_of(call: Call) -> tuple[str, list[Entity] | None]:
    """The text with its entities, the found ones among them. Raises `ApiError` for an empty or a long one."""
    if not call.text("text"):
        raise errors.EMPTY
    text, entities = formatted(call.world, call.params, "text", "entities")
    if not text:
        raise errors.BLANK
    if units(text) > TEXT_LIMIT:
        raise errors.TOO_LONG
    return text, entities or None


def caption_of(call: Call) -> tuple[str | None, list[Entity] | None]:
    """A caption with its entities, or None. Raises `ApiError` for a long one."""
    text, entities = formatted(call.world, call.params, "caption", "caption_entities")
    if units(text) > CAPTION_LIMIT:
        raise errors.CAPTION_TOO_LONG
    return text or None, entities or None


def formatted(
    world: World, params: dict[str, Any], name: str, given: str, mode: str = "parse_mode"
) -> tuple[str, list[Entity]]:
    """A parameter as a clean text with all its entities. Raises `ApiError` for markup that can't be read."""
    text, entities = parsed(world, params, name, given, mode)
    return text, merged(entities, find_entities(text))


def parsed(world: World, params: dict[str, Any], name: str, given: str, mode: str) -> tuple[str, list[Entity]]:
    """The same with the entities that were asked for alone."""
    text, parse_mode = str(params.get(name) or ""), str(params.get(mode) or "").lower()
    if text and parse_mode not in ("", "none"):
        if parse_mode not in _MODES:
            raise bad_request("Unsupported parse_mode")
        text, entities = _MODES[parse_mode](text)
    else:
        entities = _given(params.get(given))
    return cleaned(text, _known(world, entities))


def typed(text: str) -> tuple[str, list[Entity]]:
    """What a person types, as the clients send it."""
    text, _ = cleaned(text, [])
    return text, find_entities(text)


def _known(world: World, entities: list[Entity]) -> list[Entity]:
    """Mentions get the user whom they name; one of nobody is none."""
    whole = [one | {"user": world.users.get(one["user"]["id"])} if "user" in one else one for one in entities]
    return [one for one in whole if one.get("user", True)]


def _given(given: Any) -> list[Entity]:
    """The given entities but for those that Telegram finds by itself. Raises `ApiError` for what is none."""
    if not isinstance(given, list | None):
        raise _cant_parse("expected an Array")
    return [entity for one in given or () if (entity := _entity(one))]


def _entity(given: Any) -> Entity | None:
    if not isinstance(given, dict):
        raise _cant_parse("expected an Object")
    try:
        entity = _Entity.model_validate(given)
    except ValidationError as error:
        raise _cant_parse(complaint(error)) from None
    if entity.type in FOUND:
        return None
    if entity.type not in KINDS:
        raise _cant_parse("Unsupported type specified" if entity.type else "Type is not specified")
    needed = _NEEDED.get(entity.type)
    if needed and getattr(entity, needed) is None:
        raise _cant_parse(f'Can\'t find field "{needed}"')
    place: Entity = {"offset": entity.offset, "length": entity.length}
    if entity.type == "text_link":
        return _link(entity.url or "") | place
    if entity.type == "custom_emoji" and not is_emoji_id(entity.custom_emoji_id or ""):
        raise bad_request("Invalid custom emoji identifier specified")
    kept = _KEPT.get(entity.type, {needed} if needed else set())
    more = {name: value for name, value in entity.model_dump().items() if name in kept and value}
    return {"type": entity.type} | more | place


def _link(url: str) -> Entity:
    if links.user_of(url) is None:
        try:
            links.checked(url)
        except links.LinkError as error:
            raise bad_request(f"Entity URL '{url}' is invalid: {error}") from None
    return links.marked(url)


def _cant_parse(why: str) -> errors.ApiError:
    return bad_request(f"Can't parse MessageEntity: {why}")
