"""Whether everything that is derived from the orders' events agrees with them, and putting it right where it does not.

It may run while the system does. An order's events and all that follows from them are written in one transaction, so
what is read in one transaction has to agree, always; and what seems wrong is looked at once more, with its source
watched, before it counts. The events themselves are never written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from flows import events, keys
from flows.events import OrderPlaced
from flows.ledger import audit
from flows.ledger.audit import Difference
from flows.menu import Restaurant, Service
from workers.key_types import of_another_type
from workers.reading import BATCH, Reading, Unreadable, in_batches, order_ids, printable, read_orders, watched
from workers.strays import COUNT, OPEN, Home, Member, members, refused
from workers.stream import Stream

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Finding:
    """A difference, and what became of it. One that is `left` can't be derived from anything, so it needs a person."""

    subject: str
    says: str
    state: Literal["found", "repaired", "left"]


class Verification:
    """One look at a whole store; `run` it once, to its end."""

    def __init__(
        self,
        redis: Redis,
        clock: Callable[[], datetime],
        *,
        repair: bool,
        as_of_then: bool = False,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        """With `as_of_then` entries missing from the stream of events get ids by the times of their events.

        That is for a store that nobody else uses, and whose stream is empty. `tell` gets the number of orders so far.
        """
        self._redis = redis
        self._clock = clock
        self._repair = repair
        self._as_of_then = as_of_then
        self._tell = tell
        self._homes: dict[str, Home] = {}
        self._lengths: dict[str, int] = {}
        self._unreadable: set[str] = set()
        self._highest: dict[str, int] = {}

    @property
    def orders(self) -> int:
        """How many orders have been looked at."""
        return len(self._homes) + len(self._unreadable)

    def run(self) -> Iterator[Finding]:
        """Every difference, as it is found. Raises redis-py's errors when the store can't be read or written.

        Where one of the keys that all share is of another type, there is nothing to compare with before that is cured.
        """
        bad = of_another_type(self._redis)
        for one in bad:
            yield Finding(one.key, f"{one.says}: {one.cure}", "left")
        if bad:
            return
        yield from self._orders()
        yield from self._strays()
        yield from self._signs()
        yield from self._stream()
        yield from self._restaurants()
        yield from self._watched([keys.STAFF, keys.SERVICES], self._staff)
        for key, highest in self._highest.items():
            yield from self._watched([key], partial(_number, key, highest))

    def _finding(self, difference: Difference) -> Finding:
        if not difference.cure:
            return Finding(difference.subject, difference.says, "left")
        return Finding(difference.subject, difference.says, "repaired" if self._repair else "found")

    def _watched(self, watch: list[str], look: Callable[[Pipeline], Iterable[Difference]]) -> Iterator[Finding]:
        """What `look` finds while these keys are watched; on request it is put right in the same transaction."""

        def work(pipe: Pipeline) -> list[Difference]:
            found = list(look(pipe))
            pipe.multi()
            for difference in found if self._repair else []:
                if difference.cure:
                    pipe.execute_command(*difference.cure)  # type: ignore[no-untyped-call]
            return found

        for difference in watched(self._redis, watch, work):
            yield self._finding(difference)

    def _orders(self) -> Iterator[Finding]:
        for ids in in_batches(order_ids(self._redis), BATCH):
            for found in read_orders(self._redis, ids):
                if isinstance(found, Unreadable):
                    self._unreadable.add(found.order_id)
                    yield Finding(found.order_id, f"can't be read: {found.why}", "left")
                else:
                    yield from self._order(found)
            self._tell(self.orders)

    def _order(self, found: Reading) -> Iterator[Finding]:
        order = found.order
        self._homes[order.id] = Home(order.placed.customer.id, order.placed.restaurant.slug)
        self._lengths[order.id] = order.version
        try:
            number = audit.number_of_today(order.placed, self._clock())
        except ValueError as error:
            yield Finding(order.id, str(error), "left")
        else:
            if number is not None:
                self._highest[number[0]] = max(self._highest.get(number[0], 0), number[1])
        if any(audit.of_order(order, found.derived, self._clock())):
            yield from self._watched([keys.order(order.id)], lambda _: self._look_again(order.id))

    def _look_again(self, order_id: str) -> Iterator[Difference]:
        [found] = read_orders(self._redis, [order_id])
        if isinstance(found, Reading):
            yield from audit.of_order(found.order, found.derived, self._clock())

    def _strays(self) -> Iterator[Finding]:
        for member in members(self._redis):
            home = self._homes.get(member.order_id)
            if member.order_id not in self._unreadable and not member.belongs_to(home):
                look = partial(_stray, member, is_known=home is not None)
                yield from self._watched([keys.order(member.order_id)], look)

    def _signs(self) -> Iterator[Finding]:
        """What is noted as taken, at each restaurant that has open orders or anything noted."""
        prefixes = (keys.taken(""), OPEN)
        found = {
            printable(key).removeprefix(prefix)
            for prefix in prefixes
            for key in self._redis.scan_iter(match=f"{prefix}*", count=COUNT)
        }
        for slug in sorted(found):
            yield from self._watched([keys.taken(slug), keys.open_orders(slug)], partial(_signs, slug))

    def _stream(self) -> Iterator[Finding]:
        stream = Stream(self._redis, self._lengths, self._unreadable)
        found = list(stream.differences())
        if self._repair:
            stream.repair(as_of_then=self._as_of_then)
        for difference in found:
            yield Finding(difference.subject, difference.says, "repaired" if self._repair else "found")

    def _restaurants(self) -> Iterator[Finding]:
        for slug, raw in _hash(self._redis, keys.RESTAURANTS).items():
            if _read(Restaurant, raw) is None:
                yield Finding(f"restaurant {slug}", "can't be read: import its file again", "left")

    def _staff(self, pipe: Pipeline) -> Iterator[Difference]:
        services = {slug: _read(Service, raw) for slug, raw in _hash(pipe, keys.SERVICES).items()}
        for slug in (slug for slug, service in services.items() if service is None):
            yield Difference(f"restaurant {slug}", "its switches can't be read")
        staff = {chat: printable(slug) for chat, slug in _hash(pipe, keys.STAFF).items()}
        known = {chat: slug for chat, slug in staff.items() if services.get(slug, Service()) is not None}
        chats = {slug: str(found.staff_chat) for slug, found in services.items() if found and found.staff_chat}
        yield from audit.of_staff(known, chats)


def _stray(member: Member, pipe: Pipeline, *, is_known: bool) -> Iterator[Difference]:
    if is_known or not pipe.exists(keys.order(member.order_id)):  # it may have been placed meanwhile
        yield member.difference


def _number(key: str, highest: int, pipe: Pipeline) -> Iterator[Difference]:
    try:
        raw: Any = pipe.get(key)
    except ResponseError as error:
        yield refused(key, error)
        return
    yield from audit.of_number(key, highest, int(raw) if raw is not None and raw.isdigit() else None)


def _signs(slug: str, pipe: Pipeline) -> Iterator[Difference]:
    key, taken = keys.taken(slug), dict[str, str]()
    kind: Any = pipe.type(key)
    if kind in (b"hash", b"none"):
        taken = {sign: printable(holder) for sign, holder in _hash(pipe, key).items()}
    else:
        yield Difference(key, f"is a {printable(kind)}, not a hash", ("DEL", key))
    if pipe.type(keys.open_orders(slug)) not in (b"set", b"none"):  # as is said of that key
        return
    members: Any = pipe.smembers(keys.open_orders(slug))
    found = [(printable(raw), _placed(pipe, printable(raw))) for raw in members]
    unread = {order_id for order_id, placed in found if placed is None}
    known = {sign: holder for sign, holder in taken.items() if holder not in unread}
    yield from audit.of_signs(key, known, [placed for _, placed in found if placed is not None])


def _placed(pipe: Pipeline, order_id: str) -> OrderPlaced | None:
    """An order's first event; None where that can't be read, as is said of the order."""
    if pipe.type(keys.order(order_id)) != b"list":
        return None
    raw: Any = pipe.lindex(keys.order(order_id), 0)
    try:
        event = events.load(raw)
    except (ValueError, TypeError):
        return None
    return event if isinstance(event, OrderPlaced) else None


def _hash(redis: Redis, key: str) -> dict[str, bytes]:
    found: Any = redis.hgetall(key)
    return {printable(field): value for field, value in found.items()}


def _read(model: type[Model], raw: bytes) -> Model | None:
    try:
        return model.model_validate_json(raw)
    except ValidationError:
        return None
