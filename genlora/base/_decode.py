"""Greedy decoding of many prompts at once: the tokens they all begin with are run once, and every answer is rated.

An evaluation asks one adapter dozens of short questions in the same chat frame, so most prompt tokens are the frame.
Its keys and values are computed once and repeated over the batch. `genlora.engine` is the other way to decode: requests
that come and go, each with its own adapter and sampling.
"""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlora.errors import ConfigError

from ._constraint import Constraint, Held, advance, hold_logits, holders
from ._load import LoadedBase
from ._parts import flat_logits, steady_length

_BATCH_TOKENS = {"cpu": 3072, "cuda": 32768}
"""Prompt tokens after the shared ones, padding included, that are run at once on each kind of device."""
_BATCH_ROWS = {"cpu": 64, "cuda": 512}
_WORTH_SHARING = 4
"""Shared tokens from which on a pass of their own pays."""
_LIKE = 0.6
"""A prompt shorter than this share of the longest of its batch starts a new one, if the batch is large enough."""
_ENOUGH_ROWS = 12


@dataclass(frozen=True)
class Continuation:
    """One greedy answer."""

    tokens: tuple[int, ...]
    """Without the stop token."""
    log_probability: float
    """Of the whole answer (natural logarithm), its stop token included if it came to one."""
    length: int
    """How many tokens `log_probability` is over: the mean probability of a token is exp(log_probability / length)."""
    ended: bool
    """Whether it came to a stop token; else it was cut at the limit."""

    @property
    def confidence(self) -> float:
        """The model's probability of this answer, 0 to 1: the product over its tokens."""
        return float(torch.tensor(self.log_probability, dtype=torch.float64).exp())


@torch.inference_mode()
def generate_greedy(
    base: LoadedBase,
    prompts_ids: Sequence[Sequence[int]],
    *,
    max_new_tokens: int = 64,
    stop_ids: Collection[int] | None = None,
    batch_tokens: int | None = None,
    constraint: Constraint | None = None,
) -> list[Continuation]:
    """The most likely continuation of each prompt, token by token, in the order given, with its probability.

    Args:
        base: used as it is, so put adapters on its model first.
        prompts_ids: each prompt's token ids (see `prompt_ids`).
        max_new_tokens: where an answer ends at the latest.
        stop_ids: tokens that an answer ends before; `base.eos_ids` when None.
        batch_tokens: prompt tokens run at once at most, padding included; by default what suits the device.
        constraint: only tokens that a legal answer can go on with are looked at, and probabilities are those among
            them; an answer that is cut is the beginning of a legal one.

    Another batch may swap two tokens of equal logit (in bfloat16, nearly equal ones). Raises `ConfigError` for a prompt
    without tokens.
    """
    if any(not len(prompt) for prompt in prompts_ids):
        raise ConfigError("a prompt has no tokens; expected at least one. Make it with prompt_ids.")
    if not prompts_ids:
        return []
    device = base.device
    stop = torch.tensor(sorted(base.eos_ids if stop_ids is None else stop_ids), dtype=torch.long, device=device)
    steady = steady_length(base.model.config)
    longest = max(map(len, prompts_ids)) + max_new_tokens
    alone = steady is not None and longest > steady  # no text may change what another one's tokens are turned by
    shared = 0 if alone else _shared(prompts_ids, base.model.config, max_new_tokens)
    prefix = list(prompts_ids[0][:shared])
    rests = [prompt[shared:] for prompt in prompts_ids]
    start = _run_prefix(base.model, prefix, device) if shared else None
    most = _BATCH_TOKENS.get(device.type, 3072) if batch_tokens is None else batch_tokens
    out: dict[int, Continuation] = {}
    rows = 1 if alone else _BATCH_ROWS.get(device.type, 64)
    with flat_logits(base.model):
        for batch in _batches(rests, most, rows):
            cache = copy.deepcopy(start)
            if cache is not None:
                cache.batch_repeat_interleave(len(batch))
            held = holders(base, constraint, len(batch))
            found = _decode(base, [rests[i] for i in batch], cache, shared, max_new_tokens, stop, held)
            out.update(zip(batch, found, strict=True))
    return [out[i] for i in range(len(rests))]


