"""The day and the time in a text, and yes-or-no questions about days, times, prices and quantities."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.texts._frames import texts, written_time
from ._parts import mentioned, raw, slot

_DAY = (
    "payment text",
    "transfer text",
    "trip text",
    "trip note text",
    "price text",
    "order text",
    "stock text",
    "meeting text",
    "hours text",
)
_DATED = tuple(k for k in _DAY if k != "hours text")
_TIME = ("trip text", "trip note text", "meeting text")
_PLACE = ("stock text",)


def _weekday(value: Value) -> int | None:
    return raw("day")(value)


def _on_weekday(name: Callable[[int], str]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        n = _weekday(value)
        return None if n is None else name(n)

    return found


def _month(value: Value, _: Params) -> str | None:
    day = value.data["raw"]["day"]
    return texts("months")[day[0] - 1] if isinstance(day, tuple) else None


def _date(value: Value, _: Params) -> str | None:
    day = value.data["raw"]["day"]
    return f"{day[1]:02d}.{day[0]:02d}." if isinstance(day, tuple) else None


def _clock(how: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: written_time(value.data["raw"]["time"], how)


def _weekend(value: Value, _: Params) -> bool | None:
    n = _weekday(value)
    return None if n is None else n > 4


def _over(name: str) -> Callable[[Value, Params], bool | None]:
    def test(value: Value, p: Params) -> bool | None:
        n = raw(name)(value)
        return None if n is None or n == p["n"] else n > p["n"]

    return test


_pieces = picked(n=(10, 15, 20, 30, 40, 50))


_price = picked(n=(10, 15, 20, 40, 50, 75, 100, 200, 500))


def _part_of_day(value: Value, _: Params) -> str:
    minutes = value.data["raw"]["time"]
    return "morning" if minutes < 720 else "afternoon" if minutes < 1080 else "evening"


OPERATIONS = (
    Operation("when.day", _DAY, "code", slot("day")),
    Operation("when.short day", _DAY, "code", _on_weekday(lambda n: texts("weekdays")[n][:3].upper())),
    Operation("when.day number", _DAY, "number", _on_weekday(lambda n: str(n + 1))),
    Operation("when.month name", _DATED, "word", _month),
    Operation("when.day month", _DATED, "code", _date),
    Operation("when.time", _TIME, "code", slot("time")),
    Operation("when.time 24", _TIME, "code", _clock("24")),
    Operation("when.time 12", _TIME, "code", _clock("12")),
    Operation("when.day and time", _TIME, "code", lambda v, _: f"{v.data['slots']['day']}, {v.data['slots']['time']}"),
    Operation(
        "when.who and day",
        ("trip text", "trip note text", "meeting text"),
        "code",
        lambda v, _: f"{v.data['slots']['who']}: {v.data['slots']['day']}",
    ),
    Operation("when.city", _PLACE, "word", slot("city")),
    Operation(
        "when.city and day", _PLACE, "code", lambda v, _: f"{v.data['slots']['city']} ({v.data['slots']['day']})"
    ),
)

CONDITIONS = (
    Condition(
        "day weekend",
        _DAY,
        _weekend,
        ("the day is a Saturday or a Sunday", "it falls on a weekend"),
        ("it is a day from Monday to Friday", "it does not fall on a weekend"),
    ),
    Condition(
        "day before thursday",
        _DAY,
        lambda v, _: None if (n := _weekday(v)) is None or n == 3 else n < 3,
        ("the day is Monday, Tuesday or Wednesday", "the weekday comes before Thursday"),
        ("the day is Friday, Saturday or Sunday", "the weekday comes after Thursday"),
    ),
    Condition(
        "day half year",
        _DATED,
        lambda v, _: d[0] <= 6 if isinstance(d := v.data["raw"].get("day"), tuple) else None,
        ("the date is in the first half of the year", "the date lies between January and June"),
        ("the date is in the second half of the year", "the date lies between July and December"),
    ),
    Condition(
        "meeting before noon",
        ("meeting text",),
        lambda v, _: None if (n := v.data["raw"]["time"]) == 720 else n < 720,
        ("the meeting starts before noon", "it starts in the morning, before 12:00"),
        ("the meeting starts after noon", "it starts after 12:00"),
    ),
    Condition(
        "price rises",
        ("price text",),
        lambda v, _: v.data["raw"]["new"] > v.data["raw"]["old"],
        ("the price rises", "the new price is higher than the old one", "it gets more expensive"),
        ("the price falls", "the new price is lower than the old one", "it gets cheaper"),
    ),
    Condition(
        "price new above",
        ("price text",),
        _over("new"),
        ("the new price is more than {n}", "it will cost over {n}"),
        ("the new price is less than {n}", "it will cost under {n}"),
        params=_price,
    ),
    Condition(
        "price old above",
        ("price text",),
        _over("old"),
        ("the old price was more than {n}", "it used to cost over {n}"),
        ("the old price was less than {n}", "it used to cost under {n}"),
        params=_price,
    ),
    Condition(
        "price new first",
        ("price text",),
        lambda v, _: mentioned(v, ("old", "new"), 0) == v.data["slots"]["new"],
        ("{the} names the new price before the old one",),
        ("{the} names the old price before the new one",),
    ),
    Condition(
        "order large",
        ("order text",),
        _over("quantity"),
        ("more than {n} pieces are ordered", "the quantity is above {n}"),
        ("fewer than {n} pieces are ordered", "the quantity is below {n}"),
        params=_pieces,
    ),
    Condition(
        "order number even",
        ("order text",),
        lambda v, _: v.data["raw"]["number"] % 2 == 0,
        ("the order number is even", "the order number ends in 0, 2, 4, 6 or 8"),
        ("the order number is odd", "the order number ends in 1, 3, 5, 7 or 9"),
    ),
    Condition(
        "stock first larger",
        ("stock text",),
        lambda v, _: None if (a := v.data["raw"]["quantity"]) == (b := v.data["raw"]["more"]) else a > b,
        ("the first product comes in the larger quantity", "there are more pieces of the first product"),
        ("the second product comes in the larger quantity", "there are fewer pieces of the first product"),
    ),
    Condition(
        "stock total above",
        ("stock text",),
        lambda v, p: None if (n := v.data["raw"]["quantity"] + v.data["raw"]["more"]) == p["n"] else n > p["n"],
        ("there are more than {n} pieces in all", "both quantities add up to more than {n}"),
        ("there are fewer than {n} pieces in all", "both quantities add up to less than {n}"),
        params=picked(n=(40, 50, 60, 70, 80)),
    ),
)

CLASSIFIERS = (
    Classifier(
        "part of day",
        _TIME,
        lambda v, p: _part_of_day(v, p),
        {
            "morning": "the time is before 12:00",
            "afternoon": "the time is from 12:00 to before 18:00",
            "evening": "the time is 18:00 or later",
        },
        "the part of the day",
    ),
    Classifier(
        "order size",
        ("order text",),
        lambda v, _: "small" if (n := v.data["raw"]["quantity"]) < 10 else "medium" if n < 30 else "large",
        {
            "small": "fewer than 10 pieces are ordered",
            "medium": "10 to 29 pieces are ordered",
            "large": "30 or more pieces are ordered",
        },
        "the size of the order",
        {"small": "small", "medium": "medium", "large": "bulk"},
    ),
    Classifier(
        "days of work",
        _DAY,
        lambda v, _: None if (n := _weekday(v)) is None else "start" if n < 2 else "middle" if n < 4 else "end",
        {
            "start": "the day is Monday or Tuesday",
            "middle": "the day is Wednesday or Thursday",
            "end": "the day is Friday, Saturday or Sunday",
        },
        "the part of the week",
    ),
)
