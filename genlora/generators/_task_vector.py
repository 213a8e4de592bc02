"""ICM-LoRA's task vector (arXiv 2501.17635): the mean last hidden state of the base over a few worked examples."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from genlora.base import LoadedBase, decoder_of
from genlora.errors import TaskError
from genlora.files import atomic_write
from genlora.progress import Progress, silent
from genlora.tasks import Example, Task, prompt_ids, sample

log = logging.getLogger(__name__)

Rows = NDArray[np.float32]

PER_TASK = 12
"""Examples per task of the library."""
_BATCH_TOKENS = 1024
_MAX_TOKENS = 1024


@torch.inference_mode()
def task_vectors(base: LoadedBase, examples: Sequence[Example], *, progress: Progress = silent) -> Rows:
    """One row per example, (n, hidden) float32: the final hidden state at the last token of prompt and answer.

    `progress` is told before each batch how many examples were read; what it raises ends the work.

    Prompts are bare. Raises `TaskError` without examples, or for one of over 1,024 tokens.
    """
    if not examples:
        raise TaskError("there are no examples; expected one or more JSON objects with input and output, one a line.")
    rows = []
    for i, e in enumerate(examples, 1):
        answer = base.tokenizer(e.output, add_special_tokens=False)["input_ids"]
        ids = [*prompt_ids(base.tokenizer, e.input), *answer]
        if len(ids) > _MAX_TOKENS:
            raise TaskError(f"example {i} has {len(ids):,} tokens, expected at most {_MAX_TOKENS:,}. Shorten it.")
        rows.append(ids)
    out: dict[int, Rows] = {}
    batch: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
        if batch and (len(batch) + 1) * len(rows[batch[0]]) > _BATCH_TOKENS:
            progress("reading examples", len(out), len(rows))
            out |= _last_states(base, rows, batch)
            batch = []
        batch.append(i)
    progress("reading examples", len(out), len(rows))
    out |= _last_states(base, rows, batch)
    return np.stack([out[i] for i in range(len(rows))])


def _last_states(base: LoadedBase, rows: Sequence[Sequence[int]], batch: Sequence[int]) -> dict[int, Rows]:
    """{row: state}; padded on the right, where a causal model cannot see it."""
    width = max(len(rows[i]) for i in batch)
    pad = base.tokenizer.pad_token_id or 0
    ids = torch.tensor([[*rows[i], *[pad] * (width - len(rows[i]))] for i in batch], device=base.device)
    mask = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in batch], device=base.device)
    states = decoder_of(base.model)(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    at = torch.tensor([len(rows[i]) - 1 for i in batch], device=base.device)
    found = states[torch.arange(len(batch), device=base.device), at].float().cpu().numpy()
    return dict(zip(batch, found, strict=True))


def library_vectors(
    base: LoadedBase, tasks: Mapping[str, Task], cache: Path, *, per_task: int = PER_TASK
) -> dict[str, Rows]:
    """{task: (k, hidden)} from training examples, kept in `cache` (safetensors) and reused for the same examples."""
    chosen = {n: sample(t.split("train"), per_task, seed=0) for n, t in tasks.items()}
    whole = hashlib.sha256(base.layout.fingerprint.encode())
    for name in sorted(chosen):
        for e in chosen[name]:
            whole.update(f"{name}\0{e.input}\0{e.output}\0".encode("utf-8", "surrogatepass"))
    digest = np.frombuffer(whole.digest(), np.uint8)
    try:
        found = load(cache.read_bytes())
        if np.array_equal(found.pop("examples"), digest):
            return found
    except (OSError, SafetensorError, KeyError):
        pass
    made = {n: task_vectors(base, e) for n, e in sorted(chosen.items()) if e}
    atomic_write(cache, save({**made, "examples": digest}))
    log.info("task vectors of %d tasks are in %s", len(made), cache)
    return made
