"""Things with their dates or times, lists of times, and dates with times."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ..._tables import table
from ...inputs.times._shapes import MONTHS, SHAPES, Dated, Timed, clock12, clock24
from .._filters import Filter, filter_operations

_Things = Mapping[str, Dated] | Mapping[str, Timed]
BOTH = ("agenda", "timetable")


def _things(work: Callable[[_Things], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _stamp(work: Callable[[date, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _in_order(things: _Things) -> list[str]:
    return sorted(things, key=lambda name: things[name][0])


def _thing(draw: Draw) -> Params:
    return {"thing": draw.pick(table("event names", of="quantities"))}


def _after(value: Value, p: Params) -> str | None:
    order = _in_order(value.data)
    at = order.index(p["thing"]) + 1 if p["thing"] in order else len(order)
    return order[at] if at < len(order) else None


def _before(value: Value, p: Params) -> str | None:
    order = _in_order(value.data)
    at = order.index(p["thing"]) if p["thing"] in order else 0
    return order[at - 1] if at else None


def _day_bound(draw: Draw) -> Params:
    d = date(2024, 6, 1) + timedelta(days=draw.between(0, 400))
    return {"bound": d, "shown": SHAPES[draw.pick(("iso", "long"))].write(d)}


def _clock_bound(draw: Draw) -> Params:
    m = draw.between(19, 33) * 30
    return {"bound": m, "shown": draw.pick((clock24, clock24, clock12))(m)}


def _month(draw: Draw) -> Params:
    m = draw.between(1, 12)
    return {"month": m, "name": MONTHS[m - 1]}


def _half_hour(draw: Draw) -> Params:
    m = draw.between(15, 39) * 30
    return {"m": m, "shown": draw.pick((clock24, clock12))(m)}


def _next_at(value: Value, p: Params) -> str | None:
    later = [name for name in _in_order(value.data) if value.data[name][0] > p["bound"]]
    same = any(x[0] == p["bound"] for x in value.data.values())
    return later[0] if later and not same else None


_ITEMS = ("events", "event")
_FILTERS = (
    Filter(
        "events after date",
        ("agenda",),
        lambda d, p: d > p["bound"],
        *_ITEMS,
        ("after {shown}", "later than {shown}"),
        ("after {shown}", "later than {shown}"),
        _day_bound,
    ),
    Filter(
        "events before date",
        ("agenda",),
        lambda d, p: d < p["bound"],
        *_ITEMS,
        ("before {shown}", "earlier than {shown}"),
        ("before {shown}", "earlier than {shown}"),
        _day_bound,
    ),
    Filter(
        "events in month",
        ("agenda",),
        lambda d, p: d.month == p["month"],
        *_ITEMS,
        ("in {name}", "that take place in {name}"),
        ("in {name}", "that takes place in {name}"),
        _month,
    ),
    Filter(
        "events after time",
        ("timetable",),
        lambda m, p: m > p["bound"],
        *_ITEMS,
        ("after {shown}", "that begin later than {shown}"),
        ("after {shown}", "that begins later than {shown}"),
        _clock_bound,
    ),
    Filter(
        "events before time",
        ("timetable",),
        lambda m, p: m < p["bound"],
        *_ITEMS,
        ("before {shown}", "that begin earlier than {shown}"),
        ("before {shown}", "that begins earlier than {shown}"),
        _clock_bound,
    ),
    Filter(
        "events before noon",
        ("timetable",),
        lambda m, _: m < 720,
        *_ITEMS,
        ("in the morning (before 12:00)",),
        ("in the morning (before 12:00)",),
    ),
    Filter(
        "times after",
        ("times",),
        lambda m, p: m > p["bound"],
        "times",
        "time",
        ("after {shown}", "later than {shown}"),
        ("after {shown}", "later than {shown}"),
        _clock_bound,
    ),
    Filter(
        "times before",
        ("times",),
        lambda m, p: m < p["bound"],
        "times",
        "time",
        ("before {shown}", "earlier than {shown}"),
        ("before {shown}", "earlier than {shown}"),
        _clock_bound,
    ),
    Filter(
        "times before noon",
        ("times",),
        lambda m, _: m < 720,
        "times",
        "time",
        ("in the first half of the day", "before noon"),
        ("in the first half of the day", "before noon"),
    ),
    Filter(
        "times on the hour",
        ("times",),
        lambda m, _: m % 60 == 0,
        "times",
        "time",
        ("on the full hour",),
        ("on the full hour",),
    ),
)

OPERATIONS = (
    *(o for f in _FILTERS for o in filter_operations(f)),
    Operation(
        "agenda.when",
        BOTH,
        "code",
        lambda v, p: v.data[p["thing"]].text if p["thing"] in v.data else None,
        (
            "look up when the {thing} is",
            "copy what stands next to {thing}",
            "extract the time or date for {thing}",
        ),
        ("the date or time of the {thing}", "what {the} gives for {thing}"),
        ("when is the {thing}?",),
        _thing,
    ),
    Operation(
        "agenda.first",
        BOTH,
        "text",
        _things(lambda x: _in_order(x)[0]),
        (
            "name the event that takes place first",
            "find the earliest event, whatever its place in {the}",
            "pick what comes up soonest",
        ),
        ("the name of the earliest event", "what happens first in time"),
        ("which event is the earliest?",),
    ),
    Operation(
        "agenda.last",
        BOTH,
        "text",
        _things(lambda x: _in_order(x)[-1]),
        (
            "name the event that takes place last",
            "find the latest event, whatever its place in {the}",
            "pick what is furthest away in time",
        ),
        ("the name of the latest event", "what happens last in time"),
        ("which event is the latest?",),
    ),
    Operation(
        "agenda.first when",
        BOTH,
        "code",
        _things(lambda x: min(x.values()).text),
        ("copy the earliest date or time in {the}", "say when the first event of all takes place, as it is written"),
        ("the earliest date or time, as written",),
        ("when does the first event take place?",),
    ),
    Operation(
        "agenda.last when",
        BOTH,
        "code",
        _things(lambda x: max(x.values()).text),
        ("copy the latest date or time in {the}", "say when the last event of all takes place, as it is written"),
        ("the latest date or time, as written",),
        ("when does the last event take place?",),
    ),
    Operation(
        "agenda.in order",
        BOTH,
        "list",
        _things(lambda x: ", ".join(_in_order(x))),
        (
            "list the events from earliest to latest, names only, with commas",
            "sort by time: just the names, comma-separated",
            "put the names of the events into chronological order, with commas",
        ),
        ("the names of the events in order of time, comma-separated",),
        ask=("what are the events in order of time, names only, comma-separated?",),
    ),
    Operation(
        "agenda.backwards",
        BOTH,
        "list",
        _things(lambda x: ", ".join(_in_order(x)[::-1])),
        (
            "list the events from latest to earliest, names only, with commas",
            "put the latest event first and the earliest last: names with commas",
        ),
        ("the names of the events, latest first, comma-separated",),
        ask=("what are the events from latest to earliest, names only, comma-separated?",),
    ),
    Operation(
        "agenda.names",
        BOTH,
        "list",
        _things(lambda x: ", ".join(x)),
        (
            "list only the names, in the given order, with commas",
            "leave out all dates and times: just the events, comma-separated",
        ),
        ("the events as they are listed, without dates or times, comma-separated",),
        ask=("what are the events called, in the given order, comma-separated?",),
    ),
    Operation(
        "agenda.whens",
        BOTH,
        "list",
        _things(lambda x: ", ".join(t.text for t in x.values())),
        (
            "leave the names out: only the dates or times, in the given order, with commas",
            "extract every date or time as written, comma-separated",
        ),
        ("all dates or times of {the}, in the given order, with commas",),
        ask=("which dates or times are given, in the given order, with commas?",),
    ),
    Operation(
        "agenda.after thing",
        BOTH,
        "text",
        _after,
        (
            "name the event that follows the {thing} in time",
            "find what comes next in time after the {thing}",
        ),
        ("the event that is next in time after the {thing}",),
        ("which event is the next one after the {thing}?",),
        _thing,
    ),
    Operation(
        "agenda.before thing",
        BOTH,
        "text",
        _before,
        ("name the event right before the {thing} in time", "find what takes place last before the {thing}"),
        ("the event that is directly before the {thing} in time",),
        ("which event comes right before the {thing}?",),
        _thing,
    ),
    Operation(
        "agenda.next from date",
        ("agenda",),
        "text",
        _next_at,
        ("name the first event after {shown}", "say what comes up next if today is {shown}"),
        ("the next event after {shown}",),
        ("today is {shown}; which event is next?",),
        _day_bound,
    ),
    Operation(
        "agenda.next from time",
        ("timetable",),
        "text",
        _next_at,
        ("name the first event after {shown}", "say what comes up next if it is {shown} now"),
        ("the next event after {shown}",),
        ("it is {shown}; which event is next?",),
        _clock_bound,
    ),
    Operation(
        "agenda.at",
        ("timetable",),
        "text",
        lambda v, p: next((name for name, t in v.data.items() if t.minutes == p["m"]), None),
        ("name the event that begins at {shown}", "look up what is on at {shown}"),
        ("the event at {shown}", "what begins at {shown}"),
        ("what is on at {shown}?",),
        _half_hour,
    ),
    Operation(
        "times.earliest",
        ("times",),
        "code",
        lambda v, _: min(v.data).text,
        ("give the earliest time of {the}", "pick the time that comes first in the day"),
        ("the earliest time, as written",),
        ("which of the times is earliest?",),
    ),
    Operation(
        "times.latest",
        ("times",),
        "code",
        lambda v, _: max(v.data).text,
        ("give the latest time of {the}", "pick the time that comes last in the day"),
        ("the latest time, as written",),
        ("which of the times is latest?",),
    ),
    Operation(
        "times.in order",
        ("times",),
        "list",
        lambda v, _: ", ".join(t.text for t in sorted(v.data)),
        ("sort the times from early to late, with commas", "put {the} into the order of the day, comma-separated"),
        ("the times from earliest to latest, comma-separated",),
        ask=("what are the times from early to late, comma-separated?",),
    ),
    Operation(
        "times.backwards",
        ("times",),
        "list",
        lambda v, _: ", ".join(t.text for t in sorted(v.data, reverse=True)),
        ("sort the times from late to early, with commas", "order {the} with the latest time first, comma-separated"),
        ("the times from latest to earliest, comma-separated",),
        ask=("what are the times from late to early, comma-separated?",),
    ),
    Operation(
        "times.hours",
        ("times",),
        "list",
        lambda v, _: ", ".join(str(t.minutes // 60) for t in v.data),
        (
            "list only the hours (0 to 23) in the given order, with commas",
            "reduce each time to its hour (0 to 23), comma-separated",
        ),
        ("the hours of the times, 0 to 23, in the given order, with commas",),
        ask=("which hours are they (0 to 23), in the given order, with commas?",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
