"""python-telegram-bot's requests over aiohttp.

Its own, over httpx, take several times as long to make, which is most of the time of a worker (measured with py-spy;
see docs/decisions/0025-speed.md).
"""

from __future__ import annotations

from functools import cache
from ssl import SSLContext, create_default_context
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TIMEOUT = ClientTimeout(total=15, connect=5)  # seconds
KEPT = 60.0  # seconds that an idle connection stays open


class AiohttpRequest(BaseRequest):
    """Requests without files, which is all that workers make. Connects at the first one; `shutdown` it in the end."""

    def __init__(self, connections: int) -> None:
        """`connections` is how many are open at most."""
        self._connections = connections
        self._session: ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        return TIMEOUT.total

    async def initialize(self) -> None:
        """Nothing to do before the first request."""

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_timeouts: object, **_more: object
    ) -> tuple[int, bytes]:
        """The HTTP status and the body of the answer. Raises `TimedOut` or `NetworkError`."""
        body = urlencode(request_data.json_parameters) if request_data else ""
        try:
            async with self._open(url).request(method, url, data=body, headers=FORM) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from error

    def _open(self, url: str) -> ClientSession:
        """The session, with the proxy that the environment names for this server."""
        if self._session is None:
            connector = TCPConnector(limit=self._connections, keepalive_timeout=KEPT, ssl=_authorities())
            self._session = ClientSession(connector=connector, timeout=TIMEOUT, proxy=_proxy(url))
        return self._session


def _proxy(url: str) -> str | None:
    server = urlsplit(url)
    return None if proxy_bypass(server.netloc) else getproxies().get(server.scheme)


@cache
def _authorities() -> SSLContext:
    """The authorities that are trusted; reading them takes a tenth of a second, and each session would do it."""
    return create_default_context()
