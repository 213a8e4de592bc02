"""Checklists: what is done, what is open, what comes next."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..facts._places import joined

_CHECK = ("checklist",)


def _ticked(value: Value, done: bool) -> list[str]:
    words, ticks = value.data
    return [w for w, tick in zip(words, ticks, strict=True) if tick == done]


def _of_ticked(work: Callable[[list[str]], str | None], done: bool) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(_ticked(value, done))


OPERATIONS = (
    Operation(
        "check.done",
        _CHECK,
        "list",
        _of_ticked(lambda x: joined(x) or None, True),
        (
            "list the entries that are done, comma-separated",
            "write what has been ticked off",
            "keep the completed entries only, without their marks",
        ),
        ("the entries that are done, comma-separated", "whatever is ticked off in {the}"),
        ("which entries are done?",),
    ),
    Operation(
        "check.open",
        _CHECK,
        "list",
        _of_ticked(lambda x: joined(x) or None, False),
        (
            "list the entries that are still open, comma-separated",
            "write what has not been ticked off yet",
            "keep the unfinished entries only, without their marks",
        ),
        ("the entries that are not done, comma-separated", "whatever is still open in {the}"),
        ("which entries are still open?",),
    ),
    Operation(
        "check.next",
        _CHECK,
        "word",
        _of_ticked(lambda x: x[0] if x else None, False),
        (
            "say which entry is next: the first that is not done",
            "give the first open entry of {the}",
            "write what to do next, going from top to bottom",
        ),
        ("the first entry that is not done", "the next open entry"),
        ("what is the first thing still to do?",),
    ),
    Operation(
        "check.last done",
        _CHECK,
        "word",
        _of_ticked(lambda x: x[-1] if x else None, True),
        (
            "give the last entry that is done",
            "write the lowest entry of {the} that is ticked off",
            "go up from the bottom and stop at the first entry that is done: write it",
        ),
        ("the last entry that is done", "the ticked entry nearest to the end"),
        ("which is the last entry marked as done?",),
    ),
    Operation(
        "check.count done",
        _CHECK,
        "number",
        _of_ticked(lambda x: str(len(x)), True),
        (
            "count the entries that are done",
            "say how many entries are ticked off",
            "write how much of {the} is finished, as a number of entries",
        ),
        ("the number of finished entries", "how many entries are done"),
        ("how many entries are done?",),
    ),
    Operation(
        "check.count open",
        _CHECK,
        "number",
        _of_ticked(lambda x: str(len(x)), False),
        (
            "count the entries that are still open",
            "say how many entries are left to do",
            "write how much of {the} is unfinished, as a number of entries",
        ),
        ("the number of unfinished entries", "how many entries are still open"),
        ("how many entries are not done yet?",),
    ),
    Operation(
        "check.progress",
        _CHECK,
        "code",
        lambda v, _: f"{sum(v.data[1])}/{len(v.data[0])}",
        (
            "write the progress as done/total, like 2/5",
            "show how many entries are done out of how many, with a slash between",
            "fill in the progress label: number done, slash, number in all",
        ),
        (
            "the progress as done/total, such as 2/5",
            "the number done and the number in all, with a slash between",
        ),
        ("how many of how many are done, as done/total?",),
    ),
    Operation(
        "check.all entries",
        _CHECK,
        "list",
        lambda v, _: joined(v.data[0]),
        (
            "list all entries without saying whether they are done, comma-separated",
            "strip the marks from {the} and write the entries, commas between",
            "copy every entry, done or not, and leave the marks out",
        ),
        (
            "all entries without their marks, comma-separated",
            "the bare entries of {the}, done and open alike",
        ),
        ("which entries are there, done or not?",),
    ),
)

CONDITIONS = (
    Condition(
        "all done",
        _CHECK,
        lambda v, _: all(v.data[1]),
        ("everything in {the} is done", "no entry is open any more"),
        ("at least one entry is still open", "something is not done yet"),
    ),
    Condition(
        "first done",
        _CHECK,
        lambda v, _: v.data[1][0],
        ("the first entry is done", "the entry at the top is ticked off"),
        ("the first entry is still open", "the entry at the top is not done"),
    ),
    Condition(
        "mostly done",
        _CHECK,
        lambda v, _: None if 2 * sum(v.data[1]) == len(v.data[1]) else 2 * sum(v.data[1]) > len(v.data[1]),
        ("more than half of the entries are done",),
        ("more than half of the entries are open",),
    ),
)


def _state(value: Value, _: Params) -> str:
    done = sum(value.data[1])
    return "none" if not done else "all" if done == len(value.data[1]) else "some"


CLASSIFIERS = (
    Classifier(
        "checklist state",
        _CHECK,
        _state,
        {
            "none": "nothing is done",
            "some": "some entries are done and some are open",
            "all": "every entry is done",
        },
        "the state of {the}",
        {"none": "not started", "some": "in progress", "all": "finished"},
    ),
)
