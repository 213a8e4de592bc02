"""Things with facts to look up: countries and what stands for them, animals, units, abbreviations, foreign words ..."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._facts import LANGUAGES, countries, emoji, general, general_back, named, sequence, translations, turned
from ..._parts import InputType, Params, Value, picked

_FIELDS = (
    "Country: {}",
    "country={}",
    "Ship to: {}",
    '{{"country": "{}"}}',
    "origin - {}",
    "[{}]",
    "to {}",
    "{} (EU/other)",
)
_SENTENCES = (
    "The parcel goes to {}.",
    "She moved to {} in May.",
    "Our partner is based in {}.",
    "He called from {} at noon.",
    "New branch planned in {}!",
    "The next trip takes us to {}.",
    "Two visitors from {} arrived.",
)
_CITY_SENTENCES = (
    "The meeting is in {}.",
    "They flew to {} on Monday.",
    "Our office in {} is closed.",
    "The train to {} was late.",
    "Delivery to {} takes 3 days.",
)


def _one(words: Callable[[], Sequence[str]]) -> Callable[[Draw, Params], Value]:
    return lambda draw, _: Value(w := draw.pick(words()), w)


def _framed(words: Callable[[], Sequence[str]], frame: str) -> Callable[[Draw, Params], Value]:
    """The word in one of the layout's frames; `frame` names which."""

    def drawn(draw: Draw, layout: Params) -> Value:
        word = draw.pick(words())
        return Value(word, draw.pick(layout[frame]).format(word))

    return drawn


def _frames(frames: Sequence[str], most: int) -> Callable[[Draw], Params]:
    return lambda draw: {"frames": draw.some(frames, draw.between(min(2, most), most))}


def _all_countries() -> tuple[str, ...]:
    return tuple(countries("code"))


def _standing_for(fact: str, shape: str = "{}") -> Callable[[Draw, Params], Value]:
    """A fact that only one country has, with the country as what it means."""

    def drawn(draw: Draw, _: Params) -> Value:
        pairs = turned(countries(fact))
        found = draw.pick(list(pairs))
        return Value(pairs[found], shape.format(found))

    return drawn


def _city_sentence(draw: Draw, layout: Params) -> Value:
    pairs = turned(countries("capital"))
    city = draw.pick(list(pairs))
    return Value(pairs[city], draw.pick(layout["frames"]).format(city))


def _country_list(draw: Draw, layout: Params) -> Value:
    some = tuple(draw.some(_all_countries(), layout["n"] + draw.between(0, 1)))
    if layout["mark"]:
        return Value(some, "\n".join(layout["mark"].format(i) + c for i, c in enumerate(some, start=1)))
    return Value(some, layout["sep"].join(some))


def _list_layout(*marks: str) -> Callable[[Draw], Params]:
    return lambda d: {"n": d.between(3, 4), "mark": d.pick(marks), "sep": d.pick((", ", ", ", "; ", " / ", " | "))}


def _foreign(draw: Draw, layout: Params) -> Value:
    language = draw.pick(layout["languages"])
    word = draw.pick(list(translations(language).values()))
    return Value((word, language), word)


