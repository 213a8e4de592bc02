"""Sequences in which every answer is a label: chat turns that see those before them, or rows that share a description.

In a *dialogue* the description stands in the first user turn, so the first answer is that of the described prompt;
later answers see the turns before them as worked examples (MetaICL, Min et al. 2022, as chat turns). In a *pack* each
row sees what all rows share (the description, if there is one, and worked examples) and itself alone: it is computed
once, and every answer is that of the same prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from genlora.errors import TrainingError
from genlora.tasks import Example, chat_prompt

from ._packing import Batch, Row, causal_mask, encode_rows, take


@dataclass(frozen=True)
class Dialogue:
    """Token ids, and for each answer where it starts and stops (its end-of-turn token included)."""

    ids: tuple[int, ...]
    answers: tuple[tuple[int, int], ...]
    labelled_from: int
    """First answer that is a label: 1 where nothing tells what the first turn wants, neither text nor adapter."""
    segments: tuple[int, ...] = ()
    """Of a pack: 0 for the shared prefix, 1 and up for its rows; empty for turns."""

    def __len__(self) -> int:
        return len(self.ids)


def dialogue(
    tokenizer: Any,
    examples: Sequence[Example],
    description: str | None,
    *,
    max_tokens: int = 224,
    adapter_knows: bool = False,
) -> Dialogue | None:
    """As many turns as fit into `max_tokens`; None where that is none, or one that nothing tells of.

    `adapter_knows` is for an adapter that was made for the task: then the first answer is a label without a description
    too.

    Tokens are those of the whole text, as a chat server makes them. Raises `TrainingError` for a template that does not
    end an answer with the end-of-turn token, or that rewrites earlier turns.
    """
    turns = [(e.input, e.output) for e in examples]
    starts: list[int] = []
    text = ""
    for i, (asked, _) in enumerate(turns):
        prompt = chat_prompt(tokenizer, asked, description, shots=turns[:i])
        if not prompt.startswith(text):
            raise TrainingError(
                "the chat template rewrites earlier turns, so that a sequence of turns cannot be trained at once. "
                "Expected a template that appends. Choose another base."
            )
        starts.append(len(prompt))
        text = f"{prompt}{turns[i][1]}"
    end = tokenizer.eos_token
    whole = f"{text}{end}"
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    first_at = {start: i for i, (start, stop) in reversed(list(enumerate(offsets))) if stop > start}
    answers: list[tuple[int, int]] = []
    for start, (_, said) in zip(starts, turns, strict=True):
        begin, stop = first_at.get(start), first_at.get(start + len(said))
        if begin is None or stop is None or ids[stop] != tokenizer.eos_token_id:
            raise TrainingError(
                f"the answer {said[:40]!r} is not cut from its prompt and end of turn by the tokenizer. Expected an "
                f"answer that ends with {end!r} and has no white space around it."
            )
        if stop + 1 > max_tokens:
            break
        answers.append((begin, stop + 1))
    labelled_from = 0 if description is not None or adapter_knows else 1
    if len(answers) <= labelled_from:
        return None
    return Dialogue(tuple(ids[: answers[-1][1]]), tuple(answers), labelled_from)


def described_rows(
    tokenizer: Any,
    examples: Sequence[Example],
    description: str | None,
    *,
    shots: Sequence[tuple[str, str]] = (),
    max_tokens: int = 224,
) -> Dialogue | None:
    """A pack of as many rows as fit into `max_tokens`, each in the described prompt, or bare; None where that is none.

    `shots` are worked examples that every row sees.
    """
    encoded = encode_rows(tokenizer, examples, description=description, shots=shots, max_tokens=1 << 20)
    budget = max_tokens - len(encoded.prefix)
    if len(encoded.rows[0]) > budget:
        return None
    rows, _ = take(encoded.rows, range(len(encoded.rows)), 0, budget=budget, most=len(encoded.rows))
    return pack_of(encoded.prefix, rows)


def pack_of(prefix: Sequence[int], rows: Sequence[Row]) -> Dialogue:
    """Rows that share a prefix as one sequence, every answer a label."""
    ids, segments = [*prefix], [0] * len(prefix)
    answers = []
    for i, row in enumerate(rows, 1):
        ids += [*row.prompt, *row.answer]
        segments += [i] * len(row)
        answers.append((len(ids) - len(row.answer), len(ids)))
    return Dialogue(tuple(ids), tuple(answers), 0, tuple(segments))


def batch_of(
    dialogues: Sequence[Dialogue],
    *,
    pad: int,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    least: int = 0,
) -> Batch:
    """Sequences side by side, padded on the right to the longest or to `least` tokens; among turns alone the causal
    mask keeps padding from every label.
    """
    k, width = len(dialogues), max(least, *map(len, dialogues))
    column = torch.arange(width)
    real = column < torch.tensor([len(d) for d in dialogues])[:, None]
    ids = torch.full((k, width), pad, dtype=torch.long)
    ids[real] = torch.tensor([t for d in dialogues for t in d.ids])
    positions = column.repeat(k, 1)
    mask = None
    if any(d.segments for d in dialogues):
        segments = torch.full((k, width), -1, dtype=torch.long)
        segments[real] = torch.tensor([s for d in dialogues for s in d.segments or (0,) * len(d)])
        edge = segments.diff(dim=1, prepend=torch.zeros(k, 1, dtype=torch.long)).ne(0) & (segments > 0)
        starts = (column * edge).cummax(1).values
        prefix = (segments == 0).sum(1, keepdim=True)
        positions = torch.where(segments > 0, prefix + column - starts, positions)
        mask = causal_mask(segments.to(device), dtype)  # made where it is used: it is the largest part of a batch
    at: list[int] = []
    labels: list[int] = []
    owner: list[int] = []
    row_of: list[int] = []
    n_rows = 0
    for i, d in enumerate(dialogues):
        ids[i, : len(d)] = torch.tensor(d.ids, dtype=torch.long)
        for start, stop in d.answers[d.labelled_from :]:
            at.extend(range(i * width + start - 1, i * width + stop - 1))
            labels.extend(d.ids[start:stop])
            owner.extend([i] * (stop - start))
            row_of.extend([n_rows] * (stop - start))
            n_rows += 1
    tensors = (torch.tensor(x, dtype=torch.long, device=device) for x in (at, labels, owner, row_of))
    return Batch(ids.to(device), positions.to(device), mask, *tensors, n_rows=n_rows)
