"""More about ratios, points, ordinals, Roman numerals, coordinates and pairs of measures."""

from collections.abc import Callable
from math import gcd

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.quantities._numbers import roman
from ...inputs.quantities._shapes import decimal
from ...inputs.times._shapes import ordinal


def _on(work: Callable[[int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


def _two(work: Callable[[int, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _n(*choices: int) -> Callable[[Draw], Params]:
    return lambda draw: {"n": draw.pick(choices)}


def _total(value: Value, _: Params) -> str | None:
    """The sum of two measures in the same unit."""
    (one, _one), (two, _two) = value.data
    return f"{decimal(one.tenths + two.tenths)} {one.unit.sign}" if one.unit == two.unit else None


def _degrees(x: int) -> int | None:
    """Hundredths of a degree to the nearest degree; None half-way."""
    return None if abs(x) % 100 == 50 else (abs(x) + 50) // 100 * (1 if x > 0 else -1)


OPERATIONS = (
    Operation(
        "ratio.fraction",
        ("ratio",),
        "code",
        _two(lambda a, b: f"{a}/{b}"),
        ("write {the} as a fraction, not reduced", "replace the separator of {the} by a slash, no spaces"),
        ("{the} in the style 3/4, not reduced",),
    ),
    Operation(
        "ratio.words",
        ("ratio",),
        "code",
        _two(lambda a, b: f"{a} to {b}"),
        ("write {the} with the word to between the numbers", "put {the} into the style 3 to 4"),
        ("{the} in the style 3 to 4",),
    ),
    Operation(
        "ratio.scaled",
        ("ratio",),
        "code",
        lambda v, p: f"{v.data[0] * p['n']}:{v.data[1] * p['n']}",
        ("multiply both sides of {the} by {n}, with a colon", "scale the recipe up {n} times (like 6:8)"),
        ("{the} with both sides times {n}, like 6:8",),
        params=_n(2, 3, 5, 10),
    ),
    Operation(
        "ratio.left share",
        ("ratio",),
        "code",
        _two(lambda a, b: f"{a // gcd(a, a + b)}/{(a + b) // gcd(a, a + b)}"),
        (
            "give the share of the left side in the whole, as a fraction in lowest terms",
            "work out left / (left + right), reduced (like 2/5)",
        ),
        ("the part of the whole that the left side makes, as a reduced fraction",),
    ),
    Operation(
        "points.half",
        ("points",),
        "number",
        _two(lambda n, top: top // 2),
        ("give half of the maximum, the mark to pass", "say how many points are needed to reach half of the maximum"),
        ("half of the maximum number of points",),
        ("how many points are half of the maximum?",),
    ),
    Operation(
        "points.bonus",
        ("points",),
        "code",
        lambda v, p: f"{v.data[0] + p['n']}/{v.data[1]}" if v.data[0] + p["n"] <= v.data[1] else None,
        ("add {n} bonus points to the points reached, in the form 17/20", "credit {n} more points (like 17/20)"),
        ("{the} with {n} more points reached, like 17/20",),
        params=_n(2, 3, 5),
    ),
    Operation(
        "points.lost share",
        ("points",),
        "code",
        _two(lambda n, top: f"{(top - n) * 100 // top}%" if n * 100 % top == 0 else None),
        ("work out the share of points that were lost, like 15%", "say which percentage of the points is missing"),
        ("the share of points lost, like 15%",),
    ),
    Operation(
        "ordinal.two later",
        ("ordinal",),
        "code",
        _on(lambda n: ordinal(n + 2)),
        (
            "count {the} up by two, in the style 7th",
            "give the next but one ordinal, like 7th",
        ),
        ("the next but one ordinal, like 7th",),
    ),
    Operation(
        "ordinal.numbered",
        ("ordinal",),
        "code",
        _on(lambda n: f"No. {n}"),
        ("rewrite {the} in the form No. 5", "label it with No. and the plain number"),
        ("{the} in the form No. 5",),
    ),
    Operation(
        "ordinal.padded",
        ("ordinal", "roman"),
        "code",
        _on(lambda n: f"{n:03}"),
        ("write the number of {the} with three digits, zeros in front", "give the file number for {the}: three digits"),
        ("the value of {the} in three digits, like 007",),
    ),
    Operation(
        "roman.small letters",
        ("roman",),
        "code",
        _on(lambda n: roman(n).lower()),
        ("write {the} in small letters, as for the pages of a preface", "convert {the} to lower case (xiv)"),
        ("{the} in small letters, like xiv",),
    ),
    Operation(
        "roman.double",
        ("roman",),
        "code",
        _on(lambda n: roman(2 * n) if n <= 20 else None),
        ("double {the}, in Roman numerals", "give the Roman numeral of twice the value"),
        ("twice the value of {the}, in Roman numerals",),
    ),
    Operation(
        "roman.plus",
        ("roman",),
        "number",
        lambda v, p: str(v.data + p["n"]),
        ("add {n} to the value of {the}, in ordinary digits", "work out {the} plus {n}, digits only"),
        ("the value of {the} plus {n}, in digits",),
        params=_n(1, 2, 5, 10),
    ),
    Operation(
        "place.degrees",
        ("place",),
        "code",
        lambda v, _: (
            f"{lat},{lon}"
            if (lat := _degrees(v.data["lat"])) is not None and (lon := _degrees(v.data["lon"])) is not None
            else None
        ),
        (
            "round both coordinates to whole degrees, signed, with a comma between (48,-16)",
            "coarsen {the} to full degrees in the form 48,-16 (S and W negative)",
        ),
        ("{the} in whole signed degrees, like 48,-16",),
        ("what are {the} in whole signed degrees, like 48,-16?",),
    ),
    Operation(
        "place.object",
        ("place",),
        "code",
        lambda v, _: f'{{"lat": {v.data["lat"] / 100:.2f}, "lon": {v.data["lon"] / 100:.2f}}}',
        (
            'write {the} as JSON with the keys "lat" and "lon" (S and W negative)',
            "make JSON of {the}: lat, lon",
        ),
        ('a JSON object with "lat" and "lon" as signed numbers',),
    ),
    Operation(
        "place.letters",
        ("place",),
        "code",
        lambda v, _: (
            f"{abs(v.data['lat']) / 100:.2f}{'N' if v.data['lat'] >= 0 else 'S'} "
            f"{abs(v.data['lon']) / 100:.2f}{'E' if v.data['lon'] >= 0 else 'W'}"
        ),
        (
            "write {the} with letters in place of signs: 48.21N 16.37W",
            "turn minus signs into S and W, the rest into N and E (48.21N 16.37W)",
        ),
        ("{the} in the form 48.21N 16.37W",),
        ("what are {the} in the form 48.21N 16.37W?",),
    ),
    Operation(
        "measure.total",
        ("two measures",),
        "code",
        _total,
        ("add the two measures up (like 12 cm)", "give both together, as number, space and unit"),
        ("the sum of {the}, like 12 cm",),
    ),
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
        params=_n(3, 5, 10, 20),
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
