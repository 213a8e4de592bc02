"""Price lists."""

from collections.abc import Callable, Mapping

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ..._tables import table
from ...inputs.quantities._shapes import Price, plain
from .._filters import Filter, filter_operations

_GROUP = 8
_Prices = Mapping[str, Price]


def _prices(work: Callable[[_Prices], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _by_price(prices: _Prices) -> list[str]:
    return sorted(prices, key=lambda name: prices[name].cents)


def _thing(draw: Draw) -> Params:
    return {"thing": draw.pick(table("goods", of="quantities"))}


def _two_things(draw: Draw) -> Params:
    goods = table("goods", of="quantities")
    start = draw.between(0, len(goods) // _GROUP - 1) * _GROUP
    one, two = draw.some(goods[start : start + _GROUP], 2)
    return {"one": one, "two": two}


def _some_of_thing(draw: Draw) -> Params:
    return {**_thing(draw), "n": draw.between(2, 5)}


def _bound(draw: Draw) -> Params:
    n = draw.pick((5, 6, 8, 10, 12, 15))
    return {"n": n}


def _exact(draw: Draw) -> Params:
    cents = draw.pick((100, 150, 200, 250, 300, 350, 400, 450, 500, 600, 700, 750, 800, 900))
    return {"cents": cents, "shown": plain(cents)}


def _both(value: Value, p: Params) -> tuple[int, int] | None:
    if p["one"] not in value.data or p["two"] not in value.data:
        return None
    return value.data[p["one"]].cents, value.data[p["two"]].cents


def _sum(value: Value, p: Params) -> str | None:
    two = _both(value, p)
    return None if two is None else plain(sum(two))


def _dearer(value: Value, p: Params) -> str | None:
    two = _both(value, p)
    return None if two is None else p["one"] if two[0] > two[1] else p["two"]


_ITEMS = ("things", "thing")
_FILTERS = (
    Filter(
        "things above price",
        ("prices",),
        lambda c, p: c > 100 * p["n"],
        *_ITEMS,
        ("that cost more than {n}", "priced above {n}"),
        ("that costs more than {n}", "priced above {n}"),
        _bound,
    ),
    Filter(
        "things below price",
        ("prices",),
        lambda c, p: c < 100 * p["n"],
        *_ITEMS,
        ("that cost less than {n}", "priced below {n}"),
        ("that costs less than {n}", "priced below {n}"),
        _bound,
        find=False,
    ),
    Filter(
        "things whole price",
        ("prices",),
        lambda c, _: c % 100 == 0,
        *_ITEMS,
        ("whose price ends in .00", "with a price that is a whole number"),
        ("whose price ends in .00", "with a price that is a whole number"),
    ),
)

OPERATIONS = (
    *(o for f in _FILTERS for o in filter_operations(f)),
    Operation(
        "price.of",
        ("prices",),
        "code",
        lambda v, p: v.data[p["thing"]].text if p["thing"] in v.data else None,
        (
            "look up what {thing} costs, written as in {the}",
            "copy the price that belongs to {thing}",
            "quote the price of {thing} exactly as listed",
        ),
        ("the price of {thing}, as listed", "what {the} says {thing} costs"),
        ("how much is {thing}?",),
        _thing,
    ),
    Operation(
        "price.dearest",
        ("prices",),
        "text",
        _prices(lambda x: _by_price(x)[-1]),
        (
            "name the most expensive thing",
            "find what costs the most",
            "pick the thing with the highest price",
        ),
        ("the name of the most expensive thing", "what costs most in {the}"),
        ("which thing is the most expensive?",),
    ),
    Operation(
        "price.second dearest",
        ("prices",),
        "text",
        _prices(lambda x: _by_price(x)[-2]),
        ("name the second most expensive thing", "find what costs the most after the dearest one (name only)"),
        ("the name of the thing with the second highest price",),
        ("which thing has the second highest price?",),
    ),
    Operation(
        "price.highest",
        ("prices",),
        "code",
        _prices(lambda x: max(x.values()).text),
        ("give the highest price as it is listed", "copy the largest amount in {the}"),
        ("the highest price, as listed", "the largest amount of {the}"),
        ("what is the top price?",),
    ),
    Operation(
        "price.sum of two",
        ("prices",),
        "code",
        _sum,
        (
            "add up the prices of {one} and {two} (two decimals, no currency)",
            "work out what {one} and {two} cost together, as a number like 12.50",
        ),
        ("the price of {one} and {two} together, with two decimals and no currency",),
        params=_two_things,
    ),
    Operation(
        "price.dearer of two",
        ("prices",),
        "text",
        _dearer,
        ("say which costs more, {one} or {two}", "compare {one} with {two}: name the one with the higher price"),
        ("the more expensive one of {one} and {two}",),
        ("which is more expensive, {one} or {two}?",),
        _two_things,
    ),
    Operation(
        "price.several",
        ("prices",),
        "code",
        lambda v, p: plain(v.data[p["thing"]].cents * p["n"]) if p["thing"] in v.data else None,
        (
            "work out the price of {thing} times {n} (two decimals, no currency)",
            "give the bill for an order of {thing}, quantity {n}, as a number like 12.50",
        ),
        ("the price of {thing} times {n}, with two decimals and no currency",),
        params=_some_of_thing,
        ask=("what does {thing} cost in a quantity of {n} (two decimals, no currency)?",),
    ),
    Operation(
        "price.total",
        ("prices",),
        "code",
        _prices(lambda x: plain(sum(p.cents for p in x.values())) if len(x) < 5 else None),
        ("add up all the prices (two decimals, no currency)", "work out the total of {the} as a number like 12.50"),
        ("the sum of all prices, with two decimals and no currency",),
    ),
    Operation(
        "price.thing at",
        ("prices",),
        "text",
        lambda v, p: next((name for name, x in v.data.items() if x.cents == p["cents"]), None),
        ("name the thing that costs {shown}", "find what is listed at {shown}"),
        ("the thing with the price {shown}",),
        ("which thing costs {shown}?",),
        _exact,
    ),
    Operation(
        "price.names",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(x)),
        (
            "list the names without prices, in the given order, with commas",
            "leave the prices out: only names, comma-separated",
        ),
        ("the things without their prices, in the given order, comma-separated",),
        ask=("what are the things called, in the given order, comma-separated?",),
    ),
    Operation(
        "price.amounts",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(p.text for p in x.values())),
        (
            "list the prices without names, in the given order, with commas",
            "extract the amounts as written, with commas",
        ),
        ("the prices alone, in the given order, comma-separated",),
        ask=("which prices are listed, comma-separated?",),
    ),
    Operation(
        "price.descending",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(_by_price(x)[::-1])),
        (
            "sort by price, dearest first (names with commas)",
            "list the names from high to low price, comma-separated",
        ),
        ("the names in order of price, dearest first, comma-separated",),
        ask=("what are the names from dearest down, comma-separated?",),
    ),
    Operation(
        "price.ascending",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(_by_price(x))),
        (
            "sort by price, dearest last (names with commas)",
            "list the names from low to high price, comma-separated",
        ),
        ("the names in order of rising price, comma-separated",),
        ask=("what are the names in order of rising price, comma-separated?",),
    ),
    Operation(
        "price.without dearest",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(name for name in x if name != _by_price(x)[-1])),
        (
            "list all but the most expensive thing (names with commas)",
            "drop the dearest thing: other names, comma-separated",
        ),
        ("the names of all things but the dearest, comma-separated",),
        ask=("which things are there besides the dearest, comma-separated?",),
    ),
    Operation(
        "price.first thing",
        ("prices",),
        "code",
        _prices(lambda x: next(iter(x.values())).text),
        ("give the price of the thing listed first, as written", "copy the first amount of {the}"),
        ("the price of the first thing, as listed",),
    ),
    Operation(
        "price.last thing",
        ("prices",),
        "code",
        _prices(lambda x: list(x.values())[-1].text),
        ("give the price of the thing listed last, as written", "copy the last amount of {the}"),
        ("the price of the last thing, as listed",),
    ),
)

CONDITIONS = (
    Condition(
        "prices thing listed",
        ("prices",),
        lambda v, p: p["thing"] in v.data,
        ("{the} has a price for {thing}", "{thing} is on {the}"),
        ("{the} has no price for {thing}", "{thing} is not on {the}"),
        params=_thing,
    ),
    Condition(
        "prices one above",
        ("prices",),
        lambda v, p: max(v.data.values()).cents > 100 * p["n"],
        ("at least one price is above {n}", "something in {the} costs more than {n}"),
        ("no price is above {n}", "nothing in {the} costs more than {n}"),
        params=lambda d: {"n": d.pick((8, 9, 15, 18, 30))},
    ),
)


CLASSIFIERS: tuple[Classifier, ...] = ()
