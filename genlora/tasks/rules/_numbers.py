"""Rules about dates, clock times, numbers and quantities."""

from .._draw import Draw
from ._data import Rule, words

MONTHS = words("months")
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINAL_ENDINGS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)
_UNITS = {
    "length": ("m", "km", "cm", "mm", "meters", "kilometers", "miles", "inches", "feet", "yards"),
    "weight": ("kg", "g", "mg", "kilograms", "grams", "tons", "pounds", "ounces"),
    "time": ("hours", "minutes", "seconds", "days", "weeks", "months", "years", "ms"),
    "volume": ("liters", "ml", "milliliters", "gallons", "pints", "cups", "teaspoons"),
    "temperature": ("°C", "°F", "degrees Celsius", "degrees Fahrenheit"),
}


def spell_number(n: int) -> str:
    """English words for 0 to 999, without "and": 412 is "four hundred twelve"."""
    if n >= 100:
        rest = n % 100
        return f"{_ONES[n // 100]} hundred" + (f" {spell_number(rest)}" if rest else "")
    if n < 20:
        return _ONES[n]
    return _TENS[n // 10] + (f"-{_ONES[n % 10]}" if n % 10 else "")


def ordinal(n: int) -> str:
    """Digits with the right ending: 1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def ordinal_words(n: int) -> str:
    """English ordinal words for 1 to 999: 23 is "twenty-third"."""
    spelled = spell_number(n)
    cut = max(spelled.rfind(" "), spelled.rfind("-")) + 1
    last = spelled[cut:]
    if last.endswith("y"):
        return spelled[:-1] + "ieth"
    return spelled[:cut] + _ORDINAL_ENDINGS.get(last, last + "th")


def roman(n: int) -> str:
    """Roman numeral of a number from 1 to 3999."""
    out = ""
    for value, letters in _ROMAN:
        out += letters * (n // value)
        n %= value
    return out


def _date(draw: Draw) -> tuple[int, int, int]:
    month = draw.between(1, 12)
    return draw.between(1950, 2049), month, draw.between(1, _DAYS_IN_MONTH[month - 1])


def _date_iso_to_long(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    return f"{year}-{month:02}-{day:02}", f"{MONTHS[month - 1]} {day}, {year}"


def _date_long_to_iso(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    return f"{day} {MONTHS[month - 1]} {year}", f"{year}-{month:02}-{day:02}"


def _date_quarter(draw: Draw) -> tuple[str, str]:
    year, month, day = _date(draw)
    return f"{year}-{month:02}-{day:02}", f"Q{(month + 2) // 3} {year}"


def _clock(draw: Draw) -> tuple[str, str]:
    """The same time on the 12-hour and the 24-hour clock."""
    hour, minute = draw.between(0, 23), draw.between(0, 59)
    return f"{(hour + 11) % 12 + 1}:{minute:02} {'AM' if hour < 12 else 'PM'}", f"{hour:02}:{minute:02}"


def _time_12_to_24(draw: Draw) -> tuple[str, str]:
    return _clock(draw)


def _time_24_to_12(draw: Draw) -> tuple[str, str]:
    twelve, twenty_four = _clock(draw)
    return twenty_four, twelve


def _number_to_words(draw: Draw) -> tuple[str, str]:
    n = draw.between(11, 999)
    return str(n), spell_number(n)


def _words_to_number(draw: Draw) -> tuple[str, str]:
    n = draw.between(11, 999)
    return spell_number(n), str(n)


def _ordinal_suffix(draw: Draw) -> tuple[str, str]:
    n = draw.between(1, 1200)
    return str(n), ordinal(n)


def _ordinal_words(draw: Draw) -> tuple[str, str]:
    n = draw.between(1, 999)
    return ordinal_words(n), ordinal(n)


def _roman_to_number(draw: Draw) -> tuple[str, str]:
    n = draw.between(2, 599)
    return roman(n), str(n)


def _unit_kind(draw: Draw) -> tuple[str, str]:
    kind = draw.pick(tuple(_UNITS))
    amount = str(draw.between(2, 250)) if draw.chance(0.7) else f"{draw.between(2, 60)}.{draw.between(1, 9)}"
    return f"{amount} {draw.pick(_UNITS[kind])}", kind


def _thousands(draw: Draw) -> tuple[str, str]:
    digits = draw.between(4, 8)
    n = draw.between(10 ** (digits - 1), 10**digits - 1)
    return str(n), f"{n:,}"


def _currency(draw: Draw) -> tuple[str, str]:
    name, sign = draw.pick((("dollars", "$"), ("euros", "€"), ("pounds", "£")))
    whole, cents = draw.between(2, 999), draw.pick(("", "", ".5", f".{draw.between(10, 99)}"))
    return f"{whole}{cents.rstrip('0')} {name}", f"{sign}{whole}{cents or '.':0<3}"


def _percent(draw: Draw) -> tuple[str, str]:
    tenths = draw.between(1, 999)
    whole, rest = divmod(tenths, 10)
    return f"0.{tenths:03}".rstrip("0"), f"{whole}.{rest}%" if rest else f"{whole}%"


def _phone(draw: Draw) -> tuple[str, str]:
    area, exchange, line = draw.between(201, 989), draw.between(200, 999), draw.between(0, 9999)
    return f"{area}{exchange}{line:04}", f"{area}-{exchange}-{line:04}"


def _compare_numbers(draw: Draw) -> tuple[str, str]:
    a, b = draw.some(range(1, 1000), 2)
    sign = draw.pick("<>")
    return f"{a} {sign} {b}", "true" if (a < b) == (sign == "<") else "false"


def _largest_number(draw: Draw) -> tuple[str, str]:
    numbers = draw.some(range(1, 1000), draw.between(3, 5))
    return ", ".join(map(str, numbers)), str(max(numbers))


def _cheapest_item(draw: Draw) -> tuple[str, str]:
    items = draw.some(words("things"), 3)
    prices = draw.some(range(1, 100), 3)
    listed = ", ".join(f"{item} ${price}" for item, price in zip(items, prices, strict=True))
    return listed, items[prices.index(min(prices))]


def _next_number(draw: Draw) -> tuple[str, str]:
    start, step = draw.between(1, 60), draw.between(2, 12)
    return ", ".join(str(start + i * step) for i in range(4)), str(start + 4 * step)


NUMBER_RULES: dict[str, Rule] = {
    "date-iso-to-long": Rule(_date_iso_to_long),
    "date-long-to-iso": Rule(_date_long_to_iso),
    "date-quarter": Rule(_date_quarter),
    "time-12-to-24": Rule(_time_12_to_24),
    "time-24-to-12": Rule(_time_24_to_12),
    "number-to-words": Rule(_number_to_words, count=700),
    "words-to-number": Rule(_words_to_number, count=700),
    "ordinal-suffix": Rule(_ordinal_suffix),
    "ordinal-words": Rule(_ordinal_words, count=700),
    "roman-to-number": Rule(_roman_to_number, count=500),
    "unit-kind": Rule(_unit_kind, labels=tuple(_UNITS)),
    "thousands": Rule(_thousands),
    "currency": Rule(_currency),
    "percent": Rule(_percent, count=700),
    "phone": Rule(_phone),
    "compare-numbers": Rule(_compare_numbers, labels=("true", "false")),
    "largest-number": Rule(_largest_number),
    "cheapest-item": Rule(_cheapest_item),
    "next-number": Rule(_next_number, count=550),
}
