"""Parts of a list by place: the head, the tail, a range, every second item."""

from genlora.tasks._rules_data import Draw

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
        ("which items are at places {i} to {j}?",),
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
        (
            "the {ith} and the {jth} item, comma-separated",
            "only items {i} and {j}",
        ),
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
        (
            "the {jth} item followed by the {ith}, comma-separated",
            "item {j}, then item {i}",
        ),
        ("which item is {jth} and which is {ith}, in this order?",),
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
        (
            "items {i} and {j} joined by a hyphen",
            "a key made of item {i}, a hyphen and item {j}",
        ),
        ("how do items {i} and {j} look with a hyphen between them?",),
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
        ("which items stand neither first nor last?",),
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
        ("which items are at even places?",),
    ),
    Operation(
        "place.after nth",
        LISTS,
        "list",
        at(lambda x, i, _: x[i + 1 :]),
        ("list everything after the {nth} item", "skip {n} and give the rest of {the}", "start behind item {n}"),
        ("all items after the {nth}, comma-separated", "what follows item {n} in {the}"),
        ("which items come after the {nth}?",),
        place,
    ),
    Operation(
        "place.before nth",
        LISTS,
        "list",
        at(lambda x, i, _: x[:i]),
        ("list everything before the {nth} item", "stop just before item {n} of {the}", "keep what precedes item {n}"),
        ("all items before the {nth}, comma-separated", "what precedes item {n} in {the}"),
        ("which items come before the {nth}?",),
        inside,
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
