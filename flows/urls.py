"""URLs as people write them into settings: understood as they are meant, or refused with the cure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

HOW_TO_WRITE = (
    "in its user and password write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25, [ as %5B, ] as %5D "
    "and a space as %20"
)

_UNWRITTEN = re.compile(r"[\s\x00-\x1f\x7f#]|%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+(%25[\w.-]+)?\]")


class BadURL(ValueError):
    """A URL that can't be used. Its words name the cure, and hold no part of the URL: that may be a password."""


def split(url: str) -> SplitResult:
    """The parts of a URL; host and port are still to be read by `host_and_port`.

    Raises `BadURL` where a character of the password would end the host, or begin it, elsewhere than it was meant:
    then a part of the password would be looked up as a host.
    """
    if _UNWRITTEN.search(url):
        raise BadURL(HOW_TO_WRITE)
    try:
        parts = urlsplit(url)
    except ValueError:  # its words repeat the URL
        raise BadURL(HOW_TO_WRITE) from None
    if "@" in parts.path:
        raise BadURL(HOW_TO_WRITE)
    return parts


def host_and_port(place: str, default: int) -> tuple[str, int]:
    """The host and port of `host:port`, `host` or `[::1]:port`. Raises `BadURL`."""
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    port = port or str(default)
    if not _is_host(host) or not (port.isascii() and port.isdigit()):
        raise BadURL(f"write its host and port like host:{default} or [::1]:{default}; {HOW_TO_WRITE}")
    number = int(port)
    if not 1 <= number <= 65535:
        raise BadURL("a port is a number from 1 to 65535")
    return host.strip("[]"), number


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")  # as whoever looks it up does: no part of a name is empty, or longer than 63 characters
    except UnicodeError:
        return False
    return _HOST.fullmatch(host) is not None


def passwords_in(url: str) -> Iterator[str]:
    """The passwords that a URL holds, in every spelling: before its host, and behind its `?` by their names."""
    place, _, query = url.partition("?")
    login = place.partition("//")[2].rpartition("@")[0] if "//" in place else place.rpartition("@")[0]
    named = (option.partition("=") for option in query.split("&"))
    given = [login.partition(":")[2], *(value for name, _, value in named if name.endswith("password"))]
    for password in filter(None, given):
        yield from {password, unquote(password), unquote_plus(password)}
