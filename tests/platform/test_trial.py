"""A store that can't do what Comanda asks of it is refused at the start, by what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from flows.settings import Settings
from flows.store import connect
from tests.platform.odd_stores import Answer, cutting, odd_store, refusing, telling
from tests.platform.programs import valkey_on, valkey_with
from tests.platform.servers import ports
from workers.checks import Level, of_store
from workers.store import StoreError, open_store
from workers.trial import inability

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
UNDECLARED = "ERR Error running script: script tried accessing undeclared key"


@pytest.fixture
def server(tmp_path: Path, free_port: int) -> Iterator[Redis]:
    with valkey_on(free_port, tmp_path, **DURABLE) as redis:
        yield redis


def refusal_of(url: str, replicas: int = 0) -> str:
    settings = Settings(_env_file=None, redis_url=url, redis_replicas=replicas, unsafe_store=True)
    with pytest.raises(StoreError) as refused, open_store(settings):
        pass
    return str(refused.value)


def test_a_store_that_can_do_all_keeps_nothing_of_the_trial(server: Redis, free_port: int) -> None:
    with open_store(Settings(_env_file=None, redis_url=f"redis://127.0.0.1:{free_port}")):
        pass

    assert server.keys("*") == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (telling(redis_version="6.2.14"), "this store speaks as Redis 6.2.14: Redis 7 or newer, or Valkey, is needed"),
        (telling(redis_version="5.0.3", redis_mode="standalone"), "this store speaks as Redis 5.0.3: Redis 7 or newer"),
        (telling(redis_mode="sentinel", redis_version="7.2.4"), "this is a sentinel, not the store: write redis+sent"),
        (telling(server_mode="sentinel", redis_version="7.2.4"), "this is a sentinel, not the store: write redis+sent"),
        (
            lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "does not speak Redis's language: check the URL's host and port",
        ),
        (telling(redis_mode="cluster", redis_version="7.2.4"), "this is a cluster, which spreads keys over servers"),
        (refusing("EVALSHA", UNDECLARED), "start it with `--default_lua_flags=allow-undeclared-keys`"),
        (refusing("EVALSHA", "ERR unknown command 'EVALSHA'"), "it can't do scripts (unknown command 'EVALSHA'): use "),
        (refusing("EVALSHA", "NOPERM no permissions to run the 'evalsha' command"), "allow it all keys and commands"),
        (refusing("MULTI", "ERR unsupported command"), "it can't do transactions (WATCH, MULTI, EXEC) ("),
        (refusing("WATCH", "ERR unknown command 'WATCH'"), "it can't do transactions (WATCH, MULTI, EXEC)"),
        (refusing("BLMOVE", "ERR unknown command 'BLMOVE'"), "it can't do BLMOVE (unknown command 'BLMOVE')"),
        (refusing("SCAN", "ERR unknown command 'SCAN'"), "it can't do SCAN"),
        (
            refusing("HELLO", "ERR unknown command 'HELLO'"),
            "it can't do connections of redis-py (unknown comma",
        ),
        (cutting("EVALSHA"), "it can't do scripts: use Redis 7 or newer, or Valkey, and no proxy that lacks a part"),
        (cutting("MULTI"), "it can't do transactions (WATCH, MULTI, EXEC): use Redis 7 or newer"),
        (cutting("BLMOVE"), "it can't do BLMOVE: use Redis 7 or newer"),
    ],
)
def test_what_a_store_lacks_is_named_at_the_start_and_by_doctor(
    server: Redis, free_port: int, answer: Answer, said: str
) -> None:
    with odd_store(free_port, answer) as url:
        refusal = refusal_of(url)
        with connect(url) as redis:
            unable = inability(redis)

    assert refusal == f"REDIS_URL: {unable}"
    assert said in refusal
    assert "\n" not in refusal


def test_a_database_that_the_store_lacks_is_told_by_its_cure(server: Redis, free_port: int) -> None:
    said = refusal_of(f"redis://127.0.0.1:{free_port}/99")

    assert said.startswith("REDIS_URL: it has no database of that number (")
    assert said.endswith("end the URL with /0")


def test_an_old_server_is_named_where_its_words_are_all_that_is_known_of_it(server: Redis, free_port: int) -> None:
    with odd_store(free_port, telling(redis_version="6.0.16")) as url, connect(url) as redis:
        first = next(iter(of_store(redis, None)))

    assert (first.level, first.check) == (Level.PROBLEM, "store")
    assert first.says == "this store speaks as Redis 6.0.16"


def test_replicas_that_cannot_be_asked_for_are_named(server: Redis, free_port: int) -> None:
    server.config_set("min-replicas-to-write", 0)
    with odd_store(free_port, refusing("WAIT", "ERR unknown command 'WAIT'")) as url:
        assert "it can't do WAIT (unknown command 'WAIT')" in refusal_of(url, replicas=1)


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    port, bus = ports(2)
    with valkey_with(port, tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(bus)):
        assert "this is a cluster, which spreads keys" in refusal_of(f"redis://127.0.0.1:{port}")


@pytest.mark.parametrize(("key", "category"), [("order:*", "+@all"), ("*", "-@scripting")], ids=["keys", "scripts"])
def test_a_user_that_may_not_do_all_is_told_what_to_allow(
    server: Redis, free_port: int, key: str, category: str
) -> None:
    categories = ["+@all", category]
    server.acl_setuser("anna", enabled=True, passwords="+hush", keys=[key], categories=categories)

    said = refusal_of(f"redis://anna:hush@127.0.0.1:{free_port}")

    assert "its user may not do what is needed (" in said
    assert "allow it all keys and commands (ACL `~* +@all`)" in said


def test_a_store_that_cannot_write_now_is_looked_at_all_the_same(server: Redis, free_port: int) -> None:
    server.config_set("maxmemory", 1)

    with open_store(Settings(_env_file=None, redis_url=f"redis://127.0.0.1:{free_port}")) as store:
        assert connect(store.url).ping()


def test_a_full_store_says_so(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.store_pool.PATIENCE", 0.0)
    monkeypatch.setattr("flows.store_pool.SHORT", 0.0)
    with valkey_on(free_port, tmp_path, **DURABLE) as server:
        server.config_set("maxclients", 1)
        assert "it takes no more (raise its `maxclients`, or " in refusal_of(f"redis://127.0.0.1:{free_port}")
