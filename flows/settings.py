"""The settings, from the environment or a file `.env`; checked at the start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, unquote_plus, urlsplit

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

Bot = Literal["customer", "restaurant"]

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{3,}")
_URL: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl)


class BadSettings(Exception):
    """A setting is missing or wrong; the message is one line that names it and the cure, and no secret."""


def _token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value().strip()):
        raise ValueError
    return SecretStr(value.get_secret_value().strip())


OFF = "off"
"""For a program that is to find a setting unset, whatever `.env` says."""


def _root_or_off(value: str | None) -> str | None:
    return None if value is None or value.strip().lower() == OFF else _root(value)


def _root(value: str) -> str:
    url = _URL.validate_python(value.strip())
    if url.query is not None or url.fragment is not None:
        raise ValueError
    return value.strip().rstrip("/")


_StoreURL = Annotated[str, StringConstraints(pattern=r"^(redis|rediss|unix|rediss?\+sentinel)://.")]
_Address = Annotated[str, StringConstraints(pattern=r"^[^:\s]+:\d{1,5}$")]
_Token = Annotated[SecretStr, AfterValidator(_token)]


class Settings(BaseSettings):
    """Every setting there is. A variable's name is its field's in capitals; an empty one counts as unset."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    customer_bot_token: _Token | None = None
    restaurant_bot_token: _Token | None = None
    telegram_api_url: Annotated[str, AfterValidator(_root)] = "https://api.telegram.org"
    # Not in the representation: it may hold a password.
    redis_url: Annotated[_StoreURL | None, Field(repr=False)] = None
    redis_replicas: Annotated[int, Field(ge=0, le=8)] = 0
    webhook_url: Annotated[str | None, AfterValidator(_root_or_off)] = None
    webhook_listen: _Address = "127.0.0.1:8081"
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Path("data")
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    unsafe_store: bool = False
    log_level: Annotated[str, StringConstraints(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", to_upper=True)] = "INFO"

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

    def webhook_address(self, bot: Bot) -> tuple[str, int]:
        """Host and port where that bot listens: the customers' at `webhook_listen`, the restaurants' one port above."""
        host, _, port = self.webhook_listen.rpartition(":")
        return host, int(port) + (bot == "restaurant")

    def tokens(self) -> tuple[str, str]:
        """The customer's and the restaurant's bot's token. Raises `BadSettings` when one is missing or both are one."""
        customer, restaurant = self.token("customer"), self.token("restaurant")
        if customer.split(":")[0] == restaurant.split(":")[0]:
            raise BadSettings(
                "CUSTOMER_BOT_TOKEN and RESTAURANT_BOT_TOKEN are of the same bot: make two with @BotFather"
            )
        return customer, restaurant

    def secrets(self) -> list[str]:
        """What nobody should read in a log: the tokens, also without their bots' numbers, and the store's passwords."""
        tokens = [one.get_secret_value() for one in (self.customer_bot_token, self.restaurant_bot_token) if one]
        store = urlsplit(self.redis_url or "")
        options = [option.partition("=") for option in store.query.split("&")]
        passwords = [store.password or "", *(value for name, _, value in options if name == "sentinel_password")]
        spelt = {spell(password) for password in passwords for spell in (str, unquote, unquote_plus)}
        return [*tokens, *(token.partition(":")[2] for token in tokens), *filter(None, spelt)]


_EXPECTED = {
    "customer_bot_token": "a token from @BotFather, such as 123456:AAE…",
    "restaurant_bot_token": "a token from @BotFather, such as 123456:AAE…",
    "telegram_api_url": "the root of a Bot API server, such as https://api.telegram.org",
    "redis_url": "a URL such as redis://host:6379/0, redis+sentinel://host:26379,other:26379/name or unix:///path",
    "redis_replicas": "a number of replicas from 0 to 8",
    "webhook_url": "the address under which Telegram reaches us, such as https://orders.example.com",
    "webhook_listen": "where to listen for it, such as 127.0.0.1:8081",
    "data_dir": "a path",
    "workers": "a number of worker processes from 1 to 64",
    "unsafe_store": "true or false",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
}


def read_settings() -> Settings:
    """Read and check the settings. Raises `BadSettings`, which never repeats a value: it may be a secret."""
    try:
        return Settings()
    except ValidationError as error:
        name = str(error.errors(include_input=False)[0]["loc"][0])
        raise BadSettings(f"{name.upper()} is wrong: expected {_EXPECTED[name]}") from None
    except (OSError, UnicodeDecodeError, SettingsError):
        raise BadSettings("the file .env can't be read: expected lines such as DATA_DIR=data, in UTF-8") from None
