"""How probable descriptions make rows of a task: the same-task test's question to the base."""

from collections.abc import Sequence

import torch

from genlora.adapter import AdapterState, attached
from genlora.base import LoadedBase
from genlora.generators import UNREADABLE
from genlora.tasks import Example
from genlora.train import described_rows, row_likelihoods

LONGEST = 480
"""Tokens of a description and its rows; rows that do not fit are left out."""


@torch.inference_mode()
def read_descriptions(
    base: LoadedBase, state: AdapterState | None, questions: Sequence[tuple[str | None, Sequence[tuple[str, str]]]]
) -> list[float]:
    """For each (description, (input, output) rows): the mean over rows of log p(output | description, input), in nats,
    by the base with `state` on it, if there is one; an answer's end counts as part of it. A description of None asks
    with the input alone; `UNREADABLE` stands for what leaves no room for a row.
    """
    packs = [
        described_rows(base.tokenizer, [Example(x, y) for x, y in rows], said, max_tokens=LONGEST)
        for said, rows in questions
    ]
    there = [p for p in packs if p is not None]
    with attached(base.model, state):
        found = iter(row_likelihoods(base, there))
    out = []
    for pack in packs:
        marks = [] if pack is None else next(found)
        out.append(sum(marks) / len(marks) if marks else UNREADABLE)
    return out
