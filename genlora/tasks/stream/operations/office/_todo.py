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
    Operation(
        "todo.who",
        _TODO,
        "word",
        slot("who"),
        ("name the person in {the}", "extract whom to contact", "write whose name occurs"),
        ("the person to contact", "the name in {the}"),
        ("who is to be contacted?",),
    ),
    Operation(
        "todo.deadline",
        _TODO,
        "code",
        slot("day"),
        ("copy the deadline, as it is written", "extract the day or date", "fill the field Due with the day in {the}"),
        ("the deadline, as it is written", "the day or date in {the}"),
        ("until when must it be done?",),
    ),
    Operation(
        "todo.action",
        _TODO,
        "word",
        slot("verb"),
        (
            "write the verb that says what to do, in lower case",
            "extract the action: one verb, small letters",
            "say in one small-letter verb what kind of contact is planned",
        ),
        ("the verb of the task, in lower case", "the action as one verb in small letters"),
    ),
    Operation(
        "todo.thing",
        _TODO,
        "text",
        slot("thing"),
        (
            "write what it is about, without an article",
            "extract the subject of the task, just the noun",
            "name the document in question, without an article",
        ),
        ("the subject of the task, no article", 'the document in question, leaving out "the"'),
        ('what is it about? Leave out "the"',),
    ),
    Operation(
        "todo.report",
        _TODO,
        "text",
        lambda v, _: f"{upper_first(v.data['slots']['past'])} {v.data['slots']['who']}.",
        (
            'report the task as done in two words, e.g. "Called Eve."',
            "write the verb in the past tense with a capital, then the person and a full stop",
            "tick it off: past tense of the verb and the name, as in Called Eve.",
        ),
        (
            'a report of two words such as "Called Eve."',
            "the finished task in two words: capitalised past tense, name, full stop",
        ),
    ),
    Operation(
        "todo.short",
        _TODO,
        "code",
        lambda v, _: f"{v.data['slots']['verb']} {v.data['slots']['who']}",
        (
            "shorten {the} to verb and name, the verb in lower case",
            "keep only what to do and with whom: verb (small letters) and person",
            "drop subject and deadline: verb in small letters plus name",
        ),
        ("verb and person only, the verb in lower case", "the task in two words like call Eve"),
    ),
    Operation(
        "todo.calendar",
        _TODO,
        "code",
        shaped("{day}: {who}, {thing}"),
        (
            "write the deadline, a colon, the person, a comma and the subject",
            "make a calendar entry <day>: <name>, <subject> without the article",
            "move it to the calendar as <day>: <name>, <subject>",
        ),
        (
            "an entry of the form <day>: <name>, <subject>",
            "the day, a colon, the name, a comma and the subject (no article)",
        ),
    ),
    Operation(
        "todo.will",
        _TODO,
        "text",
        shaped("I will {verb} {who} by {day}."),
        (
            'promise it: "I will <verb> <name> by <day>."',
            "turn {the} into a sentence of the form I will call Eve by Friday.",
            "confirm that you take it on, in the words I will <verb> <name> by <day>.",
        ),
        (
            'a promise of the form "I will call Eve by Friday."',
            "a sentence that starts with I will and names verb, person and day",
        ),
    ),
    Operation(
        "todo.put who",
        _TODO,
        "text",
        put("who", "name"),
        (
            "replace the person by {name}, nothing else changed",
            "pass the task on: write {name} where the name stands, the rest as it is",
            "copy {the} with {name} as the person to contact",
        ),
        (
            "{the} with {name} in place of the person",
            "the text of {the}, but with {name} in it",
        ),
        params=some_name,
    ),
    Operation(
        "todo.without mark",
        ("check todo text", "ranked todo text"),
        "text",
        lambda v, _: v.data["task"],
        ("remove the mark at the start", "copy {the} without the mark in front", "keep the task, but not its mark"),
        ("{the} without the mark in front", "the text behind the mark"),
    ),
    Operation(
        "todo.rank",
        _RANKED,
        "code",
        slot("priority"),
        (
            "copy the priority in front of the task",
            "extract the priority mark as it stands there",
            "read off how urgent it is: the mark in front, unchanged",
        ),
        ("the priority mark, copied", "the mark in front of the task"),
        ("which priority mark does it have?",),
    ),
    Operation(
        "tense.past",
        _CLAUSE,
        "text",
        _into("past"),
        (
            "put {the} into the past tense",
            "rewrite {the} as if it had happened yesterday: simple past, no other change",
            "change the verb to the simple past, with the rest as it is",
        ),
        ("{the} in the past tense", "the same sentence in the simple past"),
    ),
    Operation(
        "tense.present",
        _CLAUSE,
        "text",
        _into("present"),
        (
            "put {the} into the present tense",
            "rewrite {the} in the simple present, no other change",
            "change the verb to the simple present, with the rest as it is",
        ),
        ("{the} in the present tense", "the same sentence in the simple present"),
    ),
    Operation(
        "tense.future",
        _CLAUSE,
        "text",
        _into("future"),
        (
            'put {the} into the future with "will"',
            'rewrite {the} as a plan: use "will", no other change',
            'change the verb to "will" and its base form, with the rest as it is',
        ),
        ('{the} in the future tense with "will"', 'the same sentence with "will"'),
    ),
    Operation(
        "tense.not",
        _CLAUSE,
        "text",
        _not,
        (
            'make {the} negative with "not" in full (did not, does not, will not)',
            "deny {the}, same tense and no short forms",
            'say the opposite with "not" (no contractions), in the same tense',
        ),
        ('{the} with "not", no contractions', "the negative of {the}, not contracted"),
    ),
    Operation(
        "tense.passive",
        ("clause text",),
        "text",
        _passive,
        (
            'put {the} into the passive voice with "by"',
            'begin {the} with its object: passive, same tense, "by" at the end',
            'turn {the} around: what is acted on comes first, the doer last after "by"',
        ),
        ('{the} in the passive voice, with "by"', 'the passive of {the}, the doer after "by"'),
    ),
    Operation(
        "tense.pronoun",
        _CLAUSE,
        "text",
        _by,
        (
            'replace the subject by "{who}", the tense unchanged',
            'write {the} with "{who}" as the one who does it, the verb fitted to it',
            'make "{who}" the one who acts, same tense as before',
        ),
        (
            '{the} with "{who}" as its subject, same tense',
            'the same sentence about "{who}"',
        ),
        params=_pronoun,
    ),
    Operation(
        "tense.subject",
        _CLAUSE,
        "text",
        lambda v, _: v.data["subject"],
        (
            "write who does it, as {the} names them (small letter for an article)",
            "extract the subject of {the}, its article in lower case",
            "copy the words for whoever acts, starting with a small letter unless it is a name",
        ),
        (
            "the subject of {the}, with its article in small letters",
            "the doer of the action, the article in lower case",
        ),
    ),
    Operation(
        "tense.object",
        _CLAUSE,
        "text",
        lambda v, _: v.data["object"],
        (
            "write the direct object with its article or number",
            "extract what is acted on, article included",
            "copy the words for what the action is done to",
        ),
        ("the direct object of {the}, article included", "the thing that is acted on, with its article"),
    ),
    Operation(
        "tense.verb",
        _CLAUSE,
        "word",
        _form(0),
        (
            "write the main verb in its base form",
            "give the dictionary form of the verb",
            "extract the verb as an infinitive without to",
        ),
        ("the base form of the verb", "the verb as a dictionary lists it"),
        ("what is the main verb, in its base form?",),
    ),
    Operation(
        "tense.participle",
        _CLAUSE,
        "word",
        _form(3),
        (
            'write the past participle of the main verb, the form after "has"',
            'give the verb in the form that follows "have"',
            'form the participle as in "has done"',
        ),
        ("the past participle of the verb", 'the form of the verb after "has"'),
    ),
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
