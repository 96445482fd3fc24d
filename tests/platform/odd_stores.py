"""Stores that are unlike the one we test with: a server's answers, some of them put in their place."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase

Words = list[bytes]
Answer = Callable[[Words], bytes | None]
"""What is answered to a command in the server's place, as it goes over the line; None leaves it to the server."""

CUT = b""
"""An answer that is none: the connection is cut, as some proxies do for a command that they lack."""


def refusing(command: str, words: str) -> Answer:
    """Answers one command with an error."""
    return lambda asked: f"-{words}\r\n".encode() if asked[0].upper() == command.encode() else None


def cutting(command: str) -> Answer:
    """Cuts the connection at one command."""
    return lambda asked: CUT if asked[0].upper() == command.encode() else None


def telling(**facts: str) -> Answer:
    """Answers INFO with these facts alone."""
    told = "".join(f"{name}:{value}\r\n" for name, value in facts.items())
    return lambda asked: f"${len(told)}\r\n{told}\r\n".encode() if asked[0].upper() == b"INFO" else None


@contextmanager
def odd_store(behind: int, answer: Answer) -> Iterator[str]:
    """The URL of a store that answers so, and else as the one at the port `behind`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", behind)) as server, server.makefile("rb") as replies:
                while (read := _read(self.rfile)) is not None:
                    instead = answer(_words(read))
                    if instead == CUT:
                        return
                    if instead is None:
                        server.sendall(read)
                        instead = _read(replies) or CUT
                    self.wfile.write(instead)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


def _read(stream: BufferedIOBase) -> bytes | None:
    """One value of Redis's protocol as it goes over the line, None at its end."""
    line = stream.readline()
    if not line:
        return None
    kind, rest = line[:1], line[1:].strip()
    if kind in b"$=!" and rest != b"-1":
        return line + stream.read(int(rest) + 2)
    if kind in b"*~>%" and rest != b"-1":
        count = int(rest) * (2 if kind == b"%" else 1)
        return line + b"".join(_read(stream) or b"" for _ in range(count))
    return line


def _words(command: bytes) -> Words:
    return re.findall(rb"\$\d+\r\n(.*?)\r\n(?=\$|$)", command, re.DOTALL)
