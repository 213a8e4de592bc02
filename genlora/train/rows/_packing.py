"""Rows of one task packed into one sequence: the shared chat prefix is computed once, rows do not see each other.

Every prompt of a task begins with the same tokens (the system turn and the head of the user turn). A pack is
`[prefix][row 1][row 2]...`; the mask lets each row see the prefix and itself, and positions restart after the prefix.
The loss and its gradient equal those of separate rows, while about half of the tokens are never computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlora.base import common_prefix
from genlora.errors import TaskError
from genlora.tasks import Example, chat_prompt

IGNORE = -1


@dataclass(frozen=True)
class Row:
    """One example after the shared prefix: the rest of its prompt, and the answer with its end-of-turn token."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class EncodedRows:
    """Rows of one task and the token prefix that all of their prompts share."""

    prefix: tuple[int, ...]
    rows: tuple[Row, ...]
    dropped: int = 0
    """Examples left out because they were longer than the limit."""


def encode_rows(
    tokenizer: object,
    examples: Sequence[Example],
    *,
    description: str | None = None,
    shots: Sequence[tuple[str, str]] = (),
    max_tokens: int = 160,
) -> EncodedRows:
    """Tokenise examples in the chat format; `description` gives the *described* prompt mode, None the *bare* one.

    `shots` are worked examples (input, answer) that every row sees as earlier turns.

    Rows longer than `max_tokens` (prompt and answer, prefix included) are dropped and counted.
    """
    if not examples:
        raise TaskError("there are no examples to encode; expected at least one. Check the task's source and split.")
    call = tokenizer.__call__  # type: ignore[attr-defined]
    texts = [chat_prompt(tokenizer, e.input, description, shots=shots) for e in examples]
    prompts = call(texts, add_special_tokens=False).input_ids
    answers = call([e.output for e in examples], add_special_tokens=False).input_ids
    end = tokenizer.eos_token_id  # type: ignore[attr-defined]
    kept = [(p, [*a, end]) for p, a in zip(prompts, answers, strict=True) if len(p) + len(a) + 1 <= max_tokens]
    if not kept:
        raise TaskError(
            f"all {len(examples)} examples are longer than {max_tokens} tokens. "
            "Raise the limit or choose a task with shorter inputs."
        )
    # A row needs a last prompt token of its own, which its first label is predicted from.
    shared = min(common_prefix([p for p, _ in kept]), min(len(p) for p, _ in kept) - 1)
    rows = tuple(Row(tuple(p[shared:]), tuple(a)) for p, a in kept)
    return EncodedRows(tuple(kept[0][0][:shared]), rows, len(examples) - len(kept))


@dataclass(frozen=True)
class Batch:
    """Packs side by side, one per expert, padded to the longest."""

    ids: Int[Tensor, "packs length"]
    positions: Int[Tensor, "packs length"]
    mask: Float[Tensor, "packs 1 length length"] | None
    """Additive; None where the causal mask does."""
    at: Int[Tensor, " labels"]
    """Flat positions in packs * length whose next token is a label."""
    labels: Int[Tensor, " labels"]
    owner: Int[Tensor, " labels"]
    """The pack that each label is in."""
    row: Int[Tensor, " labels"]
    """The row of each label, counted over the batch."""
    n_rows: int

    @property
    def tokens(self) -> int:
        return self.ids.numel()


def pack(
    packs: Sequence[tuple[Sequence[int], Sequence[Row]]],
    *,
    pad: int,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
) -> Batch:
    """Lay out one (prefix, rows) per expert. Costs O(K L^2) for the mask; L is a few hundred."""
    lengths = [len(prefix) + sum(map(len, rows)) for prefix, rows in packs]
    k, width = len(packs), max(lengths)
    ids = torch.full((k, width), pad, dtype=torch.long)
    positions = torch.zeros((k, width), dtype=torch.long)
    segment = torch.full((k, width), IGNORE, dtype=torch.long)
    at: list[int] = []
    labels: list[int] = []
    owner: list[int] = []
    row_of: list[int] = []
    n_rows = 0
    for e, (prefix, rows) in enumerate(packs):
        p = len(prefix)
        ids[e, :p] = torch.tensor(prefix, dtype=torch.long)
        positions[e, :p] = torch.arange(p)
        segment[e, :p] = 0
        start = p
        for i, row in enumerate(rows, 1):
            stop = start + len(row)
            ids[e, start:stop] = torch.tensor(row.prompt + row.answer, dtype=torch.long)
            positions[e, start:stop] = torch.arange(p, p + len(row))
            segment[e, start:stop] = i
            first = e * width + start + len(row.prompt) - 1
            at.extend(range(first, first + len(row.answer)))
            labels.extend(row.answer)
            owner.extend([e] * len(row.answer))
            row_of.extend([n_rows] * len(row.answer))
            n_rows += 1
            start = stop
    mask = causal_mask(segment, dtype)
    tensors = (ids, positions, mask, *(torch.tensor(x, dtype=torch.long) for x in (at, labels, owner, row_of)))
    return Batch(*(t.to(device) for t in tensors), n_rows=n_rows)


def causal_mask(segment: Int[Tensor, "packs length"], dtype: torch.dtype) -> Float[Tensor, "packs 1 length length"]:
    """Additive mask: causal, and a row sees the prefix (segment 0) and itself; padding sees itself."""
    width = segment.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=segment.device).tril()
    query, key = segment[:, :, None], segment[:, None, :]
    allowed = causal & ((query == key) | ((key == 0) & (query > 0)))
    mask = torch.zeros(allowed.shape, dtype=dtype, device=segment.device).masked_fill_(~allowed, torch.finfo(dtype).min)
    return mask[:, None]


def attention_masks(config: Any, batch: Batch) -> Any:
    """The batch's mask in the form a model of `config` takes it, sliding windows applied by position in the row.

    A custom mask replaces the model's own, so the window of Mistral and Gemma-3 layers has to be cut here.
    """
    if batch.mask is None:
        return None
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if not window or kinds == {"full_attention"}:
        return batch.mask
    distance = batch.positions[:, :, None] - batch.positions[:, None, :]
    sliding = batch.mask.masked_fill((distance >= window)[:, None], torch.finfo(batch.mask.dtype).min)
    return {"full_attention": batch.mask, "sliding_attention": sliding} if kinds else sliding


def take(rows: Sequence[Row], order: Sequence[int], start: int, *, budget: int, most: int) -> tuple[list[Row], int]:
    """Rows in `order` from `start` until `budget` tokens or `most` rows are full (at least one), and the next start."""
    out: list[Row] = []
    used = 0
    while start < len(order) and len(out) < most:
        row = rows[order[start]]
        if out and used + len(row) > budget:
            break
        out.append(row)
        used += len(row)
        start += 1
    return out, start
