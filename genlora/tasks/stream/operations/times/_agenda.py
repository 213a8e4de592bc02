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
        params=_thing,
    ),
    Operation("agenda.first", BOTH, "text", _things(lambda x: _in_order(x)[0])),
    Operation("agenda.last", BOTH, "text", _things(lambda x: _in_order(x)[-1])),
    Operation("agenda.first when", BOTH, "code", _things(lambda x: min(x.values()).text)),
    Operation("agenda.last when", BOTH, "code", _things(lambda x: max(x.values()).text)),
    Operation("agenda.in order", BOTH, "list", _things(lambda x: ", ".join(_in_order(x)))),
    Operation("agenda.backwards", BOTH, "list", _things(lambda x: ", ".join(_in_order(x)[::-1]))),
    Operation("agenda.names", BOTH, "list", _things(lambda x: ", ".join(x))),
    Operation("agenda.whens", BOTH, "list", _things(lambda x: ", ".join(t.text for t in x.values()))),
    Operation("agenda.after thing", BOTH, "text", _after, params=_thing),
    Operation("agenda.before thing", BOTH, "text", _before, params=_thing),
    Operation("agenda.next from date", ("agenda",), "text", _next_at, params=_day_bound),
    Operation("agenda.next from time", ("timetable",), "text", _next_at, params=_clock_bound),
    Operation(
        "agenda.at",
        ("timetable",),
        "text",
        lambda v, p: next((name for name, t in v.data.items() if t.minutes == p["m"]), None),
        params=_half_hour,
    ),
    Operation("times.earliest", ("times",), "code", lambda v, _: min(v.data).text),
    Operation("times.latest", ("times",), "code", lambda v, _: max(v.data).text),
    Operation("times.in order", ("times",), "list", lambda v, _: ", ".join(t.text for t in sorted(v.data))),
    Operation(
        "times.backwards", ("times",), "list", lambda v, _: ", ".join(t.text for t in sorted(v.data, reverse=True))
    ),
    Operation("times.hours", ("times",), "list", lambda v, _: ", ".join(str(t.minutes // 60) for t in v.data)),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
