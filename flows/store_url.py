"""Where the store is, as `REDIS_URL` says it; pure, and nothing of it is guessed or dropped.

- `redis://user:password@host:6379/0`, or `rediss://` with TLS
- `unix://user:password@/path/of/the.sock?db=0`
- `redis+sentinel://user:password@host:26379,[::1]:26380/name/0`, or `rediss+…`: the primary that these sentinels know
  by that name. User and password are the store's; the sentinels' own are `?sentinel_username=&sentinel_password=`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote

from flows.urls import HOW_TO_WRITE, BadURL, host_and_port, split

PORT, SENTINEL_PORT = 6379, 26379
_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
EXPECTED = "a URL such as redis://host:6379/0, redis+sentinel://host:26379,other:26379/name or unix:///path"
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TRUST = ("none", "optional", "required")


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ValueError
    return int(value)


def _trust(value: str) -> str:
    return _TRUST[_TRUST.index(value.lower())]


_LOGIN: dict[str, Callable[[str], Any]] = {"username": str, "password": str, "db": _number}
_SENTINEL_LOGIN: dict[str, Callable[[str], Any]] = {"sentinel_username": str, "sentinel_password": str}
_TLS: dict[str, Callable[[str], Any]] = {
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
    "ssl_cert_reqs": _trust,
    "ssl_check_hostname": lambda value: _WORDS[value.lower()],
}
_SECRET = ("username", "password", "sentinel_username", "sentinel_password", "ssl_password")


@dataclass(frozen=True)
class StoreAddress:
    """What `REDIS_URL` says. `login`, `sentinel_login` and `tls` are arguments of redis-py's connections."""

    hosts: tuple[tuple[str, int], ...]
    """The store's; or those of its sentinels, where there is a `primary`."""
    path: str | None
    """Of its Unix socket, where it has one instead."""
    primary: str | None
    uses_tls: bool
    login: dict[str, Any] = field(repr=False)
    sentinel_login: dict[str, Any] = field(repr=False)
    tls: dict[str, Any] = field(repr=False)


def parse(url: str) -> StoreAddress:
    """Raises `BadURL`."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise BadURL(f"expected {EXPECTED}")
    parts = split(url)
    asked = _parameters(parts.query, scheme)
    login, place = _login(parts)
    hosts, path, primary = _place(scheme, place, parts.path)
    login |= {name: value for name, value in asked.items() if name in _LOGIN}
    sentinel_login = {name.removeprefix("sentinel_"): asked[name] for name in _SENTINEL_LOGIN if name in asked}
    tls = {name: asked[name] for name in _TLS if name in asked}
    if scheme != "unix" and (database := _database(scheme, parts.path)) is not None:
        login.setdefault("db", database)
    return StoreAddress(hosts, path, primary, scheme.startswith("rediss"), login, sentinel_login, tls)


def _login(parts: SplitResult) -> tuple[dict[str, Any], str]:
    """The user and password before the host, and what is behind them."""
    before, _, place = parts.netloc.rpartition("@")
    user, _, password = before.partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}, place


def _place(scheme: str, place: str, path: str) -> tuple[tuple[tuple[str, int], ...], str | None, str | None]:
    """The hosts, the socket's path, and the name of the primary: what there is of them."""
    if scheme == "unix":
        if place or not path:
            raise BadURL("expected the socket's whole path, such as unix:///run/valkey.sock")
        return (), unquote(path), None
    if not scheme.endswith("+sentinel"):
        return (host_and_port(place or "localhost", PORT),), None, None
    name = unquote(path.strip("/").partition("/")[0])
    if not name:
        raise BadURL("the name of the primary is missing: redis+sentinel://host:26379/name")
    return tuple(host_and_port(one, SENTINEL_PORT) for one in place.split(",")), None, name


def _database(scheme: str, path: str) -> int | None:
    """The number behind the host, or behind the primary's name."""
    rest = path.strip("/")
    number = rest.partition("/")[2] if scheme.endswith("+sentinel") else rest
    try:
        return _number(number) if number else None
    except ValueError:
        raise BadURL("what follows the last / is the number of a database, such as redis://host:6379/0") from None


def _parameters(query: str, scheme: str) -> dict[str, Any]:
    """What stands behind the `?`. A plus sign is one: a space is %20."""
    known = _LOGIN | (_SENTINEL_LOGIN if scheme.endswith("+sentinel") else {}) | _TLS
    given: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in _SECRET and "@" in part:  # a password with a question mark in it
            raise BadURL(HOW_TO_WRITE)
        if name in _SENTINEL_LOGIN and name not in known:
            raise BadURL(f"{name} is for redis+sentinel:// only")
        if name not in known:
            raise BadURL(f"{_shown(name)} is none of its parameters, which are {', '.join(known)}")
        if name in _TLS and not scheme.startswith("rediss"):
            raise BadURL(f"{name} is for TLS: begin with rediss:// or rediss+sentinel://")
        try:
            given[name] = known[name](unquote(value))
        except (ValueError, KeyError):
            raise BadURL(f"{name} has a value that it can't have") from None
    return given


def _shown(name: str) -> str:
    """A parameter's name if it is one of redis-py's; anything else may be a part of a password."""
    return name if name in _REDIS_PYS else "what follows the ?"


_REDIS_PYS = {
    "client_name",
    "decode_responses",
    "encoding",
    "health_check_interval",
    "max_connections",
    "protocol",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_timeout",
    "ssl_ca_data",
    "ssl_ciphers",
    "ssl_min_version",
    "ssl_validate_ocsp",
    "timeout",
}
