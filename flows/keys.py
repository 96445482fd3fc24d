"""Every key of the store, in one place. RQ's own keys begin with `rq:`."""

from __future__ import annotations

from datetime import date

EVENTS = "events"  # stream: order id and version of every event, in the order of their commits
ORDERS = "orders"  # sorted set: order id by the time it was placed
DUE = "due"  # sorted set: what is to be woken, by when (see flows.ledger)
RESTAURANTS = "restaurants"  # hash: slug -> JSON of flows.menu.Restaurant
SERVICES = "services"  # hash: slug -> JSON of flows.menu.Service
CATALOGUE = "catalogue"  # string: another one after each change of RESTAURANTS or SERVICES
STAFF = "staff"  # hash: chat id -> slug of the restaurant whose staff chat it is
CONFIRMED = "confirmed"  # string: written for the sake of its being on the replicas (see flows.ledger.transaction)
BEAT = "beat"  # string: when a clock last looked at DUE; a gap is a downtime
DOWNTIMES = "downtimes"  # sorted set: when a clock last ran before each of the last downtimes, by when one ran again

RESTORING = "restoring"  # string: a backup is being brought back, and the store is not whole until it is


def wake(order_id: str) -> str:
    """Member of `DUE`: the order's own next deadline."""
    return f"wake:{order_id}"


def notify(order_id: str, side: str) -> str:
    """Member of `DUE`: that side of the order is to be told something."""
    return f"notify:{order_id}:{side}"


def repaint(order_id: str, side: str) -> str:
    """Member of `DUE`: nobody knows whether an edit of what shows the order to that side has arrived."""
    return f"repaint:{order_id}:{side}"


def order(order_id: str) -> str:
    """List: the order's events as JSON; its length is the order's version."""
    return f"order:{order_id}"


def delivery(order_id: str) -> str:
    """Hash: side -> JSON of the message that shows the order to that side, empty while one may be out unrecorded."""
    return f"delivery:{order_id}"


def delivery_lock(order_id: str, side: str) -> str:
    """String with a life of seconds: who is telling that side right now, a worker by the key of its lease."""
    return f"delivery:{order_id}:{side}:lock"


def gate(bot: str, chat: str = "") -> str:
    """String with a life: until when the bot's budget is spent, or that of one of its chats (see flows.gate)."""
    return f"gate:{bot}:{chat}"


def booked(bot: str, chat: str, urgency: str) -> str:
    """String with a life: until when that chat's turns are given away to requests of that urgency."""
    return f"gate:{bot}:{chat}:booked:{urgency}"


def quiet(bot: str, chat: str = "") -> str:
    """String with a life: Telegram asked (429) to leave this chat, or everybody, alone for as long."""
    return f"quiet:{bot}:{chat}"


def last_quiet(bot: str) -> str:
    """String with a life of seconds: the last chat that Telegram asked to leave alone."""
    return f"quiet:{bot}:last"


def orders_of_customer(customer_id: int) -> str:
    """Sorted set: that customer's order ids by the time they were placed."""
    return f"orders:customer:{customer_id}"


def open_orders(slug: str) -> str:
    """Set: ids of that restaurant's orders that are not over."""
    return f"orders:open:{slug}"


def number(slug: str, day: date) -> str:
    """Counter: the restaurant's last order number of that local day."""
    return f"number:{slug}:{day.isoformat()}"


def taken(slug: str) -> str:
    """Hash: number ("#17") or pick-up code ("4821") of an order of that restaurant that is not over -> its id."""
    return f"taken:{slug}"


def session(chat_id: int) -> str:
    """String: JSON of flows.session.Session."""
    return f"session:{chat_id}"


def staff_trouble(slug: str) -> str:
    """String with a life: why that restaurant's staff chat took no message lately (see Restaurants.note_trouble)."""
    return f"trouble:{slug}"


def hint(chat_id: int) -> str:
    """String with a life: the kind and the update of what a staff chat was last told that it can't be read."""
    return f"hint:{chat_id}"


def invite(token: str) -> str:
    """String with a life: the slug that a staff chat may join with this token."""
    return f"invite:{token}"


def invite_of(slug: str) -> str:
    """String with a life: the token of the restaurant's invite that is still open."""
    return f"invite:of:{slug}"


def inbox(bot: str) -> str:
    """Hash: update id -> JSON of an update that is stored and not yet dealt with."""
    return f"inbox:{bot}"


def inbox_seen(bot: str) -> str:
    """Sorted set: update ids already taken in, by the time they came."""
    return f"inbox:{bot}:seen"


def inbox_handled(bot: str) -> str:
    """Set: ids of updates that have taken effect, and stay in the inbox for a while until that is shown."""
    return f"inbox:{bot}:handled"


def inbox_offset(bot: str) -> str:
    """String: the update id from which to ask Telegram on."""
    return f"inbox:{bot}:offset"


def inbox_chat(bot: str, chat: str) -> str:
    """List: ids of that chat's updates in the inbox, in the order in which they are handled."""
    return f"inbox:{bot}:chat:{chat}"


def inbox_owners(bot: str) -> str:
    """Hash: chat with updates in the inbox -> the process that handles them; empty when none does."""
    return f"inbox:{bot}:owners"


def inbox_lease(process: str) -> str:
    """String with a life of seconds: that process of a bot is alive."""
    return f"inbox:lease:{process}"


def inbox_processes(bot: str) -> str:
    """Sorted set with a life: that bot's processes by their last sign of life."""
    return f"inbox:{bot}:processes"


def webhooks(bot: str) -> str:
    """Set: the URLs that we have given Telegram as that bot's webhook at any time."""
    return f"webhooks:{bot}"


def inbox_dead(bot: str) -> str:
    """Hash: update id -> JSON of an update whose handler failed each time, with its traceback."""
    return f"inbox:{bot}:dead"


def heard(bot: str) -> str:
    """Hash with a life: until when that bot has heard all, and its last deafness (see flows.ledger.hearing)."""
    return f"heard:{bot}"


def listening(bot: str) -> str:
    """String with a life: JSON of when that bot last asked for updates, and what hinders it."""
    return f"listening:{bot}"


def processing(worker: str) -> str:
    """List: ids of the jobs that worker has taken and not finished."""
    return f"worker:{worker}:processing"


def lease(worker: str) -> str:
    """String with a life of seconds: that worker is alive."""
    return f"worker:{worker}:lease"


WORKERS = "workers"  # set: names of workers that may have a processing list
