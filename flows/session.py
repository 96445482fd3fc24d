"""Where a customer stands in the conversation: the carts, the dish being configured, and the view on screen.

It is one JSON value per chat, written in the same transaction as whatever a tap causes.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.money import Money

REMEMBERED = 20
"""How many updates back a session knows what has taken effect: one that was set aside, or is brought back by a backup,
may come again after later ones."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Choice(_Frozen):
    """A chosen option, by names, so that it survives a menu that was put in another order."""

    group: str
    option: str


class CartLine(_Frozen):
    """A dish in the cart, with the name and the price as the customer last saw them; what changed is said."""

    item_id: str
    name: str
    choices: tuple[Choice, ...] = ()
    quantity: int = Field(ge=1, le=99)
    unit: Money


class Cart(_Frozen):
    """What a customer means to order at one restaurant. Its id becomes the order's id."""

    id: str
    slug: str
    lines: tuple[CartLine, ...] = ()
    note: str = ""

    @property
    def fingerprint(self) -> str:
        """Four hex digits that change with what would be ordered, so that an old message can't order something else."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:4]


class Draft(_Frozen):
    """The dish being configured before it goes into the cart."""

    slug: str
    item_id: str
    choices: tuple[Choice, ...] = ()
    quantity: int = Field(default=1, ge=1, le=99)


# `row` in a view is the entry of a long list that the page on screen has on it.


class RestaurantsView(_Frozen):
    kind: Literal["restaurants"] = "restaurants"
    row: int = 0


class MenuView(_Frozen):
    kind: Literal["menu"] = "menu"
    slug: str


class CategoryView(_Frozen):
    kind: Literal["category"] = "category"
    slug: str
    category: int
    row: int = 0


class ItemView(_Frozen):
    """The draft's dish."""

    kind: Literal["item"] = "item"
    slug: str
    item_id: str
    row: int = 0


class CartView(_Frozen):
    """The cart; `changes` are the sentences on what the menu's changes did to it when it was opened."""

    kind: Literal["cart"] = "cart"
    slug: str
    changes: tuple[str, ...] = ()
    row: int = 0


class NoteView(_Frozen):
    """The next text is the note for the kitchen; `row` is the cart's, to which one goes back."""

    kind: Literal["note"] = "note"
    slug: str
    row: int = 0


class OrderView(_Frozen):
    """An order's live status; `asking` while *Cancel* asks once more; `listed` when opened from /orders, its `page`."""

    kind: Literal["order"] = "order"
    order_id: str
    asking: bool = False
    listed: bool = False
    page: int = 0


class OrdersView(_Frozen):
    kind: Literal["orders"] = "orders"
    page: int = 0


class HelpView(_Frozen):
    kind: Literal["help"] = "help"


View = Annotated[
    RestaurantsView | MenuView | CategoryView | ItemView | CartView | NoteView | OrderView | OrdersView | HelpView,
    Field(discriminator="kind"),
]


class Session(_Frozen):
    """One chat's state. `causes` tell which updates took effect last; `message_id` is the live menu message."""

    causes: tuple[str, ...] = ()
    message_id: int | None = None
    view: View = RestaurantsView()
    carts: tuple[Cart, ...] = ()
    draft: Draft | None = None
    hint: str = ""
    """What was answered last to something that can't be read, with the update; empty after anything else."""

    @model_validator(mode="before")
    @classmethod
    def _with_one_cause(cls, stored: Any) -> Any:
        """Sessions used to know the last update alone, by its whole id."""
        if not isinstance(stored, dict) or not isinstance(cause := stored.get("cause"), str) or not cause:
            return stored
        return {"causes": (_mark(cause),), **stored}

    def knows(self, cause: str) -> bool:
        """Whether what that update meant to change has been changed."""
        return _mark(cause) in self.causes

    def knowing(self, cause: str) -> Session:
        """The same after an update with that id."""
        return self.model_copy(update={"causes": (*self.causes, _mark(cause))[-REMEMBERED:]})

    def cart(self, slug: str) -> Cart | None:
        """The cart at that restaurant; there is one per restaurant."""
        return next((cart for cart in self.carts if cart.slug == slug), None)

    def cart_by_id(self, cart_id: str) -> Cart | None:
        return next((cart for cart in self.carts if cart.id == cart_id), None)

    def with_cart(self, cart: Cart) -> Session:
        """The same with this cart in place of the one at its restaurant."""
        others = tuple(other for other in self.carts if other.slug != cart.slug)
        return self.model_copy(update={"carts": (*others, cart)})

    def without_cart(self, cart_id: str) -> Session:
        return self.model_copy(update={"carts": tuple(cart for cart in self.carts if cart.id != cart_id)})


def _mark(cause: str) -> str:
    """An update's id in eight characters (48 bits): a session is written with each tap, so it is kept short."""
    return urlsafe_b64encode(hashlib.sha256(cause.encode()).digest()[:6]).decode()
