"""More rules about numbers, amounts, dates and clock times."""

from .._draw import Draw
from ._data import Rule, words
from ._numbers import MONTHS, ordinal, roman, spell_number

_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SEASONS = ("winter", "spring", "summer", "autumn")
_DAY_PARTS = ("night", "morning", "afternoon", "evening")


def _successor(draw: Draw) -> tuple[str, str]:
    n = draw.between(10, 10 ** draw.between(2, 4) - 1)
    return str(n), str(n + 1)


def _double(draw: Draw) -> tuple[str, str]:
    n = draw.between(2, 600)
    return str(n), str(2 * n)


def _half(draw: Draw) -> tuple[str, str]:
    n = draw.between(2, 600)
    return str(2 * n), str(n)


def _plus_ten(draw: Draw) -> tuple[str, str]:
    n = draw.between(3, 989)
    return str(n), str(n + 10)


def _add_in_words(draw: Draw) -> tuple[str, str]:
    a, b = draw.between(1, 30), draw.between(1, 30)
    return f"{a} + {b}", spell_number(a + b)


def _reverse_digits(draw: Draw) -> tuple[str, str]:
    while True:
        digits = str(draw.between(100, 10 ** draw.between(3, 5) - 1))
        if digits != digits[::-1] and digits[-1] != "0":
            return digits, digits[::-1]


def _digit_count(draw: Draw) -> tuple[str, str]:
    digits = draw.between(2, 8)
    return str(draw.between(10 ** (digits - 1), 10**digits - 1)), str(digits)


