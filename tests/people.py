"""Playing people in the sandbox: what they write and tap, and what they see."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

WITHIN = 45.0  # seconds until something that should show up counts as missing

# The kinds of updates that tests wait for.
EVERYTHING = ["message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "inline_query"]
EVERYTHING += ["chosen_inline_result", "pre_checkout_query", "message_reaction", "my_chat_member", "chat_member"]

Message = dict[str, Any]
T = TypeVar("T")


@dataclass
class _Ears:
    """What a bot has fetched and no test has asked for yet."""

    offset: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list)


class Telegram:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Plain HTTP on this machine: never through a proxy, and no certificates to load.
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ears: dict[str, _Ears] = {}
        self._http = httpx.AsyncClient(base_url=url, timeout=WITHIN + 5, trust_env=False, verify=no_tls)

    async def close(self) -> None:
        await self._http.aclose()

    async def act(self, verb: str, **body: Any) -> Any:
        """Carry out a verb of the control API."""
        answer = await self._http.post(f"/control/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def delete(self, path: str) -> None:
        """Take something back, as all `faults`."""
        answer = await self._http.delete(f"/control/{path}")
        assert answer.status_code == 200, answer.text

    async def call(self, token: str, method: str, **params: Any) -> Any:
        """A request of a bot, as its worker would make it."""
        answer = await self._http.post(f"/bot{token}/{method}", json=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def hears(self, token: str, kind: str, fits: Callable[[Any], bool] = lambda update: True) -> Any:
        """What the bot's next update of that kind holds, as soon as there is one that fits.

        Updates come in batches, and the first one may hold what was there before: all are looked at, each once.
        """
        ears = self._ears.setdefault(token, _Ears())
        deadline = time.monotonic() + WITHIN
        while True:
            for update in list(ears.waiting):
                ears.waiting.remove(update)
                if kind in update and fits(update[kind]):
                    return update[kind]
            assert time.monotonic() < deadline, f"no {kind}"
            ears.waiting = await self.call(
                token, "getUpdates", offset=ears.offset, timeout=10, allowed_updates=EVERYTHING
            )
            ears.offset = max([ears.offset, *(update["update_id"] + 1 for update in ears.waiting)])

    async def look(self, path: str, **query: Any) -> Any:
        answer = await self._http.get(f"/control/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def person(self, name: str, bot: str) -> Person:
        """Somebody with a private chat with a bot."""
        await self.act("bot", token=bot)
        user = await self.act("user", first_name=name)
        return Person(self, user["id"], f"{bot.partition(':')[0]}:{user['id']}", {"bot": bot})

    async def group(self, title: str, *names: str) -> list[Person]:
        """A group of people, without bots."""
        users = [await self.act("user", first_name=name) for name in names]
        chat = await self.act("group", title=title, members=[user["id"] for user in users])
        return [Person(self, user["id"], str(chat["id"]), {"chat": chat["id"]}) for user in users]

    async def changing(self, look: Callable[[], Awaitable[T]], enough: Callable[[T], bool], problem: str) -> T:
        """Look again at each change in the sandbox until it is enough. Raises `AssertionError` with `problem`."""
        deadline, after = time.monotonic() + WITHIN, 0
        while True:
            found = await look()
            if enough(found):
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(problem)
            changes = await self.changes(after, wait=min(left, 1.0))
            after = changes[-1]["seq"] if changes else after

    async def changes(self, after: int, wait: float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.look("changes", after=after, wait=wait)
        return found


@dataclass
class Person:
    """One person in one chat."""

    telegram: Telegram
    id: int
    room: str
    place: dict[str, Any]

    async def send(self, text: str) -> Message:
        """Write into the chat."""
        message: Message = await self.telegram.act("send", user=self.id, text=text, **self.place)
        return message

    async def asks(self, text: str) -> Message:
        """Write into the chat. Returns the bot's answer, as soon as it is there: what is tapped next is on that one."""
        mine = await self.send(text)
        return await self._find(lambda one: one["message_id"] > mine["message_id"], f"no answer to {text!r}")

    async def messages(self) -> list[Message]:
        """The chat as it stands, oldest first."""
        found: list[Message] = await self.telegram.look("messages", room=self.room)
        return [message for message in found if not message["deleted"]]

    async def sees(self, text: str) -> Message:
        """The newest message that contains `text`, as soon as there is one."""
        return await self._find(lambda message: text in (message.get("text") or ""), f"no message with {text!r}")

    async def sees_times(self, text: str, times: int) -> None:
        """Wait until so many messages contain `text`."""

        async def count() -> int:
            return sum(text in (message.get("text") or "") for message in await self.messages())

        await self.telegram.changing(count, lambda found: found >= times, f"not {times} × {text!r}")

    async def tap(self, label: str) -> str:
        """Tap the newest button whose text contains `label`. Returns what the bot answered."""
        message = await self._find(lambda one: bool(buttons(one, label)), f"no button {label!r}")
        button = buttons(message, label)[0]
        return await self._tap(message["message_id"], button=button.get("callback_data", button["text"]))

    async def presses(self, label: str) -> None:
        """Tap the newest button whose text contains `label`, without waiting for an answer."""
        message = await self._find(lambda one: bool(buttons(one, label)), f"no button {label!r}")
        button = buttons(message, label)[0]["callback_data"]
        place = {"user": self.id, "message_id": message["message_id"], **self.place}
        await self.telegram.act("tap", button=button, **place)

    async def tap_payload(self, message_id: int, payload: str) -> str:
        """Tap with a payload that the message need not show (any more): a stale or a forged button."""
        return await self._tap(message_id, data=payload)

    async def _tap(self, message_id: int, **how: str) -> str:
        tapped = await self.telegram.act("tap", user=self.id, message_id=message_id, **how, **self.place)
        answer = await self.telegram.look(f"callback/{tapped['callback_query_id']}", wait=WITHIN)
        assert answer is not None, f"nobody answered the tap {how}\n{await self.transcript()}"
        return str(answer["text"])

    async def transcript(self) -> str:
        """The chat for people, for when something is missing."""
        lines = []
        for message in await self.messages():
            keys = [button["text"] for row in _rows(message) for button in row]
            lines.append(f"{message['from']['first_name']}: {message.get('text')!r} {keys}")
        return "\n".join(lines)

    async def _find(self, fits: Callable[[Message], bool], problem: str) -> Message:
        async def newest() -> Message | None:
            return next((message for message in reversed(await self.messages()) if fits(message)), None)

        try:
            found = await self.telegram.changing(newest, lambda message: message is not None, problem)
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{await self.transcript()}") from None
        assert found is not None
        return found


def _rows(message: Message) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return rows


def buttons(message: Message, label: str) -> list[dict[str, Any]]:
    """The buttons of a message whose text contains `label`."""
    return [button for row in _rows(message) for button in row if label in button["text"]]