def _foreign_name(*kinds: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        language = draw.pick(layout["languages"])
        word = draw.pick([w for kind in kinds for w in named(language, kind).values()])
        return Value((word, language), word)

    return drawn


def _tongues(draw: Draw) -> Params:
    return {"languages": LANGUAGES if draw.chance(0.4) else (draw.pick(LANGUAGES),)}


def _contracted(draw: Draw, layout: Params) -> Value:
    word = draw.pick(list(general("contractions")))
    return Value(word, layout["frame"].format(word))


def _letter(draw: Draw, layout: Params) -> Value:
    letter = draw.pick("abcdefghijklmnopqrstuvwxyz")
    return Value(letter, letter.upper() if layout["upper"] else letter)


_TABLES: tuple[tuple[str, str, str, str, Callable[[], Sequence[str]]], ...] = (
    ("animal", "animal", "an animal", "the animal", lambda: tuple({**general("young"), **general("animal sounds")})),
    ("element", "element", "a chemical element", "the element", lambda: tuple(general("elements"))),
    ("element symbol", "element symbol", "a chemical symbol", "the symbol", lambda: tuple(general_back("elements"))),
    ("unit name", "unit name", "the name of a unit", "the unit", lambda: tuple(general("units"))),
    ("unit symbol", "unit symbol", "the symbol of a unit", "the symbol", lambda: tuple(general_back("units"))),
    ("state", "state", "a US state", "the state", lambda: tuple(general("states"))),
    ("state code", "state code", "the postal code of a US state", "the code", lambda: tuple(general_back("states"))),
    ("abbreviation", "abbreviation", "an abbreviation", "the abbreviation", lambda: tuple(general("abbreviations"))),
    ("long word", "long form", "a word", "the word", lambda: tuple(general_back("abbreviations"))),
    ("British spelling", "British", "a word in British spelling", "the word", lambda: tuple(general("spelling"))),
    (
        "American spelling",
        "American",
        "a word in American spelling",
        "the word",
        lambda: tuple(general_back("spelling")),
    ),
    ("British word", "British term", "a British word", "the word", lambda: tuple(general("british words"))),
    ("emoji", "emoji", "an emoji", "the emoji", lambda: tuple(emoji())),
    ("sign", "sign", "a punctuation mark or symbol", "the symbol", lambda: tuple(general("symbols"))),
    ("Greek letter", "Greek letter", "a Greek letter", "the letter", lambda: sequence("greek")),
    ("NATO word", "code word", "a word of the NATO alphabet", "the code word", lambda: sequence("nato")),
    ("currency code", "currency", "a currency code", "the currency", lambda: tuple(general("currency names"))),
    ("man or woman", "gendered", "a word", "the word", lambda: tuple(general("feminine"))),
    ("word with an opposite", "opposed", "a word", "the word", lambda: tuple(general("antonyms"))),
    ("doing word", "deed", "a verb", "the verb", lambda: tuple({**general("agents"), **general("nouns of verbs")})),
    ("English word", "English word", "an English word", "the word", lambda: tuple(translations("French"))),
    ("language", "English name", "a language", "the language", lambda: tuple(named("French", "languages"))),
)

INPUTS = (
    *(InputType(name, kind, a, the, _one(words)) for name, kind, a, the, words in _TABLES),
    InputType("country", "country", "a country", "the country", _one(_all_countries)),
    InputType(
        "country field",
        "country",
        "an entry with a country",
        "the country",
        _framed(_all_countries, "frames"),
        _frames(_FIELDS, 1),
    ),
    InputType(
        "country sentence",
        "country",
        "a sentence that mentions a country",
        "the country mentioned",
        _framed(_all_countries, "frames"),
        _frames(_SENTENCES, 4),
    ),
    InputType("capital city", "capital", "a capital city", "the country with this capital", _standing_for("capital")),
    InputType(
        "capital in a sentence",
        "capital",
        "a sentence with a capital city",
        "the country of this capital",
        _city_sentence,
        _frames(_CITY_SENTENCES, 3),
    ),
    InputType(
        "country code", "country sign", "a two-letter country code", "the country with this code", _standing_for("code")
    ),
    InputType(
        "internet domain",
        "country sign",
        "the internet domain of a country",
        "the country with this domain",
        _standing_for("domain"),
    ),
    InputType(
        "nationality",
        "country sign",
        "an adjective of nationality",
        "the country behind this adjective",
        _standing_for("demonym"),
    ),
    InputType(
        "calling code",
        "country sign",
        "a calling code",
        "the country with this calling code",
        _standing_for("calling code", "+{}"),
    ),
    InputType("countries", "countries", "a list of countries", "the list", _country_list, _list_layout("")),
    InputType(
        "countries by line",
        "countries",
        "several countries, one per line",
        "the list",
        _country_list,
        _list_layout("- ", "* ", "{}. ", "{}) "),
    ),
    InputType("foreign word", "foreign word", "a word in another language", "the word", _foreign, _tongues),
    InputType(
        "foreign calendar word",
        "foreign name",
        "a weekday or month in another language",
        "the word",
        _foreign_name("weekdays", "months"),
        _tongues,
    ),
    InputType(
        "calendar word",
        "English name",
        "a weekday or a month",
        "the word",
        _one(lambda: (*sequence("weekdays"), *sequence("months"))),
    ),
    InputType(
        "compass point",
        "direction",
        "a phrase with a direction",
        "the direction",
        _framed(lambda: sequence("directions"), "frames"),
        _frames(("{}", "go {}", "wind from the {}", "heading {}", "{} wing", "exit {}", "2 km {}"), 4),
    ),
    InputType(
        "planet",
        "planet",
        "a phrase with a planet",
        "the planet",
        _framed(lambda: sequence("planets"), "frames"),
        _frames(("{}", "a mission to {}", "the orbit of {}", "{} at night", "planet: {}"), 4),
    ),
    InputType(
        "foreign country",
        "foreign name",
        "the name of a country in another language",
        "the name",
        _foreign_name("countries"),
        _tongues,
    ),
    InputType(
        "foreign language",
        "foreign name",
        "the name of a language in another language",
        "the name",
        _foreign_name("languages"),
        _tongues,
    ),
    InputType(
        "contraction",
        "contraction",
        "a contraction",
        "the contraction",
        _contracted,
        picked(frame=("{}", "{}", '"{}"', "... {} ...")),
    ),
    InputType("single letter", "letter", "a letter", "the letter", _letter, lambda d: {"upper": d.chance(0.5)}),
)
