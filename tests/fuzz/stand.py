"""Both bots, driven from a synchronous test: Carla has a cart and an order, Anna serves it, Eve is a stranger."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from redis import Redis

from bot.customer import CustomerBot
from bot.intake import Face
from bot.restaurant import RestaurantBot
from bot.sandbox.server import Sandbox
from flows import keys
from flows.events import Person, Side
from flows.gate import Gate, Urgency
from flows.ledger import Ledger, Shown
from flows.session import Cart, CartLine, CartView, Session
from flows.store import Together
from tests.bot.scenes import handled
from tests.customers import COLA, trattoria
from tests.fuzz.taps import CART, ORDER
from tests.orders import place
from tests.platform.programs import valkey_on

TOKENS = {"customer": "7001:customer-token", "restaurant": "7002:restaurant-token"}
# Telegram's ids, which nothing that is made up is to hit by chance.
CARLA, ANNA, EVE = 700_000_077, 700_000_501, 700_000_666
MINE = 5  # the message that shows the cart, or the ticket

Update = dict[str, Any]
Name = Literal["customer", "restaurant"]
T = TypeVar("T")


class Unlimited(Gate):
    """Lets everything through: the same chat writes thousands of times a minute."""

    async def through(self, chat_id: int, urgency: Urgency = Urgency.ANSWER, *, patience: float = 0.0) -> None:
        """At once."""


class Stand:
    """The bots, their store and their Telegram. `reset` before each input; `handle` gives a bot an update."""

    def __init__(self, redis: Redis, sandbox: Sandbox, runner: asyncio.Runner) -> None:
        self.redis = redis
        self.sandbox = sandbox
        self.ledger = Ledger(redis)
        self._runner = runner
        store = Together(redis)
        self._bots: dict[str, CustomerBot | RestaurantBot] = {
            "customer": CustomerBot(TOKENS["customer"], sandbox.url, self.ledger, Unlimited(store, "customer")),
            "restaurant": RestaurantBot(TOKENS["restaurant"], sandbox.url, self.ledger, Unlimited(store, "restaurant")),
        }
        self._stored: list[tuple[bytes, bytes]] = []
        self._seen = 0

    def open(self) -> None:
        """Everybody has written to both bots, and the store is filled."""
        for token in TOKENS.values():
            bot = self.sandbox.world.bot(token)
            assert bot is not None
            for number in (CARLA, ANNA, EVE):
                self.sandbox.world.user(id=number, first_name="Somebody")
                self.sandbox.world.private(bot, number)
        for face in self._bots.values():
            self._runner.run(face.open())
        self._fill()
        self._stored = [(key, self._dump(key)) for key in self._keys()]

    def close(self) -> None:
        for bot in self._bots.values():
            self._runner.run(bot.close())

    def _fill(self) -> None:
        self.redis.flushall()
        self.ledger.save_restaurant(trattoria())
        self.ledger.join(self.ledger.create_invite("nonna", 60), ANNA)
        self.invite = self.ledger.create_invite("nonna", 86_400)
        order = place(ORDER, customer=Person(id=CARLA, name="Carla"))
        self.ledger.execute(ORDER, order, "before")
        for side, chat in ((Side.CUSTOMER, CARLA), (Side.RESTAURANT, ANNA)):
            self.ledger.record_shown(ORDER, side, Shown(chat_id=chat, message_id=MINE, version=1))
        line = CartLine(item_id=COLA.id, name=COLA.name, quantity=1, unit=COLA.price)
        cart = Cart(id=CART, slug="nonna", lines=(line,))
        session = Session(message_id=MINE, view=CartView(slug="nonna"), carts=(cart,))
        self.redis.set(keys.session(CARLA), session.model_dump_json())

    def _keys(self) -> list[bytes]:
        return sorted(key if isinstance(key, bytes) else key.encode() for key in self.redis.scan_iter())

    def _dump(self, key: bytes) -> bytes:
        dumped: Any = self.redis.dump(key)
        return bytes(dumped)

    def reset(self) -> None:
        """The store as it was in the beginning."""
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.flushall()
            for key, value in self._stored:
                pipe.restore(key, 0, value)
            pipe.execute()
        self._seen = self.sandbox.world.log.last

    def handle(self, bot: Name, update: Update) -> None:
        """Raises what the bot raises."""
        self._runner.run(handled(self._bots[bot], update))

    def face(self, bot: Name) -> Face:
        """That bot, as the intake calls it."""
        return self._bots[bot]

    def asked(self) -> list[str]:
        """The methods of the Bot API that the bots have used since `reset`."""
        return [entry["method"] for entry in self.sandbox.world.log.after(self._seen)]

    def said(self) -> str:
        """What they have said since then, in answers to taps and in messages."""
        return "\n".join(str(entry["params"].get("text", "")) for entry in self.sandbox.world.log.after(self._seen))

    def guarded(self) -> dict[bytes, bytes]:
        """All that a stranger must not change: everything but the sessions of their own chats."""
        carlas = keys.session(CARLA).encode()
        return {key: self._dump(key) for key in self._keys() if key == carlas or not key.startswith(b"session:")}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something else on the same loop."""
        return self._runner.run(work)


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """A stand with a store of its own, which need not write to the disk."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with asyncio.Runner() as runner, ExitStack() as open_:
        redis = open_.enter_context(valkey_on(port, folder, save=""))
        serving = AsyncExitStack()
        sandbox = runner.run(serving.enter_async_context(Sandbox().serve()))
        open_.callback(lambda: runner.run(serving.aclose()))
        made = Stand(redis, sandbox, runner)
        open_.callback(made.close)
        made.open()
        yield made


def person(number: int, **fields: Any) -> Update:
    return {"id": number, "is_bot": False, "first_name": "Somebody"} | fields


def message(number: int, message_id: int = 9, **content: Any) -> Update:
    """A message of somebody in their private chat with a bot, as Telegram sends it."""
    chat = {"id": number, "type": "private", "first_name": "Somebody"}
    return {"message_id": message_id, "date": 1_800_000_000, "chat": chat, "from": person(number), **content}


def typed(number: int, text: str, who: Update | None = None) -> Update:
    """An update with a typed text; what begins with a slash is marked as a command, as Telegram does."""
    command = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    marks: Update = (
        {"entities": [{"type": "bot_command", "offset": 0, "length": len(command)}]} if len(command) > 1 else {}
    )
    content = message(number, text=text, **marks)
    content["from"] |= who or {}
    return {"update_id": 1, "message": content}


def tap(number: int, payload: str, bot: Name, message_id: int = MINE) -> Update:
    """An update with a tap on a message of the bot."""
    shown = message(number, message_id, text="x")
    me = int(TOKENS[bot].split(":")[0])
    shown["from"] = {"id": me, "is_bot": True, "first_name": "Bot"}
    query = {"id": "1", "from": person(number), "chat_instance": "1", "data": payload, "message": shown}
    return {"update_id": 1, "callback_query": query}


def mentions(update: object, *numbers: int) -> bool:
    """Whether these ids stand anywhere in it."""
    return any(str(number) in json.dumps(update) for number in numbers)
