"""Rules that sort: does a word, number or line have a property, and of which kind is it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from .._draw import Draw
from ._data import Rule, words
from ._edits import VOWELS, look, plain_words
from ._strings import plural

table = partial(words, of="tables")
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Verb:
    """The forms of a verb, and what follows it in one sentence."""

    base: str
    third: str
    past: str
    participle: str
    ing: str
    rest: str


def draw_verb(draw: Draw) -> Verb:
    """A verb of the tables with one of the things it is used with."""
    base, third, past, participle, ing, rests = draw.pick(table("verbs")).split(":")
    return Verb(base, third, past, participle, ing, draw.pick(rests.split("/")))


def _yes_no(make: Callable[[Draw, bool], str], count: int = 800) -> Rule:
    """`make(draw, wanted)` returns an input for which the answer is yes (`wanted`) or no."""

    def draw_one(draw: Draw) -> tuple[str, str]:
        wanted = draw.chance(0.5)
        return make(draw, wanted), "yes" if wanted else "no"

    return Rule(draw_one, YES_NO, count)


def _parity(draw: Draw) -> tuple[str, str]:
    n = draw.between(2, 10 ** draw.between(2, 5) - 1)
    return str(n), "odd" if n % 2 else "even"


def _check_sum(draw: Draw) -> tuple[str, str]:
    a, b = draw.between(2, 60), draw.between(2, 39)
    off = 0 if draw.chance(0.5) else draw.pick((-2, -1, 1, 2, 10))
    return f"{a} + {b} = {a + b + off}", "wrong" if off else "right"


def _palindrome(draw: Draw, wanted: bool) -> str:
    half = [str(draw.between(1, 9)) for _ in range(2)]
    middle = [str(draw.between(0, 9))] if draw.chance(0.9) else []
    if wanted:
        return "".join(half + middle + half[::-1])
    other = [d if draw.chance(0.5) else str(draw.between(1, 9)) for d in half[::-1]]
    while other == half[::-1]:
        other = [str(draw.between(1, 9)) for _ in range(2)]
    return "".join(half + middle + other)


@cache
def _vowel_words() -> tuple[str, ...]:
    found = dict.fromkeys(words("article_words") + words("vowel_adjectives") + plain_words())
    return tuple(w for w in found if w[0] in VOWELS and w.islower())


def _first_sound(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("vowel", "consonant"))
    if label == "vowel":
        return draw.pick(_vowel_words()), label
    return draw.pick([w for w in plain_words() if w[0] not in VOWELS + "y"]), label


_DIGIT_PLACES = (
    "seat {c}{n}",
    "room {n}",
    "flight {c}{c2}{n}",
    "the {n} bus",
    "{noun} no. {n}",
    "{n} {noun}s",
)
_PLAIN_PLACES = (
    "seat {c}{c2}",
    "the {look} room",
    "flight to {city}",
    "the evening news",
    "{look} {noun}",
    "my {noun}",
)


def _has_digit(draw: Draw, wanted: bool) -> str:
    c, c2 = draw.some("ABCDEFGHKLMNPR", 2)
    return draw.pick(_DIGIT_PLACES if wanted else _PLAIN_PLACES).format(
        c=c,
        c2=c2,
        n=draw.between(2, 99),
        noun=draw.pick(words("code_words")),
        look=look(draw),
        city=draw.pick(words("cities")),
    )


def _same_initial(draw: Draw, wanted: bool) -> str:
    while True:
        a, b = draw.some(plain_words(3, 9), 2)
        if (a[0] == b[0]) == wanted:
            return f"{a}, {b}"


def _rhyme(draw: Draw, wanted: bool) -> str:
    one, two = draw.some(table("rhymes"), 2)
    if wanted:
        return " - ".join(draw.some(one.split(), 2))
    return f"{draw.pick(one.split())} - {draw.pick(two.split())}"


def _in_order(draw: Draw, wanted: bool) -> str:
    while True:
        a, b = draw.some(plain_words(3, 9), 2)
        if a[0] != b[0] and (a < b) == wanted:
            return f"{a}, {b}"


def _sentence_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("question", "statement", "order"))
    text = draw.pick(table(f"{label} lines")).format(
        noun=draw.pick(words("objects")),
        look=look(draw),
        person=draw.pick(words("women") + words("men")),
        city=draw.pick(words("cities")),
        day=draw.pick(words("weekdays")),
    )
    return text, label


def _noun_number(draw: Draw) -> tuple[str, str]:
    label, noun = draw.pick(("singular", "plural")), draw.pick(words("objects"))
    return f"{look(draw)} {noun if label == 'singular' else plural(noun)}", label


def _tense(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("past", "present", "future"))
    while True:
        verb = draw_verb(draw)
        if verb.past != verb.base:  # "they read", "they cut" could be either
            break
    subject, now = draw.pick((("They", verb.base), (draw.pick(words("women") + words("men")), verb.third)))
    said = {"past": verb.past, "present": now, "future": f"will {verb.base}"}[label]
    return f"{subject} {said} {verb.rest}.", label


def _case_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("upper", "lower", "title"))
    text = f"{look(draw)} {draw.pick(words('objects'))}"
    return {"upper": text.upper(), "lower": text, "title": text.title()}[label], label


_ENDINGS = {
    "image": ("jpg", "png", "gif", "webp"),
    "audio": ("mp3", "wav", "flac", "ogg"),
    "video": ("mp4", "avi", "mov", "mkv"),
    "document": ("pdf", "docx", "txt", "odt"),
    "archive": ("zip", "rar", "7z", "tar"),
}


def _file_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(tuple(_ENDINGS))
    stem = draw.pick(plain_words(3, 9)) + draw.pick(("", "", "-old", "_final", str(draw.between(1, 30))))
    return f"{stem}.{draw.pick(_ENDINGS[label])}", label


def _string_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("email", "phone", "link", "date", "price"))
    name, domain = draw.pick(words("surnames")).lower(), draw.pick(words("domains"))
    day, month, year = draw.between(1, 28), draw.between(1, 12), draw.between(1980, 2030)
    text = {
        "email": f"{draw.pick(('info', 'mail', name))}@{domain}",
        "phone": f"{draw.between(201, 989)}-555-{draw.between(0, 9999):04}",
        "link": f"https://{domain}/{name}",
        "date": f"{day}/{month}/{year}" if draw.chance(0.5) else f"{year}-{month:02}-{day:02}",
        "price": f"{draw.pick('$€£')}{draw.between(1, 99)}.{draw.between(10, 99)}",
    }[label]
    return text, label


_KINDS = ("animal", "clothing", "tool", "vehicle", "food")


def _noun_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(_KINDS)
    return f"a {draw.pick(table('kind adjectives'))} {draw.pick(table(f'kind {label}'))}", label


def _weekday_kind(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("weekday", "weekend"))
    day = draw.pick(words("weekdays")[5:] if label == "weekend" else words("weekdays")[:5])
    text = draw.pick(table("day lines")).format(
        day=day, person=draw.pick(words("women") + words("men")), city=draw.pick(words("cities"))
    )
    return text, label


KIND_RULES: dict[str, Rule] = {
    "parity": Rule(_parity, ("even", "odd")),
    "check-sum": Rule(_check_sum, ("right", "wrong")),
    "palindrome": _yes_no(_palindrome),
    "first-sound": Rule(_first_sound, ("vowel", "consonant"), count=400),
    "has-digit": _yes_no(_has_digit),
    "same-initial": _yes_no(_same_initial),
    "rhyme": _yes_no(_rhyme),
    "in-order": _yes_no(_in_order),
    "sentence-kind": Rule(_sentence_kind, ("question", "statement", "order")),
    "noun-number": Rule(_noun_number, ("singular", "plural")),
    "tense": Rule(_tense, ("past", "present", "future")),
    "case-kind": Rule(_case_kind, ("upper", "lower", "title")),
    "file-kind": Rule(_file_kind, tuple(_ENDINGS)),
    "string-kind": Rule(_string_kind, ("email", "phone", "link", "date", "price")),
    "noun-kind": Rule(_noun_kind, _KINDS),
    "weekday-kind": Rule(_weekday_kind, ("weekday", "weekend")),
}
