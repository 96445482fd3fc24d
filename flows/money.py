"""Money: whole minor units with an ISO 4217 code, so that no sum is ever rounded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# Any code, for what is stored outlives its currency: an order in leva is to be read in a year of euros, too.
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

# ISO 4217, list one as its maintenance agency (SIX) published it on 2026-01-01, without what has no minor unit and so
# no price: gold and other metals, units of account between banks, XTS for tests and XXX for none.
_ACTIVE = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_ACTIVE.split())

# Minor units of that list which are not two digits.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_EXPONENTS = {**dict.fromkeys(_NONE.split(), 0), **dict.fromkeys(_THREE.split(), 3), **dict.fromkeys(_FOUR.split(), 4)}

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
