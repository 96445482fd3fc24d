"""What the restaurant reads about orders: tickets, the short messages that ring, and the list of open orders."""

from __future__ import annotations

from enum import StrEnum

from flows import callbacks as cb
from flows.callbacks import encode
from flows.events import About, CancelReason, DeclineReason, Side
from flows.messages.text import LIMIT, because, ending, esc, line_text, local, pages, plain, visible, who
from flows.order import COOKING, MINUTES, WAITING, Order, Status
from flows.paging import equal_page, fitting
from flows.paging import page as page_at
from flows.screens import Button, Row, Screen

Rows = tuple[Row, ...]

PAUSES = {60: "1 hour", 120: "2 hours", 0: "Until /resume"}
"""The pauses that a ticket offers after *Closing early*, in minutes; 0 has no end."""

_NOTE = 600  # UTF-16 units of a note; the cart takes half of that
_MARGIN = 64  # UTF-16 units kept free on a full ticket, for the number of its page and the gaps between its parts


class Mode(StrEnum):
    """What a ticket is asking just now; every question has a way back."""

    TICKET = "ticket"
    ACCEPT = "accept"
    DECLINE = "decline"
    READY = "ready"
    PICKED_UP = "picked_up"
    NOT_COLLECTED = "not_collected"
    CANCEL = "cancel"


ASKED_WHILE = {
    Mode.TICKET: frozenset(Status),
    Mode.ACCEPT: WAITING,
    Mode.DECLINE: WAITING,
    Mode.READY: frozenset({Status.ACCEPTED}),
    Mode.PICKED_UP: COOKING,
    Mode.NOT_COLLECTED: COOKING,
    Mode.CANCEL: COOKING,
}
"""The statuses in which each question makes sense."""


def ticket_screen(order: Order, mode: Mode = Mode.TICKET, page: int = 0) -> Screen:
    """The one message that shows an order to the kitchen, edited as it goes.

    A question that the order's status has overtaken shows the ticket. What is too long for one message is turned over
    page by page: a kitchen must be able to read every line.
    """
    mode = mode if order.status in ASKED_WHILE[mode] else Mode.TICKET
    head, tail = "\n\n".join(_head(order)), "\n\n".join(_tail(order, mode))
    room = LIMIT - visible(head) - visible(tail) - _MARGIN
    leaves = pages([line_text(line) for line in order.placed.lines], room)
    leaf = page_at(len(leaves), page, 1)
    lines = "\n".join(leaves[leaf.first])
    if not leaf.is_all:
        lines += f"\n<i>Page {leaf.first + 1} of {len(leaves)}</i>"
    turn = leaf.pager(lambda number: encode(cb.ShowTicket(order.id, number)))
    return Screen(f"{head}\n\n{lines}\n\n{tail}", (*turn, *_rows(order, mode)))


def _head(order: Order) -> list[str]:
    placed = order.placed
    parts = [f"<b>#{placed.number}</b> · {status_words(order)}", f"👤 {esc(plain(placed.customer.name, 64))}"]
    if Side.CUSTOMER in order.unreachable:
        parts.append("⚠️ The customer can't be reached: their bot chat is blocked or gone.")
    return parts


def _tail(order: Order, mode: Mode) -> list[str]:
    placed = order.placed
    parts = [f"📝 <b>{esc(plain(placed.note, _NOTE))}</b>"] if placed.note else []
    parts.append(f"<b>{placed.total}</b>{'' if order.over else ', pays at pick-up'}")
    if order.status in COOKING:
        parts.append(f"🔑 Pick-up code <b>{placed.code}</b>")
    parts.append("\n".join(_times(order)))
    question = _question(order, mode)
    return [*parts, f"<b>{question}</b>"] if question else parts


def status_words(order: Order) -> str:
    """Where the order stands, for the first line of its ticket."""
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
            return f"❌ DECLINED{because(order)}"
        case Status.CANCELLED:
            return f"🚫 CANCELLED{because(order)}"
        case Status.EXPIRED:
            return "⌛ MISSED: nobody answered in time"
        case Status.NOT_COLLECTED:
            return "🕗 NOT COLLECTED" if order.closed_by else "🕗 CLOSED: not marked as picked up"


def _times(order: Order) -> list[str]:
    """When it was placed, and who tapped what."""
    lines = [f"Placed {local(order.placed.at, order)}"]
    if order.status in WAITING:
        lines.append(f"Answer by {local(order.answer_by, order)}")
    if order.answered_at and order.ready_by:
        promised = f", for {local(order.ready_by, order)}"
        lines.append(f"Accepted by {esc(who(order.answered_by))} at {local(order.answered_at, order)}{promised}")
    if order.ready_at:
        lines.append(f"Marked ready by {esc(who(order.ready_marked_by))} at {local(order.ready_at, order)}")
    if order.over:
        lines.append(esc(ending(order)[0].upper() + ending(order)[1:]))
    return lines


