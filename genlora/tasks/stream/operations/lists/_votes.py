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
    Operation(
        "votes.winner",
        VOTES,
        "word",
        over(winner),
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
        VOTES,
        "word",
        over(_rarest),
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
        VOTES,
        "word",
        over(_second),
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
        VOTES,
        "number",
        over(lambda x: str(_ranked(x)[0][1])),
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
        VOTES,
        "text",
        over(lambda x: f"{w} ({x.count(w)})" if (w := winner(x)) else None),
        (
            "write the most frequent entry and its count in parentheses, like: x (3)",
            "name the winner of {the} with the number of votes in brackets: name (number)",
            "report the top entry like this: name (votes)",
        ),
        ("the most frequent entry with its count in parentheses", "the winner and the votes, as name (number)"),
        ("what is the most frequent entry, with its count in parentheses?",),
    ),
    Operation(
        "votes.margin",
        VOTES,
        "number",
        over(_margin),
        (
            "say by how many the most frequent entry leads over the next one",
            "subtract the second highest count from the highest and write the difference",
            "give the winning margin in votes (0 for a tie)",
        ),
        ("the lead of the most frequent entry over the second", "the winning margin (0 for a tie)"),
        ("by how many does the top entry lead over the next?",),
    ),
    Operation(
        "votes.distinct count",
        VOTES,
        "number",
        over(lambda x: str(len(set(x)))),
        (
            "count the different entries",
            "say how many distinct values {the} has",
            "count the entries, but every repeated one only once",
        ),
        ("the number of different entries", "the count of distinct values in {the}"),
        ("how many different entries are there?",),
    ),
    Operation(
        "votes.first count",
        VOTES,
        "number",
        over(lambda x: str(x.count(x[0]))),
        (
            "say how often the first entry occurs in all of {the}, itself included",
            "count the occurrences of whatever comes first",
            "take the entry at the start and say how many times {the} has it",
        ),
        ("the number of times that the first entry occurs", "how often the first entry is in {the}"),
        ("how many times does the first entry appear in total?",),
    ),
    Operation(
        "votes.last count",
        VOTES,
        "number",
        over(lambda x: str(x.count(x[-1]))),
        (
            "say how often the last entry occurs in all of {the}, itself included",
            "count the occurrences of whatever comes last",
            "take the entry at the end and say how many times {the} has it",
        ),
        ("the number of times that the last entry occurs", "how often the last entry is in {the}"),
        ("how many times does the last entry appear in total?",),
    ),
    Operation(
        "votes.group",
        VOTES,
        "list",
        over(lambda x: joined_or_none([f"{w} {x.count(w)}" for w in dict.fromkeys(x)]) if len(set(x)) <= 4 else None),
        (
            "count every entry, like: a 2, b 1, in order of first appearance",
            "tally {the}: each entry once with its count after it, comma-separated",
            "write a frequency table on one line: entry, space, number, commas between",
        ),
        ("each entry with its count (a 2, b 1), in order of first appearance", "the tally of {the}, as a 2, b 1"),
        ("how often does each entry occur (a 2, b 1)?",),
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
