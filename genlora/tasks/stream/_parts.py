"""What a spec is made of: input types, operations, conditions, classifiers. Content lives in `inputs/`, `operations/`.

An *input type* draws values of one *kind*: comma lists and bullet lists are two types of the kind "words". An
*operation* works on kinds, so one operation meets many input types.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from genlora.tasks._draw import Draw

from ._wording import Wording, wording_of

AnswerKind = Literal["word", "text", "number", "list", "code", "label"]
"""Which answer forms fit: a word (capitals, quotes ...), free text, a number (padding, words, unit), a list of items
joined by ", ", a code (dates, e-mails, paths: never re-cased), a label."""

Params = Mapping[str, Any]


def picked(**choices: Sequence[Any]) -> Callable[[Draw], Params]:
    """Draws one of the choices of each parameter, in the order of the arguments."""
    return lambda draw: {name: draw.pick(of) for name, of in choices.items()}


@dataclass(frozen=True)
class Value:
    """One input: what it means, and how it is written."""

    data: Any
    """Structured, by kind: "words" a tuple of strings, "record" a dict, "number" an int ..."""
    text: str
    """What the model reads; at most some 40 tokens."""


@dataclass(frozen=True)
class InputType:
    """A way of writing inputs of one kind."""

    name: str
    kind: str
    a: str
    """Noun phrase with its article: "a comma-separated list of words"."""
    the: str
    """How a description refers back to it: "the list"."""
    draw: Callable[[Draw, Params], Value | None]
    """One value in the spec's layout; None for a failed draw."""
    layout: Callable[[Draw], Params] = field(default=lambda _: {})
    """Drawn once a spec: separators, lengths, field names."""


@dataclass(frozen=True)
class Operation:
    """What is asked of an input; `data/wording/` holds how it is said, under the operation's name."""

    name: str
    """family.name, e.g. "pick.last"; the family groups operations for a look."""
    on: tuple[str, ...]
    """Kinds of input."""
    answer: AnswerKind
    do: Callable[[Value, Params], str | None]
    """The answer; None where the question has none or no single one for this input."""
    params: Callable[[Draw], Params] = field(default=lambda _: {})
    knowledge: bool = False
    """Needs facts that are not in the input: at most a fifth of what is drawn."""
    wording: Wording | None = None
    """Of operations that are made from others; None for what is written in `data/wording/`."""

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def phrases(self) -> Wording:
        """How it is said."""
        return self.wording or wording_of(self.name)


@dataclass(frozen=True)
class Condition:
    """A yes-or-no property. One makes several operations: label with two words, and over lists keep, drop, count, find.

    `yes` and `no` are clauses about {the} input: "{the} is even", "{the} is odd"; the first `yes` and the first `no`
    are opposites. `that` (kind "word" or "number" only) is a relative clause for list operations: "that start with a
    vowel" (plural), `that_one` its singular: "that starts with a vowel".
    """

    name: str
    on: tuple[str, ...]
    test: Callable[[Value, Params], bool | None]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    that: tuple[str, ...] = ()
    that_one: tuple[str, ...] = ()
    params: Callable[[Draw], Params] = field(default=lambda _: {})
    knowledge: bool = False


@dataclass(frozen=True)
class Classifier:
    """A property with three or more values. `classes` maps a class to a clause ("{the} is about a refund") and `names`
    to its natural label word ("refund"); labels are drawn at random half of the time.
    """

    name: str
    on: tuple[str, ...]
    classify: Callable[[Value, Params], str | None]
    classes: Mapping[str, str]
    about: str
    """What is decided, as a noun phrase: "the topic of {the}"."""
    names: Mapping[str, str] = field(default_factory=dict)
    params: Callable[[Draw], Params] = field(default=lambda _: {})
    knowledge: bool = False
