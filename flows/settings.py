"""The settings, from the environment or a file `.env`; checked at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_TOKEN = r"^\d+:[A-Za-z0-9_-]{3,}$"  # noqa: S105 - the shape of a token, not one
_URL: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl)


class BadSettings(Exception):
    """A setting is missing or wrong; the message is one line that names it and the cure."""


class Settings(BaseSettings):
    """Every setting there is. Field names in capitals are the variables' names."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    customer_bot_token: Annotated[SecretStr, Field(description="from @BotFather")] | None = None
    restaurant_bot_token: Annotated[SecretStr, Field(description="from @BotFather")] | None = None
    telegram_api_url: Annotated[str, StringConstraints(strip_whitespace=True)] = "https://api.telegram.org"
    redis_url: Annotated[str, StringConstraints(pattern=r"^(redis|rediss|unix)://")] | None = None
    data_dir: Path = Path("data")
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    unsafe_store: bool = False
    log_level: Annotated[str, StringConstraints(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", to_upper=True)] = "INFO"

    @field_validator("customer_bot_token", "restaurant_bot_token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            TypeAdapter(Annotated[str, StringConstraints(pattern=_TOKEN)]).validate_python(value.get_secret_value())
        return value

    @field_validator("telegram_api_url")
    @classmethod
    def _is_a_root(cls, value: str) -> str:
        _URL.validate_python(value)
        return value.rstrip("/")

    def tokens(self) -> tuple[str, str]:
        """Both bots' tokens, the customer's first. Raises `BadSettings` when one is missing or both are one bot's."""
        found = []
        for name in ("customer_bot_token", "restaurant_bot_token"):
            secret: SecretStr | None = getattr(self, name)
            if secret is None:
                raise BadSettings(
                    f"{name.upper()} is not set: make a bot with @BotFather and put its token into .env, "
                    "or try `comanda demo`, which needs none"
                )
            found.append(secret.get_secret_value())
        if found[0].split(":")[0] == found[1].split(":")[0]:
            raise BadSettings(
                "CUSTOMER_BOT_TOKEN and RESTAURANT_BOT_TOKEN are of the same bot: make two with @BotFather"
            )
        return found[0], found[1]


_CURES = {
    "customer_bot_token": "a token such as 123456:AAE… from @BotFather",
    "restaurant_bot_token": "a token such as 123456:AAE… from @BotFather",
    "telegram_api_url": "the root of a Bot API server, such as https://api.telegram.org",
    "redis_url": "a URL such as redis://host:6379/0, rediss://… or unix:///path/to/socket",
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
        raise BadSettings(f"{name.upper()} is wrong: expected {_CURES.get(name, 'another value')}") from None
