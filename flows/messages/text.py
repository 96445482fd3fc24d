"""Shared parts of messages: escaping, lengths, times, and the words for refusals."""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flows.events import CancelReason, DeclineReason, Line, Person, Side
from flows.order import Order, Status, Why
from flows.visible import seen

LIMIT = 4096  # UTF-16 units of a message after its entities are parsed; Bot API, sendMessage
NOTICE_LIMIT = 200  # UTF-16 units of a callback answer; Bot API, answerCallbackQuery

_LINES = 2400  # UTF-16 units that an order's lines may take of a message
_OPTIONS = 1500  # of one line's options: more than 80 (the most that a dish offers) of an ordinary length

_AROUND = timedelta(hours=3)  # before and after a change of the clocks: what belongs to one order lies closer together

DECLINE_WORDS = {
    DeclineReason.TOO_BUSY: "too busy right now",
    DeclineReason.CLOSING_EARLY: "closing early today",
    DeclineReason.ITEM_UNAVAILABLE: "an item is not available",
    DeclineReason.OTHER: "",
}
CANCEL_WORDS = {
    CancelReason.CUSTOMER_CHANGED_MIND: "the customer changed their mind",
    CancelReason.KITCHEN_PROBLEM: "a problem in the kitchen",
    CancelReason.ITEM_UNAVAILABLE: "an item is not available",
    CancelReason.CLOSING_EARLY: "closing early today",
    CancelReason.OTHER: "",
}


# Embeddings, overrides and isolates: left in a text, an unbalanced one would turn what stands around it.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SILENT = {"Cc", "Cs"}  # Unicode categories: control characters, and halves of surrogate pairs, which no UTF-8 holds


def esc(text: str) -> str:
    """Text of people and files, made safe inside Telegram HTML and kept from turning the line around it."""
    safe = html.escape(_TURNING.sub("", text), quote=False)
    right_to_left = any(unicodedata.bidirectional(char) in ("R", "AL") for char in safe)
    return f"\u2068{safe}\u2069" if right_to_left else safe


def tidy(text: str) -> str:
    """What somebody typed, on one line and without what could disturb others; empty if nothing of it would be seen."""
    shown = (" " if unicodedata.category(char) in _SILENT else char for char in _TURNING.sub("", text))
    return seen(" ".join("".join(shown).split()))


def plain(text: str, limit: int) -> str:
    """Text for where no HTML is read (buttons, callback answers), cut to `limit` UTF-16 units.

    Signs that turn the reading direction are taken out: they would turn the price behind a name as well.
    """
    text = _TURNING.sub("", text)
    if _units(text) <= limit:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(markup: str) -> int:
    """UTF-16 units of a text after its HTML is parsed: what Telegram's limit counts."""
    return _units(html.unescape(re.sub(r"<[^>]*>", "", markup)))


def local(at: datetime, order: Order) -> str:
    """The restaurant's wall clock: "12:51", with the day when it is not the day on which the order was placed."""
    zone = ZoneInfo(order.placed.restaurant.timezone)
    there = at.astimezone(zone)
    same_day = there.date() == order.placed.at.astimezone(zone).date()
    return clock(there) if same_day else f"{there:%a %d %b}, {clock(there)}"


def clock(there: datetime) -> str:
    """What a clock shows there: "12:51"; in the hours around its change also by which time, such as "02:10 CET"."""
    around = {(there.astimezone(UTC) + hours).astimezone(there.tzinfo).utcoffset() for hours in (-_AROUND, _AROUND)}
    if len(around) == 1:
        return f"{there:%H:%M}"
    name = f"{there:%Z}"
    return f"{there:%H:%M} {name if name.isalpha() else f'UTC{name}'}"


def at_clock(then: datetime, now: datetime, zone: ZoneInfo) -> str:
    """ "at 18:00", "tomorrow at 11:00" or "Saturday 21 Mar at 12:00", by the clock of a place."""
    there = then.astimezone(zone)
    days = there.date() - now.astimezone(zone).date()
    if not days:
        return f"at {clock(there)}"
    return f"tomorrow at {clock(there)}" if days == timedelta(days=1) else f"{there:%A %d %b} at {clock(there)}"


