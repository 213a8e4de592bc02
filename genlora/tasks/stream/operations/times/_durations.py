"""Durations: in minutes, in hours, in many shapes."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from .._bands import Bands, band_label


def _on(work: Callable[[int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _minutes(draw: Draw) -> Params:
    return {"n": draw.pick((5, 10, 15, 20, 30, 45))}


def _long_bound(draw: Draw) -> Params:
    n = draw.pick((60, 90, 100, 120, 150, 180))
    return {"n": n}


def h_mm(m: int) -> str:
    """85 -> 1:25."""
    return f"{m // 60}:{m % 60:02}"


def _h_min(m: int) -> str:
    hours, minutes = divmod(m, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))


def decimal_hours(m: int) -> str | None:
    """85 minutes have no short decimal: quarters of an hour only."""
    return f"{m / 60:.2f}" if m % 15 == 0 else None


OPERATIONS = (
    Operation(
        "duration.minutes",
        ("duration",),
        "number",
        _on(lambda m: m),
        (
            "convert {the} to minutes",
            "express {the} as a whole number of minutes",
            "give the total minutes, number only",
        ),
        ("{the} in minutes", "the total number of minutes"),
        ("how many minutes is that?",),
    ),
    Operation(
        "duration.h min",
        ("duration",),
        "code",
        _on(_h_min),
        (
            "write {the} in hours and minutes, like 1 h 25 min (leave out a part that is zero)",
            "convert {the} to the style 2 h 5 min, without parts that are zero",
        ),
        ("{the} in the style 1 h 25 min, without zero parts",),
    ),
    Operation(
        "duration.h:mm",
        ("duration",),
        "code",
        _on(h_mm),
        (
            "write {the} as h:mm",
            "convert {the} to hours and two-digit minutes with a colon",
            "format {the} like 1:05 or 2:40",
        ),
        ("{the} as h:mm", "{the} in the form 1:05"),
    ),
    Operation(
        "duration.hh:mm:ss",
        ("duration",),
        "code",
        _on(lambda m: f"{m // 60:02}:{m % 60:02}:00"),
        ("write {the} as HH:MM:SS", "format {the} with two-digit hours, minutes and seconds"),
        ("{the} as HH:MM:SS", "{the} in the form 01:05:00"),
    ),
    Operation(
        "duration.iso",
        ("duration",),
        "code",
        _on(lambda m: "PT" + (f"{m // 60}H" if m >= 60 else "") + (f"{m % 60}M" if m % 60 else "")),
        ("write {the} as an ISO 8601 duration (PT1H30M)", "convert {the} to the form PT2H5M, without zero parts"),
        ("{the} in ISO 8601, like PT1H30M",),
    ),
    Operation(
        "duration.tight",
        ("duration",),
        "code",
        _on(lambda m: _h_min(m).replace(" h", "h").replace(" min", "m")),
        ("shorten {the} to the style 1h 25m, zero parts left out", "write {the} for a narrow column: 2h 5m, 45m or 3h"),
        ("{the} in the style 1h 25m, without zero parts",),
    ),
    Operation(
        "duration.hours",
        ("duration",),
        "number",
        _on(lambda m: m // 60 if m >= 60 else None),
        ("give the full hours in {the}, minutes ignored", "round {the} down to whole hours, number only"),
        ("the number of complete hours", "the hours part of {the}"),
        ("how many complete hours is that?",),
    ),
    Operation(
        "duration.minutes part",
        ("duration",),
        "number",
        _on(lambda m: m % 60 if m >= 60 else None),
        ("give the minutes left over after the full hours", "take out the whole hours: how many minutes remain"),
        ("the minutes beyond the full hours", "the minutes part of {the} once hours are taken out"),
        ("how many minutes remain beyond the full hours?",),
    ),
    Operation(
        "duration.started hours",
        ("duration",),
        "number",
        _on(lambda m: -(-m // 60)),
        ("round {the} up to whole hours, number only", "count the hours begun, as car parks do"),
        ("the number of hours begun", "{the} rounded up to full hours (number only)"),
    ),
    Operation(
        "duration.decimal",
        ("duration",),
        "code",
        _on(decimal_hours),
        (
            "express {the} in hours with two decimals, like 1.25",
            "convert {the} to decimal hours for the invoice (two places)",
        ),
        ("{the} in decimal hours with two places",),
    ),
    Operation(
        "duration.plus",
        ("duration",),
        "number",
        lambda v, p: str(v.data + p["n"]),
        ("add a break of {n} minutes: total in minutes", "give {the} plus {n} minutes, in minutes (number only)"),
        ("the total minutes if {n} minutes are added",),
        params=_minutes,
        ask=("how many minutes is it with {n} minutes added?",),
    ),
    Operation(
        "duration.minus",
        ("duration",),
        "number",
        lambda v, p: str(v.data - p["n"]) if v.data > p["n"] else None,
        ("deduct a break of {n} minutes: rest in minutes", "give {the} less {n} minutes, in minutes (number only)"),
        ("the minutes that remain after {n} minutes are deducted",),
        params=_minutes,
        ask=("how many minutes remain once {n} minutes are deducted?",),
    ),
    Operation(
        "duration.double",
        ("duration",),
        "code",
        _on(lambda m: h_mm(2 * m)),
        ("double {the} (h:mm)", "give the time for there and back, as h:mm"),
        ("twice {the}, as h:mm",),
    ),
)

CONDITIONS = (
    Condition(
        "duration longer",
        ("duration",),
        lambda v, p: v.data > p["n"],
        ("{the} is longer than {n} minutes", "{the} is above {n} minutes"),
        ("{the} is {n} minutes or less", "{the} is at most {n} minutes"),
        params=_long_bound,
    ),
    Condition(
        "duration shorter",
        ("duration",),
        lambda v, p: v.data < p["n"],
        ("{the} is under {n} minutes", "{the} is shorter than {n} minutes"),
        ("{the} is {n} minutes or more", "{the} is at least {n} minutes"),
        params=_long_bound,
    ),
    Condition(
        "duration whole hours",
        ("duration",),
        lambda v, _: v.data % 60 == 0,
        ("{the} is a whole number of hours", "no minutes are left over beyond the full hours"),
        ("{the} is not a whole number of hours", "minutes are left over beyond the full hours"),
    ),
)


def _band(value: Value, p: Params) -> str:
    return "short" if value.data < p["low"] else "medium" if value.data <= p["high"] else "long"


def _limits(draw: Draw) -> Params:
    low, high = draw.pick(((60, 120), (90, 180), (45, 90), (60, 90), (90, 150), (75, 150)))
    return {"low": low, "high": high}


_BANDS = (
    Bands(
        "duration band",
        ("duration",),
        _band,
        {
            "short": "it is under {low} minutes",
            "medium": "it is {low} to {high} minutes",
            "long": "it is over {high} minutes",
        },
        "the length class",
        _limits,
        (
            {"short": "short", "medium": "medium", "long": "long"},
            {"short": "S", "medium": "M", "long": "L"},
            {"short": "free", "medium": "half fee", "long": "full fee"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
