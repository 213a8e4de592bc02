"""Rules about short lists and about the layout of a line: pick, drop, add, sort, join, wrap."""

from functools import cache

from .._draw import Draw
from ._data import Rule, words
from ._edits import look, phrase, plain_words


@cache
def _items() -> tuple[str, ...]:
    return tuple(dict.fromkeys(words("things") + words("objects")))


def _picked(draw: Draw, low: int = 3, high: int = 5) -> list[str]:
    return draw.some(_items(), draw.between(low, high))


def listed(items: list[str]) -> str:
    """Items with commas between them."""
    return ", ".join(items)


def _list_and(draw: Draw) -> tuple[str, str]:
    items = _picked(draw)
    return listed(items), f"{listed(items[:-1])} and {items[-1]}"


def _list_bars(draw: Draw) -> tuple[str, str]:
    items = _picked(draw)
    return listed(items), " | ".join(items)


def _words_to_commas(draw: Draw) -> tuple[str, str]:
    items = _picked(draw)
    return " ".join(items), listed(items)


def _numbered_list(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 2, 4)
    return listed(items), " ".join(f"{i}. {item}" for i, item in enumerate(items, 1))


def _drop_first_item(draw: Draw) -> tuple[str, str]:
    items = _picked(draw)
    return listed(items), listed(items[1:])


def _drop_named_item(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 3, 4)
    gone = draw.pick(items)
    return f"{listed(items)} - {gone}", listed([item for item in items if item != gone])


def _add_item(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 3, 5)
    return f"{listed(items[:-1])} + {items[-1]}", listed(items)


def _rotate_list(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 3, 4)
    return listed(items), listed([*items[1:], items[0]])


def _first_two(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 4, 5)
    return listed(items), listed(items[:2])


def _sort_numbers(draw: Draw) -> tuple[str, str]:
    while True:
        numbers = draw.some(range(1, 100), draw.between(3, 4))
        if numbers != sorted(numbers):
            return listed([str(n) for n in numbers]), listed([str(n) for n in sorted(numbers)])


def _keep_numbers(draw: Draw) -> tuple[str, str]:
    numbers = [str(draw.between(2, 99)) for _ in range(draw.between(1, 3))]
    mixed = numbers + _picked(draw, 2, 3)
    mixed = draw.some(mixed, len(mixed))
    return listed(mixed), listed([item for item in mixed if item.isdigit()])


def _common_item(draw: Draw) -> tuple[str, str]:
    shared, *rest = _picked(draw, 5, 5)
    left, right = draw.some([shared, *rest[:2]], 3), draw.some([shared, *rest[2:]], 3)
    return f"{listed(left)} / {listed(right)}", shared


def _repeated_item(draw: Draw) -> tuple[str, str]:
    items = _picked(draw, 3, 4)
    again = draw.pick(items)
    return listed(draw.some([*items, again], len(items) + 1)), again


def _shortest_word(draw: Draw) -> tuple[str, str]:
    while True:
        picked = draw.some(plain_words(), 4)
        lengths = sorted(map(len, picked))
        if lengths[0] <= lengths[1] - 2:  # one clear winner
            return listed(picked), min(picked, key=len)


def _alphabetically_last(draw: Draw) -> tuple[str, str]:
    while True:
        picked = draw.some(plain_words(3, 8), draw.between(3, 4))
        if len({word[0] for word in picked}) == len(picked):  # decided by the first letter
            return listed(picked), max(picked)


def _starts_with(draw: Draw) -> tuple[str, str]:
    while True:
        picked = draw.some(plain_words(3, 9), 4)
        wanted = draw.pick(picked)
        if sum(word[0] == wanted[0] for word in picked) == 1:
            return f"{listed(picked)}; {wanted[0]}", wanted


def _in_quotes(draw: Draw) -> tuple[str, str]:
    text = " ".join(phrase(draw))
    return text, f'"{text}"'


def _html_bold(draw: Draw) -> tuple[str, str]:
    text = " ".join(phrase(draw))
    return text, f"<b>{text}</b>"


def _md_bold(draw: Draw) -> tuple[str, str]:
    bold, person = draw.pick(words("objects")), draw.pick(words("women") + words("men"))
    text = draw.pick((f"the {look(draw)} {bold}", f"one {bold} for {person}", f"my {bold} is {look(draw)}"))
    return f"{text} | {bold}", text.replace(bold, f"**{bold}**")


def _field(draw: Draw) -> tuple[str, str]:
    return draw.pick(
        (
            ("name", draw.pick(words("women") + words("men"))),
            ("city", draw.pick(words("cities"))),
            ("item", draw.pick(words("objects"))),
            ("age", str(draw.between(18, 90))),
            ("size", str(draw.between(1, 60))),
            ("day", draw.pick(words("weekdays"))),
            ("surname", draw.pick(words("surnames"))),
            ("count", str(draw.between(100, 999))),
        )
    )


def _json_pair(draw: Draw) -> tuple[str, str]:
    key, value = _field(draw)
    return f"{key}: {value}", f'{{"{key}": {value}}}' if value.isdigit() else f'{{"{key}": "{value}"}}'


def _colon_to_equals(draw: Draw) -> tuple[str, str]:
    while True:
        (k1, v1), (k2, v2) = _field(draw), _field(draw)
        if k1 != k2:
            return f"{k1}: {v1}, {k2}: {v2}", f"{k1}={v1} {k2}={v2}"


LIST_RULES: dict[str, Rule] = {
    "list-and": Rule(_list_and),
    "list-bars": Rule(_list_bars),
    "words-to-commas": Rule(_words_to_commas),
    "numbered-list": Rule(_numbered_list),
    "drop-first-item": Rule(_drop_first_item),
    "drop-named-item": Rule(_drop_named_item),
    "add-item": Rule(_add_item),
    "rotate-list": Rule(_rotate_list),
    "first-two-items": Rule(_first_two),
    "sort-numbers": Rule(_sort_numbers),
    "keep-numbers": Rule(_keep_numbers),
    "common-item": Rule(_common_item),
    "repeated-item": Rule(_repeated_item),
    "shortest-word": Rule(_shortest_word),
    "alphabetically-last": Rule(_alphabetically_last),
    "starts-with": Rule(_starts_with),
    "in-quotes": Rule(_in_quotes),
    "html-bold": Rule(_html_bold),
    "md-bold": Rule(_md_bold),
    "json-pair": Rule(_json_pair, count=500),
    "colon-to-equals": Rule(_colon_to_equals),
}
