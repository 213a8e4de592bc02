"""Rules about sentences: templates of our own, filled in, then classified, searched, rewritten or masked."""

import re
from collections.abc import Callable
from functools import partial

from .._draw import Draw
from ._data import Rule, words
from ._strings import article, plural

lines = partial(words, of="sentences")
WEEKDAYS = words("weekdays")
Values = dict[str, str]


def _name(draw: Draw) -> str:
    return draw.pick(words("women") + words("men"))


def _email(draw: Draw) -> str:
    return f"{_name(draw)}.{draw.pick(words('surnames'))}@{draw.pick(words('domains'))}".lower()


def _one_of(group: str, of: str = "words") -> Callable[[Draw], str]:
    return lambda draw: draw.pick(words(group, of=of))


def _digits(low: int, high: int) -> Callable[[Draw], str]:
    return lambda draw: str(draw.between(low, high))


_SLOTS: dict[str, Callable[[Draw], str]] = {
    "person": _name,
    "surname": _one_of("surnames"),
    "full": lambda draw: f"{_name(draw)} {draw.pick(words('surnames'))}",
    "city": _one_of("cities"),
    "colour": _one_of("colours"),
    "weekday": _one_of("weekdays"),
    "thing": _one_of("objects"),
    "things": lambda draw: plural(draw.pick(words("objects"))),
    "thing2": _one_of("thing2", "sentences"),
    "product": _one_of("product", "sentences"),
    "device": _one_of("device", "sentences"),
    "relative": _one_of("relative", "sentences"),
    "room": _one_of("room", "sentences"),
    "genre": _one_of("genre", "sentences"),
    "event": _one_of("event", "sentences"),
    "hour": lambda draw: f"{draw.between(4, 11)}:{draw.pick(('00', '15', '30', '45'))}",
    "n": _digits(2, 99),
    "n3": _digits(100, 999),
    "order": _digits(1000, 99999),
    "pin": _digits(1000, 9999),
    "phone": lambda draw: f"555-{draw.between(0, 9999):04}",
    "code": lambda draw: draw.pick("ABCDEFGHKLMNPRSTVWX") + draw.pick("ABCDEFGHKLMNPRSTVWX"),
    "card": lambda draw: " ".join(f"{draw.between(0, 9999):04}" for _ in range(4)),
    "email": _email,
}


def fill(template: str, values: Values) -> str:
    """The template with its slots replaced, and "a" made "an" where the filled-in word asks for it."""
    text = re.sub(r"\{(\w+)\}", lambda slot: values[slot[1]], template)
    return re.sub(r"\b([Aa]) (?=([a-z]+))", lambda m: f"{m[1]}{article(m[2])[1:]} ", text)


def _values(draw: Draw, template: str) -> Values:
    """One value for each slot of the template, in the order they occur."""
    return {slot: _SLOTS[slot](draw) for slot in re.findall(r"\{(\w+)\}", template) if slot in _SLOTS}


def filled(draw: Draw, group: str) -> tuple[str, Values]:
    """A template of `group` with its slots filled, and what they were filled with."""
    template = draw.pick(lines(group))
    values = _values(draw, template)
    return fill(template, values), values


def _count_words(draw: Draw) -> tuple[str, str]:
    wanted = draw.between(3, 9)  # otherwise every third sentence has seven words
    while True:
        text, _ = filled(
            draw, draw.pick(("city sentences", "colour sentences", "number sentences", "orders", "greeting"))
        )
        if len(text.split()) == wanted:
            return text, str(wanted)


def _extract(group: str, slot: str) -> Rule:
    def draw_one(draw: Draw) -> tuple[str, str]:
        text, values = filled(draw, group)
        return text, values[slot]

    return Rule(draw_one)


def _mask(group: str, replace: Callable[[str, Values], str]) -> Rule:
    def draw_one(draw: Draw) -> tuple[str, str]:
        text, values = filled(draw, group)
        return text, replace(text, values)

    return Rule(draw_one)


