"""Lists with repeated entries: the winner, duplicates, what occurs once, runs."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

from .._parts import Classifier, Condition, Operation, Params, Value

_ON = ("votes",)


def _over(work: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
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


def _first_repeated(items: Sequence[str]) -> str | None:
    seen = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _joined(items: Sequence[str]) -> str | None:
    return ", ".join(items) or None


def _unless_all(items: Sequence[str], chosen: Sequence[str]) -> str | None:
    return _joined(chosen) if len(chosen) < len(items) else None


def _twice_running(items: Sequence[str]) -> str | None:
    runs = [item for item, run in groupby(items) if len(list(run)) > 1]
    return runs[0] if len(runs) == 1 else None


def _longest_run(items: Sequence[str]) -> int:
    return max(len(list(run)) for _, run in groupby(items))


OPERATIONS = (
    Operation(
        "votes.winner",
        _ON,
        "word",
        _over(winner),
        (
            "give the entry that occurs most often",
            "say who or what got the most votes",
            "find the most frequent entry of {the}",
            "take {the} as a poll and write the winner",
        ),
        ("the most frequent entry", "the winner, if every line is one vote", "the mode of {the}"),
        ("which entry occurs most often?", "what wins by number of mentions?"),
    ),
    Operation(
        "votes.rarest",
        _ON,
        "word",
        _over(_rarest),
        (
            "give the entry that occurs least often",
            "say what got the fewest votes, but is in {the}",
            "find the rarest entry of {the}",
        ),
        ("the least frequent entry", "whatever occurs the fewest times in {the}"),
        ("which entry is the rarest?",),
    ),
    Operation(
        "votes.second",
        _ON,
        "word",
        _over(_second),
        (
            "give the second most frequent entry",
            "say what comes in second place when the entries are counted",
            "ignore the winner and write the runner-up by number of mentions",
        ),
        ("the second most frequent entry", "the runner-up"),
        ("which entry comes second in the count?",),
    ),
    Operation(
        "votes.winner count",
        _ON,
        "number",
        _over(lambda x: str(_ranked(x)[0][1])),
        (
            "say how often the most frequent entry occurs",
            "count the entries and write the highest count only",
            "give the number of votes of the winner",
        ),
        ("the count of the most frequent entry", "the highest number of occurrences"),
        ("how many times does the most frequent entry occur?",),
    ),
    Operation(
        "votes.winner with count",
        _ON,
        "text",
        _over(lambda x: f"{w} ({x.count(w)})" if (w := winner(x)) else None),
        (
            "write the most frequent entry and its count in parentheses, like: x (3)",
            "name the winner of {the} with the number of votes in brackets: name (number)",
        ),
        ("the most frequent entry with its count in parentheses", "the winner and the votes, as name (number)"),
    ),
    Operation(
        "votes.margin",
        _ON,
        "number",
        _over(_margin),
        (
            "say by how many the most frequent entry leads over the next one",
            "subtract the second highest count from the highest and write the difference",
            "give the winning margin in votes (0 for a tie)",
        ),
        ("the lead of the most frequent entry over the second", "the winning margin (0 for a tie)"),
    ),
    Operation(
        "votes.unique",
        _ON,
        "list",
        _over(lambda x: _unless_all(x, list(dict.fromkeys(x)))),
        (
            "remove the duplicates and keep the order",
            "list every different entry once, comma-separated, as it first appears",
            "deduplicate {the}",
            "clean {the} so that nothing is in it twice",
        ),
        ("{the} without duplicates, comma-separated", "the distinct entries in order of first appearance"),
    ),
    Operation(
        "votes.distinct count",
        _ON,
        "number",
        _over(lambda x: str(len(set(x)))),
        (
            "count the different entries",
            "say how many distinct values {the} has",
            "count the entries, but every repeated one only once",
        ),
        ("the number of different entries", "the count of distinct values in {the}"),
        ("how many different entries are there?",),
    ),
    Operation(
        "votes.first repeated",
        _ON,
        "word",
        _over(_first_repeated),
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
        _ON,
        "list",
        _over(lambda x: _joined([w for w in dict.fromkeys(x) if x.count(w) > 1])),
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
        _ON,
        "list",
        _over(lambda x: _unless_all(x, [w for w in x if x.count(w) == 1])),
        (
            "list the entries that occur exactly once",
            "keep only what is never repeated, comma-separated",
            "throw out every entry that has a duplicate, both copies",
        ),
        ("the entries that occur only once", "whatever is not repeated in {the}"),
        ("which entries occur only once?",),
    ),
    Operation(
        "votes.first count",
        _ON,
        "number",
        _over(lambda x: str(x.count(x[0]))),
        (
            "say how often the first entry occurs in all of {the}, itself included",
            "count the occurrences of whatever comes first",
        ),
        ("the number of times that the first entry occurs", "how often the first entry is in {the}"),
        ("how many times does the first entry appear in total?",),
    ),
    Operation(
        "votes.last count",
        _ON,
        "number",
        _over(lambda x: str(x.count(x[-1]))),
        (
            "say how often the last entry occurs in all of {the}, itself included",
            "count the occurrences of whatever comes last",
        ),
        ("the number of times that the last entry occurs", "how often the last entry is in {the}"),
        ("how many times does the last entry appear in total?",),
    ),
    Operation(
        "votes.without first",
        _ON,
        "list",
        _over(lambda x: _joined([w for w in x if w != x[0]])),
        (
            "delete every occurrence of the first entry, comma-separated",
            "filter out whatever equals the first entry",
            "leave only the entries that differ from the first one",
        ),
        ("{the} without any entry equal to the first, comma-separated",),
    ),
    Operation(
        "votes.without winner",
        _ON,
        "list",
        _over(lambda x: _joined([w for w in x if w != winner(x)]) if winner(x) else None),
        (
            "delete all occurrences of the most frequent entry, comma-separated",
            "leave out the winner and list the remaining entries in their order",
        ),
        ("{the} without its most frequent entry, comma-separated",),
    ),
    Operation(
        "votes.collapse",
        _ON,
        "list",
        _over(lambda x: _unless_all(x, [w for w, _ in groupby(x)])),
        (
            "collapse neighbouring repeats: a, a, b, a becomes a, b, a",
            "merge equal entries that stand next to each other into one, comma-separated",
            "drop an entry when the one before it is the same",
        ),
        ("{the} with repeats in a row merged, comma-separated",),
    ),
    Operation(
        "votes.changes",
        _ON,
        "number",
        _over(lambda x: str(sum(a != b for a, b in pairwise(x)))),
        (
            "count how often the entry differs from the one before it",
            "say how many changes there are from one entry to the next",
        ),
        ("the number of changes between neighbouring entries",),
        ("how many times does the value change from one entry to the next?",),
    ),
    Operation(
        "votes.twice running",
        _ON,
        "word",
        _over(_twice_running),
        (
            "give the entry that comes twice or more in a row",
            "find the one place where an entry is repeated at once, and write that entry",
        ),
        ("the entry that is repeated immediately", "what comes at least twice in a row"),
        ("which entry stands directly after itself?",),
    ),
    Operation(
        "votes.longest run",
        _ON,
        "number",
        _over(lambda x: str(_longest_run(x))),
        (
            "say how long the longest streak of the same entry is",
            "count the greatest number of equal entries in a row",
        ),
        ("the length of the longest run of equal entries", "the longest streak, as a number"),
        ("how many times in a row does an entry occur at most?",),
    ),
    Operation(
        "votes.group",
        _ON,
        "list",
        _over(lambda x: _joined([f"{w} {x.count(w)}" for w in dict.fromkeys(x)]) if len(set(x)) <= 4 else None),
        (
            "count every entry, like: a 2, b 1, in order of first appearance",
            "tally {the}: each entry once with its count after it, comma-separated",
            "write a frequency table on one line: entry, space, number, commas between",
        ),
        ("each entry with its count (a 2, b 1), in order of first appearance", "the tally of {the}, as a 2, b 1"),
    ),
)

CONDITIONS = (
    Condition(
        "has duplicates",
        _ON,
        lambda v, _: len(set(v.data)) < len(v.data),
        ("an entry of {the} is repeated", "{the} has duplicates"),
        ("all entries are different", "{the} has no duplicates"),
    ),
    Condition(
        "tie",
        _ON,
        lambda v, _: None if len(set(v.data)) < 2 else winner(v.data) is None,
        ("there is a tie for the most frequent entry", "two or more entries share the highest count"),
        ("one entry is more frequent than all others", "there is a single winner by count"),
    ),
    Condition(
        "majority",
        _ON,
        lambda v, _: 2 * _ranked(v.data)[0][1] > len(v.data),
        ("one entry makes up more than half of {the}", "some entry has an absolute majority"),
        ("no entry makes up more than half of {the}", "nothing has an absolute majority"),
    ),
    Condition(
        "in a row",
        _ON,
        lambda v, _: _longest_run(v.data) > 1,
        ("the same entry comes twice in a row", "two neighbouring entries are equal"),
        ("no entry comes twice in a row", "neighbouring entries always differ"),
    ),
    Condition(
        "ends equal",
        _ON,
        lambda v, _: v.data[0] == v.data[-1],
        ("the first and the last entry are the same", "{the} ends with the entry it started with"),
        ("the first and the last entry differ", "{the} ends with something other than its first entry"),
    ),
    Condition(
        "last is new",
        _ON,
        lambda v, _: v.data[-1] not in v.data[:-1],
        ("the last entry has not occurred before", "the final entry is new"),
        ("the last entry has occurred before", "the final entry repeats an earlier one"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "first against last",
        _ON,
        lambda v, _: {-1: "last", 0: "equal", 1: "first"}[
            (v.data.count(v.data[0]) > v.data.count(v.data[-1])) - (v.data.count(v.data[0]) < v.data.count(v.data[-1]))
        ],
        {
            "first": "the first entry occurs more often than the last one",
            "last": "the last entry occurs more often than the first one",
            "equal": "the first and the last entry occur equally often",
        },
        "whether the first or the last entry is more frequent",
        {"first": "first", "last": "last", "equal": "equal"},
    ),
)
