"""Picking, ordering and reshaping the items of a list of words."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def _pick(choose: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: choose(value.data)


def _only(items: Sequence[str], key: Callable[[str], int], best: Callable[..., int]) -> str | None:
    """The single item with the best key; None for a tie."""
    wanted = best(map(key, items))
    found = [x for x in items if key(x) == wanted]
    return found[0] if len(found) == 1 else None


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "nth": _ORDINALS[n - 1]}


def _join(items: Sequence[str]) -> str:
    return ", ".join(items)


def _ends(draw: Draw) -> Params:
    n = draw.between(1, 2)
    return {
        "n": n,
        "last": "last item" if n == 1 else "last two items",
        "first": "first item" if n == 1 else "first two items",
    }


OPERATIONS = (
    Operation("pick.first", ("words",), "word", _pick(lambda x: x[0])),
    Operation(
        "pick.nth", ("words",), "word", lambda v, p: v.data[p["n"] - 1] if len(v.data) >= p["n"] else None, params=_nth
    ),
    Operation("pick.before last", ("words",), "word", _pick(lambda x: x[-2])),
    Operation("pick.longest", ("words",), "word", _pick(lambda x: _only(x, len, max))),
    Operation("pick.shortest", ("words",), "word", _pick(lambda x: _only(x, len, min))),
    Operation("pick.alphabet last", ("words",), "word", _pick(lambda x: max(x, key=str.lower))),
    Operation("order.reverse", ("words",), "list", _pick(lambda x: _join(x[::-1]))),
    Operation("order.alphabet", ("words",), "list", _pick(lambda x: _join(sorted(x, key=str.lower)))),
    Operation(
        "order.alphabet down", ("words",), "list", _pick(lambda x: _join(sorted(x, key=str.lower, reverse=True)))
    ),
    Operation(
        "order.length",
        ("words",),
        "list",
        _pick(lambda x: _join(sorted(x, key=len)) if len({len(w) for w in x}) == len(x) else None),
    ),
    Operation(
        "edit.drop first",
        ("words",),
        "list",
        lambda v, p: _join(v.data[p["n"] :]) if len(v.data) > p["n"] else None,
        params=_ends,
    ),
    Operation(
        "edit.drop last",
        ("words",),
        "list",
        lambda v, p: _join(v.data[: -p["n"]]) if len(v.data) > p["n"] else None,
        params=_ends,
    ),
    Operation("edit.swap ends", ("words",), "list", _pick(lambda x: _join([x[-1], *x[1:-1], x[0]]))),
    Operation("edit.rotate", ("words",), "list", _pick(lambda x: _join([*x[1:], x[0]]))),
    Operation("edit.to front", ("words",), "list", _pick(lambda x: _join([x[-1], *x[:-1]]))),
    Operation("edit.initials", ("words",), "code", _pick(lambda x: "".join(w[0].upper() for w in x))),
    Operation("edit.last letters", ("words",), "code", _pick(lambda x: "".join(w[-1] for w in x))),
    Operation("edit.every second", ("words",), "list", _pick(lambda x: _join(x[::2]))),
    Operation("edit.pair ends", ("words",), "list", _pick(lambda x: _join([x[0], x[-1]]))),
    Operation("edit.and", ("words",), "text", _pick(lambda x: f"{', '.join(x[:-1])} and {x[-1]}")),
    Operation("edit.plus", ("words",), "code", _pick(lambda x: "+".join(x))),
    Operation("edit.snake", ("words",), "code", _pick(lambda x: "_".join(w.lower() for w in x))),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
