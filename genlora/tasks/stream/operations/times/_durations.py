"""Durations: in minutes, in hours, in many shapes."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from .._bands import Bands, band_label
from .._work import new_of_data

_minutes = picked(n=(5, 10, 15, 20, 30, 45))


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
    Operation("duration.minutes", ("duration",), "number", new_of_data(lambda m: m)),
    Operation("duration.h min", ("duration",), "code", new_of_data(_h_min)),
    Operation("duration.h:mm", ("duration",), "code", new_of_data(h_mm)),
    Operation("duration.hh:mm:ss", ("duration",), "code", new_of_data(lambda m: f"{m // 60:02}:{m % 60:02}:00")),
    Operation(
        "duration.iso",
        ("duration",),
        "code",
        new_of_data(lambda m: "PT" + (f"{m // 60}H" if m >= 60 else "") + (f"{m % 60}M" if m % 60 else "")),
    ),
    Operation(
        "duration.tight",
        ("duration",),
        "code",
        new_of_data(lambda m: _h_min(m).replace(" h", "h").replace(" min", "m")),
    ),
    Operation("duration.hours", ("duration",), "number", new_of_data(lambda m: m // 60 if m >= 60 else None)),
    Operation("duration.minutes part", ("duration",), "number", new_of_data(lambda m: m % 60 if m >= 60 else None)),
    Operation("duration.started hours", ("duration",), "number", new_of_data(lambda m: -(-m // 60))),
    Operation("duration.decimal", ("duration",), "code", new_of_data(decimal_hours)),
    Operation("duration.plus", ("duration",), "number", lambda v, p: str(v.data + p["n"]), params=_minutes),
    Operation(
        "duration.minus",
        ("duration",),
        "number",
        lambda v, p: str(v.data - p["n"]) if v.data > p["n"] else None,
        params=_minutes,
    ),
    Operation("duration.double", ("duration",), "code", new_of_data(lambda m: h_mm(2 * m))),
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
