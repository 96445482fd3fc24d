"""The staff's side of the conversation: what a tap on a ticket or on a setting, or a command, means. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, assert_never

from flows import callbacks as cb
from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
)
from flows.events import CancelReason, DeclineReason, Person, Side
from flows.menu import Restaurant, Service
from flows.messages import staff_chat
from flows.messages.staff import ASKED_WHILE, Mode, told
from flows.messages.text import plain, refusal, tidy
from flows.order import COOKING, WAITING, Order, Status, Why
from flows.screens import Screen

NAME_LIMIT = 64  # UTF-16 units of a name as an order remembers it

_MINUTE = timedelta(minutes=1)

ServiceChange = Callable[[Service], Service]

TicketTap = (
    cb.ShowTicket
    | cb.AskAccept
    | cb.Accept
    | cb.AskDecline
    | cb.Decline
    | cb.AskReady
    | cb.Ready
    | cb.AskPickedUp
    | cb.PickedUp
    | cb.AskNotCollected
    | cb.NotCollected
    | cb.AskCancelTicket
    | cb.CancelTicket
)
SettingTap = cb.ShowItems | cb.SetItem | cb.Pause | cb.Resume
Setting = Literal["items", "pause", "resume"]


def name_of(full_name: str) -> str:
    """A staff member's name as tickets and customers' messages may show it: tidied, cut, never empty."""
    return plain(tidy(full_name), NAME_LIMIT) or "Staff"


# Tickets


@dataclass(frozen=True)
class TicketStep:
    """What a tap on a ticket wants: a command, or only another question or page on the ticket."""

    command: AnyCommand | None = None
    mode: Mode = Mode.TICKET
    page: int = 0
    notice: str = ""
    alert: bool = False


def on_ticket(tap: TicketTap, order: Order, by: Person) -> TicketStep:
    """What a tap on that order's ticket means. Raises `BadPayload` for a reason that no button of ours carries."""
    match tap:
        case cb.ShowTicket(_, page):
            return TicketStep(page=page)
        case cb.AskAccept():
            return _ask(order, Mode.ACCEPT)
        case cb.Accept(_, minutes):
            return TicketStep(AcceptOrder(by, minutes), notice=f"Accepted, ready in {minutes} min")
        case cb.AskDecline():
            return _ask(order, Mode.DECLINE)
        case cb.Decline(_, reason):
            return TicketStep(DeclineOrder(by, _decline_reason(reason)), notice=f"Declined. {told(order)}")
        case cb.AskReady():
            return _ask(order, Mode.READY)
        case cb.Ready():
            return TicketStep(MarkReady(by), notice=f"Ready. {told(order)}")
        case cb.AskPickedUp():
            return _ask(order, Mode.PICKED_UP)
        case cb.PickedUp():
            return TicketStep(MarkPickedUp(by), notice="Picked up")
        case cb.AskNotCollected():
            return _ask(order, Mode.NOT_COLLECTED)
        case cb.NotCollected():
            return TicketStep(MarkNotCollected(by), notice="Closed as not collected")
        case cb.AskCancelTicket():
            return _ask(order, Mode.CANCEL)
        case cb.CancelTicket(_, reason):
            cancel = CancelOrder(Side.RESTAURANT, by, _cancel_reason(reason))
            return TicketStep(cancel, notice=f"Cancelled. {told(order)}")
        case _:
            assert_never(tap)


def _ask(order: Order, mode: Mode) -> TicketStep:
    """Put a question on the ticket; where somebody was faster, say who."""
    if order.status in ASKED_WHILE[mode]:
        return TicketStep(mode=mode)
    return TicketStep(notice=refusal(_why_not(order, mode), order), alert=True)


def _why_not(order: Order, mode: Mode) -> Why:
    if order.status in WAITING:
        return Why.NOT_ACCEPTED_YET
    if order.status is Status.READY and mode is Mode.READY:
        return Why.ALREADY_READY
    return Why.ALREADY_ACCEPTED if order.status in COOKING else Why.ALREADY_OVER


def _decline_reason(text: str) -> DeclineReason:
    try:
        return DeclineReason(text)
    except ValueError:
        raise cb.BadPayload(outdated=False) from None


