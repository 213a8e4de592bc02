"""Items of a list by their place: insert, replace, remove, swap, cut out, change one of them."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import table

LISTS = ("words", "things", "odd words", "votes")


ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def joined(items: Sequence[str]) -> str:
    return ", ".join(items)


def _word(draw: Draw) -> str:
    return draw.pick(table("labels"))


def place(draw: Draw) -> Params:
    """A place from 1 to 4: {n}, {nth}; and a word to put there: {new}."""
    n = draw.between(1, 4)
    return {"n": n, "nth": ORDINALS[n - 1], "new": _word(draw)}


def inside(draw: Draw) -> Params:
    """A place from 2 to 4, so that there is something before it."""
    n = draw.between(2, 4)
    return {"n": n, "nth": ORDINALS[n - 1], "new": _word(draw)}


def two_places(draw: Draw) -> Params:
    """Two places from 1 to 4, the lower one first."""
    i, j = sorted(draw.some((1, 2, 3, 4), 2))
    return {"i": i, "j": j, "ith": ORDINALS[i - 1], "jth": ORDINALS[j - 1]}


def at(work: Callable[[list[str], int, Params], str | list[str]]) -> Callable[[Value, Params], str | None]:
    """Work on the list and the place `n`, from 0 there; None for lists that are too short."""

    def do(value: Value, p: Params) -> str | None:
        if len(value.data) < p["n"]:
            return None
        found = work(list(value.data), p["n"] - 1, p)
        return found if isinstance(found, str) else joined(found) or None

    return do


def at_two(work: Callable[[list[str], int, int], str | list[str]]) -> Callable[[Value, Params], str | None]:
    def do(value: Value, p: Params) -> str | None:
        if len(value.data) < p["j"]:
            return None
        found = work(list(value.data), p["i"] - 1, p["j"] - 1)
        return found if isinstance(found, str) else joined(found)

    return do


def _swapped(items: list[str], i: int, j: int) -> list[str]:
    items[i], items[j] = items[j], items[i]
    return items


OPERATIONS = (
    Operation("place.insert before", LISTS, "list", at(lambda x, i, p: [*x[:i], p["new"], *x[i:]]), params=place),
    Operation(
        "place.insert after", LISTS, "list", at(lambda x, i, p: [*x[: i + 1], p["new"], *x[i + 1 :]]), params=place
    ),
    Operation("place.append", LISTS, "list", at(lambda x, _, p: [*x, p["new"]]), params=place),
    Operation("place.prepend", LISTS, "list", at(lambda x, _, p: [p["new"], *x]), params=place),
    Operation("place.replace", LISTS, "list", at(lambda x, i, p: [*x[:i], p["new"], *x[i + 1 :]]), params=place),
    Operation("place.replace last", LISTS, "list", at(lambda x, _, p: [*x[:-1], p["new"]]), params=place),
    Operation("place.remove", LISTS, "list", at(lambda x, i, _: [*x[:i], *x[i + 1 :]]), params=place),
    Operation("place.swap", LISTS, "list", at_two(_swapped), params=two_places),
    Operation("place.move to end", LISTS, "list", at(lambda x, i, _: [*x[:i], *x[i + 1 :], x[i]]), params=inside),
    Operation("place.move to front", LISTS, "list", at(lambda x, i, _: [x[i], *x[:i], *x[i + 1 :]]), params=inside),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