def _classify(groups: dict[str, str], count: int = 800) -> Rule:
    """Label a filled template by the group it came from; `groups` maps label to group."""

    def draw_one(draw: Draw) -> tuple[str, str]:
        label = draw.pick(tuple(groups))
        return filled(draw, groups[label])[0], label

    return Rule(draw_one, tuple(groups), count)


def _review(draw: Draw) -> tuple[str, str]:
    label, mood = draw.pick((("positive", "good"), ("negative", "bad")))
    text, _ = filled(draw, f"review {mood}")
    if draw.chance(0.6):
        text += " " + filled(draw, f"review tails {mood}")[0]
    return text, label


def _place_continent(draw: Draw) -> tuple[str, str]:
    continent = draw.pick(_CONTINENTS)
    return draw.pick(lines(f"places {continent}")), continent


def _animal_young(draw: Draw) -> tuple[str, str]:
    template = draw.pick(lines("animal sentences"))
    animal, young = draw.pick(lines("animal pairs")).split(":")
    values = _values(draw, template)
    return fill(template, {**values, "animal": animal}), fill(template, {**values, "animal": young})


def _next_day(draw: Draw) -> tuple[str, str]:
    text, values = filled(draw, "day sentences")
    day = values["weekday"]
    return text, text.replace(day, WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7])


def _compared(draw: Draw, degree: int) -> tuple[str, str]:
    noun = draw.pick(lines("compared"))
    if draw.chance(0.25):
        adjective = draw.pick(lines("adjectives more"))
        return f"{adjective} {noun}", f"{('', 'more', 'the most')[degree]} {adjective} {noun}"
    forms = draw.pick(lines("adjectives er")).split(":")
    return f"{forms[0]} {noun}", f"{'the ' if degree == 2 else ''}{forms[degree]} {noun}"


