"""Inputs like a few seeds, in a small base's own words: a numbered list that it goes on with, cleaned and judged.

The synthesis of Trans-LoRA (arXiv 2405.17258). A base of a hundred million parameters does not follow the instruction
"write another one", but it goes on with a list; what does not have the seeds' shape is dropped, more is written than is
wanted, and a judge decides about the rest.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from genlora.errors import TaskError

from ._prompts import WriterPrompt
from ._rounds import Synthetic, synthesis_rounds
from ._synthesise import Writer

LEAST_SEEDS, MOST_SEEDS = 3, 15
TEMPERATURES = (0.8, 1.0, 1.1)
"""Prompts take turns with them: low ones write what is right, high ones what is new."""
_LOOSE = 1.6
"""A line may be so many times longer than the longest seed, and as much shorter than the shortest."""
_BREAK = " ⏎ "
"""Stands for a line break within a seed, so that an input is always one line of the list."""
_QUOTES = "\"'\u201c\u201d\u2018\u2019"


@dataclass(frozen=True)
class InputShape:
    """What inputs look like, read from the seeds alone."""

    least: int
    """Shortest input, in characters."""
    most: int
    """Longest."""
    lines: tuple[int, ...]
    """How many lines inputs have."""
    ends: str
    """The last characters of all seeds, where each ends in a punctuation mark; else empty."""
    marks: frozenset[str]
    """Marks that all seeds hold, such as `:`, `|` or `Options`: an input without one of them has not their shape."""

    @classmethod
    def of(cls, seeds: Sequence[str]) -> Self:
        lengths = [len(s) for s in seeds]
        last = {s[-1] for s in seeds}
        punctuation = all(not c.isalnum() and not c.isspace() for c in last)
        marks = frozenset.intersection(*(frozenset(c for c in s if not c.isalnum() and c not in " \n") for s in seeds))
        return cls(
            least=max(1, int(min(lengths) / _LOOSE)),
            most=int(max(lengths) * _LOOSE) + 2,
            lines=tuple(sorted({s.count("\n") + 1 for s in seeds})),
            ends="".join(sorted(last)) if punctuation else "",
            marks=marks,
        )

    def fits(self, text: str) -> bool:
        """Whether a text has this shape."""
        return (
            self.least <= len(text) <= self.most
            and text.count("\n") + 1 in self.lines
            and (not self.ends or text[-1] in self.ends)
            and all(mark in text for mark in self.marks)
            and all(c.isprintable() or c == "\n" for c in text)
        )


def continuing_prompts(
    seeds: Sequence[str], *, first: int, count: int, max_tokens: int, seed: int
) -> list[WriterPrompt]:
    """Lists of the seeds to be gone on with, numbers `first` to `first + count`, each in an order of its own."""
    out = []
    for n in range(first, first + count):
        order = list(seeds)
        # Eight orders, not as many as prompts: prompts of one order share the pass over the seeds.
        random.Random(f"{seed}/{n // 8}").shuffle(order)
        lines = "".join(f"{i}. {_one_line(s)}\n" for i, s in enumerate(order, 1))
        temperature = TEMPERATURES[n % len(TEMPERATURES)]
        out.append(WriterPrompt(f"{lines}{len(order) + 1}.", temperature, seed * 1_000_003 + n, max_tokens, raw=True))
    return out


def _one_line(text: str) -> str:
    return text.replace("\n", _BREAK)


def input_in(text: str, shape: InputShape) -> str | None:
    """The input that a continuation begins with, or None where it does not have the seeds' shape."""
    line = text.split("\n", 1)[0].strip().replace(_BREAK.strip(), "\n")
    line = re.sub(r" *\n *", "\n", line).strip()
    if len(line) > 2 and line[0] in _QUOTES and line[-1] in _QUOTES and not shape.ends:
        line = line[1:-1].strip()
    return line if line and shape.fits(line) else None


class Judge(Protocol):
    """Tells synthesised inputs that may pass for real ones from others."""

    @property
    def how(self) -> str:
        """What it goes by, in words: for the report."""
        ...

    def scores(self, texts: Sequence[str]) -> list[float]:
        """For each text how much more likely it is real than synthesised; from 0 on it is kept."""
        ...


class NoJudge:
    """Keeps everything: the control."""

    how = "nothing: every input of the seeds' shape was kept"

    def scores(self, texts: Sequence[str]) -> list[float]:
        return [0.0] * len(texts)


def synthesise_inputs(
    seeds: Sequence[str],
    writer: Writer,
    judge: Judge,
    *,
    count: int,
    most: int,
    max_tokens: int,
    round_size: int = 32,
    seed: int = 0,
    rounds: Sequence[Sequence[str]] = (),
) -> Iterator[tuple[Synthetic[str], list[str]]]:
    """Write, clean and judge inputs in rounds until `count` are kept or `most` were asked for.

    Args:
        seeds: real inputs, `LEAST_SEEDS` to `MOST_SEEDS`: nothing else of the data is seen.
        writer: a base that goes on with a list.
        judge: decides what is kept.
        count: inputs that are wanted.
        most: inputs that are asked for at most.
        max_tokens: the longest input, in the writer's tokens.
        round_size: inputs asked for at a time.
        seed: of orders and draws.
        rounds: what the writer said in earlier rounds of this very run.

    Yields everything so far, and what the writer said in this round (to be kept for going on). A round is judged as a
    whole. Raises `TaskError` for seeds that cannot be used, and what writer and judge raise.
    """
    check_seeds(seeds)
    shape, said = InputShape.of(seeds), list[str]()

    def make(number: int) -> list[str | None]:
        nonlocal said
        if number < len(rounds):
            said = list(rounds[number])
        else:
            prompts = continuing_prompts(
                seeds, first=number * round_size, count=round_size, max_tokens=max_tokens, seed=seed
            )
            said = list(writer(prompts))
        return [input_in(text, shape) for text in said]

    for found in synthesis_rounds(make, judge.scores, _key, count=count, most=most, seeds=seeds):
        yield found, said


def check_seeds(seeds: Sequence[str]) -> None:
    """Raise `TaskError` unless these can be the seeds of a synthesis."""
    if not LEAST_SEEDS <= len(seeds) <= MOST_SEEDS:
        raise TaskError(
            f"{len(seeds)} seeds, expected {LEAST_SEEDS} to {MOST_SEEDS} examples of the task. Five are usual: give "
            "them in a file with --seeds FILE."
        )
    if len({_key(s) for s in seeds}) < len(seeds):
        raise TaskError("two seeds have the same input, expected different ones. Replace one of them.")


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