def _round_to_ten(draw: Draw) -> tuple[str, str]:
    while True:
        n = draw.between(11, 994)
        if n % 10:
            return str(n), str((n + 5) // 10 * 10)


def _round_decimal(draw: Draw) -> tuple[str, str]:
    whole, tenth = draw.between(1, 120), draw.between(1, 9)
    return f"{whole}.{tenth}", str(whole + (tenth >= 5))


def _number_to_roman(draw: Draw) -> tuple[str, str]:
    n = draw.between(2, 599)
    return str(n), roman(n)


def _place_value(draw: Draw) -> tuple[str, str]:
    n = draw.between(101, 999)
    names = ("hundred", "ten", "one")
    parts = [f"{d} {name}{'' if d == '1' else 's'}" for d, name in zip(str(n), names, strict=True) if d != "0"]
    return str(n), ", ".join(parts)


def _count_on(draw: Draw) -> tuple[str, str]:
    n = draw.between(4, 900)
    return str(n), ", ".join(str(n + i) for i in (1, 2, 3))


def _number_range(draw: Draw) -> tuple[str, str]:
    low = draw.between(1, 300)
    high = low + draw.between(2, 4)
    return f"{low} to {high}", ", ".join(str(n) for n in range(low, high + 1))


def _decimal_words(draw: Draw) -> tuple[str, str]:
    whole, digits = draw.between(0, 60), str(draw.between(1, 99)).rstrip("0")
    return f"{whole}.{digits}", " ".join([spell_number(whole), "point", *(spell_number(int(d)) for d in digits)])


def _smallest_number(draw: Draw) -> tuple[str, str]:
    numbers = draw.some(range(1, 1000), draw.between(3, 5))
    return ", ".join(map(str, numbers)), str(min(numbers))


def _oldest_person(draw: Draw) -> tuple[str, str]:
    people, ages = draw.some(words("women") + words("men"), 3), draw.some(range(4, 95), 3)
    listed = ", ".join(f"{person} is {age}" for person, age in zip(people, ages, strict=True))
    return listed, people[ages.index(max(ages))]


def _minutes_to_hours(draw: Draw) -> tuple[str, str]:
    hours, minutes = draw.between(1, 12), draw.between(1, 59)
    return f"{60 * hours + minutes} minutes", f"{hours} h {minutes} min"


def _dollars_to_cents(draw: Draw) -> tuple[str, str]:
    cents = draw.between(101, 9999)
    return f"${cents // 100}.{cents % 100:02}", f"{cents} cents"


def _date(draw: Draw) -> tuple[int, int, int]:
    """(year, month, day)"""
    month = draw.between(1, 12)
    return draw.between(1950, 2049), month, draw.between(1, _DAYS_IN_MONTH[month - 1])


def _slash_to_long(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    return f"{day:02}/{month:02}/{year}", f"{day} {MONTHS[month - 1]} {year}"


def _month_number(draw: Draw) -> tuple[str, str]:
    _, month, day = _date(draw)
    return (f"{MONTHS[month - 1]} {day}" if draw.chance(0.5) else f"{day} {MONTHS[month - 1]}"), str(month)


def _month_name(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    return f"{year}-{month:02}-{day:02}", MONTHS[month - 1]


def _year_of_date(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    name = MONTHS[month - 1]
    text = draw.pick((f"{name} {day}, {year}", f"{day} {name} {year}", f"{day:02}.{month:02}.{year}"))
    return text, str(year)


def _season(draw: Draw) -> tuple[str, str]:
    _, month, day = _date(draw)
    text = f"{MONTHS[month - 1]} {day}" if draw.chance(0.5) else f"{day} {MONTHS[month - 1]}"
    return text, _SEASONS[month % 12 // 3]


def _decade(draw: Draw) -> tuple[str, str]:
    year = draw.between(1200, 2029)
    return str(year), f"{year // 10 * 10}s"


def _century(draw: Draw) -> tuple[str, str]:
    while True:
        year = draw.between(901, 2030)
        if year % 100:  # nobody agrees where 1900 belongs
            return str(year), f"{ordinal(year // 100 + 1)} century"


def _add_hour(draw: Draw) -> tuple[str, str]:
    hour, minute = draw.between(0, 23), draw.between(0, 59)
    return f"{hour:02}:{minute:02}", f"{(hour + 1) % 24:02}:{minute:02}"


def _clock_words(draw: Draw) -> tuple[str, str]:
    hour, minute = draw.between(1, 12), draw.between(0, 59)
    spoken = "o'clock" if minute == 0 else f"oh {spell_number(minute)}" if minute < 10 else spell_number(minute)
    return f"{hour}:{minute:02}", f"{spell_number(hour)} {spoken}"


def _day_part(draw: Draw) -> tuple[str, str]:
    part = draw.pick(_DAY_PARTS)
    first = {"night": 22, "morning": 5, "afternoon": 12, "evening": 18}[part]
    hours = {"night": 7, "morning": 7, "afternoon": 6, "evening": 4}[part]
    return f"{(first + draw.between(0, hours - 1)) % 24:02}:{draw.between(0, 59):02}", part


_PLANS = (
    "meeting on {day} at {hour}",
    "call the dentist on {day}",
    "{person} arrives on {day} at {hour}",
    "no school on {day}",
    "train to {city} on {day}",
    "dinner with {person} on {day}",
    "pay the rent by {day}",
    "closed on {day} until {hour}",
)


def _full_weekday(draw: Draw) -> tuple[str, str]:
    day, plan = draw.pick(words("weekdays")), draw.pick(_PLANS)
    person, city = draw.pick(words("women") + words("men")), draw.pick(words("cities"))
    hour = str(draw.between(7, 11))
    short, full = (plan.format(day=d, person=person, city=city, hour=hour) for d in (day[:3], day))
    return short, full


AMOUNT_RULES: dict[str, Rule] = {
    "successor": Rule(_successor),
    "double": Rule(_double, count=500),
    "half": Rule(_half, count=500),
    "plus-ten": Rule(_plus_ten),
    "add-in-words": Rule(_add_in_words, count=600),
    "reverse-digits": Rule(_reverse_digits),
    "digit-count": Rule(_digit_count),
    "round-to-ten": Rule(_round_to_ten, count=600),
    "round-decimal": Rule(_round_decimal),
    "number-to-roman": Rule(_number_to_roman, count=500),
    "place-value": Rule(_place_value, count=600),
    "count-on": Rule(_count_on, count=600),
    "number-range": Rule(_number_range, count=600),
    "decimal-words": Rule(_decimal_words),
    "smallest-number": Rule(_smallest_number),
    "oldest-person": Rule(_oldest_person),
    "minutes-to-hours": Rule(_minutes_to_hours, count=600),
    "dollars-to-cents": Rule(_dollars_to_cents),
    "slash-to-long": Rule(_slash_to_long),
    "month-number": Rule(_month_number, count=600),
    "month-name": Rule(_month_name),
    "year-of-date": Rule(_year_of_date),
    "season": Rule(_season, _SEASONS, count=600),
    "decade": Rule(_decade, count=600),
    "century": Rule(_century, count=600),
    "add-hour": Rule(_add_hour),
    "clock-words": Rule(_clock_words, count=600),
    "day-part": Rule(_day_part, _DAY_PARTS),
    "full-weekday": Rule(_full_weekday),
}
