"""The RQ jobs. They carry ids only; what there is to say is read from the ledger when they run."""

from __future__ import annotations

from flows.events import Side
from workers.delivery import Courier

courier: Courier | None = None
"""The process's own courier, with its open connections. The worker sets it before it takes a job."""


async def notify(order_id: str, side: str, restaurant: str = "") -> None:
    """Bring a side of an order up to date (see `flows.reactions` for when); `restaurant` is the order's, if known."""
    if courier is None:
        raise RuntimeError("workers.jobs run in Comanda's own worker: start `comanda worker`")
    await courier.notify(order_id, Side(side), restaurant)
