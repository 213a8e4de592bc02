"""Amounts of money against bounds."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.quantities._shapes import CURRENCY_NAMES, SYMBOLS
from .._bands import Bands, band_label

MONEY = ("money", "money in text")


_bound = picked(n=(20, 50, 100, 250, 500, 1000, 5000, 50_000))


def _currency(draw: Draw) -> Params:
    code = draw.pick(tuple(SYMBOLS))
    return {"code": code, "name": CURRENCY_NAMES[code]}


CONDITIONS = (
    Condition(
        "money above",
        MONEY,
        lambda v, p: v.data.cents > 100 * p["n"],
        ("{the} is more than {n}", "the number is above {n}, whatever the currency"),
        ("{the} is {n} or less", "the number is at most {n}, whatever the currency"),
        params=_bound,
    ),
    Condition(
        "money below",
        MONEY,
        lambda v, p: v.data.cents < 100 * p["n"],
        ("{the} is less than {n}", "the number is under {n}, whatever the currency"),
        ("{the} is {n} or more", "the number is at least {n}, whatever the currency"),
        params=_bound,
    ),
    Condition(
        "money whole",
        MONEY,
        lambda v, _: v.data.cents % 100 == 0,
        ("{the} is a whole number without cents", "nothing but zeros follows the decimal mark, if there is one"),
        ("{the} has cents other than 00", "the decimals are not zero"),
    ),
    Condition(
        "money in currency",
        MONEY,
        lambda v, p: v.data.code == p["code"],
        ("{the} is in {code}", "the currency is the {name}"),
        ("{the} is in another currency than {code}", "the currency is not the {name}"),
        params=_currency,
    ),
    Condition(
        "money round hundred",
        MONEY,
        lambda v, _: v.data.cents % 1000 == 0,
        ("{the} is a multiple of ten", "it can be paid in notes of ten"),
        ("{the} is not a multiple of ten", "it cannot be paid in notes of ten alone"),
    ),
)


def _level(value: Value, p: Params) -> str:
    c = value.data.cents
    return "low" if c < 100 * p["low"] else "middle" if c <= 100 * p["high"] else "high"


def _levels(draw: Draw) -> Params:
    low, high = draw.pick(((10, 50), (50, 200), (100, 500), (100, 1000), (500, 1500), (5000, 15_000), (30_000, 60_000)))
    return {"low": low, "high": high}


_BANDS = (
    Bands(
        "money approval",
        MONEY,
        _level,
        {
            "low": "the amount is under {low}",
            "middle": "the amount is {low} to {high}",
            "high": "the amount is over {high}",
        },
        "the approval step",
        _levels,
        (
            {"low": "auto", "middle": "manager", "high": "board"},
            {"low": "small", "middle": "medium", "high": "large"},
            {"low": "pay", "middle": "check", "high": "ask"},
        ),
    ),
    Bands(
        "money account",
        MONEY,
        lambda v, _: v.data.code,
        {
            "EUR": "the currency is the euro",
            "USD": "the currency is the dollar",
            "GBP": "the currency is the pound",
            "INR": "the currency is the rupee",
        },
        "the account it belongs to",
        names=(
            {"EUR": "Paris", "USD": "Boston", "GBP": "London", "INR": "Delhi"},
            {"EUR": "101", "USD": "102", "GBP": "103", "INR": "104"},
        ),
    ),
)
OPERATIONS: tuple[Operation, ...] = tuple(map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
