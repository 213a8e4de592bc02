"""Lists with repeated entries: duplicates, runs, what is left without them."""

from collections.abc import Sequence
from itertools import groupby, pairwise

from ..._parts import Classifier, Condition, Operation
from ._votes import VOTES, joined_or_none, over, winner


def _first_repeated(items: Sequence[str]) -> str | None:
    seen = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _unless_all(items: Sequence[str], chosen: Sequence[str]) -> str | None:
    return joined_or_none(chosen) if len(chosen) < len(items) else None


def _twice_running(items: Sequence[str]) -> str | None:
    runs = [item for item, run in groupby(items) if len(list(run)) > 1]
    return runs[0] if len(runs) == 1 else None


def _longest_run(items: Sequence[str]) -> int:
    return max(len(list(run)) for _, run in groupby(items))


OPERATIONS = (
    Operation("votes.unique", VOTES, "list", over(lambda x: _unless_all(x, list(dict.fromkeys(x))))),
    Operation("votes.first repeated", VOTES, "word", over(_first_repeated)),
    Operation(
        "votes.repeated", VOTES, "list", over(lambda x: joined_or_none([w for w in dict.fromkeys(x) if x.count(w) > 1]))
    ),
    Operation("votes.once", VOTES, "list", over(lambda x: _unless_all(x, [w for w in x if x.count(w) == 1]))),
    Operation("votes.without first", VOTES, "list", over(lambda x: joined_or_none([w for w in x if w != x[0]]))),
    Operation(
        "votes.without winner",
        VOTES,
        "list",
        over(lambda x: joined_or_none([w for w in x if w != winner(x)]) if winner(x) else None),
    ),
    Operation("votes.collapse", VOTES, "list", over(lambda x: _unless_all(x, [w for w, _ in groupby(x)]))),
    Operation("votes.changes", VOTES, "number", over(lambda x: str(sum(a != b for a, b in pairwise(x))))),
    Operation("votes.twice running", VOTES, "word", over(_twice_running)),
    Operation("votes.longest run", VOTES, "number", over(lambda x: str(_longest_run(x)))),
)

CONDITIONS = (
    Condition(
        "has duplicates",
        VOTES,
        lambda v, _: len(set(v.data)) < len(v.data),
        ("an entry of {the} is repeated", "{the} has duplicates"),
        ("all entries are different", "{the} has no duplicates"),
    ),
    Condition(
        "in a row",
        VOTES,
        lambda v, _: _longest_run(v.data) > 1,
        ("the same entry comes twice in a row", "two neighbouring entries are equal"),
        ("no entry comes twice in a row", "neighbouring entries always differ"),
    ),
    Condition(
        "ends equal",
        VOTES,
        lambda v, _: v.data[0] == v.data[-1],
        ("the first and the last entry are the same", "{the} ends with the entry it started with"),
        ("the first and the last entry differ", "{the} ends with something other than its first entry"),
    ),
    Condition(
        "last is new",
        VOTES,
        lambda v, _: v.data[-1] not in v.data[:-1],
        ("the last entry has not occurred before", "the final entry is new"),
        ("the last entry has occurred before", "the final entry repeats an earlier one"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
