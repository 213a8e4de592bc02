"""Right answers about times of day, spans, durations, appointments and timestamps, written by hand."""

from datetime import date

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.times._shapes import CLOCKS, SHAPES, Dated, Timed


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, data, params, text=""):
    return operations()[name].do(Value(data, text), {"Y": "Y", "N": "N", "labels": Same(), **params})


def at(hour, minute=0):
    return 60 * hour + minute


def timed(*minutes, clock="24"):
    return tuple(Timed(m, CLOCKS[clock](m)) for m in minutes)


NIGHT, EVENING = at(0, 5), at(21, 40)
CLOCK = [
    ("time.hour", EVENING, {}, "21"),
    ("time.minute", NIGHT, {}, "05"),
    ("time.to 24", NIGHT, {}, "00:05"),
    ("time.to 12", NIGHT, {}, "12:05 am"),
    ("time.to 12", EVENING, {}, "9:40 pm"),
    ("time.to 12", at(12), {}, "12:00 pm"),
    ("time.half of day", at(12), {}, "pm"),
    ("time.half of day", at(11, 59), {}, "am"),
    ("time.to minutes", at(2, 5), {}, "125"),
    ("time.add minutes", at(23, 50), {"n": 20}, "00:10"),
    ("time.take minutes", NIGHT, {"n": 10}, "23:55"),
    ("time.add hours", EVENING, {"n": 3}, "00:40"),
    ("time.take hours", NIGHT, {"n": 2}, "22:05"),
    ("time.round half hour", at(9, 46), {}, "10:00"),
    ("time.round half hour", at(9, 45), {}, None),
    ("time.round half hour", at(23, 50), {}, "00:00"),
    ("time.round quarter", at(9, 8), {}, "09:15"),
    ("time.round quarter", at(9, 7), {}, "09:00"),
    ("time.hour begun", EVENING, {}, "21:00"),
    ("time.hour next", at(23, 1), {}, "00:00"),
    ("time.hour next", at(9), {}, None),
    ("time.to the hour", EVENING, {}, "20"),
    ("time.compact", NIGHT, {}, "0005"),
    ("time.with seconds", at(7, 5), {}, "07:05:00"),
    ("time.cron", at(7, 5), {}, "5 7 * * *"),
    ("time.spoken", at(23, 45), {}, "quarter to twelve"),
    ("time.spoken", at(13, 30), {}, "half past one"),
    ("time.spoken", at(0), {}, "twelve o'clock"),
    ("time.spoken", at(9, 10), {}, None),
]
SPAN = timed(at(9, 15), at(17))
PARTY = timed(at(21), at(23, 30), clock="12")
LENGTHS = [
    ("hours.start", PARTY, {}, "9:00 pm"),
    ("hours.end", PARTY, {}, "11:30 pm"),
    ("hours.start 24", PARTY, {}, "21:00"),
    ("hours.end 24", PARTY, {}, "23:30"),
    ("hours.end 12", SPAN, {}, "5:00 pm"),
    ("hours.minutes", SPAN, {}, "465"),
    ("hours.length", SPAN, {}, "7:45"),
    ("hours.decimal", SPAN, {}, "7.75"),
    ("hours.normal form", PARTY, {}, "21:00-23:30"),
    ("hours.later", SPAN, {"n": 30}, "09:45-17:30"),
    ("hours.later", PARTY, {"n": 30}, None),
    ("hours.earlier", SPAN, {"n": 30}, "08:45-16:30"),
    ("hours.longer", SPAN, {"n": 45}, "17:45"),
    ("duration.minutes", 85, {}, "85"),
    ("duration.h min", 85, {}, "1 h 25 min"),
    ("duration.h min", 120, {}, "2 h"),
    ("duration.h min", 45, {}, "45 min"),
    ("duration.h:mm", 65, {}, "1:05"),
    ("duration.hh:mm:ss", 65, {}, "01:05:00"),
    ("duration.iso", 120, {}, "PT2H"),
    ("duration.iso", 45, {}, "PT45M"),
    ("duration.tight", 85, {}, "1h 25m"),
    ("duration.hours", 119, {}, "1"),
    ("duration.minutes part", 85, {}, "25"),
    ("duration.started hours", 61, {}, "2"),
    ("duration.started hours", 60, {}, "1"),
    ("duration.decimal", 75, {}, "1.25"),
    ("duration.decimal", 80, {}, None),
    ("duration.plus", 85, {"n": 10}, "95"),
    ("duration.minus", 85, {"n": 10}, "75"),
    ("duration.double", 85, {}, "2:50"),
]
STAMP = (date(2024, 12, 31), at(22, 5))
STAMPS = [
    ("stamp.date", {}, "2024-12-31"),
    ("stamp.time", {}, "22:05"),
    ("stamp.time 12", {}, "10:05 pm"),
    ("stamp.iso", {}, "2024-12-31T22:05"),
    ("stamp.sortable", {}, "2024-12-31 22:05"),
    ("stamp.for a letter", {}, "31 December 2024 at 22:05"),
    ("stamp.short", {}, "31 Dec 22:05"),
    ("stamp.file", {}, "20241231_2205"),
    ("stamp.hour", {}, "22"),
    ("stamp.day", {}, "31"),
    ("stamp.month", {}, "December"),
    ("stamp.year", {}, "2024"),
    ("stamp.full hour", {}, "2024-12-31 22:00"),
    ("stamp.end of day", {}, "2024-12-31 23:59"),
    ("stamp.hours later", {"n": 3}, "2025-01-01 01:05"),
]
AGENDA = {
    "yoga": Dated(date(2024, 5, 2), "2 May 2024"),
    "vet": Dated(date(2023, 11, 9), "9 November 2023"),
    "demo": Dated(date(2024, 5, 1), "1 May 2024"),
}
TABLE = dict(zip(("lunch", "call", "choir"), timed(at(12, 30), at(9), at(19)), strict=True))
THINGS = [
    ("agenda.when", AGENDA, {"thing": "vet"}, "9 November 2023"),
    ("agenda.when", TABLE, {"thing": "call"}, "09:00"),
    ("agenda.when", TABLE, {"thing": "vet"}, None),
    ("agenda.first", AGENDA, {}, "vet"),
    ("agenda.first", TABLE, {}, "call"),
    ("agenda.last", AGENDA, {}, "yoga"),
    ("agenda.last", TABLE, {}, "choir"),
    ("agenda.first when", AGENDA, {}, "9 November 2023"),
    ("agenda.last when", TABLE, {}, "19:00"),
    ("agenda.in order", AGENDA, {}, "vet, demo, yoga"),
    ("agenda.backwards", TABLE, {}, "choir, lunch, call"),
    ("agenda.names", AGENDA, {}, "yoga, vet, demo"),
    ("agenda.whens", TABLE, {}, "12:30, 09:00, 19:00"),
    ("agenda.after thing", TABLE, {"thing": "lunch"}, "choir"),
    ("agenda.after thing", TABLE, {"thing": "choir"}, None),
    ("agenda.before thing", TABLE, {"thing": "lunch"}, "call"),
    ("agenda.before thing", AGENDA, {"thing": "vet"}, None),
    ("agenda.next from date", AGENDA, {"bound": date(2024, 1, 1)}, "demo"),
    ("agenda.next from date", AGENDA, {"bound": date(2024, 5, 1)}, None),
    ("agenda.next from time", TABLE, {"bound": at(13)}, "choir"),
    ("agenda.at", TABLE, {"m": at(9)}, "call"),
    ("agenda.at", TABLE, {"m": at(10)}, None),
    ("times.earliest", tuple(TABLE.values()), {}, "09:00"),
    ("times.latest", tuple(TABLE.values()), {}, "19:00"),
    ("times.in order", tuple(TABLE.values()), {}, "09:00, 12:30, 19:00"),
    ("times.backwards", tuple(TABLE.values()), {}, "19:00, 12:30, 09:00"),
    ("times.hours", tuple(TABLE.values()), {}, "12, 9, 19"),
]
NINE_TO_FIVE = {"start": at(9), "end": at(17)}
CONDITIONS = [
    ("time before", at(8, 59), at(9), {"bound": at(9)}),
    ("time after", at(9, 1), at(9), {"bound": at(9)}),
    ("time open", at(9), at(17, 1), NINE_TO_FIVE),
    ("time morning half", at(11, 59), at(12), {}),
    ("time full hour", at(9), at(9, 5), {}),
    ("time first half of hour", at(9, 29), at(9, 30), {}),
    ("hours longer", SPAN, PARTY, {"n": 150}),
    ("hours contain", SPAN, PARTY, {"bound": at(12)}),
    ("hours start before", SPAN, PARTY, {"bound": at(21)}),
    ("hours end after", PARTY, SPAN, {"bound": at(17)}),
    ("duration longer", 91, 90, {"n": 90}),
    ("duration shorter", 89, 90, {"n": 90}),
    ("duration whole hours", 120, 121, {}),
    ("stamp before", STAMP, (date(2025, 1, 1), 0), {"bound": (date(2025, 1, 1), 0)}),
    ("stamp after", (date(2024, 12, 31), at(23)), STAMP, {"bound": STAMP}),
    ("stamp time before", (date(2024, 1, 1), at(7)), STAMP, {"bound": at(8)}),
    ("stamp in hours", (date(2024, 1, 1), at(9)), STAMP, NINE_TO_FIVE),
    ("stamp afternoon", STAMP, (date(2024, 1, 1), at(9)), {}),
    ("stamp second half of month", STAMP, (date(2024, 1, 15), 0), {}),
]
DAY_PARTS = {"morning": 6, "noon": 12, "evening": 18, "night": 22}
BANDS = [
    ("time part of day", at(5, 59), DAY_PARTS, "night"),
    ("time part of day", at(6), DAY_PARTS, "morning"),
    ("time part of day", at(17, 59), DAY_PARTS, "afternoon"),
    ("time part of day", at(21, 59), DAY_PARTS, "evening"),
    ("time part of day", at(22), DAY_PARTS, "night"),
    ("time shift", at(5), {"one": 6, "two": 14, "three": 22}, "night"),
    ("time shift", at(14), {"one": 6, "two": 14, "three": 22}, "late"),
    ("time against hours", at(9), NINE_TO_FIVE, "during"),
    ("duration band", 120, {"low": 60, "high": 120}, "medium"),
    ("stamp queue", STAMP, NINE_TO_FIVE, "after"),
]
FILTERS = [
    ("events after date", AGENDA, {"bound": date(2024, 5, 1)}, "yoga", "vet, demo"),
    ("events before date", AGENDA, {"bound": date(2024, 5, 1)}, "vet", "yoga, demo"),
    ("events in month", AGENDA, {"month": 5}, "yoga, demo", "vet"),
    ("events after time", TABLE, {"bound": at(12)}, "lunch, choir", "call"),
    ("events before time", TABLE, {"bound": at(12)}, "call", "lunch, choir"),
    ("events before noon", TABLE, {}, "call", "lunch, choir"),
    ("times after", tuple(TABLE.values()), {"bound": at(12, 30)}, "19:00", "12:30, 09:00"),
    ("times before", tuple(TABLE.values()), {"bound": at(12, 30)}, "09:00", "12:30, 19:00"),
    ("times before noon", tuple(TABLE.values()), {}, "09:00", "12:30, 19:00"),
    ("times on the hour", tuple(TABLE.values()), {}, "09:00, 19:00", "12:30"),
]


