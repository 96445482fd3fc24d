"""Restaurants in the store: their files, the switches of their staff, their staff chats and invites."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from flows import keys
from flows.ledger.transaction import Transacting, Transaction
from flows.menu import Restaurant, Service
from flows.store import text

log = logging.getLogger(__name__)


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


class Restaurants(Transacting):
    """Everything about restaurants that is not an order."""

    def restaurants(self) -> list[Restaurant]:
        """All restaurants, by name, without those that can't be read."""
        found = []
        for slug, raw in self._redis.hgetall(keys.RESTAURANTS).items():
            try:
                found.append(Restaurant.model_validate_json(raw))
            except ValidationError as error:
                log.error("restaurant %s can't be read, import its file again: %s", text(slug), error)  # noqa: TRY400
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

        def work(attempt: Transaction) -> Service:
            changed = change(stored_service(attempt, slug))
            attempt.writes.hset(keys.SERVICES, slug, changed.model_dump_json())
            return changed

        return self._transact(work)

    # Staff chats and invites

    def staff_restaurant(self, chat_id: int) -> str | None:
        """The slug of the restaurant whose staff chat this is, or None."""
        return _maybe(self._redis.hget(keys.STAFF, str(chat_id)))

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
        token = self.open_invite(slug)
        if token is None:
            return False
        return bool(self._redis.delete(keys.invite(token), keys.invite_of(slug)))

    def join(self, token: str, chat_id: int) -> JoinResult:
        """Make a chat the staff chat of the restaurant that the invite names, in place of a former one.

        Using the invite and joining are one step; repeated by the same chat it answers ALREADY_HERE.
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
            attempt.writes.delete(keys.invite(token), keys.invite_of(slug))
            _move(attempt, slug, service, chat_id)
            return JoinResult(JoinOutcome.JOINED, restaurant, former)

        result = self._transact(work)
        if result.outcome is JoinOutcome.JOINED and result.restaurant:
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
            _move(attempt, slug, stored_service(attempt, slug), new)
            return slug

        slug = self._transact(work)
        if slug is not None:
            self.show_open_tickets(slug)
        return slug

    def show_open_tickets(self, slug: str) -> None:
        """Have the workers bring each open order's ticket into the staff chat of now."""
        raise NotImplementedError


def stored_service(attempt: Transaction, slug: str) -> Service:
    """The switches of a restaurant, read within a transaction."""
    raw = attempt.hget(keys.SERVICES, slug)
    return Service() if raw is None else Service.model_validate_json(raw)


def _move(attempt: Transaction, slug: str, service: Service, chat_id: int | None) -> None:
    """Stage the change of a restaurant's staff chat in both directions of the index."""
    if service.staff_chat is not None:
        attempt.writes.hdel(keys.STAFF, str(service.staff_chat))
    if chat_id is not None:
        attempt.writes.hset(keys.STAFF, str(chat_id), slug)
    moved = service.model_copy(update={"staff_chat": chat_id})
    attempt.writes.hset(keys.SERVICES, slug, moved.model_dump_json())


def _maybe(value: object) -> str | None:
    return None if value is None else text(value)
