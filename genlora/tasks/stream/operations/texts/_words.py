"""Running text as words: first, last, counted, cut, joined, re-cased. Asked of every kind of text."""

from collections.abc import Callable, Sequence

from genlora.tasks import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table
from ._parts import PROSE, clean_words, kinds, prose

_ORDINALS = ("second", "third", "fourth", "fifth")
_TAGS = ("FYI", "Note", "URGENT", "Re", "Draft", "Internal", "Reminder", "Update", "Fwd", "TODO")
_ENDS = ("#done", "(checked)", "#work", "[1]", "(copy)", "-- sent", "#later", "(v2)", "(see below)", "#archive")
_ENDED = kinds(
    "payment",
    "transfer",
    "trip",
    "pair",
    "hours",
    "move",
    "clause",
    "diary",
    "utterance",
    "chat",
    "review",
    "opinion",
    "news",
    "language",
)
_SHORT = kinds(
    "transfer", "pair", "clause", "diary", "language", "opinion", "utterance", "sms", "subject", "headline", "todo"
)


def _on_words(choose: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: choose(clean_words(value.text))


def _nth(draw: Draw) -> Params:
    n = draw.between(2, 5)
    return {"n": n, "nth": _ORDINALS[n - 2]}


_count = picked(n=range(2, 6))


_letters = picked(n=range(5, 9))


def _length(word: str) -> int:
    return sum(c.isalpha() for c in word)


def _first_n(value: Value, p: Params) -> str | None:
    words = value.text.split()
    if len(words) <= p["n"] or not words[p["n"] - 1][-1].isalnum():
        return None  # a mark at the cut: kept or dropped?
    return " ".join(words[: p["n"]])


def _last_n(value: Value, p: Params) -> str | None:
    words = value.text.rstrip(".!?").split()
    return " ".join(words[-p["n"] :]) if len(words) > p["n"] else None


def _long(value: Value, p: Params) -> str | None:
    found = [w for w in clean_words(value.text) if _length(w) > p["n"]]
    return ", ".join(found) if 0 < len(found) <= 5 and all(w.isalpha() for w in found) else None


def _longest(words: Sequence[str]) -> str | None:
    most = max(map(_length, words))
    found = [w for w in words if _length(w) == most]
    return found[0] if len(found) == 1 else None


def _title(value: Value, _: Params) -> str | None:
    words = value.text.split(" ")
    return " ".join(w[:1].upper() + w[1:] for w in words) if "\n" not in value.text else None


def _bare(text: str) -> str | None:
    """Without commas, stops, colons ...; None where there are none, or one inside a word leaves room for doubt."""
    kept = " ".join(w.strip(".,;:!?") for w in text.split())
    return None if kept == text or any(c in kept for c in ".,;:!?'\"/-()[]<>|#@") else kept


def _ended(value: Value, p: Params) -> str | None:
    return value.text[:-1] + p["mark"] if value.text.endswith(".") else None


def _put_last(value: Value, p: Params) -> str | None:
    head, space, last = value.text.rpartition(" ")
    word = last.rstrip(".!?")
    return f"{head} {p['word']}{last[len(word) :]}" if space and word.isalnum() else None


def _put_first(value: Value, p: Params) -> str | None:
    first, space, rest = value.text.partition(" ")
    return f"{p['word'].capitalize()} {rest}" if space and first.isalnum() else None


def _word(draw: Draw) -> Params:
    return {"word": draw.pick(table("nouns"))}


OPERATIONS = (
    Operation("text.first word", prose("memo", "ticket"), "word", _on_words(lambda w: w[0])),
    Operation("text.last word", PROSE, "word", _on_words(lambda w: w[-1])),
    Operation(
        "text.nth word",
        PROSE,
        "word",
        lambda v, p: w[p["n"] - 1] if len(w := clean_words(v.text)) > p["n"] else None,
        params=_nth,
    ),
    Operation("text.word before last", PROSE, "word", _on_words(lambda w: w[-2] if len(w) > 2 else None)),
    Operation("text.first words", PROSE, "text", _first_n, params=_count),
    Operation("text.last words", prose("person"), "text", _last_n, params=_count),
    Operation(
        "text.preview", PROSE, "text", lambda v, p: f"{head}..." if (head := _first_n(v, p)) else None, params=_count
    ),
    Operation(
        "text.without first words",
        PROSE,
        "text",
        lambda v, p: " ".join(w[p["n"] :]) if _first_n(v, p) and len(w := v.text.split()) <= 14 else None,
        params=_count,
    ),
    Operation(
        "text.count words",
        prose("address"),
        "number",
        lambda v, _: str(len(w)) if len(w := clean_words(v.text)) == len(v.text.split()) <= 20 else None,
    ),
    Operation("text.long words", PROSE, "list", _long, params=_letters),
    Operation("text.longest word", PROSE, "word", _on_words(_longest)),
    Operation("text.capitals", PROSE, "code", lambda v, _: v.text.upper()),
    Operation("text.small letters", PROSE, "code", lambda v, _: v.text.lower()),
    Operation("text.title case", prose("contact", "address", "letter", "memo", "ticket"), "code", _title),
    Operation(
        "text.no punctuation",
        prose("trip", "trip note", "meeting", "move", "hours", "contact", "chat log", "quote", "memo"),
        "text",
        lambda v, _: _bare(v.text),
    ),
    Operation(
        "text.other end",
        _ENDED,
        "text",
        _ended,
        params=picked(mark=("!", "!!", "...", "?", ";", " (end)")),
    ),
    Operation("text.tag", PROSE, "text", lambda v, p: f"{p['tag']}: {v.text}", params=picked(tag=_TAGS)),
    Operation("text.end tag", PROSE, "text", lambda v, p: f"{v.text} {p['tag']}", params=picked(tag=_ENDS)),
    Operation("text.put last", prose("contact"), "text", _put_last, params=_word),
    Operation(
        "text.put first",
        prose("check todo", "ranked todo", "chat", "memo", "ticket", "review", "news"),
        "text",
        _put_first,
        params=_word,
    ),
    Operation("text.backwards", _SHORT, "text", _on_words(lambda w: " ".join(w[::-1]) if len(w) <= 9 else None)),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
