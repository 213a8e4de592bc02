"""Amounts of money: rewritten, taken apart, worked on, compared with bounds."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.quantities._shapes import (
    CURRENCY_NAMES,
    MONEY_SHAPES,
    SYMBOLS,
    german,
    grouped,
    plain,
    short,
    thousands,
)
from .._work import new_of_data

MONEY = ("money", "money in text")


def _shaped(shape: str) -> Callable[[Value, Params], str | None]:
    return new_of_data(MONEY_SHAPES[shape])


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


def _extra(draw: Draw) -> Params:
    n = draw.pick((1, 2, 5, 10, 20, 50, 100))
    return {"n": n}


def _people(draw: Draw) -> Params:
    n = draw.pick((2, 3, 4, 5, 10))
    return {"n": n}


_rate = picked(n=(2, 3, 4, 5, 10, 20))


OPERATIONS = (
    Operation("money.number", MONEY, "code", new_of_data(lambda m: plain(m.cents))),
    Operation(
        "money.number grouped", MONEY, "code", new_of_data(lambda m: grouped(m.cents) if m.cents >= 100_000 else None)
    ),
    Operation("money.whole", MONEY, "number", new_of_data(lambda m: m.cents // 100)),
    Operation(
        "money.rounded", MONEY, "number", new_of_data(lambda m: (m.cents + 50) // 100 if m.cents % 100 != 50 else None)
    ),
    Operation("money.cents part", MONEY, "code", new_of_data(lambda m: f"{m.cents % 100:02}")),
    Operation("money.in cents", MONEY, "number", new_of_data(lambda m: m.cents)),
    Operation("money.code", MONEY, "word", new_of_data(lambda m: m.code)),
    Operation("money.symbol", MONEY, "code", new_of_data(lambda m: SYMBOLS[m.code])),
    Operation("money.currency name", MONEY, "word", new_of_data(lambda m: CURRENCY_NAMES[m.code])),
    Operation("money.to symbol", MONEY, "code", _shaped("symbol")),
    Operation("money.to code after", MONEY, "code", _shaped("code after")),
    Operation("money.to code before", MONEY, "code", _shaped("code before")),
    Operation("money.to German", MONEY, "code", new_of_data(lambda m: german(m.cents))),
    Operation("money.short", MONEY, "code", new_of_data(lambda m: f"{SYMBOLS[m.code]}{short(m.cents)}")),
    Operation("money.in thousands", MONEY, "code", new_of_data(lambda m: thousands(m.cents))),
    Operation("money.double", MONEY, "code", _worked(lambda c, _: 2 * c)),
    Operation("money.half", MONEY, "code", _worked(lambda c, _: c // 2 if c % 2 == 0 else None)),
    Operation("money.plus", MONEY, "code", _worked(lambda c, p: c + 100 * p["n"]), params=_extra),
    Operation(
        "money.minus",
        MONEY,
        "code",
        _worked(lambda c, p: c - 100 * p["n"] if c > 100 * p["n"] else None),
        params=_extra,
    ),
    Operation("money.plus percent", MONEY, "code", _worked(_plus_percent), params=picked(n=(5, 10, 20, 50))),
    Operation("money.minus percent", MONEY, "code", _worked(_minus_percent), params=picked(n=(10, 20, 25, 50))),
    Operation(
        "money.tip", MONEY, "code", _worked(lambda c, p: _percent_of(c, p["n"])), params=picked(n=(1, 5, 10, 50))
    ),
    Operation(
        "money.split", MONEY, "code", _worked(lambda c, p: c // p["n"] if c % p["n"] == 0 else None), params=_people
    ),
    Operation(
        "money.exchange", MONEY, "code", _worked(lambda c, p: c * p["n"] if c < 1_000_000 else None), params=_rate
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
