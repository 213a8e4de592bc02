"""Items of a list by their place: insert, replace, remove, swap, cut out, change one of them."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from .._parts import Classifier, Condition, Operation, Params, Value
from .._tables import table

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


def _inside(draw: Draw) -> Params:
    """A place from 2 to 4, so that there is something before it."""
    n = draw.between(2, 4)
    return {"n": n, "nth": ORDINALS[n - 1], "new": _word(draw)}


def two_places(draw: Draw) -> Params:
    """Two places from 1 to 4, the lower one first."""
    i, j = sorted(draw.some((1, 2, 3, 4), 2))
    return {"i": i, "j": j, "ith": ORDINALS[i - 1], "jth": ORDINALS[j - 1]}


def _range(draw: Draw) -> Params:
    i = draw.between(1, 3)
    j = i + draw.between(1, 2)
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


def _from_end(draw: Draw) -> Params:
    n = draw.between(2, 3)
    return {"n": n, "nth": ORDINALS[n - 1]}


def _some(draw: Draw) -> Params:
    n = draw.between(2, 3)
    return {"n": n, "number": ("two", "three")[n - 2]}


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
        ('{the} with "{new}" inserted before the {nth} item, comma-separated',),
        (),
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
        ('{the} with "{new}" inserted after the {nth} item, comma-separated',),
        (),
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
        ('{the} with "{new}" added at the end, comma-separated',),
        (),
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
        ('{the} with "{new}" added at the start, comma-separated',),
        (),
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
        (),
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
        ('{the} with its last item replaced by "{new}"',),
        (),
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
        (),
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
        (),
        two_places,
    ),
    Operation(
        "place.move to end",
        LISTS,
        "list",
        at(lambda x, i, _: [*x[:i], *x[i + 1 :], x[i]]),
        ("move the {nth} item to the end of {the}", "put item {n} last, comma-separated", "send the {nth} entry back"),
        ("{the} with the {nth} item moved to the end",),
        (),
        _inside,
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
        ("{the} with the {nth} item moved to the front",),
        (),
        _inside,
    ),
    Operation(
        "place.from end",
        LISTS,
        "word",
        at(lambda x, i, _: x[-1 - i]),
        (
            "give the {nth} item counted from the end",
            "count backwards from the end of {the} and write item {n}",
            "write the item at place -{n} (negative places count from the end)",
        ),
        ("the {nth} item from the end", "item {n} of {the}, counted from the end"),
        ("which item comes {nth} when you read from the end?",),
        _from_end,
    ),
    Operation(
        "place.zero based",
        LISTS,
        "word",
        at(lambda x, i, _: x[i]),
        (
            "give the item with index {index}, counting from 0",
            "return element [{index}] of {the} (zero-based)",
            "write the entry at index {index}; the first one has index 0",
        ),
        ("the item at zero-based index {index}", "element [{index}] of {the}, counted from 0"),
        ("what stands at index {index} when the first index is 0?",),
        lambda d: {**(p := place(d)), "index": p["n"] - 1},
    ),
    Operation(
        "place.slice",
        LISTS,
        "list",
        at_two(lambda x, i, j: x[i : j + 1]),
        (
            "give items {i} to {j} of {the}",
            "cut out the part from the {ith} to the {jth} item, both included",
            "copy everything from item {i} up to and including item {j}",
        ),
        ("items {i} to {j}, comma-separated", "the part of {the} from the {ith} to the {jth} item"),
        (),
        _range,
    ),
    Operation(
        "place.two",
        LISTS,
        "list",
        at_two(lambda x, i, j: [x[i], x[j]]),
        (
            "give items {i} and {j} of {the}",
            "write the {ith} and the {jth} item, comma between them",
            "copy only two items: number {i} and number {j}",
        ),
        ("the {ith} and the {jth} item, comma-separated",),
        ("which items are {ith} and {jth}?",),
        two_places,
    ),
    Operation(
        "place.two back",
        LISTS,
        "list",
        at_two(lambda x, i, j: [x[j], x[i]]),
        (
            "give item {j} and then item {i} of {the}",
            "write the {jth} item, a comma, and the {ith} item",
            "copy two items in this order: number {j}, number {i}",
        ),
        ("the {jth} item followed by the {ith}, comma-separated",),
        (),
        two_places,
    ),
    Operation(
        "place.hyphen",
        LISTS,
        "code",
        at_two(lambda x, i, j: f"{x[i]}-{x[j]}"),
        (
            "join the {ith} and the {jth} item by a hyphen",
            "make one hyphenated word of items {i} and {j}",
            "build the key from item {i}, a hyphen and item {j}",
        ),
        ("items {i} and {j} joined by a hyphen",),
        (),
        two_places,
    ),
    Operation(
        "place.head",
        LISTS,
        "list",
        lambda v, p: joined(v.data[: p["n"]]) if len(v.data) > p["n"] else None,
        (
            "give the first {number} items of {the}",
            "show the top {n} only",
            "cut {the} off after {number} items",
            "keep the leading {number} entries, comma-separated",
        ),
        ("the first {number} items, comma-separated", "the top {n} of {the}"),
        ("which {number} items come first?",),
        _some,
    ),
    Operation(
        "place.tail",
        LISTS,
        "list",
        lambda v, p: joined(v.data[-p["n"] :]) if len(v.data) > p["n"] else None,
        (
            "give the last {number} items of {the}",
            "show the bottom {n} only",
            "keep the final {number} entries, comma-separated",
            "drop everything except the last {number} items",
        ),
        ("the last {number} items, comma-separated", "the bottom {n} of {the}"),
        ("which {number} items come last?",),
        _some,
    ),
    Operation(
        "place.inner",
        LISTS,
        "list",
        lambda v, _: joined(v.data[1:-1]) if len(v.data) > 3 else None,
        (
            "leave out the first and the last item",
            "give everything between the two ends of {the}",
            "peel {the}: drop one item at either end",
        ),
        ("{the} without its first and last items", "the items between the ends, comma-separated"),
    ),
    Operation(
        "place.even",
        LISTS,
        "list",
        lambda v, _: joined(v.data[1::2]) if len(v.data) > 3 else None,
        (
            "keep every second item, starting with the second",
            "write items 2, 4 and so on",
            "list the entries at even places",
        ),
        ("the items at even places, comma-separated", "every other item, the second one first"),
    ),
    Operation(
        "place.after nth",
        LISTS,
        "list",
        at(lambda x, i, _: x[i + 1 :]),
        ("list everything after the {nth} item", "skip {n} and give the rest of {the}", "start behind item {n}"),
        ("all items after the {nth}, comma-separated", "what follows item {n} in {the}"),
        (),
        place,
    ),
    Operation(
        "place.before nth",
        LISTS,
        "list",
        at(lambda x, i, _: x[:i]),
        ("list everything before the {nth} item", "stop just before item {n} of {the}", "keep what precedes item {n}"),
        ("all items before the {nth}, comma-separated", "what precedes item {n} in {the}"),
        (),
        _inside,
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
