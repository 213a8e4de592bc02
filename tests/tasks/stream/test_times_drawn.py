"""Operations on dates, times and amounts draw enough different rows on each input type, always the same."""

import pytest

from genlora.tasks.stream import _registry
from genlora.tasks.stream._forms import BARE
from genlora.tasks.stream._spec import Draw, Spec
from genlora.tasks.stream.operations import ALL_CLASSIFIERS, ALL_CONDITIONS, ALL_OPERATIONS

TRIES = 20
"""Layouts and parameters are drawn apart: not every pair has rows, and a spec that has none is drawn anew."""
NEVER = {
    ("date.to iso", "date iso"),
    ("date.to dotted", "date dotted"),
    ("date.to british", "date british"),
    ("date.to long", "date long"),
    ("date.to american long", "date american long"),
    ("date.to compact", "date compact"),
    ("date.to hyphens", "date hyphens"),
    ("duration.h min", "duration h min"),
    ("duration.hh:mm:ss", "duration seconds"),
    ("duration.iso", "duration iso"),
    ("duration.tight", "duration tight"),
    ("money.to symbol", "money symbol"),
    ("money.to code after", "money code after"),
    ("money.to code before", "money code before"),
    ("money.short", "money short symbol"),
    ("money.cents part", "money name"),
    ("money.cents part", "money thousands"),
    ("label.money whole", "money name"),
    ("label.money whole", "money thousands"),
    ("label.span crosses month", "date span short"),
    ("label.hours longer", "opening hours"),
}
"""There is nothing to rewrite, or one answer to everything."""
_TABLES = (*ALL_OPERATIONS, *ALL_CONDITIONS, *ALL_CLASSIFIERS)
_MINE = ("times", "quantities", "_bands", "_filters", "_work")


def _module(thing):
    work = getattr(thing, "do", None) or getattr(thing, "test", None) or thing.classify
    return work.__module__.removeprefix("genlora.tasks.stream.operations.")


NAMES = sorted({t.name if hasattr(t, "do") else f"label.{t.name}" for t in _TABLES if _module(t).startswith(_MINE)})


def drawn(name, type_name, attempt):
    operation, kind = _registry.operations()[name], _registry.input_types()[type_name]
    draw = Draw(f"{name} {type_name} {attempt}")
    layout, params = kind.layout(draw), operation.params(draw)
    return Spec(0, 0, "train", operation, kind, layout, params, BARE, {}, f"test {name} {attempt}")


def has_rows(name, kind):
    for attempt in range(TRIES):
        rows = drawn(name, kind, attempt).rows(10)
        if len(rows) == 10 and len({r.output for r in rows}) >= 2:
            return True
    return False


def test_there_are_as_many_as_promised():
    assert len(NAMES) > 500


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_draws_rows_on_each_of_its_input_types(name):
    for kind in _registry.types_of(_registry.operations()[name].on):
        if (name, kind.name) not in NEVER:
            assert has_rows(name, kind.name), f"{name} draws no ten rows with two answers on {kind.name}"


@pytest.mark.parametrize("name", NAMES[::9])
def test_rows_and_descriptions_are_the_same_each_time(name):
    kind = _registry.types_of(_registry.operations()[name].on)[0].name
    first, second = drawn(name, kind, 1), drawn(name, kind, 1)
    assert first.rows(10) == second.rows(10)
    assert [first.description(i) for i in range(5)] == [second.description(i) for i in range(5)]


@pytest.mark.parametrize("name", NAMES)
def test_no_slot_is_left_open_and_no_phrase_ends_in_a_quote(name):
    operation = _registry.operations()[name]
    params = operation.params(Draw(name))
    for said in (*operation.phrases.say, *operation.phrases.noun, *operation.phrases.ask):
        text = said.format(**params, the="it", a="a thing")
        assert "{" not in text and not text.endswith('"'), text
