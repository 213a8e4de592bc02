"""Verb forms: tenses, participles, the base form."""

from collections.abc import Callable, Mapping
from functools import cache

from ..._lexicon import verbs
from ..._parts import Classifier, Condition, Operation, Params, Value

_Do = Callable[[Value, Params], str | None]
_VERB = ("word", "verb")


def _verb(at: int, wrap: str = "{}") -> _Do:
    def do(value: Value, _: Params) -> str | None:
        form = verbs(at).get(value.data)
        return None if form is None else wrap.format(form)

    return do


@cache
def _bases() -> Mapping[str, str]:
    """Every form of a verb to the verb, where only one verb has it."""
    seen: dict[str, set[str]] = {}
    for at in range(4):
        for verb, form in verbs(at).items():
            seen.setdefault(form, set()).add(verb)
    return {form: found.pop() for form, found in seen.items() if len(found) == 1}


def _base(value: Value, _: Params) -> str | None:
    return _bases().get(value.data)


def _between(at: int) -> _Do:
    """From any form of a verb to another."""

    def do(value: Value, _: Params) -> str | None:
        base = _bases().get(value.data)
        form = verbs(at).get(base) if base else None
        return None if form == value.data else form

    return do


OPERATIONS = (
    Operation("form.past", _VERB, "word", _verb(0)),
    Operation("form.participle", _VERB, "word", _verb(1)),
    Operation("form.ing", _VERB, "word", _verb(2)),
    Operation("form.third", _VERB, "word", _verb(3)),
    Operation(
        "form.infinitive to",
        ("verb", "verb form"),
        "text",
        lambda v, p: f"to {v.data}" if v.data in verbs(0) else None if (b := _base(v, p)) is None else f"to {b}",
    ),
    Operation("form.base", ("verb form",), "word", _base),
    Operation("form.to past", ("verb form",), "word", _between(0)),
    Operation("form.to ing", ("verb form",), "word", _between(2)),
    Operation("form.to third", ("verb form",), "word", _between(3)),
    Operation("form.will", _VERB, "text", lambda v, _: f"will {v.data}" if v.data in verbs(0) else None),
    Operation("form.did not", _VERB, "text", lambda v, _: f"did not {v.data}" if v.data in verbs(0) else None),
    Operation("form.perfect", _VERB, "text", _verb(1, "has {}")),
    Operation("form.progressive", _VERB, "text", _verb(2, "is {}")),
    Operation(
        "form.which ending",
        ("verb form",),
        "word",
        lambda v, _: "-ing" if v.data.endswith("ing") else "-ed" if v.data.endswith("ed") else None,
    ),
)


def _irregular(value: Value, _: Params) -> bool | None:
    past = verbs(0).get(value.data)
    return None if past is None else not past.endswith("ed")


CONDITIONS = (
    Condition(
        "irregular verb",
        ("verb",),
        _irregular,
        ("{the} is irregular", "its past tense does not end in -ed"),
        ("{the} is regular", "its past tense ends in -ed"),
    ),
    Condition(
        "in -ing",
        ("verb form",),
        lambda v, _: v.data.endswith("ing"),
        ("{the} is an -ing form", "it ends in -ing"),
        ("{the} is not an -ing form", "it has another ending than -ing"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
