"""What a customer reads before placing an order: the cart, and the request for a note."""

from __future__ import annotations

from flows import callbacks as cb
from flows.callbacks import encode
from flows.cart import Checked
from flows.events import Line
from flows.menu import Restaurant
from flows.messages.menus import NAME, Closed, where
from flows.messages.text import block, esc, plain, visible
from flows.paging import fitting, page_of
from flows.screens import Button, Row, Screen

NOTE_LIMIT = 300  # characters of a note for the kitchen

# UTF-16 units of a message for the parts whose length people decide; with names, addresses and a note at their
# longest, and a notice above, all stays below Telegram's 4096.
LINES, CHANGES, OPTIONS = 1800, 500, 150


def cart_screen(
    restaurant: Restaurant, checked: Checked, changes: tuple[str, ...], closed: Closed | None, row: int
) -> Screen:
    """The cart, with everything there is to know before *Place order*; a long one on the page with that line on it."""
    cart = checked.cart
    menu = Button("‹ Menu", encode(cb.ShowMenu(restaurant.slug)))
    said = [block([f"⚠️ {esc(change)}" for change in changes], CHANGES)] if changes else []
    if not cart.lines:
        return Screen("\n\n".join([*said, f"Your cart at {esc(restaurant.name)} is empty."]), ((menu,),))
    note = [Button("📝 Change note" if cart.note else "📝 Add a note", encode(cb.WriteNote(cart.id)))]
    if cart.note:
        note.append(Button("Remove note", encode(cb.RemoveNote(cart.id))))
    place = Button(f"✅ Place order · {checked.total}", encode(cb.Place(cart.id, cart.fingerprint)), style="success")
    beside = (tuple(note), (place,), (menu, Button("Empty cart", encode(cb.EmptyCart(cart.id)))))
    rows, texts = _line_rows(restaurant, checked), [_priced(line) for line in checked.lines]
    page = page_of(rows, row, beside, fitting([visible(text) + 1 for text in texts], LINES))
    turn = page.pager(lambda first: encode(cb.ShowCart(restaurant.slug, first)))
    parts = [
        f"🛒 <b>Your cart at {esc(restaurant.name)}</b>",
        *said,
        "\n".join(page.of(texts)),
        *([] if page.is_all else [f"<i>Dishes {page.first + 1} to {page.end} of {page.number}</i>"]),
        *([f"📝 {esc(cart.note)}"] if cart.note else []),
        f"Total <b>{checked.total}</b>, pay at pick-up",
        where(restaurant.address, restaurant.phone),
        *([f"⚠️ {esc(closed.sentence)}"] if closed else []),
    ]
    return Screen("\n\n".join(parts), (*page.of(rows), *turn, *beside))


def _line_rows(restaurant: Restaurant, checked: Checked) -> list[Row]:
    """One less, the dish itself, one more; the last one less takes the line out."""
    rows: list[Row] = []
    for index, line in enumerate(checked.lines):
        less, more = (encode(cb.ChangeLine(checked.cart.id, index, line.item_id, by)) for by in (-1, 1))
        dish = encode(cb.ShowItem(restaurant.slug, line.item_id))
        label = plain(f"{line.quantity} × {line.name}", NAME)
        rows.append((Button("🗑" if line.quantity == 1 else "−", less), Button(label, dish), Button("+", more)))
    return rows


def priced(lines: tuple[Line, ...]) -> str:
    """ "2 × Margherita — Large, Olives · €23.00", line by line, in HTML; a very long list ends with a count."""
    return block([_priced(line) for line in lines], LINES)


def _priced(line: Line) -> str:
    options = f" — <i>{esc(plain(', '.join(line.chosen), OPTIONS))}</i>" if line.options else ""
    return f"{line.quantity} × {esc(line.name)}{options} · {line.total}"


def note_screen(restaurant: Restaurant, note: str, row: int) -> Screen:
    """The next text is the note; `row` is the cart's, to which one goes back."""
    now = f"\n\nNow it says: {esc(note)}" if note else ""
    text = f"📝 <b>Send me your note for the kitchen</b> as a message, up to {NOTE_LIMIT} characters.{now}"
    return Screen(text, ((Button("‹ Back to the cart", encode(cb.ShowCart(restaurant.slug, row))),),))
