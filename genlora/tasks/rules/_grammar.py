"""More rules about grammar: forms of verbs, nouns, pronouns and short words in sentences of our own."""

from .._draw import Draw
from ._data import Rule, words
from ._edits import look
from ._kinds import draw_verb, table
from ._sentences import fill, filled
from ._strings import article, plural

_OBJECT = {"She": "her", "He": "him", "They": "them"}


def names() -> tuple[str, ...]:
    """First names of people."""
    return words("women") + words("men")


def line(draw: Draw, template: str, **given: str) -> str:
    """The template with `given` and with drawn words for its other slots, and with "an" where it belongs."""
    values = {
        "person": draw.pick(names()),
        "subject": draw.pick(("She", "He", "They", "My boss", "The doctor")),
        "city": draw.pick(words("cities")),
        "day": draw.pick(words("weekdays")),
        "noun": draw.pick(words("objects")),
        "look": look(draw),
        "relative": draw.pick(words("relative", of="sentences")),
        "n": str(draw.between(2, 60)),
    }
    return fill(template, {**values, **given})


def same_line(draw: Draw, template: str, before: str, after: str) -> tuple[str, str]:
    """The template with `{x}` filled in twice, before and after, and its other slots filled the same way."""
    known = line(draw, template, x="{x}")
    return fill(known, {"x": before}), fill(known, {"x": after})


def _tail(draw: Draw) -> str:
    return draw.pick(
        (
            "",
            f" on {draw.pick(words('weekdays'))}",
            f" in {draw.pick(words('cities'))}",
            f" with {draw.pick(names())}",
        )
    )


def _ing_form(draw: Draw) -> tuple[str, str]:
    verb, tail = draw_verb(draw), _tail(draw)
    return f"{verb.base} {verb.rest}{tail}", f"{verb.ing} {verb.rest}{tail}"


def _third_person(draw: Draw) -> tuple[str, str]:
    verb, tail = draw_verb(draw), _tail(draw)
    return f"I {verb.base} {verb.rest}{tail}.", f"She {verb.third} {verb.rest}{tail}."


def _future(draw: Draw) -> tuple[str, str]:
    verb, name = draw_verb(draw), draw.pick(names())
    return f"{name} {verb.third} {verb.rest}.", f"{name} will {verb.base} {verb.rest}."


def _passive(draw: Draw) -> tuple[str, str]:
    forms, things = draw.pick(table("passive")).split("|")
    past, participle = forms.split()
    name, thing = draw.pick(names()), draw.pick(things.split(","))
    return f"{name} {past} {thing}.", f"{thing.capitalize()} was {participle} by {name}."


def _possessive(draw: Draw) -> tuple[str, str]:
    owner = draw.pick(
        (draw.pick(names()), f"the {draw.pick(('doctor', 'baker', 'king', 'dog', 'child', 'pilot', 'farmer', 'team'))}")
    )
    thing = draw.pick(words("objects"))
    adjective = f"{look(draw)} " if draw.chance(0.3) else ""
    return f"the {adjective}{thing} of {owner}", f"{owner}'s {adjective}{thing}"


def _contract(draw: Draw) -> tuple[str, str]:
    full, template = draw.pick(table("contraction lines")).split("|")
    short = dict(pair.split(":") for pair in table("contractions"))[full]
    return same_line(draw, template, full, short)


def _uncontract(draw: Draw) -> tuple[str, str]:
    full, short = _contract(draw)
    return short, full


def _adverb(draw: Draw) -> tuple[str, str]:
    adjective, adverb = draw.pick(table("adverbs")).split(":")
    verb = draw.pick(table("adverb verbs"))
    return f"{verb} + {adjective}", f"{verb} {adverb}"


