"""Short clauses rewritten: tense, person, negation, modal verbs; and their parts."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._lexicon import verbs
from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.texts._clauses import PRONOUNS, Clause, is_third, present, said

_ON = ("clause",)
_MODALS = ("can", "must", "should", "may", "might", "could")


def _be(subject: str) -> str:
    return "am" if subject == "I" else "is" if is_third(subject) else "are"


def _have(subject: str) -> str:
    return "has" if is_third(subject) else "have"


def _part(work: Callable[[Clause], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _said(middle: Callable[[Clause, Params], str | None]) -> Callable[[Value, Params], str | None]:
    """The clause with another verb group and a full stop."""

    def do(value: Value, p: Params) -> str | None:
        c: Clause = value.data
        found = middle(c, p)
        return None if found is None else said(c.subject, found, c.rest, ".")

    return do


def _negative(c: Clause, _: Params) -> str:
    helper = "did" if c.past else "does" if c.third else "do"
    return f"{helper} not {c.verb}"


def _contracted(c: Clause, _: Params) -> str:
    helper = "didn't" if c.past else "doesn't" if c.third else "don't"
    return f"{helper} {c.verb}"


def _person(draw: Draw) -> Params:
    who = draw.pick(PRONOUNS)
    return {"who": who, "Who": who[0].upper() + who[1:]}


def _other_subject(value: Value, p: Params) -> str | None:
    c: Clause = value.data
    if c.subject == p["who"]:
        return None
    form = verbs(0)[c.verb] if c.past else present(c.verb, p["who"])
    return said(p["who"], form, c.rest, ".")


OPERATIONS = (
    Operation("clause.past", _ON, "text", _said(lambda c, _: None if c.past else verbs(0)[c.verb])),
    Operation("clause.present", _ON, "text", _said(lambda c, _: present(c.verb, c.subject) if c.past else None)),
    Operation("clause.future", _ON, "text", _said(lambda c, _: f"will {c.verb}")),
    Operation("clause.progressive", _ON, "text", _said(lambda c, _: f"{_be(c.subject)} {verbs(2)[c.verb]}")),
    Operation("clause.perfect", _ON, "text", _said(lambda c, _: f"{_have(c.subject)} {verbs(1)[c.verb]}")),
    Operation("clause.negative", _ON, "text", _said(_negative)),
    Operation("clause.contracted", _ON, "text", _said(_contracted)),
    Operation(
        "clause.modal",
        _ON,
        "text",
        _said(lambda c, p: f"{p['modal']} {c.verb}"),
        params=picked(modal=_MODALS),
    ),
    Operation("clause.subject to", _ON, "text", _other_subject, params=_person),
    Operation("clause.order", _ON, "text", _part(lambda c: f"{c.verb.capitalize()} {c.rest}.")),
    Operation("clause.infinitive", _ON, "text", _part(lambda c: f"to {c.verb} {c.rest}")),
    Operation("clause.subject", _ON, "text", _part(lambda c: c.subject[0].upper() + c.subject[1:])),
    Operation("clause.object", _ON, "text", _part(lambda c: c.rest)),
    Operation(
        "clause.verb",
        _ON,
        "word",
        lambda v, _: verbs(0)[v.data.verb] if v.data.past else present(v.data.verb, v.data.subject),
    ),
    Operation("clause.base verb", _ON, "word", _part(lambda c: c.verb)),
    Operation(
        "clause.without subject",
        _ON,
        "text",
        lambda v, _: f"{verbs(0)[v.data.verb] if v.data.past else present(v.data.verb, v.data.subject)} {v.data.rest}",
    ),
)

CONDITIONS = (
    Condition(
        "clause is past",
        _ON,
        lambda v, _: v.data.past,
        ("{the} is in the past tense", "it tells of something past"),
        ("{the} is in the present tense", "it tells of something present"),
    ),
    Condition(
        "clause third person",
        _ON,
        lambda v, _: v.data.third,
        ("the subject is one person other than I and you", "the subject could be replaced by he or she"),
        ("the subject is I, you or more than one person", "the subject could not be replaced by he or she"),
    ),
    Condition(
        "clause indefinite object",
        _ON,
        lambda v, _: v.data.rest.startswith(("a ", "an ")),
        ("the object has the article a or an", "a or an stands after the verb"),
        ("the object has neither a nor an", "no a or an stands after the verb"),
    ),
)


def _who(value: Value, _: Params) -> str:
    subject = value.data.subject
    return "first" if subject in ("I", "we") else "second" if subject == "you" else "third"


CLASSIFIERS = (
    Classifier(
        "clause person",
        _ON,
        _who,
        {
            "first": "the subject is I or we",
            "second": "the subject is you",
            "third": "the subject is somebody else",
        },
        "the grammatical person of the subject",
        {"first": "1", "second": "2", "third": "3"},
    ),
)
