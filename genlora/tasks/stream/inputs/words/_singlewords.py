"""One word of a known sort (noun, verb, adjective, inflected form), and pairs of words."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._lexicon import COMMON_KINDS, forms, inverse, mixed, of_kind, sounds, verbs, vocabulary
from ..._parts import InputType, Params, Value, picked
from ..._tables import table


def _one(words: Callable[[], Sequence[str]]) -> Callable[[Draw, Params], Value]:
    return lambda draw, _: Value(w := draw.pick(words()), w)


def _noun(draw: Draw, _: Params) -> Value:
    word = mixed(draw, 1)[0] if draw.chance(0.6) else draw.pick(table("nouns"))
    return Value(word, word)


def _plural(draw: Draw, _: Params) -> Value:
    while True:
        noun = _noun(draw, {}).text
        if noun in forms("plurals"):
            return Value(plural := forms("plurals")[noun], plural)


def _form(draw: Draw, layout: Params) -> Value:
    at = draw.pick(layout["forms"])
    return Value(form := verbs(at)[draw.pick(vocabulary("verbs"))], form)


def _relation(draw: Draw) -> tuple[str, str]:
    """Two words that often share a beginning, a rhyme, a length or a kind, so that questions have both answers."""
    how = draw.pick(("any", "any", "start", "rhyme", "length", "kind", "inside", "same", "form"))
    words = table("words")
    first = draw.pick(words)
    if how == "kind":
        first, second = draw.some(of_kind(draw.pick(COMMON_KINDS)), 2)
        return first, second
    if how == "same":
        return first, first
    if how == "form":
        name = draw.pick(("plurals", "comparatives", "adverbs", "negated"))
        word = draw.pick(list(forms(name)))
        return word, forms(name)[word]
    tests: dict[str, Callable[[str], bool]] = {
        "any": lambda w: True,
        "start": lambda w: w[:2] == first[:2],
        "rhyme": lambda w: sounds("rhymes").get(w) == sounds("rhymes").get(first, "-"),
        "length": lambda w: len(w) == len(first),
        "inside": lambda w: w in first or first in w,
    }
    for _ in range(300):
        second = draw.pick(words)
        if second != first and tests[how](second):
            return first, second
    return first, draw.pick(words)


def _two(draw: Draw, layout: Params) -> Value:
    first, second = _relation(draw)
    if draw.chance(0.5):
        first, second = second, first
    return Value((first, second), layout["shape"].format(first, second))


_SHAPES = ("{}, {}", "{} {}", "{} / {}", "{} | {}", "{} - {}", "{}\n{}", "{}; {}", '"{}" "{}"', "{} vs {}", "({}, {})")


def _labelled(draw: Draw, layout: Params) -> Value:
    word = draw.pick(table("words" if layout["any"] else "nouns"))
    return Value(word, layout["shape"].format(word))


_LABELS = ("word: {}", "term={}", "input: {}", "- {}", "[{}]", '"{}"', "<{}>", "> {}", "1. {}", "{};", "text = '{}'")

INPUTS = (
    InputType(
        "labelled word",
        "word",
        "a line with one word",
        "the word",
        _labelled,
        lambda d: {"shape": d.pick(_LABELS), "any": d.chance(0.6)},
    ),
    InputType("noun", "noun", "a noun", "the noun", _noun),
    InputType("plural noun", "plural", "a plural noun", "the noun", _plural),
    InputType("verb", "verb", "a verb", "the verb", _one(lambda: vocabulary("verbs"))),
    InputType("inflected verb", "verb form", "an inflected verb", "the verb", _form, lambda _: {"forms": (0, 1, 2, 3)}),
    InputType("verb form", "verb form", "a verb form", "the verb form", _form, lambda _: {"forms": (0, 2, 2)}),
    InputType("adjective", "adjective", "an adjective", "the adjective", _one(lambda: vocabulary("adjectives"))),
    InputType(
        "comparative", "adjective form", "a comparative", "the word", _one(lambda: tuple(inverse("comparatives")))
    ),
    InputType("adverb", "adjective form", "an adverb", "the adverb", _one(lambda: tuple(inverse("adverbs")))),
    InputType("two words", "two words", "two words", "the two words", _two, picked(shape=_SHAPES)),
    InputType(
        "labelled pair",
        "two words",
        "a line with two words, A and B",
        "the pair",
        _two,
        picked(shape=("A: {} B: {}", "A={}, B={}", "a) {} b) {}", "A) {}\nB) {}")),
    ),
)
