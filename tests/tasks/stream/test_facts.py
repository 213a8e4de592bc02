"""Look-ups, countries, translations, sequences, short words. Right answers, written by hand."""

import pytest

from genlora.tasks.stream._facts import after, turned
from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations


def answer(name, data, text=None, **params):
    return operations()[name].do(Value(data, text or str(data)), params)


@pytest.mark.parametrize(
    ("name", "data", "right"),
    [
        ("look.young", "sheep", "lamb"),
        ("look.sound", "horse", "neigh"),
        ("look.element symbol", "sodium", "Na"),
        ("look.element name", "Fe", "iron"),
        ("look.unit symbol", "kilogram", "kg"),
        ("look.unit name", "GB", "gigabyte"),
        ("look.state code", "Texas", "TX"),
        ("look.state name", "OR", "Oregon"),
        ("look.expand", "approx", "approximately"),
        ("look.abbreviate", "department", "dept"),
        ("look.to American", "colour", "color"),
        ("look.to British", "theater", "theatre"),
        ("look.American word", "lorry", "truck"),
        ("look.full form", "don't", "do not"),
        ("look.opposite", "cheap", "expensive"),
        ("look.feminine", "nephew", "niece"),
        ("look.agent", "write", "writer"),
        ("look.verb noun", "arrive", "arrival"),
        ("look.currency name", "CHF", "Swiss franc"),
        ("look.currency sign", "GBP", "£"),
        ("look.symbol name", "&", "ampersand"),
        ("look.emoji", "🍕", "pizza"),
        ("geo.country", "Spain", "Spain"),
        ("geo.capital", "Norway", "Oslo"),
        ("geo.capital", "Netherlands", None),
        ("geo.continent", "Kenya", "Africa"),
        ("geo.continent", "Turkey", None),
        ("geo.currency", "Japan", "yen"),
        ("geo.currency code", "Sweden", "SEK"),
        ("geo.calling code", "Germany", "+49"),
        ("geo.domain", "Switzerland", ".ch"),
        ("geo.code", "Ireland", "IE"),
        ("geo.code3", "Ireland", "IRL"),
        ("geo.demonym", "Iceland", "Icelandic"),
        ("geo.language", "Brazil", "Portuguese"),
        ("geo.capitals", ("Italy", "Poland"), "Rome, Warsaw"),
        ("geo.codes", ("Italy", "Poland"), "IT, PL"),
        ("geo.on continent", ("Italy", "Kenya"), "Italy"),
        ("geo.off continent", ("Italy", "Kenya"), "Kenya"),
        ("geo.keep continent", ("Italy", "Kenya", "Poland"), "Italy, Poland"),
        ("geo.count continent", ("Italy", "Kenya", "Poland"), "2"),
        ("geo.euro country", ("Italy", "Poland"), "Italy"),
        ("geo.first capital", ("Italy", "Poland"), "Rome"),
        ("geo.last capital", ("Italy", "Poland"), "Warsaw"),
        ("label.in continent", "Kenya", "n"),
        ("label.uses euro", "Finland", "y"),
        ("label.one continent", ("Italy", "Kenya"), "n"),
        ("seq.greek next", "gamma", "delta"),
        ("seq.greek next", "omega", None),
        ("seq.greek before", "gamma", "beta"),
        ("seq.greek place", "gamma", "3"),
        ("seq.planet out", "Earth", "Mars"),
        ("seq.planet in", "Earth", "Venus"),
        ("seq.planet place", "Earth", "3"),
        ("seq.direction back", "northwest", "southeast"),
        ("seq.direction right", "north", "east"),
        ("seq.direction left", "north", "west"),
        ("seq.direction short", "southwest", "SW"),
        ("seq.direction degrees", "south", "180"),
        ("seq.code word", "q", "Quebec"),
        ("seq.code letter", "Tango", "T"),
        ("seq.code next", "Echo", "Foxtrot"),
        ("seq.code before", "Echo", "Delta"),
        ("seq.morse", "s", "..."),
        ("seq.letter place", "e", "5"),
        ("seq.letter next", "z", None),
        ("seq.letter before", "b", "a"),
        ("seq.letter two on", "b", "d"),
        ("seq.column", "c", "2"),
        ("label.vowel letter", "e", "y"),
        ("label.inner planet", "Saturn", "n"),
        ("label.rhyme", ("blue", "shoe"), "y"),
        ("label.syllables", "hammer", "y"),
    ],
)
def test_facts(name, data, right):
    assert answer(name, data, continent="Europe", n=2, Y="y", N="n") == right


@pytest.mark.parametrize(
    ("name", "data", "right"),
    [
        ("translate.word", "house", "Haus"),
        ("translate.into English", ("maison", "French"), "house"),
        ("translate.into English", ("casa", "Spanish"), "house"),
        ("translate.name", "Germany", "Deutschland"),
        ("translate.name", "Wednesday", "Mittwoch"),
        ("translate.name into English", ("lunedì", "Italian"), "Monday"),
        ("translate.which language", ("maison", "French"), "French"),
        ("translate.which language", ("casa", "Spanish"), None),
        ("translate.which language of name", ("février", "French"), "French"),
        ("translate.two languages", "milk", "lait, leche"),
        ("translate.greeting", "Spain", "Hola"),
        ("label.word is in language", ("casa", "Spanish"), "n"),
        ("label.foreign accent", ("lunedì", "Italian"), "y"),
    ],
)
def test_translations(name, data, right):
    text = data[0] if isinstance(data, tuple) else data
    assert answer(name, data, text, language="German", first="French", second="Spanish", Y="y", N="n") == right


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("short.capitals", "BÉCHAMEL"),
        ("short.first n", "béc"),
        ("short.last n", "mel"),
        ("short.nth letter", "c"),
        ("short.count letters", "8"),
        ("short.count letter", "1"),
        ("short.replace letter", "béchomel"),
        ("short.prepend", "#béchamel"),
        ("short.append", "béchamel!"),
        ("short.pair with", "béchamel, soup"),
        ("short.alphabetical pair", None),
        ("label.short before m", "y"),
        ("label.short long", "y"),
        ("label.short has letter", "y"),
    ],
)
def test_short_words(name, right):
    params = {"n": 3, "letter": "a", "other": "o", "head": "#", "tail": "!", "word": "soup", "length": 7}
    assert answer(name, ("béchamel", "French"), "béchamel", Y="y", N="n", **params) == right


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("pair.longer", "carpet"),
        ("pair.shorter", "car"),
        ("pair.alphabet first", "car"),
        ("pair.alphabet last", "carpet"),
        ("pair.first", "carpet"),
        ("pair.second", "car"),
        ("pair.difference", "3"),
        ("pair.letters together", "9"),
        ("pair.glue", "carpetcar"),
        ("pair.glue back", "carcarpet"),
        ("pair.hyphen", "carpet-car"),
        ("pair.initials", "CC"),
        ("label.pair same start", "y"),
        ("label.pair same end", "n"),
        ("label.pair same length", "n"),
        ("label.pair equal", "n"),
        ("label.pair inside", "y"),
        ("label.pair in order", "n"),
        ("label.pair first longer", "y"),
    ],
)
def test_two_words(name, right):
    assert answer(name, ("carpet", "car"), Y="y", N="n") == right


def test_tables_read_backwards_leave_out_what_two_words_share():
    assert turned({"bear": "cub", "lion": "cub", "dog": "puppy"}) == {"puppy": "dog"}
    assert after("directions", "northwest", 1, around=True) == "north"
    assert after("planets", "Neptune", 1, around=False) is None
