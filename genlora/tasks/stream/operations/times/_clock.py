"""Times of day: 12 and 24 hours, parts, rounding, sums, bounds."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import clock12, clock24
from .._bands import Bands, band_label

TIME = ("time", "time in text")
_DAY = 1440


def _on(work: Callable[[int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _minutes(draw: Draw) -> Params:
    return {"n": draw.pick((5, 10, 15, 20, 30, 45, 90))}


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
    return _on(lambda m: None if (found := _rounded(m, step)) is None else clock24(found))


_QUARTERS = {0: "{} o'clock", 15: "quarter past {}", 30: "half past {}", 45: "quarter to {}"}
_HOURS = "twelve one two three four five six seven eight nine ten eleven".split()


def _spoken(m: int) -> str | None:
    hour, minute = divmod(m, 60)
    words = _QUARTERS.get(minute)
    return words and words.format(_HOURS[(hour + (minute == 45)) % 12])


OPERATIONS = (
    Operation(
        "time.hour",
        TIME,
        "number",
        _on(lambda m: m // 60),
        (
            "give the hour of {the} on the 24-hour clock, without a leading zero",
            "extract the hour as a number from 0 to 23",
        ),
        ("the hour of {the}, 0 to 23", "the hour on the 24-hour clock as a plain number"),
    ),
    Operation(
        "time.minute",
        TIME,
        "code",
        _on(lambda m: f"{m % 60:02}"),
        (
            "give the minutes of {the} as two digits",
            "keep only what comes after the hour, two digits",
            "extract the minutes (MM) of {the}",
        ),
        ("the minutes past the hour, two digits", "the two-digit minutes of {the}"),
        ask=("how many minutes past the hour is it, in two digits?",),
    ),
    Operation(
        "time.to 24",
        TIME,
        "code",
        _on(clock24),
        (
            "write {the} in 24-hour format, HH:MM",
            "convert {the} to HH:MM without am or pm",
            "normalise {the} to two-digit hours (00-23), colon, two-digit minutes",
            "put {the} into the timetable format 09:05 or 21:40",
        ),
        ("{the} as HH:MM on the 24-hour clock", "{the} in 24-hour notation, like 07:05"),
    ),
    Operation(
        "time.to 12",
        TIME,
        "code",
        _on(clock12),
        (
            "write {the} with am or pm, like 9:05 am",
            "convert {the} to the 12-hour clock in the form 3:45 pm",
            "rewrite {the} for American readers (h:mm, a space, am/pm)",
        ),
        ("{the} in 12-hour format, such as 3:45 pm", "{the} with am or pm, in the style 9:05 am"),
    ),
    Operation(
        "time.half of day",
        TIME,
        "word",
        _on(lambda m: "am" if m < 720 else "pm"),
        ("say whether {the} is am or pm", "write am for the first half of the day, pm for the second"),
        ("am or pm, whichever fits {the}", "the half of the day: am or pm"),
        ("is {the} am or pm?",),
    ),
    Operation(
        "time.to minutes",
        TIME,
        "number",
        _on(lambda m: m if m % 5 == 0 and m >= 60 else None),
        ("convert {the} to minutes since midnight", "count how many minutes of the day have passed at {the}"),
        ("the minutes between midnight and {the}", "the number of minutes since 0:00"),
        ("how many minutes after midnight is it?",),
    ),
    Operation(
        "time.add minutes",
        TIME,
        "code",
        _moved(1, 1),
        (
            "add {n} minutes to {the} (HH:MM, 24 hours)",
            "give the end, in HH:MM, of something that begins at {the}, {n} minutes long",
            "move {the} {n} minutes later, written as HH:MM",
        ),
        ("the time {n} minutes later, as HH:MM", "{the} plus {n} minutes (24-hour HH:MM)"),
        ("what time is it {n} minutes later (HH:MM)?",),
        _minutes,
    ),
    Operation(
        "time.take minutes",
        TIME,
        "code",
        _moved(-1, 1),
        (
            "subtract {n} minutes from {the} (HH:MM, 24 hours)",
            "set the reminder {n} minutes before {the}, in HH:MM",
            "move {the} {n} minutes earlier, written as HH:MM",
        ),
        ("the time {n} minutes before, as HH:MM", "{the} minus {n} minutes (24-hour HH:MM)"),
        ("what time was it {n} minutes before (HH:MM)?",),
        _minutes,
    ),
    Operation(
        "time.add hours",
        TIME,
        "code",
        _moved(1, 60),
        (
            "add {span} to {the}, in the form HH:MM",
            "convert {the} to a time zone that is {span} ahead (HH:MM)",
            "give the clock time {span} after {the} as HH:MM",
        ),
        ("the time {span} later, as HH:MM",),
        params=_hours,
    ),
    Operation(
        "time.take hours",
        TIME,
        "code",
        _moved(-1, 60),
        (
            "go back {span} from {the}, in the form HH:MM",
            "convert {the} to a time zone that is {span} behind (HH:MM)",
            "give the clock time {span} before {the} as HH:MM",
        ),
        ("the time {span} earlier, as HH:MM",),
        params=_hours,
    ),
    Operation(
        "time.round half hour",
        TIME,
        "code",
        _nearest(30),
        ("round {the} to the nearest half hour (HH:MM)", "round {the} to :00 or :30, whichever is closer, as HH:MM"),
        ("{the} rounded to the nearest half hour, as HH:MM",),
    ),
    Operation(
        "time.round quarter",
        TIME,
        "code",
        _nearest(15),
        (
            "round {the} to the nearest quarter of an hour (HH:MM)",
            "snap {the} to the closest of :00, :15, :30, :45 (HH:MM)",
        ),
        ("{the} rounded to 15 minutes, as HH:MM",),
    ),
    Operation(
        "time.hour begun",
        TIME,
        "code",
        _on(lambda m: clock24(m // 60 * 60) if m % 60 else None),
        ("round {the} down to the full hour (HH:00)", "cut the minutes off: the full hour before {the}, as HH:MM"),
        ("the last full hour before {the}, as HH:MM",),
    ),
    Operation(
        "time.hour next",
        TIME,
        "code",
        _on(lambda m: clock24((m // 60 + 1) % 24 * 60) if m % 60 else None),
        ("round {the} up to the full hour (HH:00)", "give the full hour that comes next after {the}, as HH:MM"),
        ("the next full hour after {the}, as HH:MM",),
    ),
    Operation(
        "time.to the hour",
        TIME,
        "number",
        _on(lambda m: 60 - m % 60 if m % 60 else None),
        ("count the minutes from {the} to the next full hour", "say how many minutes are left until the hour is full"),
        ("the number of minutes until the next full hour",),
        ("how many minutes are left until the full hour?",),
    ),
    Operation(
        "time.compact",
        TIME,
        "code",
        _on(lambda m: f"{m // 60:02}{m % 60:02}"),
        ("write {the} as four digits without a colon (military style)", "convert {the} to HHMM, e.g. 0905"),
        ("{the} as HHMM", "{the} in four digits, 24-hour clock"),
    ),
    Operation(
        "time.with seconds",
        TIME,
        "code",
        _on(lambda m: f"{clock24(m)}:00"),
        ("write {the} as HH:MM:SS with zero seconds", "complete {the} to HH:MM:SS, as SQL wants it"),
        ("{the} as HH:MM:SS (24-hour clock)",),
    ),
    Operation(
        "time.cron",
        TIME,
        "code",
        _on(lambda m: f"{m % 60} {m // 60} * * *"),
        (
            "turn {the} into a daily cron line: minute, hour, then * * *",
            "write the crontab schedule that fires daily at {the} (minute hour * * *, no leading zeros)",
        ),
        ("the cron expression for every day at {the}, like 5 9 * * *",),
    ),
    Operation(
        "time.spoken",
        TIME,
        "text",
        _on(_spoken),
        (
            'say {the} in words: "half past nine", "quarter to two", "five o\'clock" and so on',
            "write {the} the way it is spoken, with quarter past, half past, quarter to or o'clock",
        ),
        ("{the} in spoken words, such as quarter past six",),
    ),
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
