"""What a customer reads about orders: an order's live status, the short messages that ring, and the list of all."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flows.callbacks import AskCancel, CancelMine, KeepOrder, ShowOrder, ShowOrders, encode
from flows.events import About, Side
from flows.messages.about import restaurants_row
from flows.messages.carts import priced
from flows.messages.menus import where
from flows.messages.text import because, esc, local, plain, whose_time
from flows.order import COOKING, WAITING, Order, Refused, Status, Why
from flows.paging import page as page_at
from flows.screens import Button, Screen

ELSEWHERE = "/start to order elsewhere."
PER_PAGE = 6  # orders on one page of /orders


def status_screen(order: Order, *, asking: bool = False, listed: int | None = None) -> Screen:
    """The live status of an order. `asking` when *Cancel* asks once more; `listed` is the page of /orders it is on."""
    placed = order.placed
    parts = [f"<b>Order #{placed.number}</b> · {esc(placed.restaurant.name)}", _status(order)]
    if order.status in COOKING:
        parts.append(f"🔑 Your pick-up code: <code>{placed.code}</code>")
    parts.append(priced(placed.lines))
    if placed.note:
        parts.append(f"📝 {esc(placed.note)}")
    parts.append(f"Total <b>{placed.total}</b>{'' if order.over else ', pay at pick-up'}")
    parts.append(where(placed.restaurant.address, placed.restaurant.phone))
    if asking and order.status in WAITING:
        parts.append("<b>Cancel this order?</b>")
    return Screen("\n\n".join(parts), _buttons(order, asking, listed))


def _buttons(order: Order, asking: bool, listed: int | None) -> tuple[tuple[Button, ...], ...]:
    rows: list[tuple[Button, ...]] = []
    if order.status in WAITING:
        if asking:
            yes = Button("Yes, cancel it", encode(CancelMine(order.id)), style="danger")
            rows.append((yes, Button("No, keep it", encode(KeepOrder(order.id)))))
        else:
            rows.append((Button("Cancel order", encode(AskCancel(order.id))),))
    if order.status in COOKING:
        rows.append((Button(f"Copy code {order.placed.code}", copy=order.placed.code),))
    if listed is not None:
        rows.append((Button("‹ Back", encode(ShowOrders(listed))),))
    return tuple(rows)


def _status(order: Order) -> str:
    name = esc(order.placed.restaurant.name)
    match order.status:
        case Status.PLACED | Status.NOTIFIED:
            by = f"{local(order.answer_by, order)}{_whose(order)}"
            return f"✅ Order received.\n⏳ Waiting for {name} to accept it, by {by}."
        case Status.ACCEPTED:
            return f"👩‍🍳 Accepted. Ready by {_ready_by(order)}."
        case Status.READY:
            return "🛎 <b>Ready</b>: come and pick it up."
        case Status.FULFILLED:
            return "✅ Picked up. Enjoy your meal!"
        case Status.DECLINED:
            return f"❌ Declined{because(order)}. Nothing to pay."
        case Status.CANCELLED if order.cancelled_by is Side.CUSTOMER:
            return f"🚫 You cancelled this order. Nothing to pay.{_untold(order)}"
        case Status.CANCELLED:
            return f"🚫 The restaurant cancelled it{because(order)}. Nothing to pay."
        case Status.EXPIRED if Side.RESTAURANT in order.unreachable and not order.ticket_seen:
            return f"⌛ {name} could not be reached, so the order expired. Nothing to pay."
        case Status.EXPIRED:
            return f"⌛ {name} did not answer in time, so the order expired. Nothing to pay."
        case Status.NOT_COLLECTED:
            how = "Closed as not collected" if order.closed_by else "Closed"
            return f"🕗 {how}. Questions? {esc(order.placed.restaurant.phone)}"


def _untold(order: Order) -> str:
    """A warning where the kitchen may still cook what was cancelled."""
    if Side.RESTAURANT not in order.unreachable:
        return ""
    return f"\n⚠️ The restaurant could not be told. Please call {esc(order.placed.restaurant.phone)}."


def _ready_by(order: Order) -> str:
    return f"<b>{local(order.ready_by, order)}</b>{_whose(order)}" if order.ready_by else "soon"


def _whose(order: Order) -> str:
    return whose_time(order.placed.restaurant.timezone)


def ring(order: Order, about: About) -> Screen:
    """The new message that rings; the live status above it has the details."""
    placed = order.placed
    name, number = esc(placed.restaurant.name), f"#{placed.number}"
    match about:
        case About.ACCEPTED:
            text = (
                f"👩‍🍳 {name} accepted your order {number}. Ready by {_ready_by(order)}.\n"
                f"Pick-up code <b>{placed.code}</b>"
            )
        case About.READY:
            where = esc(placed.restaurant.address)
            text = f"🛎 Your order {number} is ready at {where}.\nPick-up code <b>{placed.code}</b>"
        case About.DECLINED:
            text = f"❌ {name} can't take your order {number}{because(order)}. Nothing to pay. {ELSEWHERE}"
        case About.EXPIRED if Side.RESTAURANT in order.unreachable and not order.ticket_seen:
            text = f"⌛ {name} could not be reached, so your order {number} expired. Nothing to pay. {ELSEWHERE}"
        case About.EXPIRED:
            text = f"⌛ {name} did not answer, so your order {number} expired. Nothing to pay. {ELSEWHERE}"
        case About.CANCELLED:
            text = f"🚫 {name} had to cancel your order {number}{because(order)}. Nothing to pay. Sorry!"
        case About.NOT_COLLECTED:
            phone = esc(placed.restaurant.phone)
            text = (
                f"🕗 Your order {number} at {name} was closed as not collected. "
                f"If that is not right, please call {phone}."
            )
        case About.PLACED | About.REMINDER | About.TAP_AGAIN:
            text = f"Order {number} at {name}"
    return Screen(text)


def refusal(refused: Refused) -> str:
    """Why the customer's tap came too late or to nothing, without HTML."""
    order = refused.order
    if order is None:
        return "This order is not known here."
    restaurant = order.placed.restaurant
    match refused.why:
        case Why.ALREADY_ACCEPTED:
            at = f" at {local(order.answered_at, order)}" if order.answered_at else ""
            return f"{restaurant.name} accepted it{at}, so it can't be cancelled here. Please call {restaurant.phone}."
        case Why.ALREADY_OVER:
            return f"Order #{order.placed.number} is already over."
        case _:  # what only staff can be refused
            return "That is not possible for this order."