def whose_time(zone: str) -> str:
    """ " (Rome time)": behind a time that somebody acts on who may be elsewhere."""
    return f" ({zone.rpartition('/')[2].replace('_', ' ')} time)"


def line_text(line: Line) -> str:
    """ "2 × Margherita — Large, Olives", in HTML."""
    options = f" — <b>{esc(plain(', '.join(line.chosen), _OPTIONS))}</b>" if line.options else ""
    return f"{line.quantity} × {esc(plain(line.name, 100))}{options}"


def pages(lines: list[str], limit: int) -> list[list[str]]:
    """Lines in order, on as few pages of at most `limit` UTF-16 units as they fit on; a longer line has its own."""
    found: list[list[str]] = [[]]
    used = 0
    for line in lines:
        size = visible(line) + 1
        if found[-1] and used + size > limit:
            found.append([])
            used = 0
        found[-1].append(line)
        used += size
    return found


def block(lines: list[str], limit: int = _LINES) -> str:
    """Lines below each other, as many as fit in `limit` UTF-16 units; the rest is counted, not silently dropped."""
    kept: list[str] = []
    used = 0
    for number, line in enumerate(lines):
        used += visible(line) + 1
        if used > limit:
            left = len(lines) - number
            return "\n".join([*kept, f"… and {left} more {'line' if left == 1 else 'lines'}"])
        kept.append(line)
    return "\n".join(kept)


def who(person: Person | None) -> str:
    """Whose tap it was, for texts without HTML."""
    return "the clock" if person is None else plain(person.name, 40)


def refusal(why: Why, order: Order | None) -> str:
    """Why a tap was refused, in at most `NOTICE_LIMIT` characters: who was first, and when."""
    if order is None or why is Why.UNKNOWN_ORDER:
        return "This order is not known here."
    match why:
        case Why.ALREADY_ACCEPTED:
            at = f" at {local(order.answered_at, order)}" if order.answered_at else ""
            return plain(f"{who(order.answered_by)} accepted it{at}.", NOTICE_LIMIT)
        case Why.ALREADY_READY:
            at = f" at {local(order.ready_at, order)}" if order.ready_at else ""
            return plain(f"{who(order.ready_marked_by)} marked it ready{at}.", NOTICE_LIMIT)
        case Why.ALREADY_OVER:
            return plain(f"Order #{order.placed.number} is over: {ending(order)}.", NOTICE_LIMIT)
        case Why.NOT_ACCEPTED_YET:
            return "This order has not been accepted yet."
        case Why.BAD_MINUTES:
            return "Choose one of the times on the buttons."


def ending(order: Order) -> str:
    """How an order that is over ended and by whose tap, without HTML."""
    at = f" at {local(order.closed_at, order)}" if order.closed_at else ""
    match order.status:
        case Status.FULFILLED:
            return f"picked up{at} ({who(order.closed_by)})"
        case Status.DECLINED:
            return f"declined by {who(order.closed_by)}{at}"
        case Status.CANCELLED if order.cancelled_by is Side.CUSTOMER:
            return f"cancelled by the customer{at}"
        case Status.CANCELLED:
            return f"cancelled by {who(order.closed_by)}{at}"
        case Status.EXPIRED:
            return f"expired{at}"
        case Status.NOT_COLLECTED:
            return f"not collected{at} ({who(order.closed_by)})" if order.closed_by else f"closed by the clock{at}"
        case _:
            return "open"


def because(order: Order) -> str:
    """ ": too busy right now", the reason of a declined or cancelled order; empty where none was given."""
    words = ""
    if isinstance(order.reason, DeclineReason):
        words = DECLINE_WORDS[order.reason]
    if isinstance(order.reason, CancelReason):
        words = CANCEL_WORDS[order.reason]
    return f": {words}" if words else ""
