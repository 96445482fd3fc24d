"""The staff's side of the conversation: what a tap on a ticket or on a setting means. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

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
from flows.menu import Service
from flows.messages.staff import Mode

ServiceChange = Callable[[Service], Service]

TicketTap = (
    cb.ShowTicket
    | cb.AskAccept
    | cb.Accept
    | cb.AskDecline
    | cb.Decline
    | cb.Ready
    | cb.AskPickedUp
    | cb.PickedUp
    | cb.AskNotCollected
    | cb.NotCollected
    | cb.AskCancelTicket
    | cb.CancelTicket
)
SettingTap = cb.ShowItems | cb.SetItem | cb.Pause | cb.Resume

HIDDEN_LIMIT = 500  # dishes; no menu has more (see flows.menu)


@dataclass(frozen=True)
class TicketStep:
    """What a tap on a ticket wants: a command, or only another question on the ticket."""

    command: AnyCommand | None
    mode: Mode = Mode.TICKET
    notice: str = ""


def on_ticket(tap: TicketTap, by: Person) -> TicketStep:
    """What a tap on a ticket means. Raises `BadPayload` for a reason that no button of ours carries."""
    match tap:
        case cb.ShowTicket():
            return TicketStep(None)
        case cb.AskAccept():
            return TicketStep(None, Mode.ACCEPT)
        case cb.Accept(_, minutes):
            return TicketStep(AcceptOrder(by, minutes), notice=f"Accepted, ready in {minutes} min")
        case cb.AskDecline():
            return TicketStep(None, Mode.DECLINE)
        case cb.Decline(_, reason):
            return TicketStep(DeclineOrder(by, _decline_reason(reason)), notice="Declined. The customer is told.")
        case cb.Ready():
            return TicketStep(MarkReady(by), notice="Ready. The customer is told.")
        case cb.AskPickedUp():
            return TicketStep(None, Mode.PICKED_UP)
        case cb.PickedUp():
            return TicketStep(MarkPickedUp(by), notice="Picked up")
        case cb.AskNotCollected():
            return TicketStep(None, Mode.NOT_COLLECTED)
        case cb.NotCollected():
            return TicketStep(MarkNotCollected(by), notice="Closed as not collected")
        case cb.AskCancelTicket():
            return TicketStep(None, Mode.CANCEL)
        case cb.CancelTicket(_, reason):
            cancel = CancelOrder(Side.RESTAURANT, by, _cancel_reason(reason))
            return TicketStep(cancel, notice="Cancelled. The customer is told.")
        case _:
            assert_never(tap)


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


def pause(minutes: int, now: datetime) -> ServiceChange:
    """Take no new orders for so many minutes; 0 means until staff resume."""
    until = now + timedelta(minutes=minutes) if minutes > 0 else None
    return lambda service: service.model_copy(update={"paused": True, "paused_until": until})


def resume(service: Service) -> Service:
    """Take orders again."""
    return service.model_copy(update={"paused": False, "paused_until": None})


def set_item(item: str, hidden: bool) -> ServiceChange:
    """Hide a dish from the menu, or show it again."""

    def change(service: Service) -> Service:
        changed = service.hidden | {item} if hidden else service.hidden - {item}
        return service.model_copy(update={"hidden": changed}) if len(changed) <= HIDDEN_LIMIT else service

    return change
