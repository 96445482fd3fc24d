"""The pipeline on one screen: event -> whose messages are brought up to date by a worker.

Each entry becomes one job `workers.jobs.notify(order_id, side)`, enqueued in the transaction that appends the event.
A customer's tap on *Place order* is answered by the bot itself, so `order_placed` reacts towards the restaurant only.
"""

from __future__ import annotations

from flows.events import Side

BOTH = (Side.CUSTOMER, Side.RESTAURANT)
OTHER = {Side.CUSTOMER: Side.RESTAURANT, Side.RESTAURANT: Side.CUSTOMER}

REACTIONS: dict[str, tuple[Side, ...]] = {
    "order_placed": (Side.RESTAURANT,),
    "restaurant_notified": (),
    "order_accepted": BOTH,
    "user_notified": (),
    "order_ready": BOTH,
    "order_fulfilled": BOTH,
    "order_declined": BOTH,
    "order_cancelled": BOTH,
    "order_expired": BOTH,
    "order_not_collected": BOTH,
    "reminder_due": (Side.RESTAURANT,),
    "answer_time_extended": BOTH,
    "user_unreachable": (Side.RESTAURANT,),
    "restaurant_unreachable": (Side.CUSTOMER,),
}

NOTIFY = "workers.jobs.notify"
QUEUE = "comanda"
