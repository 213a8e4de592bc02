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
    Operation(
        "form.past",
        _VERB,
        "word",
        _verb(0),
        (
            "give the past tense of {the}",
            "put {the} into the simple past",
            "write {the} as if it happened yesterday: the past form only",
            "conjugate {the} for last week (he ...)",
        ),
        ("the simple past of {the}", "the past tense form"),
        ("what is the past tense of {the}?",),
    ),
    Operation(
        "form.participle",
        _VERB,
        "word",
        _verb(1),
        (
            "give the past participle of {the}",
            'write the form of {the} that follows "has"',
            "make a status word of it: the past participle",
        ),
        ("the past participle of {the}", 'the form used after "have"'),
        ("what is the past participle of {the}?",),
    ),
    Operation(
        "form.ing",
        _VERB,
        "word",
        _verb(2),
        (
            "give the -ing form of {the}",
            "write {the} with the ending -ing, spelled correctly",
            "turn {the} into its present participle",
            "make a progress message of it: only the word in -ing",
        ),
        ("the -ing form of {the}", "the present participle of {the}"),
        ("how is {the} spelled with -ing?",),
    ),
    Operation(
        "form.third",
        _VERB,
        "word",
        _verb(3),
        (
            "give the third person singular of {the}",
            'conjugate {the} for "she" in the present tense, without the pronoun',
            "write {the} as in he ... every day",
        ),
        ("the third person singular of {the}", "the present form for he, she or it"),
        ("which form of {the} goes with he or she?",),
    ),
    Operation(
        "form.infinitive to",
        ("verb", "verb form"),
        "text",
        lambda v, p: f"to {v.data}" if v.data in verbs(0) else None if (b := _base(v, p)) is None else f"to {b}",
        (
            'write the infinitive with "to"',
            "give {the} as a dictionary lists it, with to in front",
            "say it as to and the base form",
        ),
        ('the infinitive of {the} with "to"', "the to-infinitive"),
        ("what is the infinitive, with to?",),
    ),
    Operation(
        "form.base",
        ("verb form",),
        "word",
        _base,
        (
            "give the base form of {the}",
            "reduce {the} to its infinitive without to",
            "lemmatise {the}",
            "write the entry under which a dictionary has it",
        ),
        ("the base form of {the}", "the infinitive without to", "the lemma of {the}"),
        ("which verb is this a form of?",),
    ),
    Operation(
        "form.to past",
        ("verb form",),
        "word",
        _between(0),
        (
            "change {the} to the simple past",
            "put it into the past tense, one word",
            "write what happened yesterday: the past form of this verb",
        ),
        ("the simple past of the same verb", "its past tense"),
        ("what is the simple past of this verb?",),
    ),
    Operation(
        "form.to ing",
        ("verb form",),
        "word",
        _between(2),
        ("change {the} to the form in -ing", "write the same verb with -ing", "turn it into the present participle"),
        ("the -ing form of the same verb", "its present participle"),
        ("which -ing form does this verb have?",),
    ),
    Operation(
        "form.to third",
        ("verb form",),
        "word",
        _between(3),
        (
            "change {the} to the present tense for he or she",
            "write the same verb in the third person singular present",
            "put it into the present: the form with -s",
        ),
        ("the third person present of the same verb", "its present form with -s"),
        ("which form goes with he or she in the present?",),
    ),
    Operation(
        "form.will",
        _VERB,
        "text",
        lambda v, _: f"will {v.data}" if v.data in verbs(0) else None,
        ('put {the} into the future with "will"', "write {the} as a promise: will and the verb", "make it future"),
        (
            "the future of {the} with will",
            "will and {the}",
        ),
        ("how does {the} look in the future with will?",),
    ),
    Operation(
        "form.did not",
        _VERB,
        "text",
        lambda v, _: f"did not {v.data}" if v.data in verbs(0) else None,
        (
            'negate {the} in the past: "did not" and the verb',
            "say that it did not happen (did not ...)",
            "write the negative simple past of {the}, without contraction",
        ),
        (
            "the negated past of {the}, written out in full",
            '"did not" and the verb',
        ),
        ("how do you say in the past that it did not happen (did not ...)?",),
    ),
    Operation(
        "form.perfect",
        _VERB,
        "text",
        _verb(1, "has {}"),
        (
            'put {the} into the present perfect with "has"',
            "write has and the participle of {the}",
            "say that he has just done it: has and the participle",
        ),
        ("the present perfect of {the} for he or she, without the pronoun", "has and the participle of {the}"),
        ("what follows he in the present perfect?",),
    ),
    Operation(
        "form.progressive",
        _VERB,
        "text",
        _verb(2, "is {}"),
        (
            'say that it is going on now: "is" and the -ing form',
            "put {the} into the present continuous (is ...-ing)",
            "write {the} as a status: is and the form in -ing",
        ),
        (
            "the present continuous of {the} with is",
            "is and the -ing form",
        ),
        ("how does {the} look in the present continuous, beginning with is?",),
    ),
    Operation(
        "form.which ending",
        ("verb form",),
        "word",
        lambda v, _: "-ing" if v.data.endswith("ing") else "-ed" if v.data.endswith("ed") else None,
        (
            "say which ending the verb has: -ing or -ed",
            "write its ending, -ed or -ing, with the hyphen",
            "tell whether the verb is written with -ing or with -ed at the end",
        ),
        (
            "the ending of {the}: -ed or -ing",
            "-ing or -ed, as {the} ends",
        ),
        ("does it end in -ing or in -ed?",),
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
