"""Things to do, with a person and a deadline, and simple sentences whose tense can change."""

from collections.abc import Callable

from genlora.tasks import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ...inputs.texts._people import sentence
from ..texts._parts import put, shaped, slot, some_name

_TODO = ("todo text", "check todo text", "ranked todo text")
_CHECK, _RANKED, _CLAUSE = ("check todo text",), ("ranked todo text",), ("clause text", "diary text")
_PRONOUNS = (("we", True), ("they", True), ("she", False), ("he", False), ("you", True))


def _said(value: Value, tense: str) -> str:
    d = value.data
    return sentence(d["subject"], d["verb"], d["object"], d["tail"], tense, plural=d["plural"])


def _into(tense: str) -> Callable[[Value, Params], str | None]:
    """The sentence in another tense; None where it is in this one already."""
    return lambda value, _: None if value.data["tense"] == tense else _said(value, tense)


def _not(value: Value, _: Params) -> str:
    d = value.data
    does = {"past": "did not", "present": "do not" if d["plural"] else "does not", "future": "will not"}[d["tense"]]
    return f"{upper_first(d['subject'])} {does} {d['verb'][0]} {d['object']}{d['tail']}."


def _passive(value: Value, _: Params) -> str | None:
    d = value.data
    several = d["object"].startswith(("two ", "five ", "some ")) or d["object"].endswith(("keys", "chairs"))
    if several or d["tail"]:
        return None
    be = {"past": "was", "present": "is", "future": "will be"}[d["tense"]]
    return f"{upper_first(d['object'])} {be} {d['verb'][3]} by {d['subject']}."


def _pronoun(draw: Draw) -> Params:
    word, plural = draw.pick(_PRONOUNS)
    return {"who": word, "plural": plural}


def _by(value: Value, p: Params) -> str:
    d = value.data
    return sentence(p["who"], d["verb"], d["object"], d["tail"], d["tense"], plural=p["plural"])


def _form(place: int) -> Callable[[Value, Params], str | None]:
    return lambda value, _: value.data["verb"][place]


OPERATIONS = (
    Operation("todo.who", _TODO, "word", slot("who")),
    Operation("todo.deadline", _TODO, "code", slot("day")),
    Operation("todo.action", _TODO, "word", slot("verb")),
    Operation("todo.thing", _TODO, "text", slot("thing")),
    Operation(
        "todo.report", _TODO, "text", lambda v, _: f"{upper_first(v.data['slots']['past'])} {v.data['slots']['who']}."
    ),
    Operation("todo.short", _TODO, "code", lambda v, _: f"{v.data['slots']['verb']} {v.data['slots']['who']}"),
    Operation("todo.calendar", _TODO, "code", shaped("{day}: {who}, {thing}")),
    Operation("todo.will", _TODO, "text", shaped("I will {verb} {who} by {day}.")),
    Operation("todo.put who", _TODO, "text", put("who", "name"), params=some_name),
    Operation("todo.without mark", ("check todo text", "ranked todo text"), "text", lambda v, _: v.data["task"]),
    Operation("todo.rank", _RANKED, "code", slot("priority")),
    Operation("tense.past", _CLAUSE, "text", _into("past")),
    Operation("tense.present", _CLAUSE, "text", _into("present")),
    Operation("tense.future", _CLAUSE, "text", _into("future")),
    Operation("tense.not", _CLAUSE, "text", _not),
    Operation("tense.passive", ("clause text",), "text", _passive),
    Operation("tense.pronoun", _CLAUSE, "text", _by, params=_pronoun),
    Operation("tense.subject", _CLAUSE, "text", lambda v, _: v.data["subject"]),
    Operation("tense.object", _CLAUSE, "text", lambda v, _: v.data["object"]),
    Operation("tense.verb", _CLAUSE, "word", _form(0)),
    Operation("tense.participle", _CLAUSE, "word", _form(3)),
)

CONDITIONS = (
    Condition(
        "todo done",
        _CHECK,
        lambda v, _: v.data["done"],
        ("the task is marked as done", "the mark in front says that it is finished (x, done, + or 1)"),
        ("the task is still open", "the mark in front says that it is not finished"),
    ),
    Condition(
        "clause past",
        _CLAUSE,
        lambda v, _: v.data["tense"] == "past",
        ("{the} is in the past tense", "the action is over already"),
        ("{the} is not in the past tense", "the action happens now or later"),
    ),
    Condition(
        "clause future",
        _CLAUSE,
        lambda v, _: v.data["tense"] == "future",
        ("{the} speaks of the future", "the action is still to come"),
        ("{the} speaks of the present or the past", "it is not about the future"),
    ),
    Condition(
        "clause plural",
        _CLAUSE,
        lambda v, _: v.data["plural"],
        ("several people do it", "the subject of {the} is plural"),
        ("one person does it", "the subject of {the} is singular"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "clause tense",
        _CLAUSE,
        lambda v, _: v.data["tense"],
        {
            "past": "it is in the past tense",
            "present": "it is in the present tense",
            "future": "it is about the future",
        },
        "the tense",
    ),
    Classifier(
        "todo rank",
        _RANKED,
        lambda v, _: ("high", "medium", "low")[v.data["rank"]],
        {
            "high": "the mark is P1, (high), !!! or A",
            "medium": "the mark is P2, (medium), !! or B",
            "low": "the mark is P3, (low), ! or C",
        },
        "the priority",
        {"high": "urgent", "medium": "normal", "low": "later"},
    ),
)
