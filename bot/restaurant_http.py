"""HTTP in aiogram: its own session, over the client that all of Comanda uses."""

from __future__ import annotations

from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import ClientSession, ClientTimeout

from flows.http import client

CONNECTIONS = 64  # as many as handlers that run at a time
TIMEOUT = 15.0  # seconds for an answer of Telegram


class Session(AiohttpSession):
    """aiogram's session, which knows neither a proxy nor an authority of one's own by itself."""

    def __init__(self, api_url: str) -> None:
        super().__init__(api=TelegramAPIServer.from_base(api_url), timeout=TIMEOUT)
        self._api_url = api_url

    async def create_session(self) -> ClientSession:
        """The connections, made at the first request."""
        if self._session is None or self._session.closed:
            self._session = client(self._api_url, ClientTimeout(total=TIMEOUT, connect=5), CONNECTIONS)
        return self._session
