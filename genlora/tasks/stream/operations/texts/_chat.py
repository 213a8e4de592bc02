"""Chat lines and messages: who speaks, to whom, and what the words do."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ._parts import exchanged, mentioned, put, shaped, slot, some_name

_CHAT, _SAID = ("chat text", "chat log text"), ("utterance text", "chat text", "chat log text")


def _message(edit: Callable[[str], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: edit(value.data["message"])


def _act(name: str) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: value.data["act"] == name


def _no_end(text: str) -> str:
    return text.rstrip(".!?")


def _has(name: str) -> Callable[[Value, Params], bool | None]:
    """Whether the text names a city, a weekday ...: read from the slots of its frame."""
    return lambda value, _: name in value.data["slots"]


OPERATIONS = (
    Operation("chat.sender", _CHAT, "word", slot("sender")),
    Operation("chat.receiver", _CHAT, "word", slot("to")),
    Operation("chat.pair", _CHAT, "code", shaped("{sender} -> {to}")),
    Operation("chat.answer pair", _CHAT, "code", shaped("{to} -> {sender}")),
    Operation("chat.message", _CHAT, "text", slot("message")),
    Operation("chat.shout", _CHAT, "code", lambda v, _: v.data["message"].upper()),
    Operation("chat.greet", _CHAT, "code", shaped("Hi {sender},")),
    Operation("chat.mention", _CHAT, "code", shaped("@{to}")),
    Operation("chat.time", ("chat log text",), "code", slot("time")),
    Operation("chat.log entry", ("chat log text",), "code", shaped("{time} {sender} > {to}")),
    Operation("chat.first named", _CHAT, "word", lambda v, _: mentioned(v, ("sender", "to"), 0)),
    Operation(
        "chat.swap", _CHAT, "text", lambda v, _: exchanged(v.text, v.data["slots"]["sender"], v.data["slots"]["to"])
    ),
    Operation("chat.put sender", _CHAT, "text", put("sender", "name"), params=some_name),
    Operation(
        "say.quoted",
        _CHAT,
        "text",
        lambda v, _: f'{v.data["slots"]["sender"]} wrote: "{upper_first(v.data["message"])}"',
    ),
    Operation("say.no end mark", _SAID, "text", _message(_no_end)),
    Operation("say.end mark", _SAID, "code", _message(lambda m: m[-1])),
)

CONDITIONS = (
    Condition(
        "said question",
        _SAID,
        _act("question"),
        ("somebody asks something", "the message is a question"),
        ("nothing is asked", "the message is not a question"),
    ),
    Condition(
        "said request",
        _SAID,
        _act("request"),
        ("the reader is told to do something", "the message is a request or an order"),
        ("the reader is not told to do anything", "the message is no request"),
    ),
    Condition(
        "said thanks",
        _SAID,
        _act("thanks"),
        ("somebody says thank you", "the message is a word of thanks"),
        ("nobody says thank you", "the message does not thank anybody"),
    ),
    Condition(
        "said city",
        ("utterance text",),
        _has("city"),
        ("{the} names a city", "a city is mentioned"),
        ("{the} names no city", "no city is mentioned"),
    ),
    Condition(
        "said person",
        ("utterance text",),
        _has("name"),
        ("{the} names a person", "somebody's name is mentioned"),
        ("{the} names nobody", "no person is named"),
    ),
    Condition(
        "said day",
        ("utterance text",),
        _has("day"),
        ("{the} mentions a day or a date", "a day is named"),
        ("{the} mentions no day or date", "no day is named"),
    ),
    Condition(
        "said room",
        ("utterance text",),
        _has("room"),
        ("{the} is about a numbered room", "a room number occurs"),
        ("{the} mentions no room number", "no room number occurs"),
    ),
    Condition(
        "chat before noon",
        ("chat log text",),
        lambda v, _: v.data["raw"]["time"] < 720,
        ("{the} was written before noon", "the time stamp is before 12:00"),
        ("{the} was written at noon or later", "the time stamp is 12:00 or later"),
    ),
    Condition(
        "chat sender first",
        _CHAT,
        lambda v, _: v.data["slots"]["sender"] < v.data["slots"]["to"],
        ("the sender comes before the receiver in the alphabet",),
        ("the receiver comes before the sender in the alphabet",),
    ),
    Condition(
        "sms spam",
        ("sms text", "subject text"),
        lambda v, _: v.data["spam"],
        ("{the} is spam", "{the} looks like a trick to get money or data", "{the} belongs in the junk folder"),
        ("{the} is an ordinary one", "{the} looks harmless", "{the} belongs in the inbox"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "said act",
        _SAID,
        lambda v, _: v.data["act"] if v.data["act"] != "thanks" else None,
        {
            "question": "something is asked",
            "request": "somebody is told to do something",
            "statement": "something is just stated",
        },
        "what the message does",
        {"question": "question", "request": "order", "statement": "statement"},
    ),
    Classifier(
        "said four acts",
        _SAID,
        lambda v, _: v.data["act"],
        {
            "question": "the message asks for information",
            "request": "the message asks or tells the reader to do something",
            "statement": "the message gives information",
            "thanks": "the message says thank you",
        },
        "the kind of message",
        {"question": "question", "request": "task", "statement": "info", "thanks": "thanks"},
    ),
)
