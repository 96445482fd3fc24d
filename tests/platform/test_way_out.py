"""One way out: every part reaches Telegram by the proxy and the authority that the environment names, or by none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientTimeout
from pydantic import SecretStr
from redis import Redis

from bot.customer import CustomerBot
from bot.intake import TryLater
from bot.polling import NotNow, Polling
from bot.restaurant import RestaurantBot
from bot.sandbox.server import Sandbox
from flows import http
from flows.events import Side
from flows.gate import Gate
from flows.http import client
from flows.ledger import Ledger
from flows.proxy import BadProxy, passwords, proxy_for
from flows.proxy import Proxy as Named
from flows.screens import Screen
from flows.settings import BadSettings, Settings, read_settings
from flows.store import Together
from tests.people import Telegram
from tests.proxies import NAME, Authority, Proxy, with_tls
from workers.check_telegram import of_telegram
from workers.checks import Level
from workers.cli.restaurants import _ask_its_name
from workers.telegram import Later, Sender

CUSTOMER, RESTAURANT = "7001:customer-secret", "7002:restaurant-secret"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

Part = Callable[[str, Redis, int], Awaitable[object]]


async def customer_bot(root: str, redis: Redis, chat: int) -> object:
    bot = CustomerBot(CUSTOMER, root, Ledger(redis), Gate(Together(redis), "customer"))
    try:
        await bot.open()
    finally:
        await bot.close()
    return True


async def restaurant_bot(root: str, redis: Redis, chat: int) -> object:
    bot = RestaurantBot(RESTAURANT, root, Ledger(redis), Gate(Together(redis), "restaurant"))
    try:
        await bot.open()
    finally:
        await bot.close()
    return True


async def intake(root: str, redis: Redis, chat: int) -> object:
    async with client(root, ClientTimeout(total=15)) as session:
        return await Polling("customer", CUSTOMER, root, ["message"]).ask(session, 0)


async def worker(root: str, redis: Redis, chat: int) -> object:
    sender = Sender(root, CUSTOMER, RESTAURANT, Together(redis))
    try:
        return await sender.send(Side.CUSTOMER, chat, Screen("hello"))
    finally:
        await sender.close()


async def doctor(root: str, redis: Redis, chat: int) -> object:
    settings = Settings(
        _env_file=None,
        customer_bot_token=SecretStr(CUSTOMER),
        restaurant_bot_token=SecretStr(RESTAURANT),
        telegram_api_url=root,
    )
    problems = [check for check in await of_telegram(settings) if check.level is not Level.OK]
    if problems:
        raise TryLater(f"Telegram {problems[0].says}: {problems[0].cure}")
    return True


async def link(root: str, redis: Redis, chat: int) -> object:
    return await _ask_its_name(root, CUSTOMER)


PARTS: list[Part] = [customer_bot, restaurant_bot, intake, worker, doctor, link]
NO_ANSWER = (TryLater, NotNow, Later, *http.UNANSWERED)


class Away:
    """A Telegram that only the proxy reaches, and that has TLS by an authority of our own."""

    def __init__(self, chat: int, proxy: Proxy, authority: Path) -> None:
        self.root = f"https://{NAME}"
        self.chat = chat
        self.proxy = proxy
        self.authority = str(authority)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _no_proxy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    http._authorities.cache_clear()


@pytest.fixture
async def away(authority: Authority) -> AsyncIterator[Away]:
    async with Sandbox().serve("0.0.0.0") as sandbox:  # noqa: S104 - else it would answer to local names alone
        telegram = Telegram(f"http://127.0.0.1:{urlsplit(sandbox.url).port}")
        carla = await telegram.person("Carla", bot=CUSTOMER)
        await telegram.person("Anna", bot=RESTAURANT)
        await carla.send("hello")
        await telegram.close()
        async with (
            with_tls(urlsplit(sandbox.url).port or 0, authority.server()) as port,
            Proxy(port).listening() as proxy,
        ):
            yield Away(carla.id, proxy, authority.file)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("part", PARTS)
async def test_every_part_goes_by_the_proxy_and_trusts_the_authority_of_the_environment(
    part: Part, variable: str, away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, away.proxy.url)
    monkeypatch.setenv("SSL_CERT_FILE", away.authority)

    assert await part(away.root, redis, away.chat)

    assert set(away.proxy.asked) == {f"CONNECT {NAME}:443 HTTP/1.1"}


@pytest.mark.parametrize("part", [one for one in PARTS if one is not link])
async def test_every_part_says_that_the_proxy_wants_a_password(
    part: Part, away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.proxy.login = "anna:p@ss:word"
    monkeypatch.setenv("HTTPS_PROXY", away.proxy.url)

    with pytest.raises(NO_ANSWER, match=r"\(the proxy wants a user and a password\): set HTTPS_PROXY=http"):
        await part(away.root, redis, away.chat)

    assert away.proxy.asked == []


@pytest.mark.parametrize("part", PARTS)
async def test_every_part_enters_with_the_proxys_password(
    part: Part, away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.proxy.login = "anna:p@ss:word"
    monkeypatch.setenv("SSL_CERT_FILE", away.authority)
    monkeypatch.setenv("HTTPS_PROXY", away.proxy.url.replace("//", "//anna:p%40ss%3Aword@"))

    assert await part(away.root, redis, away.chat)


@pytest.mark.parametrize("part", [one for one in PARTS if one is not link])
async def test_every_part_says_that_the_proxy_refuses(
    part: Part, away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.proxy.refuses_with = "403 Forbidden"
    monkeypatch.setenv("HTTPS_PROXY", away.proxy.url.replace("//", "//anna:hunter2@"))

    with pytest.raises(NO_ANSWER) as caught:
        await part(away.root, redis, away.chat)

    said = "Telegram is out of reach (the proxy answers HTTP 403): see that it allows connections to Telegram"
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert CUSTOMER not in str(caught.value)


@pytest.mark.parametrize("part", [one for one in PARTS if one is not link])
async def test_every_part_says_that_the_authority_is_not_trusted_and_where_to_name_it(
    part: Part, away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", away.proxy.url)

    with pytest.raises(NO_ANSWER, match=r"its certificate is not trusted\): name the file .* in SSL_CERT_FILE"):
        await part(away.root, redis, away.chat)


@pytest.mark.parametrize("part", [one for one in PARTS if one is not link])
async def test_every_part_says_that_the_proxy_is_not_there(
    part: Part, redis: Redis, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port}")

    with pytest.raises(NO_ANSWER, match=r"the proxy can't be reached\): check HTTPS_PROXY"):
        await part("https://api.telegram.org", redis, 1)


@pytest.mark.parametrize("part", PARTS)
async def test_a_telegram_on_this_machine_is_reached_without_the_proxy(
    part: Part, redis: Redis, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES[:3]:
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port}")
    async with Sandbox().serve() as sandbox:
        telegram = Telegram(sandbox.url)
        carla = await telegram.person("Carla", bot=CUSTOMER)
        await telegram.person("Anna", bot=RESTAURANT)
        await carla.send("hello")
        await telegram.close()

        assert await part(sandbox.url, redis, carla.id)


async def test_a_proxy_that_wants_to_know_who_asks_is_understood_without_tls_as_well(
    away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.proxy.refuses_with = "407 Proxy Authentication Required"
    monkeypatch.setenv("http_proxy", away.proxy.url)
    root = f"http://{NAME}"

    with pytest.raises(NotNow, match="the proxy wants a user and a password"):
        async with client(root, ClientTimeout(total=15)) as session:
            await Polling("customer", CUSTOMER, root, ["message"]).ask(session, 0)


# Which proxy it is

FAR = "https://api.telegram.org"


@pytest.mark.parametrize(
    ("environment", "url", "found"),
    [
        ({}, FAR, None),
        ({"https_proxy": "http://p:1"}, FAR, ("https_proxy", "http://p:1")),
        ({"https_proxy": "p:1"}, FAR, ("https_proxy", "http://p:1")),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://high:1"}, FAR, ("https_proxy", "http://low:1")),
        ({"https_proxy": "", "HTTPS_PROXY": "http://high:1"}, FAR, ("HTTPS_PROXY", "http://high:1")),
        ({"http_proxy": "http://p:1"}, FAR, None),
        ({"http_proxy": "http://p:1"}, "http://bot-api:8081", ("http_proxy", "http://p:1")),
        ({"all_proxy": "socks5://s:1", "https_proxy": "http://p:1"}, FAR, ("https_proxy", "http://p:1")),
        ({"https_proxy": "http://[::1]:1"}, FAR, ("https_proxy", "http://[::1]:1")),
        ({"https_proxy": "http://p:1", "no_proxy": "telegram.org"}, FAR, None),
        ({"https_proxy": "http://p:1", "NO_PROXY": "a.b, .telegram.org"}, FAR, None),
        ({"https_proxy": "http://p:1", "no_proxy": "*.telegram.org:443"}, FAR, None),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, FAR, None),
        ({"https_proxy": "http://p:1", "no_proxy": "legram.org,telegram.org:80"}, FAR, ("https_proxy", "http://p:1")),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://10.1.2.3:8081", None),
        ({"http_proxy": "http://p:1", "no_proxy": "fd00::/8"}, "http://[fd00::5]:8081", None),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://11.1.2.3", ("http_proxy", "http://p:1")),
        ({"all_proxy": "socks5://s:1"}, "http://127.0.0.1:8080", None),
        ({"all_proxy": "socks5://s:1"}, "http://localhost:8080", None),
        ({"all_proxy": "socks5://s:1"}, "http://[::1]:8080", None),
    ],
)
def test_the_environment_says_by_which_proxy_a_server_is_reached(
    environment: dict[str, str], url: str, found: tuple[str, str] | None
) -> None:
    assert proxy_for(url, environment) == (None if found is None else Named(*found))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://anna:hunter2@s:1080", "ALL_PROXY names a SOCKS proxy, which Comanda does not speak: name an HTTP"),
        ("SOCKS5H://s:1080", "names a SOCKS proxy"),
        ("ftp://p:21", "ALL_PROXY is wrong: expected an HTTP proxy, such as http://"),
        ("http://", "ALL_PROXY is wrong: expected an HTTP proxy"),
        ("http://p:many", "ALL_PROXY is wrong: expected an HTTP proxy"),
        ("http://p:99999", "ALL_PROXY is wrong: expected an HTTP proxy"),
        ("http://anna:hun/ter2@p:3128", "write # as %23, / as %2F"),
        ("http://anna:hun#ter2@p:3128", "write # as %23, / as %2F"),
        ("http://anna:hun ter2@p:3128", "and a space as %20"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_at_the_start_with_the_cure_and_without_its_password(
    value: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALL_PROXY", value)

    with pytest.raises(BadSettings) as refusal:
        read_settings()
    with pytest.raises(BadProxy):
        proxy_for(FAR, os.environ)

    assert said in str(refusal.value)
    assert "hun" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_proxys_password_is_a_secret_however_it_is_spelt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:p%40ss@proxy:3128")
    monkeypatch.setenv("ftp_proxy", "berta:hush@proxy:3128")

    assert {"p%40ss", "p@ss", "hush", "YW5uYTpwQHNz"} <= set(passwords(os.environ))
    assert {"p%40ss", "p@ss", "hush", "YW5uYTpwQHNz"} <= set(read_settings().secrets())


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
    ids=["none", "empty", "another text", "a broken certificate", "a key"],
)
def test_a_file_of_authorities_without_any_is_refused_at_the_start(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "ours.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))

    with pytest.raises(BadSettings, match=r"SSL_CERT_FILE is wrong: expected a file .* \(PEM\)"):
        read_settings()


def test_an_empty_name_of_authorities_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", "")

    read_settings()

    assert "SSL_CERT_FILE" not in os.environ
    assert "SSL_CERT_DIR" not in os.environ


async def test_an_authority_in_a_folder_is_trusted(
    away: Away, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ours.pem").symlink_to(away.authority)
    process = await asyncio.create_subprocess_exec("openssl", "rehash", str(tmp_path))
    assert await process.wait() == 0
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("https_proxy", away.proxy.url)

    assert await restaurant_bot(away.root, redis, away.chat)
