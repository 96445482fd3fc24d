"""Delivery of updates to the bots that have set a webhook, as Telegram's server does it (tdlib's WebhookActor)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from bot.sandbox import wire
from bot.sandbox.bots import Bot, Pending, Webhook
from bot.sandbox.errors import ApiError
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json
from bot.sandbox.state import World
from bot.sandbox.updates import comes_again
from bot.sandbox.watch import Watch

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds that a bot has to answer
LONGEST_WAIT = 60  # seconds between two tries at most, or twice as much: Telegram draws a limit in between each time
LONGEST_ASKED_FOR = 3600  # seconds that a bot may ask for by Retry-After
NOT_IN_ANSWERS = ("deletewebhook", "setwebhook", "close", "logout")  # and none that gets something

_Queue = tuple[str, int]
CarryOut = Callable[[Bot, str, Json], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


def wait_after(failures: int, asked_for: int, random: Random) -> float:
    """Seconds until an update is tried again that has failed so often: at once, then after 2, 4, 8 …

    `asked_for` is what the bot's answer has said in Retry-After, 0 for nothing.
    """
    if asked_for > 0:
        return min(asked_for, LONGEST_ASKED_FOR)
    if failures <= 1:
        return 0
    most = random.randint(LONGEST_WAIT, 2 * LONGEST_WAIT)
    return float(min(most, 1 << min(failures - 1, 10)))


class Webhooks:
    """Delivers to every bot that has a webhook.

    `carry_out` is given the requests that bots make in their answers, `sleep` waits between two tries.
    """

    def __init__(
        self, world: World, watch: Watch, faults: Faults, carry_out: CarryOut, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.world, self.watch, self.faults, self.carry_out, self.sleep = world, watch, faults, carry_out, sleep
        self._couriers: dict[int, _Courier] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with ClientSession(timeout=ClientTimeout(PATIENCE)) as http:
                await self.watch.until(lambda: self._deliver(http))
        finally:
            for courier in self._couriers.values():
                courier.stop()

    def _deliver(self, http: ClientSession) -> None:
        """Let somebody work on every queue that has updates. A webhook that was set anew starts afresh."""
        for bot in self.world.bots.values():
            courier = self._couriers.get(bot.id)
            if courier and courier.hook is not bot.webhook:
                courier.stop()
                del self._couriers[bot.id]
                courier = None
            if bot.webhook:
                courier = courier or self._couriers.setdefault(bot.id, _Courier(self, bot, bot.webhook, http))
                courier.look()


class _Courier:
    """Delivers to one webhook: in order within each queue, over at most as many connections as the bot allows."""

    def __init__(self, office: Webhooks, bot: Bot, hook: Webhook, http: ClientSession) -> None:
        self.hook = hook
        self._office, self._bot, self._http = office, bot, http
        self._connections = asyncio.Semaphore(hook.connections)
        self._queues: dict[_Queue, asyncio.Task[None]] = {}
        self._random = Random()  # noqa: S311 - spreads tries, keeps no secret

    def stop(self) -> None:
        for task in self._queues.values():
            task.cancel()

    def look(self) -> None:
        """Begin with the queues that nobody works on."""
        self._queues = {queue: task for queue, task in self._queues.items() if not task.done()}
        for one in self._bot.updates:
            if (queue := queue_of(one)) not in self._queues:
                self._queues[queue] = asyncio.create_task(self._drain(queue))

    async def _drain(self, queue: _Queue) -> None:
        failures, last = 0, None
        while one := self._next(queue):
            failures = failures if one is last else 0
            last = one
            async with self._connections:
                asked_for = await self._post(one)
            if asked_for is None:
                self._done(one)
            else:
                failures += 1
                wait = wait_after(failures, asked_for, self._random)
                if self._office.world.now() + wait > one.expires:
                    self._forget(one)
                else:
                    await self._office.sleep(wait)
            await self._office.watch.changed()

    def _next(self, queue: _Queue) -> Pending | None:
        self._office.world.expire(self._bot)
        return next((one for one in self._bot.updates if queue_of(one) == queue), None)

    def _done(self, one: Pending) -> None:
        one.sticky = comes_again(one, self._bot, self._office.faults)
        if not one.sticky:
            self._forget(one)

    def _forget(self, one: Pending) -> None:
        if one in self._bot.updates:
            self._bot.updates.remove(one)

    async def _post(self, one: Pending) -> int | None:
        """None when the bot has taken the update, else after how many seconds it wants it again (0: it didn't say)."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.hook.secret} if self.hook.secret else {}
        asked_for = 0
        try:
            post = self._http.post(self.hook.url, json=one.update, headers=headers, allow_redirects=False)
            async with post as answer:
                if 200 <= answer.status < 300:
                    await self._carry_out(answer)
                    return None
                problem = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                asked_for = _retry_after(answer)
        except TimeoutError:
            problem = "Read timeout expired"
        except ClientError as error:
            problem = f"Connection failed: {type(error).__name__}"
        self.hook.last_error, self.hook.last_error_date = problem, int(self._office.world.now())
        log.info("webhook of bot %s: %s", self._bot.id, problem)
        return asked_for

    async def _carry_out(self, answer: ClientResponse) -> None:
        """Carry out the method that an answer may name. The bot never learns the result."""
        try:
            params = await wire.read_answer(answer)
        except ApiError as error:
            log.info("webhook of bot %s: its answer is no request: %s", self._bot.id, error)
            return
        method = params.pop("method", "")
        name = method.lower() if isinstance(method, str) else ""
        if name and name not in NOT_IN_ANSWERS and not name.startswith("get"):
            await self._office.carry_out(self._bot, str(method), params)


def _retry_after(answer: ClientResponse) -> int:
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def queue_of(one: Pending) -> _Queue:
    """In which queue an update waits: messages, posts and edits in one per chat, the rest in one per kind and person.

    So a message and a tap of one person are not in order between them.
    """
    if one.kind in ("message", "edited_message", "channel_post", "edited_channel_post"):
        return "message", one.content["chat"]["id"]
    if one.kind in ("my_chat_member", "message_reaction", "message_reaction_count"):
        return one.kind, one.content["chat"]["id"]
    return one.kind, one.content.get("from", {}).get("id", 0)