def _object_pronoun(draw: Draw) -> tuple[str, str]:
    kind = draw.between(0, 4)
    if kind == 0:
        who, pronoun = f"my {draw.pick(('sister', 'mother', 'aunt', 'daughter', 'grandmother'))}", "her"
    elif kind == 1:
        who, pronoun = f"my {draw.pick(('brother', 'father', 'uncle', 'son', 'grandfather'))}", "him"
    elif kind == 2:
        who = f"the {draw.pick(('neighbours', 'children', 'girls', 'boys', 'twins', 'guests', 'players'))}"
        pronoun = "them"
    else:
        group, pronoun = draw.pick((("women", "her"), ("men", "him")))
        who = draw.pick(words(group))
    known = line(draw, draw.pick(table("object lines")), who="{x}")
    return known.replace("{x}", who), known.replace("{x}", pronoun)


_PERSON = {"I am": "You are", "I was": "You were", "I": "You", "My": "Your", "my": "your", "me": "you", "mine": "yours"}


def _person_change(draw: Draw) -> tuple[str, str]:
    text = line(draw, draw.pick(table("I lines")))
    out = text.replace("I am ", "You are ").replace("I was ", "You were ").replace("myself", "yourself")
    parts = [_PERSON.get(part.rstrip("."), part.rstrip(".")) for part in out.rstrip(".").split()]
    return text, " ".join(parts) + "."


def _these(draw: Draw) -> tuple[str, str]:
    one, many = draw.pick((("this", "these"), ("that", "those")))
    noun = draw.pick(words("objects"))
    adjective = f"{look(draw)} " if draw.chance(0.5) else ""
    return f"{one} {adjective}{noun}", f"{many} {adjective}{plural(noun)}"


def _negative_order(draw: Draw) -> tuple[str, str]:
    while True:
        order, _ = filled(draw, "orders")
        if not order.startswith(("Stop", "Speak", "Explain")):
            return order, f"Don't {order[0].lower()}{order[1:]}"


def _add_article(draw: Draw) -> tuple[str, str]:
    noun = draw.pick(words("article_words") + words("objects") + words("vowel_adjectives"))
    while noun in words("vowel_adjectives"):
        noun = f"{noun} {draw.pick(words('objects'))}"
    if draw.chance(0.3):
        noun = f"{look(draw)} {noun}"
    return noun, f"{article(noun)} {noun}"


def _count_plural(draw: Draw) -> tuple[str, str]:
    noun = draw.pick(words("objects") + words("nouns_es") + words("nouns_y"))
    n = draw.pick(("two", "three", "four", "five", "six", "seven", "ten", "many", "some", "few"))
    return f"{n} + {noun}", f"{n} {plural(noun)}"


def _is_are(draw: Draw) -> tuple[str, str]:
    label, noun = draw.pick(("is", "are")), draw.pick(words("objects"))
    return line(draw, draw.pick(table("be lines")), x=noun if label == "is" else plural(noun)), label


def _time_word(draw: Draw) -> tuple[str, str]:
    label, template = draw.pick(("in", "on", "at")), draw.pick(table("time lines"))
    day, month = draw.pick(words("weekdays")), draw.pick(words("months"))
    past = "born" in template or "snowed" in template
    year = str(draw.between(1950, 2020)) if past else "summer"
    when = {
        "on": draw.pick((day, f"{day} morning", f"{month} {draw.between(1, 28)}")),
        "in": draw.pick((month, year, "the morning", "the evening", "spring", "winter")),
        "at": draw.pick((f"{draw.between(1, 12)}:{draw.between(10, 59)}", "noon", "midnight", "five o'clock")),
    }[label]
    return line(draw, template, x=when), label


GRAMMAR_RULES: dict[str, Rule] = {
    "ing-form": Rule(_ing_form),
    "third-person": Rule(_third_person),
    "future": Rule(_future),
    "passive": Rule(_passive),
    "possessive": Rule(_possessive),
    "contract": Rule(_contract),
    "uncontract": Rule(_uncontract),
    "adverb": Rule(_adverb),
    "object-pronoun": Rule(_object_pronoun),
    "person-change": Rule(_person_change),
    "these-those": Rule(_these),
    "negative-order": Rule(_negative_order),
    "add-article": Rule(_add_article),
    "count-plural": Rule(_count_plural),
    "is-are": Rule(_is_are, ("is", "are")),
    "time-word": Rule(_time_word, ("in", "on", "at")),
}
