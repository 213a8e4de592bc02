"""Examples of a description, by a writer: synthesised, parsed, and kept only where the writer agrees with itself.

As in Trans-LoRA (arXiv 2405.17258) data come from a model's own words; instead of a discriminator the second answer
decides: the input is asked again on its own, and a pair whose answers differ is dropped (self-consistency, arXiv
2203.11171, with two answers).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from genlora.progress import Progress, silent
from genlora.tasks import AnswerForm, Example
from genlora.tasks.forms import form_said

from ._parse import answer_in, written
from ._prompts import WriterPrompt, answering_prompt, writing_prompts

Writer = Callable[[Sequence[WriterPrompt]], Iterable[str]]
"""What answers prompts: one text for each, in their order, whenever it is ready."""


_SHOWN = 80
"""Longest answer that is shown to the writer as an example of the answers' form, in characters."""


@dataclass(frozen=True)
class Counts:
    """What became of what was asked for: parsed = duplicate + off_form + disagreed + kept."""

    asked: int
    parsed: int
    """Examples that could be read."""
    unreadable: int
    """Lines that looked like one and could not be read, are too long, or say nothing; not in `parsed`."""
    duplicate: int
    """Inputs that were there already."""
    off_form: int
    """Answers that are not of the form the description names."""
    disagreed: int
    """Pairs whose input, asked on its own, got another answer."""
    kept: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Synthesised:
    """Examples that passed everything, and what became of the others."""

    examples: tuple[Example, ...]
    doubtful: tuple[tuple[Example, str], ...]
    """Those that were disagreed on, with the second answer."""
    form: AnswerForm | None
    """What the answers were held to."""
    counts: Counts


def synthesise(
    description: str, writer: Writer, *, count: int = 24, seed: int = 0, progress: Progress = silent
) -> Synthesised:
    """Examples of `description` in `writer`'s words.

    Args:
        description: what the task is, in normal form.
        writer: a model behind an endpoint, or one in memory.
        count: how many are asked for; the filters leave fewer.
        seed: of the prompts; each has its own.
        progress: told "write" and "agree" with how many prompts were answered.

    Raises what `writer` raises.
    """
    form = form_said(description)
    found, unreadable = [], 0
    for text in _answers(writer, writing_prompts(description, form, count=count, seed=seed), "write", progress):
        examples, faults = written(text)
        found += examples
        unreadable += faults
    once = list({_key(e.input): e for e in reversed(found)}.values())[::-1]  # the first of each input
    formed = [e for e in once if form is None or form.legal(e.output)]
    prompts = [
        answering_prompt(description, e.input, _others(formed, i), seed=seed + count + i) for i, e in enumerate(formed)
    ]
    again = [answer_in(text) for text in _answers(writer, prompts, "agree", progress)]
    kept = tuple(e for e, second in zip(formed, again, strict=True) if second == e.output)
    doubtful = tuple((e, second) for e, second in zip(formed, again, strict=True) if second != e.output)
    counts = Counts(
        asked=count,
        parsed=len(found),
        unreadable=unreadable,
        duplicate=len(found) - len(once),
        off_form=len(once) - len(formed),
        disagreed=len(doubtful),
        kept=len(kept),
    )
    return Synthesised(kept, doubtful, form, counts)


def _answers(writer: Writer, prompts: Sequence[WriterPrompt], what: str, progress: Progress) -> list[str]:
    texts = []
    if prompts:
        progress(what, 0, len(prompts))
        for text in writer(prompts):
            texts.append(text)
            progress(what, len(texts), len(prompts))
    return texts


def _key(input: str) -> str:
    return " ".join(input.casefold().split())


def _others(examples: Sequence[Example], i: int) -> list[str]:
    """Short answers of other inputs, those that follow first."""
    others = (examples[(i + n) % len(examples)].output for n in range(1, len(examples)))
    return [text for text in others if len(text) <= _SHOWN and "\n" not in text]
