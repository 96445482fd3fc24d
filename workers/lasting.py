"""Whether a file outlives what may end: the container that it is written in, and the machine's power.

Of a container only what is mounted into it stays once it is removed, and what lies in memory is gone with the power
anywhere. What may be the only copy of an order is not written to such a place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.errors import StoreError

ROOT = Path("/")
"""Where this system's files begin, to look for what they say about its mounts."""

_MARKS = (".dockerenv", "run/.containerenv")  # files that Docker and Podman leave in a container
_CGROUP = re.compile(r"kubepods|(?:docker|libpod|crio|cri-containerd)[-/][0-9a-f]{12}")
_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
_ANONYMOUS = re.compile(r"/volumes/[0-9a-f]{64}/_data$")  # removed together with a container that ran with --rm
_EMPTY_DIR = "kubernetes.io~empty-dir"


_ELSEWHERE = (
    "name a FILE on a disk, or in a container one in a volume, such as /data/FILE after "
    "docker run --volume comanda:/data …"
)


class DoesNotLast(StoreError):
    """What would be written there may be gone soon; the message says why, and the cure."""


@dataclass(frozen=True)
class Mount:
    """A line of `/proc/self/mountinfo`: `part` of the file system `kind` on `source` is mounted at `point`."""

    point: str
    part: str
    kind: str
    source: str


def refuse_passing(path: Path, cure: str = _ELSEWHERE) -> None:
    """Refuse a file or folder that may be gone soon. Raises `DoesNotLast`, with the `cure`."""
    real = path.resolve()
    found = mounts(_read("proc/self/mountinfo"))
    contained = is_container()
    # The folder as well: what a file's writing needs beside it has to be there after a crash.
    why = next(filter(None, (why_passing(place, found, contained) for place in (real, real.parent))), None)
    if why is not None:
        raise DoesNotLast(f"{path} {why}: {cure}")


def is_container(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether we run in a container whose files are thrown away with it, as Docker's, Podman's and Kubernetes' are."""
    if any((ROOT / mark).exists() for mark in _MARKS) or "KUBERNETES_SERVICE_HOST" in environment:
        return True
    return any(_CGROUP.search(_read(file)) for file in ("proc/1/cgroup", "proc/self/cgroup"))


def mounts(mountinfo: str) -> list[Mount]:
    """What is mounted where, in the order in which that was done."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) >= 5 and len(rest) >= 2:
            found.append(Mount(_plain(fields[4]), _plain(fields[3]), rest[0], _plain(rest[1])))
    return found


def why_passing(path: Path, found: Iterable[Mount], contained: bool) -> str | None:
    """Why what is written at that real path may be gone soon; None where it lasts, as far as can be known."""
    mount = mount_of(path, list(found))
    if mount is None:
        return None
    if mount.kind in _MEMORY:
        return "lies in memory and is gone after a restart"
    if not contained:
        return None
    if _is_own_layer(mount):
        return "lies in this container and is gone when that is removed"
    if _ANONYMOUS.search(mount.part):
        return "lies in a volume without a name, which is removed together with this container"
    if _EMPTY_DIR in mount.part:
        return "lies in an emptyDir, which is removed together with this pod"
    return None


def mount_of(path: Path, found: Sequence[Mount]) -> Mount | None:
    """The mount on which a real path lies: the deepest, and of several at one point the last."""
    over = [mount for mount in found if path.is_relative_to(mount.point)]
    return max(reversed(over), key=lambda mount: len(Path(mount.point).parts), default=None)


def _is_own_layer(mount: Mount) -> bool:
    """Whether it is the container's own file system, and not a whole disk, as micro-VMs have."""
    is_disk = mount.source.startswith("/dev/") and not mount.source.startswith("/dev/mapper/docker-")
    return mount.point == "/" and not (is_disk and mount.part == "/")


def _plain(field: str) -> str:
    """A field without the escapes that stand for spaces and the like."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)


def _read(name: str) -> str:
    """A file that tells of this system; empty where it has none, as macOS."""
    try:
        return (ROOT / name).read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def sync(path: Path) -> None:
    """Have what a file or a folder has (of a folder: its names) on the disk. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder with those above it, each with its name on the disk. Raises `OSError`."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)