@pytest.mark.parametrize(("name", "data", "params", "wanted"), [*CLOCK, *LENGTHS, *THINGS])
def test_answers(name, data, params, wanted):
    assert answer(name, data, params) == wanted


@pytest.mark.parametrize(("name", "params", "wanted"), STAMPS)
def test_timestamps(name, params, wanted):
    assert answer(name, STAMP, params) == wanted


@pytest.mark.parametrize(("name", "yes", "no", "params"), CONDITIONS)
def test_conditions(name, yes, no, params):
    assert answer(f"label.{name}", yes, params) == "Y"
    assert answer(f"label.{name}", no, params) == "N"


@pytest.mark.parametrize(("name", "data", "params", "wanted"), BANDS)
def test_bands(name, data, params, wanted):
    assert answer(f"label.{name}", data, params) == wanted


@pytest.mark.parametrize(("name", "data", "params", "kept", "dropped"), FILTERS)
def test_filters(name, data, params, kept, dropped):
    assert answer(f"keep.{name}", data, params) == kept
    assert answer(f"drop.{name}", data, params) == dropped
    assert answer(f"count.{name}", data, params) == str(kept.count(", ") + 1)
    assert answer(f"find.{name}", data, params) == (kept if ", " not in kept else None)


def test_shapes_of_dates_differ():
    day = date(2024, 3, 5)
    assert len({shape.write(day) for shape in SHAPES.values()}) == len(SHAPES)
