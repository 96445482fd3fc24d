"""Prices as people write them: read where they mean one thing, and asked back where they don't."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cart import MAX_LINES, MAX_QUANTITY
from flows.menu import MAX_OPTIONS
from flows.money import CURRENCIES, Money
from flows.prices import example, highest, price


def refusal(text: str, currency: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        price(text, currency)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("8.50", "EUR", 850),
        ("8.5", "EUR", 850),
        ("1250", "EUR", 125_000),
        ("0", "EUR", 0),
        ("980", "JPY", 980),
        ("1.250", "KWD", 1250),
        ("12500000", "IRR", 1_250_000_000),
        ("1500000", "LBP", 150_000_000),
        ("12.5", "IQD", 12_500),
    ],
)
def test_digits_with_as_many_decimals_as_the_currency_has_are_a_price(text: str, currency: str, minor: int) -> None:
    assert price(text, currency) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("text", "currency", "asked"),
    [
        ("1.250", "EUR", "1250 or 1.25?"),
        ("8.500", "EUR", "8500 or 8.50?"),
        ("1,250", "EUR", "1250 or 1.25?"),
        ("25.000", "VND", "25000 or 25?"),
        ("25.000 ₫", "VND", "25000 or 25?"),
        ("12.500", "IQD", "12500 or 12.5?"),
        ("1,250", "KWD", "1250 or 1.250?"),
        ("8.505", "EUR", "did you mean 8505?"),
        ("25.00", "VND", "did you mean 25?"),
        ("1.2500", "KWD", "did you mean 1.250?"),
        ("0.500", "EUR", "did you mean 0.50?"),
        ("8,50", "EUR", "did you mean 8.50?"),
        ("1,250.00", "EUR", "did you mean 1250.00?"),
        ("1.250,00", "EUR", "did you mean 1250.00?"),
        ("1.250.000", "IDR", "did you mean 1250000?"),
        ("12,50,000", "INR", "did you mean 1250000?"),
        ("1 250", "EUR", "did you mean 1250?"),
        ("1\u202f250", "EUR", "did you mean 1250?"),
        ("1'250", "CHF", "did you mean 1250?"),
        ("1_250", "EUR", "did you mean 1250?"),
        ("8.50 €", "EUR", "did you mean 8.50?"),
        ("$8.50", "USD", "did you mean 8.50?"),
        ("Rs.250", "INR", "did you mean 250?"),
        ("+1.00", "EUR", "did you mean 1.00?"),
        (".50", "EUR", "did you mean 0.50?"),
        ("8.", "EUR", "did you mean 8?"),
        ("010", "EUR", "did you mean 10?"),
        ("٨٫٥٠", "EUR", "did you mean 8.50?"),
        ("-8.50", "EUR", "is negative; did you mean 8.50?"),
        ("۸،۵۰", "EUR", "did you mean 8.50?"),
        ("８．５０", "EUR", "did you mean 8.50?"),
        ("１，２８０円", "JPY", "did you mean 1280?"),
        ("25k", "VND", "did you mean 25000?"),
        ("25 rb", "IDR", "did you mean 25000?"),
        ("1,5 tys. zł", "PLN", "did you mean 1500.00?"),
        ("9천원", "KRW", "did you mean 9000?"),
        ("1.2万円", "JPY", "did you mean 12000?"),
        ("۱۲۵۰ هزار تومان", "IRR", "did you mean 12500000?"),
        ("149 Kč", "CZK", "did you mean 149?"),
    ],
)
def test_what_may_be_meant_is_asked_back(text: str, currency: str, asked: str) -> None:
    assert asked in refusal(text, currency)


@pytest.mark.parametrize(
    "text",
    ["", "cheap", "1e3", "0x10", "0o17", "1:30", ".inf", ".nan", "1..2", "8-9", "9" * 50, "8½", "8⁵⁰", "99¢", "50%"],
)
def test_what_means_no_price_is_answered_with_an_example(text: str) -> None:
    assert refusal(text, "EUR").endswith('is not a price; expected a price such as "8.50"')


def test_the_highest_price_is_by_what_the_money_is_worth() -> None:
    assert refusal("100000.01", "EUR") == "expected a price of at most €100000.00"
    assert refusal("100001", "KWD") == "expected a price of at most 100000.000 KWD"
    assert refusal("1000000001", "VND") == "expected a price of at most 1000000000 VND"
    assert price("1000000000", "VND")


@given(st.sampled_from(sorted(CURRENCIES - {"IQD"})), st.data())
def test_any_price_up_to_the_highest_is_read_as_it_is_written(currency: str, data: st.DataObject) -> None:
    money = Money(minor=data.draw(st.integers(0, highest(currency).minor)), currency=currency)
    assert price(money.decimal(), currency) == money


@given(
    st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10**7), st.sampled_from(["{:,}", "{:_}", "{:,}.00", "{} kr"])
)
def test_what_is_asked_back_can_be_written(currency: str, number: int, form: str) -> None:
    text = form.format(number)
    try:
        price(text, currency)
    except ValueError as refused:
        if "did you mean " in str(refused):
            for meant in str(refused).rpartition("did you mean ")[2].rstrip("?").split(" or "):
                assert Money.parse(meant, currency)


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_an_example_is_a_price_and_the_largest_order_fits_64_bits(currency: str) -> None:
    assert price(example(currency), currency)
    assert highest(currency).minor * (1 + MAX_OPTIONS) * MAX_QUANTITY * MAX_LINES < 2**63


@given(st.text(max_size=50), st.sampled_from(["EUR", "VND", "KWD", "nonsense"]))
def test_any_text_is_a_price_or_refused_and_nothing_else(text: str, currency: str) -> None:
    with suppress(ValueError):
        assert price(text, currency).minor >= 0
