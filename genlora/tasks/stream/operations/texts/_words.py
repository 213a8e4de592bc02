"""Running text as words: first, last, counted, cut, joined, re-cased. Asked of every kind of text."""

from collections.abc import Callable, Sequence

from genlora.tasks import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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


def _count(draw: Draw) -> Params:
    return {"n": draw.between(2, 5)}


def _letters(draw: Draw) -> Params:
    return {"n": draw.between(5, 8)}


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
    Operation(
        "text.first word",
        prose("memo", "ticket"),
        "word",
        _on_words(lambda w: w[0]),
        ("write the first word of {the}", "copy the word that {the} begins with", "keep nothing but the opening word"),
        ("the first word of {the}", "the word that {the} starts with"),
        ("with which word does {the} begin?",),
    ),
    Operation(
        "text.last word",
        PROSE,
        "word",
        _on_words(lambda w: w[-1]),
        (
            "write the last word of {the}, without punctuation",
            "copy the word that {the} ends with",
            "keep nothing but the closing word",
        ),
        ("the last word of {the}", "the word that {the} ends with"),
        ("with which word does {the} end?",),
    ),
    Operation(
        "text.nth word",
        PROSE,
        "word",
        lambda v, p: w[p["n"] - 1] if len(w := clean_words(v.text)) > p["n"] else None,
        ("write the {nth} word of {the}", "copy word number {n}", "return the word at place {n}, no punctuation"),
        ("the {nth} word of {the}", "word number {n} of {the}"),
        ("what is the {nth} word?",),
        _nth,
    ),
    Operation(
        "text.word before last",
        PROSE,
        "word",
        _on_words(lambda w: w[-2] if len(w) > 2 else None),
        (
            "write the last word but one of {the}",
            "copy the word right before the final word",
            "return the second to last word, no punctuation",
        ),
        ("the second to last word of {the}", "the last word but one"),
        ("which word stands just before the last one?",),
    ),
    Operation(
        "text.first words",
        PROSE,
        "text",
        _first_n,
        (
            "cut {the} after {n} words",
            "keep the first {n} words of {the}",
            "shorten {the} to its first {n} words, no dots",
        ),
        ("the first {n} words of {the}", "the opening {n} words"),
        ("what are the first {n} words?",),
        _count,
    ),
    Operation(
        "text.last words",
        prose("person"),
        "text",
        _last_n,
        (
            "write the last {n} words of {the}, without the full stop",
            "keep only the final {n} words (no closing full stop)",
            "copy the {n} words at the end, leaving out the final mark",
        ),
        ("the last {n} words of {the}, without the full stop", "the closing {n} words (no full stop)"),
        ("what are the last {n} words? Leave out the full stop",),
        _count,
    ),
    Operation(
        "text.preview",
        PROSE,
        "text",
        lambda v, p: f"{head}..." if (head := _first_n(v, p)) else None,
        (
            "make a preview: the first {n} words and then three dots",
            'cut {the} after {n} words with "..." right behind them',
            "shorten {the} for the list view to {n} words plus ...",
        ),
        ('the first {n} words followed by "..."', "a preview of {n} words that ends in three dots"),
        params=_count,
    ),
    Operation(
        "text.without first words",
        PROSE,
        "text",
        lambda v, p: " ".join(w[p["n"] :]) if _first_n(v, p) and len(w := v.text.split()) <= 14 else None,
        (
            "delete the first {n} words of {the}",
            "copy {the} from behind its first {n} words on",
            "write everything that comes after the first {n} words",
        ),
        ("{the} without its first {n} words", "the rest of {the} when {n} words at the start are cut"),
        params=_count,
    ),
    Operation(
        "text.count words",
        prose("address"),
        "number",
        lambda v, _: str(len(w)) if len(w := clean_words(v.text)) == len(v.text.split()) <= 20 else None,
        (
            "count the words of {the}",
            "say how many words {the} has",
            "report the length of {the} in words (anything between two spaces is a word)",
        ),
        ("the number of words in {the}", "the word count of {the}"),
        ("how many words does {the} have?", "how long is {the}, in words?"),
    ),
    Operation(
        "text.long words",
        PROSE,
        "list",
        _long,
        (
            "list the words with more than {n} letters",
            "pull out every word longer than {n} letters, separated by commas",
            "extract the long words: those of more than {n} letters, in order",
        ),
        ("the words of {the} that have more than {n} letters", "all words longer than {n} letters"),
        ("which words have more than {n} letters?",),
        _letters,
    ),
    Operation(
        "text.longest word",
        PROSE,
        "word",
        _on_words(_longest),
        (
            "write the longest word of {the}",
            "find the word that has the most letters",
            "copy the word nobody in {the} beats for length",
        ),
        ("the longest word of {the}", "the word with the most letters"),
        ("which is the longest word in {the}?",),
    ),
    Operation(
        "text.capitals",
        PROSE,
        "code",
        lambda v, _: v.text.upper(),
        ("write {the} in capital letters", "turn all of {the} into upper case", "put everything in block capitals"),
        ("{the} in capital letters", "{the}, all upper case"),
    ),
    Operation(
        "text.small letters",
        PROSE,
        "code",
        lambda v, _: v.text.lower(),
        ("write {the} in small letters", "turn all of {the} into lower case", "remove every capital: lower case only"),
        ("{the} in small letters", "{the}, all lower case"),
    ),
    Operation(
        "text.title case",
        prose("contact", "address", "letter", "memo", "ticket"),
        "code",
        _title,
        (
            "give every word of {the} a capital first letter",
            "put {the} in title case (each word capitalised, even small ones)",
            "capitalise the first letter of all words",
        ),
        ("{the} with a capital at the start of every word", "{the} in title case, small words too"),
    ),
    Operation(
        "text.no punctuation",
        prose("trip", "trip note", "meeting", "move", "hours", "contact", "chat log", "quote", "memo"),
        "text",
        lambda v, _: _bare(v.text),
        (
            "remove the punctuation from {the}",
            "copy {the} without commas, full stops and other marks",
            "strip all punctuation marks, words and spaces stay",
        ),
        ("{the} without any punctuation", "the plain words of {the}, no marks"),
    ),
    Operation(
        "text.other end",
        _ENDED,
        "text",
        _ended,
        (
            'end {the} with "{mark}" instead of the full stop',
            'replace the final full stop by "{mark}"',
            'copy {the}, but with "{mark}" as its last mark',
        ),
        (
            '{the} with "{mark}" in place of the final full stop',
            'the same text, ending in "{mark}" instead of a full stop',
        ),
        params=lambda d: {"mark": d.pick(("!", "!!", "...", "?", ";", " (end)"))},
    ),
    Operation(
        "text.tag",
        PROSE,
        "text",
        lambda v, p: f"{p['tag']}: {v.text}",
        (
            'put "{tag}: " in front of {the}',
            'mark {the} with "{tag}:" at the start',
            'prefix {the} with "{tag}", a colon and a space',
        ),
        (
            '{the} with "{tag}: " before it',
            'the same text, marked with "{tag}:" at the start',
        ),
        params=lambda d: {"tag": d.pick(_TAGS)},
    ),
    Operation(
        "text.end tag",
        PROSE,
        "text",
        lambda v, p: f"{v.text} {p['tag']}",
        (
            'add "{tag}" at the end of {the}',
            'append a space and "{tag}"',
            'copy {the} with "{tag}" after it',
        ),
        (
            '{the} followed by a space and "{tag}"',
            'the same text with "{tag}" added after a space',
        ),
        params=lambda d: {"tag": d.pick(_ENDS)},
    ),
    Operation(
        "text.put last",
        prose("contact"),
        "text",
        _put_last,
        (
            'replace the last word of {the} by "{word}"',
            'change the final word to "{word}", everything else as it is',
            'copy {the} so that it ends in "{word}" instead of its last word',
        ),
        (
            '{the} with "{word}" in place of the last word',
            'the same text, except that its last word is "{word}"',
        ),
        params=_word,
    ),
    Operation(
        "text.put first",
        prose("check todo", "ranked todo", "chat", "memo", "ticket", "review", "news"),
        "text",
        _put_first,
        (
            'replace the first word of {the} by "{word}" with a capital letter',
            'change the opening word to "{word}" (capitalised), everything else as it is',
            'copy {the}, but start it with "{word}" (capital letter) in place of its first word',
        ),
        (
            '{the} with "{word}", capitalised, in place of the first word',
            'the same text, except that its first word is "{word}", capitalised',
        ),
        params=_word,
    ),
    Operation(
        "text.backwards",
        _SHORT,
        "text",
        _on_words(lambda w: " ".join(w[::-1]) if len(w) <= 9 else None),
        (
            "write the words of {the} in reverse order, without punctuation",
            "read {the} from the last word to the first (no marks)",
            "reverse the word order, spelling unchanged and punctuation left out",
        ),
        (
            "the words of {the} from last to first, without punctuation",
            "{the} read backwards word by word, no marks",
        ),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
