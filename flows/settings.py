"""The settings, from the environment or a file `.env`; checked at the start."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from flows import proxy, store_url
from flows.urls import BadURL, host_and_port, passwords_in, split

Bot = Literal["customer", "restaurant"]
BOTS: tuple[Bot, ...] = ("customer", "restaurant")

ENV_FILE = ".env"
TELEGRAM = "https://api.telegram.org"
LISTEN_PORT = 8081
WEBHOOK_PORTS = (443, 80, 88, 8443)  # Bot API, setWebhook
ALIKE = 0.75  # how alike a name and a setting's have to be to count as a slip of the keyboard (see difflib)

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{3,}")


class BadSettings(Exception):
    """A setting is missing or wrong; the message is one line that names it and the cure, and no secret."""


def _token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError
    return value


OFF = "off"
"""For a program that is to find a setting unset, whatever `.env` says."""


def _root_or_off(value: str | None) -> str | None:
    return None if value is None or value.lower() == OFF else _root(value)


def _root(value: str) -> str:
    parts = split(value)
    if parts.scheme not in ("http", "https") or parts.query or value.endswith("?"):
        raise ValueError
    host_and_port(parts.netloc.rpartition("@")[2], proxy.PORTS[parts.scheme])
    return value.rstrip("/")


def _listen(value: str) -> str:
    """Where to listen: `host:port`, `[::]:port`, or `:port` for all addresses of this machine."""
    try:
        _, port = host_and_port(f"localhost{value}" if value.startswith(":") else value, LISTEN_PORT)
    except BadURL:  # what it says of passwords has no place here
        raise ValueError from None
    if not value.endswith(f":{port}") or port == 65535:  # the restaurants' bot listens one port above
        raise ValueError
    return value


def _folder(value: Path) -> Path:
    try:
        folder = value.expanduser()
        folder.resolve()
    except RuntimeError:  # a user's home that there is not, or links that lead in a circle
        raise ValueError from None
    return folder


def _store(value: str) -> str:
    if not re.match(r"(redis|rediss|unix|rediss?\+sentinel)://.", value):
        raise ValueError
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


_Token = Annotated[SecretStr, AfterValidator(_token)]
_StoreURL = Annotated[str, AfterValidator(_store)]


class Settings(BaseSettings):
    """Every setting there is. A variable's name is its field's in capitals; an empty one counts as unset."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    customer_bot_token: _Token | None = None
    restaurant_bot_token: _Token | None = None
    # URLs are not in the representation: they may hold passwords.
    telegram_api_url: Annotated[str, AfterValidator(_root), Field(repr=False)] = TELEGRAM
    redis_url: Annotated[_StoreURL | None, Field(repr=False)] = None
    redis_replicas: Annotated[int, Field(ge=0, le=8)] = 0
    webhook_url: Annotated[str | None, AfterValidator(_root_or_off), Field(repr=False)] = None
    webhook_listen: Annotated[str, AfterValidator(_listen)] = f"127.0.0.1:{LISTEN_PORT}"
    data_dir: Annotated[Path, AfterValidator(_folder)] = Path("data")
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    unsafe_store: bool = False
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Without the spaces around a value, and the quotes that `docker run --env-file` leaves; empty is unset."""
        bare = {name: _bare(value) if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in bare.items() if value != ""}

    def token(self, bot: Bot) -> str:
        """That bot's token. Raises `BadSettings` when it is not set."""
        secret = self.customer_bot_token if bot == "customer" else self.restaurant_bot_token
        if secret is None:
            raise BadSettings(
                f"{bot.upper()}_BOT_TOKEN is not set: make a bot with @BotFather and put its token into .env "
                "(`comanda demo` needs none)"
            )
        return secret.get_secret_value()

    def webhook(self, bot: Bot) -> str | None:
        """Where Telegram sends that bot's updates, None when they are polled for."""
        return None if self.webhook_url is None else f"{self.webhook_url}/{bot}"

    def webhook_address(self, bot: Bot) -> tuple[str | None, int]:
        """Host and port where that bot listens: the customers' at `webhook_listen`, the restaurants' one port above.

        None is every address of this machine.
        """
        host, _, port = self.webhook_listen.rpartition(":")
        return host.strip("[]") or None, int(port) + (bot == "restaurant")

    def tokens(self) -> tuple[str, str]:
        """The customer's and the restaurant's bot's token. Raises `BadSettings` when one is missing or both are one."""
        customer, restaurant = self.token("customer"), self.token("restaurant")
        if customer.split(":")[0] == restaurant.split(":")[0]:
            raise BadSettings(
                "CUSTOMER_BOT_TOKEN and RESTAURANT_BOT_TOKEN are of the same bot: make two with @BotFather"
            )
        return customer, restaurant

    def secrets(self) -> list[str]:
        """What nobody should read in a log.

        The tokens, also without their bots' numbers; what Telegram proves itself with at the webhooks; and the
        passwords of the store and its sentinels, of proxies, and of any other URL.
        """
        tokens = [one.get_secret_value() for one in (self.customer_bot_token, self.restaurant_bot_token) if one]
        urls = (self.redis_url, self.telegram_api_url, self.webhook_url)
        return [
            *tokens,
            *(token.partition(":")[2] for token in tokens),
            *map(secret_of, tokens),
            *(password for url in urls if url for password in passwords_in(url)),
            *proxy.passwords(os.environ),
        ]


