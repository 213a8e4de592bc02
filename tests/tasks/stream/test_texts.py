"""Running text: right answers on hand-written inputs (texts.json), and frames that say what their slots promise."""

import json
from pathlib import Path

import pytest

from genlora.tasks import Draw
from genlora.tasks.stream import operations
from genlora.tasks.stream._parts import Value
from genlora.tasks.stream.inputs.texts import _MODULES as _INPUTS
from genlora.tasks.stream.inputs.texts import _frames as _texts_frames
from genlora.tasks.stream.inputs.texts import _people as _texts_people
from genlora.tasks.stream.operations import ALL_CLASSIFIERS, ALL_CONDITIONS
from genlora.tasks.stream.operations.office import _MODULES as _OFFICE
from genlora.tasks.stream.operations.texts import _MODULES as _TEXTS
from genlora.tasks.stream.operations.texts import _parts as _texts_parts

_TABLE = json.loads((Path(__file__).parent / "texts.json").read_text(encoding="utf-8"))
_MINE = [m for m in (*_TEXTS, *_OFFICE) if not m.__name__.endswith(("_clauses", "_phones"))]
_TYPES = [t for m in _INPUTS if not m.__name__.endswith("_clauses") for t in m.INPUTS]
_CONDITIONS = {c.name: c for c in ALL_CONDITIONS}
_CLASSIFIERS = {c.name: c for c in ALL_CLASSIFIERS}


def _sample(kind: str) -> Value:
    text, data = _TABLE["samples"][kind]
    raw = {k: tuple(v) if isinstance(v, list) else v for k, v in data["raw"].items()}
    return Value({**data, "raw": raw}, text)


@pytest.mark.parametrize("row", _TABLE["answers"], ids=lambda row: row[0])
def test_the_answer_is_right(row):
    name, kind, wanted, params = (*row, {})[:4]
    operation = operations()[name]
    assert f"{kind} text" in operation.on
    assert operation.do(_sample(kind), params) == wanted


@pytest.mark.parametrize("row", _TABLE["properties"], ids=lambda row: row[0])
def test_the_property_is_right(row):
    name, kind, wanted, params = (*row, {})[:4]
    if name in _CONDITIONS:
        assert _CONDITIONS[name].test(_sample(kind), params) is wanted
    else:
        assert _CLASSIFIERS[name].classify(_sample(kind), params) == wanted


def test_every_operation_and_property_has_a_hand_written_answer():
    assert {row[0] for row in _TABLE["answers"]} == {o.name for m in _MINE for o in m.OPERATIONS}
    made = {c.name for m in _MINE for c in (*m.CONDITIONS, *m.CLASSIFIERS)}
    assert {row[0] for row in _TABLE["properties"]} == made


@pytest.mark.parametrize(
    ("name", "kind", "params"),
    [
        ("people.swap", "stock", {}),
        ("when.month name", "payment", {}),
        ("when.short day", "transfer", {}),
        ("tense.past", "clause", {}),
        ("review.liked", "opinion", {}),
        ("payment.put payer", "payment", {"name": "Tom"}),
        ("text.before comma", "clause", {}),
        ("text.first words", "chat", {"n": 1}),
        ("text.without word", "clause", {"word": "the"}),
        ("text.no punctuation", "chat log", {}),
        ("sentence.first", "clause", {}),
    ],
)
def test_without_one_right_answer_there_is_none(name, kind, params):
    try:
        found = operations()[name].do(_sample(kind), params)
    except (KeyError, TypeError, ValueError):
        found = None  # not an input of this operation
    assert found is None


def test_names_are_not_parts_of_each_other():
    for table in ("first names", "cities"):
        names = _texts_frames.texts(table)
        assert not [(a, b) for a in names for b in names if a != b and a in b]


def test_times_and_days_are_written_in_their_style():
    assert _texts_frames.written_time(870, "24") == "14:30"
    assert _texts_frames.written_time(870, "12") == "2:30 pm"
    assert _texts_frames.written_time(0, "12") == "12 am"
    assert _texts_frames.with_an("He is a engineer at a shop.") == "He is an engineer at a shop."
    for style in ("weekday", "short", "day month", "month day", "iso"):
        written, meant = _texts_frames.written_day(Draw("x"), style)
        assert written
        assert isinstance(meant, int) == (style in ("weekday", "short"))


def test_sentences_agree_with_their_subject():
    take = ("take", "takes", "took", "taken")
    said = _texts_people.sentence
    assert said("they", take, "a cup", "", "present", plural=True) == "They take a cup."
    assert said("she", take, "a cup", " at noon", "present", plural=False) == "She takes a cup at noon."


def test_words_are_exchanged_whole():
    assert _texts_parts.exchanged("Ben called Anna.", "Ben", "Anna") == "Anna called Ben."
    assert _texts_parts.exchanged("Ben and Ben", "Ben", "Anna") is None


@pytest.mark.parametrize("kind", _TYPES, ids=lambda t: t.name)
def test_every_slot_stands_in_the_text(kind):
    draw = Draw(f"slots of {kind.name}")
    for _ in range(5):
        layout = kind.layout(draw)
        for _ in range(20):
            value = kind.draw(draw, layout)
            if value is None:
                continue
            assert len(value.text) <= 240
            assert "{" not in value.text
            for slot in value.data.get("order", ()):
                assert value.data["slots"][slot].lower() in value.text.lower()
