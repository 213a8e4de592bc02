"""Two lists compared: what they share, what was added or removed, the union."""

from collections.abc import Callable, Sequence

from ..._parts import Classifier, Condition, Operation, Params, Value

_ON = ("two lists",)
_Two = Callable[[Sequence[str], Sequence[str]], Sequence[str]]


def _list(work: _Two) -> Callable[[Value, Params], str | None]:
    return lambda value, _: ", ".join(work(*value.data)) or None


def _single(work: _Two) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return found[0] if len(found) == 1 else None

    return do


def _count(work: _Two) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(len(work(*value.data)))


def _common(a: Sequence[str], b: Sequence[str]) -> Sequence[str]:
    return [x for x in a if x in b]


def _first_only(a: Sequence[str], b: Sequence[str]) -> Sequence[str]:
    return [x for x in a if x not in b]


def _second_only(a: Sequence[str], b: Sequence[str]) -> Sequence[str]:
    return [x for x in b if x not in a]


def _union(a: Sequence[str], b: Sequence[str]) -> Sequence[str]:
    return [*a, *_second_only(a, b)]


def _either(a: Sequence[str], b: Sequence[str]) -> Sequence[str]:
    return [*_first_only(a, b), *_second_only(a, b)]


OPERATIONS = (
    Operation("sets.common one", _ON, "word", _single(_common)),
    Operation("sets.common", _ON, "list", _list(_common)),
    Operation("sets.common count", _ON, "number", _count(_common)),
    Operation("sets.first only", _ON, "list", _list(_first_only)),
    Operation("sets.second only", _ON, "list", _list(_second_only)),
    Operation("sets.removed one", _ON, "word", _single(_first_only)),
    Operation("sets.added one", _ON, "word", _single(_second_only)),
    Operation("sets.removed count", _ON, "number", _count(_first_only)),
    Operation("sets.added count", _ON, "number", _count(_second_only)),
    Operation("sets.union", _ON, "list", _list(_union)),
    Operation("sets.union count", _ON, "number", _count(_union)),
    Operation("sets.either", _ON, "list", _list(_either)),
    Operation("sets.all", _ON, "list", _list(lambda a, b: [*a, *b])),
    Operation("sets.firsts", _ON, "list", _list(lambda a, b: [a[0], b[0]])),
    Operation("sets.second list", _ON, "list", _list(lambda a, b: list(b))),
    Operation("sets.first list", _ON, "list", _list(lambda a, b: list(a))),
    Operation(
        "sets.longer", _ON, "list", _list(lambda a, b: list(a if len(a) > len(b) else b) if len(a) != len(b) else [])
    ),
)

CONDITIONS = (
    Condition(
        "share items",
        _ON,
        lambda v, _: bool(_common(*v.data)),
        ("the lists share at least one item", "some item is in both lists"),
        ("the lists have nothing in common", "no item is in both lists"),
    ),
    Condition(
        "same items",
        _ON,
        lambda v, _: set(v.data[0]) == set(v.data[1]),
        ("both lists hold the same items, in whatever order", "the lists differ at most in their order"),
        ("one list has an item that the other lacks", "the lists do not hold the same items"),
    ),
    Condition(
        "second inside first",
        _ON,
        lambda v, _: not _second_only(*v.data),
        ("every item of the second list is also in the first", "the second list brings nothing new"),
        ("the second list has an item that is not in the first", "the second list brings something new"),
    ),
    Condition(
        "first inside second",
        _ON,
        lambda v, _: not _first_only(*v.data),
        ("every item of the first list is also in the second", "nothing of the first list is missing from the second"),
        ("an item of the first list is not in the second", "something of the first list is missing from the second"),
    ),
    Condition(
        "same first item",
        _ON,
        lambda v, _: v.data[0][0] == v.data[1][0],
        ("both lists start with the same item",),
        ("the lists start with different items",),
    ),
)


def _size(value: Value, _: Params) -> str:
    a, b = map(len, value.data)
    return "first" if a > b else "second" if b > a else "equal"


CLASSIFIERS = (
    Classifier(
        "longer list",
        _ON,
        _size,
        {
            "first": "the first list has more items",
            "second": "the second list has more items",
            "equal": "both lists have the same number of items",
        },
        "the longer list",
        {"first": "first", "second": "second", "equal": "equal"},
    ),
)
