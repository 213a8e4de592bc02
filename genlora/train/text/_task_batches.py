"""Batches of tasks, step by step: which tasks, which description, which rows, all from (seed, step) alone.

So a run that is resumed, or evaluated again, sees the same batches without any state of a data loader.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genlora.base import LoadedBase
from genlora.errors import TaskError
from genlora.tasks import Example, Task, sample

from ..rows._packing import Batch, encode_rows, pack, take


@dataclass(frozen=True)
class TaskBatchConfig:
    """What a step holds."""

    tasks_per_step: int = 12
    rows_per_task: int = 6
    tokens_per_task: int = 96
    """Tokens of rows per pack at most, beside the shared prefix; at least one row is taken."""
    max_row_tokens: int = 128
    """Longer rows (prompt with prefix, and answer) are never used."""
    max_examples: int = 600
    """Distinct training examples per task, chosen by hash."""
    described: float = 0.0
    """Share of steps whose prompts hold the description: whole steps, as packs are padded to the longest of a step."""
    seed: int = 0


@dataclass(frozen=True)
class TaskBatch:
    """One step's content: packs side by side, and the task and description of each."""

    batch: Batch
    tasks: tuple[str, ...]
    descriptions: tuple[int, ...]
    """Index into the task's training descriptions."""
    examples: tuple[tuple[Example, ...], ...]


class TaskBatches:
    """Packs of many tasks. Tasks whose rows are all too long are left out and named in `left_out`."""

    def __init__(
        self,
        base: LoadedBase,
        tasks: Sequence[Task],
        config: TaskBatchConfig,
        *,
        split: str = "train",
        on_task: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self.tokenizer = base.tokenizer
        parameter = next(base.model.parameters())
        self.dtype, self.device = parameter.dtype, parameter.device
        self.pad = base.tokenizer.pad_token_id or 0
        self.tasks: dict[str, Task] = {}
        self.examples: dict[str, tuple[Example, ...]] = {}
        self.left_out: dict[str, str] = {}
        for task in tasks:
            found = sample(task.split(split), config.max_examples, seed=config.seed)  # type: ignore[arg-type]
            try:
                kept = self._short(found)
            except TaskError as err:
                self.left_out[task.name] = str(err)
                continue
            self.tasks[task.name] = task
            self.examples[task.name] = kept
            if on_task is not None:
                on_task(task.name)
        self.names = sorted(self.tasks)
        self.by_length = sorted(
            self.names, key=lambda n: (sum(len(e.input) for e in self.examples[n][:16]) / len(self.examples[n][:16]), n)
        )
        """Names, shortest inputs first: packs of like length side by side waste little."""
        if not self.names:
            raise TaskError("no task has rows short enough to train on. Raise max_row_tokens, or name other tasks.")

    def _short(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        if not examples:
            raise TaskError("it has no examples in this split.")
        call: Any = self.tokenizer
        texts = [f"{e.input}\n{e.output}" for e in examples]
        lengths = [len(ids) for ids in call(texts, add_special_tokens=False).input_ids]
        # The chat frame costs about forty tokens; encode_rows measures exactly, this only sorts out the hopeless.
        kept = tuple(e for e, n in zip(examples, lengths, strict=True) if n + 44 <= self.config.max_row_tokens)
        if not kept:
            raise TaskError(f"all {len(examples)} rows are longer than {self.config.max_row_tokens} tokens.")
        return kept

    def step(self, number: int) -> TaskBatch:
        """The content of step `number` (from 0)."""
        c = self.config
        rng = random.Random(f"{c.seed}/{number}")
        names = self._draw(rng, number)
        packs, chosen, told = [], [], []
        described = rng.random() < c.described
        for name in names:
            task, examples = self.tasks[name], self.examples[name]
            which = rng.randrange(len(task.training_descriptions))
            rows = rng.sample(examples, min(c.rows_per_task, len(examples)))
            description = task.training_descriptions[which] if described else None
            encoded = encode_rows(self.tokenizer, rows, description=description, max_tokens=10_000)
            taken, _ = take(encoded.rows, range(len(rows)), 0, budget=c.tokens_per_task, most=c.rows_per_task)
            packs.append((encoded.prefix, taken))
            chosen.append(tuple(rows[: len(taken)]))
            told.append(which)
        batch = pack(packs, pad=self.pad, dtype=self.dtype, device=self.device)
        return TaskBatch(batch, tuple(names), tuple(told), tuple(chosen))

    def fixed(self, names: Sequence[str], rows: int, *, described: bool = False) -> TaskBatch:
        """The first `rows` rows of each of `names`, chosen by hash, as many as twice a pack's tokens hold: the same at
        every call.
        """
        packs, chosen = [], []
        for name in names:
            examples = self.examples[name][:rows]
            told = self.tasks[name].unseen_descriptions[0] if described else None
            encoded = encode_rows(self.tokenizer, examples, description=told, max_tokens=10_000)
            taken, _ = take(encoded.rows, range(len(examples)), 0, budget=2 * self.config.tokens_per_task, most=rows)
            packs.append((encoded.prefix, taken))
            chosen.append(examples[: len(taken)])
        batch = pack(packs, pad=self.pad, dtype=self.dtype, device=self.device)
        return TaskBatch(batch, tuple(names), (0,) * len(names), tuple(chosen))

    def _draw(self, rng: random.Random, number: int) -> list[str]:
        """Every task comes up equally often: the names are shuffled anew for each round and dealt out in order."""
        c, n = self.config, len(self.names)
        out: list[str] = []
        at = number * c.tasks_per_step
        while len(out) < c.tasks_per_step:
            order = list(self.names)
            random.Random(f"{c.seed}/round/{at // n}").shuffle(order)
            part = order[at % n : at % n + c.tasks_per_step - len(out)]
            out.extend(part)
            at += len(part)
        return out


def description_vectors(
    tasks: Sequence[Task], embed: Callable[[Sequence[str]], NDArray[np.float32]], *, unseen: bool = False
) -> dict[str, torch.Tensor]:
    """{task: (descriptions, dim)} unit vectors of the training descriptions, or of the unseen ones."""
    texts = {t.name: (t.unseen_descriptions if unseen else t.training_descriptions) for t in tasks}
    flat = [d for described in texts.values() for d in described]
    vectors = torch.from_numpy(embed(flat))
    out, at = {}, 0
    for name, described in texts.items():
        out[name] = vectors[at : at + len(described)]
        at += len(described)
    return out
