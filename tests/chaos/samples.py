"""A run in which everything went well, made by hand, for the tests to break."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.chaos.evidence import Call, Ledger, Post, Record, Shown, Tap

ORDER, CARLA, ANNA, BEN = "abc", 1001, 2001, 2002
CUSTOMER_ROOM, STAFF_ROOM = f"7001:{CARLA}", f"7002:{ANNA}"
Json = dict[str, Any]


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def event(kind: str, seconds: float, cause: str, **more: Any) -> Json:
    return {"kind": kind, "at": at(seconds), "cause": cause, **more}


def placed(seconds: float = 100.0, order: str = ORDER) -> Json:
    card = {"slug": "nonna", "name": "Nonna", "address": "Via Roma 1", "phone": "+39 011"}
    customer, lines = {"id": CARLA, "name": "Carla"}, [{"quantity": 1}]
    return event(
        "order_placed", seconds, "customer-1", number=7, order_id=order, restaurant=card, customer=customer, lines=lines
    )


def fulfilled_order() -> list[Json]:
    """From the order to the pick-up."""
    by = {"id": ANNA, "name": "Anna"}
    return [
        placed(),
        event("restaurant_notified", 101, "delivery-1", about="placed"),
        event("order_accepted", 102, "restaurant-1", by=by),
        event("user_notified", 103, "delivery-2", about="accepted"),
        event("order_ready", 104, "restaurant-2", by=by),
        event("user_notified", 105, "delivery-3", about="ready"),
        event("order_fulfilled", 106, "restaurant-3", by=by),
    ]


class Run:
    """The record and the ledger of a run that a test may change before it is checked."""

    def __init__(self, events: list[Json] | None = None) -> None:
        self.orders = {ORDER: fulfilled_order() if events is None else events}
        self.record = Record(staff={"nonna": STAFF_ROOM}, customer_bot=7001)
        self._numbers = iter(range(1, 1000))
        self.status = self.post(CUSTOMER_ROOM, 99, "Your cart at Nonna", f"1pl:{ORDER}:x")
        self.edit(self.status, 100, "Order #7 · Nonna\n\n✅ Order received.", f"1ac:{ORDER}")
        self.edit(self.status, 106, "Order #7 · Nonna\n\n✅ Picked up. Enjoy your meal!")
        self.ticket = self.post(STAFF_ROOM, 101, "#7 · 🆕 NEW ORDER", f"1aa:{ORDER}")
        self.edit(self.ticket, 106, "#7 · ✅ PICKED UP")
        self.accepted = self.post(CUSTOMER_ROOM, 103, "👩‍🍳 Nonna accepted your order #7. Ready by 12:00.")
        self.ready = self.post(CUSTOMER_ROOM, 105, "🛎 Your order #7 is ready at Via Roma 1.")
        self.tap(98, CARLA, "1ad:nonna:pizza", "Added 1 × Pizza")
        self.place = self.tap(99.5, CARLA, f"1pl:{ORDER}:x", "Order received")
        self.tap(101.5, ANNA, f"1ax:{ORDER}:10", "Accepted, ready in 10 min")
        self.tap(104, ANNA, f"1re:{ORDER}", "Ready. The customer is told.")
        self.tap(106, ANNA, f"1px:{ORDER}", "Picked up")

    def ledger(self) -> Ledger:
        numbered = ((order, enumerate(events, 1)) for order, events in self.orders.items())
        return Ledger(self.orders, [(order, version) for order, events in numbered for version, _ in events])

    def post(self, room: str, seconds: float, text: str, *data: str) -> Post:
        post = Post(room, next(self._numbers), [Shown(seconds, text, data)])
        self.record.posts[room, post.message] = post
        return post

    def edit(self, post: Post, seconds: float, text: str, *data: str) -> None:
        post.shown.append(Shown(seconds, text, data))

    def unsend(self, post: Post) -> None:
        del self.record.posts[post.room, post.message]

    def tap(self, seconds: float, user: int, data: str, answer: str | None = None, message: int = 1) -> Tap:
        """Somebody taps; the bot takes it, and answers unless `answer` is None."""
        tap = Tap(f"tap{next(self._numbers)}", seconds, user, user, data, message)
        self.record.taps[tap.id] = tap
        self.record.calls.append(Call(seconds, 7001, "getupdates", 200, "", taps=(tap.id,)))
        if answer is not None:
            self.record.calls.append(Call(seconds + 0.1, 7001, "answercallbackquery", 200, "", tap=tap.id, text=answer))
        return tap
