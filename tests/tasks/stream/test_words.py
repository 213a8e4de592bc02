"""Inflection, lists of words and what is asked of them: right answers, written by hand."""

import pytest

from genlora.tasks.stream._lexicon import inverse, is_a
from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations


def answer(name, data, **params):
    text = data if isinstance(data, str) else ", ".join(map(str, data))
    return operations()[name].do(Value(data, text), params)


@pytest.mark.parametrize(
    ("name", "word", "right"),
    [
        ("form.plural", "knife", "knives"),
        ("form.plural", "milk", None),
        ("form.singular", "teeth", "tooth"),
        ("form.article", "engine", "an engine"),
        ("form.article", "uniform", None),
        ("form.which article", "window", "a"),
        ("form.the plural", "box", "the boxes"),
        ("form.two", "leaf", "two leaves"),
        ("form.one of", "wolves", "one wolf"),
        ("form.possessive", "driver", "the driver's"),
        ("form.comparative", "happy", "happier"),
        ("form.than", "good", "better than"),
        ("form.positive", "slowly", "slow"),
        ("form.positive", "bigger", "big"),
        ("form.adverb", "easy", "easily"),
        ("form.opposite prefix", "regular", "irregular"),
        ("form.past", "teach", "taught"),
        ("form.participle", "write", "written"),
        ("form.ing", "stop", "stopping"),
        ("form.third", "carry", "carries"),
        ("form.third", "table", None),
        ("form.infinitive to", "went", "to go"),
        ("form.base", "found", "find"),
        ("form.to past", "swimming", "swam"),
        ("form.to ing", "sold", "selling"),
        ("form.to third", "went", "goes"),
        ("form.will", "begin", "will begin"),
        ("form.did not", "arrive", "did not arrive"),
        ("form.perfect", "break", "has broken"),
        ("form.progressive", "plan", "is planning"),
        ("form.which ending", "running", "-ing"),
        ("form.which ending", "went", None),
        ("form.plural each", ("knife", "box"), "knives, boxes"),
        ("form.article each", ("engine", "lamp"), "an engine, a lamp"),
    ],
)
def test_inflection(name, word, right):
    assert answer(name, word) == right


def test_a_form_that_two_words_share_has_no_single_base():
    assert "bases" not in inverse("plurals") or inverse("plurals")["bases"] == "basis"


@pytest.mark.parametrize(
    ("noun", "kind", "held"),
    [("dog", "animal", True), ("hammer", "animal", False), ("salmon", "food", None), ("Paris", "animal", None)],
)
def test_kinds_of_nouns(noun, kind, held):
    assert is_a(noun, kind) is held


THINGS = ("hammer", "zebra", "chair", "wolf", "saw")


@pytest.mark.parametrize(
    ("name", "kind", "right"),
    [
        ("kind.pick", "furniture", "chair"),
        ("kind.pick", "animal", None),
        ("kind.all", "animal", "zebra, wolf"),
        ("kind.others", "tool", "zebra, chair, wolf"),
        ("kind.count", "tool", "2"),
        ("kind.count", "vehicle", "0"),
        ("kind.first", "animal", "zebra"),
        ("kind.last", "tool", "saw"),
        ("kind.position", "furniture", "3"),
        ("kind.replace", "furniture", "hammer, zebra, XXX, wolf, saw"),
        ("kind.to front", "animal", "zebra, wolf, hammer, chair, saw"),
        ("kind.to back", "tool", "zebra, chair, wolf, hammer, saw"),
    ],
)
def test_things_by_kind(name, kind, right):
    assert answer(name, THINGS, kind=kind, new="XXX") == right


def test_odd_one_out():
    assert answer("kind.odd one out", ("shirt", "truck", "scarf", "skirt")) == "truck"
    assert answer("kind.without odd one", ("shirt", "truck", "scarf", "skirt")) == "shirt, scarf, skirt"
    assert answer("kind.odd position", ("shirt", "truck", "scarf", "skirt")) == "2"
    assert answer("kind.odd one out", ("shirt", "truck", "scarf", "bus")) is None


def test_category_of_a_noun():
    assert answer("kind.name", "violin", kinds=("animal", "musical instrument", "tool")) == "musical instrument"
    assert answer("label.shop department", "sofa", labels={"food": "A", "clothing": "B", "furniture": "C"}) == "C"


@pytest.mark.parametrize(
    ("name", "data", "right"),
    [
        ("label.kind", "zebra", "y"),
        ("label.kind", "chair", "n"),
        ("label.not kind", "chair", "y"),
        ("label.same kind", ("wolf", "zebra"), "y"),
        ("label.same kind", ("wolf", "chair"), "n"),
        ("label.list has kind", ("hammer", "chair"), "n"),
        ("label.takes an", "engine", "y"),
        ("label.irregular verb", "go", "y"),
        ("label.in -ing", "went", "n"),
        ("label.is form", ("boxes", "box"), "y"),
        ("label.is form", ("boxes", "saw"), "n"),
    ],
)
def test_yes_and_no(name, data, right):
    assert answer(name, data, kind="animal", Y="y", N="n") == right
