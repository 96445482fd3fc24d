"""What a customer reads about an order: its live status, and the short messages that ring."""

from __future__ import annotations

from flows.callbacks import AskCancel, CancelMine, KeepOrder, ShowOrders, encode
from flows.events import About, Side
from flows.messages.text import block, esc, line_text, local, reason_words
from flows.order import COOKING, WAITING, Order, Status
from flows.screens import Button, Screen

ELSEWHERE = "/start to order elsewhere."


def status_screen(order: Order, *, asking: bool = False, listed: bool = False) -> Screen:
    """The live status of an order. `asking` when *Cancel* asks once more; `listed` when opened from /orders."""
    placed = order.placed
    parts = [
        f"<b>Order #{placed.number}</b> · {esc(placed.restaurant.name)}",
        _status(order),
        block([f"{line_text(line)} · {line.total}" for line in placed.lines]),
    ]
    if placed.note:
        parts.append(f"📝 {esc(placed.note)}")
    parts.append(f"Total <b>{placed.total}</b>, pay at pick-up")
    if order.status in COOKING:
        parts.append(f"Your pick-up code: <b>{placed.code}</b>\nSay it when you collect your food.")
    parts.append(f"📍 {esc(placed.restaurant.address)}\n📞 {esc(placed.restaurant.phone)}")
    if asking and order.status in WAITING:
        parts.append("<b>Cancel this order?</b>")
    return Screen("\n\n".join(parts), _buttons(order, asking, listed))


def _buttons(order: Order, asking: bool, listed: bool) -> tuple[tuple[Button, ...], ...]:
    rows: list[tuple[Button, ...]] = []
    if order.status in WAITING:
        if asking:
            yes = Button("Yes, cancel it", encode(CancelMine(order.id)), style="danger")
            rows.append((yes, Button("No, keep it", encode(KeepOrder(order.id)))))
        else:
            rows.append((Button("Cancel order", encode(AskCancel(order.id))),))
    if order.status in COOKING:
        rows.append((Button(f"Copy code {order.placed.code}", copy=order.placed.code),))
    if listed:
        rows.append((Button("‹ My orders", encode(ShowOrders(0))),))
    return tuple(rows)


def _status(order: Order) -> str:
    name = esc(order.placed.restaurant.name)
    match order.status:
        case Status.PLACED | Status.NOTIFIED:
            return f"✅ Order received.\n⏳ Waiting for {name} to accept it, by {local(order.answer_by, order)}."
        case Status.ACCEPTED:
            return f"👩‍🍳 Accepted. Ready by <b>{_ready_by(order)}</b>."
        case Status.READY:
            return "🛎 <b>Ready</b>: come and pick it up."
        case Status.FULFILLED:
            return "✅ Picked up. Enjoy your meal!"
        case Status.DECLINED:
            return f"❌ Declined: {reason_words(order)}. Nothing to pay."
        case Status.CANCELLED if order.cancelled_by is Side.CUSTOMER:
            return "🚫 You cancelled this order. Nothing to pay."
        case Status.CANCELLED:
            return f"🚫 The restaurant cancelled it: {reason_words(order)}. Nothing to pay."
        case Status.EXPIRED:
            return f"⌛ {name} did not answer in time, so the order expired. Nothing to pay."
        case Status.NOT_COLLECTED:
            return "🕗 Closed as not collected."


def _ready_by(order: Order) -> str:
    return local(order.ready_by, order) if order.ready_by else "soon"


def ring(order: Order, about: About) -> Screen:
    """The new message that rings; the live status above it has the details."""
    placed = order.placed
    name, number = esc(placed.restaurant.name), f"#{placed.number}"
    match about:
        case About.ACCEPTED:
            text = (
                f"👩‍🍳 {name} accepted your order {number}. Ready by <b>{_ready_by(order)}</b>.\n"
                f"Pick-up code <b>{placed.code}</b>"
            )
        case About.READY:
            where = esc(placed.restaurant.address)
            text = f"🛎 Your order {number} is ready at {where}.\nPick-up code <b>{placed.code}</b>"
        case About.DECLINED:
            text = f"❌ {name} can't take your order {number}: {reason_words(order)}. Nothing to pay. {ELSEWHERE}"
        case About.EXPIRED:
            text = f"⌛ {name} did not answer, so your order {number} expired. Nothing to pay. {ELSEWHERE}"
        case About.CANCELLED:
            text = f"🚫 {name} had to cancel your order {number}: {reason_words(order)}. Nothing to pay. Sorry!"
        case About.NOT_COLLECTED:
            phone = esc(placed.restaurant.phone)
            text = f"🕗 Your order {number} at {name} was closed: nobody collected it. Questions? {phone}"
        case About.PLACED | About.REMINDER:
            text = f"Order {number} at {name}"
    return Screen(text)
