"""Button payloads: a contract between whoever sends a keyboard (bot or worker) and the bot that gets the tap.

A payload is `<version><verb>` and the fields of one of the classes below, joined with `:`, in at most 64 bytes.
Everything that comes back is untrusted: `decode` refuses what it did not make, and what an older version made.

`row` is the entry of a long list that the page to show has on it. There was none before there were pages, so it may be
missing, and is where it says nothing: buttons in old messages are read, and an older process reads the first page's.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from dataclasses import dataclass
from typing import Any

VERSION = "1"
LIMIT = 64  # bytes; Bot API, InlineKeyboardButton.callback_data

_LATER = "row"
_FIELD = re.compile(r"[A-Za-z0-9_-]{1,40}")


class BadPayload(ValueError):
    """Not a payload of ours, or not of this version (`outdated`)."""

    def __init__(self, outdated: bool) -> None:
        super().__init__("a button of an older version" if outdated else "an unknown button")
        self.outdated = outdated


# The customer's buttons. `menu` is the restaurant's fingerprint when the button was shown: with another one,
# indices may point to something else.


@dataclass(frozen=True)
class ShowRestaurants:
    """`row` -1 is the one of the restaurant that the customer comes from."""

    row: int = -1


@dataclass(frozen=True)
class ShowMenu:
    slug: str


@dataclass(frozen=True)
class ShowCategory:
    slug: str
    category: int
    menu: str
    row: int = 0


@dataclass(frozen=True)
class ShowItem:
    slug: str
    item: str
    row: int = 0


@dataclass(frozen=True)
class ToggleOption:
    slug: str
    item: str
    group: int
    option: int
    menu: str


@dataclass(frozen=True)
class ChangeQuantity:
    """One more or one less of the item being configured."""

    slug: str
    item: str
    by: int


@dataclass(frozen=True)
class AddToCart:
    slug: str
    item: str


@dataclass(frozen=True)
class ShowCart:
    slug: str
    row: int = 0


@dataclass(frozen=True)
class ChangeLine:
    """One more or one less of line `line` of the cart; the line goes at zero."""

    cart: str
    line: int
    item: str
    by: int


@dataclass(frozen=True)
class EmptyCart:
    cart: str


@dataclass(frozen=True)
class WriteNote:
    cart: str


@dataclass(frozen=True)
class RemoveNote:
    cart: str


@dataclass(frozen=True)
class Place:
    """Order the cart as it was shown: `seen` is its fingerprint then."""

    cart: str
    seen: str


@dataclass(frozen=True)
class ShowOrders:
    page: int


@dataclass(frozen=True)
class ShowOrder:
    order: str


@dataclass(frozen=True)
class AskCancel:
    """The customer wants to cancel: ask once more."""

    order: str


@dataclass(frozen=True)
class CancelMine:
    order: str


@dataclass(frozen=True)
class KeepOrder:
    """Back from the question to the order's status."""

    order: str


CustomerTap = (
    ShowRestaurants
    | ShowMenu
    | ShowCategory
    | ShowItem
    | ToggleOption
    | ChangeQuantity
    | AddToCart
    | ShowCart
    | ChangeLine
    | EmptyCart
    | WriteNote
    | RemoveNote
    | Place
    | ShowOrders
    | ShowOrder
    | AskCancel
    | CancelMine
    | KeepOrder
)


# The staff's buttons on a ticket. A verb without an argument but the order's id asks; its answer carries the choice.


@dataclass(frozen=True)
class ShowTicket:
    """Back to the ticket from a question, or on to a page of a long one."""

    order: str
    page: int = 0


@dataclass(frozen=True)
class AskAccept:
    order: str


@dataclass(frozen=True)
class Accept:
    order: str
    minutes: int


@dataclass(frozen=True)
class AskDecline:
    order: str


@dataclass(frozen=True)
class Decline:
    order: str
    reason: str


@dataclass(frozen=True)
class AskReady:
    order: str


@dataclass(frozen=True)
class Ready:
    order: str


@dataclass(frozen=True)
class AskPickedUp:
    order: str


@dataclass(frozen=True)
class PickedUp:
    order: str


@dataclass(frozen=True)
class AskNotCollected:
    order: str


@dataclass(frozen=True)
class NotCollected:
    order: str


