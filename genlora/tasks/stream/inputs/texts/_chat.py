"""Chat lines, plain messages, text messages and subject lines (some are spam), quotes, lines in eight languages."""

from collections.abc import Callable, Sequence

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ..._tables import stored
from ._frames import fill, style, texts, written_time

ACTS = ("question", "request", "statement", "thanks")
_SLOTS = {
    "topic": "topic",
    "document": "document",
    "thing": "thing",
    "room": "room",
    "day": "day",
    "time": "time",
    "name": "first name",
    "city": "city",
    "amount": "amount",
    "number": "number",
}
_CHATS: dict[str, tuple[str, ...]] = {
    "chat line": ("{sender}: {to}, {message}", "{sender}: @{to} {message}", "{sender}: {message} @{to}"),
    "chat log line": (
        "[{time}] {sender}: @{to} {message}",
        "{time} {sender}: {to}, {message}",
        "({time}) {sender} to {to}: {message}",
        "{sender} ({time}): @{to} {message}",
    ),
    "direct message": (
        "{sender} -> {to}: {message}",
        "{sender} to {to}: {message}",
        "To {to} from {sender}: {message}",
        "from: {sender} | to: {to} | {message}",
        "<{sender}> {to}: {message}",
    ),
}


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _acts(draw: Draw) -> Sequence[str]:
    return ACTS if draw.chance(0.7) else draw.some(ACTS, 3)


def said(draw: Draw, layout: Params) -> tuple[str, Value] | None:
    """What somebody says, with what it does: a question, a request, a statement or thanks."""
    act = draw.pick(layout.get("acts", ACTS))
    value = fill(draw, draw.pick(texts(f"frames: {act}")), layout, _SLOTS)
    return None if value is None else (act, value)


def _utterance(draw: Draw, layout: Params) -> Value | None:
    found = said(draw, layout)
    if found is None:
        return None
    act, value = found
    text = upper_first(value.text)
    return Value({"slots": value.data["slots"], "raw": value.data["raw"], "act": act, "message": text}, text)


def _chat(draw: Draw, layout: Params) -> Value | None:
    found = said(draw, layout)
    sender, to = draw.some(texts("first names"), 2)
    minutes = draw.between(420, 1259)
    if found is None or sender in found[1].text or to in found[1].text:
        return None
    act, value = found
    frame = draw.pick(layout["chats"])
    message = upper_first(value.text) if frame.endswith((": {message}", "| {message}")) else value.text
    shown = {"sender": sender, "to": to, "message": message, "time": written_time(minutes, "24")}
    data = {
        "slots": shown,
        "raw": {"time": minutes},
        "order": ("sender", "to") if frame.index("{sender}") < frame.index("{to}") else ("to", "sender"),
        "act": act,
        "message": message,
    }
    return Value(data, frame.format(**shown))


def _chat_type(name: str, kind: str, a: str, the: str) -> InputType:
    frames = _CHATS[name]

    def layout(draw: Draw) -> Params:
        return {**style(draw), "acts": _acts(draw), "chats": draw.some(frames, draw.between(1, len(frames)))}

    return InputType(name, kind, a, the, _chat, layout)


def _maybe_spam(bad: str, good: Sequence[str]) -> Callable[[Draw, Params], Value | None]:
    def drawn(draw: Draw, layout: Params) -> Value | None:
        spam = draw.chance(0.5)
        frames = texts(bad) if spam else texts(draw.pick(good))
        value = fill(draw, draw.pick(frames), layout, _SLOTS)
        if value is None:
            return None
        return Value({**value.data, "spam": spam}, upper_first(value.text))

    return drawn


_QUOTED = (
    '{who} said: "{quote}"',
    '"{quote}" - {who}',
    'As {who} put it: "{quote}"',
    '{who} told us: "{quote}"',
    '"{quote}" Those were the words of {who}.',
    'In the words of {who}: "{quote}"',
    '"{quote}" ({who})',
    '{who} wrote: "{quote}"',
)
_PRESS = (
    '{city}, {day}. {who}: "{quote}"',
    '"{quote}" {who}, {city}, {day}',
    'On {day} {who} said in {city}: "{quote}"',
    '{who} ({city}) told the press on {day}: "{quote}"',
    'In {city}, {who} repeated on {day}: "{quote}"',
)


def _quote(draw: Draw, layout: Params) -> Value | None:
    slots = {"who": "full name", "city": "city", "day": "day", "quote": "quote"}
    return fill(draw, draw.pick(layout["frames"]), layout, slots)


def _line(n: int) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        language = draw.pick(layout["languages"])
        lines = draw.some(stored("texts", "lines")[language], n)
        return Value({"slots": {}, "raw": {}, "language": language}, " ".join(lines))

    return drawn


def _languages(draw: Draw) -> Params:
    return {"languages": tuple(stored("texts", "lines"))}


INPUTS = (
    InputType(
        "message",
        "utterance text",
        "a short message",
        "the message",
        _utterance,
        lambda d: {**style(d), "acts": _acts(d)},
    ),
    _chat_type("chat line", "chat text", "a chat line", "the line"),
    _chat_type("chat log line", "chat log text", "a line from a chat log", "the line"),
    _chat_type("direct message", "chat text", "a direct message with sender and receiver", "the message"),
    InputType(
        "text message",
        "sms text",
        "a text message",
        "the message",
        _maybe_spam("frames: spam", tuple(f"frames: {a}" for a in ACTS)),
        style,
    ),
    InputType(
        "subject line",
        "subject text",
        "the subject line of an e-mail",
        "the subject line",
        _maybe_spam("frames: spam subject", ("frames: ham subject",)),
        style,
    ),
    InputType(
        "quote text",
        "quote text",
        "a quotation",
        "the quotation",
        _quote,
        lambda d: {**style(d), "frames": d.some(_QUOTED, d.between(2, len(_QUOTED)))},
    ),
    InputType(
        "press quote",
        "quote text",
        "a press quotation",
        "the text",
        _quote,
        lambda d: {**style(d), "frames": d.some(_PRESS, d.between(2, len(_PRESS)))},
    ),
    InputType("foreign line", "language text", "a sentence in some language", "the sentence", _line(1), _languages),
    InputType("foreign note", "language text", "a short note in some language", "the note", _line(2), _languages),
)
