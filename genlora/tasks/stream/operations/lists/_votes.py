"""Lists with repeated entries: the winner, duplicates, what occurs once, runs."""

from collections import Counter
from collections.abc import Callable, Sequence

from ..._parts import Classifier, Condition, Operation, Params, Value

VOTES = ("votes",)


def over(work: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _ranked(items: Sequence[str]) -> list[tuple[str, int]]:
    return Counter(items).most_common()


def winner(items: Sequence[str]) -> str | None:
    """The most frequent entry; None for a tie."""
    ranked = _ranked(items)
    if len(ranked) < 2:
        return None
    return ranked[0][0] if ranked[0][1] > ranked[1][1] else None


def _rarest(items: Sequence[str]) -> str | None:
    ranked = _ranked(items)
    return ranked[-1][0] if len(ranked) > 1 and ranked[-1][1] < ranked[-2][1] else None


def _second(items: Sequence[str]) -> str | None:
    ranked = _ranked(items)
    if len(ranked) < 2 or ranked[0][1] == ranked[1][1] or (len(ranked) > 2 and ranked[1][1] == ranked[2][1]):
        return None
    return ranked[1][0]


def _margin(items: Sequence[str]) -> str | None:
    ranked = _ranked(items)
    return str(ranked[0][1] - ranked[1][1]) if len(ranked) > 1 else None


def joined_or_none(items: Sequence[str]) -> str | None:
    return ", ".join(items) or None


OPERATIONS = (
    Operation("votes.winner", VOTES, "word", over(winner)),
    Operation("votes.rarest", VOTES, "word", over(_rarest)),
    Operation("votes.second", VOTES, "word", over(_second)),
    Operation("votes.winner count", VOTES, "number", over(lambda x: str(_ranked(x)[0][1]))),
    Operation(
        "votes.winner with count", VOTES, "text", over(lambda x: f"{w} ({x.count(w)})" if (w := winner(x)) else None)
    ),
    Operation("votes.margin", VOTES, "number", over(_margin)),
    Operation("votes.distinct count", VOTES, "number", over(lambda x: str(len(set(x))))),
    Operation("votes.first count", VOTES, "number", over(lambda x: str(x.count(x[0])))),
    Operation("votes.last count", VOTES, "number", over(lambda x: str(x.count(x[-1])))),
    Operation(
        "votes.group",
        VOTES,
        "list",
        over(lambda x: joined_or_none([f"{w} {x.count(w)}" for w in dict.fromkeys(x)]) if len(set(x)) <= 4 else None),
    ),
)

CONDITIONS = (
    Condition(
        "tie",
        VOTES,
        lambda v, _: None if len(set(v.data)) < 2 else winner(v.data) is None,
        ("there is a tie for the most frequent entry", "two or more entries share the highest count"),
        ("one entry is more frequent than all others", "there is a single winner by count"),
    ),
    Condition(
        "majority",
        VOTES,
        lambda v, _: 2 * _ranked(v.data)[0][1] > len(v.data),
        ("one entry makes up more than half of {the}", "some entry has an absolute majority"),
        ("no entry makes up more than half of {the}", "nothing has an absolute majority"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "first against last",
        VOTES,
        lambda v, _: {-1: "last", 0: "equal", 1: "first"}[
            (v.data.count(v.data[0]) > v.data.count(v.data[-1])) - (v.data.count(v.data[0]) < v.data.count(v.data[-1]))
        ],
        {
            "first": "the first entry occurs more often than the last one",
            "last": "the last entry occurs more often than the first one",
            "equal": "the first and the last entry occur equally often",
        },
        "the more frequent of the first and the last entry",
        {"first": "first", "last": "last", "equal": "equal"},
    ),
)
