"""Speaking HTTP with the Bot API's server: one client, with its connections kept open, for bots and workers."""

from __future__ import annotations

from functools import cache
from ssl import SSLContext, create_default_context
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

KEPT = 60.0  # seconds that an idle connection stays open

UNANSWERED = (ClientError, OSError, TimeoutError)
"""What a request raises that got no answer. Their words may hold the URL, and it the bot's token."""


def client(url: str, timeout: ClientTimeout, connections: int = 1) -> ClientSession:
    """A client of the server at `url`, by the proxy that the environment names for it. Make it where a loop runs."""
    connector = TCPConnector(limit=connections, keepalive_timeout=KEPT, ssl=_authorities())
    return ClientSession(connector=connector, timeout=timeout, proxy=_proxy(url))


def _proxy(url: str) -> str | None:
    server = urlsplit(url)
    return None if proxy_bypass(server.netloc) else getproxies().get(server.scheme)


@cache
def _authorities() -> SSLContext:
    """The authorities that are trusted; reading them takes a tenth of a second, and each client would do it."""
    return create_default_context()
