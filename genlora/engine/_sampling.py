"""The next token of every row of a batch: greedy rows at once, drawn rows each by its own generator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.base import Held, hold_logits

from ._request import Sampling
from ._shaping import shaped


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
    if sampling.greedy:
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
    said: Sequence[Mapping[int, int]] = (),
    prompts: Sequence[Sequence[int]] = (),
) -> list[Choice]:
    """Next tokens from logits (rows, vocabulary); a row that is held draws among its legal tokens alone.

    `said` counts each row's tokens so far, and `prompts` are the rows' prompts: penalties are about them. Either may be
    left out where no row has a penalty. Log-probabilities are the model's own, before anything was changed.
    """
    legal = hold_logits(shaped(logits, samplings, said, prompts), held)
    best, tokens = legal.max(-1)
    picked: list[int] = tokens.tolist()
    finite: list[bool] = torch.isfinite(best).tolist()
    for row, (sampling, generator) in enumerate(zip(samplings, generators, strict=True)):
        if generator is not None and finite[row]:
            picked[row] = _draw(legal[row].float().cpu(), sampling, generator)
    rated: dict[int, tuple[float, tuple[tuple[int, float], ...]]] = {}
    if wanted := {row: s.logprobs for row, s in enumerate(samplings) if s.logprobs is not None}:
        found = rate(logits[list(wanted)], [picked[row] for row in wanted], list(wanted.values()))
        rated = dict(zip(wanted, found, strict=True))
    return [Choice(t, *rated.get(row, (None, ())), finite[row]) for row, t in enumerate(picked)]


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """One token from logits (vocabulary,): temperature, the top_k most likely, those over min_p, the nucleus of top_p.

    Nucleus sampling keeps the fewest tokens whose probabilities reach top_p (Holtzman et al. 2020).
    """
    # From the largest down, so that no temperature and no logit however large makes anything infinite.
    logits = (logits - logits.max()) / sampling.temperature
    count = min(sampling.top_k or logits.numel(), logits.numel())
    values, ids = logits.topk(count) if count < logits.numel() else logits.sort(descending=True, stable=True)
    shares = values.softmax(-1)
    cut = shares < sampling.min_p * shares[0]
    if sampling.top_p < 1:
        kept = shares.masked_fill(cut, 0.0)
        kept = kept / kept.sum()
        cut |= kept.cumsum(-1) - kept >= sampling.top_p
    shares = shares.masked_fill(cut, 0.0)
    return int(ids[int(torch.multinomial(shares, 1, generator=generator))])


def rate(
    logits: Tensor, tokens: Sequence[int], most: Sequence[int]
) -> list[tuple[float, tuple[tuple[int, float], ...]]]:
    """For each row of logits (rows, vocabulary): its token's log-probability, and its `most` likely tokens'."""
    logp = logits.float().log_softmax(-1)
    count = max(most, default=0)
    values, ids = logp.topk(count, dim=-1) if count else (logp[:, :0], logp[:, :0].long())
    own = logp.gather(1, torch.tensor(tokens, device=logp.device)[:, None])[:, 0].tolist()
    tops = [tuple(zip(i[:n], v[:n], strict=True)) for i, v, n in zip(ids.tolist(), values.tolist(), most, strict=True)]
    return list(zip(own, tops, strict=True))
