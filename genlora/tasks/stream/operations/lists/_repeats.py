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
    Operation(
        "votes.unique",
        VOTES,
        "list",
        over(lambda x: _unless_all(x, list(dict.fromkeys(x)))),
        (
            "remove the duplicates and keep the order",
            "list every different entry once, comma-separated, as it first appears",
            "deduplicate {the}",
            "clean {the} so that nothing is in it twice",
        ),
        ("{the} without duplicates, comma-separated", "the distinct entries in order of first appearance"),
        ("which different entries are there, in order of first appearance?",),
    ),
    Operation(
        "votes.first repeated",
        VOTES,
        "word",
        over(_first_repeated),
        (
            "give the first entry that has been there before",
            "read {the} from the start and stop at the first repetition: write that entry",
            "find the duplicate that shows up earliest",
        ),
        ("the first entry that repeats an earlier one", "the earliest duplicate"),
        ("which entry is the first to appear a second time?",),
    ),
    Operation(
        "votes.repeated",
        VOTES,
        "list",
        over(lambda x: joined_or_none([w for w in dict.fromkeys(x) if x.count(w) > 1])),
        (
            "list the entries that occur more than once, each once",
            "report the duplicates, comma-separated, in order of first appearance",
            "write which values come up again",
        ),
        ("the entries that occur more than once", "the duplicated values, each written once"),
        ("which entries are duplicated?",),
    ),
    Operation(
        "votes.once",
        VOTES,
        "list",
        over(lambda x: _unless_all(x, [w for w in x if x.count(w) == 1])),
        (
            "list the entries that occur exactly once",
            "keep only what is never repeated, comma-separated",
            "throw out every entry that has a duplicate, both copies",
        ),
        ("the entries that occur only once", "whatever is not repeated in {the}"),
        ("which entries occur only once?",),
    ),
    Operation(
        "votes.without first",
        VOTES,
        "list",
        over(lambda x: joined_or_none([w for w in x if w != x[0]])),
        (
            "delete every occurrence of the first entry, comma-separated",
            "filter out whatever equals the first entry",
            "leave only the entries that differ from the first one",
        ),
        (
            "{the} without any entry equal to the first, comma-separated",
            "the entries that are not the same as the first one",
        ),
        ("what is left when all copies of the first entry are removed?",),
    ),
    Operation(
        "votes.without winner",
        VOTES,
        "list",
        over(lambda x: joined_or_none([w for w in x if w != winner(x)]) if winner(x) else None),
        (
            "delete all occurrences of the most frequent entry, comma-separated",
            "leave out the winner and list the remaining entries in their order",
            "strike the top entry, all copies of it, and write what remains",
        ),
        (
            "{the} without its most frequent entry, comma-separated",
            "what remains without the most frequent entry",
        ),
        ("what is left when the most frequent entry is removed everywhere?",),
    ),
    Operation(
        "votes.collapse",
        VOTES,
        "list",
        over(lambda x: _unless_all(x, [w for w, _ in groupby(x)])),
        (
            "collapse neighbouring repeats: a, a, b, a becomes a, b, a",
            "merge equal entries that stand next to each other into one, comma-separated",
            "drop an entry when the one before it is the same",
        ),
        (
            "{the} with repeats in a row merged, comma-separated",
            "the entries with neighbouring repeats collapsed",
        ),
        ("what is left when equal neighbours are merged?",),
    ),
    Operation(
        "votes.changes",
        VOTES,
        "number",
        over(lambda x: str(sum(a != b for a, b in pairwise(x)))),
        (
            "count how often the entry differs from the one before it",
            "say how many changes there are from one entry to the next",
            "go through {the} and count each time the value changes",
        ),
        (
            "the number of changes between neighbouring entries",
            "how often an entry differs from its predecessor",
        ),
        ("how many times does the value change from one entry to the next?",),
    ),
    Operation(
        "votes.twice running",
        VOTES,
        "word",
        over(_twice_running),
        (
            "give the entry that comes twice or more in a row",
            "find the one place where an entry is repeated at once, and write that entry",
            "write which entry immediately repeats itself",
        ),
        ("the entry that is repeated immediately", "what comes at least twice in a row"),
        ("which entry stands directly after itself?",),
    ),
    Operation(
        "votes.longest run",
        VOTES,
        "number",
        over(lambda x: str(_longest_run(x))),
        (
            "say how long the longest streak of the same entry is",
            "count the greatest number of equal entries in a row",
            "find the longest run of one and the same entry; write its length",
        ),
        ("the length of the longest run of equal entries", "the longest streak, as a number"),
        ("how many times in a row does an entry occur at most?",),
    ),
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
