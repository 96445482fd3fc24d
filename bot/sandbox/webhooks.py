"""The methods of the Bot API about webhooks."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from bot.sandbox.bots import Webhook
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json

served = Served()

DEFAULT_CONNECTIONS, MOST_CONNECTIONS = 40, 100  # Bot API, setWebhook
SECRET_LIMIT = 256  # characters of the secret
PORTS = {80, 88, 443, 8443}  # Bot API, setWebhook
_SECRET = re.compile(r"[A-Za-z0-9_-]*")


@served
def set_webhook(call: Call) -> bool:
    """Send updates to `url` from now on; an empty one ends that.

    A refused request leaves the bot without any webhook, as with Telegram, which drops the former one first.
    """
    former, call.bot.webhook = call.bot.webhook, None
    call.world.changed("update", bot=call.bot.id)
    if call.flag("drop_pending_updates"):
        call.bot.updates.clear()
    if not call.text("url"):
        return True
    new = _webhook(call)
    call.bot.allow(call.params.get("allowed_updates"))
    unchanged = former and replace(former, last_error="", last_error_date=0) == new
    call.bot.webhook = former if unchanged and not call.flag("drop_pending_updates") else new
    return True


def _webhook(call: Call) -> Webhook:
    """What a request sets. Raises `ApiError` for what Telegram refuses."""
    url, secret = call.text("url"), call.text("secret_token")
    url = url if "://" in url else f"https://{url}"
    parts, port = _parsed(url)
    if len(secret) > SECRET_LIMIT:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    if not _is_loopback(parts.hostname or ""):
        _check_public(parts, port)
    connections = min(max(call.number_or("max_connections", DEFAULT_CONNECTIONS), 1), MOST_CONNECTIONS)
    has_certificate = isinstance(call.params.get("certificate"), tuple)
    return Webhook(url, secret, connections, call.text("ip_address"), has_certificate)


def _parsed(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise bad_request("invalid webhook URL specified") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    return parts, port


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine: there, unlike with Telegram, HTTP and every port will do."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_public(parts: SplitResult, port: int) -> None:
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if port not in PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


@served
def delete_webhook(call: Call) -> bool:
    call.bot.webhook = None
    if call.flag("drop_pending_updates"):
        call.bot.updates.clear()
    call.world.changed("update", bot=call.bot.id)
    return True


@served
def get_webhook_info(call: Call) -> Json:
    call.world.expire(call.bot)
    hook = call.bot.webhook
    info: Json = {
        "url": hook.url if hook else "",
        "has_custom_certificate": bool(hook and hook.has_certificate),
        "pending_update_count": len(call.bot.updates),
    }
    if hook:
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
        info |= {"max_connections": hook.connections, "ip_address": hook.ip_address or "<unknown>"}
    return info | ({"allowed_updates": call.bot.allowed} if call.bot.allowed else {})
