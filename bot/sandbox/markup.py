"""Telegram's HTML to plain text and entities, with offsets in UTF-16 units."""

from __future__ import annotations

import html
import re

from bot.sandbox import links
from bot.sandbox.entities import Entity, place, units
from bot.sandbox.errors import ApiError, bad_request

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
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
    "span": "spoiler",
    "blockquote": "blockquote",
}
# A tag with its name and attributes (the last group is empty when it has no end), or a character by its name.
_TOKEN = re.compile(
    r"""<(/?)([^\s<>]*)((?:[^<>"']|"[^"]*"|'[^']*')*)(>?)|&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});"""
)
_ATTRIBUTE = re.compile(r"""([^\s="']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")


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

    def _text_from(self, start: int) -> str:
        """The text since a place in UTF-16 units."""
        return "".join(self._text).encode("utf-16-le")[2 * start :].decode("utf-16-le")

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
            return {"type": kind, "url": attributes.get("href", "")}
        if tag == "tg-emoji":
            return {"type": kind, "custom_emoji_id": attributes.get("emoji-id", "")}
        if tag == "tg-time":
            return _time(attributes)
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
        if self._length == start:
            return
        if name == "a":
            entity = links.marked(entity["url"] or self._text_from(start))
        if name == "tg-emoji" and not is_emoji_id(entity["custom_emoji_id"]):
            raise bad_request("Invalid custom emoji identifier specified")
        if not entity["type"]:
            return
        whole = {"offset": start, "length": self._length - start}
        last = self._entities[-1] if self._entities else {}
        if name == "pre" and last.get("language") and whole.items() <= last.items():
            entity = {**self._entities.pop(), "type": "pre"}
        self._entities.append(entity | whole)

    def _error(self, text: str, token: re.Match[str], more: str = "") -> ApiError:
        offset = len(self._source[: token.start()].encode())
        return cant_parse(f"{text} at byte offset {offset}{more}")


def _time(attributes: dict[str, str]) -> Entity:
    unix, form = attributes.get("unix", ""), attributes.get("format", "")
    if not unix.isascii() or not unix.isdigit() or not int(unix):
        return {"type": ""}
    return {"type": "date_time", "unix_time": int(unix)} | ({"date_time_format": form} if form else {})


def is_emoji_id(number: str) -> bool:
    """Whether this can be the id of a custom emoji: a number of 64 bits, but 0."""
    return number.isascii() and number.isdigit() and 0 < int(number) < 2**63


def cant_parse(text: str) -> ApiError:
    """The refusal of broken markup."""
    return bad_request(f"can't parse entities: {text}")
