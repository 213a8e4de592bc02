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
    Operation(
        "chat.sender",
        _CHAT,
        "word",
        slot("sender"),
        (
            "name the person who wrote {the}",
            "extract the sender, not the one who is addressed",
            "say whose message it is",
        ),
        ("the sender", "the name of the person who writes"),
        ("who wrote it?",),
    ),
    Operation(
        "chat.receiver",
        _CHAT,
        "word",
        slot("to"),
        (
            "name the person whom {the} is addressed to",
            "extract the one who is spoken to, not the sender",
            "say who should read it",
        ),
        ("the person who is addressed", "the name of the receiver"),
        ("who is it for?",),
    ),
    Operation(
        "chat.pair",
        _CHAT,
        "code",
        shaped("{sender} -> {to}"),
        (
            "write sender -> receiver",
            "show who writes to whom, with an arrow (->) between the names",
            "log the direction of {the} as <sender> -> <receiver>",
        ),
        ("the sender and the receiver with -> between them", "the direction of {the}, as A -> B"),
    ),
    Operation(
        "chat.answer pair",
        _CHAT,
        "code",
        shaped("{to} -> {sender}"),
        (
            "address the answer: receiver of {the} -> its sender",
            "show the way of the reply: the one addressed first, an arrow (->), then the one who wrote",
            "log the direction of the answer as <who replies> -> <who asked first>",
        ),
        (
            "the direction of the reply, as receiver -> sender",
            "the direction of an answer, as A -> B",
        ),
    ),
    Operation(
        "chat.message",
        _CHAT,
        "text",
        slot("message"),
        (
            "copy only the message, without names and time",
            "strip sender, receiver and time from {the}",
            "keep just what is said",
        ),
        ("the bare message, no names in front or behind", "the words said, without sender, receiver and time"),
    ),
    Operation(
        "chat.shout",
        _CHAT,
        "code",
        lambda v, _: v.data["message"].upper(),
        (
            "write only the message, in capital letters, without sender and receiver",
            "shout what is said (no names in front or behind)",
            "put what is said into upper case, with all names around it left out",
        ),
        (
            "the message alone, in capital letters",
            "the words said, in upper case and without the names around them",
        ),
    ),
    Operation(
        "chat.greet",
        _CHAT,
        "code",
        shaped("Hi {sender},"),
        (
            'begin an answer to the sender: "Hi <name>,"',
            "write the greeting of a reply, as in Hi Eve, with a comma",
            'greet whoever wrote {the}, in the form "Hi Eve,"',
        ),
        (
            'the greeting of a reply, "Hi <name of the sender>,"',
            'a greeting like "Hi Eve," for the one who wrote',
        ),
    ),
    Operation(
        "chat.mention",
        _CHAT,
        "code",
        shaped("@{to}"),
        (
            "write @ and the name of the one who is addressed",
            "make a mention of the receiver, no space after the @",
            "tag the one the words are meant for, like @Eve",
        ),
        ("the receiver as a mention with @", "@ and the name of the person addressed"),
    ),
    Operation(
        "chat.time",
        ("chat log text",),
        "code",
        slot("time"),
        (
            "copy the time at which {the} was written",
            "extract the time stamp of the log, not a time in the message",
            "write when it was sent, as HH:MM",
        ),
        ("the time stamp of {the}", "the time at which it was sent"),
        ("when was it sent?",),
    ),
    Operation(
        "chat.log entry",
        ("chat log text",),
        "code",
        shaped("{time} {sender} > {to}"),
        (
            "write time, sender, > and receiver, without the message",
            "shorten {the} to its head: HH:MM sender > receiver",
            "keep the log data only: time, sender, >, receiver",
        ),
        (
            "the head of {the} in the form HH:MM sender > receiver",
            "time, sender and receiver like 09:30 Eve > Max",
        ),
    ),
    Operation(
        "chat.first named",
        _CHAT,
        "word",
        lambda v, _: mentioned(v, ("sender", "to"), 0),
        (
            "copy whichever of sender and receiver stands first",
            "write the first name in {the}",
            "say which of the two people is named earlier",
        ),
        ("the first name in {the}", "the name of sender or receiver that stands first"),
        ("which name stands first?",),
    ),
    Operation(
        "chat.swap",
        _CHAT,
        "text",
        lambda v, _: exchanged(v.text, v.data["slots"]["sender"], v.data["slots"]["to"]),
        (
            "exchange sender and receiver, with the words unchanged",
            "copy {the} as if the two people had switched roles: swap their names only",
            "let the two trade places: sender becomes receiver and the other way round",
        ),
        (
            "{the} with sender and receiver exchanged",
            "the same line with the two people in swapped roles",
        ),
    ),
    Operation(
        "chat.put sender",
        _CHAT,
        "text",
        put("sender", "name"),
        (
            "replace the sender by {name}, nothing else changed",
            "correct {the}: it was {name} who wrote it",
            "copy {the} as if {name} had sent it",
        ),
        (
            "{the} with {name} as the sender",
            "the text of {the}, but sent by {name}",
        ),
        params=some_name,
    ),
    Operation(
        "say.quoted",
        _CHAT,
        "text",
        lambda v, _: f'{v.data["slots"]["sender"]} wrote: "{upper_first(v.data["message"])}"',
        (
            'report it as <sender> wrote: "<message>", the message with a capital',
            'turn {the} into the form Eve wrote: "Hello." (no receiver)',
            "cite the message: name, the word wrote, a colon, the text in double quotes",
        ),
        (
            '{the} in the form Eve wrote: "Hello."',
            'a citation such as Max wrote: "Hi." with the real words',
        ),
    ),
    Operation(
        "say.no end mark",
        _SAID,
        "text",
        _message(_no_end),
        (
            "copy the message without its final punctuation mark (the words only, no sender)",
            "drop the full stop, question mark or exclamation mark that ends the message; names in front are left out",
            "give the bare words said, last mark cut off",
        ),
        (
            "the message without its last punctuation mark and without any sender",
            "the words said, minus the closing mark",
        ),
    ),
    Operation(
        "say.end mark",
        _SAID,
        "code",
        _message(lambda m: m[-1]),
        (
            "write the punctuation mark that ends the message itself",
            "give the sign at the end of what is said: a full stop, ? or !",
            "copy the last character of the message",
        ),
        (
            "the mark at the end of the message (. or ? or !)",
            "the closing sign of the message: . or ? or !",
        ),
        ("which mark ends the message: . or ? or !?",),
    ),
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
