"""A list and one item named beside it: where it is, what is next to it, the list without it."""

from collections.abc import Callable

from .._parts import Classifier, Condition, Operation, Params, Value
from ._places import joined, place

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
    Operation(
        "item.position",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(i + 1)),
        (
            "say at which place of the list the named item stands, counting from 1",
            "give the position of the item in the list (the first place is 1)",
            "look the item up in the list and write its number",
        ),
        ("the position of the item in the list, counted from 1",),
        ("at which place of the list is the item, counting from 1?",),
    ),
    Operation(
        "item.index",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(i)),
        (
            "give the zero-based index of the named item in the list",
            "say at which index the item stands, where the first item has index 0",
        ),
        ("the zero-based index of the item", "the index of the item, counted from 0"),
        ("which index does the item have if the first index is 0?",),
    ),
    Operation(
        "item.after",
        _ON,
        "word",
        _at(lambda x, i, w, _: x[i + 1] if i + 1 < len(x) else None),
        (
            "say what comes right after the named item in the list",
            "find the item in the list and write its successor",
            "give the next entry of the list, seen from the item",
        ),
        ("the entry that follows the item in the list", "the item's right neighbour in the list"),
        ("what comes next after the item in the list?",),
    ),
    Operation(
        "item.before",
        _ON,
        "word",
        _at(lambda x, i, w, _: x[i - 1] if i else None),
        (
            "say what comes right before the named item in the list",
            "find the item in the list and write its predecessor",
            "give the previous entry of the list, seen from the item",
        ),
        ("the entry that precedes the item in the list", "the item's left neighbour in the list"),
        ("what stands just before the item in the list?",),
    ),
    Operation(
        "item.following",
        _ON,
        "list",
        _at(lambda x, i, w, _: x[i + 1 :]),
        (
            "list everything that comes after the named item, comma-separated",
            "cut the list behind the item and write the rest",
        ),
        ("all entries after the item, comma-separated",),
    ),
    Operation(
        "item.preceding",
        _ON,
        "list",
        _at(lambda x, i, w, _: x[:i]),
        (
            "list everything that comes before the named item, comma-separated",
            "stop the list just before the item and write what came so far",
        ),
        ("all entries before the item, comma-separated",),
    ),
    Operation(
        "item.after count",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(len(x) - i - 1)),
        ("count the entries after the named item", "say how many entries of the list follow the item"),
        ("the number of entries after the item",),
        ("how many entries come after the item?",),
    ),
    Operation(
        "item.before count",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(i)),
        ("count the entries before the named item", "say how many entries of the list precede the item"),
        ("the number of entries before the item",),
        ("how many entries come before the item?",),
    ),
    Operation(
        "item.remove",
        _ON,
        "list",
        _at(lambda x, i, w, _: [*x[:i], *x[i + 1 :]]),
        (
            "remove the named item from the list",
            "copy the list without the item, comma-separated",
            "cross the item off and write what is left",
        ),
        ("the list without the item, comma-separated",),
    ),
    Operation(
        "item.to front",
        _ON,
        "list",
        _at(lambda x, i, w, _: [w, *x[:i], *x[i + 1 :]] if i else None),
        (
            "move the named item to the front of the list, comma-separated",
            "put the item first and leave the others in their order",
        ),
        ("the list with the item moved to the front, comma-separated",),
    ),
    Operation(
        "item.to end",
        _ON,
        "list",
        _at(lambda x, i, w, _: [*x[:i], *x[i + 1 :], w] if i + 1 < len(x) else None),
        (
            "move the named item to the end of the list, comma-separated",
            "put the item last and leave the others in their order",
        ),
        ("the list with the item moved to the end, comma-separated",),
    ),
    Operation(
        "item.replace",
        _ON,
        "list",
        _at(lambda x, i, w, p: [*x[:i], p["new"], *x[i + 1 :]]),
        (
            'replace the named item by "{new}" in the list, comma-separated',
            'copy the list, but write "{new}" for the item',
            "substitute {new} for the item wherever the list has it",
        ),
        ('the list with "{new}" in place of the item, comma-separated',),
        (),
        place,
    ),
    Operation(
        "item.insert after",
        _ON,
        "list",
        _at(lambda x, i, w, p: [*x[: i + 1], p["new"], *x[i + 1 :]]),
        (
            'insert "{new}" into the list right after the named item, comma-separated',
            'add "{new}" directly behind the item',
        ),
        ('the list with "{new}" added after the item, comma-separated',),
        (),
        place,
    ),
    Operation(
        "item.insert before",
        _ON,
        "list",
        _at(lambda x, i, w, p: [*x[:i], p["new"], *x[i:]]),
        (
            'insert "{new}" into the list right before the named item, comma-separated',
            'add "{new}" directly in front of the item',
        ),
        ('the list with "{new}" added before the item, comma-separated',),
        (),
        place,
    ),
    Operation(
        "item.swap with next",
        _ON,
        "list",
        _at(lambda x, i, w, _: [*x[:i], x[i + 1], w, *x[i + 2 :]] if i + 1 < len(x) else None),
        (
            "let the named item and the one after it trade places, comma-separated",
            "move the item one place towards the end of the list",
        ),
        ("the list with the item moved back by one place, comma-separated",),
    ),
    Operation(
        "item.mark",
        _ON,
        "code",
        _at(lambda x, i, w, _: [*x[:i], w.upper(), *x[i + 1 :]]),
        (
            "copy the list and write the named item in capitals, comma-separated",
            "highlight the item inside the list by upper case",
        ),
        ("the list with the item in capitals, comma-separated",),
    ),
    Operation(
        "item.add if missing",
        _ON,
        "list",
        lambda v, _: joined(v.data[0] if v.data[1] in v.data[0] else [*v.data[0], v.data[1]]),
        (
            "add the named item at the end unless the list has it already, comma-separated",
            "make sure that the item is in the list: append it only if it is missing",
        ),
        ("the list with the item appended if it was missing, comma-separated",),
    ),
    Operation(
        "item.toggle",
        _ON,
        "list",
        lambda v, _: joined(
            [w for w in v.data[0] if w != v.data[1]] if v.data[1] in v.data[0] else [*v.data[0], v.data[1]]
        ),
        (
            "remove the named item if the list has it, otherwise append it, comma-separated",
            "toggle the item: take it out if it is in the list, add it at the end if not",
        ),
        ("the list after the item was toggled (removed if present, else appended), comma-separated",),
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
