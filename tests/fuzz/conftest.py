"""The stand is made once for all inputs of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.stand import Stand, stand


@pytest.fixture(scope="module")
def bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("store")) as made:
        yield made
