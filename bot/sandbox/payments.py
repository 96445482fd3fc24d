"""The methods of the Bot API about payments: an invoice, the bot's word before it is paid, and the receipt."""

from __future__ import annotations

import re
from itertools import pairwise
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import OLD_QUERY, bad_request
from bot.sandbox.fields import Json
from bot.sandbox.keyboards import markup_of
from bot.sandbox.messages import send
from bot.sandbox.rooms import CHECKOUT_LIFE, Checkout
from bot.sandbox.state import World
from bot.sandbox.watch import Watch

served = Served()

PAYLOAD_LIMIT = 128  # bytes
MOST_TIPS = 4
# How many digits of an amount are decimals, where not two (ISO 4217, of the currencies that Telegram takes).
DIGITS = dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND"), 0) | dict.fromkeys(("JOD",), 3)


class _Price(BaseModel):
    model_config = ConfigDict(extra="ignore")

    label: str = Field(min_length=1)
    amount: int


_PRICES = TypeAdapter(list[_Price])
_TIPS = TypeAdapter(list[int])


@served
def send_invoice(call: Call) -> Json:
    invoice = _invoice(call)
    keyboard = markup_of(call, inline=True)
    if keyboard is None:
        text = f"Pay {_money(invoice['total_amount'], invoice['currency'])}"
        keyboard = {"inline_keyboard": [[{"text": text, "pay": True}]]}
    elif not keyboard["inline_keyboard"][0][0].get("pay"):
        raise bad_request("REPLY_MARKUP_BUY_EMPTY")
    room = call.room
    sent = send(call, invoice=invoice, reply_markup=keyboard)
    room.invoices[sent["message_id"]] = call.text("payload")
    return sent


def _money(amount: int, currency: str) -> str:
    if currency == "XTR":
        return f"{amount} ⭐"
    digits = DIGITS.get(currency, 2)
    return f"{amount / 10**digits:.{digits}f} {currency}"


@served
def create_invoice_link(call: Call) -> str:
    _invoice(call)
    return f"https://t.me/${uuid4().hex}"


def _invoice(call: Call) -> Json:
    """The Invoice object. Raises `ApiError` for what can't be paid."""
    for name in ("title", "description"):
        if not call.text(name).strip():
            raise bad_request(f"{name} is empty")
    if not 1 <= len(call.text("payload").encode()) <= PAYLOAD_LIMIT:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    currency = call.text("currency")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise bad_request("CURRENCY_INVALID")
    if currency != "XTR" and not call.text("provider_token"):
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    total = sum(price.amount for price in _prices(call))
    if total <= 0 or (currency == "XTR" and len(_prices(call)) != 1):
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    _check_tips(call)
    start = call.text("start_parameter")
    texts = {"title": call.text("title"), "description": call.text("description"), "start_parameter": start}
    return texts | {"currency": currency, "total_amount": total}


def _prices(call: Call) -> list[_Price]:
    try:
        prices = _PRICES.validate_python(call.params.get("prices"))
    except ValidationError:
        raise bad_request("can't parse prices JSON object") from None
    if not prices:
        raise bad_request("prices are empty")
    return prices


def _check_tips(call: Call) -> None:
    try:
        tips = _TIPS.validate_python(call.params.get("suggested_tip_amounts") or [])
    except ValidationError:
        raise bad_request("can't parse suggested tip amounts") from None
    rising = all(first < second for first, second in pairwise(tips))
    if len(tips) > MOST_TIPS or not rising or any(not 0 < tip <= call.number_or("max_tip_amount", 0) for tip in tips):
        raise bad_request("SUGGESTED_TIP_AMOUNTS_INVALID")


@served
def answer_pre_checkout_query(call: Call) -> bool:
    checkout = call.world.checkouts.pop(call.text("pre_checkout_query_id"), None)
    if checkout is None or checkout.bot != call.bot.id or call.world.now() - checkout.at > CHECKOUT_LIFE:
        raise OLD_QUERY
    if not call.flag("ok"):
        if not call.text("error_message"):
            raise bad_request("error message must be non-empty")
        _fail(call.world, checkout, call.text("error_message"))
        return True
    _pay(call, checkout)
    return True


def _pay(call: Call, checkout: Checkout) -> None:
    """The receipt, as the service message of whoever paid."""
    charge = f"{checkout.room.key}:{checkout.message_id}:{int(checkout.at)}"
    charges = {"telegram_payment_charge_id": f"telegram:{charge}", "provider_payment_charge_id": f"provider:{charge}"}
    message = call.world.post(checkout.room, checkout.payer, successful_payment=checkout.asked | charges)
    call.world.update(call.bot, message=dict(message))


def _fail(world: World, checkout: Checkout, why: str) -> None:
    """Tell the person why the payment failed."""
    world.changed("checkout", room=checkout.room, message={"message_id": checkout.message_id}, error=why)


async def fail_unanswered(world: World, watch: Watch) -> None:
    """Give up the payments that no bot agrees to in time, until cancelled."""
    while True:
        await watch.until(lambda: world.checkouts)
        query, oldest = next(iter(world.checkouts.items()))
        due = oldest.at + CHECKOUT_LIFE
        await _answered(world, watch, query, due)
        if query in world.checkouts and world.now() >= due:
            _fail(world, world.checkouts.pop(query), "the bot did not answer in time")
            await watch.changed()


async def _answered(world: World, watch: Watch, query: str, due: float) -> None:
    """Wait for the bot's word at most until then."""
    patience = max(0.0, due - world.now())
    await watch.until(lambda: query not in world.checkouts or world.now() >= due, patience)
