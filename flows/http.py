"""Speaking HTTP with the Bot API's server: the one way out, for both bots, the workers and every command."""

from __future__ import annotations

import os
from functools import cache
from ssl import SSLContext, create_default_context

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorSSLError,
    ClientError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)

from flows.proxy import proxy_for

KEPT = 60.0  # seconds that an idle connection stays open
LOGIN_WANTED = 407  # what only a proxy answers: it wants to know who is asking

UNANSWERED = (ClientError, OSError, TimeoutError)
"""What a request raises that got no answer. Their words may hold the URL, and it the bot's token: say
`out_of_reach` instead."""


def client(url: str, timeout: ClientTimeout, connections: int = 1) -> ClientSession:
    """A client of the server at `url`, by the proxy that the environment names for it. Make it where a loop runs.

    It trusts the authorities of the system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Raises `BadProxy`.
    """
    connector = TCPConnector(limit=connections, keepalive_timeout=KEPT, ssl=_authorities())
    proxy = proxy_for(url, os.environ)
    address = None if proxy is None else proxy.url
    return ClientSession(connector=connector, timeout=timeout, proxy=address, raise_for_status=_refused_by_proxy)


async def _refused_by_proxy(answer: ClientResponse) -> None:
    """Raise for what a proxy says instead of the server behind it, as aiohttp does where TLS goes through the proxy."""
    if answer.status == LOGIN_WANTED:
        raise ClientHttpProxyError(answer.request_info, answer.history, status=answer.status)


@cache
def _authorities() -> SSLContext:
    """The authorities that are trusted; reading them takes a tenth of a second, and each client would do it."""
    return create_default_context()


def out_of_reach(error: BaseException) -> str:
    """What to say of a request that got no answer, with the cure where there is a known one; never with the URL.

    `error` is one of `UNANSWERED`.
    """
    what, cure = _meaning(error)
    return f"Telegram is out of reach ({what}): {cure}" if cure else f"Telegram is out of reach ({what})"


def _meaning(error: BaseException) -> tuple[str, str]:
    match error:
        case ClientHttpProxyError(status=407):
            return "the proxy wants a user and a password", "set HTTPS_PROXY=http://user:password@host:port"
        case ClientHttpProxyError():
            return f"the proxy answers HTTP {error.status}", "see that it allows connections to Telegram"
        case ClientProxyConnectionError():
            return "the proxy can't be reached", "check HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
        case ClientConnectorCertificateError():
            return "its certificate is not trusted", "name the file of your own authority in SSL_CERT_FILE"
        case ClientConnectorSSLError():
            return "no TLS is spoken there", "check whether TELEGRAM_API_URL begins with https:// or http://"
        case ClientConnectorDNSError():
            return "a host's name is not known", "check the network, and HTTPS_PROXY if a proxy leads out"
        case TimeoutError():
            return "no answer in time", ""
        case _:
            return type(error).__name__, ""
