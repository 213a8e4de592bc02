"""Points out of a maximum, ordinals, Roman numerals."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.quantities._numbers import roman
from ...inputs.times._shapes import ordinal
from .._bands import Bands, band_label
from .._work import new_of_both, of_data

_small = picked(n=(5, 8, 10, 12, 15, 20))


_share = picked(n=(40, 50, 60, 75))


def _grade(value: Value, p: Params) -> str:
    share = value.data[0] * 100 // value.data[1]
    return next((g for g in "ABC" if share >= p[g]), "D")


def _grades(draw: Draw) -> Params:
    a, b, c = draw.pick(((90, 75, 50), (80, 60, 40), (85, 70, 50), (90, 80, 60), (75, 60, 45)))
    return {"A": a, "B": b, "C": c}


OPERATIONS = (
    Operation("points.reached", ("points",), "number", new_of_both(lambda n, top: n)),
    Operation("points.maximum", ("points",), "number", new_of_both(lambda n, top: top)),
    Operation("points.missing", ("points",), "number", new_of_both(lambda n, top: top - n)),
    Operation(
        "points.percent",
        ("points",),
        "code",
        new_of_both(lambda n, top: f"{n * 100 // top}%" if n * 100 % top == 0 else None),
    ),
    Operation("points.slash", ("points",), "code", new_of_both(lambda n, top: f"{n}/{top}")),
    Operation("ordinal.number", ("ordinal",), "number", of_data(lambda n: n)),
    Operation("ordinal.next", ("ordinal",), "code", of_data(lambda n: ordinal(n + 1))),
    Operation("ordinal.previous", ("ordinal",), "code", of_data(lambda n: ordinal(n - 1) if n > 1 else None)),
    Operation("ordinal.dot", ("ordinal",), "code", of_data(lambda n: f"{n}.")),
    Operation("ordinal.suffix only", ("ordinal",), "code", of_data(lambda n: ordinal(n)[-2:])),
    Operation("ordinal.from number", ("number", "roman"), "code", of_data(lambda n: ordinal(n) if n < 1000 else None)),
    Operation("roman.to number", ("roman",), "number", of_data(lambda n: n)),
    Operation(
        "roman.from number", ("number", "ordinal"), "code", of_data(lambda n: roman(n) if 1 <= n <= 40 else None)
    ),
    Operation("roman.next", ("roman",), "code", of_data(lambda n: roman(n + 1))),
    Operation("roman.previous", ("roman",), "code", of_data(lambda n: roman(n - 1) if n > 1 else None)),
)

CONDITIONS = (
    Condition(
        "points passed",
        ("points",),
        lambda v, p: v.data[0] * 100 >= p["n"] * v.data[1],
        ("at least {n}% of the points were reached", "{the} is {n}% of the maximum or better"),
        ("less than {n}% of the points were reached", "{the} is below {n}% of the maximum"),
        params=_share,
    ),
    Condition(
        "roman above",
        ("roman",),
        lambda v, p: v.data > p["n"],
        ("{the} stands for more than {n}", "the value of {the} is above {n}"),
        ("{the} stands for {n} or less", "the value of {the} is at most {n}"),
        params=_small,
    ),
    Condition(
        "roman even",
        ("roman",),
        lambda v, _: v.data % 2 == 0,
        ("{the} stands for an even number", "the value of {the} can be halved"),
        ("{the} stands for an odd number", "the value of {the} is odd"),
    ),
    Condition(
        "ordinal within",
        ("ordinal",),
        lambda v, p: v.data <= p["n"],
        ("{the} is among the first {n}", "its number is {n} or lower"),
        ("{the} is not among the first {n}", "its number is higher than {n}"),
        params=_small,
    ),
)

_BANDS = (
    Bands(
        "points grade",
        ("points",),
        _grade,
        {
            "A": "{A}% of the points or more were reached",
            "B": "at least {B}% but less than {A}%",
            "C": "at least {C}% but less than {B}%",
            "D": "less than {C}%",
        },
        "the grade",
        _grades,
        (
            {"A": "A", "B": "B", "C": "C", "D": "D"},
            {"A": "1", "B": "2", "C": "3", "D": "4"},
            {"A": "very good", "B": "good", "C": "passed", "D": "failed"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
