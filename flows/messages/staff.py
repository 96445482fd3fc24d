"""What the restaurant reads: tickets, and the short messages that ring."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from flows import callbacks as cb
from flows.callbacks import encode
from flows.events import About, CancelReason, DeclineReason, Side
from flows.menu import Restaurant, Service
from flows.messages.text import block, ending, esc, line_text, local, plain, reason_words, who
from flows.order import COOKING, MINUTES, WAITING, Order, Status
from flows.screens import Button, Screen

Rows = tuple[tuple[Button, ...], ...]


class Mode(StrEnum):
    """What a ticket is asking just now; every question has a way back."""

    TICKET = "ticket"
    ACCEPT = "accept"
    DECLINE = "decline"
    PICKED_UP = "picked_up"
    NOT_COLLECTED = "not_collected"
    CANCEL = "cancel"


def ticket_screen(order: Order, mode: Mode = Mode.TICKET) -> Screen:
    """The one message that shows an order to the kitchen, edited as it goes."""
    placed = order.placed
    parts = [f"<b>#{placed.number}</b> · {_status(order)}", f"👤 {esc(plain(placed.customer.name, 64))}"]
    if Side.CUSTOMER in order.unreachable:
        parts.append("⚠️ The customer can't be reached: their bot chat is blocked or gone.")
    parts.append(block([line_text(line) for line in placed.lines]))
    if placed.note:
        parts.append(f"📝 <b>{esc(placed.note)}</b>")
    parts.append(f"<b>{placed.total}</b>, pays at pick-up")
    parts.append("\n".join(_times(order)))
    question = _question(order, mode)
    if question:
        parts.append(f"<b>{question}</b>")
    return Screen("\n\n".join(parts), _rows(order, mode if question else Mode.TICKET))


def _status(order: Order) -> str:
    match order.status:
        case Status.PLACED | Status.NOTIFIED:
            return "🆕 NEW ORDER"
        case Status.ACCEPTED:
            return f"👩‍🍳 ACCEPTED, ready by <b>{local(order.ready_by, order) if order.ready_by else '?'}</b>"
        case Status.READY:
            return "🛎 READY"
        case Status.FULFILLED:
            return "✅ PICKED UP"
        case Status.DECLINED:
            return f"❌ DECLINED: {reason_words(order)}"
        case Status.CANCELLED:
            return f"🚫 CANCELLED: {reason_words(order)}"
        case Status.EXPIRED:
            return "⌛ MISSED: nobody answered in time"
        case Status.NOT_COLLECTED:
            return "🕗 NOT COLLECTED"


def _times(order: Order) -> list[str]:
    """When it was placed, and who tapped what."""
    lines = [f"Placed {local(order.placed.at, order)}"]
    if order.status in WAITING:
        lines.append(f"Answer by {local(order.answer_by, order)}")
    if order.answered_at and order.ready_by:
        lines.append(f"Accepted by {esc(who(order.answered_by))} at {local(order.answered_at, order)}")
    if order.ready_at:
        lines.append(f"Ready at {local(order.ready_at, order)}")
    if order.over:
        lines.append(esc(ending(order)[0].upper() + ending(order)[1:]))
    if order.status in COOKING:
        lines.append(f"Pick-up code <b>{order.placed.code}</b>")
    return lines


def _question(order: Order, mode: Mode) -> str:
    """What the ticket asks in that mode; empty where the order's state leaves nothing to ask."""
    if order.status in WAITING:
        return {Mode.ACCEPT: "Ready in how many minutes?", Mode.DECLINE: "Why decline?"}.get(mode, "")
    if order.status in COOKING:
        return {
            Mode.PICKED_UP: f"Does the customer's code read {order.placed.code}?",
            Mode.NOT_COLLECTED: "Close it as not collected?",
            Mode.CANCEL: "Why cancel? The customer is told.",
        }.get(mode, "")
    return ""


