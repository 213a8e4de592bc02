"""The expert's own doubt as a filter: to what is no input of its task it answers nonsense, with little confidence.

Trans-LoRA's discriminator judges how an input looks. "Which city does the sentence mention?" has no answer where none
is mentioned, however well the sentence reads; the expert then makes one up, and the target would learn that. The
confidence of a greedy answer (the product of its tokens' probabilities) tells, and needs no data.
"""

import math
from collections.abc import Sequence

from genlora.adapter import AdapterState, attached
from genlora.base import Continuation, LoadedBase, generate_greedy
from genlora.tasks import prompt_ids
from genlora.train import Judge

MAX_ANSWER_TOKENS = 64
_BOUNDS = (0.3, 0.8)
"""The confidence that is asked for lies between these, whatever the seeds say."""
_SHARE = 0.8
"""Of the median confidence on the seeds."""


def greedy_answers(base: LoadedBase, state: AdapterState | None, inputs: Sequence[str]) -> list[Continuation]:
    """Greedy answers of a base with an adapter to bare inputs."""
    prompts = [prompt_ids(base.tokenizer, text) for text in inputs]
    with attached(base.model, state):
        return generate_greedy(base, prompts, max_new_tokens=MAX_ANSWER_TOKENS)


class SureJudge:
    """What another judge keeps, and the expert is about as sure of as of the seeds."""

    def __init__(self, inner: Judge, base: LoadedBase, state: AdapterState, seeds: Sequence[str]) -> None:
        self._inner, self._base, self._state = inner, base, state
        sure = sorted(c.confidence for c in greedy_answers(base, state, seeds))
        self.least = min(max(_SHARE * sure[len(sure) // 2], _BOUNDS[0]), _BOUNDS[1])
        """Confidence from which on an input is kept."""

    @property
    def how(self) -> str:
        return f"{self._inner.how}; and the expert's own confidence of {self.least:.2f} or more in its answer"

    def scores(self, texts: Sequence[str]) -> list[float]:
        """The lower of the other judge's score and the log of confidence over the least; the former where it is no."""
        found = self._inner.scores(texts)
        passed = [i for i, score in enumerate(found) if score >= 0]
        for i, c in zip(passed, greedy_answers(self._base, self._state, [texts[i] for i in passed]), strict=True):
            found[i] = min(found[i], math.log(max(c.confidence, 1e-9) / self.least))
        return found
