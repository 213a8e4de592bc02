"""What a request changes about its logits before a token is chosen: penalties, and a bias of its own."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ._request import Sampling


def shaped(
    logits: Tensor,
    samplings: Sequence[Sampling],
    said: Sequence[Mapping[int, int]],
    prompts: Sequence[Sequence[int]],
) -> Tensor:
    """`logits` (rows, vocabulary) as the requests want them; rows that want nothing stay, and so does the argument.

    `said` counts each row's own tokens so far: OpenAI's penalties are about these alone. `repetition_penalty` is about
    the prompt's too (Keskar et al. 2019): logits over zero are divided by it, others multiplied.
    """
    rows = [row for row, sampling in enumerate(samplings) if sampling.shapes]
    if not rows:
        return logits
    out = logits.float().clone()
    for row in rows:
        sampling, counts = samplings[row], said[row]
        if sampling.repetition_penalty != 1:
            seen = torch.tensor(sorted({*counts, *prompts[row]}), device=out.device)
            values = out[row, seen]
            by = sampling.repetition_penalty
            out[row, seen] = torch.where(values > 0, values / by, values * by)
        if counts and (sampling.presence_penalty or sampling.frequency_penalty):
            seen = torch.tensor(list(counts), device=out.device)
            times = torch.tensor(list(counts.values()), dtype=out.dtype, device=out.device)
            out[row, seen] -= sampling.presence_penalty + sampling.frequency_penalty * times
        if sampling.logit_bias:
            ids = torch.tensor([token for token, _ in sampling.logit_bias], device=out.device)
            out[row, ids] += torch.tensor([by for _, by in sampling.logit_bias], dtype=out.dtype, device=out.device)
    return out
