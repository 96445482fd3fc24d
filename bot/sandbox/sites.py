"""Who may talk to the sandbox from a browser: its own page, and nobody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_of(host: str, port: int) -> str:
    """The address to open; one of IPv6 stands in brackets (RFC 3986)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def guard(only_this_machine: Callable[[], bool]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware that answers 403 to what comes from another site's page.

    Such a page could reach the ports of this machine, too. Its browser tells by `Origin` where it is from, unless the
    site gives its own name an address of this machine (DNS rebinding): then the page is of the same origin, but `Host`
    still holds the foreign name. A sandbox that listens for other machines can't know under which names they reach
    it, so that any name will do there.
    """

    @web.middleware
    async def refuse_other_sites(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if only_this_machine() and not is_loopback(_name(request.host)):
            return _refused("this sandbox is for this machine only: reach it as localhost or 127.0.0.1")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return _refused("requests of other sites are refused")
        return await handler(request)

    return refuse_other_sites


def _name(host: str) -> str:
    """`Host` without its port; nothing where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refused(why: str) -> web.Response:
    return web.json_response({"error": why}, status=403)
