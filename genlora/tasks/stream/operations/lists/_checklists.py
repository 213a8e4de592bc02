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
    Operation("check.done", _CHECK, "list", _of_ticked(lambda x: joined(x) or None, True)),
    Operation("check.open", _CHECK, "list", _of_ticked(lambda x: joined(x) or None, False)),
    Operation("check.next", _CHECK, "word", _of_ticked(lambda x: x[0] if x else None, False)),
    Operation("check.last done", _CHECK, "word", _of_ticked(lambda x: x[-1] if x else None, True)),
    Operation("check.count done", _CHECK, "number", _of_ticked(lambda x: str(len(x)), True)),
    Operation("check.count open", _CHECK, "number", _of_ticked(lambda x: str(len(x)), False)),
    Operation("check.progress", _CHECK, "code", lambda v, _: f"{sum(v.data[1])}/{len(v.data[0])}"),
    Operation("check.all entries", _CHECK, "list", lambda v, _: joined(v.data[0])),
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
