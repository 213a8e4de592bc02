"""Learning the prior of few-shot refinement on a bank's tasks: the first-order outer loop of ABMLL (arXiv 2508.14285).

For a task, the prior's mean is what the bank says about it without its own expert and siblings (as for a task nobody
trained). A few of its rows give the posterior; on other rows, the gradient of the loss at the posterior, taken as a
function of the prior's deviation s with u and v fixed, plus that of beta · KL with the posterior fixed, moves s.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState
from genlora.bank import Bank
from genlora.base import LoadedBase
from genlora.errors import BankError, ConfigError, TaskError
from genlora.generators import Artefact, Calibration, Request, generator_for
from genlora.tasks import Example, Task, sample

from ._bayes import (
    Factors,
    InnerConfig,
    Posterior,
    Scales,
    adapt,
    deviations,
    drawn,
    factors_of,
    library_scales,
    placed,
)
from ._refine import RefinePrior, RowLosses
from .loop._lightning import Fitted, FitTick, Step, derived_seed, fit
from .rows._routed import FactorSetter, routed

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AbmllFitConfig:
    """Everything that shapes the prior; with bank, base and tasks it makes the same artefact again."""

    steps: int = 40
    """Meta-steps."""
    tasks_per_step: int = 1
    shots: int = 16
    queries: int = 16
    inner: InnerConfig = field(default_factory=lambda: InnerConfig(steps=5, lr=0.3))
    """Of the inner loop while training; the artefact refines with `refine_steps` steps instead."""
    refine_steps: int = 10
    refine_lr: float = 0.4
    share: float = 0.3
    """Where the prior starts: this share of the root mean square of the experts' factors."""
    lr: float = 0.05
    """Adam's rate on the logarithm of the deviations."""
    rows: int = 96
    """Rows per task that shots and queries are drawn from."""
    max_tokens: int = 144
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "tasks_per_step", "shots", "queries", "refine_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")
        if self.rows < self.shots + self.queries:
            raise ConfigError(f"rows is {self.rows}, expected at least shots + queries = {self.shots + self.queries}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class AbmllFit(nn.Module):
    """The fit of the prior's deviations."""

    def __init__(
        self,
        base: LoadedBase,
        setter: FactorSetter,
        rows: Mapping[str, Sequence[Example]],
        means: Mapping[str, Factors],
        start: Scales,
        config: AbmllFitConfig,
    ) -> None:
        super().__init__()
        self.base, self.setter, self.rows, self.means, self.config = base, setter, rows, means, config
        self.names = sorted(means)
        self.model = base.model  # so that it moves with the module; it is frozen, and not saved
        self.log_a = nn.ParameterDict({k: a.log() for k, (a, _) in start.items()})
        self.log_b = nn.ParameterDict({k: b.log() for k, (_, b) in start.items()})

    def scales(self) -> Scales:
        return {k: (self.log_a[k].exp(), self.log_b[k].exp()) for k in self.log_a}

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Query loss and divergence of a few tasks, as functions of the prior's deviations."""
        c = self.config
        order = torch.randperm(len(self.names), generator=torch.Generator().manual_seed(_round(c, step, self.names)))
        first = (step.index * step.world + step.rank) * c.tasks_per_step
        chosen = [self.names[int(order[(first + i) % len(order)])] for i in range(c.tasks_per_step)]
        before, query, kl = [], [], []
        for name in chosen:
            rows = list(self.rows[name])
            picked = torch.randperm(len(rows), generator=step.rng)[: c.shots + c.queries].tolist()
            found = self._task(name, [rows[i] for i in picked], step.rng)
            for out, value in zip((before, query, kl), found, strict=True):
                out.append(value)
        q, k = torch.stack(query).mean(), torch.stack(kl).mean()
        return {
            "loss": q + c.inner.beta * k,
            "query": q.detach(),
            "prior": torch.stack(before).mean(),
            "kl": k.detach(),
        }

    def _task(self, name: str, rows: Sequence[Example], rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """(query loss at the prior's mean, query loss at the posterior, divergence) of one task."""
        c = self.config
        support, query = (
            RowLosses(self.base, part, description=None, max_tokens=c.max_tokens)
            for part in (rows[: c.shots], rows[c.shots :])
        )
        mean = {k: (a.to(self.log_a[k].device), b.to(self.log_a[k].device)) for k, (a, b) in self.means[name].items()}
        fixed = {k: (a.detach(), b.detach()) for k, (a, b) in self.scales().items()}
        seed = int(torch.randint(2**31, (1,), generator=rng))

        def loss(factors: Factors, rng: torch.Generator) -> Tensor:
            return support(self.setter, factors, rng)

        posterior = adapt(loss, mean, fixed, c.inner, samples=support.samples, seed=seed)
        with torch.no_grad():
            before = query(self.setter, {k: (a[None], b[None]) for k, (a, b) in mean.items()}, rng)
        s = self.scales()
        at = drawn(placed(mean, s, posterior.u), deviations(s, posterior.v), rng, query.samples)
        return before, query(self.setter, at, rng), divergence_at(posterior, mean, s)

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        optimizer = torch.optim.Adam([*self.log_a.values(), *self.log_b.values()], lr=self.config.lr)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)


def _round(config: AbmllFitConfig, step: Step, names: Sequence[str]) -> int:
    """A seed for the order of tasks that changes once all of them have had a turn."""
    return derived_seed(config.seed, "order", step.index * step.world * config.tasks_per_step // len(names))


def divergence_at(posterior: Posterior, mean: Factors, prior: Scales) -> Tensor:
    """KL of the (fixed) posterior from the prior N(mean, prior²), as a function of the prior's deviations."""
    total = torch.zeros((), device=next(iter(prior.values()))[0].device)
    for leaf, pair in posterior.mean.items():
        wide = (prior[leaf][0][:, :, None], prior[leaf][1][:, None, :])
        own = (posterior.deviation[leaf][0][:, :, None], posterior.deviation[leaf][1][:, None, :])
        for x, m, s, d in zip(pair, mean[leaf], wide, own, strict=True):
            part = (s / d).log() + (d.square() + (x - m).square()) / (2 * s.square()) - 0.5
            total = total + part.expand_as(x).sum()
    return total


@dataclass(frozen=True)
class AbmllReport:
    """How a fit went."""

    artefact: Artefact
    fitted: Fitted


def fit_abmll(
    bank: Bank,
    calibration: Calibration,
    base: LoadedBase,
    tasks: Sequence[Task],
    config: AbmllFitConfig,
    run: Path,
    *,
    device: str = "cpu",
    devices: int = 1,
    on_tick: Callable[[FitTick], None] | None = None,
) -> AbmllReport:
    """Fit the prior on those `tasks` that the bank has experts of, resumable in `run`.

    Raises `BankError` where no task can be used, and what `fit` raises.
    """
    embedder = bank.metadata("embedder")
    rows, means = {}, {}
    for task in tasks:
        if task.name not in bank.names():
            continue
        try:
            rows[task.name] = _rows(task, config)
            means[task.name] = factors_of(_without(bank, calibration, task.name), bank.layout, bank.targets, bank.rank)
        except (TaskError, BankError) as err:
            log.info("%s is left out: %s", task.name, err)
    if not means or embedder is None:
        raise BankError("none of the tasks has an expert in the bank, so there is no prior to learn. Name its tasks.")
    own = {n: factors_of(bank.state(n), bank.layout, bank.targets, bank.rank) for n in means}
    start = library_scales(own, config.share)
    base.model.requires_grad_(False)
    with routed(base.model, base.layout, bank.targets, 1.0) as setter:
        module = AbmllFit(base, setter, rows, means, start, config)
        fitted = fit(
            module,
            run=run,
            steps=config.steps,
            config={"kind": "abmll", "bank": bank.revision, "fit": config.to_json(), "tasks": module.names},
            seed=config.seed,
            device=device,
            devices=devices,
            every_checkpoint=5,
            every_log=1,
            on_tick=on_tick,
        )
    inner = InnerConfig(
        steps=config.refine_steps, lr=config.refine_lr, beta=config.inner.beta, start=config.inner.start
    )
    scales = {k: (a.detach().cpu(), b.detach().cpu()) for k, (a, b) in module.scales().items()}
    record = {
        "fit": config.to_json(),
        "tasks": module.names,
        "last": {k: round(v, 4) for k, v in fitted.losses.items()},
        "licences": sorted({t.licence for t in tasks if t.name in means}),
    }
    prior = RefinePrior(scales, inner, bank.targets, bank.rank)
    return AbmllReport(prior.artefact(base, embedder["id"], record), fitted)


def _rows(task: Task, config: AbmllFitConfig) -> tuple[Example, ...]:
    found = sample(task.split("train"), config.rows, seed=config.seed)
    if len(found) < config.shots + config.queries:
        raise TaskError(f"{task.name} has {len(found)} training examples, expected {config.shots + config.queries}.")
    return found


def _without(bank: Bank, calibration: Calibration, name: str) -> AdapterState:
    """What the bank gives for a task's first description without its own expert and that expert's siblings."""
    record = bank.get(name)
    kin = frozenset(n for n in bank.names() if n == name or (record.parent and bank.get(n).parent == record.parent))
    engine = generator_for("aggregate", bank, calibration)
    return engine.generate(Request(description=record.description, exclude=kin), record.embeddings[0]).adapter
