"""Train many experts on one frozen base in the same batches, each with its own data, schedule and checkpoint."""

import hashlib
import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlora.adapter import AdapterState
from genlora.base import LoadedBase
from genlora.tasks import Split, Task, sample

from ._config import ExpertConfig, TrainState, check_names
from ._plan import Opening, Plan
from .loop._checkpoint import RunFiles
from .methods._full import FullStack
from .methods._stack import MethodStack
from .rows._losses import label_losses, means_by, rows_right
from .rows._packing import Batch, EncodedRows, Row, encode_rows, pack, take
from .rows._stacked import Stack, common_start

log = logging.getLogger(__name__)

Stacks = Stack | MethodStack | FullStack
DIVERGED = "its loss was never finite at a validation. Lower the learning rate"
"""Why an expert has no state to keep."""


@dataclass(frozen=True)
class Trained:
    """A finished expert: the factors of its best validation, and how it got there."""

    name: str
    state: AdapterState
    progress: TrainState


@dataclass
class _Slot:
    task: Task
    train: EncodedRows
    validation: EncodedRows
    progress: TrainState
    order: list[int]
    best: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class ExpertTick:
    """What a progress display needs, once per step."""

    step: int
    done: int
    failed: int
    total: int
    active: tuple[str, ...]
    rows_per_s: float
    tokens_per_s: float
    eta_s: float
    """Upper bound: as if nobody stopped early."""


