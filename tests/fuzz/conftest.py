"""The stand is made once for all inputs of a module."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.fuzz.stand import Stand, stand


@pytest.fixture(scope="module")
def bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with stand(tmp_path_factory.mktemp("store"), port) as made:
        yield made