def _shared(prompts: Sequence[Sequence[int]], config: Any, new: int) -> int:
    """How many tokens all prompts begin with, one short of the shortest prompt; 0 where sharing them does not pay.

    Padding stands between the shared tokens and the rest of a row, so a sliding window must reach over everything.
    """
    limit = min(map(len, prompts)) - 1
    n = min(common_prefix(prompts), limit)
    window = getattr(config, "sliding_window", None)
    too_long = window is not None and max(map(len, prompts)) + new + limit >= window
    return 0 if n < _WORTH_SHARING or len(prompts) == 1 or too_long else n


def _batches(rests: Sequence[Sequence[int]], most_tokens: int, most_rows: int) -> list[list[int]]:
    """Indices of prompts of like length, longest first."""
    batches: list[list[int]] = []
    for i in sorted(range(len(rests)), key=lambda i: -len(rests[i])):
        if batches:
            longest, rows = len(rests[batches[-1][0]]), len(batches[-1])
            full = rows == most_rows or (rows + 1) * longest > most_tokens
            unlike = rows >= _ENOUGH_ROWS and len(rests[i]) < _LIKE * longest
            if not full and not unlike:
                batches[-1].append(i)
                continue
        batches.append([i])
    return batches


def _run_prefix(model: nn.Module, prefix: Sequence[int], device: torch.device) -> Any:
    """Keys and values of the shared tokens, batch 1."""
    return model(input_ids=torch.tensor([prefix], device=device), use_cache=True, logits_to_keep=1).past_key_values


def _decode(
    base: LoadedBase,
    rests: Sequence[Sequence[int]],
    cache: Any,
    shared: int,
    limit: int,
    stop: Tensor,
    held: list[Held | None],
) -> list[Continuation]:
    """Greedy answers to the rests of some prompts, whose shared beginning is in `cache` (repeated for each row)."""
    model, device = base.model, base.device
    width = max(map(len, rests))
    ids = torch.zeros(len(rests), width, dtype=torch.long)
    mask = torch.zeros(len(rests), shared + width, dtype=torch.long)
    mask[:, :shared] = 1
    for row, rest in enumerate(rests):
        ids[row, width - len(rest) :] = torch.tensor(rest, dtype=torch.long)
        mask[row, shared + width - len(rest) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, shared:]
    rows = torch.arange(len(rests), device=device)
    alive = torch.ones(len(rests), dtype=torch.bool, device=device)
    answers: list[list[int]] = [[] for _ in rests]
    total = [0.0] * len(rests)
    ended = [False] * len(rests)
    for step in range(limit):
        inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "past_key_values": cache}
        out = model(**inputs, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        logits = hold_logits(out.logits.float(), held)  # (rows, vocabulary)
        top, token = logits.max(-1)
        rated = (top - logits.logsumexp(-1)).double().cpu()
        stopped = torch.isin(token, stop)
        for row, t, p, on, over in zip(
            rows.tolist(), token.tolist(), rated.tolist(), alive.tolist(), stopped.tolist(), strict=True
        ):
            if on:
                total[row] += p
                if over:
                    ended[row] = True
                else:
                    answers[row].append(t)
        alive = alive & ~stopped
        whole = advance(held, token, alive)
        for row in rows[whole].tolist():
            ended[row] = True
        alive = alive & ~whole
        left = int(alive.sum())
        if left == 0 or step + 1 == limit:
            break
        ids = token[:, None]
        if 4 * left <= 3 * len(rows):
            keep = alive.nonzero()[:, 0]
            cache.batch_select_indices(keep)
            rows, ids, mask, positions, alive = rows[keep], ids[keep], mask[keep], positions[keep], alive[keep]
            held = [held[i] for i in keep.tolist()]
        mask = torch.cat([mask, mask.new_ones(len(ids), 1)], dim=1)
        positions = positions[:, -1:] + 1
    return [Continuation(tuple(a), total[i], len(a) + ended[i], ended[i]) for i, a in enumerate(answers)]


def decode_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """The answer's text, without special tokens and outer whitespace."""
    return tokenizer.decode(list(ids), skip_special_tokens=True).strip()


def common_prefix(sequences: Collection[Sequence[int]]) -> int:
    """How many tokens all sequences begin with."""
    ordered = [tuple(s) for s in sequences]
    first, last = min(ordered), max(ordered)  # no two of them differ sooner
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
