"""Which proxy leads to a server: what the environment says, understood alike by every part of Comanda."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from flows.urls import BadURL, host_and_port, passwords_in, split

PORTS = {"http": 80, "https": 443}
_EXPECTED = "expected an HTTP proxy, such as http://proxy.example.com:3128"


class BadProxy(Exception):
    """The environment names a proxy that can't be used; one line with the cure, and without its password."""


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the environment's variable that names it."""

    variable: str
    url: str = field(repr=False)  # it may hold a password


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for a request to `url`, None where it goes straight there. Raises `BadProxy`.

    `https_proxy` or `http_proxy` goes before `all_proxy`, small letters go before capitals, and what `no_proxy` lists
    is reached without. So is this very machine: to a proxy elsewhere, its loopback address is another machine.
    """
    server = urlsplit(url)
    host, port = server.hostname or "", server.port or PORTS.get(server.scheme, 0)
    if is_this_machine(host) or _is_listed(host, port, environment.get("no_proxy") or environment.get("NO_PROXY", "")):
        return None
    for name in (f"{server.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if value := environment.get(variable, "").strip():
                return Proxy(variable, _usable(variable, value))
    return None


def is_this_machine(host: str) -> bool:
    """Whether it is a name or an address of the loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")


def _usable(variable: str, value: str) -> str:
    scheme, separator, _ = value.partition("://")
    if scheme.lower().startswith("socks"):
        raise BadProxy(
            f"{variable} names a SOCKS proxy, which Comanda does not speak: name an HTTP proxy, such as "
            f"http://127.0.0.1:8118 (Privoxy and others make one of a SOCKS proxy), or reach Telegram without one by "
            f"NO_PROXY"
        )
    address = value if separator else f"http://{value}"
    if address.partition("://")[0].lower() not in PORTS:
        raise BadProxy(f"{variable} is wrong: {_EXPECTED}")
    try:
        place = split(address).netloc.rpartition("@")[2]
        host_and_port(place, PORTS["http"])
    except BadURL as error:
        raise BadProxy(f"{variable} is wrong: {_EXPECTED}; {error}") from None
    return address


def _is_listed(host: str, port: int, exceptions: str) -> bool:
    return any(_matches(host.lower(), port, entry.lower()) for entry in exceptions.replace(",", " ").split())


def _matches(host: str, port: int, entry: str) -> bool:
    """Whether an entry of `no_proxy` means that host: a name with all below it, an address, a network, or `*`."""
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    name, _, only = entry.rpartition(":") if entry.rpartition(":")[2].isdigit() else (entry, "", "")
    name = name.strip("[]").removeprefix("*").lstrip(".")
    return (not only or int(only) == port) and bool(name) and (host == name or host.endswith(f".{name}"))


def passwords(environment: Mapping[str, str]) -> Iterator[str]:
    """The passwords of all proxies that the environment names, in every spelling in which they are sent."""
    for variable, value in environment.items():
        if variable.lower().endswith("_proxy"):
            for password in passwords_in(value):
                user = value.partition("//")[2].partition(":")[0] if "//" in value else value.partition(":")[0]
                yield password
                yield base64.b64encode(f"{unquote(user)}:{password}".encode()).decode()
