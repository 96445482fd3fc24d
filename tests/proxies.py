"""A Telegram that is reached by a proxy and by TLS alone: an HTTP proxy, and a server with an authority of its own."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator
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
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
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
        writer.close()

    async def _pass_on(
        self, first: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        if first.startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            method, address, version = first.split()
            line = f"{method} {urlsplit(address).path} {version}"
            back.write(line.encode() + head[len(first) :])
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


@asynccontextmanager
async def with_tls(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """What listens on that port, with TLS before it, on the port that this yields."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
