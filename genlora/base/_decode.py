"""Greedy decoding of many prompts at once, with a key-value cache, on any device and with any adapter on the model."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from genlora.errors import ConfigError

from ._load import LoadedBase

_BATCH_TOKENS = {"cpu": 4096, "cuda": 32768}
"""Prompt tokens, padding included, that are run at once on each kind of device."""


def _batches(prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Indices of prompts of like length, longest first, each batch at most `most` tokens with padding."""
    batches: list[list[int]] = []
    for i in sorted(range(len(prompts)), key=lambda i: -len(prompts[i])):
        if batches and (len(batches[-1]) + 1) * len(prompts[batches[-1][0]]) <= most:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def _padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Left-padded ids and mask, (batch, length)."""
    length = max(map(len, prompts))
    ids = torch.zeros(len(prompts), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt) :] = torch.tensor(prompt, dtype=torch.long)
        mask[row, length - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


@contextmanager
def flat_logits(model: nn.Module) -> Iterator[None]:
    """Give the vocabulary matrix two-dimensional inputs, so that logits of one position come out as (rows, vocabulary).

    A slice (rows, 1, width) of the hidden states is no plain matrix, and the product would then copy the vocabulary
    matrix for every row: most of the time of a decoding step on a CPU.
    """
    head: Any = model.get_output_embeddings()  # pyright: ignore[reportCallIssue]
    hook = head.register_forward_pre_hook(lambda _, args: (args[0].flatten(0, -2),))
    try:
        yield
    finally:
        hook.remove()


def _decode(model: nn.Module, ids: Tensor, mask: Tensor, limit: int, stop: Tensor) -> list[list[int]]:
    """Greedy tokens of each row, without the stop token. Finished rows leave the batch once they are half of it."""
    answers: list[list[int]] = [[] for _ in range(len(ids))]
    rows = torch.arange(len(ids), device=ids.device)
    alive = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache: Any = None
    for step in range(limit):
        out: Any = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        ids = out.logits.argmax(-1, keepdim=True)
        alive = alive & ~torch.isin(ids[:, 0], stop)
        for row, token, on in zip(rows.tolist(), ids[:, 0].tolist(), alive.tolist(), strict=True):
            if on:
                answers[row].append(token)
        left = int(alive.sum())
        if left == 0 or step + 1 == limit:
            break
        if 2 * left <= len(rows):
            keep = alive.nonzero()[:, 0]
            cache.batch_select_indices(keep)
            rows, ids, mask, positions, alive = rows[keep], ids[keep], mask[keep], positions[keep], alive[keep]
        mask = torch.cat([mask, mask.new_ones(len(ids), 1)], dim=1)
        positions = positions[:, -1:] + 1
    return answers


@torch.inference_mode()
def generate_greedy(
    base: LoadedBase,
    prompts_ids: Sequence[Sequence[int]],
    *,
    max_new_tokens: int = 64,
    stop_ids: Collection[int] | None = None,
    model: nn.Module | None = None,
    batch_tokens: int | None = None,
) -> list[list[int]]:
    """The most likely continuation of each prompt, token by token, in the order given.

    `prompts_ids` holds each prompt's token ids (see `prompt_ids`); none may be empty. An answer ends before a token of
    `stop_ids` (`base.eos_ids` when None) or after `max_new_tokens`. `model` is used instead of `base.model`, e.g. a
    `PeftModel` around it; `batch_tokens` bounds the prompt tokens run at once, padding included.
    """
    model = base.model if model is None else model
    if any(not len(prompt) for prompt in prompts_ids):
        raise ConfigError("a prompt has no tokens; expected at least one. Make it with prompt_ids.")
    device = next(model.parameters()).device
    stop = torch.tensor(sorted(base.eos_ids if stop_ids is None else stop_ids), dtype=torch.long, device=device)
    answers: list[list[int]] = [[] for _ in prompts_ids]
    most = _BATCH_TOKENS.get(device.type, 4096) if batch_tokens is None else batch_tokens
    with flat_logits(model):
        for batch in _batches(prompts_ids, most):
            ids, mask = _padded([prompts_ids[i] for i in batch], device)
            for i, answer in zip(batch, _decode(model, ids, mask, max_new_tokens, stop), strict=True):
                answers[i] = answer
    return answers


def decode_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """The answer's text, without special tokens and outer whitespace."""
    return tokenizer.decode(list(ids), skip_special_tokens=True).strip()