def _question(order: Order, mode: Mode) -> str:
    match mode:
        case Mode.TICKET:
            return ""
        case Mode.ACCEPT:
            return "Ready in how many minutes?"
        case Mode.DECLINE:
            return f"Why decline? {told(order)}"
        case Mode.READY:
            return f"Is it ready? {told(order)}"
        case Mode.PICKED_UP:
            return f"Does the customer's code read {order.placed.code}?"
        case Mode.NOT_COLLECTED:
            return "Close it as not collected?"
        case Mode.CANCEL:
            return f"Why cancel? {told(order)}"


def told(order: Order) -> str:
    """Whether the customer hears of a tap."""
    return "The customer can't be reached." if Side.CUSTOMER in order.unreachable else "The customer is told."


def _rows(order: Order, mode: Mode) -> Rows:
    back = Button("‹ Back", encode(cb.ShowTicket(order.id)))
    match mode:
        case Mode.TICKET:
            return _ticket_rows(order)
        case Mode.ACCEPT:
            times = [Button(f"{one} min", encode(cb.Accept(order.id, one)), style="success") for one in MINUTES]
            return *pairs(times), (back,)
        case Mode.DECLINE:
            reasons = [Button(words, encode(cb.Decline(order.id, reason))) for reason, words in _DECLINE.items()]
            return *pairs(reasons), (back,)
        case Mode.READY:
            return (Button("🛎 Yes, it is ready", encode(cb.Ready(order.id)), style="primary"),), (back,)
        case Mode.PICKED_UP:
            return (Button("✅ Yes, picked up", encode(cb.PickedUp(order.id)), style="success"),), (back,)
        case Mode.NOT_COLLECTED:
            return (Button("Yes, not collected", encode(cb.NotCollected(order.id)), style="danger"),), (back,)
        case Mode.CANCEL:
            reasons = [Button(words, encode(cb.CancelTicket(order.id, reason))) for reason, words in _CANCEL.items()]
            return *pairs(reasons), (back,)


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


def pairs(buttons: list[Button]) -> Rows:
    """Buttons in rows of two."""
    return tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2))


def _ticket_rows(order: Order) -> Rows:
    if order.status in WAITING:
        accept = Button("✅ Accept", encode(cb.AskAccept(order.id)), style="success")
        return ((accept, Button("Decline", encode(cb.AskDecline(order.id)), style="danger")),)
    if order.status in COOKING:
        ready = (Button("🛎 Ready", encode(cb.AskReady(order.id)), style="primary"),)
        picked_up = (Button("✅ Picked up", encode(cb.AskPickedUp(order.id)), style="success"),)
        troubles = (
            Button("Not collected", encode(cb.AskNotCollected(order.id))),
            Button("Cancel", encode(cb.AskCancelTicket(order.id)), style="danger"),
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
                for item, name in dishes.items()
            )
        case DeclineReason.CLOSING_EARLY | CancelReason.CLOSING_EARLY:
            return tuple(
                (Button(f"Pause new orders: {words.lower()}", encode(cb.Pause(minutes, 1)), style="danger"),)
                for minutes, words in PAUSES.items()
            )
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
        case About.TAP_AGAIN if order.status in WAITING:
            by = local(order.answer_by, order)
            text = (
                f"🔁 For a while we could not hear this chat. If you answered order {number}, please tap again. "
                f"You have until {by} now."
            )
        case About.CANCELLED:
            text = f"🚫 Order {number} was cancelled by the customer. Don't cook it."
        case About.EXPIRED:
            by = local(order.answer_by, order)
            text = f"⌛ You missed order {number}: nobody answered by {by}. The customer was told."
        case _:
            text = f"Order {number}"
    return Screen(text)


def open_orders_screen(orders: list[Order], row: int = 0) -> Screen:
    """The orders that are not over, oldest first; of many, the page with that one on it.

    Their tickets stay the one place to answer them.
    """
    if not orders:
        return Screen("No open orders.")
    entries = [_entry(order) for order in orders]
    page = equal_page(len(entries), row, fitting([visible(entry) + 1 for entry in entries], LIMIT - _MARGIN))
    turn = page.pager(lambda first: encode(cb.ShowOpenOrders(first)))
    return Screen("\n".join(["<b>Open orders</b>", *page.of(entries)]), turn)


def _entry(order: Order) -> str:
    by = f", answer by <b>{local(order.answer_by, order)}</b>" if order.status in WAITING else ""
    name = esc(plain(order.placed.customer.name, 64))
    return f"<b>#{order.placed.number}</b> {status_words(order)}{by} · {name} · {order.placed.total}"