def _rows(order: Order, mode: Mode) -> Rows:
    back = Button("‹ Back", encode(cb.ShowTicket(order.id)))
    match mode:
        case Mode.TICKET:
            return _ticket_rows(order)
        case Mode.ACCEPT:
            times = tuple(
                Button(f"{minutes} min", encode(cb.Accept(order.id, minutes)), style="success") for minutes in MINUTES
            )
            return times[:2], times[2:], (back,)
        case Mode.DECLINE:
            return *_pairs(
                [Button(words, encode(cb.Decline(order.id, reason))) for reason, words in _DECLINE.items()]
            ), (back,)
        case Mode.PICKED_UP:
            yes = Button("✅ Yes, picked up", encode(cb.PickedUp(order.id)), style="success")
            return (yes,), (back,)
        case Mode.NOT_COLLECTED:
            yes = Button("Yes, not collected", encode(cb.NotCollected(order.id)), style="danger")
            return (yes,), (back,)
        case Mode.CANCEL:
            return *_pairs(
                [Button(words, encode(cb.CancelTicket(order.id, reason))) for reason, words in _CANCEL.items()]
            ), (back,)


_DECLINE = {
    DeclineReason.TOO_BUSY: "Too busy",
    DeclineReason.CLOSING_EARLY: "Closing early",
    DeclineReason.ITEM_UNAVAILABLE: "Item unavailable",
    DeclineReason.OTHER: "Other",
}
_CANCEL = {
    CancelReason.KITCHEN_PROBLEM: "Kitchen problem",
    CancelReason.ITEM_UNAVAILABLE: "Item unavailable",
    CancelReason.CLOSING_EARLY: "Closing early",
    CancelReason.OTHER: "Other",
}


def _pairs(buttons: list[Button]) -> Rows:
    return tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2))


def _ticket_rows(order: Order) -> Rows:
    if order.status in WAITING:
        accept = Button("✅ Accept", encode(cb.AskAccept(order.id)), style="success")
        return ((accept, Button("Decline", encode(cb.AskDecline(order.id)), style="danger")),)
    if order.status in COOKING:
        ready = (Button("🛎 Ready", encode(cb.Ready(order.id)), style="primary"),)
        picked_up = (Button("✅ Picked up", encode(cb.AskPickedUp(order.id)), style="success"),)
        troubles = (
            Button("Not collected", encode(cb.AskNotCollected(order.id))),
            Button("Cancel", encode(cb.AskCancelTicket(order.id))),
        )
        return (picked_up, troubles) if order.status is Status.READY else (ready, picked_up, troubles)
    return _offers(order)


def _offers(order: Order) -> Rows:
    """The consequence of a reason, offered at once: hide the dish that has run out, pause when closing early."""
    match order.reason:
        case DeclineReason.ITEM_UNAVAILABLE | CancelReason.ITEM_UNAVAILABLE:
            dishes = {line.item_id: line.name for line in order.placed.lines}
            return tuple(
                (Button(f"Hide {plain(name, 40)} from the menu", encode(cb.SetItem(item, 1, -1))),)
                for item, name in list(dishes.items())[:10]
            )
        case DeclineReason.CLOSING_EARLY | CancelReason.CLOSING_EARLY:
            return ((Button("Pause new orders", encode(cb.Pause(0)), style="danger"),),)
        case _:
            return ()


def ring(order: Order, about: About) -> Screen:
    """The new message that rings, as an answer to the ticket it points to."""
    number = f"<b>#{order.placed.number}</b>"
    match about:
        case About.REMINDER if order.status in WAITING:
            text = f"⏰ Order {number} is waiting for your answer until {local(order.answer_by, order)}."
        case About.REMINDER:
            text = f"⏰ Order {number} is still open. Picked up, or not collected?"
        case About.CANCELLED:
            text = f"🚫 Order {number} was cancelled by the customer. Don't cook it."
        case About.EXPIRED:
            by = local(order.answer_by, order)
            text = f"⌛ You missed order {number}: nobody answered by {by}. The customer was told."
        case _:
            text = f"Order {number}"
    return Screen(text)