def third_person(phrase: str) -> str:
    """The verb phrase as it stands after "she": "drink coffee" gives "drinks coffee"."""
    verb, space, rest = phrase.partition(" ")
    if verb.endswith(("s", "x", "z", "ch", "sh")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return verb + space + rest


def _subject(draw: Draw) -> tuple[str, str]:
    """A subject and the pronoun that stands for it."""
    kind = draw.between(0, 5)
    if kind == 0:
        return draw.pick(words("women")), "She"
    if kind == 1:
        return draw.pick(words("men")), "He"
    if kind == 2:
        relative = draw.pick(("sister", "mother", "daughter", "aunt", "grandmother"))
        return f"{draw.pick(('My', 'Our', 'His'))} {relative}", "She"
    if kind == 3:
        relative = draw.pick(("brother", "father", "son", "uncle", "grandfather"))
        return f"{draw.pick(('My', 'Our', 'Her'))} {relative}", "He"
    if kind == 4:
        return " and ".join(draw.some(words("women") + words("men"), 2)), "They"
    return f"{draw.pick(('My', 'Our', 'The'))} {draw.pick(('children', 'neighbours', 'friends', 'parents'))}", "They"


Clause = tuple[str, str, str, str]
"""(subject, pronoun, auxiliary, rest): the auxiliary is is/are, can, or does/do for a full verb in base form."""


def _clause(draw: Draw) -> Clause:
    while True:
        clause = _any_clause(draw)
        if not set(clause[0].split()) & set(clause[3].split()):  # not "Anna helps Anna"
            return clause


def _any_clause(draw: Draw) -> Clause:
    kind = draw.between(0, 9)
    if kind <= 1:
        template = draw.pick(lines("be things"))
        return f"The {draw.pick(words('objects'))}", "It", "is", fill(template, _values(draw, template))
    subject, pronoun = _subject(draw)
    many = pronoun == "They"
    group, auxiliary = (
        ("be people", "are" if many else "is")
        if kind <= 3
        else ("can phrases", "can")
        if kind <= 5
        else ("verb phrases", "do" if many else "does")
    )
    template = draw.pick(lines(group))
    rest = fill(template, _values(draw, template))
    if many:
        rest = rest.replace("a good cook", "good cooks").replace("a student", "students")
    return subject, pronoun, auxiliary, rest


def _stated(subject: str, auxiliary: str, rest: str) -> str:
    if auxiliary == "does":
        return f"{subject} {third_person(rest)}."
    return f"{subject} {rest}." if auxiliary == "do" else f"{subject} {auxiliary} {rest}."


def _with_pronoun(draw: Draw, clause: Clause) -> str:
    """Half of the statements use the pronoun as their subject, so that both kinds are met."""
    return clause[1] if clause[1] != "It" and draw.chance(0.4) else clause[0]


def _negate(draw: Draw) -> tuple[str, str]:
    clause = _clause(draw)
    subject, (_, _, auxiliary, rest) = _with_pronoun(draw, clause), clause
    negated = "cannot" if auxiliary == "can" else f"{auxiliary} not"
    return _stated(subject, auxiliary, rest), f"{subject} {negated} {rest}."


def _make_question(draw: Draw) -> tuple[str, str]:
    clause = _clause(draw)
    subject, (_, _, auxiliary, rest) = _with_pronoun(draw, clause), clause
    first = subject.split()[0]
    inside = subject if first in words("women") + words("men") else subject[0].lower() + subject[1:]
    return _stated(subject, auxiliary, rest), f"{auxiliary.capitalize()} {inside} {rest}?"


def _pronoun(draw: Draw) -> tuple[str, str]:
    subject, pronoun, auxiliary, rest = _clause(draw)
    return _stated(subject, auxiliary, rest), _stated(pronoun, auxiliary, rest)


def _polite(draw: Draw) -> tuple[str, str]:
    order, _ = filled(draw, "orders")
    return order, f"Could you please {order[0].lower()}{order[1:-1]}?"


_CONTINENTS = ("Africa", "Asia", "Europe", "North America", "South America")
_LANGUAGES = ("French", "German", "Spanish", "Italian", "Dutch")

SENTENCE_RULES: dict[str, Rule] = {
    "count-words": Rule(_count_words),
    "extract-number": _extract("number sentences", "n"),
    "extract-city": _extract("city sentences", "city"),
    "extract-colour": _extract("colour sentences", "colour"),
    "comparative": Rule(lambda draw: _compared(draw, 1)),
    "superlative": Rule(lambda draw: _compared(draw, 2)),
    "negate": Rule(_negate),
    "make-question": Rule(_make_question),
    "pronoun": Rule(_pronoun),
    "polite-request": Rule(_polite),
    "next-day": Rule(_next_day),
    "animal-young": Rule(_animal_young),
    "place-continent": Rule(_place_continent, _CONTINENTS, count=430),
    "language": _classify({name: name for name in _LANGUAGES}),
    "support-request": _classify(
        {k: f"support {k}" for k in ("refund", "delivery", "login", "cancellation", "invoice")}
    ),
    "assistant-command": _classify({k: f"command {k}" for k in ("lights", "music", "weather", "alarm", "call")}),
    "greeting-farewell": _classify({k: k for k in ("greeting", "farewell")}),
    "mood": _classify({k: f"mood {k}" for k in ("happy", "sad", "angry", "worried")}),
    "review-sentiment": Rule(_review, ("positive", "negative")),
    "mask-digits": _mask("digit sentences", lambda text, _: re.sub(r"\d", "#", text)),
    "mask-email": _mask("email sentences", lambda text, values: text.replace(values["email"], "[EMAIL]")),
    "mask-name": _mask("name sentences", lambda text, values: text.replace(values["full"], "[NAME]")),
    "mask-card": _mask(
        "card sentences", lambda text, values: text.replace(values["card"], f"**** {values['card'][-4:]}")
    ),
}
