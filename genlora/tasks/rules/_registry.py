"""Tasks made by a rule: their examples are drawn from word lists of our own, the same on every machine."""

from functools import cache

from genlora.errors import TaskError

from .._draw import Draw
from .._task import Example
from ._amounts import AMOUNT_RULES
from ._data import Rule
from ._edits import EDIT_RULES
from ._facts import FACT_RULES
from ._grammar import GRAMMAR_RULES
from ._kinds import KIND_RULES
from ._lists import LIST_RULES
from ._numbers import NUMBER_RULES
from ._parts import PART_RULES
from ._sentences import SENTENCE_RULES
from ._strings import STRING_RULES

_RULES: dict[str, Rule] = {
    **NUMBER_RULES,
    **STRING_RULES,
    **SENTENCE_RULES,
    **EDIT_RULES,
    **LIST_RULES,
    **AMOUNT_RULES,
    **KIND_RULES,
    **GRAMMAR_RULES,
    **FACT_RULES,
    **PART_RULES,
}
_DRAWS_PER_EXAMPLE = 60
"""A rule with few distinct inputs is given up on after this many draws for each wanted example."""


def rule_names() -> tuple[str, ...]:
    """Every rule-made task, in alphabetical order."""
    return tuple(sorted(_RULES))


@cache
def _examples(name: str) -> tuple[Example, ...]:
    rule = _RULES[name]
    draw = Draw(f"genlora rule {name}")
    found: dict[str, Example] = {}
    for _ in range(rule.count * _DRAWS_PER_EXAMPLE):
        text, answer = rule.draw(draw)
        found.setdefault(text, Example(text, answer, choices=rule.labels))
        if len(found) == rule.count:
            break
    return tuple(found.values())


def rule_task(name: str) -> list[Example]:
    """The examples of the rule-made task `name`: 400 to 1500, no two with the same input.

    Raises `TaskError` for a name that `rule_names()` does not hold.
    """
    if name not in _RULES:
        raise TaskError(f"no rule-made task is called {name[:80]!r}; expected one of: {', '.join(rule_names())}.")
    return list(_examples(name))
