"""Rules that edit letters: parts of a word, its case, and names made of several words."""

from functools import cache

from .._draw import Draw
from ._data import Rule, words
from ._sentences import filled

VOWELS = "aeiou"


@cache
def plain_words(low: int = 3, high: int = 12) -> tuple[str, ...]:
    """Single nouns and adjectives of `low` to `high` letters."""
    groups = ("things", "nouns_regular", "nouns_es", "nouns_y", "adjectives", "objects")
    found = dict.fromkeys(word for group in groups for word in words(group))
    return tuple(word for word in found if low <= len(word) <= high and word.isalpha() and word.islower())


_LOOKS = "small large long short old new clean dirty bright dark heavy light cheap round flat broken wooden".split()
_FILLERS = "lovely plain ugly strange tiny huge modern favourite".split()


def look(draw: Draw) -> str:
    """An adjective that suits any object."""
    return draw.pick(_LOOKS + _FILLERS)


def phrase(draw: Draw) -> list[str]:
    """An adjective, often a colour, and an object: "small red bucket"."""
    colour = [draw.pick(words("colours")[:12])] if draw.chance(0.6) else []
    return [look(draw), *colour, draw.pick(words("objects"))]


def _drop_first_letter(draw: Draw) -> tuple[str, str]:
    word = draw.pick(plain_words(4, 9))
    return word, word[1:]


def _drop_last_letter(draw: Draw) -> tuple[str, str]:
    word = draw.pick(plain_words(4, 9))
    return word, word[:-1]


def _reverse_word(draw: Draw) -> tuple[str, str]:
    while True:
        word = draw.pick(plain_words(3, 6))
        if word != word[::-1]:
            return word, word[::-1]


def _remove_vowels(draw: Draw) -> tuple[str, str]:
    word = draw.pick(plain_words(4, 9))
    return word, "".join(c for c in word if c not in VOWELS)


def _only_vowels(draw: Draw) -> tuple[str, str]:
    while True:
        word = draw.pick(plain_words(3, 12) + words("article_words") + words("code_words"))
        kept = "".join(c for c in word if c in VOWELS)
        if len(kept) >= 2:
            return word, kept


def _letter_at_place(draw: Draw) -> tuple[str, str]:
    word = draw.pick(plain_words(4, 8))
    place = draw.between(1, min(5, len(word)))
    return f"{word}, letter {place}", word[place - 1]


def _place_code(draw: Draw) -> tuple[str, str]:
    text = draw.pick(words("cities") + words("surnames") + words("women") + words("men") + plain_words(5, 9))
    return text.capitalize(), text[:3].upper()


def _repeat_word(draw: Draw) -> tuple[str, str]:
    word, times = draw.pick(plain_words(3, 7)), draw.between(2, 4)
    return f"{word} x{times}", " ".join([word] * times)


def _kebab_case(draw: Draw) -> tuple[str, str]:
    parts = draw.some(words("code_words"), draw.between(2, 4))
    return " ".join(parts), "-".join(parts)


def _constant_case(draw: Draw) -> tuple[str, str]:
    parts = draw.some(words("code_words"), draw.between(2, 3))
    return " ".join(parts), "_".join(parts).upper()


def _pascal_case(draw: Draw) -> tuple[str, str]:
    parts = draw.some(words("code_words"), draw.between(2, 3))
    return " ".join(parts), "".join(part.capitalize() for part in parts)


def _title(draw: Draw) -> list[str]:
    """The words of a made-up title, in lower case."""
    adjective, city = look(draw), draw.pick(words("cities")).lower()
    one, two = draw.some(words("objects"), 2)
    text = draw.pick(
        (
            f"the {adjective} {one}",
            f"the {one} and the {two}",
            f"my {adjective} {one}",
            f"a {one} from {city}" if one[0] not in "aeiou" else f"my {one} from {city}",
            f"our year in {city}",
            f"the {adjective} {one} of {city}",
            f"letters from {city}",
            f"quiet nights in {city}",
            f"how to clean your {one}",
            f"seven ideas for your {one}",
        )
    )
    return text.split()


def _slug(draw: Draw) -> tuple[str, str]:
    parts = _title(draw)
    return " ".join(part.capitalize() for part in parts), "-".join(parts)


def _title_case(draw: Draw) -> tuple[str, str]:
    parts = _title(draw)
    return " ".join(parts), " ".join(part.capitalize() for part in parts)


def _hashtag(draw: Draw) -> tuple[str, str]:
    event = draw.pick(words("event", of="sentences"))
    parts = draw.pick(
        (
            [draw.pick("summer winter spring family school village charity".split()), event],
            [draw.pick(words("cities")).lower(), event],
            ["my", look(draw), draw.pick(words("objects"))],
        )
    )
    return " ".join(parts), "#" + "".join(part.capitalize() for part in parts)


def _order(draw: Draw) -> str:
    return filled(draw, "orders")[0]


def _upper_case(draw: Draw) -> tuple[str, str]:
    text = _order(draw) if draw.chance(0.5) else " ".join(phrase(draw))
    return text, text.upper()


def _lower_case(draw: Draw) -> tuple[str, str]:
    text = _order(draw) if draw.chance(0.5) else " ".join(phrase(draw))
    return text.upper(), text.lower()


_ASKED = (
    "where is the {adjective} {noun}",
    "who took my {noun}",
    "why is the {noun} so {adjective}",
    "how much is the {adjective} {noun}",
    "when can we collect the {noun}",
    "what happened to your {noun}",
    "do you like my {adjective} {noun}",
    "is this {noun} yours",
)
_SAID = (
    "the {noun} is on the floor",
    "I lost my {adjective} {noun}",
    "we bought the {adjective} {noun}",
    "she needs the {noun} back",
    "nobody wanted the {adjective} {noun}",
    "my {noun} is very {adjective}",
    "they repaired the {noun} last week",
    "he knows where the {noun} is",
)


def _end_mark(draw: Draw) -> tuple[str, str]:
    asked = draw.chance(0.5)
    template = draw.pick(_ASKED if asked else _SAID)
    adjective, noun = look(draw), draw.pick(words("objects"))
    text = template.format(adjective=adjective, noun=noun)
    return text, text + ("?" if asked else ".")


EDIT_RULES: dict[str, Rule] = {
    "drop-first-letter": Rule(_drop_first_letter, count=550),
    "drop-last-letter": Rule(_drop_last_letter, count=550),
    "reverse-word": Rule(_reverse_word, count=420),
    "remove-vowels": Rule(_remove_vowels, count=550),
    "only-vowels": Rule(_only_vowels, count=450),
    "letter-at-place": Rule(_letter_at_place),
    "place-code": Rule(_place_code, count=600),
    "repeat-word": Rule(_repeat_word),
    "kebab-case": Rule(_kebab_case),
    "constant-case": Rule(_constant_case),
    "pascal-case": Rule(_pascal_case),
    "slug": Rule(_slug),
    "title-case": Rule(_title_case),
    "hashtag": Rule(_hashtag),
    "upper-case": Rule(_upper_case),
    "lower-case": Rule(_lower_case),
    "end-mark": Rule(_end_mark),
}
