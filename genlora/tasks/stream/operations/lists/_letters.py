"""Letters and lengths of the items of a list: sort, compare, cut and read them."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..facts._places import LISTS, ORDINALS, at, joined, place

_VOWELS = "aeiou"
_DIFFERENT = ("words", "things", "odd words")


def _over(work: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _single(words: Sequence[str], key: Callable[[str], int], best: Callable[..., int]) -> str | None:
    wanted = best(map(key, words))
    found = [w for w in words if key(w) == wanted]
    return found[0] if len(found) == 1 else None


def _sorted(words: Sequence[str], key: Callable[[str], object], *, reverse: bool = False) -> str | None:
    """Sorted by `key`; None where two items share it."""
    if len({key(w) for w in words}) < len(words):
        return None
    return joined(sorted(words, key=key, reverse=reverse))  # pyright: ignore[reportArgumentType, reportCallIssue]


def _letter(draw: Draw) -> Params:
    n, m = draw.between(1, 3), draw.between(1, 3)
    return {"n": n, "nth": ORDINALS[n - 1], "m": m, "mth": ORDINALS[m - 1]}


def _only(draw: Draw) -> Params:
    return {"letter": draw.pick("aeiotrnls")}


def _vowels(word: str) -> int:
    return sum(c in _VOWELS for c in word.lower())


OPERATIONS = (
    Operation(
        "list.sort last letter",
        _DIFFERENT,
        "list",
        _over(lambda x: _sorted(x, lambda w: w[-1].lower())),
        (
            "sort {the} by the last letter of each item",
            "order the items by their final letters, a to z",
            "arrange the items alphabetically, but look only at their last letters",
        ),
        (
            "the items sorted by last letter, comma-separated",
            "the items in alphabetical order of their last letters",
        ),
        ("what is the order by last letter?",),
    ),
    Operation(
        "list.sort long first",
        _DIFFERENT,
        "list",
        _over(lambda x: _sorted(x, len, reverse=True)),
        (
            "sort {the} by length, longest first",
            "order the items from longest to shortest",
            "arrange the items by number of letters, descending",
        ),
        ("the items from longest to shortest", "{the} sorted by falling length"),
        ("what is the order from the longest item to the shortest?",),
    ),
    Operation(
        "list.alphabet first",
        LISTS,
        "word",
        _over(lambda x: min(x, key=str.lower)),
        (
            "give the item that comes first in the alphabet",
            "write whichever item a dictionary lists earliest",
            "sort {the} from A to Z in your head and write only the first",
        ),
        ("the alphabetically first item", "the item nearest to the letter A"),
        ("which item would be first in alphabetical order?",),
    ),
    Operation(
        "list.letters of nth",
        LISTS,
        "number",
        at(lambda x, i, _: str(len(x[i]))),
        (
            "count the letters of the {nth} item",
            "say how long item {n} of {the} is, in letters",
            "measure the {nth} item and write its length in letters",
        ),
        ("the number of letters in the {nth} item", "the length of item {n}"),
        ("how many letters does the {nth} item have?",),
        place,
    ),
    Operation(
        "list.longest length",
        LISTS,
        "number",
        _over(lambda x: str(max(map(len, x)))),
        (
            "give the length of the longest item, in letters",
            "say how wide a column for {the} must be: the number of letters of the longest item",
            "find the longest item and write only how many letters it has",
        ),
        (
            "the number of letters of the longest item",
            "the width of {the}: the length of its longest item in letters",
        ),
        ("how many letters does the longest item have?",),
    ),
    Operation(
        "list.most vowels",
        LISTS,
        "word",
        _over(lambda x: _single(x, _vowels, max)),
        (
            "give the item with the most vowels",
            "find the item of {the} in which a, e, i, o, u occur most often",
            "count the vowels of each item and write the item that has most",
        ),
        (
            "the item with the most vowels",
            "whichever item has more vowels than any other",
        ),
        ("which item has the most vowels?",),
    ),
    Operation(
        "list.most of a letter",
        LISTS,
        "word",
        lambda v, p: _single(v.data, lambda w: w.lower().count(p["letter"]), max),
        (
            "give the item with the most {letter}s in it",
            'find the item that contains "{letter}" more often than any other',
            "write the item in which the letter {letter} is most frequent",
        ),
        (
            'the item with the highest number of "{letter}"',
            "whichever item has the most {letter}s",
        ),
        ('which item has the most "{letter}"?',),
        _only,
    ),
    Operation(
        "list.letter of item",
        LISTS,
        "word",
        at(lambda x, i, p: x[i][p["m"] - 1] if len(x[i]) >= p["m"] else ""),
        (
            "give the {mth} letter of the {nth} item",
            "take item {n} of {the} and write its {mth} letter only",
            "write letter {m} of item {n}",
        ),
        ("the {mth} letter of the {nth} item", "letter number {m} of item number {n}"),
        ("what is the {mth} letter of the {nth} item?",),
        _letter,
    ),
    Operation(
        "list.letters down",
        LISTS,
        "code",
        lambda v, p: "".join(w[p["m"] - 1] for w in v.data) if all(len(w) >= p["m"] for w in v.data) else None,
        (
            "take the {mth} letter of every item and write them together",
            "read down the column: letter {m} of each item, joined without spaces",
            "keep nothing but letter {m} of each item, all of them in one string",
        ),
        (
            "the {mth} letters of all items, joined",
            "one string of the items' {mth} letters",
        ),
        ("which string do the {mth} letters of the items make?",),
        _letter,
    ),
    Operation(
        "list.cut each",
        LISTS,
        "code",
        lambda v, p: joined([w[: p["m"] + 1] for w in v.data]),
        (
            "shorten every item to its first {k} letters, comma-separated",
            "abbreviate the items of {the}: {k} letters each, commas between",
            "cut all items down to {k} letters and separate them by commas",
        ),
        (
            "the first {k} letters of each item, comma-separated",
            "{the} with every item cut to {k} letters",
        ),
        ("what are the items when each is cut to {k} letters?",),
        lambda d: {"m": (m := d.between(1, 3)), "k": m + 1},
    ),
)

CONDITIONS = (
    Condition(
        "list sorted",
        LISTS,
        lambda v, _: [w.lower() for w in v.data] == sorted(w.lower() for w in v.data),
        ("{the} is in alphabetical order", "the items are sorted from a to z"),
        ("{the} is not in alphabetical order", "the items are not sorted alphabetically"),
    ),
    Condition(
        "list ends longer",
        LISTS,
        lambda v, _: None if len(v.data[0]) == len(v.data[-1]) else len(v.data[0]) < len(v.data[-1]),
        ("the last item is longer than the first", "the first item has fewer letters than the last"),
        ("the first item is longer than the last", "the last item has fewer letters than the first"),
    ),
    Condition(
        "list same start",
        LISTS,
        lambda v, _: len({w[0].lower() for w in v.data}) < len(v.data),
        ("two items of {the} start with the same letter", "at least two items share their first letter"),
        ("all items start with different letters", "no two items share their first letter"),
    ),
    Condition(
        "list long item",
        LISTS,
        lambda v, p: any(len(w) > p["m"] for w in v.data),
        ("an item of {the} has more than {m} letters", "at least one item is longer than {m} letters"),
        ("no item has more than {m} letters", "all items have {m} letters or fewer"),
        params=lambda d: {"m": d.between(6, 8)},
    ),
)
CLASSIFIERS: tuple[Classifier, ...] = ()
