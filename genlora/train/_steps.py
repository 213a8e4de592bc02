"""One adapter, trained for a fixed number of steps from any start, resumable: a client's round, a phase of a recipe.

Where `ExpertTrainer` trains many experts and keeps each one's best validation, this keeps the last step: what a server
averages, and what a next phase goes on from, is where training ended.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from genlora.adapter import AdapterState, LoraPair, attached, check_fits, module_at, read_record, record_bytes
from genlora.base import LoadedBase
from genlora.errors import AdapterShapeError, ConfigError, ManifestError, TrainingError
from genlora.files import atomic_write
from genlora.tasks import Example

from .rows._losses import label_losses, rows_right
from .rows._packing import Batch, EncodedRows, encode_rows, pack, take
from .rows._stacked import Stack, common_start

KEY = "steps"


@dataclass(frozen=True, kw_only=True)
class StepsConfig:
    """How the steps are taken."""

    steps: int = 40
    rank: int = 8
    """Of a fresh adapter; a given start has its own."""
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    scale: float = 2.0
    """alpha / r while training; folded into B at the end."""
    lr: float = 2e-3
    """Peak AdamW learning rate: linear warm-up, then linear decay to `last_lr` of it."""
    last_lr: float = 0.1
    warmup_steps: int = 4
    weight_decay: float = 0.0
    clip: float = 1.0
    accumulate: int = 1
    """Packs whose gradients make one step."""
    pack_tokens: int = 208
    pack_rows: int = 12
    max_tokens: int = 256
    """Longest prompt and answer."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "rank", "accumulate", "pack_tokens", "pack_rows", "max_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")
        if not 0 < self.lr < 1:
            raise ConfigError(f"lr is {self.lr}, expected a number between 0 and 1; 2e-3 is the default.")
        if not self.scale > 0 or not 0 <= self.last_lr <= 1:
            raise ConfigError(f"scale is {self.scale} and last_lr {self.last_lr}; expected above 0, and from 0 to 1.")

    def rate(self, step: int) -> float:
        """The learning rate of step 0, 1, ..."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        return self.lr * warm * (1.0 - (1.0 - self.last_lr) * step / self.steps)


@dataclass(frozen=True, eq=False)
class Stepped:
    """The adapter after the last step, its scale that of training, and the mean label loss of each step."""

    state: AdapterState
    losses: tuple[float, ...]
    rows: int
    """Rows seen, repeats included."""
    tokens: int


@dataclass(frozen=True)
class Looked:
    """How an adapter does on rows: mean label loss, and the share of rows whose every label is the most likely one."""

    loss: float
    right: float
    rows: int


def rows_of(
    base: LoadedBase, examples: Sequence[Example], config: StepsConfig, description: str | None = None
) -> EncodedRows:
    """Examples as rows that fit; asked with the description before the input, where there is one."""
    return encode_rows(base.tokenizer, examples, description=description, max_tokens=config.max_tokens)


def train_steps(
    base: LoadedBase,
    rows: EncodedRows,
    config: StepsConfig,
    *,
    start: AdapterState | None = None,
    beneath: AdapterState | None = None,
    checkpoint: Path | None = None,
    every: int = 20,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> Stepped:
    """Take `config.steps` steps of AdamW on `rows`.

    Args:
        base: loaded, and left as it was.
        rows: of one task.
        config: how.
        start: the adapter to go on from, its factors as they are; by default a fresh one (A random, B zero).
        beneath: an adapter that is part of the base meanwhile and does not change.
        checkpoint: file that is written every so many steps; the same call goes on from it.
        every: steps between two of these.
        on_step: told (steps done, loss).

    Raises `TrainingError` where the loss is not finite or the checkpoint is of another run, `AdapterShapeError` where
    start and base do not fit.
    """
    torch.set_grad_enabled(True)
    run = _Run(base, rows, config, start, checkpoint)
    with attached(base.model, beneath), run.stack.attached(base.model):
        while run.step < config.steps:
            loss = run.take_step()
            if checkpoint is not None and (run.step % every == 0 or run.step == config.steps):
                run.save(checkpoint)
            on_step(run.step, loss)
    return Stepped(run.stack.state(0), tuple(run.losses), run.rows_seen, run.tokens)


@torch.no_grad()
def look(base: LoadedBase, rows: EncodedRows, state: AdapterState | None, config: StepsConfig) -> Looked:
    """How `state` does on `rows`; None is the base alone."""
    loss, labels, right, seen, at = 0.0, 0, 0, 0, 0
    with attached(base.model, state):
        while at < len(rows.rows):
            some, at = take(rows.rows, range(len(rows.rows)), at, budget=2 * config.pack_tokens, most=1000)
            batch = _batch(base, rows, some)
            found = label_losses(base.model, batch)
            loss, labels = loss + float(found.loss.sum()), labels + len(found.loss)
            right, seen = right + int(rows_right(batch, found.right)[0].sum()), seen + batch.n_rows
    return Looked(loss / max(1, labels), right / max(1, seen), seen)


def _batch(base: LoadedBase, rows: EncodedRows, some: Sequence) -> Batch:
    dtype = next(p.dtype for p in base.model.parameters() if p.is_floating_point())
    return pack([(rows.prefix, some)], pad=base.tokenizer.pad_token_id or 0, dtype=dtype, device=base.device)


class _Run:
    """Where the steps stand."""

    def __init__(
        self,
        base: LoadedBase,
        rows: EncodedRows,
        config: StepsConfig,
        start: AdapterState | None,
        checkpoint: Path | None,
    ) -> None:
        self.base, self.rows, self.config = base, rows, config
        self.step, self.cursor, self.epoch, self.rows_seen, self.tokens = 0, 0, 0, 0, 0
        self.losses: list[float] = []
        self.stack = self._stack(start)
        if checkpoint is not None and checkpoint.exists():
            self.load(checkpoint)
        self.order = self._order()

    def _stack(self, start: AdapterState | None) -> Stack:
        c, layout = self.config, self.base.layout
        if start is None:
            first = common_start(layout, c.targets, c.rank, seed=c.seed)
            return Stack(first, {p: layout.by_path[p].d_out for p in first}, 1, scale=c.scale)
        if len({p.rank for p in start.values()}) != 1:
            raise AdapterShapeError("the adapter to start from has several ranks, expected one. Resize it first.")
        for path, pair in start.items():
            check_fits(module_at(self.base.model, path), path, pair.d_in, pair.d_out)
        stack = Stack(
            {p: q.a.float() for p, q in start.items()}, {p: q.d_out for p, q in start.items()}, 1, scale=c.scale
        )
        stack.load(0, start)
        return stack

    def _order(self) -> list[int]:
        order = list(range(len(self.rows.rows)))
        random.Random(hashlib.sha256(f"{self.config.seed}\0{self.epoch}".encode()).digest()).shuffle(order)
        return order

    def _next(self) -> Batch:
        c = self.config
        if self.cursor >= len(self.order):
            self.epoch, self.cursor = self.epoch + 1, 0
            self.order = self._order()
        some, self.cursor = take(self.rows.rows, self.order, self.cursor, budget=c.pack_tokens, most=c.pack_rows)
        batch = _batch(self.base, self.rows, some)
        self.rows_seen, self.tokens = self.rows_seen + batch.n_rows, self.tokens + batch.tokens
        return batch

    def take_step(self) -> float:
        """One optimiser step; its mean loss."""
        c, total = self.config, 0.0
        for _ in range(c.accumulate):
            loss = label_losses(self.base.model, self._next()).loss.mean() / c.accumulate
            loss.backward()
            total += float(loss.detach())
        if not total < float("inf"):  # also true of NaN
            raise TrainingError(
                f"step {self.step}: the loss is {total}, expected a finite number. Lower the learning rate ({c.lr:g})."
            )
        rate = torch.tensor([c.rate(self.step)])
        self.stack.step(rate, clip=c.clip, weight_decay=c.weight_decay)
        self.step += 1
        self.losses.append(total)
        return total

    def save(self, path: Path) -> None:
        """Write where the steps stand, whole or not at all."""
        record = {k: getattr(self, k) for k in ("step", "cursor", "epoch", "rows_seen", "tokens", "losses")}
        record["config"] = asdict(self.config)
        atomic_write(path, record_bytes(self.stack.tensors(0), record, key=KEY), durable=False)

    def load(self, path: Path) -> None:
        """Go on from a file that `save` wrote. Raises `TrainingError` for another one."""
        try:
            tensors, record = read_record(path.read_bytes(), where=str(path), key=KEY)
        except ManifestError as err:
            raise TrainingError(f"{path}: not a checkpoint of this program ({err}). Delete it to begin anew.") from err
        if {**record["config"], "targets": tuple(record["config"]["targets"])} != asdict(self.config):
            raise TrainingError(f"{path}: was written with other settings. Use a new run folder, or the old settings.")
        self.stack.restore(0, tensors)
        self.step, self.cursor, self.epoch = record["step"], record["cursor"], record["epoch"]
        self.rows_seen, self.tokens, self.losses = record["rows_seen"], record["tokens"], record["losses"]


def sliced(state: AdapterState, rank: int) -> AdapterState:
    """The first `rank` directions of every module (HetLoRA, arXiv 2401.06432): of a canonical state the strongest."""
    return AdapterState({p: LoraPair(q.a[:rank], q.b[:, :rank], q.scale) for p, q in state.items()})
