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
