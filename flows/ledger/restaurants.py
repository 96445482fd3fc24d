"""Restaurants in the store: their files, the switches of their staff, their staff chats and invites."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from redis import Redis
from redis.client import Pipeline

from flows import keys
from flows.ledger.transaction import transact
from flows.menu import Restaurant, Service
from flows.store import text


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


class Restaurants:
    """Everything about restaurants that is not an order."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def restaurants(self) -> list[Restaurant]:
        """All restaurants, by name."""
        stored = self._redis.hvals(keys.RESTAURANTS)
        found = [Restaurant.model_validate_json(raw) for raw in stored]
        return sorted(found, key=lambda restaurant: restaurant.name.casefold())

    def restaurant(self, slug: str) -> Restaurant | None:
        raw = self._redis.hget(keys.RESTAURANTS, slug)
        return None if raw is None else Restaurant.model_validate_json(raw)

    def save_restaurant(self, restaurant: Restaurant) -> bool:
        """Create or replace a restaurant's file; True when it is new. Its staff chat and switches stay."""
        return bool(self._redis.hset(keys.RESTAURANTS, restaurant.slug, restaurant.model_dump_json()))

    def service(self, slug: str) -> Service:
        """The switches of a restaurant; the defaults when nobody has touched them."""
        raw = self._redis.hget(keys.SERVICES, slug)
        return Service() if raw is None else Service.model_validate_json(raw)

    def set_service(self, slug: str, change: Callable[[Service], Service]) -> Service:
        """Read, change and write the switches as one step; a lost reply does no harm, for `change` sets values."""

        def work(pipe: Pipeline) -> Service:
            changed = change(stored_service(pipe, slug))
            pipe.multi()
            pipe.hset(keys.SERVICES, slug, changed.model_dump_json())
            return changed

        return transact(self._redis, [keys.SERVICES], work)

    # Staff chats and invites

    def staff_restaurant(self, chat_id: int) -> str | None:
        """The slug of the restaurant whose staff chat this is, or None."""
        return _maybe(self._redis.hget(keys.STAFF, str(chat_id)))

    def create_invite(self, slug: str, seconds: int) -> str:
        """A new invite that works once within so many seconds; an earlier one still open is withdrawn."""
        # 16 random bytes in the alphabet of Telegram's deep links (at most 64 of A-Z a-z 0-9 _ -).
        token = secrets.token_urlsafe(16)

        def work(pipe: Pipeline) -> str:
            former = pipe.get(keys.invite_of(slug))
            pipe.multi()
            if former is not None:
                pipe.delete(keys.invite(text(former)))
            pipe.set(keys.invite(token), slug, ex=seconds)
            pipe.set(keys.invite_of(slug), token, ex=seconds)
            return token

        return transact(self._redis, [keys.invite_of(slug)], work)

    def open_invite(self, slug: str) -> str | None:
        """The restaurant's invite that is neither used, expired nor withdrawn, or None."""
        return _maybe(self._redis.get(keys.invite_of(slug)))

    def revoke_invite(self, slug: str) -> bool:
        """Withdraw the open invite; False when there was none."""
        token = self.open_invite(slug)
        if token is None:
            return False
        return bool(self._redis.delete(keys.invite(token), keys.invite_of(slug)))

    def join(self, token: str, chat_id: int) -> JoinResult:
        """Make a chat the staff chat of the restaurant that the invite names, in place of a former one.

        Using the invite and joining are one step; repeated by the same chat it answers ALREADY_HERE.
        """

        def work(pipe: Pipeline) -> JoinResult:
            slug = _maybe(pipe.get(keys.invite(token)))
            mine = _maybe(pipe.hget(keys.STAFF, str(chat_id)))
            served = None if mine is None else self.restaurant(mine)
            if slug is None:
                outcome = JoinOutcome.BAD_INVITE if served is None else JoinOutcome.ALREADY_HERE
                return JoinResult(outcome, served)
            if served is not None and mine != slug:
                return JoinResult(JoinOutcome.OTHER_RESTAURANT, served)
            restaurant = self.restaurant(slug)
            if restaurant is None:
                return JoinResult(JoinOutcome.BAD_INVITE)
            service = stored_service(pipe, slug)
            former = service.staff_chat if service.staff_chat != chat_id else None
            pipe.multi()
            pipe.delete(keys.invite(token), keys.invite_of(slug))
            _move(pipe, slug, service, chat_id)
            return JoinResult(JoinOutcome.JOINED, restaurant, former)

        result = transact(self._redis, [keys.invite(token), keys.STAFF, keys.SERVICES], work)
        if result.outcome is JoinOutcome.JOINED and result.restaurant:
            self.show_open_tickets(result.restaurant.slug)
        return result

    def leave(self, chat_id: int) -> str | None:
        """The bot is no longer in that chat: its restaurant has no staff chat now. Returns the slug, or None."""

        def work(pipe: Pipeline) -> str | None:
            slug = _maybe(pipe.hget(keys.STAFF, str(chat_id)))
            if slug is not None:
                service = stored_service(pipe, slug)
                pipe.multi()
                _move(pipe, slug, service, None)
            return slug

        return transact(self._redis, [keys.STAFF, keys.SERVICES], work)

    def move_staff_chat(self, old: int, new: int) -> str | None:
        """A group became a supergroup: same people, another id. Returns the slug, or None for a stranger's chat."""

        def work(pipe: Pipeline) -> str | None:
            slug = _maybe(pipe.hget(keys.STAFF, str(old)))
            if slug is None:
                return _maybe(pipe.hget(keys.STAFF, str(new)))
            service = stored_service(pipe, slug)
            pipe.multi()
            _move(pipe, slug, service, new)
            return slug

        slug = transact(self._redis, [keys.STAFF, keys.SERVICES], work)
        if slug is not None:
            self.show_open_tickets(slug)
        return slug

    def show_open_tickets(self, slug: str) -> None:
        """Have the workers bring each open order's ticket into the staff chat of now."""
        raise NotImplementedError


def stored_service(pipe: Pipeline, slug: str) -> Service:
    """The switches of a restaurant, read within a transaction."""
    raw = pipe.hget(keys.SERVICES, slug)
    return Service() if raw is None else Service.model_validate_json(raw)


def _move(pipe: Pipeline, slug: str, service: Service, chat_id: int | None) -> None:
    """Stage the change of a restaurant's staff chat in both directions of the index."""
    if service.staff_chat is not None:
        pipe.hdel(keys.STAFF, str(service.staff_chat))
    if chat_id is not None:
        pipe.hset(keys.STAFF, str(chat_id), slug)
    moved = service.model_copy(update={"staff_chat": chat_id})
    pipe.hset(keys.SERVICES, slug, moved.model_dump_json())


def _maybe(value: object) -> str | None:
    return None if value is None else text(value)
