"""Rules about letters, lists, names, identifiers and fields: the input's own characters, put another way."""

from functools import cache

from .._draw import Draw
from ._data import Rule, words

_DOUBLE_O = {"tomato", "potato", "hero", "echo"}
_AN_DESPITE_LETTER = ("hour", "honest", "honor", "heir")
_A_DESPITE_LETTER = ("uni", "usa", "use", "euro", "one", "ukulele")
_SHAPES = ("round", "square", "oval", "flat", "curved")


@cache
def _irregular() -> dict[str, str]:
    return dict(pair.split(":") for pair in words("nouns_irregular"))


def plural(noun: str) -> str:
    """Plural of a noun of the word lists."""
    if noun in _irregular():
        return _irregular()[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")) or noun in _DOUBLE_O:
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(word: str) -> str:
    """Either "a" or "an", by the sound the word begins with."""
    low = word.lower()
    if low.startswith(_AN_DESPITE_LETTER):
        return "an"
    return "an" if low[0] in "aeiou" and not low.startswith(_A_DESPITE_LETTER) else "a"


@cache
def _nouns() -> tuple[str, ...]:
    return words("nouns_regular") + words("nouns_es") + words("nouns_y") + tuple(_irregular())


@cache
def _short_words() -> tuple[str, ...]:
    return tuple(word for word in dict.fromkeys(words("things") + _nouns()) if len(word) <= 6)


@cache
def _plain_words() -> tuple[str, ...]:
    return tuple(dict.fromkeys(words("things") + words("adjectives") + words("nouns_regular")))


def _person(draw: Draw) -> tuple[str, str]:
    return draw.pick(words("women") + words("men")), draw.pick(words("surnames"))


def _plural(draw: Draw) -> tuple[str, str]:
    noun = draw.pick(_nouns())
    return noun, plural(noun)


def _article(draw: Draw) -> tuple[str, str]:
    wanted = draw.pick(("a", "an"))
    while True:
        text = draw.pick(words("article_words") + _nouns())
        if draw.chance(0.4):
            text = f"{draw.pick(words('adjectives') + words('vowel_adjectives'))} {text}"
        if article(text) == wanted:
            return text, wanted


def _spell_out(draw: Draw) -> tuple[str, str]:
    word = draw.pick(_short_words())
    return word, "-".join(word)


def _acronym(draw: Draw) -> tuple[str, str]:
    parts = [draw.pick(words(f"organisation_{which}")) for which in ("words", "fields", "kinds")]
    if draw.chance(0.3):
        parts = parts[1:]
    elif draw.chance(0.3):
        parts.insert(1, draw.pick(words("organisation_fields")))
    return " ".join(parts), "".join(part[0] for part in parts)


def _last_name_first(draw: Draw) -> tuple[str, str]:
    first, last = _person(draw)
    return f"{first} {last}", f"{last}, {first}"


def _name_short(draw: Draw) -> tuple[str, str]:
    first, last = _person(draw)
    return f"{first} {last}", f"{first[0]}. {last}"


def _email_domain(draw: Draw) -> tuple[str, str]:
    first, last = (part.lower() for part in _person(draw))
    user = draw.pick((f"{first}.{last}", f"{first[0]}{last}", f"{first}{draw.between(1, 99)}", f"{last}_{first}"))
    domain = draw.pick(words("domains"))
    return f"{user}@{domain}", domain


def _reverse_words(draw: Draw) -> tuple[str, str]:
    picked = draw.some(words("things") + words("adjectives"), draw.between(3, 4))
    return " ".join(picked), " ".join(reversed(picked))


def _dedupe(draw: Draw) -> tuple[str, str]:
    kinds = draw.some(words("colours") + words("things")[:40], draw.between(2, 3))
    listed = kinds + [draw.pick(kinds) for _ in range(draw.between(1, 2))]
    listed = draw.some(listed, len(listed))
    return ", ".join(listed), ", ".join(dict.fromkeys(listed))


def _swap_pair(draw: Draw) -> tuple[str, str]:
    a, b = draw.some(words("things") + words("colours"), 2)
    return f"{a} and {b}", f"{b} and {a}"


def _longest_word(draw: Draw) -> tuple[str, str]:
    while True:
        picked = draw.some(_plain_words(), 4)
        lengths = sorted(map(len, picked))
        if lengths[-1] >= lengths[-2] + 2:  # one clear winner
            return ", ".join(picked), max(picked, key=len)


def _nth_item(draw: Draw) -> tuple[str, str]:
    picked = draw.some(words("things"), draw.between(4, 5))
    n = draw.between(1, len(picked))
    return f"{n}: {', '.join(picked)}", picked[n - 1]


def _count_items(draw: Draw) -> tuple[str, str]:
    picked = draw.some(words("things") + words("colours"), draw.between(2, 9))
    return ", ".join(picked), str(len(picked))


def _identifier(draw: Draw) -> list[str]:
    return draw.some(words("code_words"), draw.between(2, 3))


def _camel(parts: list[str]) -> str:
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


def _snake_to_camel(draw: Draw) -> tuple[str, str]:
    parts = _identifier(draw)
    return "_".join(parts), _camel(parts)


def _camel_to_snake(draw: Draw) -> tuple[str, str]:
    parts = _identifier(draw)
    return _camel(parts), "_".join(parts)


def _camel_to_words(draw: Draw) -> tuple[str, str]:
    parts = _identifier(draw)
    return _camel(parts), " ".join(parts)


def _fields(draw: Draw) -> dict[str, str]:
    values = {
        "name": draw.pick(words("women") + words("men")),
        "age": str(draw.between(18, 90)),
        "city": draw.pick(words("cities")),
        "color": draw.pick(words("colours")),
        "size": str(draw.between(1, 60)),
        "shape": draw.pick(_SHAPES),
        "day": draw.pick(words("weekdays")),
    }
    return {key: values[key] for key in draw.some(tuple(values), 3)}


def _key_value(draw: Draw) -> tuple[str, str]:
    fields = _fields(draw)
    wanted = draw.pick(tuple(fields))
    return "; ".join(f"{k}={v}" for k, v in fields.items()) + f" | {wanted}", fields[wanted]


def _json_field(draw: Draw) -> tuple[str, str]:
    fields = _fields(draw)
    wanted = draw.pick(tuple(fields))
    body = ", ".join(f'"{k}": {v}' if v.isdigit() else f'"{k}": "{v}"' for k, v in fields.items())
    return f"{{{body}}} -> {wanted}", fields[wanted]


STRING_RULES: dict[str, Rule] = {
    "plural": Rule(_plural, count=520),
    "a-an": Rule(_article, labels=("a", "an")),
    "spell-out": Rule(_spell_out, count=450),
    "acronym": Rule(_acronym),
    "last-name-first": Rule(_last_name_first),
    "name-short": Rule(_name_short),
    "email-domain": Rule(_email_domain),
    "reverse-words": Rule(_reverse_words),
    "dedupe": Rule(_dedupe),
    "swap-pair": Rule(_swap_pair),
    "longest-word": Rule(_longest_word),
    "nth-item": Rule(_nth_item),
    "count-items": Rule(_count_items),
    "snake-to-camel": Rule(_snake_to_camel),
    "camel-to-snake": Rule(_camel_to_snake),
    "camel-to-words": Rule(_camel_to_words),
    "key-value": Rule(_key_value),
    "json-field": Rule(_json_field),
}
