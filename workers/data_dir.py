"""What to say where `DATA_DIR` can't be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from workers.errors import StoreError


def cannot_use(directory: Path, error: OSError) -> StoreError:
    """The error of a data directory, with its cure: which user it has to belong to, say."""
    problem = f"DATA_DIR {directory} can't be used"
    if error.errno == errno.EROFS:
        return StoreError(f"{problem}: it can't be written to (read-only), so mount it for writing or name another one")
    if isinstance(error, PermissionError):
        return StoreError(f"{problem}: {_whose(directory, Path(os.fsdecode(error.filename or directory)))}")
    return StoreError(f"{problem}: {error.strerror}")


def _whose(directory: Path, refused: Path) -> str:
    """Who has what was refused, and how we get it. A volume that Docker has made belongs to root at first."""
    us = os.geteuid()
    place, owner = _owner(refused)
    if owner == us:
        return f"user {us} may not write to {place}: `chmod -R u+rwX {directory}`"
    return (
        f"{place} belongs to user {owner}, and this runs as user {us}: `chown -R {us} {directory}` as root, "
        "on the host where it is mounted into a container"
    )


def _owner(refused: Path) -> tuple[Path, int]:
    """The path, or what is nearest above it and can be looked at, with its owner's number."""
    for place in (refused, *refused.absolute().parents):
        try:
            return place, place.stat().st_uid
        except OSError:
            continue
    return Path("/"), 0