# The restaurant's settings, and what its chat is told about itself

STAFF_HELP = (
    "<b>This chat gets the orders.</b>\n\n"
    "Each order is one ticket: <i>Accept</i> with the minutes until it is ready, or <i>Decline</i>. "
    "Then <i>Ready</i> and <i>Picked up</i>: compare the customer's code with the ticket's.\n\n"
    "/orders the open orders\n/items hide a dish that has run out\n/pause take no new orders\n/resume take orders again"
)

STRANGER = (
    "This is the restaurant's side of Comanda. To receive orders here, open the invite link that "
    "the owner gets from <code>comanda restaurant invite SLUG</code>."
)

BAD_INVITE = (
    "This invite has been used, has expired or was withdrawn. Ask the owner for a new one: "
    "<code>comanda restaurant invite SLUG</code>"
)

PAUSES = {30: "30 min", 60: "1 hour", 120: "2 hours", 0: "Until /resume"}


def joined(restaurant: Restaurant) -> str:
    """The greeting of a chat that has just joined."""
    return f"✅ This is now the staff chat of <b>{esc(restaurant.name)}</b>. Orders arrive here.\n\n{STAFF_HELP}"


def already_here(restaurant: Restaurant) -> str:
    return f"This is the staff chat of <b>{esc(restaurant.name)}</b>.\n\n{STAFF_HELP}"


def serves_another(restaurant: Restaurant) -> str:
    return (
        f"This chat already is the staff chat of <b>{esc(restaurant.name)}</b>. "
        "Use another chat for the second restaurant: the invite still works."
    )


def replaced(restaurant: Restaurant) -> str:
    return f"Another chat is now the staff chat of <b>{esc(restaurant.name)}</b>. No more orders arrive here."


def pause_screen(restaurant: Restaurant, service: Service, now: datetime) -> Screen:
    """Whether orders are taken, and the buttons to change it."""
    if service.is_paused(now):
        until = service.paused_until
        end = f" until {until.astimezone(restaurant.zone):%H:%M}" if until else " until you resume"
        text = f"⏸ <b>{esc(restaurant.name)}</b> takes no new orders{end}."
        return Screen(text, ((Button("▶️ Take orders again", encode(cb.Resume()), style="success"),),))
    text = f"▶️ <b>{esc(restaurant.name)}</b> takes orders. Pause for how long?"
    return Screen(text, _pairs([Button(words, encode(cb.Pause(minutes))) for minutes, words in PAUSES.items()]))


def items_screen(restaurant: Restaurant, service: Service, category: int) -> Screen:
    """The dishes of one category, each to hide or to show again; the other categories below."""
    category = category if 0 <= category < len(restaurant.menu) else 0
    rows = [
        (
            Button(
                f"{'🚫' if item.id in service.hidden else '🟢'} {plain(item.name, 50)}",
                encode(cb.SetItem(item.id, int(item.id not in service.hidden), category)),
            ),
        )
        for item in restaurant.menu[category].items
    ]
    others = [
        Button(f"{plain(other.name, 30)} ›", encode(cb.ShowItems(index)))
        for index, other in enumerate(restaurant.menu)
        if index != category
    ]
    text = f"<b>{esc(restaurant.menu[category].name)}</b>\nTap a dish to hide it (🚫) or to show it again (🟢)."
    return Screen(text, (*rows, *_pairs(others)))


def open_orders_screen(orders: list[Order]) -> Screen:
    """The orders that are not over. Their tickets stay the one place to answer them."""
    if not orders:
        return Screen("No open orders.")
    lines = [f"<b>#{order.placed.number}</b> {_status(order)} · {esc(order.placed.customer.name)}" for order in orders]
    return Screen(f"<b>Open orders</b>\n{block(lines)}")