SETTINGS = [field.upper() for field in Settings.model_fields]
"""The names of the variables."""


def secret_of(token: str) -> str:
    """What Telegram proves itself with: made from the token, so that every process of the bot knows it."""
    return hmac.new(token.encode(), b"comanda webhook", hashlib.sha256).hexdigest()


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


_EXPECTED = {
    "customer_bot_token": "a token from @BotFather, such as 123456:AAE…",
    "restaurant_bot_token": "a token from @BotFather, such as 123456:AAE…",
    "telegram_api_url": "the root of a Bot API server, such as https://api.telegram.org",
    "redis_url": store_url.EXPECTED,
    "redis_replicas": "a number of replicas from 0 to 8",
    "webhook_url": "the address under which Telegram reaches us, such as https://orders.example.com",
    "webhook_listen": "where to listen for it, such as 127.0.0.1:8081, [::]:8081 or :8081, with a port from 1 to 65534",
    "data_dir": "the path of a folder, such as data or /srv/comanda",
    "workers": "a number of worker processes from 1 to 64",
    "unsafe_store": "true or false",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
}


def read_settings() -> Settings:
    """Read and check the settings. Raises `BadSettings`, which never repeats a value: it may be a secret."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if os.environ.get(name) == "":  # unset, as an empty setting is: OpenSSL would trust nobody
            del os.environ[name]
    try:
        slip = next(misspelt(), None)
        settings = Settings()
    except ValidationError as error:
        raise BadSettings(_words(error)) from None
    except OSError as error:
        raise BadSettings(f"the file .env can't be read ({error.strerror}): let this user read it") from None
    except (UnicodeDecodeError, SettingsError):
        raise BadSettings("the file .env can't be read: expected lines such as DATA_DIR=data, in UTF-8") from None
    if slip is not None:
        raise BadSettings(f"{slip[0]} in .env is no setting: did you mean {slip[1]}?")
    _check_store(settings)
    _check_webhook(settings)
    _check_way_out(settings)
    return settings


def misspelt() -> Iterator[tuple[str, str]]:
    """The names in `.env` that are nearly a setting's which is not there itself, each with that setting's name."""
    given = names_in_file()
    for name in given:
        if (meant := nearly(name, ALIKE)) and meant not in given:
            yield name, meant


def nearly(name: str, alike: float) -> str | None:
    """The setting that a name was meant to be, None for a setting's own and for a name that is like none."""
    return None if name in SETTINGS else next(iter(get_close_matches(name, SETTINGS, 1, alike)), None)


def names_in_file() -> list[str]:
    """The names of the variables in `.env`, in capitals and as often as they stand there.

    Raises `BadSettings` for a line that is none of a variable.
    """
    file = Path(ENV_FILE)
    if file.is_dir():  # made by Docker in place of a file that it should mount
        raise BadSettings("`.env` is a folder: remove it, and make a file of that name (see .env.example)")
    if not file.exists():
        return []
    names = []
    with file.open(encoding="utf-8") as lines:
        for binding in parse_stream(lines):
            if binding.error:
                raise BadSettings(f"line {binding.original.line} of .env can't be read: expected NAME=value")
            if binding.key is not None:
                names.append(binding.key.upper())
    return names


def _words(error: ValidationError) -> str:
    """What to say of a value that won't do, without the value."""
    [first, *_] = error.errors(include_input=False, include_url=False)
    name, cause = str(first["loc"][0]), first.get("ctx", {}).get("error")
    hint = f"; {cause}" if isinstance(cause, BadURL) else ""
    return f"{name.upper()} is wrong: expected {_EXPECTED[name]}{hint}"


def _check_store(settings: Settings) -> None:
    if settings.redis_url is None:
        return
    try:
        address = store_url.parse(settings.redis_url)
    except BadURL as error:
        raise BadSettings(f"REDIS_URL is wrong: {error}") from None
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if name in address.tls and not Path(address.tls[name]).is_file():
            raise BadSettings(f"REDIS_URL is wrong: {name} names no file that is there")


def _check_webhook(settings: Settings) -> None:
    """Telegram itself sends only by TLS and to some ports; a Bot API server of one's own sends to any."""
    if settings.webhook_url is None or urlsplit(settings.telegram_api_url).hostname != urlsplit(TELEGRAM).hostname:
        return
    url = urlsplit(settings.webhook_url)
    if url.scheme != "https" or (url.port or 443) not in WEBHOOK_PORTS:
        raise BadSettings(
            "WEBHOOK_URL is wrong: Telegram sends to https:// only, and to port 443, 80, 88 or 8443 "
            "(a reverse proxy ends the TLS), such as https://orders.example.com"
        )


def _check_way_out(settings: Settings) -> None:
    try:
        proxy.proxy_for(settings.telegram_api_url, os.environ)
    except proxy.BadProxy as error:
        raise BadSettings(str(error)) from None
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file and not _holds_certificates(Path(file)):
        raise BadSettings(
            "SSL_CERT_FILE is wrong: expected a file of the authorities that we trust (PEM), which can be read"
        )
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise BadSettings("SSL_CERT_DIR is wrong: expected a folder of the authorities that we trust (PEM, rehashed)")


def _holds_certificates(file: Path) -> bool:
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError:  # `SSLError` is one
        return False
    return context.cert_store_stats()["x509"] > 0
