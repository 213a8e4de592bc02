"""Fitting `fewshot`: one adapter for prompts with a description, examples, or both, trained on the stream of tasks.

Every answer of a chat sequence is a label, so that one sequence trains the described prompt and every number of
examples at once. What a step holds follows from its number alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.tasks import Draw, Example, Task, sample
from genlora.tasks.stream import GROUP, Spec, spec

from ._dialogues import Dialogue, batch_of, described_rows, dialogue
from ._lightning import Step
from ._losses import LabelLosses, label_losses, means_by, rows_right
from ._packing import Batch
from ._routed import FactorSetter
from ._stacked import common_start

T = TypeVar("T")

ALL_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_HALVES = ((0, 1, 4, 6), (2, 3, 5, 7))
"""Places of a group of eight specs in its two half groups: each has one pair that shares its inputs."""
SHOWN = (0, 1, 3)
"""Numbers of worked examples that validation looks at."""


@dataclass(frozen=True, kw_only=True)
class FewshotConfig:
    """Everything that decides a run of `fewshot`."""

    rank: int = 16
    targets: tuple[str, ...] = ALL_TARGETS
    scale: float = 2.0
    lr: float = 1e-3
    warmup: int = 20
    """Steps of a rising rate; then it stands until `decay_from`, and falls with one over the square root of the step,
    so that the run has no end that has to be known beforehand."""
    decay_from: int = 200
    weight_decay: float = 0.01
    average: float = 0.98
    """Decay per step of the running mean of the weights: what is validated and shipped."""
    half_groups: int = 1
    """Four sequences each, of which one pair shares its inputs."""
    tokens: int = 224
    """Longest sequence."""
    turns: int = 8
    packs: float = 0.5
    """Share of sequences whose rows see the description alone: a dialogue has but one such answer in eight."""
    undescribed: float = 0.2
    """Share of dialogues without a description: their first answer is no label."""
    catalogue: float = 0.25
    """Share of sequences from the catalogue's training tasks; the rest is the stream."""
    specs: int = 0
    """Different specs of the stream at most, for ablations; 0 for an endless stream."""
    validation_dialogues: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("rank", 1), ("half_groups", 1), ("turns", 2), ("tokens", 32), ("specs", 0)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least {low}. Correct the setting.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lr_at(self, step: int) -> float:
        """The learning rate's factor at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return min(1.0, math.sqrt(self.decay_from / max(step, 1)))


class FewshotSteps:
    """Batches of dialogues by number."""

    def __init__(self, base: LoadedBase, tasks: Sequence[Task], config: FewshotConfig) -> None:
        self.config = config
        self.tokenizer = base.tokenizer
        self.pad = base.tokenizer.pad_token_id or 0
        self.dtype = next(base.model.parameters()).dtype
        self.tasks = [t for t in tasks if t.split("train")]

    def dialogues(self, number: int) -> list[Dialogue]:
        """The sequences of step `number`."""
        out: list[Dialogue] = []
        for half in range(number * self.config.half_groups, (number + 1) * self.config.half_groups):
            for place in _HALVES[half % 2]:
                out += self._one(half // 2 * GROUP + place)
        return out

    def batch(self, number: int, device: torch.device) -> tuple[Batch, int]:
        """The batch of step `number`, and its tokens without padding."""
        found = self.dialogues(number)
        return batch_of(found, pad=self.pad, dtype=self.dtype, device=device), sum(map(len, found))

    def _one(self, number: int) -> list[Dialogue]:
        c = self.config
        draw = Draw(f"genlora fewshot {c.seed} {number}")
        paired = number % GROUP < 4
        for _ in range(20):
            description: str | None
            # Pairs are always of the stream: four places of eight, so the others take twice the catalogue's share.
            if self.tasks and not paired and draw.chance(2 * c.catalogue):
                task = draw.pick(self.tasks)
                description = draw.pick(task.training_descriptions)
                examples = draw.some(task.split("train"), min(c.turns, len(task.split("train"))))
            else:
                of_stream = number if not c.specs else number % c.specs
                found = spec(c.seed, of_stream)
                description = found.description(draw.between(0, 1 << 30))
                examples = found.rows(c.turns, part=draw.between(0, 1 << 30))
            packed = draw.chance(c.packs)
            if not packed and draw.chance(c.undescribed):
                description = None
            made = _fitting(self.tokenizer, examples, description, c.tokens, packed=packed)
            if made is not None:
                return [made]
            paired = False
        return []


def _fitting(
    tokenizer: Any, examples: Sequence[Example], description: str | None, tokens: int, *, packed: bool = False
) -> Dialogue | None:
    plain = [e for e in examples if e.input and e.output and e.output == e.output.strip()]
    if packed and description is not None and plain:
        return described_rows(tokenizer, plain, description, max_tokens=tokens)
    return dialogue(tokenizer, plain, description, max_tokens=tokens) if len(plain) > 1 else None


def validation_dialogues(
    base: LoadedBase, tasks: Sequence[Task], config: FewshotConfig, *, specs: int = 32, described: bool = True
) -> dict[str, list[Dialogue]]:
    """{catalogue | near | far: dialogues} nobody trains on: unseen descriptions of validation tasks, held-out specs."""
    turns = max(SHOWN) + 1
    out: dict[str, list[Dialogue]] = {"catalogue": [], "near": [], "far": []}
    for task in tasks:
        rows = sample(task.split("validation"), turns * config.validation_dialogues, seed=0)
        told = (task.unseen_descriptions or task.descriptions)[0] if described else None
        for i in range(0, len(rows) - turns + 1, turns):
            made = _fitting(base.tokenizer, rows[i : i + turns], told, 400)
            if made is not None:
                out["catalogue"].append(made)
    for split in ("near", "far"):
        for number in range(specs):
            found: Spec = spec(1, GROUP * (number // 4) + 4 + number % 4, split=split)
            told = found.description() if described else None
            made = _fitting(base.tokenizer, found.rows(turns), told, 400)
            if made is not None:
                out[split].append(made)
    return out


class FewshotFit(nn.Module):
    """One adapter's factors, {leaf: (layers, r, d_in) and (layers, d_out, r)}, and their running mean."""

    def __init__(
        self,
        base: LoadedBase,
        setter: FactorSetter,
        steps: FewshotSteps,
        held: Mapping[str, Sequence[Dialogue]],
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        object.__setattr__(self, "base", base)  # frozen, and not of this module's state
        object.__setattr__(self, "setter", setter)
        self.steps = steps
        self.config = steps.config
        self.held = held
        layout = base.layout
        first = common_start(layout, self.config.targets, self.config.rank, seed=self.config.seed)
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for leaf in self.config.targets:
            modules = layout.of((leaf,))
            a = torch.stack([first[m.path] for m in modules])
            b = torch.zeros(len(modules), modules[0].d_out, self.config.rank)
            if start is not None:
                a, b = start[f"{leaf}.a"].float(), start[f"{leaf}.b"].float()
            self.a[leaf], self.b[leaf] = nn.Parameter(a), nn.Parameter(b)
        self.mean = {k: v.detach().clone() for k, v in self.named_parameters()}
        self.tokens = 0
        self.seen = 0
        self.history: list[dict[str, float]] = []

    base: LoadedBase
    setter: FactorSetter

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """AdamW with a warm-up and a rate that falls with the square root of the step."""
        del steps
        c = self.config
        optimiser = torch.optim.AdamW(self.parameters(), lr=c.lr, betas=(0.9, 0.99), weight_decay=c.weight_decay)
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, c.lr_at)

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Mean over answers of their mean label loss, so that a long answer counts as much as a short one."""
        self._average()
        device = self.base.device
        batch, tokens = self.steps.batch(step.index * step.world + step.rank, device)
        self.tokens += tokens * step.world
        self._route({k: v for k, v in self.named_parameters()})
        per_answer = means_by(batch.row, label_losses(self.base.model, batch).loss, batch.n_rows)
        return {"loss": per_answer.mean(), "tokens": torch.tensor(float(self.tokens))}

    def run_state(self) -> dict[str, Any]:
        return {"mean": self.mean, "tokens": self.tokens, "seen": self.seen, "history": self.history}

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        self.mean = {k: v.to(self.base.device) for k, v in state["mean"].items()}
        self.tokens, self.seen = int(state["tokens"]), int(state["seen"])
        self.history = [dict(h) for h in state["history"]]

    @torch.no_grad()
    def _average(self) -> None:
        """The running mean follows the weights, faster in the first steps."""
        keep = min(self.config.average, (1 + self.seen) / (10 + self.seen))
        for name, value in self.named_parameters():
            self.mean[name].mul_(keep).add_(value, alpha=1 - keep)
        self.seen += 1

    def _route(self, tensors: Mapping[str, Tensor]) -> None:
        self.setter.route({k: (tensors[f"a.{k}"][None], tensors[f"b.{k}"][None]) for k in self.config.targets})

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """{source/k: share of answers right by forcing} of the running mean; `tokens` is how many it has seen."""
        self._route(self.mean)
        out: dict[str, float] = {}
        for source, dialogues in self.held.items():
            out |= {f"{source}/{k}": v for k, v in answers_right(self.base, dialogues).items()}
        self.history.append({"tokens": float(self.tokens), **out})
        return out

    def weights(self) -> dict[str, Tensor]:
        """{leaf.a, leaf.b} of the running mean."""
        return {f"{leaf}.{side}": self.mean[f"{side}.{leaf}"] for leaf in self.config.targets for side in "ab"}


def answers_right(base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 4096) -> dict[int, float]:
    """{examples seen before it: share of answers whose every token is the argmax}, for the numbers in `SHOWN`."""
    right: dict[int, list[bool]] = {k: [] for k in SHOWN}
    for d, found in zip(dialogues, forced(base, dialogues, most=most), strict=True):
        for k, ok in enumerate(found, d.labelled_from):
            if k in right:
                right[k].append(ok)
    return {k: sum(v) / len(v) for k, v in right.items() if v}


@torch.no_grad()
def forced(base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 4096) -> list[list[bool]]:
    """For each dialogue and each labelled answer of it: whether every token is the argmax, those before it given.

    That is what greedy decoding would get right, at the price of one pass. `most` bounds a batch's tokens.
    """
    return _by_answer(base, dialogues, most, lambda batch, said: rows_right(batch, said.right)[0].tolist())


def row_likelihoods(base: LoadedBase, dialogues: Sequence[Dialogue], *, most: int = 2048) -> list[list[float]]:
    """For each dialogue and each labelled answer of it: its log-probability in nats, given what stands before it."""

    def sums(batch: Batch, said: LabelLosses) -> list[float]:
        return torch.zeros(batch.n_rows, device=said.loss.device).index_add_(0, batch.row, -said.loss).tolist()

    return _by_answer(base, dialogues, most, sums)


def _by_answer(
    base: LoadedBase, dialogues: Sequence[Dialogue], most: int, read: Callable[[Batch, LabelLosses], list[T]]
) -> list[list[T]]:
    """What `read` makes of each labelled answer, one value a row of a batch, by dialogue."""
    out: dict[int, list[T]] = {}
    dtype = next(base.model.parameters()).dtype
    pad = base.tokenizer.pad_token_id or 0
    for part in _by_length(dialogues, most):
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
