"""Every operation on words, lists and facts makes rows on its input types, the same ones every time."""

import pytest

from genlora.tasks._draw import Draw
from genlora.tasks.stream import spec
from genlora.tasks.stream._labels import classifier_label, condition_label, condition_lists
from genlora.tasks.stream._registry import types_of
from genlora.tasks.stream._spec import _make
from genlora.tasks.stream.operations.facts import _geography as _geography
from genlora.tasks.stream.operations.facts import _geography_lists as _geography_lists
from genlora.tasks.stream.operations.facts import _lookups as _lookups
from genlora.tasks.stream.operations.facts import _places as _places
from genlora.tasks.stream.operations.facts import _translations as _translations
from genlora.tasks.stream.operations.lists import _checklists as _checklists
from genlora.tasks.stream.operations.lists import _edits as _list_edits
from genlora.tasks.stream.operations.lists import _item as _list_and_item
from genlora.tasks.stream.operations.lists import _kinds as _kinds
from genlora.tasks.stream.operations.lists import _letters as _list_letters
from genlora.tasks.stream.operations.lists import _repeats as _repeats
from genlora.tasks.stream.operations.lists import _sequences as _sequences
from genlora.tasks.stream.operations.lists import _sets as _sets
from genlora.tasks.stream.operations.lists import _votes as _votes
from genlora.tasks.stream.operations.texts import _clauses as _clauses
from genlora.tasks.stream.operations.words import _alphabets as _alphabets
from genlora.tasks.stream.operations.words import _morphology as _morphology
from genlora.tasks.stream.operations.words import _pairs as _word_pairs
from genlora.tasks.stream.operations.words import _short as _short
from genlora.tasks.stream.operations.words import _slices as _slices
from genlora.tasks.stream.operations.words import _tests as _word_tests
from genlora.tasks.stream.operations.words import _verb_forms as _verb_forms

MODULES = (
    _alphabets,
    _checklists,
    _clauses,
    _geography,
    _geography_lists,
    _kinds,
    _list_and_item,
    _list_edits,
    _list_letters,
    _lookups,
    _morphology,
    _places,
    _repeats,
    _sequences,
    _sets,
    _short,
    _slices,
    _translations,
    _verb_forms,
    _votes,
    _word_pairs,
    _word_tests,
)
TRIES = 12
"""A layout may have nothing to ask about, as when the list's vocabulary lacks the letter in question."""


def operations_of(module):
    yield from module.OPERATIONS
    for condition in module.CONDITIONS:
        yield condition_label(condition)
        yield from condition_lists(condition)
    yield from map(classifier_label, module.CLASSIFIERS)


def made(operation, kind):
    for i in range(TRIES):
        found = _make(Draw(f"{operation.name} {kind.name} {i}"), 0, i, "train", operation, (kind,), None)
        if found is not None:
            return found
    return None


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_every_operation_works_on_its_input_types(module):
    missing = []
    for operation in operations_of(module):
        types = types_of(operation.on)
        assert types, operation.name
        for kind in types:
            found = made(operation, kind)
            if found is None:
                missing.append((operation.name, kind.name))
                continue
            rows = found.rows(10)
            assert len(rows) == 10 and len({r.output for r in rows}) >= 2
            assert all(len(r.input) <= 240 and 0 < len(r.output) <= 90 for r in rows)
            assert "{" not in found.operation.phrases.noun[0].format(**found.params, the="it", a="it")
            assert rows == found.rows(10) and found.description() == found.description()
    assert not missing


def test_specs_are_the_same_every_time():
    again = [spec(3, n) for n in range(8)]
    assert [s.description(1) for s in again] == [spec(3, n).description(1) for n in range(8)]
