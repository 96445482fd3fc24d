"""A Telegram that is reached by a proxy and by TLS alone: an HTTP proxy, and a server with an authority of its own."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

NAME = "telegram.invalid"  # a name that is not known anywhere, but to the proxy
OPEN = "-nodes"  # no password on the keys


class Authority:
    """A certificate authority of one's own, and a server's certificate that it has signed."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.file, key = folder / "authority.pem", folder / "authority.key"
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        request, extension = folder / "server.csr", folder / "server.ext"
        extension.write_text(f"subjectAltName=DNS:{name}\n")
        _openssl("req", "-x509", "-newkey", "rsa:2048", OPEN, "-keyout", key, "-out", self.file, "-subj", "/CN=ours")
        _openssl("req", "-newkey", "rsa:2048", OPEN, "-keyout", self.key, "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", self.file, "-CAkey", key, "-CAcreateserial", "-extfile", extension)
        _openssl("x509", "-req", "-in", request, *signed, "-out", self.certificate)

    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Proxy:
    """An HTTP proxy on this machine: it connects (CONNECT) or passes a request on, whatever the name, to one server."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.login = ""  # user:password, without which nobody gets through
        self.refuses_with = ""  # the status line that it answers everything with
        self.asked: list[str] = []  # the first lines of the requests that it has let through
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        async with _listening(self._serve) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        refusal = self.refuses_with
        login = base64.b64encode(self.login.encode()).decode()
        if login and f"Proxy-Authorization: Basic {login}" not in headers:
            refusal = "407 Proxy Authentication Required"
        if refusal:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        else:
            self.asked.append(first)
            await self._pass_on(first, head, reader, writer)

    async def _pass_on(
        self, first: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if first.startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            begin = b""
        else:
            method, address, version = first.split()
            begin = f"{method} {urlsplit(address).path} {version}".encode() + head[len(first) :]
        await _relay(self._behind, begin, reader, writer)


@asynccontextmanager
async def with_tls(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """What listens on that port, with TLS before it, on the port that this yields."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(port, b"", reader, writer)

    async with _listening(serve, context) as secured:
        yield secured


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve each connection to the port that this yields; in the end all of them are closed."""
    going: set[asyncio.Task[None] | None] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        await _closed(writer)
        going.discard(asyncio.current_task())

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        tasks = [task for task in going if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _relay(port: int, begin: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on between a connection and what listens on that port."""
    there, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(begin)
    try:
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
    finally:
        await _closed(back)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    writer.transport.abort()  # no farewell of TLS is waited for
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
