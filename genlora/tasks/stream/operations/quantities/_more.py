"""More about ratios, points, ordinals, Roman numerals, coordinates and pairs of measures."""

from math import gcd

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.quantities._numbers import roman
from ...inputs.quantities._shapes import decimal
from ...inputs.times._shapes import ordinal
from .._work import new_of_both, of_data


def _total(value: Value, _: Params) -> str | None:
    """The sum of two measures in the same unit."""
    (one, _one), (two, _two) = value.data
    return f"{decimal(one.tenths + two.tenths)} {one.unit.sign}" if one.unit == two.unit else None


def _degrees(x: int) -> int | None:
    """Hundredths of a degree to the nearest degree; None half-way."""
    return None if abs(x) % 100 == 50 else (abs(x) + 50) // 100 * (1 if x > 0 else -1)


OPERATIONS = (
    Operation("ratio.fraction", ("ratio",), "code", new_of_both(lambda a, b: f"{a}/{b}")),
    Operation("ratio.words", ("ratio",), "code", new_of_both(lambda a, b: f"{a} to {b}")),
    Operation(
        "ratio.scaled",
        ("ratio",),
        "code",
        lambda v, p: f"{v.data[0] * p['n']}:{v.data[1] * p['n']}",
        params=picked(n=(2, 3, 5, 10)),
    ),
    Operation(
        "ratio.left share",
        ("ratio",),
        "code",
        new_of_both(lambda a, b: f"{a // gcd(a, a + b)}/{(a + b) // gcd(a, a + b)}"),
    ),
    Operation("points.half", ("points",), "number", new_of_both(lambda n, top: top // 2)),
    Operation(
        "points.bonus",
        ("points",),
        "code",
        lambda v, p: f"{v.data[0] + p['n']}/{v.data[1]}" if v.data[0] + p["n"] <= v.data[1] else None,
        params=picked(n=(2, 3, 5)),
    ),
    Operation(
        "points.lost share",
        ("points",),
        "code",
        new_of_both(lambda n, top: f"{(top - n) * 100 // top}%" if n * 100 % top == 0 else None),
    ),
    Operation("ordinal.two later", ("ordinal",), "code", of_data(lambda n: ordinal(n + 2))),
    Operation("ordinal.numbered", ("ordinal",), "code", of_data(lambda n: f"No. {n}")),
    Operation("ordinal.padded", ("ordinal", "roman"), "code", of_data(lambda n: f"{n:03}")),
    Operation("roman.small letters", ("roman",), "code", of_data(lambda n: roman(n).lower())),
    Operation("roman.double", ("roman",), "code", of_data(lambda n: roman(2 * n) if n <= 20 else None)),
    Operation("roman.plus", ("roman",), "number", lambda v, p: str(v.data + p["n"]), params=picked(n=(1, 2, 5, 10))),
    Operation(
        "place.degrees",
        ("place",),
        "code",
        lambda v, _: (
            f"{lat},{lon}"
            if (lat := _degrees(v.data["lat"])) is not None and (lon := _degrees(v.data["lon"])) is not None
            else None
        ),
    ),
    Operation(
        "place.object",
        ("place",),
        "code",
        lambda v, _: f'{{"lat": {v.data["lat"] / 100:.2f}, "lon": {v.data["lon"] / 100:.2f}}}',
    ),
    Operation(
        "place.letters",
        ("place",),
        "code",
        lambda v, _: (
            f"{abs(v.data['lat']) / 100:.2f}{'N' if v.data['lat'] >= 0 else 'S'} "
            f"{abs(v.data['lon']) / 100:.2f}{'E' if v.data['lon'] >= 0 else 'W'}"
        ),
    ),
    Operation("measure.total", ("two measures",), "code", _total),
)

CONDITIONS = (
    Condition(
        "ratio lowest terms",
        ("ratio",),
        lambda v, _: gcd(*v.data) == 1,
        ("{the} is in lowest terms", "{the} cannot be reduced"),
        ("{the} can be reduced", "both sides of {the} have a common divisor"),
    ),
    Condition(
        "points full",
        ("points",),
        lambda v, p: v.data[1] - v.data[0] <= p["n"],
        ("{n} points or fewer were lost", "at most {n} points are missing to the maximum"),
        ("more than {n} points were lost", "the maximum is missed by more than {n} points"),
        params=picked(n=(3, 5, 10, 20)),
    ),
    Condition(
        "ordinal odd",
        ("ordinal",),
        lambda v, _: v.data % 2 == 1,
        ("the number of {the} is odd", "{the} belongs to an odd number"),
        ("the number of {the} is even", "{the} belongs to an even number"),
    ),
    Condition(
        "roman subtracts",
        ("roman",),
        lambda v, _: v.data % 5 == 4 or v.data >= 40,
        ("{the} has a smaller sign before a larger one, like IV or IX", "{the} contains IV, IX or XL"),
        ("no smaller sign stands before a larger one in {the}", "{the} contains neither IV, IX nor XL"),
    ),
)
CLASSIFIERS: tuple[Classifier, ...] = ()
