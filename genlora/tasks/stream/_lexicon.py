"""What the stream knows about words: kinds of nouns, forms, sounds, and vocabularies to draw lists from."""

from collections.abc import Mapping
from functools import cache

from genlora.tasks._draw import Draw

from ._parts import Params
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
KIND_PHRASES = {
    "animal": ("an animal", "animals"),
    "food": ("a food", "foods"),
    "tool": ("a tool", "tools"),
    "vehicle": ("a vehicle", "vehicles"),
    "clothing": ("a piece of clothing", "clothes"),
    "body part": ("a part of the body", "parts of the body"),
    "job": ("an occupation", "occupations"),
    "musical instrument": ("a musical instrument", "musical instruments"),
    "furniture": ("a piece of furniture", "pieces of furniture"),
    "building": ("a building", "buildings"),
    "plant": ("a plant", "plants"),
    "sport": ("a sport", "sports"),
    "drink": ("a drink", "drinks"),
    "container": ("a container", "containers"),
    "bird": ("a bird", "birds"),
    "family member": ("a family member", "family members"),
}
"""How a kind is called: one of them, several of them."""
VOCABULARIES = (
    *("nouns",) * 5,
    *("words",) * 3,
    *("first names",) * 2,
    "cities",
    "countries",
    "groceries",
    "supplies",
    "luggage",
    "tags",
    "teams",
    "verbs",
    "adjectives",
)
"""Where a list of words takes its items from."""


@cache
def kinds() -> dict[str, frozenset[str]]:
    """Kind of thing to the nouns that are certainly of it."""
    return {kind: frozenset(nouns) for kind, nouns in stored("kinds", "kinds").items()}


@cache
def of_kind(kind: str) -> tuple[str, ...]:
    """The nouns of a kind, in a stable order."""
    return tuple(sorted(kinds()[kind]))


@cache
def _doubtful() -> dict[str, frozenset[str]]:
    return {noun: frozenset(of) for noun, of in stored("senses", "unsure").items()}


@cache
def _nouns() -> frozenset[str]:
    return frozenset(table("nouns"))


@cache
def is_a(noun: str, kind: str) -> bool | None:
    """Whether `noun` is a `kind`; None for a word that the tables do not know, or where opinions may differ."""
    if noun in kinds()[kind]:
        return True
    if noun not in _nouns() or kind in _doubtful().get(noun, ()):
        return None
    return False


def kind_params(draw: Draw) -> Params:
    """A common kind with its phrases: {kind}, {one} with an article, {it} without, {many}."""
    kind = draw.pick(COMMON_KINDS)
    one, many = KIND_PHRASES[kind]
    return {"kind": kind, "one": one, "it": one.split(" ", 1)[1], "many": many}


@cache
def common_kinds(noun: str) -> frozenset[str] | None:
    """The common kinds that `noun` is certainly of; None where one of them is open to doubt."""
    held = {kind: is_a(noun, kind) for kind in COMMON_KINDS}
    return None if None in held.values() else frozenset(k for k, yes in held.items() if yes)


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


def mixed(draw: Draw, n: int) -> tuple[str, ...]:
    """`n` different nouns of two or three common kinds."""
    of = draw.some(COMMON_KINDS, draw.between(2, 3))
    out: list[str] = []
    for _ in range(50):
        if len(out) == n:
            break
        noun = draw.pick(of_kind(draw.pick(of)))
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
