"""Running text joined, counted and split at commas; what it contains."""

from collections.abc import Callable, Sequence

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table
from ._parts import PROSE, clean_words, kinds, prose

_SMALL = ("the", "to", "for", "on", "from", "and", "is", "a", "in", "at", "it", "of")
_JOINED = prose(
    "trip", "trip note", "price", "meeting", "move", "contact", "chat log", "memo", "ticket", "address", "quote"
)
_FIGURES = kinds(
    "payment",
    "trip",
    "trip note",
    "price",
    "order",
    "stock",
    "meeting",
    "pair",
    "hours",
    "address",
    "person",
    "chat log",
    "ticket",
    "headline",
)
_COMMAS = kinds(
    "trip",
    "price",
    "move",
    "pair",
    "review",
    "sms",
    "utterance",
    "chat log",
    "chat",
    "headline",
    "opinion",
    "language",
)
_SMALL_WORDS = kinds(
    "payment",
    "transfer",
    "trip",
    "hours",
    "clause",
    "utterance",
    "chat",
    "chat log",
    "sms",
    "subject",
    "letter",
    "memo",
    "review",
    "opinion",
    "headline",
    "news",
)
_SENTENCES = kinds(
    "payment",
    "trip",
    "clause",
    "utterance",
    "chat",
    "sms",
    "subject",
    "quote",
    "language",
    "letter",
    "review",
    "opinion",
    "headline",
)


def _on_words(choose: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: choose(clean_words(value.text))


def _length(word: str) -> int:
    return sum(c.isalpha() for c in word)


def _joined(mark: str, *, lower: bool) -> Callable[[Value, Params], str | None]:
    def written(value: Value, _: Params) -> str | None:
        words = clean_words(value.text)
        if not all(w.isalnum() for w in words) or len(words) != len(value.text.split()):
            return None
        text = mark.join(words)
        return text.lower() if lower else text

    return written


def _without(value: Value, p: Params) -> str | None:
    words = value.text.split(" ")
    if p["word"] not in words or words[0].lower() == p["word"]:
        return None
    return " ".join(w for w in words if w != p["word"])


def _part(place: int) -> Callable[[Value, Params], str | None]:
    def written(value: Value, _: Params) -> str | None:
        parts = [x.strip() for x in value.text.split(",")]
        return parts[place].rstrip(".!?") if len(parts) > 1 and "\n" not in value.text else None

    return written


_letter = picked(letter="aeiorstnd")


OPERATIONS = (
    Operation("text.slug", _JOINED, "code", _joined("-", lower=True)),
    Operation("text.underscores", _JOINED, "code", _joined("_", lower=False)),
    Operation(
        "text.file name",
        _JOINED,
        "code",
        lambda v, p: (
            f"{'_'.join(w[:3]).lower()}.{p['ext']}" if all(map(str.isalnum, w := clean_words(v.text))) else None
        ),
        params=picked(ext=("txt", "md", "pdf", "log", "eml", "doc")),
    ),
    Operation(
        "text.acronym",
        prose("order", "stock", "address", "person", "chat log", "ticket", "contact", "check todo", "ranked todo"),
        "code",
        lambda v, p: (
            "".join(x[0] for x in w[: p["n"]]).upper()
            if len(w := clean_words(v.text)) > p["n"] and all(x[0].isalpha() for x in w[: p["n"]])
            else None
        ),
        params=picked(n=range(3, 5)),
    ),
    Operation("text.digits", _FIGURES, "code", lambda v, _: "".join(c for c in v.text if c.isdigit()) or None),
    Operation(
        "text.count letter",
        PROSE,
        "number",
        lambda v, p: str(v.text.lower().count(p["letter"])) if len(v.text) <= 70 else None,
        params=_letter,
    ),
    Operation(
        "text.count capitals",
        prose("careless", "price", "stock", "meeting", "hours", "address", "diary", "clause", "person"),
        "number",
        _on_words(lambda w: str(sum(x[0].isupper() for x in w))),
    ),
    Operation("text.before comma", _COMMAS, "text", _part(0)),
    Operation("text.after comma", _COMMAS, "text", _part(-1)),
    Operation(
        "text.without word",
        _SMALL_WORDS,
        "text",
        _without,
        params=picked(word=("the", "to", "for", "on", "from", "and", "a", "in", "is")),
    ),
)


def _has_weekday(value: Value, _: Params) -> bool:
    words = clean_words(value.text)
    return any(d in words or d[:3] in words for d in table("weekdays", of="texts"))


_word_bound = picked(n=range(6, 15))


CONDITIONS = (
    Condition(
        "text has digit",
        kinds("utterance", "chat", "sms", "subject", "todo"),
        lambda v, _: any(c.isdigit() for c in v.text),
        ("{the} contains a digit", "there is a number in figures in {the}"),
        ("{the} has no digits", "no figure occurs"),
    ),
    Condition(
        "text longer",
        _SENTENCES,
        lambda v, p: len(w) > p["n"] if len(w := clean_words(v.text)) == len(v.text.split()) else None,
        ("{the} has more than {n} words", "{the} is longer than {n} words"),
        ("{the} has {n} words or fewer", "{the} is not longer than {n} words"),
        params=_word_bound,
    ),
    Condition(
        "text has word",
        _SMALL_WORDS,
        lambda v, p: p["word"] in [w.lower() for w in clean_words(v.text)],
        ('the word "{word}" occurs in {the}', '{the} contains the word "{word}"'),
        ('the word "{word}" does not occur', '{the} has no "{word}" as a word'),
        params=picked(word=_SMALL),
    ),
    Condition(
        "text has comma",
        _COMMAS,
        lambda v, _: "," in v.text,
        ("{the} contains a comma", "there is at least one comma"),
        ("{the} has no comma", "there is not a single comma"),
    ),
    Condition(
        "text names weekday",
        kinds("utterance", "chat", "chat log", "sms", "subject", "todo", "news"),
        _has_weekday,
        ("{the} names a day of the week", "a weekday is mentioned"),
        ("{the} names no day of the week", "no weekday is mentioned"),
    ),
    Condition(
        "text first longer",
        _SENTENCES,
        lambda v, _: None if (a := _length((w := clean_words(v.text))[0])) == (b := _length(w[-1])) else a > b,
        ("the first word of {the} is longer than its last word",),
        ("the last word of {the} is longer than its first word", "the first word is shorter than the last"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
