"""Prices as owners write them in a file. What can be read in two ways is asked back, never guessed."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from math import prod

from flows.lookalikes import half_width
from flows.money import CURRENCIES, Money, exponent

MOST_DECIMALS = "CLF"  # a currency that allows as many as any: 4

# The power of ten that comes closest to what a US dollar costs, where that is 100 units or more. By ExchangeRate-API's
# rates of 13 January 2025; IRR, KPW and VES by their free markets, where official rates are far from what shops ask.
_UNITS_OF_A_DOLLAR = {
    2: """AFN ALL BDT BTN CUP CVE DJF DOP DZD EGP ETB GMD GYD HTG INR ISK JMD JPY KES KGS LKR LRD MKD MRU MUR MZN NIO
        NPR PHP PKR RSD RUB SRD THB TRY TWD UAH UYU VUV XPF YER""",
    3: "AMD AOA ARS BIF CDF CLP CRC HUF IQD KMF KPW KRW KZT MMK MWK NGN RWF SDG SOS TZS VES XAF XOF",
    4: "COP GNF IDR KHR LAK MGA MNT PYG SSP SYP UGX UZS VND",
    5: "LBP",
    6: "IRR",
}
_MAGNITUDES = {code: power for power, codes in _UNITS_OF_A_DOLLAR.items() for code in codes.split()}

_HIGHEST = 5
"""Prices are worth less than 10 to the power of this in US dollars: beyond it somebody has leant on a key. No dish
comes near it, so a currency may lose a digit or two before the table above has to be changed."""

_PLAIN = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.([0-9]{1,9}))?")
_DECIMAL_MARKS = ".,٫،"
_MARKS = rf"[{_DECIMAL_MARKS}'’_·٬\s]"  # between groups of digits, or before decimals, somewhere in the world
_NUMBER = re.compile(r"(?:(?<!\S)[.,])?\d(?:.*\d)?")  # in ".50" the dot belongs to it, in "Rs.50" to the word before
_LONGEST = 40  # characters in which a number is looked for


# What makes another number of the one before it: thousands ("25k" in Vietnam), millions, and the toman, ten rials.
_TIMES_WORDS = {
    10: "toman تومان تومن",
    10**3: "k tsd tys tis тыс mil nghìn ngàn rb ribu 千 천 هزار ألف",
    10**4: "万 萬 만",
    10**6: "tr triệu jt juta mio млн میلیون مليون",
}
_TIMES = {word: times for times, words in _TIMES_WORDS.items() for word in words.split()}
_TIMES_WORD = re.compile(rf"[千천万萬만]|(?<![^\W\d_])(?:{'|'.join(_TIMES)})(?![^\W\d_])", re.IGNORECASE)
_NO_UNIT = re.compile("[%‰¢¼-¾⅐-⅞⁰-₉²³¹]")  # fractions, small digits, cents: the number alone is not the price


def price(text: str, currency: str) -> Money:
    """Read "8.50". Raises `ValueError` that says what may have been meant.

    Of a wrong currency only the form is looked at: that is one mistake, not one with every price.
    """
    known = currency if currency in CURRENCIES else MOST_DECIMALS
    wrong = _wrong(text, known)
    if wrong:
        meant = _readings(text, known)
        cure = f"did you mean {' or '.join(meant)}?" if meant else f'expected a price such as "{example(currency)}"'
        raise ValueError(f"{text!r} {wrong}; {cure}")
    money = Money.parse(text, known)
    if currency in CURRENCIES and money.minor > highest(currency).minor:
        raise ValueError(f"expected a price of at most {highest(currency)}")
    return money


def highest(currency: str) -> Money:
    """The highest price that a dish or an option may have."""
    return Money(minor=10 ** (_HIGHEST + _MAGNITUDES.get(currency, 0) + exponent(currency)), currency=currency)


def example(currency: str) -> str:
    """A price such as a dish has, as it is to be written; that of a wrong currency in euros."""
    if power := _MAGNITUDES.get(currency):
        return f"85{'0' * (power - 1)}"
    known = currency if currency in CURRENCIES else "EUR"
    return Money(minor=85 * 10 ** exponent(known) // 10, currency=known).decimal()


def _wrong(text: str, currency: str) -> str:
    """What keeps a text from being a price of one meaning; empty if nothing does."""
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return "is negative" if re.match(r"[-\u2212]\s*[0-9]", text) else "is not a price"
    decimals, allowed = len(plain[1] or ""), exponent(currency)
    if decimals > allowed:
        return f"has more decimals than {currency} has ({allowed})"
    # The dinar of Iraq has thousandths in ISO 4217, and 12.500 on its menus means thousands.
    thousands = decimals == 3 and currency in _MAGNITUDES and not text.startswith("0")
    return "can be read in two ways" if thousands else ""


def _readings(text: str, currency: str) -> list[str]:
    """What the text may mean: its marks part thousands, or the last one the decimals."""
    text = half_width(text)
    found = _NUMBER.search(text[:_LONGEST])
    if found is None or len(text) > _LONGEST or _NO_UNIT.search(text):
        return []
    times = prod(_TIMES[word.casefold()] for word in _TIMES_WORD.findall(text[found.end() :]))
    number = "".join(str(unicodedata.decimal(char, char)) for char in found[0])
    parts, marks = re.split(_MARKS, number), re.findall(_MARKS, number)
    parts[0] = parts[0] or "0"
    if not all(part.isdecimal() for part in parts):
        return []
    *whole, last = parts
    readings = [str(int("".join(parts)) * times)] if _grouped(parts, marks) else []
    if marks and marks[-1] in _DECIMAL_MARKS and marks[-1] not in marks[:-1] and _grouped(whole, marks[:-1]):
        minor = Decimal(f"{''.join(whole)}.{last}").scaleb(exponent(currency)) * times
        if minor == minor.to_integral_value():
            readings.append(written(Money(minor=int(minor), currency=currency)))
    return readings


def written(money: Money) -> str:
    """The amount as it is to be written; a weak currency's without zeros, which could be taken for thousands again."""
    plain = money.decimal()
    return plain.rstrip("0").rstrip(".") if "." in plain and money.currency in _MAGNITUDES else plain


def _grouped(parts: list[str], marks: list[str]) -> bool:
    """Whether one kind of mark parts thousands (1 250 000), or lakhs and crores (12,50,000)."""
    if not marks:
        return True
    first, *middle, last = map(len, parts)
    return len(set(marks)) == 1 and first <= 3 and parts[0] != "0" and last == 3 and set(middle) in ({2}, {3}, set())
