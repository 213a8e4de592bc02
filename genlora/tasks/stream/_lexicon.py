"""What the stream knows about words: kinds of nouns, forms, sounds, and vocabularies to draw lists from."""

from collections.abc import Mapping
from functools import cache

from genlora.tasks._rules_data import Draw

from ._tables import stored, table

COMMON_KINDS = (
    "animal",
    "food",
    "tool",
    "vehicle",
    "clothing",
    "body part",
    "job",
    "musical instrument",
    "furniture",
    "building",
    "plant",
    "sport",
    "drink",
    "container",
    "bird",
    "family member",
)
"""Kinds that lists are made of; fruit and colours are none of them, which held-out tasks ask for."""
VOCABULARIES = (
    *("kinds",) * 7,
    *("nouns",) * 4,
    *("words",) * 3,
    *("first names",) * 2,
    "cities",
    "countries",
    "groceries",
    "supplies",
    "tags",
    "verbs",
    "adjectives",
)
"""Where a list takes its items from; "kinds" mixes two kinds of things in every list."""


@cache
def kinds() -> dict[str, frozenset[str]]:
    """Kind of thing to the nouns that are certainly of it."""
    return {kind: frozenset(nouns) for kind, nouns in stored("kinds", "kinds").items()}


@cache
def _doubtful() -> dict[str, frozenset[str]]:
    return {noun: frozenset(of) for noun, of in stored("senses", "unsure").items()}


@cache
def _nouns() -> frozenset[str]:
    return frozenset(table("nouns"))


def is_a(noun: str, kind: str) -> bool | None:
    """Whether `noun` is a `kind`; None for a word that the tables do not know, or where opinions may differ."""
    if noun in kinds()[kind]:
        return True
    if noun not in _nouns() or kind in _doubtful().get(noun, ()):
        return None
    return False


@cache
def forms(name: str) -> Mapping[str, str]:
    """The mapping `name` of `data/morph.json`, e.g. singular to plural."""
    return stored("morph", name)


@cache
def inverse(name: str) -> Mapping[str, str]:
    """`forms(name)` turned round, without the forms that two words share."""
    seen: dict[str, list[str]] = {}
    for word, form in forms(name).items():
        seen.setdefault(form, []).append(word)
    return {form: words[0] for form, words in seen.items() if len(words) == 1}


@cache
def verbs(at: int) -> Mapping[str, str]:
    """Verb to its past (0), participle (1), -ing form (2) or third person (3)."""
    return {verb: both[at] for verb, both in stored("morph", "verbs").items()}


@cache
def sounds(name: str) -> Mapping[str, str | int]:
    """Word to how many syllables it has ("syllables"), or to what it rhymes by ("rhymes")."""
    return stored("sounds", name)


@cache
def vocabulary(name: str) -> tuple[str, ...]:
    """The words of a vocabulary other than "kinds"."""
    if name in ("words", "nouns", "labels"):
        return table(name)
    if name == "verbs":
        return tuple(verbs(0))
    if name == "adjectives":
        return tuple(sorted({*forms("comparatives"), *forms("adverbs")}))
    return table(name, of="lexicon")


@cache
def _kind_tuples() -> dict[str, tuple[str, ...]]:
    return {kind: tuple(sorted(nouns)) for kind, nouns in kinds().items()}


def mixed(draw: Draw, n: int) -> tuple[str, ...]:
    """`n` different nouns of two or three common kinds."""
    of = draw.some(COMMON_KINDS, draw.between(2, 3))
    out: list[str] = []
    for _ in range(50):
        if len(out) == n:
            break
        noun = draw.pick(_kind_tuples()[draw.pick(of)])
        if noun not in out:
            out.append(noun)
    return tuple(out)


def items(draw: Draw, name: str, n: int) -> tuple[str, ...]:
    """`n` different words of the vocabulary `name`."""
    if name == "kinds":
        return mixed(draw, n)
    words = vocabulary(name)
    out: list[str] = []
    while len(out) < n:  # cheaper than shuffling two thousand words for four
        word = draw.pick(words)
        if word not in out:
            out.append(word)
    return tuple(out)
