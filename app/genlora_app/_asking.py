"""Both models are asked the same inputs at the same time: those of the bank that fit a request, or the user's own."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace

from genlora.api import KeptAdapter, check_input
from genlora.bank import ExpertRecord
from genlora.base import Constraint, LoadedBase
from genlora.engine import Engine, Sampling, Stream
from genlora.errors import TaskError
from genlora.tasks import Example, PromptFormat, prompt_ids, score

MAX_MESSAGE_CHARS = 4_000
ASKED = 3
"""Inputs that both models are asked as soon as an adapter is made."""


@dataclass(frozen=True)
class Exchange:
    """One message and what both models say to it, as far as they have got."""

    message: str
    base: str = ""
    adapted: str = ""
    told: str | None = None
    """The description that the base was given before the message; None where it got the message alone."""
    done: bool = False
    cut: tuple[str, ...] = ()
    """Which of "base" and "adapted" would have said more."""
    right: str | None = None
    """The right answer, where it is known."""

    def is_right(self, way: str) -> bool | None:
        """Whether the answer of "base" or "adapted" is exactly the right one; None while nobody can tell."""
        if self.right is None or not self.done:
            return None
        return score("exact", getattr(self, way), Example(self.message, self.right), strict=True) >= 1


@dataclass(frozen=True)
class Inputs:
    """What is asked after an adapter was made."""

    rows: tuple[tuple[str, str | None], ...] = ()
    """Input and right answer; None where the right answer is not known."""
    whose: str = ""
    """The expert they were taken from."""
    own: bool = False
    """Whether they are the user's own examples."""

    @property
    def known(self) -> bool:
        """Whether the right answers are known."""
        return any(right is not None for _, right in self.rows)


@dataclass(eq=False)
class _Answer:
    """One answer as it comes."""

    stream: Stream
    text: str = ""
    cut: bool = False


def inputs_for(
    records: Sequence[ExpertRecord], description: str | None, near: Sequence[str], examples: Sequence[Example]
) -> Inputs:
    """What both models should be asked to see the difference.

    The right answers are known where the request is, word for word, a task of the bank, or was made from examples
    alone: a task that is merely near may want other answers.

    Args:
        records: the bank's experts.
        description: the request's, if it has one.
        near: names of the experts near the request, nearest first.
        examples: the user's. Those beside a description stand in the prompt, so they are not asked.
    """
    if description is None:
        return Inputs(tuple((e.input, e.output) for e in examples[:ASKED]), own=True)
    seen = {e.input for e in examples}
    wanted = _plain(description)
    same = [r.name for r in records if wanted in {_plain(d) for d in r.descriptions}]
    by_name = {r.name: r for r in records}
    for name in [*same, *(n for n in near if n in by_name)]:
        rows = [(i, o if name in same else None) for i, o in samples_of(by_name[name]) if i not in seen]
        if rows:
            return Inputs(tuple(rows[:ASKED]), whose=name)
    return Inputs()


def samples_of(record: ExpertRecord) -> list[tuple[str, str]]:
    """Inputs and right answers that the bank keeps with an expert, held out when it was trained."""
    kept = record.metrics.get("samples", [])
    pairs = [(s.get("input"), s.get("output")) for s in kept if isinstance(s, dict)]
    return [(i, o) for i, o in pairs if isinstance(i, str) and isinstance(o, str) and i.strip()]


def _plain(description: str) -> str:
    return " ".join(description.casefold().split()).rstrip(".?! ")


def described(made: KeptAdapter) -> str | None:
    """What the base can be told: the request's description, or None where there were only examples."""
    return made.generated.description


def held_to(asked: PromptFormat) -> Constraint | None:
    """What answers are held to."""
    return None if asked.answer_form is None else Constraint(regex=asked.answer_form.regex)


async def ask(
    engine: Engine, base: LoadedBase, made: KeptAdapter, messages: Iterable[str], *, tell_base: bool, max_tokens: int
) -> AsyncGenerator[tuple[Exchange, ...], None]:
    """Both models answer all messages, greedily, at the same time; each step is the exchanges so far, in order.

    The adapted model is asked as its bundle says; the base gets the description before the message if `tell_base`.
    Raises `TaskError` for a message that cannot be asked.
    """
    messages = list(messages)
    for message in messages:
        check_input(message, where="the message")
        if len(message) > MAX_MESSAGE_CHARS:
            raise TaskError(f"the message has {len(message):,} characters, expected at most {MAX_MESSAGE_CHARS:,}.")
    told = described(made) if tell_base else None
    sampling = Sampling(max_tokens=max_tokens)
    bundle = made.generated.prompt
    answers: list[_Answer] = []

    def so_far(done: bool) -> tuple[Exchange, ...]:
        pairs = zip(messages, answers[::2], answers[1::2], strict=True)
        return tuple(
            Exchange(m, b.text.strip(), a.text.strip(), told, done, (*["base"] * b.cut, *["adapted"] * a.cut))
            for m, b, a in pairs
        )

    try:
        for message in messages:
            plain = prompt_ids(base.tokenizer, message, told)
            ours = bundle.prompt_ids(base.tokenizer, message)
            answers.append(_Answer(engine.submit(plain, sampling)))
            held = held_to(bundle)
            answers.append(_Answer(engine.submit(ours, sampling, adapter=made.adapter, constraint=held)))
        yield so_far(done=not answers)
        async for left in _coming(answers):
            yield so_far(done=not left)
    finally:
        for answer in answers:
            answer.stream.cancel()


async def _coming(answers: Sequence[_Answer]) -> AsyncGenerator[int, None]:
    """Collect the answers' texts as they come; each step is how many have not ended. Raises what the engine raised."""
    queue: asyncio.Queue[tuple[_Answer, str | None]] = asyncio.Queue()

    async def pump(answer: _Answer) -> None:
        try:
            async for piece in answer.stream:
                queue.put_nowait((answer, piece.text))
            answer.cut = answer.stream.result().finish_reason == "length"
        finally:
            queue.put_nowait((answer, None))

    tasks = [asyncio.create_task(pump(a)) for a in answers]
    left = len(tasks)
    while left:
        answer, text = await queue.get()
        while True:  # everything that has come meanwhile goes into one step
            if text is None:
                left -= 1
            else:
                answer.text += text
            if queue.empty():
                break
            answer, text = queue.get_nowait()
        yield left
    for task in tasks:
        await task


def answered(exchanges: Sequence[Exchange], inputs: Inputs) -> tuple[Exchange, ...]:
    """The exchanges with the right answers beside them, where they are known."""
    return tuple(replace(e, right=right) for e, (_, right) in zip(exchanges, inputs.rows, strict=True))
