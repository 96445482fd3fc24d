"""What finished orders cost in the store's memory: `.venv/bin/python -m tests.footprint [ORDERS]` prints it."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis import Redis

from flows.commands import AcceptOrder, AnyCommand, MarkPickedUp, MarkReady, RecordNotified
from flows.events import About, Person, Side
from flows.ledger import Ledger, Shown
from flows.settings import Settings
from flows.store import connect
from tests.orders import ANNA, place
from workers.store import open_store

STAFF_CHAT = -1001234567890  # ids as long as Telegram's are
A_CUSTOMER = 7_000_000_000
ORDERS_EACH = 3  # of a customer

COURSE: list[tuple[AnyCommand, str]] = [
    (RecordNotified(Side.RESTAURANT, About.PLACED), "delivery-restaurant-placed-1"),
    (AcceptOrder(ANNA, 20), "restaurant-910000001"),
    (RecordNotified(Side.CUSTOMER, About.ACCEPTED), "delivery-customer-accepted-3"),
    (MarkReady(ANNA), "restaurant-910000002"),
    (RecordNotified(Side.CUSTOMER, About.READY), "delivery-customer-ready-5"),
    (MarkPickedUp(ANNA), "restaurant-910000003"),
]


def finish_orders(redis: Redis, count: int) -> None:
    """So many orders from start to picked up, with both sides told; without their jobs, which go by themselves."""
    ledger = Ledger(redis)
    for number in range(count):
        order_id, customer = f"{number:012}", Person(id=A_CUSTOMER + number // ORDERS_EACH, name="Carla Rossi")
        order = ledger.execute(order_id, place(order_id, customer=customer), f"customer-{910_000_000 + number}")
        for side, chat_id in ((Side.RESTAURANT, STAFF_CHAT), (Side.CUSTOMER, customer.id)):
            ledger.record_shown(order_id, side, Shown(chat_id=chat_id, message_id=1_000 + number, version=7))
        for command, cause in COURSE:
            order = ledger.execute(order_id, command, cause)
        for side in Side:
            ledger.settle(order, side, None)
    for key in redis.scan_iter(match="rq:*"):
        redis.delete(key)


def bytes_by_kind(redis: Redis) -> dict[str, int]:
    """Bytes of all keys by what stands before their first colon."""
    found: dict[str, int] = {}
    for key in redis.scan_iter(count=1000):
        used: Any = redis.memory_usage(key, samples=0)
        kind = key.decode().partition(":")[0]
        found[kind] = found.get(kind, 0) + (used or 0)
    return found


def main(count: int) -> None:
    """Make orders in a store of their own and say what one costs, in bytes."""
    with (
        TemporaryDirectory() as folder,
        open_store(Settings(_env_file=None, data_dir=Path(folder))) as store,
        connect(store.url) as redis,
    ):
        redis.config_set("appendfsync", "no")
        before: Any = redis.info("memory")
        finish_orders(redis, count)
        found = bytes_by_kind(redis)
        after: Any = redis.info("memory")
    for kind, used in sorted(found.items(), key=lambda one: -one[1]):
        print(f"{used / count:8.0f}  {kind}")
    print(f"{sum(found.values()) / count:8.0f}  in all, as the mean of {count} orders")
    print(f"{(after['used_memory_dataset'] - before['used_memory_dataset']) / count:8.0f}  by the server's own account")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