class ExpertTrainer:
    """Trains `tasks` on `base`; finished and half-done experts live in `run` and survive a kill."""

    def __init__(
        self,
        base: LoadedBase,
        tasks: Sequence[Task],
        config: ExpertConfig,
        run: Path,
        *,
        stored_rank: int | None = None,
        compared: bool = False,
        on_tick: Callable[[ExpertTick], None] | None = None,
    ) -> None:
        """`stored_rank` is what an expert of a method that needs more is cut to; by default the config's rank.

        With `compared` every expert sees all its rows, though it be all right before, and a method's steps are not
        timed against plain LoRA's for the card.
        """
        check_names(tasks)
        self.base = base
        self.tasks = {t.name: t for t in tasks}
        self.config = config
        self.on_tick = on_tick
        self.compared = compared
        self.dtype = next(base.model.parameters()).dtype
        self.device = next(base.model.parameters()).device
        self.plan: Plan | None = None
        if not config.method.plain:
            self.plan = Plan(base, config, stored_rank=stored_rank or config.rank, pack=self._batch)
        self.slots = 1 if config.method.full else config.slots
        self.files = RunFiles(run, self._identity())
        layout = base.layout
        start = common_start(layout, config.targets, config.rank, seed=config.seed)
        self._stack_args = (start, {p: layout.by_path[p].d_out for p in start})
        self.failed: dict[str, str] = {}

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree on to be resumed."""
        shared = self.config.to_json()
        for free in ("slots", "patience", "max_rows", "keep_last"):
            shared.pop(free)
        if self.plan is not None:
            shared["stored_rank"] = self.plan.stored_rank
        return {"config": shared, "fingerprint": self.base.layout.fingerprint}

    def _stack(self, slots: int) -> Stacks:
        if self.plan is not None:
            return self.plan.stack(slots)
        return Stack(*self._stack_args, slots, scale=self.config.scale)

    def run(self) -> Iterator[Trained]:
        """Yield each expert as it finishes, with the model plain; experts already in the run folder come first."""
        done = self.files.done_names() & self.tasks.keys()
        for name in sorted(done):
            state, record = self.files.load_done(name)
            yield Trained(name, state, TrainState(**record))
        queue = [n for n in self.tasks if n not in done]
        queue.sort(key=lambda n: not self.files.has_slot(n))  # half-done experts first
        yield from self._train(queue, len(done))

    def _train(self, queue: list[str], already: int) -> Iterator[Trained]:
        torch.set_grad_enabled(True)
        slots: list[_Slot] = []
        while queue and len(slots) < self.slots:
            self._admit(queue, slots)
        if not slots:
            return
        stack = self._stack(len(slots))
        for i, slot in enumerate(slots):
            self._resume(stack, i, slot)
        if not self.compared and self.plan is not None and not isinstance(stack, Stack):
            first = self._batch([(s.train.prefix, self._peek(s)) for s in slots])
            self.plan.measure(stack, partial(self._backward, first, len(slots)))
        clock, step, finished = _Clock(), 0, already
        while slots:
            over: list[int] = []
            with stack.attached(self.base.model):
                while not over:
                    began = time.perf_counter()
                    batch = self._batch([self._next_pack(s) for s in slots])
                    self._step(stack, slots, batch)
                    step += 1
                    clock.add(batch)
                    if step % self.config.eval_every == 0:
                        self._validate(stack, slots)
                    spent = (time.perf_counter() - began) / len(slots)
                    for s in slots:
                        s.progress.seconds += spent
                    over = [i for i, s in enumerate(slots) if s.progress.stopped]
                    if not over:
                        self._report(step, finished, slots, queue, clock)
            # The model is plain again here, so that who asked can measure what is finished before the others go on.
            for i in over:
                if slots[i].best is None:
                    log.warning("expert %s is left out: %s", slots[i].task.name, DIVERGED)
                    self.failed[slots[i].task.name] = DIVERGED
                    continue
                finished += 1
                yield self._finish(slots[i])
            self._refill(stack, slots, queue, over)
            self._report(step, finished, slots, queue, clock)

    def _admit(self, queue: list[str], slots: list[_Slot]) -> None:
        """Encode the next task that can be trained into a new slot; a task that cannot is recorded as failed."""
        while queue:
            task = self.tasks[queue.pop(0)]
            try:
                slots.append(self._open(task))
                return
            except ValueError as err:
                log.warning("expert %s is left out: %s", task.name, err)
                self.failed[task.name] = str(err)

    def _open(self, task: Task) -> _Slot:
        c = self.config
        describe = task.training_descriptions[0] if c.described else None

        def encode(split: Split, most: int) -> EncodedRows:
            examples = sample(task.split(split), most, seed=c.seed)
            return encode_rows(self.base.tokenizer, examples, description=describe, max_tokens=c.max_tokens)

        train, validation = encode("train", c.max_examples), encode("validation", c.validation_rows)
        return _Slot(task, train, validation, TrainState(task.name), self._order(task.name, 0, len(train.rows)))

    def _order(self, name: str, epoch: int, n: int) -> list[int]:
        seed = hashlib.sha256(f"{self.config.seed}\0{name}\0{epoch}".encode()).digest()
        order = list(range(n))
        random.Random(seed).shuffle(order)
        return order

    def _resume(self, stack: Stacks, index: int, slot: _Slot) -> None:
        found = self.files.load_slot(slot.task.name)
        if isinstance(stack, Stack):
            stack.reset(index)
        elif self.plan is not None and found is None:
            self.plan.begin(stack, index, Opening(slot.task.name, slot.train, slot.order, slot.validation))
        if found is None:
            return
        tensors, best, record = found
        self._restore(stack, index, slot.task.name, tensors)
        slot.best, slot.progress = best, TrainState(**record)
        slot.order = self._order(slot.task.name, slot.progress.epoch, len(slot.train.rows))
        log.info("expert %s goes on from step %d", slot.task.name, slot.progress.step)

    def _restore(
        self,
        stack: Stacks,
        index: int,
        name: str,
        tensors: dict[str, Tensor],
        *,
        history: bool = True,
    ) -> None:
        if isinstance(stack, Stack):
            stack.restore(index, tensors, history=history)
        elif self.plan is not None:
            stack.restore(index, tensors, seed=self.plan.seed_of(name), history=history)

    def _peek(self, slot: _Slot) -> Sequence[Row]:
        """The rows of a first step, without going on."""
        c = self.config
        return take(slot.train.rows, slot.order, 0, budget=c.pack_tokens, most=c.pack_rows)[0]

    def _next_pack(self, slot: _Slot) -> tuple[Sequence[int], Sequence[Row]]:
        c, p = self.config, slot.progress
        if p.cursor >= len(slot.order):
            p.epoch += 1
            p.cursor = 0
            slot.order = self._order(slot.task.name, p.epoch, len(slot.train.rows))
        rows, p.cursor = take(slot.train.rows, slot.order, p.cursor, budget=c.pack_tokens, most=c.pack_rows)
        p.rows_seen += len(rows)
        return slot.train.prefix, rows

    def _batch(self, packs: Sequence[tuple[Sequence[int], Sequence[Row]]]) -> Batch:
        pad = self.base.tokenizer.pad_token_id or 0
        return pack(packs, pad=pad, dtype=self.dtype, device=self.device)

    def _lr(self, p: TrainState) -> float:
        c = self.config
        warm = min(1.0, (p.step + 1) / c.warmup_steps)
        return c.lr * warm * max(0.1, 1.0 - 0.9 * p.rows_seen / c.max_rows)

    def _backward(self, batch: Batch, slots: int) -> Tensor:
        mean = means_by(batch.owner, label_losses(self.base.model, batch).loss, slots)
        mean.sum().backward()
        return mean

    def _step(self, stack: Stacks, slots: list[_Slot], batch: Batch) -> None:
        mean = self._backward(batch, len(slots))
        lr = torch.tensor([self._lr(s.progress) for s in slots])
        clip, decay = self.config.clip, self.config.weight_decay
        if isinstance(stack, Stack):
            stack.step(lr, clip=clip, weight_decay=decay)
        else:
            again = partial(self._backward, batch, len(slots))
            stack.step(lr, clip=clip, weight_decay=decay, closure=again)
        for s, value in zip(slots, mean.tolist(), strict=True):
            s.progress.step += 1
            if math.isfinite(value):
                s.progress.train_loss.append(round(value, 4))
            else:
                s.progress.stopped = "diverged"

    @torch.no_grad()
    def _validate(self, stack: Stacks, slots: list[_Slot]) -> None:
        results = self._validation_pass(slots)
        c = self.config
        for i, (slot, (loss, accuracy)) in enumerate(zip(slots, results, strict=True)):
            p = slot.progress
            if p.stopped or not math.isfinite(loss):
                p.stopped = "diverged"
                continue
            p.validation.append(
                {"step": p.step, "rows": p.rows_seen, "loss": round(loss, 4), "accuracy": round(accuracy, 4)}
            )
            if (accuracy, -loss) > (p.best_accuracy, -p.best_loss):
                p.best_accuracy, p.best_loss, p.bad = accuracy, loss, 0
                slot.best = stack.tensors(i)
            else:
                p.bad += 1
            if c.keep_last:
                self.files.save_checkpoint(p.name, p.step, self._state(stack, i), keep=c.keep_last)
            if p.rows_seen >= c.max_rows:
                p.stopped = "row budget"
            elif p.bad >= c.patience:
                p.stopped = "no better for a while"
            elif accuracy == 1.0 and loss < 0.01 and not self.compared:
                p.stopped = "all right"
            if not p.stopped and not self.config.method.full:  # a whole model a validation is too much to write
                self.files.save_slot(p.name, stack.tensors(i), slot.best, p.to_json())

    def _validation_pass(self, slots: list[_Slot]) -> list[tuple[float, float]]:
        """(mean label loss, share of rows whose every label is the argmax) per slot."""
        cursors = [0] * len(slots)
        sums = [[0.0, 0, 0, 0] for _ in slots]  # loss, labels, rows right, rows
        while any(c < len(s.validation.rows) for c, s in zip(cursors, slots, strict=True)):
            packs = []
            for i, s in enumerate(slots):
                rows, cursors[i] = take(
                    s.validation.rows,
                    range(len(s.validation.rows)),
                    cursors[i],
                    budget=2 * self.config.pack_tokens,
                    most=1000,
                )
                packs.append((s.validation.prefix, rows))
            batch = self._batch(packs)
            found = label_losses(self.base.model, batch)
            row_right, row_owner = rows_right(batch, found.right)
            for i, total in enumerate(sums):
                mine = batch.owner == i
                total[0] += float(found.loss[mine].sum())
                total[1] += int(mine.sum())
                total[2] += int(row_right[row_owner == i].sum())
                total[3] += int((row_owner == i).sum())
        return [(a / max(b, 1), c / max(d, 1)) for a, b, c, d in sums]

    def _state(self, stack: Stacks, slot: int) -> AdapterState:
        """The expert in `slot` as a plain LoRA."""
        if self.plan is not None and not isinstance(stack, Stack):
            return self.plan.stored(stack, slot)
        return stack.state(slot).folded()

    def _finish(self, slot: _Slot) -> Trained:
        one = self._stack(1)
        self._restore(one, 0, slot.task.name, slot.best or {}, history=False)
        if self.plan is not None and not isinstance(one, Stack):
            slot.progress.method = self.plan.report(one, 0, partial(self.files.save_native, slot.task.name))
        state = self._state(one, 0)
        self.files.save_done(slot.task.name, state, slot.progress.to_json())
        p = slot.progress
        told = (p.name, p.stopped, p.step, p.rows_seen, p.best_accuracy, p.best_loss)
        log.info("expert %s done: %s after %d steps, %d rows; validation %.3f, loss %.3f", *told)
        return Trained(slot.task.name, state, p)

    def _refill(self, stack: Stacks, slots: list[_Slot], queue: list[str], over: list[int]) -> None:
        gone = []
        for i in over:
            fresh: list[_Slot] = []
            self._admit(queue, fresh)
            if fresh:
                slots[i] = fresh[0]
                self._resume(stack, i, fresh[0])
            else:
                gone.append(i)
        if over:
            left = [i for i in range(len(slots)) if i not in gone]
            slots[:] = [slots[i] for i in left]
            if gone and left:
                stack.keep(left)

    def _report(self, step: int, done: int, slots: list[_Slot], queue: list[str], clock: "_Clock") -> None:
        if self.on_tick is None:
            return
        c = self.config
        left = sum(max(0, c.max_rows - s.progress.rows_seen) for s in slots) + c.max_rows * len(queue)
        rate = clock.rows_per_s
        counts = (step, done, len(self.failed), len(self.tasks))
        active = tuple(s.task.name for s in slots)
        self.on_tick(ExpertTick(*counts, active, rate, clock.tokens_per_s, left / rate if rate else float("inf")))


class _Clock:
    """Rows and tokens per second over the last fifty steps."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int, int]] = [(time.perf_counter(), 0, 0)]

    def add(self, batch: Batch) -> None:
        _, rows, tokens = self._marks[-1]
        self._marks.append((time.perf_counter(), rows + batch.n_rows, tokens + batch.tokens))
        del self._marks[:-50]

    def _rate(self, field_: int) -> float:
        first, last = self._marks[0], self._marks[-1]
        return (last[field_] - first[field_]) / max(last[0] - first[0], 1e-9)

    @property
    def rows_per_s(self) -> float:
        return self._rate(1)

    @property
    def tokens_per_s(self) -> float:
        return self._rate(2)
