"""What a cart costs and whether it can still be ordered, by the menu as it is now."""

from __future__ import annotations

from dataclasses import dataclass

from flows.events import Line
from flows.menu import Item, Restaurant
from flows.money import Money, total
from flows.option_names import ambiguous
from flows.session import Cart, CartLine, Choice, Draft

MAX_LINES = 30  # lines of a cart: each has three buttons, and Telegram allows about 100 on a message
MAX_QUANTITY = 99
MAX_CARTS = 10  # restaurants at which one customer keeps a cart


@dataclass(frozen=True)
class Checked:
    """A cart brought up to date, the lines it would order, and in words what had to change."""

    cart: Cart
    lines: tuple[Line, ...]
    total: Money
    changes: tuple[str, ...]


def default_choices(item: Item) -> tuple[Choice, ...]:
    """The first option of every group where exactly one is chosen."""
    return tuple(Choice(group=group.name, option=group.options[0].name) for group in item.options if group.single)


def on_menu(item: Item, choices: tuple[Choice, ...]) -> bool:
    """Whether every choice is one that the dish still offers."""
    offered = {(group.name, option.name) for group in item.options for option in group.options}
    return all((choice.group, choice.option) in offered for choice in choices)


def missing(item: Item, choices: tuple[Choice, ...]) -> str | None:
    """The first group with fewer choices than it wants, or None."""
    for group in item.options:
        if sum(choice.group == group.name for choice in choices) < group.least:
            return group.name
    return None


def unit_price(item: Item, choices: tuple[Choice, ...]) -> Money | None:
    """The price of one with its surcharges; None when a choice is no longer on the menu or a group's rule is broken."""
    price, open_choices = item.price, list(choices)
    for group in item.options:
        chosen = [choice for choice in open_choices if choice.group == group.name]
        prices = {option.name: option.price for option in group.options}
        if not group.least <= len(chosen) <= group.most or any(choice.option not in prices for choice in chosen):
            return None
        for choice in chosen:
            price += prices[choice.option]
            open_choices.remove(choice)
    return None if open_choices else price


def toggle(item: Item, draft: Draft, group_index: int, option_index: int) -> Draft | str:
    """The draft with an option chosen or put back, or in words why not. Raises `IndexError` for what is not there."""
    if group_index < 0 or option_index < 0:
        raise IndexError(option_index)
    group = item.options[group_index]
    choice = Choice(group=group.name, option=group.options[option_index].name)
    chosen = [one for one in draft.choices if one.group == group.name]
    others = tuple(one for one in draft.choices if one.group != group.name)
    if choice in chosen:
        if group.single:
            return draft
        chosen.remove(choice)
    elif group.most == 1:
        chosen = [choice]
    elif len(chosen) >= group.most:
        return f"Choose at most {group.most} for {group.name}."
    else:
        chosen.append(choice)
    return draft.model_copy(update={"choices": (*others, *chosen)})


def add(cart: Cart, item: Item, draft: Draft, unit: Money) -> Cart | str:
    """The cart with the draft of that dish in it, or in words why it does not fit."""
    lines = list(cart.lines)
    key = (item.id, frozenset(draft.choices))
    for at, line in enumerate(lines):
        if (line.item_id, frozenset(line.choices)) == key:
            quantity = line.quantity + draft.quantity
            if quantity > MAX_QUANTITY:
                return f"At most {MAX_QUANTITY} of one dish; {line.quantity} are in your cart."
            # The price stays as it was seen: if it has changed since, opening the cart says so.
            lines[at] = line.model_copy(update={"quantity": quantity})
            return cart.model_copy(update={"lines": tuple(lines)})
    if len(lines) >= MAX_LINES:
        return f"Your cart is full: at most {MAX_LINES} different dishes."
    choices = _in_menu_order(item, draft.choices)
    lines.append(CartLine(item_id=item.id, name=item.name, choices=choices, quantity=draft.quantity, unit=unit))
    return cart.model_copy(update={"lines": tuple(lines)})


def _in_menu_order(item: Item, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """The kitchen reads options in the menu's order, not in the order of the taps."""
    offered = (Choice(group=group.name, option=option.name) for group in item.options for option in group.options)
    return tuple(choice for choice in offered if choice in choices)


def check(cart: Cart, restaurant: Restaurant, hidden: frozenset[str]) -> Checked:
    """Price a cart by the menu of now. Dishes that are gone drop out and changed prices are taken over, in words."""
    kept: list[CartLine] = []
    lines: list[Line] = []
    changes: list[str] = []
    for line in cart.lines:
        item = restaurant.item(line.item_id)
        if item is None or item.id in hidden:
            changes.append(f"{line.name} is not available any more and was taken out.")
            continue
        unit = unit_price(item, line.choices)
        if unit is None:
            changes.append(f"{item.name} has other options now and was taken out. Please choose it again.")
            continue
        if item.name != line.name:
            changes.append(f"{line.name} is {item.name} now.")
        if unit != line.unit:
            changes.append(f"{item.name} is {unit} now (was {line.unit}).")
        kept.append(line.model_copy(update={"name": item.name, "unit": unit}))
        lines.append(_line(item, line, unit))
    return Checked(
        cart=cart.model_copy(update={"lines": tuple(kept)}),
        lines=tuple(lines),
        total=total([line.total for line in lines], restaurant.currency),
        changes=tuple(changes),
    )


def _line(item: Item, line: CartLine, unit: Money) -> Line:
    """A line of the order, with the groups of those options that say nothing without."""
    together = ambiguous(item)
    groups = tuple(choice.group if (choice.group, choice.option) in together else "" for choice in line.choices)
    return Line(
        item_id=item.id,
        name=item.name,
        options=tuple(choice.option for choice in line.choices),
        groups=groups if any(groups) else (),
        quantity=line.quantity,
        unit=unit,
    )
