"""Amounts of money: rewritten, taken apart, worked on, compared with bounds."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.quantities._shapes import (
    CURRENCY_NAMES,
    MONEY_SHAPES,
    SYMBOLS,
    Money,
    german,
    grouped,
    plain,
    short,
    thousands,
)

MONEY = ("money", "money in text")


def _on(work: Callable[[Money], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _shaped(shape: str) -> Callable[[Value, Params], str | None]:
    return _on(MONEY_SHAPES[shape])


def _worked(work: Callable[[int, Params], int | None]) -> Callable[[Value, Params], str | None]:
    """The new amount with two decimals, without its currency."""

    def answer(value: Value, p: Params) -> str | None:
        cents = work(value.data.cents, p)
        return None if cents is None else plain(cents)

    return answer


def _percent_of(cents: int, n: int) -> int | None:
    return cents * n // 100 if cents * n % 100 == 0 else None


def _plus_percent(cents: int, p: Params) -> int | None:
    more = _percent_of(cents, p["n"])
    return None if more is None else cents + more


def _minus_percent(cents: int, p: Params) -> int | None:
    less = _percent_of(cents, p["n"])
    return None if less is None else cents - less


def _percent(*choices: int) -> Callable[[Draw], Params]:
    return lambda draw: {"n": draw.pick(choices)}


def _extra(draw: Draw) -> Params:
    n = draw.pick((1, 2, 5, 10, 20, 50, 100))
    return {"n": n}


def _people(draw: Draw) -> Params:
    n = draw.pick((2, 3, 4, 5, 10))
    return {"n": n}


def _rate(draw: Draw) -> Params:
    return {"n": draw.pick((2, 3, 4, 5, 10, 20))}


OPERATIONS = (
    Operation(
        "money.number",
        MONEY,
        "code",
        _on(lambda m: plain(m.cents)),
        (
            "give the bare amount with two decimals, no currency and no thousands separators",
            "reduce {the} to a number a spreadsheet can read, like 1234.50",
            "strip the currency: only digits, a point and two decimals",
        ),
        ("{the} as a plain number such as 1234.50", "the number with two decimals, without currency or separators"),
    ),
    Operation(
        "money.number grouped",
        MONEY,
        "code",
        _on(lambda m: grouped(m.cents) if m.cents >= 100_000 else None),
        (
            "give the amount with commas for thousands and two decimals, like 1,234.50, no currency",
            "write only the number, in English notation with thousands separators (12,345.00)",
        ),
        ("the number with thousands commas and two decimals, without currency",),
    ),
    Operation(
        "money.whole",
        MONEY,
        "number",
        _on(lambda m: m.cents // 100),
        (
            "cut off the cents and the currency: whole units only",
            "give the amount rounded down to a whole number, digits only",
        ),
        ("the whole units of {the}, digits only", "{the} without cents and currency, rounded down"),
        ask=("how many whole units are that, digits only?",),
    ),
    Operation(
        "money.rounded",
        MONEY,
        "number",
        _on(lambda m: (m.cents + 50) // 100 if m.cents % 100 != 50 else None),
        (
            "round {the} to the nearest whole unit, digits only",
            "round to full currency units (below .50 down, above up), as a bare number",
        ),
        ("{the} rounded to a whole number, without currency",),
    ),
    Operation(
        "money.cents part",
        MONEY,
        "code",
        _on(lambda m: f"{m.cents % 100:02}"),
        (
            "give only the hundredths after the decimal mark, two digits (00 if there are none)",
            "write the cents part of {the} as two digits",
        ),
        ("the cents of {the} in two digits, 00 for whole amounts",),
        ask=("how many cents are there beyond the whole amount (two digits)?",),
    ),
    Operation(
        "money.in cents",
        MONEY,
        "number",
        _on(lambda m: m.cents),
        (
            "convert {the} to cents (hundredths), as a payment API expects it",
            "multiply out to the smallest unit: digits only, 12.50 is 1250",
        ),
        ("{the} in cents, digits only", "the total number of hundredths (12.50 is 1250)"),
    ),
    Operation(
        "money.code",
        MONEY,
        "word",
        _on(lambda m: m.code),
        (
            "give the three-letter code of the currency (EUR, USD, GBP or INR)",
            "name the currency of {the} by its ISO code",
            "fill the currency column with EUR, USD, GBP or INR",
        ),
        ("the ISO code of the currency", "the currency as three capital letters"),
        ("in which currency is it (three-letter code)?",),
    ),
    Operation(
        "money.symbol",
        MONEY,
        "code",
        _on(lambda m: SYMBOLS[m.code]),
        ("give only the currency sign", "write the symbol of the currency of {the} and no digits"),
        ("the symbol of the currency, nothing else", "the currency sign that belongs to {the}"),
    ),
    Operation(
        "money.currency name",
        MONEY,
        "word",
        _on(lambda m: CURRENCY_NAMES[m.code]),
        ("name the currency in one English word, singular", "say which currency it is: euro, dollar, pound or rupee"),
        ("the English name of the currency, in the singular",),
        ("which currency is it: euro, dollar, pound or rupee?",),
    ),
    Operation(
        "money.to symbol",
        MONEY,
        "code",
        _shaped("symbol"),
        (
            "write {the} with the currency sign in front, thousands commas and two decimals",
            "format {the} the way an English shop does: sign, then 1,234.50",
        ),
        ("{the} with the sign in front, like $1,234.50", "{the} in English notation with its symbol, two decimals"),
    ),
    Operation(
        "money.to code after",
        MONEY,
        "code",
        _shaped("code after"),
        (
            "write {the} as a number with two decimals, a space and the currency code (1234.50 EUR)",
            "normalise {the} to the style 1234.50 USD, no thousands separators",
        ),
        ("{the} in the form 1234.50 EUR", "the number with two decimals followed by the ISO code"),
    ),
    Operation(
        "money.to code before",
        MONEY,
        "code",
        _shaped("code before"),
        (
            "put the currency code first, then a space and the amount with thousands commas and two decimals",
            "write {the} like EUR 1,234.50",
        ),
        ("{the} in the form USD 1,234.50",),
    ),
    Operation(
        "money.to German",
        MONEY,
        "code",
        _on(lambda m: german(m.cents)),
        (
            "write the number in German notation (point for thousands, comma for decimals), without the currency",
            "swap to the continental style 1.234,50, leaving the currency out",
        ),
        ("the number in the style 1.234,50, without currency",),
    ),
    Operation(
        "money.short",
        MONEY,
        "code",
        _on(lambda m: f"{SYMBOLS[m.code]}{short(m.cents)}"),
        (
            "write the sign and the number without separators; leave out decimals that are zero",
            "shorten {the} for a label: sign first, no .00, no thousands commas (like $1250 or $12.50)",
        ),
        ("{the} as sign and number, .00 left out, like $1250 or $12.50",),
    ),
    Operation(
        "money.in thousands",
        MONEY,
        "code",
        _on(lambda m: thousands(m.cents)),
        (
            "write the number in thousands with a k, like 12.5k, without the currency",
            "abbreviate {the} for a chart: 3500 becomes 3.5k (no currency)",
        ),
        ("the amount in thousands, in the style 12.5k, no currency",),
    ),
    Operation(
        "money.double",
        MONEY,
        "code",
        _worked(lambda c, _: 2 * c),
        ("double {the} (two decimals, no currency)", "give the price for two, as a number like 25.00"),
        ("twice {the}, with two decimals and no currency",),
    ),
    Operation(
        "money.half",
        MONEY,
        "code",
        _worked(lambda c, _: c // 2 if c % 2 == 0 else None),
        ("halve {the} (two decimals, no currency)", "give the half price as a number like 12.50"),
        ("half of {the}, with two decimals and no currency",),
    ),
    Operation(
        "money.plus",
        MONEY,
        "code",
        _worked(lambda c, p: c + 100 * p["n"]),
        (
            "add shipping of {n} to {the} (two decimals, no currency)",
            "raise {the} by {n}: a bare number like 12.50",
        ),
        ("{the} plus {n}, with two decimals and no currency",),
        params=_extra,
    ),
    Operation(
        "money.minus",
        MONEY,
        "code",
        _worked(lambda c, p: c - 100 * p["n"] if c > 100 * p["n"] else None),
        (
            "take a voucher of {n} off {the} (two decimals, no currency)",
            "lower {the} by {n}: a bare number like 12.50",
        ),
        ("{the} less {n}, with two decimals and no currency",),
        params=_extra,
    ),
    Operation(
        "money.plus percent",
        MONEY,
        "code",
        _worked(_plus_percent),
        (
            "add {n}% VAT to {the} (two decimals, no currency)",
            "work out the gross amount at a tax of {n} percent, number with two decimals only",
        ),
        ("{the} plus {n}%, with two decimals and no currency",),
        params=_percent(5, 10, 20, 50),
    ),
    Operation(
        "money.minus percent",
        MONEY,
        "code",
        _worked(_minus_percent),
        (
            "take a discount of {n}% off {the} (two decimals, no currency)",
            "work out what is left to pay after {n} percent off, number with two decimals only",
        ),
        ("{the} less {n}%, with two decimals and no currency",),
        params=_percent(10, 20, 25, 50),
    ),
    Operation(
        "money.tip",
        MONEY,
        "code",
        _worked(lambda c, p: _percent_of(c, p["n"])),
        ("work out {n}% of {the} (two decimals, no currency)", "give the deposit, {n} percent of {the}, like 12.50"),
        ("{n}% of {the}, with two decimals and no currency",),
        params=_percent(1, 5, 10, 50),
    ),
    Operation(
        "money.split",
        MONEY,
        "code",
        _worked(lambda c, p: c // p["n"] if c % p["n"] == 0 else None),
        (
            "split {the} evenly among {n} people (two decimals, no currency)",
            "give the share of each of {n} people, like 12.50",
        ),
        ("the share of each of {n} people, with two decimals and no currency",),
        params=_people,
    ),
    Operation(
        "money.exchange",
        MONEY,
        "code",
        _worked(lambda c, p: c * p["n"] if c < 1_000_000 else None),
        (
            "convert {the} at {n} to 1: multiply by {n} (two decimals, no currency)",
            "give {the} in a currency of which {n} make one of ours, like 12.50",
        ),
        ("{the} times {n}, with two decimals and no currency",),
        params=_rate,
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
