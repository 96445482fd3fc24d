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
_TOKEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)([^<>]*)>|<|&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_HREF = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The text without markup, and its entities. Raises `ApiError` in Telegram's words."""
    text, length = [], 0
    open_tags: list[tuple[str, int, dict[str, Any]]] = []
    entities: list[Entity] = []
    at = 0
    for token in _TOKEN.finditer(source):
        text.append(source[at : token.start()])
        length += units(text[-1])
        at = token.end()
        offset = len(source[: token.start()].encode())
        if token[0].startswith("&"):
            text.append(html.unescape(token[0]))
            length += units(text[-1])
        elif token[2] is None:
            raise _cant_parse(f"Unexpected end of name token at byte offset {offset}")
        elif not token[1]:
            open_tags.append((token[2].lower(), length, _start(token[2].lower(), token[3], offset)))
        else:
            entities += _end(open_tags, token[2].lower(), length, offset)
    text.append(source[at:])
    if open_tags:
        end = len(source.encode())
        raise _cant_parse(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}" at byte offset {end}')
    return "".join(text), sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _start(tag: str, attributes: str, offset: int) -> dict[str, Any]:
    kind = _TAGS.get(tag)
    if kind is None:
        raise _cant_parse(f'Unsupported start tag "{tag}" at byte offset {offset}')
    if kind == "text_link":
        href = _HREF.search(attributes)
        return {"type": kind, "url": html.unescape(next(filter(None, href.groups()), ""))} if href else {"type": ""}
    return {"type": kind}


def _end(open_tags: list[tuple[str, int, dict[str, Any]]], tag: str, length: int, offset: int) -> list[Entity]:
    if not open_tags:
        raise _cant_parse(f"Unexpected end tag at byte offset {offset}")
    name, start, entity = open_tags.pop()
    if name != tag:
        raise _cant_parse(f'Unmatched end tag at byte offset {offset}, expected "</{name}>", found "</{tag}>"')
    if length == start or not entity["type"]:
        return []
    return [{**entity, "offset": start, "length": length - start}]


def _cant_parse(text: str) -> ApiError:
    return bad_request(f"can't parse entities: {text}")


def typed_entities(text: str) -> list[Entity]:
    """What a client marks in a text that a person types: commands, mentions and links."""
    found = []
    for kind, pattern in _TYPED:
        for match in pattern.finditer(text):
            offset = units(text[: match.start(1)])
            found.append({"type": kind, "offset": offset, "length": units(match[1])})
    return sorted(found, key=lambda entity: entity["offset"])


_TYPED = (
    ("bot_command", re.compile(r"(?:^|(?<=\s))(/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,64})?)(?=$|\s)")),
    ("mention", re.compile(r"(?:^|(?<=\s))(@[A-Za-z0-9_]{3,64})")),
    ("url", re.compile(r"(https?://\S+)")),
)
