"""What a step of the customer's conversation needs to know, and what it leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from flows.commands import CancelOrder, PlaceOrder
from flows.events import Person
from flows.menu import Restaurant, Service
from flows.messages.text import NOTICE_LIMIT, plain
from flows.order import Order
from flows.session import Session, View


@dataclass(frozen=True)
class Notice:
    """The short answer to a tap: a passing note, or with `alert` a box that has to be closed.

    Without HTML, at most 200 characters. After a typed text, which has no answer, it stands above the screen.
    """

    text: str
    alert: bool = False


@dataclass(frozen=True)
class Turn:
    """What an update leads to. The command, if any, is committed together with the session."""

    session: Session
    notice: Notice | None = None
    command: tuple[str, PlaceOrder | CancelOrder] | None = None
    repeated: bool = False
    foreign: bool = False
    """The tap was on an order that is not the customer's, or not there."""
    shop: Shop | None = None
    """What it was decided by, once it is committed: the screen that follows needs not look again."""


class Shop(Protocol):
    """What the conversation may look up; the ledger is one."""

    def restaurants(self) -> list[Restaurant]: ...
    def restaurant(self, slug: str) -> Restaurant | None: ...
    def service(self, slug: str) -> Service: ...
    def order(self, order_id: str) -> Order | None: ...
    def orders_of(self, customer_id: int, limit: int = 50) -> list[Order]: ...


@dataclass(frozen=True)
class Moment:
    """Who taps and when, and where new ids, pick-up codes and order numbers come from."""

    now: datetime
    customer: Person
    new_id: Callable[[], str]
    new_code: Callable[[], str]
    number: Callable[[str, date], int]


def at(session: Session, view: View) -> Session:
    """The session with another view on screen."""
    return session.model_copy(update={"view": view, "hint": ""})


def say(session: Session, text: str, *, alert: bool = False) -> Turn:
    """A turn that comes with a notice, cut to what Telegram shows."""
    return Turn(session, Notice(plain(text, NOTICE_LIMIT), alert))
