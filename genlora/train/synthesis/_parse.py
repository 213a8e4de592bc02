"""What a writer wrote, as examples: what is around them is left out, and what cannot be read is counted."""

import re
from collections.abc import Iterator

from genlora.errors import TaskError
from genlora.tasks import Example, parse_examples

MAX_INPUT, MAX_OUTPUT = 2_000, 1_000
"""Longest texts in characters."""

_THOUGHT = re.compile(r"<think>.*?</think>|^.*?</think>", re.S)
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+")
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.M)
_OBJECT = re.compile(r"\{[^{}]*\}")
_NUMBER = re.compile(r'("(?:input|output)"\s*:\s*)(-?\d+(?:\.\d+)?|true|false)(?=\s*[,}])')
_MARKS = ("=>", "->", "→", "\t", "{")
"""A line with none of these is talk; one with any is an example, or a fault."""
_NOTHING = frozenset({"...", "…", "input", "output"})


def written(text: str) -> tuple[list[Example], int]:
    """(examples, how many lines looked like one and could not be read) of a writer's answer.

    Any form that `parse_examples` reads, bare or in a code block, with numbers or bullets before the lines and talk
    around them.
    """
    text = _FENCE.sub("", _THOUGHT.sub("", text)).strip()
    # Objects that are spread over lines, and numbers without quotation marks, are what models write all the same.
    text = _NUMBER.sub(r'\1"\2"', _OBJECT.sub(lambda m: m[0].replace("\n", " "), text))
    lines = [line for line in text.splitlines() if any(mark in line for mark in _MARKS)]
    if lines and all(map(_BULLET.match, lines)):  # else a hyphen or number belongs to the input
        text = "\n".join(_BULLET.sub("", line, count=1) for line in lines)
    try:
        found = [e for _, e in parse_examples(text)]
    except TaskError:
        found = list(_line_by_line(text))
    usable = [Example(e.input, e.output) for e in found if e is not None and _usable(e)]
    return usable, len(found) - len(usable)


def _line_by_line(text: str) -> Iterator[Example | None]:
    for line in text.splitlines():
        if not any(mark in line for mark in _MARKS):
            continue
        try:
            yield from (e for _, e in parse_examples(line.strip().removesuffix(",")))
        except TaskError:
            yield None


def _usable(e: Example) -> bool:
    fits = len(e.input) <= MAX_INPUT and len(e.output) <= MAX_OUTPUT
    said = e.input.lower() not in _NOTHING and e.output.lower() not in _NOTHING
    return fits and said and all(c.isprintable() or c in "\n\t" for c in e.input + e.output)


def answer_in(text: str) -> str:
    """The answer that a writer gave to one input, without what it thought and without a label."""
    text = _FENCE.sub("", _THOUGHT.sub("", text)).strip()
    for label in ("Answer:", "Output:"):
        text = text.removeprefix(label).strip()
    if text.startswith("{"):
        examples, _ = written(text)
        return examples[0].output if len(examples) == 1 else text
    return text