def _cancel_reason(text: str) -> CancelReason:
    try:
        return CancelReason(text)
    except ValueError:
        raise cb.BadPayload(outdated=False) from None


# Settings


@dataclass(frozen=True)
class SettingStep:
    """What a tap on a setting or a command wants: a change of the switches, and the screen that shows them then."""

    change: ServiceChange | None = None
    screen: Callable[[Service], Screen] | None = None
    notice: str = ""
    alert: bool = False
    settled: str = ""
    """What the payloads begin with of a ticket's offers that are settled by this tap; empty for a tap elsewhere.

    The ticket stays one without them: the screen is a message of its own.
    """


def on_command(name: Setting, restaurant: Restaurant, now: datetime) -> SettingStep:
    """What a command about the restaurant's settings means."""
    match name:
        case "items":
            return SettingStep(screen=partial(staff_chat.items_screen, restaurant, category=0))
        case "pause":
            return SettingStep(screen=partial(staff_chat.pause_screen, restaurant, now=now))
        case "resume":
            return SettingStep(resume, partial(staff_chat.pause_screen, restaurant, now=now))
        case _:
            assert_never(name)


def on_setting(tap: SettingTap, restaurant: Restaurant, now: datetime, tapped: datetime | None = None) -> SettingStep:
    """What a tap on a setting means. Raises `BadPayload` for a pause that no button of ours carries.

    A pause counts from when it was `tapped`, however late that is handled.
    """
    match tap:
        case cb.ShowItems(category, row):
            return SettingStep(screen=partial(staff_chat.items_screen, restaurant, category=category, row=row))
        case cb.SetItem():
            return _set_item(tap, restaurant)
        case cb.Pause(minutes, offered):
            if minutes not in staff_chat.MINUTES:
                raise cb.BadPayload(outdated=False)
            screen = partial(staff_chat.pause_screen, restaurant, now=now)
            change = pause(minutes, tapped or now)
            is_over = not change(Service()).is_paused(now)
            notice = "We heard that too late: this pause would be over by now" if is_over else "Paused"
            return SettingStep(change, screen, notice, settled=_kind(tap) if offered else "")
        case cb.Resume():
            return SettingStep(resume, partial(staff_chat.pause_screen, restaurant, now=now), "Taking orders")
        case _:
            assert_never(tap)


def _set_item(tap: cb.SetItem, restaurant: Restaurant) -> SettingStep:
    item = restaurant.item(tap.item)
    if item is None:
        return SettingStep(notice="That dish is no longer on the menu.", alert=True)
    fate = "is hidden from the menu. /items shows it again." if tap.hidden else "is on the menu again."
    change, notice = set_item(item.id, bool(tap.hidden)), f"{plain(item.name, 60)} {fate}"
    if tap.category < 0:  # a ticket's offer
        return SettingStep(change, notice=notice, settled=cb.encode(tap))
    dishes = restaurant.menu[tap.category].items if tap.category < len(restaurant.menu) else ()
    row = dishes.index(item) if item in dishes else 0
    return SettingStep(change, partial(staff_chat.items_screen, restaurant, category=tap.category, row=row), notice)


def _kind(tap: SettingTap) -> str:
    """What the payloads of all buttons of that kind begin with."""
    return cb.encode(tap).partition(":")[0] + ":"


def pause(minutes: int, now: datetime) -> ServiceChange:
    """Take no new orders for so many minutes; 0 means until staff resume."""
    until = _full_minute(now + timedelta(minutes=minutes)) if minutes > 0 else None
    return lambda service: service.model_copy(update={"paused": True, "paused_until": until})


def _full_minute(at: datetime) -> datetime:
    """The same, or the next full minute: people read no seconds, and should not come too early."""
    return at if at == at.replace(second=0, microsecond=0) else at.replace(second=0, microsecond=0) + _MINUTE


def resume(service: Service) -> Service:
    """Take orders again."""
    return service.model_copy(update={"paused": False, "paused_until": None})


def set_item(item: str, hidden: bool) -> ServiceChange:
    """Hide a dish from the menu, or show it again."""

    def change(service: Service) -> Service:
        changed = service.hidden | {item} if hidden else service.hidden - {item}
        return service.model_copy(update={"hidden": changed})

    return change
