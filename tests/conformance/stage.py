"""The sandbox with the bot, the person and the groups that python-telegram-bot's tests talk to."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conformance import samples

BOT = 690091347
TOKEN = f"{BOT}:conformance"
OTHER_BOT = "690091348:conformance"
USERNAME = "conformance_bot"
CHANNEL_RIGHTS = [f"can_{does}" for does in ("manage_chat", "change_info", "post_messages", "edit_messages")]
CHANNEL_RIGHTS += [f"can_{does}" for does in ("delete_messages", "invite_users", "restrict_members")]
PERSON = 675666224


@dataclass(frozen=True)
class Stage:
    """Where the sandbox is, and the environment by which the tests find their bot and chats."""

    url: str
    environment: dict[str, str]


@contextmanager
def sandbox() -> Iterator[Stage]:
    """A sandbox in a process of its own, with everybody in place."""
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as control:
                yield Stage(url, _environment(control))
        finally:
            process.terminate()


def _environment(control: httpx.Client) -> dict[str, str]:
    _act(control, "bot", token=TOKEN, username=USERNAME, name="Conformance")
    _act(control, "user", id=PERSON, first_name="PTB", last_name="Test user", username="ptb_user")
    _act(control, "send", user=PERSON, bot=TOKEN, text="/start")
    group = _act(control, "group", title=f">>> telegram.Bot(test) @{USERNAME}", members=[PERSON], bots=[TOKEN])
    supergroup = _act(control, "migrate", chat=group["id"])
    forum = _act(control, "group", title="Forum", members=[PERSON], bots=[TOKEN])
    forum = _act(control, "migrate", chat=forum["id"])
    _act(control, "forum", chat=forum["id"])
    other = _act(control, "user", first_name="Quentin")["id"]
    _act(control, "bot", token=OTHER_BOT)
    channel = _act(control, "channel", title="Channel", members=[PERSON, other], bots=[TOKEN, OTHER_BOT])
    for chat in (supergroup, forum):
        _act(control, "promote", chat=chat["id"], user=BOT)
    # As with Telegram, where the tests expect the bot to make nobody an administrator of their channel.
    _act(control, "promote", chat=channel["id"], user=BOT, rights=CHANNEL_RIGHTS)
    photo = {"photo": ("group.png", samples.picture(640, 640))}
    control.post(f"/bot{TOKEN}/setChatPhoto", data={"chat_id": supergroup["id"]}, files=photo).raise_for_status()
    bot = {
        "token": TOKEN,
        "payment_provider_token": "284685063:TEST:made-up",
        "chat_id": str(PERSON),
        "super_group_id": str(supergroup["id"]),
        "forum_group_id": str(forum["id"]),
        "channel_id": str(channel["id"]),
        "subscription_channel_id": channel["id"],
        "name": "Conformance",
        "username": f"@{USERNAME}",
    }
    # The second of two: with the first one, the tests check how they are written themselves.
    bots = base64.b64encode(json.dumps([bot, bot]).encode()).decode()
    return {"GITHUB_ACTIONS": "true", "JOB_INDEX": "1", "BOTS": bots}


def _act(control: httpx.Client, verb: str, **body: Any) -> Any:
    answer = control.post(f"/control/{verb}", json=body)
    answer.raise_for_status()
    return answer.json()
