"""What every source shares: clean examples, options on display, safe names."""

import hashlib
import re
from collections.abc import Iterable, Sequence

from genlora.errors import UnsafeNameError
from genlora.files import check_name

from ._task import Example, Metric

MAX_INPUT_CHARS = 2_000
"""Longer inputs are left out by the sources that are large (BIG-bench, hub)."""

_UNSAFE = re.compile(r"[^a-z0-9._-]+")


def digest_of(text: str) -> bytes:
    """SHA-256 of a text, lone surrogates included: the one hash that orders options and examples."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def safe_name(text: str) -> str:
    """A task name made of `text`: [a-z0-9._-], at most 64 characters; long ones end in eight digits of their hash."""
    name = _UNSAFE.sub("-", text.lower()).strip("-._")
    name = re.sub(r"\.\.+", ".", name) or "task"
    if len(name) > 64:
        name = f"{name[:55].rstrip('-._')}-{digest_of(text).hex()[:8]}"
    try:
        return check_name(name)
    except UnsafeNameError:  # a device name such as 'con'
        return f"task-{name}"[:64]


def shuffled_options(input: str, options: Sequence[str]) -> tuple[str, ...]:
    """Options in an order that depends on the input and their texts alone, never on the source's order."""
    return tuple(sorted(options, key=lambda o: digest_of(f"{input}\0{o}")))


def with_options(input: str, options: Sequence[str]) -> str:
    """The input with a line `Options: a; b; c` below."""
    return f"{input}\nOptions: {'; '.join(options)}"


def clean_examples(examples: Iterable[Example]) -> tuple[Example, ...]:
    """Drop empty ones and repeats; a repeated free-answer input keeps every answer it was given.

    A repeated multiple-choice input with other right answers contradicts itself and is dropped altogether.
    """
    found: dict[str, Example | None] = {}
    for e in examples:
        if not e.input.strip() or not e.output.strip():
            continue
        known = found.get(e.input, e)
        if known is None or known is e or known.answers == e.answers:
            found[e.input] = known
        elif known.choices or e.choices:
            found[e.input] = None if set(known.answers) != set(e.answers) else known
        else:
            answers = tuple(dict.fromkeys((*known.answers, *e.answers)))
            found[e.input] = Example(e.input, min(known.output, e.output), answers)
    return tuple(e for e in found.values() if e is not None)


def guess_metric(examples: Sequence[Example]) -> Metric:
    """Choice when every example has options, exact when answers are short (four words on average), else ROUGE-L."""
    if examples and all(e.choices for e in examples):
        return "choice"
    words = sum(len(e.output.split()) for e in examples)
    return "exact" if words <= 4 * max(1, len(examples)) else "rouge-l"


def with_label_set(examples: Sequence[Example], *, most: int = 12) -> tuple[Example, ...]:
    """Fill `choices` when the outputs are a small label set: `most` labels at most, ten examples each on average."""
    labels = tuple(sorted({a for e in examples for a in e.answers}))
    if not 2 <= len(labels) <= most or len(examples) < 10 * len(labels) or any("\n" in x for x in labels):
        return tuple(examples)
    return tuple(Example(e.input, e.output, e.accepted, labels) for e in examples)
