"""What the base says to answers that are put before it: how many are right, and how likely they are.

An answer is right by forcing when each of its tokens is the argmax, those before it given: what greedy decoding would
get right, at the price of one pass.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

import torch

from genlora.base import LoadedBase

from ._dialogues import Dialogue, batch_of
from ._losses import LabelLosses, label_losses, rows_right
from ._packing import Batch

T = TypeVar("T")

SHOWN = (0, 1, 3)
"""Numbers of worked examples that are looked at."""

Route = Callable[[Sequence[int]], None]
"""Puts the adapters of these dialogues on the base, side by side."""


def answers_right(
    base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 4096, route: Route | None = None
) -> dict[int, float]:
    """{examples seen before it: share of answers whose every token is the argmax}, for the numbers in `SHOWN`.

    In a pack every answer has seen none but those that all rows share.
    """
    right: dict[int, list[bool]] = {k: [] for k in SHOWN}
    for d, found in zip(dialogues, forced(base, dialogues, most=most, route=route), strict=True):
        for turn, ok in enumerate(found, d.labelled_from):
            k = 0 if d.segments else turn
            if k in right:
                right[k].append(ok)
    return {k: sum(v) / len(v) for k, v in right.items() if v}


@torch.no_grad()
def forced(
    base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 4096, route: Route | None = None
) -> list[list[bool]]:
    """For each dialogue and each labelled answer of it: whether every token is the argmax, those before it given.

    `most` bounds a batch's tokens; `route` is called before each batch where dialogues have adapters of their own.
    """
    return _by_answer(base, dialogues, most, route, lambda batch, said: rows_right(batch, said.right)[0].tolist())


def row_likelihoods(base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 2048) -> list[list[float]]:
    """For each dialogue and each labelled answer of it: its log-probability in nats, given what stands before it."""

    def sums(batch: Batch, said: LabelLosses) -> list[float]:
        return torch.zeros(batch.n_rows, device=said.loss.device).index_add_(0, batch.row, -said.loss).tolist()

    return _by_answer(base, dialogues, most, None, sums)


def _by_answer(
    base: LoadedBase,
    dialogues: Sequence[Dialogue],
    most: int,
    route: Route | None,
    read: Callable[[Batch, LabelLosses], list[T]],
) -> list[list[T]]:
    """What `read` makes of each labelled answer, one value a row of a batch, by dialogue."""
    out: dict[int, list[T]] = {}
    dtype = next(base.model.parameters()).dtype
    pad = base.tokenizer.pad_token_id or 0
    for part in _by_length(dialogues, most):
        if route is not None:
            route(part)
        batch = batch_of([dialogues[i] for i in part], pad=pad, dtype=dtype, device=base.device)
        found = iter(read(batch, label_losses(base.model, batch)))
        for i in part:
            out[i] = list(islice(found, len(dialogues[i].answers) - dialogues[i].labelled_from))
    return [out[i] for i in range(len(dialogues))]


def _by_length(dialogues: Sequence[Dialogue], most: int) -> list[list[int]]:
    """Indices of dialogues of like length, longest first."""
    parts: list[list[int]] = []
    for i in sorted(range(len(dialogues)), key=lambda i: -len(dialogues[i])):
        if parts and (len(parts[-1]) + 1) * len(dialogues[parts[-1][0]]) <= most:
            parts[-1].append(i)
        else:
            parts.append([i])
    return parts
