"""Restaurants in the store: their files, the switches of their staff, their staff chats and invites."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import ValidationError
from redis.client import Pipeline

from flows import keys
from flows.events import Side
from flows.ledger.catalogue import Catalogue
from flows.ledger.transaction import Transacting, Transaction
from flows.menu import Restaurant, Service
from flows.store import text, texts

TROUBLE_LIFE = 3600  # seconds that `comanda doctor` speaks of what a staff chat refused
HINT_LIFE = 600  # seconds after which staff are told again what the bot can't read


class JoinOutcome(StrEnum):
    """What became of a chat that used an invite."""

    JOINED = "joined"
    ALREADY_HERE = "already_here"
    BAD_INVITE = "bad_invite"
    OTHER_RESTAURANT = "other_restaurant"


@dataclass(frozen=True)
class JoinResult:
    """`restaurant` is the one joined (or, for OTHER_RESTAURANT, the one the chat already serves)."""

    outcome: JoinOutcome
    restaurant: Restaurant | None = None
    former_chat: int | None = None
    former_topic: int | None = None


class Restaurants(Transacting):
    """Everything about restaurants that is not an order."""

    _kept = Catalogue(None, {}, {})

    def catalogue(self, version: bytes | None = None) -> Catalogue:
        """All restaurants with their switches: those of now, or those kept if `version` says that they hold."""
        kept = self._kept  # looked at once: other threads put theirs there
        if version is None or version != kept.version:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(keys.CATALOGUE)
                pipe.hgetall(keys.RESTAURANTS)
                pipe.hgetall(keys.SERVICES)
                found, *both = pipe.execute()
            kept = Catalogue(found, *({text(slug): raw for slug, raw in one.items()} for one in both))
            self._kept = kept
        return kept

    def restaurants(self) -> list[Restaurant]:
        """All restaurants, by name, without those that can't be read."""
        return self.catalogue().restaurants()

    def restaurant(self, slug: str) -> Restaurant | None:
        raw = self._redis.hget(keys.RESTAURANTS, slug)
        return None if raw is None else Restaurant.model_validate_json(raw)

    def has_restaurant(self, slug: str) -> bool:
        """Also of one that can't be read."""
        return bool(self._redis.hexists(keys.RESTAURANTS, slug))

    def save_restaurant(self, restaurant: Restaurant) -> bool:
        """Create or replace a restaurant's file; True when it is new. Its staff chat and switches stay.

        Only the switches of dishes that are on both menus do: an id that comes back later is another dish, which must
        not be hidden from its first day.
        """

        def work(attempt: Transaction) -> bool:
            former = attempt.hget(keys.RESTAURANTS, restaurant.slug)
            service = stored_service(attempt, restaurant.slug)
            hidden = service.hidden & _dishes(restaurant) & (_dishes_before(former) or service.hidden)
            attempt.writes.hset(keys.RESTAURANTS, restaurant.slug, restaurant.model_dump_json())
            if hidden == service.hidden:
                _stage_version(attempt.writes)
            else:
                _stage_service(attempt.writes, restaurant.slug, service.model_copy(update={"hidden": hidden}))
            return former is None

        return self._transact(work)

    def remove_restaurant(self, slug: str) -> int:
        """Take a restaurant out, with its switches, its staff chat and its open invite.

        Returns how many of its orders are not over: then it stays. Carts that were filled from it are told with their
        next tap; its past orders stay, and the counter of their numbers, for it may be imported again.
        """

        def work(attempt: Transaction) -> int:
            waiting = attempt.size(keys.open_orders(slug))
            if waiting:
                return waiting
            attempt.hget(keys.SERVICES, slug)  # a chat that joins meanwhile changes them
            for chat in self._chats_of(slug):
                if _maybe(attempt.hget(keys.STAFF, chat)) == slug:
                    attempt.writes.hdel(keys.STAFF, chat)
            token = attempt.get(keys.invite_of(slug))
            if token is not None:
                attempt.writes.delete(keys.invite(text(token)), keys.invite_of(slug))
            attempt.writes.hdel(keys.RESTAURANTS, slug)
            attempt.writes.hdel(keys.SERVICES, slug)
            attempt.writes.delete(keys.taken(slug))
            _stage_version(attempt.writes)
            return 0

        return self._transact(work)

    def _chats_of(self, slug: str) -> list[str]:
        """By the index, for the switches may be what can't be read."""
        staff: Any = self._redis.hgetall(keys.STAFF)
        return [text(chat) for chat, of in staff.items() if of == slug.encode()]

    def service(self, slug: str) -> Service:
        """The switches of a restaurant; the defaults when nobody has touched them."""
        raw = self._redis.hget(keys.SERVICES, slug)
        return Service() if raw is None else Service.model_validate_json(raw)

    def set_service(self, slug: str, change: Callable[[Service], Service]) -> Service:
        """Read, change and write the switches as one step; a lost reply does no harm, for `change` sets values."""

        def work(attempt: Transaction) -> Service:
            changed = change(stored_service(attempt, slug))
            _stage_service(attempt.writes, slug, changed)
            return changed

        return self._transact(work)

    # Staff chats and invites

    def staff_restaurant(self, chat_id: int) -> str | None:
        """The slug of the restaurant whose staff chat this is, or None."""
        return _maybe(self._redis.hget(keys.STAFF, str(chat_id)))

    def is_first_hint(self, chat_id: int, kind: str, update: str) -> bool:
        """Whether that update is the first of its kind for a while in that chat; asked again for it, it still is."""
        known, mark = _maybe(self._redis.get(keys.hint(chat_id))) or "", f"{kind}:{update}"
        if known.partition(":")[0] == kind:
            return known == mark
        self._redis.set(keys.hint(chat_id), mark, ex=HINT_LIFE)
        return True

    def create_invite(self, slug: str, seconds: int) -> str:
        """A new invite that works once within so many seconds; an earlier one still open is withdrawn."""
        # 16 random bytes in the alphabet of Telegram's deep links (at most 64 of A-Z a-z 0-9 _ -).
        token = secrets.token_urlsafe(16)

        def work(attempt: Transaction) -> str:
            former = attempt.get(keys.invite_of(slug))
            if former is not None:
                attempt.writes.delete(keys.invite(text(former)))
            attempt.writes.set(keys.invite(token), slug, ex=seconds)
            attempt.writes.set(keys.invite_of(slug), token, ex=seconds)
            return token

        return self._transact(work)

    def open_invite(self, slug: str) -> str | None:
        """The restaurant's invite that is neither used, expired nor withdrawn, or None."""
        return _maybe(self._redis.get(keys.invite_of(slug)))

    def revoke_invite(self, slug: str) -> bool:
        """Withdraw the open invite; False when there was none."""

        def work(attempt: Transaction) -> bool:
            token = attempt.get(keys.invite_of(slug))
            if token is not None:
                attempt.writes.delete(keys.invite(text(token)), keys.invite_of(slug))
            return token is not None

        return self._transact(work)

    def join(self, token: str, chat_id: int, topic: int | None = None) -> JoinResult:
        """Make a chat, or a topic of it, the staff chat of the invite's restaurant, in place of a former one.

        Using the invite and joining are one step; repeated by the same chat it answers ALREADY_HERE. The open orders'
        tickets follow in either case, for who repeats it may have died before.
        """

        def work(attempt: Transaction) -> JoinResult:
            slug = _maybe(attempt.get(keys.invite(token)))
            mine = _maybe(attempt.hget(keys.STAFF, str(chat_id)))
            served = None if mine is None else self.restaurant(mine)
            if slug is None:
                outcome = JoinOutcome.BAD_INVITE if served is None else JoinOutcome.ALREADY_HERE
                return JoinResult(outcome, served)
            if served is not None and mine != slug:
                return JoinResult(JoinOutcome.OTHER_RESTAURANT, served)
            restaurant = self.restaurant(slug)
            if restaurant is None:
                return JoinResult(JoinOutcome.BAD_INVITE)
            service = stored_service(attempt, slug)
            former = service.staff_chat if service.staff_chat != chat_id else None
            attempt.writes.delete(keys.invite(token), keys.invite_of(slug), keys.staff_trouble(slug))
            _move(attempt, slug, service, chat_id, topic)
            if former is None and topic != service.staff_topic:
                self._forget_tickets(attempt, slug)
            return JoinResult(JoinOutcome.JOINED, restaurant, former, service.staff_topic)

        result = self._transact(work)
        if result.outcome in (JoinOutcome.JOINED, JoinOutcome.ALREADY_HERE) and result.restaurant:
            self.show_open_tickets(result.restaurant.slug)
        return result

    def leave(self, chat_id: int) -> str | None:
        """The bot is no longer in that chat: its restaurant has no staff chat now. Returns the slug, or None."""

        def work(attempt: Transaction) -> str | None:
            slug = _maybe(attempt.hget(keys.STAFF, str(chat_id)))
            if slug is not None:
                _move(attempt, slug, stored_service(attempt, slug), None)
            return slug

        return self._transact(work)

    def move_staff_chat(self, old: int, new: int) -> str | None:
        """A group became a supergroup: same people, another id. Returns the slug, or None for a stranger's chat."""

        def work(attempt: Transaction) -> str | None:
            slug = _maybe(attempt.hget(keys.STAFF, str(old)))
            if slug is None:
                return _maybe(attempt.hget(keys.STAFF, str(new)))
            service = stored_service(attempt, slug)
            _move(attempt, slug, service, new, service.staff_topic)
            return slug

        slug = self._transact(work)
        if slug is not None:
            self.show_open_tickets(slug)
        return slug

    def _forget_tickets(self, attempt: Transaction, slug: str) -> None:
        """Stage that no message shows the open orders to staff, so that new ones do: in another topic."""
        for order_id in texts(self._redis.smembers(keys.open_orders(slug))):
            attempt.writes.hdel(keys.delivery(order_id), Side.RESTAURANT)

    def note_trouble(self, slug: str, what: Literal["topic", "all", "gone"]) -> None:
        """Leave word for `comanda doctor`: the restaurant's topic takes no messages, nor does General, or the chat."""
        self._redis.set(keys.staff_trouble(slug), what, ex=TROUBLE_LIFE)

    def reopen(self, chat_id: int) -> None:
        """A topic of that chat is open again: tickets that wait for it are tried at once."""
        slug = self.staff_restaurant(chat_id)
        if slug is not None:
            self._redis.delete(keys.staff_trouble(slug))
            self.show_open_tickets(slug)

    def show_open_tickets(self, slug: str) -> None:
        """Have the workers bring each open order's ticket into the staff chat of now."""
        raise NotImplementedError


