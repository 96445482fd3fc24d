"""Telegram's MarkdownV2 and its older Markdown to plain text and entities, with offsets in UTF-16 units.

The rules are those of the Bot API's page on formatting options and of tdlib's parser, whose words the errors use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.sandbox import links
from bot.sandbox.entities import Entity, place, units
from bot.sandbox.errors import ApiError
from bot.sandbox.markup import cant_parse, is_emoji_id

RESERVED = "_*[]()~`>#+-=|{}.!"
_NAMES = {  # of the entities in the words of the errors
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}
_MARKS = {  # what ends an entity, the longer marks first
    "underline": "__",
    "spoiler": "||",
    "pre": "```",
    "bold": "*",
    "italic": "_",
    "strikethrough": "~",
    "code": "`",
    "text_link": "]",
    "custom_emoji": "]",
}
_STARTS = {
    "__": "underline",
    "||": "spoiler",
    "```": "pre",
    "![": "custom_emoji",
    "[": "text_link",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
    "`": "code",
}


def parse_markdown_v2(source: str) -> tuple[str, list[Entity]]:
    """The text without markup, and its entities. Raises `ApiError` in Telegram's words."""
    return _V2(source).parse()


@dataclass
class _Open:
    """An entity without its end: where it begins in the source, in the text (characters) and in UTF-16 units."""

    kind: str
    source: int
    text: int
    offset: int
    language: str = ""


