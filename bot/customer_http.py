"""HTTP in python-telegram-bot: its own hook for it, over the client that all of Comanda uses.

httpx, which it uses otherwise, took two fifths of the bot's time (see docs/decisions/0025-speed.md).
"""

from __future__ import annotations

import math
from typing import Any

from aiohttp import ClientSession, ClientTimeout
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from flows.backoff import granted
from flows.http import UNANSWERED, client, out_of_reach

READ = 10.0  # seconds
TIMEOUT = ClientTimeout(total=15, connect=5)


class OutOfReach(NetworkError):
    """Telegram gave no answer; the message says why, and holds no token."""


class Request(BaseRequest):
    """Requests without files, for Comanda sends none from here."""

    def __init__(self, api_url: str, connections: int) -> None:
        self._api_url = api_url
        self._connections = connections
        self._session: ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return READ

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """An answer, with a wish to be left alone that the library can count with."""
        answer = BaseRequest.parse_json_payload(payload)
        parameters = answer.get("parameters") if isinstance(answer, dict) else None
        if isinstance(parameters, dict) and "retry_after" in parameters:
            asked = parameters["retry_after"]
            parameters["retry_after"] = math.ceil(granted(asked if type(asked) in {int, float} else 0.0))
        return answer

    async def initialize(self) -> None:
        """Get ready. Can be repeated."""
        if self._session is None:
            self._session = client(self._api_url, TIMEOUT, self._connections)

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """The status and the content of the answer. Raises `TimedOut` or `OutOfReach`."""
        if self._session is None:
            raise RuntimeError("initialize comes first")
        form = request_data.json_parameters if request_data else None
        try:
            async with self._session.request(method, url, data=form, allow_redirects=False) as answer:
                return answer.status, await answer.read()
        except TimeoutError:
            raise TimedOut from None
        except UNANSWERED as error:
            raise OutOfReach(out_of_reach(error)) from None
