"""Clauses rewritten, and yes-or-no questions about the letters of words. Right answers, written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.texts._clauses import Clause

THEY = Value(Clause("our clients", "write", "a letter", past=False), "Our clients write a letter.")
SHE = Value(Clause("she", "take", "the train", past=True), "She took the train.")


def answer(name, value, **params):
    return operations()[name].do(value, params)


@pytest.mark.parametrize(
    ("name", "they", "she"),
    [
        ("clause.past", "Our clients wrote a letter.", None),
        ("clause.present", None, "She takes the train."),
        ("clause.future", "Our clients will write a letter.", "She will take the train."),
        ("clause.progressive", "Our clients are writing a letter.", "She is taking the train."),
        ("clause.perfect", "Our clients have written a letter.", "She has taken the train."),
        ("clause.negative", "Our clients do not write a letter.", "She did not take the train."),
        ("clause.contracted", "Our clients don't write a letter.", "She didn't take the train."),
        ("clause.modal", "Our clients must write a letter.", "She must take the train."),
        ("clause.subject to", "I write a letter.", "I took the train."),
        ("clause.order", "Write a letter.", "Take the train."),
        ("clause.infinitive", "to write a letter", "to take the train"),
        ("clause.subject", "Our clients", "She"),
        ("clause.object", "a letter", "the train"),
        ("clause.verb", "write", "took"),
        ("clause.base verb", "write", "take"),
        ("clause.without subject", "write a letter", "took the train"),
        ("label.clause is past", "n", "y"),
        ("label.clause third person", "n", "y"),
        ("label.clause indefinite object", "y", "n"),
    ],
)
def test_clauses(name, they, she):
    params = {"modal": "must", "who": "I", "Y": "y", "N": "n"}
    assert answer(name, THEY, **params) == they
    assert answer(name, SHE, **params) == she


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("exact length", "y"),
        ("length range", "y"),
        ("after word", "n"),
        ("before word", "y"),
        ("longer than word", "y"),
        ("shares initial", "n"),
        ("contains pair", "y"),
        ("ending", "y"),
        ("initial range", "y"),
        ("both letters", "n"),
        ("either letter", "y"),
        ("vowel end", "n"),
        ("vowel second", "y"),
        ("many vowels", "y"),
        ("all different letters", "n"),
    ],
)
def test_letters_of_a_word(name, right):
    params = {"n": 6, "more": 7, "other": "lamp", "pair": "ar", "ending": "et", "from": "a", "to": "d"}
    more = {"first": "r", "second": "z", "Y": "y", "N": "n"}
    if name == "many vowels":
        params["n"] = 2
    if name == "all different letters":
        assert answer(f"label.{name}", Value("carpet", "carpet"), **more) == "y"
        assert answer(f"label.{name}", Value("carrot", "carrot"), **more) == right
        return
    assert answer(f"label.{name}", Value("carpet", "carpet"), **params, **more) == right
