"""Small regular grammars, written as a regular expression or as GBNF.

Both writings come from one value, so that what llguidance and vLLM hold an answer to and what llama.cpp holds it to is
the same language, but for the longest texts. The regular expressions use only what Python's `re` and Rust's `regex`
read alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_SPECIAL = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True)
class Literal:
    """Exactly this text."""

    text: str


@dataclass(frozen=True)
class Chars:
    """One character of a class, e.g. `0-9`, or, `excluded`, one that is not of it."""

    within: str
    """As inside brackets: ranges, characters, and the escapes that regular expressions and GBNF share."""
    excluded: bool = False


@dataclass(frozen=True)
class Chain:
    """One part after the other."""

    parts: tuple["Grammar", ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple["Grammar", ...]


@dataclass(frozen=True)
class Times:
    """A part `least` to `most` times."""

    part: "Grammar"
    least: int
    most: int


Grammar = Literal | Chars | Chain | Choice | Times

DIGIT = Chars("0-9")
_UNBOUNDED = 100
"""Repetitions from which on GBNF says "any number": llama.cpp refuses grammars of too many of them."""


def _one(part: "Grammar | str") -> Grammar:
    return Literal(part) if isinstance(part, str) else part


def chain(*parts: Grammar | str) -> Grammar:
    """`parts` one after the other; texts are literals, empty ones fall away."""
    found = tuple(_one(p) for p in parts if p != "")
    return found[0] if len(found) == 1 else Chain(found)


def choice(options: Iterable[Grammar | str]) -> Grammar:
    """One of `options`."""
    found = tuple(_one(o) for o in options)
    return found[0] if len(found) == 1 else Choice(found)


def maybe(part: Grammar | str) -> Grammar:
    """`part` or nothing."""
    return Times(_one(part), 0, 1)


def class_escaped(characters: str) -> str:
    """`characters` for the inside of `Chars`. Carets and hyphens have no common escape: leave them out."""
    return "".join(f"\\{c}" if c in '\\[]"' else "\\n" if c == "\n" else c for c in characters)


def regex_of(grammar: Grammar) -> str:
    """A regular expression for whole answers: without anchors, groups that capture, or looking around."""
    match grammar:
        case Literal(text):
            return "".join(f"\\{c}" if c in _SPECIAL else "\\n" if c == "\n" else c for c in text)
        case Chars(within, excluded):
            return f"[{'^' if excluded else ''}{within}]"
        case Chain(parts):
            return "".join(regex_of(p) for p in parts)
        case Choice(options):
            return "(?:" + "|".join(regex_of(o) for o in options) + ")"
        case Times(part):
            inner = regex_of(part)
            return (inner if isinstance(part, Chars | Choice) else f"(?:{inner})") + _times(grammar)


def gbnf_of(grammar: Grammar) -> str:
    """The right side of a rule in llama.cpp's GBNF; a hundred repetitions and more are without a bound there."""
    match grammar:
        case Literal(text):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case Chars(within, excluded):
            return f"[{'^' if excluded else ''}{within}]"
        case Chain(parts):
            return " ".join(gbnf_of(p) for p in parts)
        case Choice(options):
            return "(" + " | ".join(gbnf_of(o) for o in options) + ")"
        case Times(part):
            inner = gbnf_of(part)
            many = grammar.most >= _UNBOUNDED and grammar.least < 2
            return (f"({inner})" if isinstance(part, Chain) else inner) + (
                "*+"[grammar.least] if many else _times(grammar)
            )


def _times(grammar: Times) -> str:
    least, most = grammar.least, grammar.most
    if (least, most) == (0, 1):
        return "?"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"
