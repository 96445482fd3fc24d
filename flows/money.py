"""Money: whole minor units with an ISO 4217 code, so that no sum is ever rounded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

# ISO 4217 minor units that differ from two digits (the list of the standard, table A.1).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = {**dict.fromkeys(_NONE.split(), 0), **dict.fromkeys(_THREE.split(), 3)}

# Decimal itself also reads "1e999999", "1_0" and other scripts' digits. 15 + 9 digits stay within its 28 exact ones.
_AMOUNT = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "UAH": "₴", "PLN": "zł", "CHF": "CHF"}


def exponent(currency: str) -> int:
    """Digits after the decimal point, by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


class Money(BaseModel):
    """An amount in minor units (cents) of one currency. Adding two currencies raises `ValueError`."""

    model_config = ConfigDict(frozen=True)

    minor: int
    currency: Currency

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read "8.50" as 850 minor units. Raises `ValueError` for what is no amount or has too many digits."""
        if _AMOUNT.fullmatch(text) is None:
            raise ValueError(f"{text!r} is not an amount such as 8.50")
        scaled = Decimal(text).scaleb(exponent(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{text!r} has more digits than {currency} allows ({exponent(currency)})")
        return cls(minor=int(scaled), currency=currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(minor=self.minor * times, currency=self.currency)

    def decimal(self) -> str:
        """The plain decimal string, such as "8.50": what scripts and files use."""
        return f"{Decimal(self.minor).scaleb(-exponent(self.currency)):f}"

    def __str__(self) -> str:
        """What a person reads, such as "€8.50" or "8.50 SEK"."""
        symbol = _SYMBOLS.get(self.currency)
        return f"{symbol}{self.decimal()}" if symbol and len(symbol) == 1 else f"{self.decimal()} {self.currency}"


def total(amounts: list[Money], currency: str) -> Money:
    """The sum of amounts of one currency; zero of that currency for none."""
    result = Money(minor=0, currency=currency)
    for amount in amounts:
        result += amount
    return result