@dataclass(frozen=True)
class AskCancelTicket:
    order: str


@dataclass(frozen=True)
class CancelTicket:
    order: str
    reason: str


@dataclass(frozen=True)
class ShowItems:
    """The list of dishes to hide or show again, by category."""

    category: int
    row: int = 0


@dataclass(frozen=True)
class SetItem:
    """Hide (`hidden` 1) or show again (0) one dish; `category` is the page to return to, -1 for a ticket's offer."""

    item: str
    hidden: int
    category: int


@dataclass(frozen=True)
class ShowOpenOrders:
    row: int = 0


@dataclass(frozen=True)
class Pause:
    """Take no orders for so many minutes; 0 means until staff resume. `offered` is 1 on a ticket's button."""

    minutes: int
    offered: int = 0


@dataclass(frozen=True)
class Resume:
    pass


StaffTap = (
    ShowTicket
    | AskAccept
    | Accept
    | AskDecline
    | Decline
    | AskReady
    | Ready
    | AskPickedUp
    | PickedUp
    | AskNotCollected
    | NotCollected
    | AskCancelTicket
    | CancelTicket
    | ShowItems
    | SetItem
    | ShowOpenOrders
    | Pause
    | Resume
)

_VERBS: dict[str, type[CustomerTap | StaffTap]] = {
    "rs": ShowRestaurants,
    "me": ShowMenu,
    "ca": ShowCategory,
    "it": ShowItem,
    "op": ToggleOption,
    "qu": ChangeQuantity,
    "ad": AddToCart,
    "sc": ShowCart,
    "li": ChangeLine,
    "em": EmptyCart,
    "no": WriteNote,
    "rn": RemoveNote,
    "pl": Place,
    "os": ShowOrders,
    "or": ShowOrder,
    "ac": AskCancel,
    "cm": CancelMine,
    "ko": KeepOrder,
    "ti": ShowTicket,
    "aa": AskAccept,
    "ax": Accept,
    "de": AskDecline,
    "dx": Decline,
    "ra": AskReady,
    "re": Ready,
    "pu": AskPickedUp,
    "px": PickedUp,
    "nc": AskNotCollected,
    "nx": NotCollected,
    "ct": AskCancelTicket,
    "cx": CancelTicket,
    "is": ShowItems,
    "si": SetItem,
    "oo": ShowOpenOrders,
    "pa": Pause,
    "ru": Resume,
}
_NAMES = {kind: verb for verb, kind in _VERBS.items()}


def encode(tap: CustomerTap | StaffTap) -> str:
    """The payload of a button. Raises `ValueError` when it does not fit: a bug, since ids are bounded."""
    fields = dataclasses.fields(tap)
    said = [str(getattr(tap, one.name)) for one in fields if not _is_unsaid(tap, one)]
    payload = ":".join([VERSION + _NAMES[type(tap)], *said])
    if len(payload.encode()) > LIMIT:
        raise ValueError(f"payload of {len(payload.encode())} bytes: {payload}")
    return payload


def _is_unsaid(tap: CustomerTap | StaffTap, field: dataclasses.Field[Any]) -> bool:
    return field.name == _LATER and getattr(tap, field.name) == field.default


def decode(payload: str) -> CustomerTap | StaffTap:
    """What was tapped. Raises `BadPayload`."""
    head, *fields = payload.split(":")
    if re.fullmatch(r"\d[a-z]{2}", head) and head[0] != VERSION:
        raise BadPayload(outdated=True)
    kind = _VERBS.get(head[1:]) if head[:1] == VERSION else None
    if kind is None:
        raise BadPayload(outdated=False)
    types = typing.get_type_hints(kind)
    least = len(types) - (_LATER in types)
    if not least <= len(fields) <= len(types) or not all(map(_FIELD.fullmatch, fields)):
        raise BadPayload(outdated=False)
    try:
        values = [hint(field) for hint, field in zip(types.values(), fields, strict=False)]
    except ValueError:
        raise BadPayload(outdated=False) from None
    return kind(*values)


def order_of(payload: object) -> str | None:
    """The order that a button was on, or that it makes of its cart; None for any other, and for no payload of ours."""
    try:
        tap = decode(payload) if isinstance(payload, str) else None
    except BadPayload:
        return None
    return tap.cart if isinstance(tap, Place) else getattr(tap, "order", None)
