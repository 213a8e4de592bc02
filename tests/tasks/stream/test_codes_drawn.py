"""Every operation on records and codes draws enough different rows on each of its input types, always the same."""

import pytest

from genlora.tasks.stream import _registry
from genlora.tasks.stream._forms import BARE
from genlora.tasks.stream._spec import Draw, Spec
from genlora.tasks.stream.operations import ALL_CLASSIFIERS, ALL_CONDITIONS, ALL_OPERATIONS

_TABLES = (*ALL_OPERATIONS, *ALL_CONDITIONS, *ALL_CLASSIFIERS)
_MINE = ("_codes", "_records", "_rows", "_parts_of", "_shapes")


def _module(thing):
    work = getattr(thing, "do", None) or getattr(thing, "test", None) or thing.classify
    return work.__module__.rpartition(".")[2]


NAMES = sorted({t.name if hasattr(t, "do") else f"label.{t.name}" for t in _TABLES if _module(t).startswith(_MINE)})


def drawn(name, type_name, attempt):
    operation, kind = _registry.operations()[name], _registry.input_types()[type_name]
    draw = Draw(f"{name} {type_name} {attempt}")
    layout, params = kind.layout(draw), operation.params(draw)
    return Spec(0, 0, "train", operation, kind, layout, params, BARE, {}, f"test {name} {attempt}")


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_draws_rows_on_each_of_its_input_types(name):
    for kind in _registry.types_of(_registry.operations()[name].on):
        for attempt in range(12):
            rows = drawn(name, kind.name, attempt).rows(10)
            if len(rows) == 10 and len({r.output for r in rows}) >= 2:
                break
        else:
            pytest.fail(f"{name} draws no ten rows with two answers on {kind.name}")


@pytest.mark.parametrize("name", NAMES[::7])
def test_rows_and_descriptions_are_the_same_each_time(name):
    kind = _registry.types_of(_registry.operations()[name].on)[0].name
    first, second = drawn(name, kind, 1), drawn(name, kind, 1)
    assert first.rows(10) == second.rows(10)
    assert [first.description(i) for i in range(5)] == [second.description(i) for i in range(5)]


@pytest.mark.parametrize("name", NAMES)
def test_no_slot_is_left_open_in_a_description(name):
    operation = _registry.operations()[name]
    params = operation.params(Draw(name))
    for said in (*operation.phrases.say, *operation.phrases.noun, *operation.phrases.ask):
        assert "{the}" not in said.format(**params, the="it", a="a thing")