class _Parser:
    """What both dialects need: a place in the source, the text so far, and its entities."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text: list[str] = []
        self._length = 0  # of the text so far, in UTF-16 units
        self._entities: list[Entity] = []

    def _sees(self, mark: str, ahead: int = 0) -> bool:
        return self._source.startswith(mark, self._at + ahead)

    def _say(self, text: str) -> None:
        text = text.replace("\r", "")  # Telegram drops it; people use it to keep two marks apart
        self._text.extend(text)
        self._length += units(text)

    def _add(self, kind: str, offset: int, **more: Any) -> None:
        if kind and self._length > offset:
            self._entities.append({"type": kind, "offset": offset, "length": self._length - offset, **more})

    def _add_link(self, url: str, offset: int) -> None:
        link = links.marked(url)
        self._add(link.pop("type"), offset, **link)

    def _language(self) -> str:
        """The language after the start of a pre, if there is one; goes past it and the end of its line."""
        end = self._at
        while end < len(self._source) and not self._source[end].isspace() and self._source[end] != "`":
            end += 1
        language = ""
        if end < len(self._source) and self._source[end] != "`":
            language, self._at = self._source[self._at : end], end
        for line_end in ("\r\n", "\n\r", "\n", "\r"):
            if self._sees(line_end):
                self._at += len(line_end)
                break
        return language

    def _byte(self, at: int) -> int:
        return len(self._source[:at].encode())

    def _done(self) -> tuple[str, list[Entity]]:
        return "".join(self._text), sorted(self._entities, key=place)


class _V2(_Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._open: list[_Open] = []

    def parse(self) -> tuple[str, list[Entity]]:
        line_start = True
        while self._at < len(self._source):
            char = self._source[self._at]
            after = self._source[self._at + 1 : self._at + 2]
            if char == "\\" and "\0" < after <= "~":
                self._say(after)
                self._at += 2
                line_start = False
            elif self._in_code() and char != "`":
                self._say(char)
                self._at += 1
            elif char == "\n":
                self._new_line()
                line_start = True
            elif char == ">" and line_start and not self._open:
                self._begin("blockquote", 1)
                line_start = False
            elif char in RESERVED:
                self._mark(char)
                # After the empty bold that keeps two quotes apart, another quote may begin.
                line_start = line_start and char == "*"
            else:
                self._say(char)
                self._at += 1
                line_start = False
        if self._open and self._open[-1].kind == "blockquote":
            self._end_quote("blockquote")
        if self._open:
            last = self._open[-1]
            raise cant_parse(f"Can't find end of {_NAMES[last.kind]} entity at byte offset {self._byte(last.source)}")
        return self._done()

    def _in_code(self) -> bool:
        return bool(self._open) and self._open[-1].kind in ("code", "pre")

    def _new_line(self) -> None:
        if not self._open or self._open[-1].kind != "blockquote":
            self._say("\n")
            self._at += 1
        elif self._sees(">", 1):
            self._say("\n")
            self._at += 2
        else:
            self._end_quote("blockquote")
            self._say("\n")
            self._at += 1

    def _end_quote(self, kind: str) -> None:
        self._add(kind, self._open.pop().offset)

    def _mark(self, char: str) -> None:
        """A reserved character: the end of an entity, the start of one, or a mistake."""
        innermost = self._open[-1].kind if self._open else ""
        ends_line = self._at + 2 >= len(self._source) or self._sees("\n", 2)
        if innermost == "blockquote" and self._sees("||") and ends_line:
            self._end_quote("expandable_blockquote")
            self._at += 2
            return
        # Of `__` it is the underline that ends, unless an italic is the innermost.
        mark = _MARKS.get(innermost, "")
        if mark and self._sees(mark) and not (mark == "_" and self._sees("__")):
            self._end(mark)
            return
        if innermost != "code":
            for start, kind in _STARTS.items():
                if self._sees(start):
                    self._begin(kind, len(start))
                    return
        raise cant_parse(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")

    def _begin(self, kind: str, length: int) -> None:
        begun = _Open(kind, self._at, len(self._text), self._length)
        self._at += length
        if kind == "pre":
            begun.language = self._language()
        self._open.append(begun)

    def _end(self, mark: str) -> None:
        begun = self._open.pop()
        self._at += len(mark)
        if begun.kind == "text_link":
            url = self._url() if self._sees("(") else "".join(self._text[begun.text :])
            self._add_link(url, begun.offset)
        elif begun.kind == "custom_emoji":
            self._add("custom_emoji", begun.offset, custom_emoji_id=self._emoji_id())
        elif begun.language:
            self._add("pre", begun.offset, language=begun.language)
        else:
            self._add(begun.kind, begun.offset)

    def _url(self) -> str:
        """The address in brackets; goes past it."""
        self._at += 1
        begin, url = self._at, ""
        while not self._sees(")"):
            if self._at >= len(self._source):
                raise cant_parse(f"Can't find end of a URL at byte offset {self._byte(begin)}")
            if self._sees("\\") and self._at + 1 < len(self._source):
                self._at += 1
            url += self._source[self._at]
            self._at += 1
        self._at += 1
        return url

    def _emoji_id(self) -> str:
        address = self._url() if self._sees("(") else ""
        number = address.removeprefix("tg://emoji?id=")
        if number == address or not is_emoji_id(number):
            raise cant_parse("Custom emoji entity must contain a tg://emoji URL")
        return number


def parse_markdown(source: str) -> tuple[str, list[Entity]]:
    """The same for the older dialect, which knows no entity within another."""
    return _Old(source).parse()


class _Old(_Parser):
    def parse(self) -> tuple[str, list[Entity]]:
        while self._at < len(self._source):
            char = self._source[self._at]
            if char == "\\" and self._source[self._at + 1 : self._at + 2] in ("_", "*", "`", "["):
                self._say(self._source[self._at + 1])
                self._at += 2
            elif char in "_*`[":
                self._entity()
            else:
                self._say(char)
                self._at += 1
        return self._done()

    def _entity(self) -> None:
        begin, offset, language = self._at, self._length, ""
        start = next(mark for mark in ("```", "_", "*", "`", "[") if self._sees(mark))
        end = "]" if start == "[" else start
        self._at += len(start)
        if start == "```":
            language = self._language()
        text_begins = self._at
        found = self._source.find(end, self._at)
        if found < 0:
            raise self._no_end(begin)
        self._say(self._source[text_begins:found])
        self._at = found + len(end)
        if start == "[":
            url = self._address(begin) if self._sees("(") else self._source[text_begins:found]
            self._add_link(url, offset)
        elif language:
            self._add("pre", offset, language=language)
        else:
            self._add({"_": "italic", "*": "bold", "`": "code", "```": "pre"}[start], offset)

    def _address(self, begin: int) -> str:
        end = self._source.find(")", self._at)
        if end < 0:
            raise self._no_end(begin)
        url, self._at = self._source[self._at + 1 : end], end + 1
        return url

    def _no_end(self, begin: int) -> ApiError:
        return cant_parse(f"Can't find end of the entity starting at byte offset {self._byte(begin)}")
