"""The next token of every row of a batch: greedy rows at once, drawn rows each by its own generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.base import Held, hold_logits

from ._request import Sampling

_COLDEST = 1e-5
"""Below this, a draw is the best token: another would have to come within a ten-thousandth of its logit."""


@dataclass(frozen=True)
class Choice:
    """A row's next token."""

    token: int
    logprob: float | None
    top: tuple[tuple[int, float], ...]
    finite: bool
    """False if the row's best logit is not a number: the adapter has broken the model."""


def generator_of(sampling: Sampling) -> torch.Generator | None:
    """The source of a request's random numbers: on the CPU, so that a seed means the same on every device."""
    if sampling.temperature < _COLDEST:
        return None
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed % 2**63)
    return generator


def choose(
    logits: Tensor,
    samplings: Sequence[Sampling],
    generators: Sequence[torch.Generator | None],
    held: Sequence[Held | None],
) -> list[Choice]:
    """Next tokens from logits (rows, vocabulary); a row that is held draws among its legal tokens alone.

    Log-probabilities are the model's own, before any token was ruled out.
    """
    legal = hold_logits(logits, held)
    best, tokens = legal.max(-1)
    picked: list[int] = tokens.tolist()
    finite: list[bool] = torch.isfinite(best).tolist()
    for row, (sampling, generator) in enumerate(zip(samplings, generators, strict=True)):
        if generator is not None and finite[row]:
            picked[row] = _draw(legal[row].float().cpu(), sampling, generator)
    rated = _rated(logits, picked, samplings)
    return [Choice(t, *rated.get(row, (None, ())), finite[row]) for row, t in enumerate(picked)]


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """One token from logits (vocabulary,): temperature, then the top_k most likely, then the nucleus of top_p.

    Nucleus sampling keeps the fewest tokens whose probabilities reach top_p (Holtzman et al. 2020).
    """
    # Counted from the best, which stays finite however cold it is.
    logits = (logits - logits.max()) / sampling.temperature
    count = min(sampling.top_k or logits.numel(), logits.numel())
    values, ids = logits.topk(count) if count < logits.numel() else logits.sort(descending=True, stable=True)
    shares = values.softmax(-1)
    if sampling.top_p < 1:
        before = shares.cumsum(-1) - shares
        shares = shares.masked_fill(before >= sampling.top_p, 0.0)
    return int(ids[int(torch.multinomial(shares, 1, generator=generator))])


def _rated(
    logits: Tensor, picked: Sequence[int], samplings: Sequence[Sampling]
) -> dict[int, tuple[float, tuple[tuple[int, float], ...]]]:
    """Log-probability of the chosen token and of the most likely ones, for the rows that ask for them."""
    rows = [row for row, s in enumerate(samplings) if s.logprobs is not None]
    if not rows:
        return {}
    logp = logits[rows].float().log_softmax(-1)
    most = max(samplings[row].logprobs or 0 for row in rows)
    values, ids = logp.topk(most, dim=-1) if most else (logp[:, :0], logp[:, :0].long())
    found = {}
    for i, row in enumerate(rows):
        n = samplings[row].logprobs or 0
        top = tuple(zip(ids[i, :n].tolist(), values[i, :n].tolist(), strict=True))
        found[row] = (float(logp[i, picked[row]]), top)
    return found
