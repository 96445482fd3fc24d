"""The ledger: the only part of `flows` that touches the store.

Orders are lists of events; whatever follows from an event (indices, jobs, deadlines, the customer's session) is
written in one step with the event itself (see `flows.ledger.transaction`), so nothing is ever half-done.

Writing never relies on a reply. Each transaction checks that what it read still stands, and carries the id of its
cause: after a conflict or a lost reply it reads again, and finding its own cause there means that it had succeeded.
"""

from flows.ledger.orders import Ledger
from flows.ledger.restaurants import JoinOutcome, JoinResult
from flows.ledger.shown import Shown
from flows.ledger.transaction import Check, Superseded, having_read, only_while

__all__ = ["Check", "JoinOutcome", "JoinResult", "Ledger", "Shown", "Superseded", "having_read", "only_while"]
