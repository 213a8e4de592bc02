"""Letters and lengths of the items of a list: sort, compare, cut and read them."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
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


_only = picked(letter="aeiotrnls")


def _vowels(word: str) -> int:
    return sum(c in _VOWELS for c in word.lower())


OPERATIONS = (
    Operation("list.sort last letter", _DIFFERENT, "list", _over(lambda x: _sorted(x, lambda w: w[-1].lower()))),
    Operation("list.sort long first", _DIFFERENT, "list", _over(lambda x: _sorted(x, len, reverse=True))),
    Operation("list.alphabet first", LISTS, "word", _over(lambda x: min(x, key=str.lower))),
    Operation("list.letters of nth", LISTS, "number", at(lambda x, i, _: str(len(x[i]))), params=place),
    Operation("list.longest length", LISTS, "number", _over(lambda x: str(max(map(len, x))))),
    Operation("list.most vowels", LISTS, "word", _over(lambda x: _single(x, _vowels, max))),
    Operation(
        "list.most of a letter",
        LISTS,
        "word",
        lambda v, p: _single(v.data, lambda w: w.lower().count(p["letter"]), max),
        params=_only,
    ),
    Operation(
        "list.letter of item",
        LISTS,
        "word",
        at(lambda x, i, p: x[i][p["m"] - 1] if len(x[i]) >= p["m"] else ""),
        params=_letter,
    ),
    Operation(
        "list.letters down",
        LISTS,
        "code",
        lambda v, p: "".join(w[p["m"] - 1] for w in v.data) if all(len(w) >= p["m"] for w in v.data) else None,
        params=_letter,
    ),
    Operation(
        "list.cut each",
        LISTS,
        "code",
        lambda v, p: joined([w[: p["m"] + 1] for w in v.data]),
        params=lambda d: {"m": (m := d.between(1, 3)), "k": m + 1},
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
        params=picked(m=range(6, 9)),
    ),
)
CLASSIFIERS: tuple[Classifier, ...] = ()
