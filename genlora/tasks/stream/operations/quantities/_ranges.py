"""Ranges of numbers, and coordinates."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from .._bands import Bands, band_label


def _two(work: Callable[[int, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _inside(draw: Draw) -> Params:
    return {"n": draw.pick((5, 8, 10, 12, 20, 25, 30, 40, 50, 200, 300))}


def _width(draw: Draw) -> Params:
    return {"n": draw.pick((3, 4, 5, 6, 10))}


def _shift(draw: Draw) -> Params:
    return {"n": draw.pick((1, 2, 5, 10))}


def _against(value: Value, p: Params) -> str:
    start, end = value.data
    return "below" if end < p["n"] else "above" if start > p["n"] else "in"


OPERATIONS = (
    Operation(
        "range.start",
        ("range",),
        "number",
        _two(lambda a, b: a),
        ("give the lower end", "copy the number at which {the} begins"),
        ("the lower bound of {the}", "the start of {the}"),
        ("where does {the} begin?",),
    ),
    Operation(
        "range.end",
        ("range",),
        "number",
        _two(lambda a, b: b),
        ("give the upper end", "copy the number at which {the} ends"),
        ("the upper bound of {the}", "the end of {the}"),
        ("where does {the} end?",),
    ),
    Operation(
        "range.width",
        ("range",),
        "number",
        _two(lambda a, b: b - a),
        ("work out how far apart the two ends are", "give the width of {the}: upper end minus lower end"),
        ("the width of {the} (upper minus lower end)",),
    ),
    Operation(
        "range.count",
        ("range",),
        "number",
        _two(lambda a, b: b - a + 1),
        (
            "count the whole numbers in {the}, both ends included",
            "say how many pages {the} would be, first and last too",
        ),
        ("the number of integers from start to end, both counted", "the count of whole numbers, ends included"),
        ask=("how many whole numbers are there from start to end, both included?",),
    ),
    Operation(
        "range.middle",
        ("range",),
        "number",
        _two(lambda a, b: (a + b) // 2 if (a + b) % 2 == 0 else None),
        ("give the number half-way between the two ends", "work out the midpoint of {the}"),
        ("the midpoint of {the}",),
        ("which number is exactly half-way?",),
    ),
    Operation(
        "range.list",
        ("range",),
        "list",
        _two(lambda a, b: ", ".join(map(str, range(a, b + 1))) if b - a <= 6 else None),
        (
            "list all whole numbers of {the}, with commas",
            "expand {the} into every number, comma-separated",
        ),
        ("all whole numbers from start to end, comma-separated",),
        ask=("which whole numbers are in {the}, comma-separated?",),
    ),
    Operation(
        "range.hyphen",
        ("range",),
        "code",
        _two(lambda a, b: f"{a}-{b}"),
        ("write {the} with a hyphen, no spaces (3-9)", "normalise {the} to the style 3-9"),
        ("{the} in the style 3-9",),
    ),
    Operation(
        "range.words",
        ("range",),
        "code",
        _two(lambda a, b: f"{a} to {b}"),
        ("write {the} with the word to between the numbers (3 to 9)", "put {the} into the style 3 to 9"),
        ("{the} in the style 3 to 9",),
    ),
    Operation(
        "range.interval",
        ("range",),
        "code",
        _two(lambda a, b: f"{a} <= x <= {b}"),
        (
            "write {the} as an inequality for x, like 3 <= x <= 9",
            "turn {the} into a condition on x with two <= signs",
        ),
        ("{the} as a condition like 3 <= x <= 9",),
    ),
    Operation(
        "range.up",
        ("range",),
        "code",
        lambda v, p: f"{v.data[0] + p['n']}-{v.data[1] + p['n']}",
        ("move both ends of {the} up by {n} (like 4-10)", "add {n} to both numbers, in the style 4-10"),
        ("{the} moved up by {n}, like 4-10",),
        params=_shift,
    ),
    Operation(
        "place.latitude",
        ("place",),
        "code",
        lambda v, _: v.data["parts"][0],
        ("give the latitude, as written", "copy the first of the two coordinates"),
        ("the latitude, as written", "the first coordinate"),
        ("what is the latitude?",),
    ),
    Operation(
        "place.longitude",
        ("place",),
        "code",
        lambda v, _: v.data["parts"][1],
        ("give the longitude, as written", "copy the second of the two coordinates"),
        ("the longitude, as written", "the second coordinate"),
        ("what is the longitude?",),
    ),
    Operation(
        "place.decimal",
        ("place",),
        "code",
        lambda v, _: f"{v.data['lat'] / 100:.2f},{v.data['lon'] / 100:.2f}",
        (
            "write signed decimals, latitude first, comma, no space (south and west negative)",
            "normalise {the} to the form 48.21,-16.37 (S and W negative)",
        ),
        ("{the} as signed decimals in the form 48.21,-16.37",),
    ),
    Operation(
        "place.swapped",
        ("place",),
        "code",
        lambda v, _: f"{v.data['lon'] / 100:.2f},{v.data['lat'] / 100:.2f}",
        (
            "write signed decimals, longitude first, comma, no space (west and south negative)",
            "swap to GeoJSON order: longitude,latitude (S and W negative, no space)",
        ),
        ("longitude,latitude as signed decimals, no space",),
    ),
    Operation(
        "place.hemisphere",
        ("place",),
        "code",
        lambda v, _: ("N" if v.data["lat"] >= 0 else "S") + ("E" if v.data["lon"] >= 0 else "W"),
        (
            "give the hemispheres as NE, NW, SE or SW",
            "name the quarter of the globe: NE, NW, SE or SW",
        ),
        ("the quarter of the globe (NE, NW, SE or SW)",),
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
        lambda draw: {"n": draw.pick((10, 15, 20, 25, 30, 40, 50))},
        (
            {"below": "below", "in": "inside", "above": "above"},
            {"below": "too low", "in": "fits", "above": "too high"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
