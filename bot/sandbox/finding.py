"""What Telegram marks by itself in a text: mentions, commands, tags, addresses and numbers.

The rules are tdlib's (find_entities); only phone numbers, which its server finds, follow our guess: with a plus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.sandbox.domains import is_known
from bot.sandbox.entities import Entity, end_of, place, units

_TAG = r"\w\u00b7\u200c\u0d80-\u0dff"  # what a hashtag is made of
_PATH = r"""[^\s<>"\u00ab\u00bb\u200b\u200e-\u200f\u2016-\u206f]"""
_HOST = r"[A-Za-z0-9_~\-\u00c0-\u167f\u1681-\u1fff\u200c\u200d\u2010-\u2015\u2070-\u2fff\u3001-\U0010ffff]"
_USER = r"""[^\s/?#\[\]{}()'`<>"@\u00ab\u00bb\u200b\u200e-\u200f\u2016-\u206f]"""
_PATTERNS = (
    ("mention", re.compile(r"(?<!\w)@[A-Za-z0-9_]{4,32}(?!\w)")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32}|(?!@))(?![\w/<>])")),
    ("hashtag", re.compile(rf"(?<![{_TAG}])#(?=[{_TAG}]*[^\W\d_])[{_TAG}]{{1,256}}+(?:@[A-Za-z0-9_]{{3,32}})?+(?!#)")),
    ("cashtag", re.compile(rf"(?<![${_TAG}])\$(?:1INCH|[A-Z]{{1,8}}+)(?:@[A-Za-z0-9_]{{3,32}}+(?!\w))?+(?![${_TAG}])")),
    ("phone_number", re.compile(r"(?<![\w+])\+\d(?:[ ()./-]{0,2}\d){6,14}(?!\w)")),
    ("url", re.compile(rf"(?i:tg|ton|tonsite)://[A-Za-z0-9_-]{{1,253}}(?:[/?#]{_PATH}*(?<![.:;,('?!`]))?")),
)
_ADDRESS = re.compile(
    rf"(?:((?<!s)https?://|(?<![st])ftp://|tonsite://)|(?<![\w/#@.~-]))({_USER}++@)?"
    rf"({_HOST}*+\.(?:{_HOST}|\.)*+)(:0*[0-9]{{1,5}}(?![0-9]))?([/?#]{_PATH}*)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?:[a-z0-9_-]{0,26}[.+]){0,10}[a-z0-9_-]{1,35}@(?:[a-z0-9](?:[a-z0-9_-]{0,28}[a-z0-9])?\.){1,6}[a-z]{2,8}", re.I
)
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}")
_BAD_END = ".:;,('?!`"  # of a path
_CLOSING = {")": "(", "]": "[", "}": "{"}


def find_entities(text: str) -> list[Entity]:
    """The entities of a plain text, none over another: the one that begins first counts."""
    found = [_entity(kind, text, *match.span()) for kind, pattern in _PATTERNS for match in pattern.finditer(text)]
    kept: list[Entity] = []
    for one in sorted([*found, *_addresses(text)], key=place):
        if not kept or one["offset"] >= end_of(kept[-1]):
            kept.append(one)
    return kept


def _entity(kind: str, text: str, begin: int, end: int) -> Entity:
    return {"type": kind, "offset": units(text[:begin]), "length": units(text[begin:end])}


def _addresses(text: str) -> Iterator[Entity]:
    for match in _ADDRESS.finditer(text) if "." in text else ():
        protocol, user, host, port, path = (part or "" for part in match.groups())
        if port and not 0 < int(port[1:]) < 65536:
            port = path = ""
        host = host if port or path else host.rstrip(".")
        begin, end = match.start(), match.start() + len(protocol + user + host + port + _path(path))
        mail = begin + 7 * match[0].lower().startswith("mailto:")
        if not protocol and _EMAIL.fullmatch(text, mail, end):
            yield _entity("email", text, mail, end)
        elif _is_domain(host, bool(protocol)):
            yield _entity("url", text, begin, end)


def _path(path: str) -> str:
    """As much of a path as belongs to the address: up to a bracket that was opened before it, and no punctuation."""
    open_brackets: list[str] = []
    for at, char in enumerate(path):
        if char in _CLOSING.values():
            open_brackets.append(char)
        elif char in _CLOSING:
            if _CLOSING[char] not in open_brackets:
                path = path[:at]
                break
            open_brackets.remove(_CLOSING[char])
    path = path.rstrip(_BAD_END)
    return "" if path == "#" else path


def _is_domain(host: str, with_protocol: bool) -> bool:
    parts = host.split(".")
    if len(parts) < 2 or any(not part or len(part) > 63 or part.endswith("-") for part in parts):
        return False
    if _IPV4.fullmatch(host):
        return True
    end = parts[-1]
    if host.replace(".", "").isdecimal() or len(end) < 2 or "_" in parts[-2]:
        return False
    if end.startswith("xn--"):
        return end[4:].isascii() and end[4:].isalnum()
    return "_" not in end and "-" not in end and (with_protocol or is_known(end))
