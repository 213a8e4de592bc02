"""Points out of a maximum, ordinals, Roman numerals."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.quantities._numbers import roman
from ...inputs.times._shapes import ordinal
from .._bands import Bands, band_label


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


def _small(draw: Draw) -> Params:
    return {"n": draw.pick((5, 8, 10, 12, 15, 20))}


def _share(draw: Draw) -> Params:
    return {"n": draw.pick((40, 50, 60, 75))}


def _grade(value: Value, p: Params) -> str:
    share = value.data[0] * 100 // value.data[1]
    return next((g for g in "ABC" if share >= p[g]), "D")


def _grades(draw: Draw) -> Params:
    a, b, c = draw.pick(((90, 75, 50), (80, 60, 40), (85, 70, 50), (90, 80, 60), (75, 60, 45)))
    return {"A": a, "B": b, "C": c}


OPERATIONS = (
    Operation(
        "points.reached",
        ("points",),
        "number",
        _two(lambda n, top: n),
        ("give the points reached", "copy the points that were scored, not the maximum"),
        ("the number of points reached",),
        ("how many points were reached?",),
    ),
    Operation(
        "points.maximum",
        ("points",),
        "number",
        _two(lambda n, top: top),
        ("give the maximum of points", "copy the points that were possible"),
        ("the maximum number of points",),
        ("how many points were possible?",),
    ),
    Operation(
        "points.missing",
        ("points",),
        "number",
        _two(lambda n, top: top - n),
        ("count the points that are missing to the maximum", "say how many points were lost"),
        ("the number of points lost",),
        ("how many points are missing to the full score?",),
    ),
    Operation(
        "points.percent",
        ("points",),
        "code",
        _two(lambda n, top: f"{n * 100 // top}%" if n * 100 % top == 0 else None),
        ("work out the share of points reached in percent, like 85%", "express {the} in percent, with the sign"),
        ("the share of points reached, like 85%", "{the} in percent"),
    ),
    Operation(
        "points.slash",
        ("points",),
        "code",
        _two(lambda n, top: f"{n}/{top}"),
        ("write only {the} in the form 17/20", "reduce it to points reached, slash, maximum"),
        ("{the} in the form 17/20",),
    ),
    Operation(
        "ordinal.number",
        ("ordinal",),
        "number",
        _on(lambda n: n),
        ("drop the ending: only digits", "turn {the} into a plain number"),
        ("{the} as a plain number", "the digits of {the}"),
        ask=("which number is it, in digits?",),
    ),
    Operation(
        "ordinal.next",
        ("ordinal",),
        "code",
        _on(lambda n: ordinal(n + 1)),
        ("give the ordinal that comes next, in digits", "count {the} up by one, in the style 4th"),
        ("the next ordinal, in digits, like 4th",),
    ),
    Operation(
        "ordinal.previous",
        ("ordinal",),
        "code",
        _on(lambda n: ordinal(n - 1) if n > 1 else None),
        ("give the ordinal before it, in digits", "count {the} down by one, in the style 4th"),
        ("the preceding ordinal, in digits, like 4th",),
    ),
    Operation(
        "ordinal.dot",
        ("ordinal",),
        "code",
        _on(lambda n: f"{n}."),
        ("write {the} the German way, number and dot", "replace the ending by a dot (3rd becomes 3.)"),
        ("{the} as number and dot, like 3.",),
    ),
    Operation(
        "ordinal.suffix only",
        ("ordinal",),
        "code",
        _on(lambda n: ordinal(n)[-2:]),
        ("give only the two letters after the digits", "copy the ending of {the}: st, nd, rd or th"),
        ("the ending of {the} without the digits",),
    ),
    Operation(
        "ordinal.from number",
        ("number", "roman"),
        "code",
        _on(lambda n: ordinal(n) if n < 1000 else None),
        (
            "write {the} as an ordinal number in digits, like 3rd",
            "put {the} into digits with st, nd, rd or th",
            "make a rank of it: 1st, 2nd, 3rd ...",
        ),
        ("{the} as an ordinal in digits, like 22nd",),
    ),
    Operation(
        "roman.to number",
        ("roman",),
        "number",
        _on(lambda n: n),
        ("write {the} in ordinary digits", "convert {the} to an Arabic number", "decode {the}: digits only"),
        ("the value of {the} in digits", "{the} as an ordinary number"),
        ("which number is it?",),
    ),
    Operation(
        "roman.from number",
        ("number", "ordinal"),
        "code",
        _on(lambda n: roman(n) if 1 <= n <= 40 else None),
        ("write {the} as a Roman numeral", "convert {the} to Roman numerals"),
        ("the Roman numeral for {the}", "{the} in Roman numerals"),
    ),
    Operation(
        "roman.next",
        ("roman",),
        "code",
        _on(lambda n: roman(n + 1)),
        ("give the Roman numeral that follows", "count {the} up by one, in Roman numerals"),
        ("the next Roman numeral",),
    ),
    Operation(
        "roman.previous",
        ("roman",),
        "code",
        _on(lambda n: roman(n - 1) if n > 1 else None),
        ("give the Roman numeral before it", "count {the} down by one, in Roman numerals"),
        ("the preceding Roman numeral", "{the} counted down by one"),
    ),
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
