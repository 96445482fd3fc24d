"""Listening at an address of this machine: whether that is possible, and what to say where it is not."""

from __future__ import annotations

import asyncio
import errno
from socket import gaierror

from flows.settings import BadSettings


async def check_listening(host: str | None, port: int) -> None:
    """Raises `BadSettings` where nothing can listen there now. `host` None is every address of this machine."""
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        raise BadSettings(cannot_listen(host, port, error)) from None
    server.close()
    await server.wait_closed()


def cannot_listen(host: str | None, port: int, error: OSError) -> str:
    """What to say of an error in listening, with the cure."""
    place = f"{host or '*'}:{port}" if host is None or ":" not in host else f"[{host}]:{port}"
    return f"WEBHOOK_LISTEN: can't listen on {place} (the restaurants' bot takes the port above): {_cure(error)}"


def _cure(error: OSError) -> str:
    if isinstance(error, gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; 0.0.0.0 means each that it has"
    if error.errno == errno.EADDRINUSE:
        return "another program listens there, so stop that or name another port"
    if error.errno == errno.EACCES:
        return "such a low port is for the system's own programs, so name one from 1024 on"
    return error.strerror or type(error).__name__
