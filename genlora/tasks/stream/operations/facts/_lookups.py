"""Small look-ups that people do every day: abbreviations, units, spellings, opposites, states, symbols, animals."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._facts import emoji, general, general_back
from ..._lexicon import sounds
from ..._parts import AnswerKind, Classifier, Condition, Operation, Params, Value


def _there(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: general(name).get(value.data)


def _back(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: general_back(name).get(value.data)


def _op(
    name: str,
    on: tuple[str, ...],
    do: Callable[[Value, Params], str | None],
    say: tuple[str, ...],
    noun: tuple[str, ...],
    ask: tuple[str, ...] = (),
    answer: AnswerKind = "word",
) -> Operation:
    return Operation(f"look.{name}", on, answer, do, say, noun, ask, knowledge=True)


OPERATIONS = (
    _op(
        "young",
        ("animal", "noun"),
        _there("young"),
        (
            "say what the young of {the} is called",
            "give the word for a baby of this animal",
            "name the offspring of {the} in one word (a dog has puppies: puppy)",
        ),
        ("the word for the young of {the}", "what a baby of this animal is called"),
        ("what is the young of {the} called?",),
    ),
    _op(
        "sound",
        ("animal",),
        _there("animal sounds"),
        (
            "say what sound {the} makes, as a verb (a dog: bark)",
            "give the verb for the noise of this animal",
            "write what this animal does when it is heard, one verb",
        ),
        ("the verb for the sound of {the}", "what {the} does: bark, neigh ..."),
        ("which sound does {the} make, as a verb?",),
    ),
    _op(
        "element symbol",
        ("element",),
        _there("elements"),
        (
            "give the chemical symbol of {the}",
            "abbreviate {the} as the periodic table does",
            "write the symbol that stands for {the} in a formula",
        ),
        ("the chemical symbol of {the}", "the symbol in the periodic table"),
        ("what is the symbol of {the}?",),
        "code",
    ),
    _op(
        "element name",
        ("element symbol",),
        _back("elements"),
        (
            "name the element with this symbol, in lower case",
            "say which chemical element {the} stands for",
            "spell the symbol out: which element is it?",
        ),
        ("the element that {the} stands for", "the name of the element, in lower case"),
        ("which element has {the}?",),
        "code",
    ),
    _op(
        "unit symbol",
        ("unit name",),
        _there("units"),
        (
            "give the symbol of {the}",
            "abbreviate {the} as it stands after a number",
            "write the unit as a column header would: its symbol only",
        ),
        ("the symbol of {the}", "the usual abbreviation of the unit"),
        ("how is {the} abbreviated?",),
        "code",
    ),
    _op(
        "unit name",
        ("unit symbol",),
        _back("units"),
        (
            "write the unit out in full, singular",
            "say which unit {the} stands for (British spelling, singular)",
            "expand the unit symbol into a word",
        ),
        ("the full name of the unit, singular", "the unit that {the} stands for"),
        ("which unit is that?",),
    ),
    _op(
        "state code",
        ("state",),
        _there("states"),
        (
            "give the postal code of {the}, two capital letters",
            "abbreviate {the} for a US address",
            "fill the state column: two letters for {the}",
        ),
        ("the two-letter postal code of {the}", "the USPS abbreviation of the state"),
        ("what is the two-letter code of {the}?",),
        "code",
    ),
    _op(
        "state name",
        ("state code",),
        _back("states"),
        (
            "write the name of the US state",
            "expand the postal code to the full name of the state",
            "say which state {the} stands for",
        ),
        ("the full name of the state", "the US state that {the} stands for"),
        ("which US state has {the}?",),
    ),
    _op(
        "expand",
        ("abbreviation",),
        _there("abbreviations"),
        (
            "write {the} out in full",
            "expand {the}",
            "say which word {the} is short for",
            "replace {the} by the word it shortens, as in a formal letter",
        ),
        ("the word that {the} stands for", "the full form"),
        ("what is {the} short for?",),
    ),
    _op(
        "abbreviate",
        ("long form",),
        _back("abbreviations"),
        (
            "give the usual short form of {the}",
            "abbreviate {the} for a narrow column, without a full stop",
            "shorten {the} the way people commonly do",
        ),
        ("the usual abbreviation of {the}", "the common short form"),
        ("how is {the} usually shortened?",),
    ),
    _op(
        "to American",
        ("British",),
        _there("spelling"),
        (
            "change the British spelling to the American one",
            "spell {the} as an American would",
            "convert to US English",
            "normalise {the} to American spelling for our US site",
        ),
        ("{the} in American spelling", "the US spelling"),
        ("how is {the} spelled in the US?",),
    ),
    _op(
        "to British",
        ("American",),
        _back("spelling"),
        (
            "change the American spelling to the British one",
            "spell {the} as a Briton would",
            "convert to UK English",
            "rewrite {the} for our readers in London: British spelling",
        ),
        ("{the} in British spelling", "the UK spelling"),
        ("how is {the} spelled in Britain?",),
    ),
    _op(
        "American word",
        ("British term",),
        _there("british words"),
        (
            "give the American word for the same thing",
            "translate from British to American English",
            "say what an American would call it",
        ),
        ("the American word for it", "what Americans call it"),
        ("what do Americans say instead?",),
        "text",
    ),
    Operation(
        "look.full form",
        ("contraction",),
        "text",
        _there("contractions"),
        (
            "write the contraction out in full",
            "expand {the} into its two words (cannot counts as one)",
            "rewrite it formally, without an apostrophe",
        ),
        ("the full form without the apostrophe", "{the} written out"),
        ("what is the long form?",),
    ),
    _op(
        "opposite",
        ("opposed", "word", "adjective"),
        _there("antonyms"),
        (
            "give the opposite of {the}",
            "write the antonym",
            "say what is the contrary of {the}, in one word",
        ),
        ("the opposite of {the}", "the antonym of {the}"),
        ("what is the opposite of {the}?",),
    ),
    _op(
        "feminine",
        ("gendered",),
        _there("feminine"),
        (
            "give the female counterpart of {the}",
            "turn the masculine word into the feminine one",
            "write the word for a woman or a female animal instead",
        ),
        ("the feminine form of {the}", "the female counterpart"),
        ("what is the female counterpart of {the}?",),
    ),
    _op(
        "agent",
        ("deed",),
        _there("agents"),
        (
            "name the person who does that, e.g. teach: teacher",
            "derive the noun for somebody who does this",
            "write the word for the one who does it",
        ),
        ("the noun for a person who does that", "the agent noun of {the}"),
        ("what do you call a person who does that?",),
    ),
    _op(
        "verb noun",
        ("deed",),
        _there("nouns of verbs"),
        (
            "give the noun that belongs to {the}, as decision belongs to decide",
            "turn the verb into the noun for the act or its result",
            "nominalise {the}: not the -ing form, the noun",
        ),
        ("the noun derived from {the} (not the -ing form)", "the noun for the act or result"),
        ("which noun is derived from {the}?",),
    ),
    _op(
        "currency name",
        ("currency",),
        _there("currency names"),
        (
            "say which currency the code stands for, with the country's adjective where there is one",
            "write {the} out, such as Swiss franc for CHF",
            "expand the code on the invoice into words",
        ),
        (
            "the currency in words, such as Swiss franc",
            "the full name of the currency",
        ),
        ("which currency is that?",),
        "text",
    ),
    _op(
        "currency sign",
        ("currency",),
        _there("currency symbols"),
        (
            "give the sign of the currency",
            "write the symbol that stands before or after the amount",
            "replace the code by its sign, such as € for EUR",
        ),
        ("the sign of {the}, such as €", "the currency symbol"),
        ("which sign does the currency have?",),
        "code",
    ),
    _op(
        "symbol name",
        ("sign",),
        _there("symbols"),
        (
            "say what this character is called",
            "name {the} in words",
            "read {the} out as on the phone: its English name",
        ),
        ("the English name of {the}", "what this character is called"),
        ("what is this character called?",),
        "text",
    ),
    _op(
        "emoji",
        ("emoji",),
        lambda v, _: emoji().get(v.data),
        (
            "say in one word what {the} shows",
            "replace the emoji by a word",
            "write alt text for {the}: one English noun",
        ),
        ("the thing that {the} shows, one word", "a one-word name for the picture"),
        ("what does {the} show?",),
    ),
)


def _two(test: Callable[[str, str], bool | None]) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: test(*value.data)


def _rhyme(a: str, b: str) -> bool | None:
    known = sounds("rhymes")
    return known[a] == known[b] if a in known and b in known and a != b else None


def _syllables(value: Value, p: Params) -> bool | None:
    n = sounds("syllables").get(value.data)
    return None if n is None else int(n) == p["n"]


def _number(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "count": ("one syllable", "two syllables", "three syllables")[n - 1]}


CONDITIONS = (
    Condition(
        "rhyme",
        ("two words",),
        _two(_rhyme),
        ("the two words rhyme", "they end in the same sound"),
        ("the two words do not rhyme", "they end in different sounds"),
        knowledge=True,
    ),
    Condition(
        "syllables",
        ("word", "noun", "verb"),
        _syllables,
        ("{the} has exactly {count}", "{the} is spoken in {count}"),
        ("{the} has another number of syllables", "{the} does not have {count}"),
        params=_number,
        knowledge=True,
    ),
)


def _count(value: Value, _: Params) -> str | None:
    n = sounds("syllables").get(value.data)
    return None if n is None else {1: "one", 2: "two"}.get(int(n), "more")


CLASSIFIERS = (
    Classifier(
        "number of syllables",
        ("word", "noun", "verb"),
        _count,
        {
            "one": "it has one syllable",
            "two": "it has two syllables",
            "more": "it has three or more syllables",
        },
        "the number of syllables of {the}",
        {"one": "one", "two": "two", "more": "more"},
        knowledge=True,
    ),
)
