"""A task: what it is called, how people describe it, its examples and how answers are scored."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ._format import AnswerFormat, answer_format

Metric = Literal["exact", "choice", "rouge-l"]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Example:
    """One input and what counts as right."""

    input: str
    output: str
    """The answer a model is trained on."""
    accepted: tuple[str, ...] = ()
    """Every right answer, the trained one included; empty means just `output`."""
    choices: tuple[str, ...] = ()
    """The options of a multiple-choice task, in the order shown; empty for free answers."""

    @property
    def answers(self) -> tuple[str, ...]:
        return self.accepted or (self.output,)


def split_of(text: str) -> Split:
    """Which split an input belongs to: 70 % train, 15 % validation, 15 % test, by a hash of the input alone.

    It never depends on the other examples, so it is stable when a source grows or is reordered.
    """
    bucket = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big") % 100
    return "train" if bucket < 70 else "validation" if bucket < 85 else "test"


@dataclass(frozen=True)
class Task:
    """A named task with descriptions, examples, a metric and a family."""

    name: str
    """Safe as a file name: [a-z0-9._-], at most 64."""
    descriptions: tuple[str, ...]
    """How people say it; the last two are held out of all training when there are eight or more."""
    examples: tuple[Example, ...] = field(repr=False)
    family: str
    """What the task is about; families decide what counts as near and far."""
    parent: str
    """The task it is a variant of (a BIG-bench folder, say); itself when it has no siblings."""
    metric: Metric = "exact"
    source: str = ""
    """Where it came from, e.g. 'bigbench:word_sorting'."""
    licence: str = "unknown"

    @cached_property
    def _by_split(self) -> dict[str, tuple[Example, ...]]:
        out: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
        seen: set[str] = set()
        for e in self.examples:
            if e.input not in seen:  # a repeated input would sit twice in one split and be counted twice
                seen.add(e.input)
                out[split_of(e.input)].append(e)
        return {k: tuple(v) for k, v in out.items()}

    def split(self, which: Split) -> tuple[Example, ...]:
        """Examples of one split, in source order."""
        return self._by_split[which]

    @cached_property
    def answer_format(self) -> AnswerFormat:
        """The form that the right answers of the training split share."""
        return answer_format(a for e in self.split("train") for a in e.answers)

    @property
    def training_descriptions(self) -> tuple[str, ...]:
        return self.descriptions[:-2] if len(self.descriptions) >= 8 else self.descriptions

    @property
    def unseen_descriptions(self) -> tuple[str, ...]:
        return self.descriptions[-2:] if len(self.descriptions) >= 8 else ()


def sample(examples: Sequence[Example], n: int, *, seed: int) -> tuple[Example, ...]:
    """At most `n` examples, chosen and ordered by a hash of (seed, input): stable however the source is ordered."""

    def key(e: Example) -> bytes:
        return hashlib.sha256(f"{seed}\0{e.input}".encode("utf-8", "surrogatepass")).digest()

    return tuple(sorted(examples, key=key)[:n])
