"""A restaurant and its menu as the owner wrote them, and the switches that staff flip while it is open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from flows.hours import Hours
from flows.money import Currency, Money
from flows.times import Instant, Zone

# Slugs and item ids travel in button payloads of at most 64 bytes together with a cart id and a verb.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,22}[a-z0-9])?$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(_Frozen):
    """One thing to choose in a group; `price` is the surcharge, zero for none."""

    name: Label
    price: Money


class OptionGroup(_Frozen):
    """A choice to make on an item: between `least` and `most` of `options`."""

    name: Label
    least: int = Field(ge=0)
    most: int = Field(ge=1)
    options: tuple[Option, ...] = Field(min_length=1, max_length=20)

    @property
    def single(self) -> bool:
        """Exactly one is chosen, as with radio buttons; otherwise any number within the bounds."""
        return self.least == self.most == 1


MAX_OPTIONS = 80  # of one dish in all its groups: each is a button, and Telegram allows about 100 on a message


class Item(_Frozen):
    """A dish: its price without options."""

    id: ItemId
    name: Label
    price: Money
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    allergens: tuple[Label, ...] = ()
    options: tuple[OptionGroup, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def _fits_a_message(self) -> Self:
        if sum(len(group.options) for group in self.options) > MAX_OPTIONS:
            raise ValueError(f"at most {MAX_OPTIONS} options in all groups of one dish")
        return self


class Category(_Frozen):
    """A heading of the menu with its dishes in the owner's order."""

    name: Label
    items: tuple[Item, ...] = Field(min_length=1, max_length=50)


class Restaurant(_Frozen):
    """What the owner's file says. `accept_within` is the seconds that staff have to answer an order."""

    slug: Slug
    name: Label
    address: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    phone: Annotated[str, StringConstraints(min_length=3, max_length=40)]
    currency: Currency
    timezone: Zone
    accept_within: int = Field(default=300, ge=30, le=86400)
    hours: Hours | None = None
    menu: tuple[Category, ...] = Field(min_length=1, max_length=30)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def fingerprint(self) -> str:
        """Four hex digits that change with the menu, so that a button of an older menu is recognised."""
        text = "".join(category.model_dump_json() for category in self.menu)
        return hashlib.sha256(text.encode()).hexdigest()[:4]

    def items(self) -> Iterator[Item]:
        """Every dish of every category, in the menu's order."""
        for category in self.menu:
            yield from category.items

    def item(self, item_id: str) -> Item | None:
        """The dish with that id, or None when the menu has none."""
        return next((item for item in self.items() if item.id == item_id), None)

    def is_open(self, now: datetime) -> bool:
        """Whether `now` lies within the opening hours; always, when the file names none."""
        return self.hours is None or self.hours.contains(now.astimezone(self.zone))

    def takes_orders_from(self, service: Service, now: datetime) -> datetime | None:
        """The next time (`now` included) at which it is open and not paused; None where that can't be told."""
        start = service.paused_until if service.is_paused(now) else now
        if start is None or self.is_open(start):
            return start
        return self.hours.next_opening(start.astimezone(self.zone)) if self.hours else None


class Service(BaseModel):
    """The state that staff change while they work: who answers, whether orders are taken, what is 86'd."""

    model_config = ConfigDict(frozen=True)

    staff_chat: int | None = None
    # The topic of a group with topics, as its first message's id; None for General, and where there are no topics.
    staff_topic: int | None = None
    paused: bool = False
    # None while paused: until staff resume. Not meaningful otherwise.
    paused_until: Instant | None = None
    hidden: frozenset[str] = frozenset()

    def is_paused(self, now: datetime) -> bool:
        """Whether staff have stopped new orders; a pause with an end is over by itself."""
        return self.paused and (self.paused_until is None or now < self.paused_until)
