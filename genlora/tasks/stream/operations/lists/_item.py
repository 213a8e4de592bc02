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
        (
            "the position of the item in the list, counted from 1",
            "the item's number in the list, the first being 1",
        ),
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
            "find the item in the list and write how many entries stand before it, as its index",
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
            "write the part of the list that is still to come once the item has been reached",
        ),
        (
            "all entries after the item, comma-separated",
            "the rest of the list behind the item",
        ),
        ("which entries come after the item?",),
    ),
    Operation(
        "item.preceding",
        _ON,
        "list",
        _at(lambda x, i, w, _: x[:i]),
        (
            "list everything that comes before the named item, comma-separated",
            "stop the list just before the item and write what came so far",
            "write the part of the list that is already over when the item is reached",
        ),
        (
            "all entries before the item, comma-separated",
            "the part of the list in front of the item",
        ),
        ("which entries come before the item?",),
    ),
    Operation(
        "item.after count",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(len(x) - i - 1)),
        (
            "count the entries after the named item",
            "say how many entries of the list follow the item",
            "say how far the item is from the end: 0 if it is last, 1 if one entry follows ...",
        ),
        (
            "the number of entries after the item",
            "how many entries follow the item",
        ),
        ("how many entries come after the item?",),
    ),
    Operation(
        "item.before count",
        _ON,
        "number",
        _at(lambda x, i, w, _: str(i)),
        (
            "count the entries before the named item",
            "say how many entries of the list precede the item",
            "say how many entries one passes before reaching the item",
        ),
        (
            "the number of entries before the item",
            "how many entries precede the item",
        ),
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
        (
            "the list without the item, comma-separated",
            "what is left of the list once the item is gone",
        ),
        ("what is left of the list without the item?",),
    ),
    Operation(
        "item.to front",
        _ON,
        "list",
        _at(lambda x, i, w, _: [w, *x[:i], *x[i + 1 :]] if i else None),
        (
            "move the named item to the front of the list, comma-separated",
            "put the item first and leave the others in their order",
            "pin the item to the top of the list",
        ),
        (
            "the list with the item moved to the front, comma-separated",
            "the item and then the other entries in their order",
        ),
        ("what is the order once the item has been moved to the front?",),
    ),
    Operation(
        "item.to end",
        _ON,
        "list",
        _at(lambda x, i, w, _: [*x[:i], *x[i + 1 :], w] if i + 1 < len(x) else None),
        (
            "move the named item to the end of the list, comma-separated",
            "put the item last and leave the others in their order",
            "send the item to the back of the list",
        ),
        (
            "the list with the item moved to the end, comma-separated",
            "the other entries in their order and then the item",
        ),
        ("what is the order once the item has been moved to the end?",),
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
        (
            'the list with "{new}" in place of the item, comma-separated',
            'the entries, the item changed to "{new}"',
        ),
        ('what is the list once the item has become "{new}"?',),
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
            "let {new} follow the item in the list, comma-separated",
        ),
        (
            'the list with "{new}" added after the item, comma-separated',
            'the entries with "{new}" behind the item',
        ),
        ('what is the list with "{new}" right after the item?',),
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
            "let {new} precede the item in the list, comma-separated",
        ),
        (
            'the list with "{new}" added before the item, comma-separated',
            'the entries with "{new}" in front of the item',
        ),
        ('what is the list with "{new}" right before the item?',),
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
            "swap the item with its right neighbour",
        ),
        (
            "the list with the item moved back by one place, comma-separated",
            "the list after the item and its right neighbour changed places",
        ),
        ("what is the order once the item has moved back by one place?",),
    ),
    Operation(
        "item.mark",
        _ON,
        "code",
        _at(lambda x, i, w, _: [*x[:i], w.upper(), *x[i + 1 :]]),
        (
            "copy the list and write the named item in capitals, comma-separated",
            "highlight the item inside the list by upper case",
            "make the item stand out in the list: capitals for it, nothing changed in the others",
        ),
        (
            "the list with the item in capitals, comma-separated",
            "the entries, only the item in upper case",
        ),
        ("what does the list look like with the item in capitals?",),
    ),
    Operation(
        "item.add if missing",
        _ON,
        "list",
        lambda v, _: joined(v.data[0] if v.data[1] in v.data[0] else [*v.data[0], v.data[1]]),
        (
            "add the named item at the end unless the list has it already, comma-separated",
            "make sure that the item is in the list: append it only if it is missing",
            "return the list as it is if it has the item, else with the item at the end",
        ),
        (
            "the list with the item appended if it was missing, comma-separated",
            "the list, completed by the item if need be",
        ),
        ("what is the list once it surely contains the item?",),
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
            "flip the item: off the list if it is on it, onto its end if it is not",
        ),
        (
            "the list after the item was toggled (removed if present, else appended), comma-separated",
            "the list with the item switched: out if in, in if out",
        ),
        ("what is the list after the item is toggled (removed if there, appended if not)?",),
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
