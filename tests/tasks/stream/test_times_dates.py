"""Right answers about dates, months, weekdays, years and ages, written by hand."""

from datetime import date

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.times._shapes import SHAPES, Dated


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, data, params, text=""):
    return operations()[name].do(Value(data, text), {"Y": "Y", "N": "N", "labels": Same(), **params})


DAY = date(2024, 3, 5)
LATE = date(2023, 12, 31)
LEAP = date(2024, 2, 29)
SUNDAY = date(2024, 3, 10)
SHORT = {"tokens": ("D", "Mon"), "sep": " "}

DATES = [
    ("date.year", DAY, {}, "2024"),
    ("date.year two digits", date(2007, 1, 1), {}, "07"),
    ("date.month name", DAY, {}, "March"),
    ("date.month number", DAY, {}, "3"),
    ("date.month digits", DAY, {}, "03"),
    ("date.month short", date(2020, 9, 1), {}, "Sep"),
    ("date.day", DAY, {}, "5"),
    ("date.day ordinal", date(2024, 3, 22), {}, "22nd"),
    ("date.day ordinal", date(2024, 3, 11), {}, "11th"),
    ("date.first of month", DAY, {}, "2024-03-01"),
    ("date.first of month", date(2024, 3, 1), {}, None),
    ("date.last of month", date(2023, 2, 3), {}, "2023-02-28"),
    ("date.last of month", LEAP, {}, None),
    ("date.next day", LATE, {}, "2024-01-01"),
    ("date.previous day", date(2024, 3, 1), {}, "2024-02-29"),
    ("date.add days", LATE, {"n": 5}, "2024-01-05"),
    ("date.take days", DAY, {"n": 7}, "2024-02-27"),
    ("date.next month", date(2023, 12, 5), {}, "2024-01-05"),
    ("date.next month", date(2023, 12, 30), {}, None),
    ("date.last month", date(2023, 1, 5), {}, "2022-12-05"),
    ("date.years later", DAY, {"n": 2}, "2026-03-05"),
    ("date.years later", LEAP, {"n": 1}, None),
    ("date.weekday", DAY, {}, "Tuesday"),
    ("date.weekday short", SUNDAY, {}, "Sun"),
    ("date.to iso", DAY, {}, "2024-03-05"),
    ("date.to dotted", DAY, {}, "05.03.2024"),
    ("date.to british", DAY, {}, "05/03/2024"),
    ("date.to long", DAY, {}, "5 March 2024"),
    ("date.to american long", DAY, {}, "March 5, 2024"),
    ("date.to compact", DAY, {}, "20240305"),
    ("date.to hyphens", DAY, {}, "05-Mar-2024"),
    ("date.like an example", DAY, {"shape": SHAPES["short"]}, "5 Mar 2024"),
    ("date.by pattern", DAY, SHORT, "5 Mar"),
    ("date.by shown pattern", DAY, {"tokens": ("MM", "YY"), "sep": "_"}, "03_24"),
    ("date.month and year", DAY, {}, "March 2024"),
    ("date.month key", DAY, {}, "2024-03"),
    ("date.day and month", DAY, {}, "5 March"),
    ("date.file name", DAY, {"stem": "scan", "glue": "_", "end": "pdf"}, "scan_2024-03-05.pdf"),
    ("date.path", DAY, {}, "2024/March/05"),
]
CONDITIONS = [
    ("date before", DAY, date(2024, 3, 5), {"bound": date(2024, 3, 6)}, {"bound": DAY}),
    ("date after", DAY, DAY, {"bound": date(2024, 3, 4)}, {"bound": DAY}),
    ("date still open", DAY, DAY, {"bound": DAY}, {"bound": date(2024, 3, 6)}),
    ("date in year", DAY, LATE, {"year": 2024}, {"year": 2024}),
    ("date since year", DAY, LATE, {"year": 2024}, {"year": 2024}),
    ("date in month", DAY, LATE, {"month": 3}, {"month": 3}),
    ("date before month", DAY, LATE, {"month": 4}, {"month": 4}),
    ("date day above", LATE, DAY, {"n": 5}, {"n": 5}),
    ("date day below", DAY, LATE, {"n": 5}, {"n": 5}),
    ("date even day", SUNDAY, DAY, {}, {}),
    ("date first half of year", DAY, LATE, {}, {}),
    ("date leap year", DAY, LATE, {}, {}),
    ("date long month", DAY, LEAP, {}, {}),
    ("date weekend", SUNDAY, DAY, {}, {}),
    ("date working day", DAY, SUNDAY, {}, {}),
    ("month since", (2024, 1), (2023, 12), {"year": 2024}, {"year": 2024}),
    ("month first half", (2024, 6), (2024, 7), {}, {}),
    ("month alone first half", 6, 7, {}, {}),
    ("month alone before", 3, 4, {"month": 4}, {"month": 4}),
    ("month alone 31 days", 8, 6, {}, {}),
    ("weekday weekend", 5, 4, {}, {}),
    ("weekday early", 2, 3, {}, {}),
    ("year before", 1979, 1980, {"year": 1980}, {"year": 1980}),
    ("year after", 1981, 1980, {"year": 1980}, {"year": 1980}),
    ("year leap", 2000, 1900, {}, {}),
    ("year twentieth", 1999, 2001, {}, {}),
    ("year round", 1985, 1984, {}, {}),
    ("age of at least", 18, 17, {"age": 18}, {"age": 18}),
    ("age below", 17, 18, {"age": 18}, {"age": 18}),
    ("age between", 18, 66, {"low": 18, "high": 65}, {"low": 18, "high": 65}),
]
BANDS = [
    ("date part of month", date(2024, 3, 21), {"low": 10, "high": 20}, "three"),
    ("date archive", DAY, {"low": 2022, "high": 2023}, "new"),
    ("date against month", DAY, {"bound": date(2024, 3, 1)}, "same"),
    ("date season", LATE, {}, "winter"),
    ("date shift", SUNDAY, {}, "sun"),
    ("month season", 9, {}, "reap"),
    ("weekday rota", 3, {}, "two"),
    ("age group", 65, {"low": 18, "high": 65}, "old"),
    ("age ticket", 6, {"free": 6, "child": 15, "senior": 65}, "child"),
    ("year era", 1999, {"low": 1950, "high": 2000}, "middle"),
]
CALENDAR = [
    ("month.next as key", (2023, 12), {}, "2024-01"),
    ("month.previous as key", (2024, 1), {}, "2023-12"),
    ("month.first day", (2024, 1), {}, "2024-01-01"),
    ("month.last day", (2024, 2), {}, "2024-02-29"),
    ("month.short with year", (2024, 2), {}, "Feb '24"),
    ("month.slash", (2024, 2), {}, "02/24"),
    ("month.year only", (2024, 2), {}, "2024"),
    ("month.name only", (2024, 2), {}, "February"),
    ("month.number", 8, {}, "8"),
    ("month.two digits", 8, {}, "08"),
    ("month.full name", 8, {}, "August"),
    ("month.three letters", 8, {}, "Aug"),
    ("month.next", 12, {}, "January"),
    ("month.previous", 1, {}, "December"),
    ("month.later", 11, {"n": 3}, "February"),
    ("month.days", 2, {}, "28"),
    ("weekday.full name", 2, {}, "Wednesday"),
    ("weekday.three letters", 2, {}, "Wed"),
    ("weekday.two capitals", 3, {}, "TH"),
    ("weekday.number", 6, {}, "7"),
    ("weekday.from Sunday", 6, {}, "0"),
    ("weekday.previous", 0, {}, "Sunday"),
    ("weekday.days later", 5, {"n": 3}, "Tuesday"),
    ("weekday.days earlier", 1, {"n": 3}, "Saturday"),
    ("weekday.working day after", 4, {}, "Monday"),
    ("weekday.working day after", 5, {}, "Monday"),
    ("weekday.working day after", 1, {}, "Wednesday"),
    ("weekday.days to Sunday", 4, {}, "2"),
    ("year.only", 1987, {}, "1987"),
    ("year.two digits", 2004, {}, "04"),
    ("year.apostrophe", 1987, {}, "'87"),
    ("year.decade", 1987, {}, "1980s"),
    ("year.start of decade", 2009, {}, "2000"),
    ("year.century", 2000, {}, "20th century"),
    ("year.century", 1801, {}, "19th century"),
    ("year.next", 1999, {}, "2000"),
    ("year.previous", 2000, {}, "1999"),
    ("year.later", 1987, {"n": 25}, "2012"),
    ("year.earlier", 1987, {"n": 100}, "1887"),
    ("year.season", 1999, {}, "1999/00"),
    ("year.copyright", 2019, {"now": 2024}, "2019-2024"),
    ("year.copyright", 2024, {"now": 2024}, None),
    ("age.number", 34, {}, "34"),
    ("age.in years", 34, {"n": 10}, "44"),
    ("age.years ago", 34, {"n": 5}, "29"),
    ("age.birth year", 34, {"now": 2024}, "1990"),
    ("age.until", 34, {"age": 65}, "31"),
    ("age.until", 70, {"age": 65}, "0"),
    ("age.decade", 34, {}, "30s"),
    ("age.five years", 34, {}, "30-34"),
    ("age.hyphenated", 34, {}, "34-year-old"),
]