def stored_service(attempt: Transaction, slug: str) -> Service:
    """The switches of a restaurant, read within a transaction."""
    raw = attempt.hget(keys.SERVICES, slug)
    return Service() if raw is None else Service.model_validate_json(raw)


def _dishes(restaurant: Restaurant) -> frozenset[str]:
    return frozenset(item.id for item in restaurant.items())


def _dishes_before(stored: bytes | None) -> frozenset[str]:
    """The ids on the menu that an import replaces; empty where there was none, or one that can't be read."""
    try:
        return frozenset() if stored is None else _dishes(Restaurant.model_validate_json(stored))
    except ValidationError:
        return frozenset()


def _move(attempt: Transaction, slug: str, service: Service, chat_id: int | None, topic: int | None = None) -> None:
    """Stage the change of a restaurant's staff chat in both directions of the index."""
    if service.staff_chat is not None:
        attempt.writes.hdel(keys.STAFF, str(service.staff_chat))
    if chat_id is not None:
        attempt.writes.hset(keys.STAFF, str(chat_id), slug)
    _stage_service(attempt.writes, slug, service.model_copy(update={"staff_chat": chat_id, "staff_topic": topic}))


def _stage_service(pipe: Pipeline, slug: str, service: Service) -> None:
    pipe.hset(keys.SERVICES, slug, service.model_dump_json())
    _stage_version(pipe)


def _stage_version(pipe: Pipeline) -> None:
    """Tell whoever has kept a catalogue that it no longer holds. Random: a counter could come to the same number again
    after a failover that lost a step."""
    pipe.set(keys.CATALOGUE, secrets.token_hex(8))


def _maybe(value: object) -> str | None:
    return None if value is None else text(value)
