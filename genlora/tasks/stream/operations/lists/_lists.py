"""Picking, ordering and reshaping the items of a list of words."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

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
    Operation(
        "pick.first",
        ("words",),
        "word",
        _pick(lambda x: x[0]),
        ("give the first item of {the}", "repeat the first word", "take the one that comes first in {the}"),
        ("the first item of {the}", "the word at the start of {the}"),
        ("which item comes first?",),
    ),
    Operation(
        "pick.nth",
        ("words",),
        "word",
        lambda v, p: v.data[p["n"] - 1] if len(v.data) >= p["n"] else None,
        ("give the {nth} item of {the}", "pick item number {n}", "copy out the {nth} word", "return item {n} of {the}"),
        ("the {nth} item of {the}", "item number {n}"),
        ("what is the {nth} item?",),
        _nth,
    ),
    Operation(
        "pick.before last",
        ("words",),
        "word",
        _pick(lambda x: x[-2]),
        ("give the item before the last one", "return the second to last item of {the}", "pick the last but one"),
        ("the second to last item", "the last item but one of {the}"),
        ("which item stands just before the last?",),
    ),
    Operation(
        "pick.longest",
        ("words",),
        "word",
        _pick(lambda x: _only(x, len, max)),
        ("give the longest word of {the}", "pick the item with the most letters", "find the longest entry"),
        ("the longest word", "the item of {the} that has the most letters"),
        ("which word is longest?",),
    ),
    Operation(
        "pick.shortest",
        ("words",),
        "word",
        _pick(lambda x: _only(x, len, min)),
        ("give the shortest word of {the}", "pick the item with the fewest letters", "find the shortest entry"),
        ("the shortest word", "the item with the fewest letters"),
        ("which word is the shortest?",),
    ),
    Operation(
        "pick.alphabet last",
        ("words",),
        "word",
        _pick(lambda x: max(x, key=str.lower)),
        (
            "give the word that comes last in the alphabet",
            "find the item that a dictionary would list last",
            "pick the alphabetically last item of {the}",
        ),
        ("the alphabetically last word", "the word nearest to the end of the dictionary"),
        ("which of them comes last alphabetically?",),
    ),
    Operation(
        "order.reverse",
        ("words",),
        "list",
        _pick(lambda x: _join(x[::-1])),
        ("reverse {the}", "write {the} backwards, last item first", "put the items in the opposite order"),
        ("{the} in reverse order", "the items from last to first"),
    ),
    Operation(
        "order.alphabet",
        ("words",),
        "list",
        _pick(lambda x: _join(sorted(x, key=str.lower))),
        ("sort {the} alphabetically", "put the items in alphabetical order", "order {the} from A to Z"),
        ("{the} in alphabetical order", "the items sorted from a to z"),
    ),
    Operation(
        "order.alphabet down",
        ("words",),
        "list",
        _pick(lambda x: _join(sorted(x, key=str.lower, reverse=True))),
        (
            "sort {the} from Z to A",
            "order the items in reverse alphabetical order",
            "sort {the} alphabetically, descending",
        ),
        ("{the} sorted from z to a", "the items in descending alphabetical order"),
    ),
    Operation(
        "order.length",
        ("words",),
        "list",
        _pick(lambda x: _join(sorted(x, key=len)) if len({len(w) for w in x}) == len(x) else None),
        ("sort {the} by length, shortest first", "order the words from shortest to longest"),
        ("the words from shortest to longest", "{the} sorted by number of letters"),
    ),
    Operation(
        "edit.drop first",
        ("words",),
        "list",
        lambda v, p: _join(v.data[p["n"] :]) if len(v.data) > p["n"] else None,
        (
            "remove the {first} of {the}",
            "drop the {first}",
            "give {the} without the {first}",
            "skip the {first} and write the rest",
        ),
        ("{the} without the {first}", "everything after the {first}"),
        params=_ends,
    ),
    Operation(
        "edit.drop last",
        ("words",),
        "list",
        lambda v, p: _join(v.data[: -p["n"]]) if len(v.data) > p["n"] else None,
        ("remove the {last} of {the}", "drop the {last}", "give {the} without the {last}", "cut off the {last}"),
        ("{the} without the {last}", "everything before the {last}"),
        params=_ends,
    ),
    Operation(
        "edit.swap ends",
        ("words",),
        "list",
        _pick(lambda x: _join([x[-1], *x[1:-1], x[0]])),
        ("swap the first and the last item", "exchange both ends of {the}", "trade places of the first and last word"),
        ("{the} with its first and last items swapped",),
    ),
    Operation(
        "edit.rotate",
        ("words",),
        "list",
        _pick(lambda x: _join([*x[1:], x[0]])),
        ("move the first item to the end", "rotate {the} by one: the first item goes last"),
        ("{the} with the first item moved to the end",),
    ),
    Operation(
        "edit.to front",
        ("words",),
        "list",
        _pick(lambda x: _join([x[-1], *x[:-1]])),
        ("move the last item to the front", "put the last word first and keep the rest"),
        ("{the} with the last item moved to the front",),
    ),
    Operation(
        "edit.initials",
        ("words",),
        "code",
        _pick(lambda x: "".join(w[0].upper() for w in x)),
        (
            "write the initials of the items as one word",
            "make an acronym from {the}",
            "join the first letters, in capitals",
        ),
        ("the acronym of {the}", "the first letters of the words, capitalised and joined"),
    ),
    Operation(
        "edit.last letters",
        ("words",),
        "code",
        _pick(lambda x: "".join(w[-1] for w in x)),
        ("join the last letters of the words", "take the final letter of each word and write them together"),
        ("the last letters of the words, joined",),
    ),
    Operation(
        "edit.every second",
        ("words",),
        "list",
        _pick(lambda x: _join(x[::2])),
        ("keep every second item, starting with the first", "write items 1, 3, 5 and so on"),
        ("every other item of {the}, from the first one on", "the items at odd places"),
    ),
    Operation(
        "edit.pair ends",
        ("words",),
        "list",
        _pick(lambda x: _join([x[0], x[-1]])),
        ("give only the first and the last item", "write both ends of {the}", "keep the first and last words"),
        ("the first and the last item", "both ends of {the}"),
    ),
    Operation(
        "edit.and",
        ("words",),
        "text",
        _pick(lambda x: f"{', '.join(x[:-1])} and {x[-1]}"),
        ('join the items with commas and an "and" before the last', "turn {the} into an English enumeration"),
        ('{the} written with commas and a final "and"',),
    ),
    Operation(
        "edit.plus",
        ("words",),
        "code",
        _pick(lambda x: "+".join(x)),
        ("join the items with plus signs, no spaces", "glue the words together with +"),
        ("the words joined by +",),
    ),
    Operation(
        "edit.snake",
        ("words",),
        "code",
        _pick(lambda x: "_".join(w.lower() for w in x)),
        ("join the words with underscores", "make one snake_case name of the words"),
        ("the words as one snake_case name",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
