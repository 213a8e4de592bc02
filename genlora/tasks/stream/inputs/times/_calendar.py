"""Weekdays, months, years and ages, alone and in short notes."""

from ..._parts import Draw, InputType, Params, Value
from ..._tables import table
from ._shapes import MONTHS, WEEKDAYS, clock12, clock24, note, words_for_note

_YEAR_SPANS = ((1900, 2026), (1950, 2026), (1990, 2026), (1800, 1999), (2000, 2026))


def _weekday(draw: Draw, layout: Params) -> Value:
    day = draw.between(0, 6)
    minutes = draw.between(14, 43) * 30
    time = (clock24 if layout["clock"] else clock12)(minutes)
    name = WEEKDAYS[day]
    return Value(day, layout["form"].format(day=name, short=name[:3], upper=name[:3].upper(), time=time))


def _weekday_layout(draw: Draw) -> Params:
    forms = ("{day} {time}", "{short} {time}", "{upper} {time}", "{day}, {time}", "{short}, {time}", "{time} on {day}")
    return {"form": draw.pick(forms), "clock": draw.chance(0.6)}


_WEEKDAY_NOTES = (
    "{name} works from home on {day}.",
    "Room {n} is cleaned every {day}.",
    "Bins go out {day}, yard {v}",
    "{name}: {day}, desk {n}",
    "Team {v} meets on {day} in {town}.",
    "Closed on {day}, call {name}",
    "Shift {v}: {name}, {day}",
)


def _weekday_note(draw: Draw, layout: Params) -> Value:
    day = draw.between(0, 6)
    name = WEEKDAYS[day]
    return Value(
        day, draw.pick(_WEEKDAY_NOTES).format(day=name[:3] if layout["short"] else name, **words_for_note(draw))
    )


def _month(draw: Draw, layout: Params) -> Value:
    m = draw.between(1, 12)
    name = MONTHS[m - 1]
    return Value(m, draw.pick((name, name[:3], name.upper(), name.lower(), f"{name[:3]}.")))


_MONTH_NOTES = (
    "Rent for {month}: {n} EUR",
    "{name} is away in {month}.",
    "Report {v}, {month}, by {name}",
    "{month}: {n} visitors",
    "The fair in {town} is in {month}.",
    "Invoice {n} belongs to {month}.",
    "{name} pays {n} in {month}.",
)


def _month_note(draw: Draw, layout: Params) -> Value:
    m = draw.between(1, 12)
    return Value(m, draw.pick(_MONTH_NOTES).format(month=MONTHS[m - 1], **words_for_note(draw)))


def _years(draw: Draw) -> Params:
    low, high = draw.pick(_YEAR_SPANS)
    return {"low": low, "high": high}


def _year(draw: Draw, layout: Params) -> Value:
    y = draw.between(layout["low"], layout["high"])
    return Value(y, str(y))


def _year_note(draw: Draw, layout: Params) -> Value:
    y = draw.between(layout["low"], layout["high"])
    return Value(y, note(draw, "year notes", year=str(y)))


def _ages(draw: Draw) -> Params:
    low, high = draw.pick(((0, 99), (1, 80), (10, 70), (5, 90)))
    forms = ("{age}", "{age} years", "{age} years old", "aged {age}", "age {age}", "age: {age}")
    return {"low": low, "high": high, "form": draw.pick(forms)}


def _age(draw: Draw, layout: Params) -> Value:
    age = draw.between(max(layout["low"], 2), layout["high"])
    return Value(age, layout["form"].format(age=age))


def _age_note(draw: Draw, layout: Params) -> Value:
    age = draw.between(max(layout["low"], 2), layout["high"])
    return Value(age, note(draw, "age notes", age=str(age)))


def _profile(draw: Draw, layout: Params) -> Value:
    age = draw.between(max(layout["low"], 2), layout["high"])
    name, town = draw.pick(table("names", of="quantities")), draw.pick(table("towns", of="quantities"))
    return Value(age, layout["form"].format(name=name, town=town, age=age, n=draw.between(101, 999)))


def _profile_layout(draw: Draw) -> Params:
    forms = (
        "name: {name}\nage: {age}\ncity: {town}",
        "{name};{age};{town};{n}",
        "{n} | {name} | {age} | {town}",
        '{{"id": {n}, "name": "{name}", "age": {age}}}',
        "{name} ({town}), {age}, no. {n}",
    )
    return {**_ages(draw), "form": draw.pick(forms)}


INPUTS = (
    InputType("weekday and time", "weekday", "a weekday with a time", "the weekday", _weekday, _weekday_layout),
    InputType(
        "weekday note",
        "weekday in text",
        "a note with a weekday",
        "the weekday in the note",
        _weekday_note,
        lambda d: {"short": d.chance(0.4)},
    ),
    InputType("month", "month", "a month", "the month", _month),
    InputType("month note", "month", "a note with a month", "the month in the note", _month_note),
    InputType("year", "year", "a year", "the year", _year, _years),
    InputType("year note", "year", "a note with a year", "the year in the note", _year_note, _years),
    InputType("age", "age", "an age", "the age", _age, _ages),
    InputType("age note", "age", "a note about a person", "the age in the note", _age_note, _ages),
    InputType("age profile", "age", "a person's entry", "the age of the person", _profile, _profile_layout),
)
