"""Descriptions as words that can be compared: look-alike letters, accents, digits and spaced-out words undone.

Folding serves comparison only; what is shown to people, and what makes the adapter, is the text as it was written.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_LOOK_ALIKES = str.maketrans(
    # Cyrillic, Greek and a few Latin letters that Unicode does not decompose, each with the Latin letter it looks like.
    "аеорсхуіѕјԁһкмтвнгпαοερντυικχηγβδœæøđłıþ",
    "aeopcxyisjdhkmtbhrnaoepvtuikxnybdoaodlip",
)
_LEET = str.maketrans("0134578", "oieastb")
_SYMBOLS = ((re.compile(r"[@](?=\w)"), "a"), (re.compile(r"[$](?=\w)"), "s"), (re.compile(r"(?<=\w)[!|](?=\w)"), "i"))
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a description."""

    text: str
    """As it was written, folded."""
    forms: tuple[str, ...]
    """Everything it may stand for: itself, its digits as letters, its parts run together."""


def fold(text: str) -> str:
    """Lower case, without accents and invisible characters, look-alike letters as Latin ones."""
    spread = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in spread if unicodedata.category(c) not in ("Mn", "Cf", "Me"))
    out = bare.casefold().translate(_LOOK_ALIKES)
    for pattern, letter in _SYMBOLS:
        out = pattern.sub(letter, out)
    return out


def sentences(text: str) -> list[list[Token]]:
    """The words of each sentence of `text`; sentences without words are left out."""
    found = (_tokens(part) for part in _SENTENCE.split(fold(text)))
    return [tokens for tokens in found if tokens]


def disguised(text: str, parts: Sequence[Sequence[Token]]) -> bool:
    """Whether `text`, whose sentences are `parts`, holds words that are spelled unlike they are read.

    Digits within words, letters of another alphabet, invisible characters, letters or parts set apart: all of it occurs
    in honest text too ("e-mail", "mp3"), so this is a reason to look at the words, not to stop.
    """
    if any(len(token.forms) > 1 for tokens in parts for token in tokens):
        return True
    return any(
        unicodedata.category(c) == "Cf" or (c.isalpha() and not unicodedata.name(c, "").startswith("LATIN"))
        for c in text
        if not c.isascii()
    )


def _tokens(sentence: str) -> list[Token]:
    tokens: list[Token] = []
    for chunk in sentence.split():
        words = _WORD.findall(chunk)
        for i, word in enumerate(words):
            whole = "".join(words) if i == 0 and len(words) > 1 else ""
            tokens.append(Token(word, _forms(word, whole)))
    return _joined(tokens)


def _forms(word: str, whole: str = "") -> tuple[str, ...]:
    """`word`, and what it may stand for; `whole` is the chunk it begins, its parts run together ("key-logger")."""
    forms = [word]
    for text in (word, whole):
        if not text:
            continue
        forms.append(text)
        if any(c.isdigit() for c in text) and any(c.isalpha() for c in text):
            forms.append(text.translate(_LEET))
        if _RUN.search(text):
            forms.append(_RUN.sub(r"\1", text))
            forms.append(_RUN.sub(r"\1\1", text))
    return tuple(dict.fromkeys(forms))


def _joined(tokens: list[Token]) -> list[Token]:
    """Rows of three or more single letters ("b o m b") as one word, with and without a leading article "a"."""
    out: list[Token] = []
    row: list[Token] = []
    for token in [*tokens, None]:
        if token is not None and len(token.text) == 1:
            row.append(token)
            continue
        if len(row) >= 3:
            word = "".join(t.text for t in row)
            spare = _forms(word[1:]) if word[0] in "ai" and len(word) > 3 else ()
            out.append(Token(word, tuple(dict.fromkeys((*_forms(word), *spare)))))
        else:
            out += row
        row = []
        if token is not None:
            out.append(token)
    return out
