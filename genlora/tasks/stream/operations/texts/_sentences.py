"""Whole sentences: careless typing put right, the first or last sentence of several, sentences counted."""

import re
from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ._parts import kinds

_TYPED = kinds("shouted", "careless")
_SEVERAL = kinds("review", "sms")
_END = re.compile(r"(?<=[.!?])\s+")


def _sentences(value: Value) -> list[str]:
    return _END.split(value.text.strip())


def _one_of_several(place: int) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        parts = _sentences(value)
        return parts[place] if len(parts) > 1 else None

    return found


OPERATIONS = (
    Operation(
        "typed.fix",
        _TYPED,
        "code",
        lambda v, _: v.data["fixed"],
        (
            "write {the} properly: a capital at the start only, and a full stop or question mark at the end",
            "tidy {the} up: sentence case, with ? after a question and . after anything else",
            "correct capitals and the missing end mark (? for questions, otherwise a full stop)",
        ),
        (
            "{the} in sentence case with its full stop or question mark",
            "the tidy sentence: one capital at the start, ? or . at the end",
        ),
    ),
    Operation(
        "typed.sentence case",
        _TYPED,
        "code",
        lambda v, _: upper_first(v.data["bare"]),
        (
            "put {the} into sentence case, without any punctuation",
            "write {the} with a capital first letter and all else small",
            "keep the words, but only the very first letter as a capital",
        ),
        ("{the} in sentence case, without an end mark", "{the} with one capital, at the start"),
    ),
    Operation(
        "typed.mark",
        _TYPED,
        "code",
        lambda v, _: v.data["fixed"][-1],
        (
            "write the mark that is missing at the end: ? or .",
            "say which mark {the} needs, a question mark (?) or a full stop (.)",
            "decide between ? and . for the end of {the}",
        ),
        (
            "the missing end mark, ? or .",
            "the sign that belongs at the end, ? or .",
        ),
        ("which mark belongs at the end, ? or .?",),
    ),
    Operation(
        "typed.small",
        kinds("shouted"),
        "code",
        lambda v, _: v.text.lower(),
        (
            "write {the} in small letters only",
            "stop the shouting: all letters lower case",
            "turn off caps lock: no capital at all",
        ),
        ("{the} in lower case", "{the} without a single capital"),
    ),
    Operation(
        "typed.loud",
        kinds("careless"),
        "code",
        lambda v, _: v.text.upper() + "!",
        (
            "shout {the}: capital letters and one exclamation mark at the end",
            "write {the} in capitals with ! behind the last word",
            "make it loud: upper case, ended by an exclamation mark",
        ),
        (
            "{the} in capitals, followed by !",
            "a shouted version in capitals with ! at the end",
        ),
    ),
    Operation(
        "sentence.first",
        _SEVERAL,
        "text",
        _one_of_several(0),
        (
            "copy the first sentence of {the}, with its end mark",
            "cut {the} after its first sentence",
            "shorten {the} to the sentence that opens it",
        ),
        ("the first sentence of {the}", "the opening sentence, end mark included"),
        ("what is the first sentence?",),
    ),
    Operation(
        "sentence.last",
        _SEVERAL,
        "text",
        _one_of_several(-1),
        (
            "copy the last sentence of {the}, with its end mark",
            "drop all sentences but the last one",
            "shorten {the} to the sentence that closes it",
        ),
        ("the last sentence of {the}", "the closing sentence, end mark included"),
        ("what is the last sentence?",),
    ),
    Operation(
        "sentence.count",
        _SEVERAL,
        "number",
        lambda v, _: str(len(_sentences(v))),
        (
            "count the sentences of {the}",
            "say how many sentences {the} has",
            "report the number of sentences, short ones included",
        ),
        ("the number of sentences in {the}", "the sentence count"),
        ("how many sentences are there?",),
    ),
    Operation(
        "sentence.first of last",
        _SEVERAL,
        "word",
        lambda v, _: _sentences(v)[-1].split()[0].strip(",.:;!?") if len(_sentences(v)) > 1 else None,
        (
            "write the word with which the last sentence begins",
            "give the first word of the last sentence",
            "find the final sentence: which word opens it?",
        ),
        (
            "the first word of the last sentence",
            "the word that opens the final sentence",
        ),
    ),
    Operation(
        "sentence.last of first",
        _SEVERAL,
        "word",
        lambda v, _: _sentences(v)[0].split()[-1].strip(",.:;!?") if len(_sentences(v)) > 1 else None,
        (
            "write the word with which the first sentence ends",
            "give the last word of the first sentence, no punctuation",
            "find the opening sentence: which word closes it?",
        ),
        (
            "the last word of the first sentence",
            "the word that closes the opening sentence",
        ),
    ),
)

CONDITIONS = (
    Condition(
        "typed question",
        _TYPED,
        lambda v, _: v.data["act"] == "question",
        ("{the} is a question", "a question mark is missing at the end", "the writer wants to know something"),
        ("{the} is not a question", "it needs a full stop rather than a question mark"),
    ),
    Condition(
        "typed order",
        _TYPED,
        lambda v, _: v.data["act"] == "request",
        ("{the} tells somebody to do something", "{the} is a request or an order"),
        ("{the} asks or states something", "{the} gives no order"),
    ),
    Condition(
        "sentence several",
        _SEVERAL,
        lambda v, _: len(_sentences(v)) > 1,
        ("{the} has more than one sentence", "there are two or more sentences"),
        ("{the} is one sentence", "there is a single sentence"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "typed act",
        _TYPED,
        lambda v, _: v.data["act"],
        {
            "question": "it asks something",
            "request": "it tells somebody to do something",
            "statement": "it states something",
        },
        "the kind of sentence",
        {"question": "question", "request": "command", "statement": "statement"},
    ),
)
