"""The programs that Comanda consists of, and what each of them finds in its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flows.settings import OFF, Settings
from workers.supervisor import Program

CUSTOMER_BOT = "bot.customer"
RESTAURANT_BOT = "bot.restaurant"
WORKER = "workers"
SANDBOX = "bot.sandbox"


def environment(settings: Settings, store_url: str) -> dict[str, str]:
    """Our environment with every setting spelt out, so that a program finds the same ones whatever `.env` says."""
    spelt = {
        "TELEGRAM_API_URL": settings.telegram_api_url,
        "REDIS_URL": store_url,
        "REDIS_REPLICAS": str(settings.redis_replicas),
        "WEBHOOK_URL": settings.webhook_url or OFF,
        "WEBHOOK_LISTEN": settings.webhook_listen,
        "DATA_DIR": str(settings.data_dir.resolve()),
        "WORKERS": str(settings.workers),
        "UNSAFE_STORE": str(settings.unsafe_store).lower(),
        "LOG_LEVEL": settings.log_level,
    }
    tokens = {
        "CUSTOMER_BOT_TOKEN": settings.customer_bot_token,
        "RESTAURANT_BOT_TOKEN": settings.restaurant_bot_token,
    }
    secret = {name: token.get_secret_value() for name, token in tokens.items() if token is not None}
    return {**os.environ, **spelt, **secret}


def bots(env: Mapping[str, str]) -> list[Program]:
    """Both bots."""
    return [Program("customer-bot", CUSTOMER_BOT, env), Program("restaurant-bot", RESTAURANT_BOT, env)]


def crew(number: int, env: Mapping[str, str]) -> list[Program]:
    """So many workers."""
    return [Program(f"worker-{one}" if number > 1 else "worker", WORKER, env) for one in range(1, number + 1)]
