"""Whole numbers: small sums, order, digits, conditions."""

from collections.abc import Callable, Sequence

from ..._forms import number_words
from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from .._work import of_data


def _over(work: Callable[[Sequence[int]], int | str | None]) -> Callable[[Value, Params], str | None]:
    return of_data(work)  # pyright: ignore[reportArgumentType]


_step = picked(n=(1, 2, 3, 5, 10, 10, 100))


_bound = picked(n=(5, 10, 25, 50, 75, 100, 200, 250, 300, 400))


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _unique(best: Callable[..., int]) -> Callable[[Sequence[int]], int | None]:
    return lambda x: best(x) if x.count(best(x)) == 1 else None


OPERATIONS = (
    Operation("sum.add", ("number",), "number", lambda v, p: str(v.data + p["n"]), params=_step),
    Operation(
        "sum.subtract",
        ("number",),
        "number",
        lambda v, p: str(v.data - p["n"]) if v.data >= p["n"] else None,
        params=_step,
    ),
    Operation("sum.double", ("number",), "number", of_data(lambda n: 2 * n if n < 1000 else None)),
    Operation("sum.half", ("number",), "number", of_data(lambda n: n // 2 if n % 2 == 0 else None)),
    Operation("sum.both", ("two numbers",), "number", _over(sum)),
    Operation("sum.product", ("two numbers",), "number", _over(lambda x: x[0] * x[1] if max(x) <= 20 else None)),
    Operation("compare.larger", ("two numbers",), "number", _over(lambda x: max(x) if x[0] != x[1] else None)),
    Operation("compare.smaller", ("two numbers",), "number", _over(lambda x: min(x) if x[0] != x[1] else None)),
    Operation(
        "compare.sign", ("two numbers",), "code", _over(lambda x: "<" if x[0] < x[1] else ">" if x[0] > x[1] else "=")
    ),
    Operation("order.ascending", ("numbers",), "list", _over(lambda x: _join(sorted(x)))),
    Operation("order.descending", ("numbers",), "list", _over(lambda x: _join(sorted(x, reverse=True)))),
    Operation("pick.largest", ("numbers",), "number", _over(_unique(max))),
    Operation("pick.smallest", ("numbers",), "number", _over(_unique(min))),
    Operation("pick.number first", ("numbers",), "number", _over(lambda x: x[0])),
    Operation("pick.number last", ("numbers",), "number", _over(lambda x: x[-1])),
    Operation("order.numbers reverse", ("numbers",), "list", _over(lambda x: _join(x[::-1]))),
    Operation("digits.reverse", ("number",), "code", of_data(lambda n: str(n)[::-1] if n >= 10 else None)),
    Operation("digits.last", ("number",), "number", of_data(lambda n: str(n)[-1] if n >= 10 else None)),
    Operation("digits.first", ("number",), "number", of_data(lambda n: str(n)[0] if n >= 10 else None)),
    Operation("digits.sum", ("number",), "number", of_data(lambda n: sum(map(int, str(n))) if n >= 10 else None)),
    Operation("digits.count", ("number",), "number", of_data(lambda n: len(str(n)))),
    Operation("digits.spaced", ("number",), "code", of_data(lambda n: " ".join(str(n)) if n >= 10 else None)),
    Operation("digits.words", ("number",), "text", of_data(lambda n: number_words(n) if n < 100 else None)),
    Operation(
        "digits.round", ("number",), "number", of_data(lambda n: (n + 5) // 10 * 10 if n % 10 != 5 and n > 10 else None)
    ),
    Operation(
        "digits.round hundred",
        ("number",),
        "number",
        of_data(lambda n: (n + 50) // 100 * 100 if n % 100 != 50 and n > 100 else None),
    ),
    Operation("digits.before", ("number",), "number", of_data(lambda n: n - 1 if n else None)),
    Operation("digits.after", ("number",), "number", of_data(lambda n: n + 1)),
)

CONDITIONS = (
    Condition(
        "even",
        ("number",),
        lambda v, _: v.data % 2 == 0,
        ("{the} is even", "it can be divided by two"),
        ("{the} is odd", "it is odd"),
        ("that are even",),
        ("that is even",),
    ),
    Condition(
        "odd",
        ("number",),
        lambda v, _: v.data % 2 == 1,
        ("{the} is odd",),
        ("{the} is even", "it is even"),
        ("that are odd",),
        ("that is odd",),
    ),
    Condition(
        "above",
        ("number",),
        lambda v, p: v.data > p["n"] if v.data != p["n"] else None,
        ("{the} is greater than {n}", "it is above {n}"),
        ("{the} is less than {n}", "it is below {n}"),
        ("greater than {n}", "above {n}"),
        ("greater than {n}", "above {n}"),
        _bound,
    ),
    Condition(
        "below",
        ("number",),
        lambda v, p: v.data < p["n"] if v.data != p["n"] else None,
        ("{the} is less than {n}", "it is smaller than {n}"),
        ("{the} is more than {n}", "it is at least {n}"),
        ("less than {n}", "below {n}"),
        ("less than {n}", "below {n}"),
        _bound,
    ),
    Condition(
        "ends zero",
        ("number",),
        lambda v, _: v.data % 10 == 0,
        ("{the} ends in 0", "it is a multiple of ten"),
        ("{the} does not end in 0", "it is no multiple of ten"),
        ("ending in 0",),
        ("ending in 0",),
    ),
    Condition(
        "first larger",
        ("two numbers",),
        lambda v, _: v.data[0] > v.data[1] if v.data[0] != v.data[1] else None,
        ("the first number is larger", "the second is the smaller one"),
        ("the second number is larger", "the first is the smaller one"),
    ),
)


def _size(value: Value, _: Params) -> str:
    return "one" if value.data < 10 else "two" if value.data < 100 else "three" if value.data < 1000 else "four"


CLASSIFIERS = (
    Classifier(
        "remainder",
        ("number",),
        lambda v, _: str(v.data % 3),
        {"0": "it can be divided by 3", "1": "dividing by 3 leaves 1", "2": "dividing by 3 leaves 2"},
        "the remainder after dividing by 3",
    ),
)
