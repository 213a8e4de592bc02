"""Ask a model for answers to a task's held-out examples, greedily, and score them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from genlora.adapter import AdapterState, attached
from genlora.base import Constraint, LoadedBase, decode_text, generate_greedy
from genlora.tasks import AnswerForm, Example, Scores, Task, majority_answer, prompt_ids, sample, score_answers

MAX_NEW_TOKENS = 40
_FORCED_TOKENS = 384
"""Tokens of rows per pack: attention costs their square."""
_NO_LIMIT = 1 << 20


@dataclass(frozen=True)
class Answered:
    """Answers to a list of examples and their scores, one per example."""

    examples: tuple[Example, ...]
    answers: tuple[str, ...]
    scores: Scores
    confidence: tuple[float, ...] = ()
    """The model's probability of each answer, its end included: the product over tokens, 0 to 1."""
    token_confidence: tuple[float, ...] = ()
    """The geometric mean over tokens instead."""
    prompt_tokens: tuple[int, ...] = ()
    """Length of each prompt, chat frame included."""


def held_out(task: Task, n: int, *, split: str = "test", seed: int = 0) -> tuple[Example, ...]:
    """At most `n` examples of a split, chosen by hash; 'test' is never trained or selected on."""
    return sample(task.split(split), n, seed=seed)  # type: ignore[arg-type]


def answer(
    base: LoadedBase,
    task: Task,
    examples: Sequence[Example],
    *,
    state: AdapterState | None = None,
    description: str | None = None,
    shots: Sequence[Example] = (),
    form: AnswerForm | None = None,
) -> Answered:
    """Greedy answers of base + `state`; `description` goes before the input (*described*), None is *bare*.

    Answers are held to `form`; the probabilities are then those among legal answers.
    """
    with attached(base.model, state):
        return answer_as_is(base, task, examples, description=description, shots=shots, form=form)


@torch.inference_mode()
def answer_as_is(
    base: LoadedBase,
    task: Task,
    examples: Sequence[Example],
    *,
    description: str | None = None,
    shots: Sequence[Example] = (),
    form: AnswerForm | None = None,
) -> Answered:
    """`answer` of the model as it stands, with whatever is attached to it."""
    limit = _answer_limit(base.tokenizer, task, examples)
    turns = [(s.input, s.output) for s in shots]
    prompts = [prompt_ids(base.tokenizer, e.input, description, shots=turns) for e in examples]
    constraint = None if form is None else Constraint(regex=form.regex)
    found = generate_greedy(base, prompts, max_new_tokens=limit, constraint=constraint)
    texts = tuple(decode_text(base.tokenizer, c.tokens) for c in found)
    return Answered(
        tuple(examples),
        texts,
        score_answers(task, examples, texts),
        tuple(c.confidence for c in found),
        tuple(math.exp(c.log_probability / max(1, c.length)) for c in found),
        tuple(map(len, prompts)),
    )


@torch.inference_mode()
def forced_score(
    base: LoadedBase, examples: Sequence[Example], *, description: str | None = None
) -> tuple[float, float]:
    """Share of examples whose every answer token (its end included) is the most likely next one, given those before it;
    and, where that ties, the mean log-likelihood of a right token.

    The first is what greedy decoding would get right, at the price of one pass without decoding; of several accepted
    answers it sees the first alone. Bare prompts, or described ones with a `description`; the model as it stands.
    """
    from genlora.train import encode_rows, label_losses, pack, rows_right, take

    encoded = encode_rows(base.tokenizer, examples, description=description, max_tokens=_NO_LIMIT)
    rows, packs, start = encoded.rows, [], 0
    while start < len(rows):
        taken, start = take(rows, range(len(rows)), start, budget=_FORCED_TOKENS, most=len(rows))
        packs.append((encoded.prefix, taken))
    batch = pack(packs, pad=base.tokenizer.pad_token_id or 0, dtype=_dtype(base), device=base.device)
    found = label_losses(base.model, batch)
    return float(rows_right(batch, found.right)[0].float().mean()), -float(found.loss.mean())


def _dtype(base: LoadedBase) -> torch.dtype:
    return next(base.model.parameters()).dtype


def majority(task: Task, examples: Sequence[Example]) -> Scores:
    """Scores of always giving the training split's most frequent answer."""
    said = majority_answer(task)
    return score_answers(task, examples, [said] * len(examples))


def _answer_limit(tokenizer: Any, task: Task, examples: Sequence[Example]) -> int:
    """Enough tokens for the longest right answer and half as many again, so that rambling is seen but not paid for."""
    longest = max(len(ids) for ids in tokenizer([e.output for e in examples], add_special_tokens=False).input_ids)
    return min(MAX_NEW_TOKENS, longest + longest // 2 + 4)
