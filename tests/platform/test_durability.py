"""An outside store is used only if it keeps what it acknowledges, unless somebody insists."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.settings import Settings
from tests.platform.programs import valkey_on
from workers.store import StoreError, open_store


def outside(url: str, *, unsafe: bool = False) -> Settings:
    return Settings(_env_file=None, redis_url=url, unsafe_store=unsafe)


def test_a_durable_store_is_used(tmp_path: Path, free_port: int) -> None:
    url = f"redis://127.0.0.1:{free_port}"
    with (
        valkey_on(free_port, tmp_path, appendonly="yes", appendfsync="always"),
        open_store(outside(url)) as store,
    ):
        assert store.url == url


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "`appendonly` is `no`, not `yes`"),
        ({"appendonly": "yes"}, "`appendfsync` is `everysec`, not `always`"),
        (
            {"appendonly": "yes", "appendfsync": "always", "maxmemory_policy": "allkeys-lru"},
            "`maxmemory-policy` is `allkeys-lru`, not `noeviction`",
        ),
    ],
)
def test_a_forgetful_store_is_refused_with_the_cure(
    tmp_path: Path, free_port: int, options: dict[str, str], said: str
) -> None:
    with (
        valkey_on(free_port, tmp_path, **options),
        pytest.raises(StoreError) as refusal,
        open_store(outside(f"redis://127.0.0.1:{free_port}")),
    ):
        pass
    assert said in str(refusal.value)
    assert "UNSAFE_STORE=true" in str(refusal.value)


def test_a_forgetful_store_is_used_with_a_warning_if_somebody_insists(
    tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        valkey_on(free_port, tmp_path),
        open_store(outside(f"redis://127.0.0.1:{free_port}", unsafe=True)),
    ):
        pass
    assert "may lose acknowledged orders" in caplog.text


def test_a_store_that_forbids_config_tells_by_info_what_it_can(tmp_path: Path, free_port: int) -> None:
    with valkey_on(free_port, tmp_path) as admin:
        admin.acl_setuser(
            "comanda", enabled=True, passwords="+secret", keys=["*"], categories=["+@all"], commands=["-config"]
        )
        with (
            pytest.raises(StoreError) as refusal,
            open_store(outside(f"redis://comanda:secret@127.0.0.1:{free_port}")),
        ):
            pass
    assert "it forbids CONFIG" in str(refusal.value)
    assert "`appendonly` is `no`, not `yes`" in str(refusal.value)


def test_a_wrong_password_is_said_without_it(tmp_path: Path, free_port: int) -> None:
    with valkey_on(free_port, tmp_path) as admin:
        admin.config_set("requirepass", "right")
        with (
            pytest.raises(StoreError, match="does not let us in") as refusal,
            open_store(outside(f"redis://:hunter2@127.0.0.1:{free_port}")),
        ):
            pass
    assert "hunter2" not in str(refusal.value)


def test_no_answer_is_said_in_one_line(free_port: int) -> None:
    with (
        pytest.raises(StoreError, match="REDIS_URL: no store answers there"),
        open_store(outside(f"redis://127.0.0.1:{free_port}")),
    ):
        pass
