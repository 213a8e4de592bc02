"""Running text: every operation makes rows on each of its input types, the same ones every time."""

import pytest

from genlora.tasks import Draw
from genlora.tasks.stream import _spec
from genlora.tasks.stream._labels import classifier_label, condition_label
from genlora.tasks.stream._registry import types_of
from genlora.tasks.stream.operations.office import _MODULES as _OFFICE
from genlora.tasks.stream.operations.texts import _MODULES as _TEXTS

_MINE = {n: m for m in (*_TEXTS, *_OFFICE) if (n := m.__name__.rpartition(".")[2]) not in ("_clauses", "_phones")}
_TRIES = 12
"""Specs that are drawn before a layout counts as impossible: some days are dates, some rules fit one answer only."""


def _made(module):
    return [
        *module.OPERATIONS,
        *map(condition_label, module.CONDITIONS),
        *map(classifier_label, module.CLASSIFIERS),
    ]


def _spec_of(operation, kind):
    for number in range(_TRIES):
        draw = Draw(f"{operation.name} on {kind.name} {number}")
        made = _spec._make(draw, 0, number, "train", operation, (kind,), None)
        if made is not None:
            return made
    return None


@pytest.mark.parametrize("name", sorted(_MINE))
def test_every_operation_has_rows_on_each_input_type(name):
    barren = []
    for operation in _made(_MINE[name]):
        assert types_of(operation.on), operation.name
        for kind in types_of(operation.on):
            made = _spec_of(operation, kind)
            if made is None:
                barren.append((operation.name, kind.name))
                continue
            rows = made.rows(10)
            assert len(rows) == 10
            assert len({r.output for r in rows}) > 1
            assert all(0 < len(r.output) <= 90 for r in rows)
    assert not barren


@pytest.mark.parametrize("name", sorted(_MINE))
def test_specs_are_drawn_alike_every_time(name):
    for operation in _made(_MINE[name])[:6]:
        kind = types_of(operation.on)[0]
        one, other = _spec_of(operation, kind), _spec_of(operation, kind)
        assert one is not None
        assert other is not None
        assert one.rows(5) == other.rows(5)
        assert [one.description(i) for i in range(4)] == [other.description(i) for i in range(4)]


@pytest.mark.parametrize("name", sorted(_MINE))
def test_phrases_fill_all_their_slots_and_stand_alone(name):
    for operation in _made(_MINE[name]):
        params = operation.params(Draw(operation.name))
        slots = {**params, "the": "the text", "a": "a text"}
        for phrase in (*operation.phrases.say, *operation.phrases.noun, *operation.phrases.ask):
            said = phrase.format(**slots)
            assert said
            assert not said.endswith(" ")
            assert not said[0].isspace()
        assert len(set(operation.phrases.say)) == len(operation.phrases.say) >= 3
        assert len(set(operation.phrases.noun)) == len(operation.phrases.noun) >= 2
