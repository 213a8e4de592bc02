"""Items of a list by their place: insert, replace, remove, swap, cut out, change one of them."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

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
    Operation(
        "place.insert before",
        LISTS,
        "list",
        at(lambda x, i, p: [*x[:i], p["new"], *x[i:]]),
        (
            'insert "{new}" before the {nth} item of {the}, comma-separated',
            'put "{new}" at place {n} and move the rest back, with commas between',
            "add {new} so that it becomes item number {n} (comma-separated)",
        ),
        (
            '{the} with "{new}" inserted before the {nth} item, comma-separated',
            'the list after "{new}" was put in front of item {n}',
        ),
        ('what does {the} look like with "{new}" before the {nth} item?',),
        place,
    ),
    Operation(
        "place.insert after",
        LISTS,
        "list",
        at(lambda x, i, p: [*x[: i + 1], p["new"], *x[i + 1 :]]),
        (
            'insert "{new}" after the {nth} item of {the}, comma-separated',
            'put "{new}" right behind item {n}, with commas between',
            "add {new} following the {nth} item (comma-separated)",
        ),
        (
            '{the} with "{new}" inserted after the {nth} item, comma-separated',
            'the list after "{new}" was put behind item {n}',
        ),
        ('what does {the} look like with "{new}" after the {nth} item?',),
        place,
    ),
    Operation(
        "place.append",
        LISTS,
        "list",
        at(lambda x, _, p: [*x, p["new"]]),
        (
            'add "{new}" at the end of {the}, comma-separated',
            'append "{new}" as a further item (commas between)',
            'copy {the} with commas and put "{new}" last',
        ),
        (
            '{the} with "{new}" added at the end, comma-separated',
            'the items and then "{new}"',
        ),
        ('what is {the} once "{new}" has been added at the end?',),
        place,
    ),
    Operation(
        "place.prepend",
        LISTS,
        "list",
        at(lambda x, _, p: [p["new"], *x]),
        (
            'add "{new}" at the start of {the}, comma-separated',
            'put "{new}" in front of all items (commas between)',
            'copy {the} with commas, but let it begin with "{new}"',
        ),
        (
            '{the} with "{new}" added at the start, comma-separated',
            '"{new}" and then the items',
        ),
        ('what is {the} once "{new}" has been added in front?',),
        place,
    ),
    Operation(
        "place.replace",
        LISTS,
        "list",
        at(lambda x, i, p: [*x[:i], p["new"], *x[i + 1 :]]),
        (
            'replace the {nth} item by "{new}", comma-separated',
            'overwrite item {n} of {the} with "{new}"',
            "write {new} instead of whatever stands at place {n}, and keep the others",
            'change the {nth} entry to "{new}"',
        ),
        ('{the} with its {nth} item replaced by "{new}"', '{the}, item {n} changed to "{new}", comma-separated'),
        ('what is {the} once the {nth} item has become "{new}"?',),
        place,
    ),
    Operation(
        "place.replace last",
        LISTS,
        "list",
        at(lambda x, _, p: [*x[:-1], p["new"]]),
        (
            'replace the last item by "{new}", comma-separated',
            'overwrite the final entry of {the} with "{new}"',
            "keep all items but the last, which becomes {new}",
        ),
        (
            '{the} with its last item replaced by "{new}"',
            'the items, but "{new}" as the last',
        ),
        ('what is {the} once the last item has become "{new}"?',),
        place,
    ),
    Operation(
        "place.remove",
        LISTS,
        "list",
        at(lambda x, i, _: [*x[:i], *x[i + 1 :]]),
        (
            "remove the {nth} item of {the}",
            "delete item number {n}, comma-separated",
            "leave out whatever stands at place {n}",
            "cross out the {nth} entry and write the others",
        ),
        ("{the} without its {nth} item, comma-separated", "all items but number {n}"),
        ("what is left when the {nth} item is taken out?",),
        place,
    ),
    Operation(
        "place.swap",
        LISTS,
        "list",
        at_two(_swapped),
        (
            "swap items {i} and {j} of {the}, comma-separated",
            "let the {ith} and the {jth} item trade places",
            "exchange the {ith} entry with the {jth} and keep the others where they are",
        ),
        ("{the} with items {i} and {j} swapped", "{the} after the {ith} and {jth} items changed places"),
        ("what is the order after items {i} and {j} have changed places?",),
        two_places,
    ),
    Operation(
        "place.move to end",
        LISTS,
        "list",
        at(lambda x, i, _: [*x[:i], *x[i + 1 :], x[i]]),
        ("move the {nth} item to the end of {the}", "put item {n} last, comma-separated", "send the {nth} entry back"),
        (
            "{the} with the {nth} item moved to the end",
            "the items, number {n} last and the others in their order",
        ),
        ("what is the order once the {nth} item has gone to the end?",),
        inside,
    ),
    Operation(
        "place.move to front",
        LISTS,
        "list",
        at(lambda x, i, _: [x[i], *x[:i], *x[i + 1 :]]),
        (
            "move the {nth} item to the front of {the}",
            "put item {n} first, comma-separated",
            "pin the {nth} entry to the top of the list",
        ),
        (
            "{the} with the {nth} item moved to the front",
            "the items, number {n} first and the others in their order",
        ),
        ("what is the order once the {nth} item has gone to the front?",),
        inside,
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
