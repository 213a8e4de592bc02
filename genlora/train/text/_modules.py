"""Text generators that are trained through the frozen base: the multi-task adapter and the hypernetwork.

The loss of a step (T2L, arXiv 2506.06105; behaviour and alignment terms as in TAGI):

    cross-entropy at the labels + kl · KL(expert ‖ generated) at the labels
    + align · mean over modules of ‖ΔW - ΔW_expert‖² / ‖ΔW_expert‖² + l2 · mean of (dA, dB)²

All terms but the first are zero for tasks without an expert.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genlora.adapter import read_record, record_bytes
from genlora.base import LoadedBase
from genlora.errors import ConfigError, ManifestError, TrainingError
from genlora.files import atomic_write
from genlora.generators import Factors, HyperNetwork, NetworkConfig

from ..loop._checkpoint import RECORD
from ..loop._lightning import Step
from ..rows._losses import label_losses, means_by, rows_right
from ..rows._routed import FactorSetter
from ..rows._stacked import common_start
from ._task_batches import TaskBatch, TaskBatchConfig, TaskBatches
from ._teacher import Experts, kl_to_teacher

BEST = "best.safetensors"


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Everything that decides a run; written into its folder and into the artefact's record."""

    steps: int = 600
    lr: float = 1e-3
    warmup: float = 0.03
    """Share of the steps with a rising learning rate; then it falls as a cosine to `floor`."""
    floor: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    label_smoothing: float = 0.0
    kl: float = 0.0
    align: float = 0.0
    l2: float = 0.0
    code_dropout: float = 0.0
    """Share of conditions whose neighbours' code is zeroed while training, so that the text alone must do."""
    noise: float = 0.0
    """Length of the random vector added to a description's unit vector before it is scaled back to length one."""
    keep: Literal["best", "last"] = "best"
    """Which weights count: those with most validation rows right, or those the schedule ends with. A look at
    twenty tasks moves by two points from one to the next, so `last` is the steadier choice for a long run."""
    eval_every: int = 50
    validation_rows: int = 16
    rank: int = 8
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    scale: float = 2.0
    batches: TaskBatchConfig = field(default_factory=TaskBatchConfig)

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("eval_every", 1), ("validation_rows", 1), ("rank", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least {low}. Correct the setting.")
        if not 0 < self.lr < 1:
            raise ConfigError(f"lr is {self.lr}, expected a number between 0 and 1; 1e-3 is the default.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lr_at(self, step: int) -> float:
        """The learning rate's factor at a step: linear warm-up, cosine decay."""
        warm = max(1, int(self.warmup * self.steps))
        if step < warm:
            return (step + 1) / warm
        done = min(1.0, (step - warm) / max(1, self.steps - warm))
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, eq=False)
class FitData:
    """What a run reads: the base, steps of training tasks, and validation tasks with descriptions never trained on."""

    base: LoadedBase
    train: TaskBatches
    validation: TaskBatches
    vectors: Mapping[str, Tensor]
    """{task: (descriptions, dim)} for training tasks; for validation tasks, their unseen descriptions."""
    experts: Experts | None = None
    codes: Mapping[str, Tensor] = field(default_factory=dict)
    """{task: (descriptions, code_dim)}: what the neighbours of each description, without the task itself, say."""


class TextFit(nn.Module, ABC):
    """What both kinds of fit share: steps, optimiser, validation. Subclasses say how conditions become factors."""

    def __init__(self, config: FitConfig, data: FitData, setter: FactorSetter) -> None:
        super().__init__()
        self.config = config
        # Beside the module's registry: the base is frozen, and is neither saved nor moved with this module.
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "setter", setter)
        self.tokens = 0
        self._counted = 0
        self.history: dict[int, dict[str, float]] = {}
        self.best: tuple[tuple[float, float], dict[str, Tensor]] | None = None
        self.keep: Path | None = None

    data: FitData
    setter: FactorSetter

    @abstractmethod
    def factors(self, names: Sequence[str], told: Sequence[int]) -> tuple[Factors, Tensor]:
        """Factors for (task, description) pairs, and the mean square of what was added to the start."""

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """AdamW with a warm-up and a cosine."""
        if steps != self.config.steps:
            raise ConfigError(f"the fit is set to {self.config.steps} steps, not {steps}. Give both the same number.")
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(
            parameters, lr=self.config.lr, betas=(0.9, 0.99), weight_decay=self.config.weight_decay
        )
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, self.config.lr_at)

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Losses of one step; its content depends on its number alone."""
        content = self.data.train.step(step.index * step.world + step.rank)
        for missed in range(self._counted, step.index):  # a resumed run counts what was trained before it
            self.tokens += self.data.train.step(missed * step.world).batch.tokens * step.world
        self.tokens += content.batch.tokens * step.world
        self._counted = step.index + 1
        return self.losses_of(content)

    def keep_in(self, run: Path) -> None:
        """Keep the best weights and the history in `run`, and take up those that a killed run left there."""
        self.keep = run
        path = run / BEST
        if not path.exists():
            return
        tensors, kept = read_kept(path)
        self.history = {int(k): v for k, v in kept["history"].items()}
        self.best = ((float(kept["score"][0]), float(kept["score"][1])), tensors)

    def validate(self) -> dict[str, float]:
        """Mean loss and share of rows right on validation tasks; the best weights so far are kept in `best`."""
        found = self.validate_tasks(described=self.config.batches.described == 1)[""]
        self.history[self._counted] = {"tokens": float(self.tokens), **found}
        if self.best is None or (found["right"], -found["loss"]) > self.best[0]:
            weights = {k: v.detach().clone() for k, v in self.state_dict().items()}
            self.best = ((found["right"], -found["loss"]), weights)
        if self.keep is not None:
            record = {"score": list(self.best[0]), "history": self.history}
            atomic_write(self.keep / BEST, record_bytes(self.best[1], record, key=RECORD))
        return found

    def losses_of(self, step: TaskBatch) -> dict[str, Tensor]:
        """Every term of the loss of one step."""
        c, experts = self.config, self.data.experts
        factors, squares = self.factors(step.tasks, step.descriptions)
        self.setter.route(factors)
        teacher = experts.teacher(step) if experts is not None and c.kl else None
        found = label_losses(self.data.base.model, step.batch)
        losses, logits = found.loss, found.logits
        if c.label_smoothing:
            losses = (1 - c.label_smoothing) * losses - c.label_smoothing * logits.log_softmax(-1).mean(-1)
        out = {"ce": means_by(step.batch.owner, losses, len(step.tasks)).mean()}
        total = out["ce"]
        if teacher is not None:
            out["kl"] = kl_to_teacher(logits, teacher)
            total = total + c.kl * out["kl"]
        if experts is not None and c.align:
            out["align"] = experts.distance(step.tasks, factors, c.scale)
            total = total + c.align * out["align"]
        out["l2"] = squares
        return {**out, "loss": total + c.l2 * squares}

    @torch.no_grad()
    def validate_tasks(self, rows: int | None = None, described: bool = False) -> dict[str, dict[str, float]]:
        """{task: {loss, right}} on validation tasks with their first unseen description; the mean is under ''.

        `right` is the share of rows whose every label is the argmax: what greedy decoding would get strictly right.
        """
        self.eval()
        found: dict[str, dict[str, float]] = {}
        batches = self.data.validation
        for names in _chunks(batches.by_length, 8):
            step = batches.fixed(names, rows or self.config.validation_rows, described=described)
            factors, _ = self.factors(names, [0] * len(names))
            self.setter.route(factors)
            said = label_losses(self.data.base.model, step.batch)
            mean = means_by(step.batch.owner, said.loss, len(names))
            ok, owner = rows_right(step.batch, said.right)
            for i, name in enumerate(names):
                found[name] = {"loss": float(mean[i]), "right": float(ok[owner == i].float().mean())}
        self.train()
        found[""] = {k: sum(x[k] for x in found.values()) / len(found) for k in ("loss", "right")}
        return found


class MultitaskFit(TextFit):
    """One unconditional adapter for all tasks."""

    def __init__(self, config: FitConfig, data: FitData, setter: FactorSetter) -> None:
        super().__init__(config, data, setter)
        layout = data.base.layout
        start = common_start(layout, config.targets, config.rank, seed=config.batches.seed)
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for leaf in config.targets:
            modules = layout.of((leaf,))
            self.a[leaf] = nn.Parameter(torch.stack([start[m.path] for m in modules]))
            self.b[leaf] = nn.Parameter(torch.zeros(len(modules), modules[0].d_out, config.rank))

    def factors(self, names: Sequence[str], told: Sequence[int]) -> tuple[Factors, Tensor]:
        del names, told
        pairs = {leaf: (self.a[leaf][None], self.b[leaf][None]) for leaf in self.config.targets}
        return pairs, torch.zeros(())

    def start_tensors(self) -> dict[str, Tensor]:
        """{leaf.a, leaf.b}: what a hypernetwork starts from."""
        out = {}
        for leaf in self.config.targets:
            out |= {f"{leaf}.a": self.a[leaf].detach().clone(), f"{leaf}.b": self.b[leaf].detach().clone()}
        return out


class HypernetFit(TextFit):
    """The hypernetwork, trained end to end through the base."""

    def __init__(
        self,
        config: FitConfig,
        data: FitData,
        setter: FactorSetter,
        network: NetworkConfig,
        start: Mapping[str, Tensor],
    ) -> None:
        super().__init__(config, data, setter)
        known = torch.cat([data.vectors[n] for n in data.train.names])
        self.network = HyperNetwork(network, start, known.mean(0))

    def condition(self, names: Sequence[str], told: Sequence[int]) -> Tensor:
        """(K, text_dim [+ code_dim]): description vectors, with noise while training, and neighbours' codes."""
        vectors = torch.stack([self.data.vectors[n][i] for n, i in zip(names, told, strict=True)])
        if self.training and self.config.noise:
            noisy = vectors + self.config.noise * torch.randn_like(vectors) / math.sqrt(vectors.shape[1])
            vectors = nn.functional.normalize(noisy, dim=-1)
        if not self.network.config.code_dim:
            return vectors
        codes = torch.stack([self.data.codes[n][i] for n, i in zip(names, told, strict=True)])
        if self.training and self.config.code_dropout:
            codes = codes * (torch.rand(len(codes), 1) >= self.config.code_dropout)
        return torch.cat([vectors, codes], -1)

    def factors(self, names: Sequence[str], told: Sequence[int]) -> tuple[Factors, Tensor]:
        deltas = self.network.deltas(self.condition(names, told))
        out: Factors = {}
        squares, count = torch.zeros(()), 0
        for leaf, (da, db) in deltas.items():
            a0, b0 = self.network.start(leaf)
            out[leaf] = (a0 + da, b0 + db)
            squares = squares + da.square().sum() + db.square().sum()
            count += da.numel() + db.numel()
        return out, squares / count


def read_kept(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and their record. Raises `TrainingError` for a damaged file."""
    try:
        return read_record(path.read_bytes(), where=str(path), key=RECORD)
    except ManifestError as err:
        raise TrainingError(f"{err} Or delete it; the best weights are then looked for anew.") from err


def _chunks(names: Sequence[str], size: int) -> list[list[str]]:
    return [list(names[i : i + size]) for i in range(0, len(names), size)]
