"""Which addresses Telegram takes for links, and how it writes them (tdlib, LinkManager::check_link and parse_url)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from bot.sandbox.entities import Entity

_OWN = re.compile(r"(tg|tonsite|ton):(?://)?", re.IGNORECASE)
_USER = re.compile(r"tg:(?://)?user\?(?:.*&)?id=(\d{1,18})(?:[&#].*)?", re.IGNORECASE)
_ALLOWED = re.compile(r"(?:[A-Za-z0-9._!$,~*'();&+=-]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])*")
_ON_THIS_MACHINE = ("http://127.0.0.1:", "http://127.0.0.1/")
_PORTS = range(1, 65536)


class LinkError(ValueError):
    """An address that is none, and why."""


def user_of(link: str) -> int | None:
    """The user whom a `tg://user?id=` link names."""
    match = _USER.fullmatch(link)
    return int(match[1]) if match else None


def marked(link: str) -> Entity:
    """The kind of entity that a link in a text makes, with what it leads to; no kind where it is none."""
    if user := user_of(link):
        return {"type": "text_mention", "user": {"id": user}}
    try:
        return {"type": "text_link", "url": checked(link)}
    except LinkError:
        return {"type": ""}


def checked(link: str) -> str:
    """The link as Telegram keeps it: with a protocol, a path, and its host in small letters. Raises `LinkError`."""
    own = _OWN.match(link)
    protocol, user, host, port, query = _parsed(link[own.end() :] if own else link)
    if own:
        kind = own[1].lower()
        if link[own.end() :].lower().startswith(("http://", "https://")) or user or port or host.startswith("["):
            raise LinkError("Wrong tg URL" if kind == "tg" else "Wrong ton URL")
        if not re.fullmatch(r"[a-z0-9_.-]+" if kind == "tonsite" else r"[a-z0-9_-]+", host):
            raise LinkError("Unallowed characters in URL host")
        return f"{kind}://{host}{query.removeprefix('/') if query.startswith('/?') else query}"
    if "." not in host and not host.startswith("["):
        raise LinkError("Wrong HTTP URL")
    return f"{protocol}://{user}{'@' if user else ''}{host}{port}{query}"


def secure(link: str) -> str:
    """The same for a link that has to be HTTPS."""
    link = checked(link)
    if not link.startswith("https://"):
        raise LinkError("Only HTTPS links are allowed")
    return link


def web_app(link: str) -> str:
    """The same for a web app, which may be on this very machine, too, as in Telegram's test environment."""
    link = checked(link)
    return link if link.startswith(_ON_THIS_MACHINE) else secure(link)


def _parsed(link: str) -> tuple[str, str, str, str, str]:
    """Protocol, user, host, port with its colon, and the rest from the slash on."""
    protocol, separator, rest = link.partition("://")
    if not separator or re.search(r"[:/?#@\[\]]", protocol):
        protocol, rest = "http", link
    if protocol.lower() not in ("http", "https"):
        raise LinkError("Unsupported URL protocol")
    end = re.search(r"[/?#]", rest)
    place, query = (rest[: end.start()], rest[end.start() :].rstrip()) if end else (rest, "")
    port = re.search(r"(?<!^):([^:\]@]*)$", place)
    if port:
        if not port[1].isascii() or not port[1].isdecimal() or int(port[1]) not in _PORTS:
            raise LinkError("Wrong port number specified in the URL")
        place = place[: port.start()]
    user, _, host = place.rpartition("@")
    _check(user, host)
    query = re.sub(r"[\x00-\x20]", lambda match: f"%{ord(match[0]):02X}", query)
    query = query if query.startswith("/") else f"/{query}"
    return protocol.lower(), user, host.lower(), f":{int(port[1])}" if port else "", query


def _check(user: str, host: str) -> None:
    if not host:
        raise LinkError("URL host is empty")
    if host == ".":
        raise LinkError("Host is invalid")
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1])
        except AddressValueError:
            raise LinkError("Wrong IPv6 address specified in the URL") from None
    elif not _ALLOWED.fullmatch(host):
        raise LinkError("Disallowed character in URL host")
    if not _ALLOWED.fullmatch(user.replace(":", "")):
        raise LinkError("Disallowed character in URL userinfo")
