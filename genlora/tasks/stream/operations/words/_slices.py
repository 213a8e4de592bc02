"""Parts of a list by place: the head, the tail, a range, every second item."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params
from ..facts._places import LISTS, ORDINALS, at, at_two, inside, joined, place, two_places


def _range(draw: Draw) -> Params:
    i = draw.between(1, 3)
    j = i + draw.between(1, 2)
    return {"i": i, "j": j, "ith": ORDINALS[i - 1], "jth": ORDINALS[j - 1]}


def _from_end(draw: Draw) -> Params:
    n = draw.between(2, 3)
    return {"n": n, "nth": ORDINALS[n - 1]}


def _some(draw: Draw) -> Params:
    n = draw.between(2, 3)
    return {"n": n, "number": ("two", "three")[n - 2]}


OPERATIONS = (
    Operation("place.from end", LISTS, "word", at(lambda x, i, _: x[-1 - i]), params=_from_end),
    Operation(
        "place.zero based",
        LISTS,
        "word",
        at(lambda x, i, _: x[i]),
        params=lambda d: {**(p := place(d)), "index": p["n"] - 1},
    ),
    Operation("place.slice", LISTS, "list", at_two(lambda x, i, j: x[i : j + 1]), params=_range),
    Operation("place.two", LISTS, "list", at_two(lambda x, i, j: [x[i], x[j]]), params=two_places),
    Operation("place.two back", LISTS, "list", at_two(lambda x, i, j: [x[j], x[i]]), params=two_places),
    Operation("place.hyphen", LISTS, "code", at_two(lambda x, i, j: f"{x[i]}-{x[j]}"), params=two_places),
    Operation(
        "place.head",
        LISTS,
        "list",
        lambda v, p: joined(v.data[: p["n"]]) if len(v.data) > p["n"] else None,
        params=_some,
    ),
    Operation(
        "place.tail",
        LISTS,
        "list",
        lambda v, p: joined(v.data[-p["n"] :]) if len(v.data) > p["n"] else None,
        params=_some,
    ),
    Operation("place.inner", LISTS, "list", lambda v, _: joined(v.data[1:-1]) if len(v.data) > 3 else None),
    Operation("place.even", LISTS, "list", lambda v, _: joined(v.data[1::2]) if len(v.data) > 3 else None),
    Operation("place.after nth", LISTS, "list", at(lambda x, i, _: x[i + 1 :]), params=place),
    Operation("place.before nth", LISTS, "list", at(lambda x, i, _: x[:i]), params=inside),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
