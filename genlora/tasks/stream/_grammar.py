"""How a spec is said: one of many grammars over the same verb phrases, noun phrases and questions."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from genlora.tasks._draw import Draw

_THIRD = {"do": "does", "go": "goes", "be": "is", "have": "has", "say": "says"}


@dataclass(frozen=True)
class Said:
    """The phrases that a description is built from, slots filled."""

    say: str
    """Imperative verb phrase, no full stop."""
    noun: str
    ask: str | None
    a: str
    """The input with its article."""
    form: str | None
    """What is asked of the answer's form."""
    shown: tuple[str, str] | None
    """One solved example, for the grammars that show one."""


def third_person(phrase: str) -> str:
    """Conjugate the first verb: "give the last word" becomes "gives the last word"."""
    verb, _, rest = phrase.partition(" ")
    if verb in _THIRD:
        verb = _THIRD[verb]
    elif verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        verb += "es"
    elif verb.endswith("y") and verb[-2:-1] not in "aeiou":
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return f"{verb} {rest}".strip()


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    text = upper_first(text)
    return text if text.endswith((".", "?", "!", '"')) else f"{text}."


def _with_form(s: Said, body: str, draw: Draw) -> str:
    if s.form is None:
        return _sentence(body)
    if not body.endswith(("?", ".")) and draw.chance(0.4):
        return _sentence(f"{body}, {s.form}")
    return f"{_sentence(body)} {_sentence(s.form)}"


def _question(s: Said, draw: Draw) -> str:
    return s.ask or draw.pick((f"what is {s.noun}?", f"can you tell me {s.noun}?"))


def _flat(text: str) -> str:
    return text.replace("\n", " / ")


def _example(s: Said, draw: Draw) -> str:
    if s.shown is None:
        return _with_form(s, s.say, draw)
    given, wanted = _flat(s.shown[0]), _flat(s.shown[1])
    shape = draw.pick(
        (
            "{say}: {x} -> {y}",
            "{say}, e.g. {x} becomes {y}",
            "{say}. Example: {x} => {y}",
            "{x} => {y}",
            "{noun}, as in {x} -> {y}",
            "{say} ({x} gives {y})",
            'For "{x}" the answer is "{y}": {say}',
        )
    )
    text = shape.format(say=s.say, noun=s.noun, x=given, y=wanted)
    return text if shape.startswith("{x}") else upper_first(text)  # an input is quoted as it is


GRAMMARS: dict[str, Callable[[Said, Draw], str]] = {
    "imperative": lambda s, d: _with_form(s, s.say, d),
    "question": lambda s, d: _with_form(s, _question(s, d), d),
    "noun": lambda s, d: upper_first(s.noun) if s.form is None else f"{upper_first(s.noun)}, {s.form}",
    "arrow": lambda s, d: f"{re.sub('^(an?|the) ', '', s.a)} -> {s.noun}" + (f" ({s.form})" if s.form else ""),
    "role": lambda s, d: _with_form(
        s,
        d.pick(
            ("you are a tool that {}", "you are an assistant who {}", "this function {}", "a program that {}")
        ).format(third_person(s.say)),
        d,
    ),
    "two": lambda s, d: (
        f"{_sentence(d.pick(('you get {}', 'the input is {}', 'I send you {}', 'given is {}')).format(s.a))} "
        + _with_form(s, s.say, d)
    ),
    "back": lambda s, d: _with_form(
        s,
        d.pick(("your task is to {}", "please {}", "I want you to {}", "I need you to {}", "always {}")).format(s.say),
        d,
    ),
    "reply": lambda s, d: _with_form(
        s,
        d.pick(("reply with {}", "return {}", "output {}", "answer with {}", "I need {}", "we want {} here")).format(
            s.noun
        ),
        d,
    ),
    "example": _example,
}
_WEIGHTED = (
    "imperative",
    "imperative",
    "imperative",
    "imperative",
    "question",
    "question",
    "noun",
    "noun",
    "arrow",
    "role",
    "two",
    "back",
    "reply",
    "example",
    "example",
)


def describe(said: Said, draw: Draw) -> str:
    """One description. A tenth is written carelessly: lower case, no full stop."""
    text = GRAMMARS[draw.pick(_WEIGHTED)](said, draw)
    if draw.chance(0.1) and '"' not in text:
        text = text[:1].lower() + text[1:].rstrip(".")
    return text
