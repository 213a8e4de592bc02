"""A list and one item named beside it: where it is, what is next to it, the list without it."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..facts._places import joined, place

_ON = ("list and item",)


def _at(work: Callable[[list[str], int, str, Params], str | list[str] | None]) -> Callable[[Value, Params], str | None]:
    """Work on the list, the index of the item and the item; None where the list does not have it."""

    def do(value: Value, p: Params) -> str | None:
        words, item = value.data
        if item not in words:
            return None
        found = work(list(words), words.index(item), item, p)
        return joined(found) or None if isinstance(found, list) else found

    return do


OPERATIONS = (
    Operation("item.position", _ON, "number", _at(lambda x, i, w, _: str(i + 1))),
    Operation("item.index", _ON, "number", _at(lambda x, i, w, _: str(i))),
    Operation("item.after", _ON, "word", _at(lambda x, i, w, _: x[i + 1] if i + 1 < len(x) else None)),
    Operation("item.before", _ON, "word", _at(lambda x, i, w, _: x[i - 1] if i else None)),
    Operation("item.following", _ON, "list", _at(lambda x, i, w, _: x[i + 1 :])),
    Operation("item.preceding", _ON, "list", _at(lambda x, i, w, _: x[:i])),
    Operation("item.after count", _ON, "number", _at(lambda x, i, w, _: str(len(x) - i - 1))),
    Operation("item.before count", _ON, "number", _at(lambda x, i, w, _: str(i))),
    Operation("item.remove", _ON, "list", _at(lambda x, i, w, _: [*x[:i], *x[i + 1 :]])),
    Operation("item.to front", _ON, "list", _at(lambda x, i, w, _: [w, *x[:i], *x[i + 1 :]] if i else None)),
    Operation("item.to end", _ON, "list", _at(lambda x, i, w, _: [*x[:i], *x[i + 1 :], w] if i + 1 < len(x) else None)),
    Operation("item.replace", _ON, "list", _at(lambda x, i, w, p: [*x[:i], p["new"], *x[i + 1 :]]), params=place),
    Operation(
        "item.insert after", _ON, "list", _at(lambda x, i, w, p: [*x[: i + 1], p["new"], *x[i + 1 :]]), params=place
    ),
    Operation("item.insert before", _ON, "list", _at(lambda x, i, w, p: [*x[:i], p["new"], *x[i:]]), params=place),
    Operation(
        "item.swap with next",
        _ON,
        "list",
        _at(lambda x, i, w, _: [*x[:i], x[i + 1], w, *x[i + 2 :]] if i + 1 < len(x) else None),
    ),
    Operation("item.mark", _ON, "code", _at(lambda x, i, w, _: [*x[:i], w.upper(), *x[i + 1 :]])),
    Operation(
        "item.add if missing",
        _ON,
        "list",
        lambda v, _: joined(v.data[0] if v.data[1] in v.data[0] else [*v.data[0], v.data[1]]),
    ),
    Operation(
        "item.toggle",
        _ON,
        "list",
        lambda v, _: joined(
            [w for w in v.data[0] if w != v.data[1]] if v.data[1] in v.data[0] else [*v.data[0], v.data[1]]
        ),
    ),
)

CONDITIONS = (
    Condition(
        "item in list",
        _ON,
        lambda v, _: v.data[1] in v.data[0],
        ("the item is in the list", "the list contains the item"),
        ("the item is not in the list", "the list lacks the item"),
    ),
    Condition(
        "item is first",
        _ON,
        lambda v, _: v.data[0][0] == v.data[1] if v.data[1] in v.data[0] else None,
        ("the item comes first in the list", "nothing stands before the item in the list"),
        ("something comes before the item in the list", "the item is not the first of the list"),
    ),
    Condition(
        "item is last",
        _ON,
        lambda v, _: v.data[0][-1] == v.data[1] if v.data[1] in v.data[0] else None,
        ("the item comes last in the list", "nothing follows the item in the list"),
        ("something follows the item in the list", "the item is not the last of the list"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
