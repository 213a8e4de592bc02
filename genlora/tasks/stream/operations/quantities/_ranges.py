"""Ranges of numbers, and coordinates."""

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from .._bands import Bands, band_label
from .._work import new_of_both

_inside = picked(n=(5, 8, 10, 12, 20, 25, 30, 40, 50, 200, 300))


_width = picked(n=(3, 4, 5, 6, 10))


_shift = picked(n=(1, 2, 5, 10))


def _against(value: Value, p: Params) -> str:
    start, end = value.data
    return "below" if end < p["n"] else "above" if start > p["n"] else "in"


OPERATIONS = (
    Operation("range.start", ("range",), "number", new_of_both(lambda a, b: a)),
    Operation("range.end", ("range",), "number", new_of_both(lambda a, b: b)),
    Operation("range.width", ("range",), "number", new_of_both(lambda a, b: b - a)),
    Operation("range.count", ("range",), "number", new_of_both(lambda a, b: b - a + 1)),
    Operation(
        "range.middle", ("range",), "number", new_of_both(lambda a, b: (a + b) // 2 if (a + b) % 2 == 0 else None)
    ),
    Operation(
        "range.list",
        ("range",),
        "list",
        new_of_both(lambda a, b: ", ".join(map(str, range(a, b + 1))) if b - a <= 6 else None),
    ),
    Operation("range.hyphen", ("range",), "code", new_of_both(lambda a, b: f"{a}-{b}")),
    Operation("range.words", ("range",), "code", new_of_both(lambda a, b: f"{a} to {b}")),
    Operation("range.interval", ("range",), "code", new_of_both(lambda a, b: f"{a} <= x <= {b}")),
    Operation("range.up", ("range",), "code", lambda v, p: f"{v.data[0] + p['n']}-{v.data[1] + p['n']}", params=_shift),
    Operation("place.latitude", ("place",), "code", lambda v, _: v.data["parts"][0]),
    Operation("place.longitude", ("place",), "code", lambda v, _: v.data["parts"][1]),
    Operation("place.decimal", ("place",), "code", lambda v, _: f"{v.data['lat'] / 100:.2f},{v.data['lon'] / 100:.2f}"),
    Operation("place.swapped", ("place",), "code", lambda v, _: f"{v.data['lon'] / 100:.2f},{v.data['lat'] / 100:.2f}"),
    Operation(
        "place.hemisphere",
        ("place",),
        "code",
        lambda v, _: ("N" if v.data["lat"] >= 0 else "S") + ("E" if v.data["lon"] >= 0 else "W"),
    ),
)

CONDITIONS = (
    Condition(
        "range holds",
        ("range",),
        lambda v, p: v.data[0] <= p["n"] <= v.data[1],
        ("{n} lies within {the}, ends included", "{the} contains {n}"),
        ("{n} lies outside {the}", "{the} does not contain {n}"),
        params=_inside,
    ),
    Condition(
        "range wide",
        ("range",),
        lambda v, p: v.data[1] - v.data[0] > p["n"],
        ("the two ends are more than {n} apart", "upper end minus lower end is above {n}"),
        ("the two ends are {n} or less apart", "upper end minus lower end is at most {n}"),
        params=_width,
    ),
    Condition(
        "place north",
        ("place",),
        lambda v, _: v.data["lat"] > 0 if v.data["lat"] else None,
        ("the place is north of the equator", "the latitude is positive or marked N"),
        ("the place is south of the equator", "the latitude is negative or marked S"),
    ),
    Condition(
        "place east",
        ("place",),
        lambda v, _: v.data["lon"] > 0 if v.data["lon"] else None,
        ("the place is east of Greenwich", "the longitude is positive or marked E"),
        ("the place is west of Greenwich", "the longitude is negative or marked W"),
    ),
)

_BANDS = (
    Bands(
        "range against number",
        ("range",),
        _against,
        {
            "below": "all of it is below {n}",
            "in": "{n} lies in it",
            "above": "all of it is above {n}",
        },
        "where {n} lies",
        picked(n=(10, 15, 20, 25, 30, 40, 50)),
        (
            {"below": "below", "in": "inside", "above": "above"},
            {"below": "too low", "in": "fits", "above": "too high"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
