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
    Operation(
        "sets.common one",
        _ON,
        "word",
        _single(_common),
        (
            "find the item that is in both lists",
            "give the only entry that the two lists share",
            "write what the second list has in common with the first",
        ),
        ("the item that both lists contain", "the one common entry"),
        ("which item is in both lists?",),
    ),
    Operation(
        "sets.common",
        _ON,
        "list",
        _list(_common),
        (
            "list the items that are in both lists, in the order of the first",
            "intersect the two lists, comma-separated, keeping the order of the first one",
            "keep those items of the first list that the second has too",
        ),
        (
            "the items that both lists contain, in the order of the first",
            "the intersection, ordered like the first list",
        ),
        ("which items do the two lists share?",),
    ),
    Operation(
        "sets.common count",
        _ON,
        "number",
        _count(_common),
        (
            "count the items that are in both lists",
            "say how many items the two lists share",
            "compare the lists and write the number of shared items",
        ),
        ("the number of items in both lists", "the size of the intersection"),
        ("how many items do the lists have in common?",),
    ),
    Operation(
        "sets.first only",
        _ON,
        "list",
        _list(_first_only),
        (
            "list the items of the first list that are missing from the second",
            "say what was removed on the way from the first list to the second, comma-separated",
            "subtract the second list from the first",
            "write what only the first list has",
        ),
        ("the items that only the first list has", "what the second list lacks, compared with the first"),
        ("which items of the first list are not in the second?",),
    ),
    Operation(
        "sets.second only",
        _ON,
        "list",
        _list(_second_only),
        (
            "list the items of the second list that are not in the first",
            "say what was added on the way from the first list to the second, comma-separated",
            "subtract the first list from the second",
            "write what only the second list has",
        ),
        ("the items that only the second list has", "what is new in the second list"),
        ("which items are in the second list but not in the first?",),
    ),
    Operation(
        "sets.removed one",
        _ON,
        "word",
        _single(_first_only),
        (
            "give the one item that the second list no longer has",
            "find the item of the first list that is missing from the second",
            "write the item that got lost in the second list",
        ),
        ("the only item that is missing from the second list", "what got lost between the first list and the second"),
        ("which item is missing from the second list?",),
    ),
    Operation(
        "sets.added one",
        _ON,
        "word",
        _single(_second_only),
        (
            "give the one item that the second list has and the first has not",
            "find the newcomer: the item of the second list that the first does not contain",
            "write the item that only turned up in the second list",
        ),
        ("the only item that is new in the second list", "the newcomer in the second list"),
        ("which item is new in the second list?",),
    ),
    Operation(
        "sets.removed count",
        _ON,
        "number",
        _count(_first_only),
        (
            "count the items of the first list that the second does not have",
            "say how many items were removed",
            "compare the lists and write the number of items the second one lost",
        ),
        ("the number of items found only in the first list", "how many items of the first list the second lacks"),
        ("how many items of the first list are missing from the second?",),
    ),
    Operation(
        "sets.added count",
        _ON,
        "number",
        _count(_second_only),
        (
            "count the items of the second list that the first does not have",
            "say how many items were added",
            "compare the lists and write the number of items the second one gained",
        ),
        ("the number of items found only in the second list", "how many items of the second list are new"),
        ("how many items are new in the second list?",),
    ),
    Operation(
        "sets.union",
        _ON,
        "list",
        _list(_union),
        (
            "merge the lists without repeats: the first list, then what is new in the second",
            "write all items of the first list and after them those of the second that are not there yet",
            "combine both lists, each item once, in order of first appearance",
        ),
        ("all items of both lists, each once, in order of first appearance", "the union of the two lists, in order"),
        ("which items are there in both lists together, each once?",),
    ),
    Operation(
        "sets.union count",
        _ON,
        "number",
        _count(_union),
        (
            "count the different items of both lists together",
            "say how many items the merged list would have, without repeats",
            "put both lists together, drop the repeats and count",
        ),
        (
            "the number of different items in the two lists",
            "the size of the merged list without repeats",
        ),
        ("how many different items are there in both lists together?",),
    ),
    Operation(
        "sets.either",
        _ON,
        "list",
        _list(_either),
        (
            "list the items that are in exactly one of the lists, those of the first list in front",
            "leave out what the lists share and write the rest, first list first",
            "give the differences: what only the first list has, then what only the second has",
        ),
        (
            "the items that are in one list only, those of the first list in front",
            "the differences between the lists: first what only list one has, then the rest",
        ),
        ("which items are in one list only?",),
    ),
    Operation(
        "sets.all",
        _ON,
        "list",
        _list(lambda a, b: [*a, *b]),
        (
            "write the second list right after the first, keeping repeats, comma-separated",
            "concatenate the two lists",
            "append the items of the second list to the first, even those that are already there",
        ),
        (
            "both lists in a row, repeats included, comma-separated",
            "the first list followed by the whole second list",
        ),
        ("what do you get when the second list is appended to the first?",),
    ),
    Operation(
        "sets.firsts",
        _ON,
        "list",
        _list(lambda a, b: [a[0], b[0]]),
        (
            "give the first item of each list, comma between them",
            "take only the opening item of both lists",
            "write how each of the two lists begins: two items, comma-separated",
        ),
        (
            "the first items of the two lists, comma-separated",
            "the opening item of each list",
        ),
        ("with which items do the two lists begin?",),
    ),
    Operation(
        "sets.second list",
        _ON,
        "list",
        _list(lambda a, b: list(b)),
        (
            "copy only the second list, comma-separated",
            "ignore the first list and write the other one",
            "return the items of list number two",
        ),
        ("the second list, comma-separated", "the items of the second list"),
        ("what is in the second list?",),
    ),
    Operation(
        "sets.first list",
        _ON,
        "list",
        _list(lambda a, b: list(a)),
        (
            "copy only the first list, comma-separated",
            "ignore the second list and write the other one",
            "return the items of list number one",
        ),
        ("the first list, comma-separated", "the items of the first list"),
        ("what is in the first list?",),
    ),
    Operation(
        "sets.longer",
        _ON,
        "list",
        _list(lambda a, b: list(a if len(a) > len(b) else b) if len(a) != len(b) else []),
        (
            "copy the list that has more items, comma-separated",
            "drop the shorter list and write the other",
            "compare how many items the lists have and repeat the bigger one",
        ),
        ("the list with more items, comma-separated", "the longer list"),
        ("which items are in the list that has more of them?",),
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
