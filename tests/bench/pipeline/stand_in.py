"""`python -m tests.bench.pipeline.stand_in`: answers the Bot API's requests, at once or after a while, and counts them.

It parses no more than HTTP's framing, so that it costs as little as possible beside those who are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import time
from dataclasses import dataclass

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
MESSAGE = '{"ok":true,"result":{"message_id":%d,"date":1770000000,"chat":{"id":1,"type":"private"},"text":"-"}}'


@dataclass
class Tally:
    """The requests so far; `last` is the system's monotonic clock in seconds."""

    requests: int = 0
    last: float = 0.0


class Connection(asyncio.Protocol):
    """One kept-open connection: a request, its answer, the next request."""

    def __init__(self, tally: Tally, latency: float) -> None:
        self._tally = tally
        self._latency = latency
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, head)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[:head], self._buffer[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET /tally "):
            self._write(json.dumps(vars(self._tally)).encode())
            return
        self._tally.requests += 1
        self._tally.last = time.monotonic()
        body = (MESSAGE % self._tally.requests).encode()
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, body)
        else:
            self._write(body)

    def _write(self, body: bytes) -> None:
        assert self._transport is not None
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def serve(latency: float) -> None:
    """Serve on a free port, which is printed, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tally = Tally()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(tally, latency), "127.0.0.1", 0, backlog=1000)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    asyncio.run(serve(parser.parse_args().latency))