def dated(*dates, shape="short"):
    return tuple(Dated(d, SHAPES[shape].write(d)) for d in dates)


LIST = dated(DAY, LATE, date(2025, 7, 20))
SPAN = dated(date(2024, 2, 27), date(2024, 3, 2))
SPANS = [
    ("dates.earliest", LIST, {}, "31 Dec 2023"),
    ("dates.latest", LIST, {}, "20 Jul 2025"),
    ("dates.ascending", LIST, {}, "31 Dec 2023, 5 Mar 2024, 20 Jul 2025"),
    ("dates.descending", LIST, {}, "20 Jul 2025, 5 Mar 2024, 31 Dec 2023"),
    ("dates.years", LIST, {}, "2024, 2023, 2025"),
    ("dates.months", LIST, {}, "Mar, Dec, Jul"),
    ("dates.days", LIST, {}, "5, 31, 20"),
    ("span.start", SPAN, {}, "27 Feb 2024"),
    ("span.end", SPAN, {}, "2 Mar 2024"),
    ("span.start iso", SPAN, {}, "2024-02-27"),
    ("span.end iso", SPAN, {}, "2024-03-02"),
    ("span.nights", SPAN, {}, "4"),
    ("span.days", SPAN, {}, "5"),
    ("span.after", SPAN, {}, "2024-03-03"),
    ("span.before", SPAN, {}, "2024-02-26"),
    ("span.extended", SPAN, {"n": 3}, "2024-03-05"),
    ("span.interval", SPAN, {}, "2024-02-27/2024-03-02"),
    ("span.short", SPAN, {}, "27 Feb - 2 Mar"),
    ("span.month", SPAN, {}, "February"),
    ("label.span length", SPAN, {"low": 2, "high": 4}, "medium"),
    ("label.span longer", SPAN, {"n": 3}, "Y"),
    ("label.span longer", SPAN, {"n": 4}, "N"),
    ("label.span crosses month", SPAN, {}, "Y"),
    ("label.span crosses month", dated(DAY, SUNDAY), {}, "N"),
    ("label.span covers day", SPAN, {"day": 1}, "Y"),
    ("label.span covers day", SPAN, {"day": 5}, "N"),
]
FILTERS = [
    ("dates after", {"bound": DAY}, "20 Jul 2025", "5 Mar 2024, 31 Dec 2023"),
    ("dates before", {"bound": DAY}, "31 Dec 2023", "5 Mar 2024, 20 Jul 2025"),
    ("dates in year", {"year": 2024}, "5 Mar 2024", "31 Dec 2023, 20 Jul 2025"),
    ("dates past month", {"month": 12}, "31 Dec 2023", "5 Mar 2024, 20 Jul 2025"),
    ("dates late in month", {}, "31 Dec 2023, 20 Jul 2025", "5 Mar 2024"),
]


