"""`REDIS_URL`: all of it is understood as it is meant, or refused by name, with the cure and without its password."""

from __future__ import annotations

import pytest

from flows.store import connect
from flows.store_url import StoreAddress, parse
from flows.urls import BadURL

BEHIND_SENTINELS = (
    "rediss+sentinel://anna:p%40ss@one:26380,[::1],two/orders/3"
    "?sentinel_username=watch&sentinel_password=h@u+s%20h&ssl_ca_certs=/etc/ours.pem&ssl_check_hostname=false"
)


def test_both_logins_and_the_authority_of_a_store_behind_sentinels_are_understood() -> None:
    address = parse(BEHIND_SENTINELS)

    assert address == StoreAddress(
        hosts=(("one", 26380), ("::1", 26379), ("two", 26379)),
        path=None,
        primary="orders",
        uses_tls=True,
        login={"username": "anna", "password": "p@ss", "db": 3},
        sentinel_login={"username": "watch", "password": "h@u+s h"},
        tls={"ssl_ca_certs": "/etc/ours.pem", "ssl_check_hostname": False},
    )
    assert "p@ss" not in repr(address)
    assert "h@u" not in repr(address)


@pytest.mark.parametrize(
    ("url", "host", "login"),
    [
        ("redis://host", ("host", 6379), {}),
        ("redis://host:7000/2", ("host", 7000), {"db": 2}),
        ("redis://host/?db=2", ("host", 6379), {"db": 2}),
        ("rediss://[fd00::1]:6380/0", ("fd00::1", 6380), {"db": 0}),
        ("redis://:p%23a%2Fs%3Fs%40w%25o%5Brd%20@host", ("host", 6379), {"password": "p#a/s?s@w%o[rd "}),
        ("redis://:p@ss@host", ("host", 6379), {"password": "p@ss"}),
        ("redis://anna:a:b+c@host", ("host", 6379), {"username": "anna", "password": "a:b+c"}),
        ("redis:///1", ("localhost", 6379), {"db": 1}),
        ("redis://host?password=p%26s", ("host", 6379), {"password": "p&s"}),
    ],
)
def test_a_store_is_found_by_its_url(url: str, host: tuple[str, int], login: dict[str, object]) -> None:
    address = parse(url)

    assert (address.hosts, address.login) == ((host,), login)


def test_a_socket_is_found_by_its_path() -> None:
    address = parse("unix://anna:hush@/run/with%20space.sock?db=1")

    assert address.path == "/run/with space.sock"
    assert address.login == {"username": "anna", "password": "hush", "db": 1}


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@ss#w/ord@host",
        "redis://:pass#w0rd@host",
        "redis://:pass/w0rd@host",
        "redis://:1234/w0rd@host",
        "redis://:pass?w0rd@host",
        "redis://anna:1234?w0rd=5@host",
        "redis://:pass w0rd@host",
        "redis://:pass%w0rd@host",
        "redis://:pass\tw0rd@host",
        "redis://:pass[w0rd@host",
        "redis://:pass\\w0rd",
        "redis://anna:passw0rd",
        "rediss://:pass/w0rd@host:6380/0?ssl_ca_certs=/ours.pem",
        "unix://:pass/w0rd@/run/valkey.sock",
        "redis+sentinel://:p#ss@one:26379,two:26379/orders",
        "redis+sentinel://:p/ss@one:26379,two:26379/orders",
        "redis+sentinel://:p?ss@one:26379,two:26379/orders",
        "redis+sentinel://one/orders?sentinel_password=p#ss",
        "redis+sentinel://one/orders?sentinel_password=p%ss",
    ],
)
def test_a_password_that_cannot_be_understood_as_it_is_meant_is_refused_with_how_to_write_it(url: str) -> None:
    with pytest.raises(BadURL) as refusal:
        parse(url)

    said = str(refusal.value)
    assert "write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25" in said
    assert not any(part in said for part in ("p@ss", "w0rd", "1234", "ss@"))
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    with pytest.raises(BadURL):
        connect(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "expected a URL such as redis://host:6379/0"),
        ("host:6379", "expected a URL such as redis://host:6379/0"),
        ("redis://host:99999", "a port is a number from 1 to 65535"),
        ("redis://host:0", "a port is a number from 1 to 65535"),
        ("redis://::1:6379", "write its host and port like host:6379 or [::1]:6379"),
        ("redis://host..name:6379", "write its host and port like host:6379 or [::1]:6379"),
        ("redis+sentinel://one:1,.two:2/name", "write its host and port like host:26379 or [::1]:26379"),
        ("redis://host/orders", "is the number of a database"),
        ("redis://host/0/1", "is the number of a database"),
        ("redis://host?db=one", "db has a value that it can't have"),
        ("redis://host?ssl_ca_certs=/ours.pem", "ssl_ca_certs is for TLS: begin with rediss://"),
        ("rediss://host?ssl_cert_reqs=perhaps", "ssl_cert_reqs has a value that it can't have"),
        ("redis://host?sentinel_password=p", "sentinel_password is for redis+sentinel:// only"),
        ("redis://host?socket_timeout=5", "socket_timeout is none of its parameters, which are username, password, db"),
        ("redis://host?max_connections=5", "max_connections is none of its parameters"),
        ("redis://host?secret=5", "what follows the ? is none of its parameters"),
        ("unix://run/valkey.sock", "expected the socket's whole path, such as unix:///run/valkey.sock"),
        ("redis+sentinel://host:26379/", "the name of the primary is missing"),
        ("redis+sentinel://host:port/name", "write its host and port like host:26379 or [::1]:26379"),
        ("redis+sentinel://one,,two/name", "write its host and port like host:26379 or [::1]:26379"),
        ("redis+sentinel://one/name/first", "is the number of a database"),
        ("redis+sentinel://one/name?socket_timeout=5", "socket_timeout is none of its parameters"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(url: str, said: str) -> None:
    with pytest.raises(BadURL) as refusal:
        parse(url)

    assert said in str(refusal.value)
