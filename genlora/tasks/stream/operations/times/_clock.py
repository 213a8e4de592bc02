"""Times of day: 12 and 24 hours, parts, rounding, sums, bounds."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import clock12, clock24
from .._bands import Bands, band_label
from .._work import new_of_data

TIME = ("time", "time in text")
_DAY = 1440


_minutes = picked(n=(5, 10, 15, 20, 30, 45, 90))


def _hours(draw: Draw) -> Params:
    n = draw.pick((1, 2, 3, 5, 6))
    return {"n": n, "span": f"{n} hours" if n > 1 else "one hour"}


def _moved(sign: int, unit: int) -> Callable[[Value, Params], str | None]:
    return lambda value, p: clock24((value.data + sign * unit * p["n"]) % _DAY)


def _bound(draw: Draw) -> Params:
    m = draw.between(12, 40) * 30
    return {"bound": m, "shown": draw.pick((clock24, clock12))(m)}


def _window(draw: Draw) -> Params:
    start, end = draw.pick(((540, 1020), (480, 1080), (600, 1140), (720, 1200), (420, 780), (360, 1320), (510, 990)))
    write = draw.pick((clock24, clock12))
    return {"start": start, "end": end, "from": write(start), "to": write(end)}


def _rounded(m: int, step: int) -> int | None:
    """The nearest multiple of `step`; None half-way, where people disagree, and on it."""
    over = m % step
    return None if over in (0, step / 2) else (m - over + (step if over > step / 2 else 0)) % _DAY


def _nearest(step: int) -> Callable[[Value, Params], str | None]:
    return new_of_data(lambda m: None if (found := _rounded(m, step)) is None else clock24(found))


_QUARTERS = {0: "{} o'clock", 15: "quarter past {}", 30: "half past {}", 45: "quarter to {}"}
_HOURS = "twelve one two three four five six seven eight nine ten eleven".split()


def _spoken(m: int) -> str | None:
    hour, minute = divmod(m, 60)
    words = _QUARTERS.get(minute)
    return words and words.format(_HOURS[(hour + (minute == 45)) % 12])


OPERATIONS = (
    Operation("time.hour", TIME, "number", new_of_data(lambda m: m // 60)),
    Operation("time.minute", TIME, "code", new_of_data(lambda m: f"{m % 60:02}")),
    Operation("time.to 24", TIME, "code", new_of_data(clock24)),
    Operation("time.to 12", TIME, "code", new_of_data(clock12)),
    Operation("time.half of day", TIME, "word", new_of_data(lambda m: "am" if m < 720 else "pm")),
    Operation("time.to minutes", TIME, "number", new_of_data(lambda m: m if m % 5 == 0 and m >= 60 else None)),
    Operation("time.add minutes", TIME, "code", _moved(1, 1), params=_minutes),
    Operation("time.take minutes", TIME, "code", _moved(-1, 1), params=_minutes),
    Operation("time.add hours", TIME, "code", _moved(1, 60), params=_hours),
    Operation("time.take hours", TIME, "code", _moved(-1, 60), params=_hours),
    Operation("time.round half hour", TIME, "code", _nearest(30)),
    Operation("time.round quarter", TIME, "code", _nearest(15)),
    Operation("time.hour begun", TIME, "code", new_of_data(lambda m: clock24(m // 60 * 60) if m % 60 else None)),
    Operation(
        "time.hour next", TIME, "code", new_of_data(lambda m: clock24((m // 60 + 1) % 24 * 60) if m % 60 else None)
    ),
    Operation("time.to the hour", TIME, "number", new_of_data(lambda m: 60 - m % 60 if m % 60 else None)),
    Operation("time.compact", TIME, "code", new_of_data(lambda m: f"{m // 60:02}{m % 60:02}")),
    Operation("time.with seconds", TIME, "code", new_of_data(lambda m: f"{clock24(m)}:00")),
    Operation("time.cron", TIME, "code", new_of_data(lambda m: f"{m % 60} {m // 60} * * *")),
    Operation("time.spoken", TIME, "text", new_of_data(_spoken)),
)

CONDITIONS = (
    Condition(
        "time before",
        TIME,
        lambda v, p: v.data < p["bound"],
        ("{the} is before {shown}", "{the} is earlier than {shown}"),
        ("{the} is {shown} or later", "{the} is not before {shown}"),
        params=_bound,
    ),
    Condition(
        "time after",
        TIME,
        lambda v, p: v.data > p["bound"],
        ("{the} is after {shown}", "{the} is later than {shown}"),
        ("{the} is {shown} or earlier", "{the} is not after {shown}"),
        params=_bound,
    ),
    Condition(
        "time open",
        TIME,
        lambda v, p: p["start"] <= v.data < p["end"] if v.data != p["end"] else None,
        ("a shop that opens at {from} and closes at {to} is open then", "{the} lies between {from} and {to}"),
        ("a shop with the hours {from} to {to} is closed then", "{the} is before {from} or after {to}"),
        params=_window,
    ),
    Condition(
        "time morning half",
        TIME,
        lambda v, _: v.data < 720,
        ("{the} is before noon", "{the} is an am time"),
        ("{the} is noon or later", "{the} is a pm time"),
    ),
    Condition(
        "time full hour",
        TIME,
        lambda v, _: v.data % 60 == 0,
        ("{the} is a full hour", "the minutes are 00"),
        ("{the} is not a full hour", "the minutes are not 00"),
    ),
    Condition(
        "time first half of hour",
        TIME,
        lambda v, _: v.data % 60 < 30,
        ("the minutes of {the} are below 30", "{the} falls into the first half of an hour"),
        ("the minutes of {the} are 30 or more", "{the} falls into the second half of an hour"),
    ),
)


def _part(value: Value, p: Params) -> str:
    hour = value.data // 60
    if not p["morning"] <= hour < p["night"]:
        return "night"
    return "morning" if hour < p["noon"] else "afternoon" if hour < p["evening"] else "evening"


def _parts(draw: Draw) -> Params:
    morning, evening, night = draw.pick(((6, 18, 22), (5, 17, 21), (7, 19, 23), (6, 17, 23), (5, 18, 22)))
    return {"morning": morning, "noon": 12, "evening": evening, "night": night}


def _shift(value: Value, p: Params) -> str:
    hour = value.data // 60
    return "early" if p["one"] <= hour < p["two"] else "late" if p["two"] <= hour < p["three"] else "night"


def _shifts(draw: Draw) -> Params:
    one, two, three = draw.pick(((6, 14, 22), (5, 13, 21), (7, 15, 23), (8, 16, 22)))
    return {"one": one, "two": two, "three": three}


def _tariff(value: Value, p: Params) -> str:
    return "before" if value.data < p["start"] else "during" if value.data < p["end"] else "after"


_BANDS = (
    Bands(
        "time part of day",
        TIME,
        _part,
        {
            "morning": "it is {morning}:00 or later but before 12:00",
            "afternoon": "it is 12:00 or later but before {evening}:00",
            "evening": "it is {evening}:00 or later but before {night}:00",
            "night": "it is {night}:00 or later, or before {morning}:00",
        },
        "the part of the day",
        _parts,
        (
            {"morning": "morning", "afternoon": "afternoon", "evening": "evening", "night": "night"},
            {
                "morning": "Good morning",
                "afternoon": "Good afternoon",
                "evening": "Good evening",
                "night": "Good night",
            },
        ),
    ),
    Bands(
        "time shift",
        TIME,
        _shift,
        {
            "early": "it is from {one}:00 until {two}:00",
            "late": "it is from {two}:00 until {three}:00",
            "night": "it is from {three}:00 until {one}:00",
        },
        "the shift",
        _shifts,
        ({"early": "early", "late": "late", "night": "night"}, {"early": "A", "late": "B", "night": "C"}),
    ),
    Bands(
        "time against hours",
        TIME,
        _tariff,
        {
            "before": "it is before {from}",
            "during": "it is {from} or later but before {to}",
            "after": "it is {to} or later",
        },
        "the state of the shop",
        _window,
        (
            {"before": "too early", "during": "open", "after": "too late"},
            {"before": "wait", "during": "come in", "after": "closed"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