@pytest.mark.parametrize(("name", "data", "params", "wanted"), [*DATES, *CALENDAR, *SPANS])
def test_answers(name, data, params, wanted):
    assert answer(name, data, params) == wanted


def test_answers_that_look_at_how_a_date_is_written():
    assert answer("date.no weekday", DAY, {}, "Tue 5 Mar 2024") == "5 Mar 2024"
    assert answer("date.no weekday", DAY, {}, "Tuesday, March 5, 2024") == "March 5, 2024"
    assert answer("date.same shape next year", DAY, {}, "05.03.2024") == "05.03.2025"
    assert answer("date.same shape next year", DAY, {}, "March 5, 2024") == "March 5, 2025"
    assert answer("date.same shape next year", LEAP, {}, "2024-02-29") is None
    assert answer("date.to iso", DAY, {}, "2024-03-05") is None


@pytest.mark.parametrize(("name", "yes", "no", "if_yes", "if_no"), CONDITIONS)
def test_conditions(name, yes, no, if_yes, if_no):
    assert answer(f"label.{name}", yes, if_yes) == "Y"
    assert answer(f"label.{name}", no, if_no) == "N"


@pytest.mark.parametrize(("name", "data", "params", "wanted"), BANDS)
def test_bands(name, data, params, wanted):
    assert answer(f"label.{name}", data, params) == wanted


@pytest.mark.parametrize(("name", "params", "kept", "dropped"), FILTERS)
def test_filters(name, params, kept, dropped):
    one = kept if ", " not in kept else None
    assert answer(f"keep.{name}", LIST, params) == kept
    assert answer(f"drop.{name}", LIST, params) == dropped
    assert answer(f"count.{name}", LIST, params) == str(kept.count(", ") + 1)
    assert answer(f"find.{name}", LIST, params) == one
