"""Telegram's HTML to plain text and entities, with offsets in UTF-16 units."""

from __future__ import annotations

import html
import re
from typing import Any

from bot.sandbox.errors import ApiError, bad_request

Entity = dict[str, Any]

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}
# A tag with its name and attributes (the last group is empty when it has no end), or a character by its name.
_TOKEN = re.compile(
    r"""<(/?)([^\s<>]*)((?:[^<>"']|"[^"]*"|'[^']*')*)(>?)|&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});"""
)
_ATTRIBUTE = re.compile(r"""([^\s="']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, entity: Entity) -> str:
    """The part of the text that an entity marks."""
    raw = text.encode("utf-16-le")
    begin = 2 * entity["offset"]
    return raw[begin : begin + 2 * entity["length"]].decode("utf-16-le", "replace")


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The text without markup, and its entities. Raises `ApiError` in Telegram's words."""
    return _Html(source).parse()


class _Html:
    def __init__(self, source: str) -> None:
        self._source = source
        self._length = 0  # of the text so far, in UTF-16 units
        self._text: list[str] = []
        self._open: list[tuple[str, int, Entity]] = []  # tags without their end: name, where it starts, its entity
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        at = 0
        for token in _TOKEN.finditer(self._source):
            self._say(self._source[at : token.start()])
            at = token.end()
            if token[0].startswith("&"):
                self._say(html.unescape(token[0]))
            elif token[1]:
                self._end(token)
            else:
                self._open.append((token[2].lower(), self._length, self._start(token)))
        self._say(self._source[at:])
        if self._open:
            raise cant_parse(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')
        return "".join(self._text), sorted(self._entities, key=place)

    def _say(self, text: str) -> None:
        self._text.append(text)
        self._length += units(text)

    def _start(self, token: re.Match[str]) -> Entity:
        tag, kind = token[2].lower(), _TAGS.get(token[2].lower())
        if not token[4]:
            raise self._error("Unclosed start tag", token)
        if kind is None:
            raise self._error(f'Unsupported start tag "{tag}"', token)
        attributes = {
            name.lower(): html.unescape(first or second or third)
            for name, first, second, third in _ATTRIBUTE.findall(token[3])
        }
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise self._error('Tag "span" must have class "tg-spoiler"', token)
        if tag == "a":
            return {"type": kind, "url": attributes["href"]} if attributes.get("href") else {"type": ""}
        if tag == "blockquote" and "expandable" in attributes:
            return {"type": "expandable_blockquote"}
        # A language is said by the code inside of a pre, and belongs to the pre.
        inside_pre = tag == "code" and self._open and self._open[-1][0] == "pre"
        language = attributes.get("class", "").removeprefix("language-") if inside_pre else ""
        return {"type": kind, "language": language} if language else {"type": kind}

    def _end(self, token: re.Match[str]) -> None:
        tag = token[2].lower()
        if not self._open:
            raise self._error("Unexpected end tag", token)
        if not token[4] or token[3].strip():
            raise self._error("Unclosed end tag", token)
        name, start, entity = self._open.pop()
        if tag not in ("", name):
            raise self._error("Unmatched end tag", token, f', expected "</{name}>", found "</{tag}>"')
        if self._length == start or not entity["type"]:
            return
        whole = {"offset": start, "length": self._length - start}
        last = self._entities[-1] if self._entities else {}
        if name == "pre" and last.get("language") and whole.items() <= last.items():
            entity = {**self._entities.pop(), "type": "pre"}
        self._entities.append(entity | whole)

    def _error(self, text: str, token: re.Match[str], more: str = "") -> ApiError:
        offset = len(self._source[: token.start()].encode())
        return cant_parse(f"{text} at byte offset {offset}{more}")


def cant_parse(text: str) -> ApiError:
    """The refusal of broken markup."""
    return bad_request(f"can't parse entities: {text}")


def place(entity: Entity) -> tuple[int, int]:
    """Sorts entities as Telegram does: by offset, the longer ones first."""
    return entity["offset"], -entity["length"]


def typed_entities(text: str) -> list[Entity]:
    """What a client marks in a text that a person types: commands, mentions and links."""
    found = []
    for kind, pattern in _TYPED:
        for match in pattern.finditer(text):
            offset = units(text[: match.start(1)])
            found.append({"type": kind, "offset": offset, "length": units(match[1])})
    return sorted(found, key=lambda entity: entity["offset"])


def within(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities cut to the text; those that lie beyond its end are left out."""
    end = units(text)
    return [one | {"length": min(one["length"], end - one["offset"])} for one in entities if one["offset"] < end]


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities, and the commands, mentions and links in the rest of the text, which Telegram marks by itself."""
    closed = [one for one in entities if one["type"] in ("code", "pre", "text_link", "text_mention")]
    found = [one for one in typed_entities(text) if not any(_overlap(one, other) for other in closed)]
    return sorted(entities + found, key=place)


def _overlap(one: Entity, other: Entity) -> bool:
    end, other_end = one["offset"] + one["length"], other["offset"] + other["length"]
    return bool(one["offset"] < other_end and other["offset"] < end)


_TYPED = (
    ("bot_command", re.compile(r"(?:^|(?<=\s))(/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,64})?)(?=$|\s)")),
    ("mention", re.compile(r"(?:^|(?<=\s))(@[A-Za-z0-9_]{3,64})")),
    ("url", re.compile(r"(https?://\S+)")),
)