_WORDS = {
    Status.PLACED: "waiting",
    Status.NOTIFIED: "waiting",
    Status.ACCEPTED: "accepted",
    Status.READY: "ready",
    Status.FULFILLED: "picked up",
    Status.DECLINED: "declined",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.NOT_COLLECTED: "not collected",
}


def orders_screen(orders: list[Order], page: int) -> Screen:
    """A page of the customer's orders, newest first."""
    restaurants = restaurants_row("Restaurants")
    if not orders:
        return Screen("You have no recent orders.", (restaurants,))
    here = page_at(len(orders), page * PER_PAGE, PER_PAGE)
    rows = [(_listed(order),) for order in here.of(orders)]
    turn = here.pager(lambda first: encode(ShowOrders(first // PER_PAGE)))
    return Screen("<b>Your orders</b>", (*rows, *turn, restaurants))


def _state(order: Order) -> str:
    """Where the order stands, in a word or two; what the clock closed says nothing of who came."""
    if order.status is Status.NOT_COLLECTED and order.closed_by is None:
        return "closed"
    return _WORDS[order.status]


def _listed(order: Order) -> Button:
    placed = order.placed
    day = placed.at.astimezone(ZoneInfo(placed.restaurant.timezone))
    name = plain(placed.restaurant.name, 24)
    label = f"{day:%d %b} · #{placed.number} {name} · {placed.total} · {_state(order)}"
    return Button(label, encode(ShowOrder(order.id)))
