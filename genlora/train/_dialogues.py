"""Chat sequences in which every answer is a label: one sequence of eight turns trains zero to seven examples at once.

The description stands in the first user turn, so the first answer is that of the described prompt; later answers see
the turns before them as worked examples (MetaICL, Min et al. 2022, as chat turns).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from genlora.base import chat_prompt
from genlora.errors import TrainingError
from genlora.tasks import Example

from ._packing import Batch


@dataclass(frozen=True)
class Dialogue:
    """Token ids, and for each answer where it starts and stops (its end-of-turn token included)."""

    ids: tuple[int, ...]
    answers: tuple[tuple[int, int], ...]
    labelled_from: int
    """First answer that is a label: 1 where nothing tells what the first turn wants."""

    def __len__(self) -> int:
        return len(self.ids)


def dialogue(
    tokenizer: Any, examples: Sequence[Example], description: str | None, *, max_tokens: int = 224
) -> Dialogue | None:
    """As many turns as fit into `max_tokens`; None where that is none, or one without a description.

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
    labelled_from = 0 if description is not None else 1
    if len(answers) <= labelled_from:
        return None
    return Dialogue(tuple(ids[: answers[-1][1]]), tuple(answers), labelled_from)


def batch_of(dialogues: Sequence[Dialogue], *, pad: int, device: torch.device | str = "cpu") -> Batch:
    """Dialogues side by side, padded on the right: the causal mask alone keeps padding from every label."""
    k, width = len(dialogues), max(map(len, dialogues))
    ids = torch.full((k, width), pad, dtype=torch.long)
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
    positions = torch.arange(width).expand(k, width)
    tensors = (torch.tensor(x, dtype=torch.long, device=device) for x in (at, labels, owner, row_of))
    return Batch(ids.to(device), positions.to(device), None, *tensors, n_rows=n_rows)
