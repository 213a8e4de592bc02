"""Short clauses rewritten: tense, person, negation, modal verbs; and their parts."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._lexicon import verbs
from ..._parts import Classifier, Condition, Operation, Params, Value
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
    Operation(
        "clause.past",
        _ON,
        "text",
        _said(lambda c, _: None if c.past else verbs(0)[c.verb]),
        (
            "put {the} into the simple past, with a full stop",
            "rewrite {the} as if it happened yesterday (full stop at the end)",
            "change the tense from present to past and end with a full stop",
        ),
        ("{the} in the simple past, with a full stop", "the past version of {the}, ending in a full stop"),
        ("how does {the} read in the past tense, with a full stop?",),
    ),
    Operation(
        "clause.present",
        _ON,
        "text",
        _said(lambda c, _: present(c.verb, c.subject) if c.past else None),
        (
            "put {the} into the simple present, with a full stop",
            "rewrite {the} as something that happens regularly (full stop at the end)",
            "change the tense from past to present and end with a full stop",
        ),
        ("{the} in the simple present, with a full stop", "the present version of {the}, ending in a full stop"),
        ("how does {the} read in the present tense, with a full stop?",),
    ),
    Operation(
        "clause.future",
        _ON,
        "text",
        _said(lambda c, _: f"will {c.verb}"),
        (
            "put {the} into the future with will, with a full stop",
            "turn {the} into a forecast: use will (full stop at the end)",
            "rewrite it for next week, with will and a full stop",
        ),
        ("{the} in the future with will and a full stop",),
        ("how does {the} read with will, ending in a full stop?",),
    ),
    Operation(
        "clause.progressive",
        _ON,
        "text",
        _said(lambda c, _: f"{_be(c.subject)} {verbs(2)[c.verb]}"),
        (
            "say that it is going on right now: am, is or are with -ing, and a full stop",
            "put {the} into the present continuous, with a full stop",
            "turn {the} into a status update (is ...-ing), ending in a full stop",
        ),
        ("{the} in the present continuous, with a full stop",),
        ("how does {the} read in the present continuous, with a full stop?",),
    ),
    Operation(
        "clause.perfect",
        _ON,
        "text",
        _said(lambda c, _: f"{_have(c.subject)} {verbs(1)[c.verb]}"),
        (
            "put {the} into the present perfect, with a full stop",
            "report that it has been done: has or have with the participle, and a full stop",
            "rewrite {the} with has or have, ending in a full stop",
        ),
        ("{the} in the present perfect, with a full stop",),
        ("how does {the} read in the present perfect, with a full stop?",),
    ),
    Operation(
        "clause.negative",
        _ON,
        "text",
        _said(_negative),
        (
            "negate {the} in the same tense without contractions, with a full stop",
            "say the contrary with do not, does not or did not, ending in a full stop",
            "add a not where grammar wants it; write it out in full, with a full stop",
        ),
        ("the negation of {the} without contractions, with a full stop",),
        ("how is {the} negated without contractions (full stop at the end)?",),
    ),
    Operation(
        "clause.contracted",
        _ON,
        "text",
        _said(_contracted),
        (
            "negate {the} in the same tense with don't, doesn't or didn't, with a full stop",
            "write the negative the way one says it (n't), ending in a full stop",
        ),
        ("the negation of {the} with a contraction and a full stop",),
        ("how is {the} negated with n't (full stop at the end)?",),
    ),
    Operation(
        "clause.modal",
        _ON,
        "text",
        _said(lambda c, p: f"{p['modal']} {c.verb}"),
        (
            'put "{modal}" before the verb, adapt the verb and end with a full stop',
            "rewrite {the} with {modal}, ending in a full stop",
            "add the modal verb {modal} to {the} (full stop at the end)",
        ),
        ('{the} with "{modal}", ending in a full stop',),
        ('how does {the} read with "{modal}", ending in a full stop?',),
        lambda d: {"modal": d.pick(_MODALS)},
    ),
    Operation(
        "clause.subject to",
        _ON,
        "text",
        _other_subject,
        (
            'make "{who}" the subject, adapt the verb and end with a full stop',
            'let {the} begin with "{Who}" instead of its subject (correct verb form, full stop)',
            'rewrite {the} for the person "{who}", keeping the tense, with a full stop',
        ),
        ('{the} with "{who}" as its subject and a full stop',),
        ('how does {the} read with the subject "{who}" and a full stop?',),
        _person,
    ),
    Operation(
        "clause.order",
        _ON,
        "text",
        _part(lambda c: f"{c.verb.capitalize()} {c.rest}."),
        (
            "turn {the} into an order, with a full stop",
            "write the instruction that leads to it: imperative and a full stop",
            "make a to-do of {the}: verb first, full stop at the end",
        ),
        ("{the} as an order, with a full stop", "the imperative, ending in a full stop"),
        ("which order, with a full stop, would make that happen?",),
    ),
    Operation(
        "clause.infinitive",
        _ON,
        "text",
        _part(lambda c: f"to {c.verb} {c.rest}"),
        (
            "reduce {the} to a phrase with to and the infinitive, without the subject and without a full stop",
            "name the task as to ... : the base verb and its object, no full stop",
        ),
        ("the action as to and the infinitive with its object", "the task, beginning with to, no full stop"),
        ("what is the action, as a phrase that begins with to (no full stop)?",),
    ),
    Operation(
        "clause.subject",
        _ON,
        "text",
        _part(lambda c: c.subject[0].upper() + c.subject[1:]),
        (
            "give the subject of {the} as it stands there",
            "say who does it, in the words of {the}",
            "copy the part before the verb",
        ),
        ("the subject of {the}", "the person or people who do it"),
        ("who does it?", "what is the subject of {the}?"),
    ),
    Operation(
        "clause.object",
        _ON,
        "text",
        _part(lambda c: c.rest),
        (
            "give the object of {the} without a full stop",
            "copy the part after the verb, no full stop",
            "write what the action is done to, in the words of {the}",
        ),
        ("the object of {the}", "the part after the verb, without a full stop"),
        ("what is the object of {the}?",),
    ),
    Operation(
        "clause.verb",
        _ON,
        "word",
        lambda v, _: verbs(0)[v.data.verb] if v.data.past else present(v.data.verb, v.data.subject),
        ("give the verb of {the} in the form it has there", "copy the verb only", "extract the word for the action"),
        ("the verb of {the}, as it stands", "the verb form in {the}"),
        ("which word is the verb of {the}?",),
    ),
    Operation(
        "clause.base verb",
        _ON,
        "word",
        _part(lambda c: c.verb),
        (
            "give the verb of {the} in its base form",
            "write the dictionary form of the verb in {the}",
            "find the verb and lemmatise it",
        ),
        ("the base form of the verb in {the}", "the infinitive of the verb, without to"),
        ("what is the base form of the verb in {the}?",),
    ),
    Operation(
        "clause.without subject",
        _ON,
        "text",
        lambda v, _: f"{verbs(0)[v.data.verb] if v.data.past else present(v.data.verb, v.data.subject)} {v.data.rest}",
        (
            "leave out the subject and the full stop, change nothing else",
            "start {the} at its verb and drop the full stop",
            "write the verb and what follows it, without a full stop",
        ),
        ("{the} without its subject and full stop", "the verb and its object"),
        ("what remains of {the} without the subject (no full stop)?",),
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
