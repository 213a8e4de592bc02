"""Price lists."""

from collections.abc import Callable, Mapping

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
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
        params=_thing,
    ),
    Operation("price.dearest", ("prices",), "text", _prices(lambda x: _by_price(x)[-1])),
    Operation("price.second dearest", ("prices",), "text", _prices(lambda x: _by_price(x)[-2])),
    Operation("price.highest", ("prices",), "code", _prices(lambda x: max(x.values()).text)),
    Operation("price.sum of two", ("prices",), "code", _sum, params=_two_things),
    Operation("price.dearer of two", ("prices",), "text", _dearer, params=_two_things),
    Operation(
        "price.several",
        ("prices",),
        "code",
        lambda v, p: plain(v.data[p["thing"]].cents * p["n"]) if p["thing"] in v.data else None,
        params=_some_of_thing,
    ),
    Operation(
        "price.total",
        ("prices",),
        "code",
        _prices(lambda x: plain(sum(p.cents for p in x.values())) if len(x) < 5 else None),
    ),
    Operation(
        "price.thing at",
        ("prices",),
        "text",
        lambda v, p: next((name for name, x in v.data.items() if x.cents == p["cents"]), None),
        params=_exact,
    ),
    Operation("price.names", ("prices",), "list", _prices(lambda x: ", ".join(x))),
    Operation("price.amounts", ("prices",), "list", _prices(lambda x: ", ".join(p.text for p in x.values()))),
    Operation("price.descending", ("prices",), "list", _prices(lambda x: ", ".join(_by_price(x)[::-1]))),
    Operation("price.ascending", ("prices",), "list", _prices(lambda x: ", ".join(_by_price(x)))),
    Operation(
        "price.without dearest",
        ("prices",),
        "list",
        _prices(lambda x: ", ".join(name for name in x if name != _by_price(x)[-1])),
    ),
    Operation("price.first thing", ("prices",), "code", _prices(lambda x: next(iter(x.values())).text)),
    Operation("price.last thing", ("prices",), "code", _prices(lambda x: list(x.values())[-1].text)),
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
        params=picked(n=(8, 9, 15, 18, 30)),
    ),
)


CLASSIFIERS: tuple[Classifier, ...] = ()
