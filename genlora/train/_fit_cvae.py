"""Fitting the CVAE generator on a bank: joint basis, conditions, the run on Lightning, and the artefact.

Only final experts are kept in a bank, so that SG-LoRA's deviation within an expert (over its last checkpoints) is not
known; where a run kept them (`ExpertConfig.keep_last`), it is measured, else `noise` stands for it, as a share of an
expert's length. The record says which.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genlora.adapter import AdapterState, update_norms
from genlora.bank import Bank
from genlora.errors import BankError, ConfigError
from genlora.generators import (
    Artefact,
    Calibration,
    Cvae,
    CvaeConfig,
    JointBasis,
    aggregate_condition,
    calibration_from,
    fit_basis,
    products,
    softmax,
    support_of,
)

from ._lightning import Fitted, FitTick, Step, fit

log = logging.getLogger(__name__)

Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CvaeFitConfig:
    """Everything that shapes a CVAE; with the bank it makes the same artefact again."""

    prior: str = "standard"
    """standard: ICM-LoRA, conditioned on the description's vector. learned: SG-LoRA, on the neighbours' aggregate."""
    text: bool = True
    """With the learned prior: append the description's vector to the condition (the paper does not)."""
    keep: int = 2
    """Singular directions kept of each expert's module."""
    components: int = 128
    latent: int = 16
    hidden: int = 192
    beta: float | None = None
    """Weight of the divergence; None for the papers': 0.005 with the standard prior, 1 with the learned one."""
    steps: int = 3000
    batch: int = 64
    lr: float = 1e-3
    noise: float = 0.05
    """Deviation within an expert, as a share of its length, where no checkpoints were kept."""
    vector_noise: float = 0.3
    """Length of the noise added to unit condition vectors while training; paraphrases lie about that far apart."""
    top_k: int = 4
    temperature: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.prior not in ("standard", "learned"):
            raise ConfigError(f"prior is {self.prior!r}, expected standard or learned.")
        for name in ("keep", "components", "latent", "hidden", "steps", "batch", "top_k"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")

    @property
    def weight(self) -> float:
        return self.beta if self.beta is not None else 0.005 if self.prior == "standard" else 1.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class CvaeData:
    """A bank as a CVAE sees it: N experts, in one order everywhere."""

    names: tuple[str, ...]
    parents: tuple[str, ...]
    w: Tensor
    """(N, n) coefficients over `unit`."""
    noise: Tensor
    """(n,) deviation within an expert, over `unit`."""
    centres: Rows
    """(N, d) index vectors of the experts."""
    vectors: tuple[Rows, ...]
    """Each expert's description vectors that may be trained on, (n_i, d)."""
    unseen: tuple[Rows, ...]
    """Those that may not."""
    examples: tuple[Rows, ...] | None
    """Each task's vectors, one per example, (k_i, width), standardised as a mean of them is."""
    example_mean: Rows | None = None
    example_std: Rows | None = None


class CvaeFit(nn.Module):
    """The fit of a text network and, where there are task vectors, one for examples."""

    def __init__(self, data: CvaeData, config: CvaeFitConfig) -> None:
        super().__init__()
        self.data, self.config = data, config
        self.conditions = [_conditions(data, config, i) for i in range(len(data.names))]
        self.pool = _Pool(self.conditions)
        self.examples = _Pool([torch.from_numpy(r) for r in data.examples]) if data.examples is not None else None
        n = data.w.shape[1]
        learned = config.prior == "learned"
        sizes = {"prior": config.prior, "residual": learned, "latent": config.latent, "hidden": config.hidden}
        self.networks = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.networks["text"] = Cvae(CvaeConfig(dim=n, condition=self.conditions[0].shape[-1], **sizes))
            if data.examples is not None:
                width = data.examples[0].shape[1]
                sizes |= {"prior": "standard", "residual": False}
                self.networks["examples"] = Cvae(CvaeConfig(dim=n, condition=width, **sizes))

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """Both networks' losses on a batch of experts drawn at random, each with one of its conditions."""
        rng, c, d = step.rng, self.config, self.data
        index = torch.randint(len(d.names), (c.batch,), generator=rng)
        w = d.w[index] + d.noise * torch.randn(c.batch, d.w.shape[1], generator=rng)
        chosen = self.pool.one(index, rng)
        width = d.centres.shape[1] if c.prior == "standard" or c.text else 0
        parts = {"text": (_blurred(chosen, width, c.vector_noise, rng), c.weight * self._tight(step, c.prior))}
        if self.examples is not None:
            rows = self.examples.unit_mean(index, rng)
            parts["examples"] = (
                _blurred(rows, rows.shape[1], c.vector_noise, rng),
                0.005 * self._tight(step, "standard"),
            )
        out: dict[str, Tensor] = {"loss": torch.zeros((), device=step.device)}
        for kind, (condition, beta) in parts.items():
            network: Any = self.networks[kind]
            found = network.losses(w.to(step.device), condition.to(step.device), rng, beta)
            out["loss"] = out["loss"] + found["loss"]
            out |= {f"{kind}_{k}": found[k] for k in ("error", "divergence")}
        return out

    def _tight(self, step: Step, prior: str) -> float:
        """100 falling to 1 over the first half, with the standard prior.

        z must not learn to name the task before the condition does: at generation both would name another one.
        """
        return 100.0 ** max(0.0, 1.0 - 2.0 * step.index / self.config.steps) if prior == "standard" else 1.0

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        optimizer = torch.optim.Adam(self.networks.parameters(), lr=self.config.lr)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On descriptions that are not trained on: relative error, and how often the own expert is the nearest."""
        network: Any = self.networks["text"]
        device = next(network.parameters()).device
        errors, hits = [], []
        for i, rows in enumerate(self.data.unseen):
            for row in rows:
                c = _condition(self.data, self.config, i, row, leave=self.config.prior == "learned")
                made = network.sample(c[None].to(device), torch.Generator().manual_seed(0))[0].cpu()
                gaps = (self.data.w - made).norm(dim=1)
                errors.append(float(gaps[i] / self.data.w[i].norm()))
                hits.append(float(int(gaps.argmin()) == i))
        return {"error": float(np.mean(errors)), "nearest": float(np.mean(hits))} if errors else {}


def _condition(
    data: CvaeData, config: CvaeFitConfig, i: int, vector: Rows, *, leave: bool, kin: bool = False
) -> Tensor:
    """The condition of a description of expert i; `leave` it out of the aggregate, `kin` its siblings too."""
    text = torch.from_numpy(np.ascontiguousarray(vector, np.float32))
    if config.prior == "standard":
        return text
    similarity = (data.centres @ vector).astype(np.float64)
    if leave:
        similarity[i] = -np.inf
    if kin:
        similarity[[p == data.parents[i] for p in data.parents]] = -np.inf
    near = [int(j) for j in np.argsort(-similarity, kind="stable")[: config.top_k] if np.isfinite(similarity[j])]
    weights = softmax([float(similarity[j]) for j in near], config.temperature)
    found = aggregate_condition(weights, data.w[near], data.noise)
    return torch.cat([found, text]) if config.text else found


def _conditions(data: CvaeData, config: CvaeFitConfig, i: int) -> Tensor:
    """Every condition expert i is trained with; with a learned prior it is never in its own (leave-one-out)."""
    kin_too = [False] if config.prior == "standard" or len(set(data.parents)) < 3 else [False, True]
    return torch.stack([_condition(data, config, i, v, leave=True, kin=k) for v in data.vectors[i] for k in kin_too])


class _Pool:
    """Rows of N items side by side, to draw one, or the mean of several, of each in a batch of items."""

    def __init__(self, rows: Sequence[Tensor]) -> None:
        most = max(map(len, rows))
        self.rows = torch.stack([torch.cat([r, r.new_zeros(most - len(r), r.shape[1])]) for r in rows])
        self.counts = torch.tensor([len(r) for r in rows])

    def one(self, items: Tensor, rng: torch.Generator) -> Tensor:
        at = (torch.rand(len(items), generator=rng) * self.counts[items]).long()
        return self.rows[items, at]

    def unit_mean(self, items: Tensor, rng: torch.Generator) -> Tensor:
        """The unit mean of about three in four of each item's rows, at least one."""
        score = torch.rand(len(items), self.rows.shape[1], generator=rng)
        there = torch.arange(self.rows.shape[1]) < self.counts[items][:, None]
        score = torch.where(there, score, torch.full_like(score, 2.0))
        chosen = (score < 0.75) | (score == score.amin(1, keepdim=True))
        mean = (self.rows[items] * (chosen & there)[:, :, None]).sum(1)
        return mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-12)


def _blurred(rows: Tensor, width: int, noise: float, rng: torch.Generator) -> Tensor:
    """Noise of length `noise` on the last `width` numbers of each row, which are a unit vector and stay one."""
    if not width or not noise:
        return rows
    head, tail = rows[:, : rows.shape[1] - width], rows[:, rows.shape[1] - width :]
    tail = tail + torch.randn(tail.shape, generator=rng) * (noise / width**0.5)
    return torch.cat([head, tail / tail.norm(dim=1, keepdim=True)], 1)


def cvae_data(
    bank: Bank,
    basis: JointBasis,
    config: CvaeFitConfig,
    *,
    task_vectors: Mapping[str, Rows] | None = None,
    checkpoints: Mapping[str, Sequence[AdapterState]] | None = None,
) -> tuple[CvaeData, float]:
    """The bank's experts as training data, and the unit of their coefficients.

    Args:
        bank: its descriptions' vectors are the conditions; the last two of eight or more are kept for validation.
        basis: the joint basis of its experts.
        config: settings of the fit.
        task_vectors: {expert: (k, width)}, one row per example, for every expert.
        checkpoints: {expert: its last checkpoints}, from which the deviation within an expert is measured.
    """
    names = tuple(sorted(bank.names()))
    raw = basis.library
    unit = float(raw.square().mean().sqrt()) or 1.0
    records = [bank.get(n) for n in names]
    rows = [np.asarray(r.embeddings, np.float32) for r in records]
    rows = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rows]
    cut = [len(r) - 2 if len(r) >= 8 else len(r) for r in rows]
    examples = mean = deviation = None
    if task_vectors is not None:
        if missing := [n for n in names if n not in task_vectors]:
            raise BankError(
                f"there are no task vectors of {len(missing)} experts, e.g. {missing[0]}. Compute them for all, "
                "or train without the examples' condition."
            )
        means = np.stack([task_vectors[n].mean(0) for n in names]).astype(np.float64)
        mean, deviation = means.mean(0).astype(np.float32), means.std(0).astype(np.float32)
        examples = tuple(((task_vectors[n] - mean) / np.maximum(deviation, 1e-6)).astype(np.float32) for n in names)
    data = CvaeData(
        names=names,
        parents=tuple(r.parent or r.name for r in records),
        w=raw / unit,
        noise=_noise(raw, basis, config, checkpoints) / unit,
        centres=np.stack([r.mean_embedding for r in records]),
        vectors=tuple(r[:c] for r, c in zip(rows, cut, strict=True)),
        unseen=tuple(r[c:] for r, c in zip(rows, cut, strict=True)),
        examples=examples,
        example_mean=mean,
        example_std=deviation,
    )
    return data, unit


def _noise(
    raw: Tensor, basis: JointBasis, config: CvaeFitConfig, checkpoints: Mapping[str, Sequence[AdapterState]] | None
) -> Tensor:
    """Deviation of each coefficient within an expert, (n,): measured over checkpoints, else an isotropic share."""
    measured = [
        torch.stack([basis.coefficients(s) for s in states]).var(0)
        for states in (checkpoints or {}).values()
        if len(states) > 1
    ]
    if measured:
        return torch.stack(measured).mean(0).sqrt()
    length = float(raw.norm(dim=1).mean())
    return torch.full((raw.shape[1],), config.noise * length / raw.shape[1] ** 0.5)


@dataclass(frozen=True)
class CvaeReport:
    """How a fit went."""

    artefact: Artefact
    fitted: Fitted


def fit_cvae(
    bank: Bank,
    config: CvaeFitConfig,
    run: Path,
    *,
    task_vectors: Mapping[str, Rows] | None = None,
    checkpoints: Mapping[str, Sequence[AdapterState]] | None = None,
    device: str = "cpu",
    devices: int = 1,
    on_tick: Callable[[FitTick], None] | None = None,
) -> CvaeReport:
    """Fit a CVAE on all of a bank's experts, resumable in `run`. The base is not needed.

    Raises `BankError` for a bank without an embedder or with fewer than two experts, and what `fit` raises.
    """
    embedder = bank.metadata("embedder")
    if embedder is None:
        raise BankError(
            f"{bank.files.root}: names no embedder, so its vectors cannot be conditions. Add experts to it."
        )
    basis = fit_basis((bank.state(n) for n in sorted(bank.names())), keep=config.keep, components=config.components)
    data, unit = cvae_data(bank, basis, config, task_vectors=task_vectors, checkpoints=checkpoints)
    module = CvaeFit(data, config)
    fitted = fit(
        module,
        run=run,
        steps=config.steps,
        config={"kind": "cvae", "bank": bank.revision, "fit": config.to_json(), "examples": _digest(task_vectors)},
        seed=config.seed,
        device=device,
        devices=devices,
        every_checkpoint=500,
        every_validation=max(1, config.steps // 6),
        on_tick=on_tick,
    )
    module.to("cpu")
    return CvaeReport(_artefact(bank, basis, data, unit, module, embedder["id"], measured=bool(checkpoints)), fitted)


def _digest(task_vectors: Mapping[str, Rows] | None) -> str | None:
    if task_vectors is None:
        return None
    found = hashlib.sha256()
    for name in sorted(task_vectors):
        found.update(name.encode() + b"\0" + np.ascontiguousarray(task_vectors[name], "<f4").tobytes())
    return found.hexdigest()


def _artefact(
    bank: Bank, basis: JointBasis, data: CvaeData, unit: float, module: CvaeFit, embedder: str, *, measured: bool
) -> Artefact:
    c = module.config
    tensors: dict[str, Tensor] = {**basis.tensors(), "noise": data.noise}
    networks = {}
    for kind, network in module.networks.items():
        assert isinstance(network, Cvae)
        tensors |= {f"{kind}.{k}": v.detach().half() for k, v in network.state_dict().items()}
        networks[kind] = network.config.to_json()
    statistics: dict[str, Any] = {"experts": len(data.names), "bank_generation": bank.generation}
    if data.examples is not None:
        assert data.example_mean is not None and data.example_std is not None
        units = [r.mean(0) / max(float(np.linalg.norm(r.mean(0))), 1e-12) for r in data.examples]
        tensors |= {
            "task_vectors": torch.from_numpy(np.stack(units).astype(np.float32)),
            "task_vector.mean": torch.from_numpy(data.example_mean),
            "task_vector.std": torch.from_numpy(data.example_std),
        }
        statistics["examples"] = _examples_curve(bank, data, np.stack(units)).to_json()
    states = {n: bank.state(n) for n in data.names}
    errors = [basis.error(states[n], data.w[i] * unit) for i, n in enumerate(data.names)]
    norms = [sum(x * x for x in update_norms(s).values()) ** 0.5 for s in states.values()]
    record = {
        "fit": c.to_json(),
        "basis_error": {"mean": round(float(np.mean(errors)), 4), "largest": round(max(errors), 4)},
        "noise": "measured over checkpoints" if measured else f"{c.noise} of an expert's length, assumed",
        "validation": {k: round(v, 4) for k, v in module.validate().items()},
        "licences": sorted({bank.get(n).licence for n in data.names}),
    }
    config = {
        "basis": basis.shape(),
        "experts": list(data.names),
        "unit": unit,
        "networks": networks,
        "text_in_condition": c.text,
        "largest_norm": max(norms),
    }
    return Artefact(
        "cvae", config, tensors, bank.layout, bank.fingerprint.to_json(), embedder, statistics, record
    )  # fmt: skip


def _examples_curve(bank: Bank, data: CvaeData, units: NDArray[Any]) -> Calibration:
    """Curves of support for task vectors: each task from one half of its examples, left out, and found by the other."""
    assert data.examples is not None
    left, own = [], []
    grams: dict[tuple[int, ...], Any] = {}
    for i, rows in enumerate(data.examples):
        for half in (rows[::2], rows[1::2]):
            if not len(half):
                continue
            asked = half.mean(0) / max(float(np.linalg.norm(half.mean(0))), 1e-12)
            scores = units @ asked
            for keep_own, out in ((False, left), (True, own)):
                free = np.array([keep_own or p != data.parents[i] for p in data.parents])
                near = tuple(int(j) for j in np.argsort(np.where(free, -scores, np.inf), kind="stable")[:4] if free[j])
                if near:
                    if near not in grams:
                        grams[near] = products([bank.state(data.names[j]) for j in near]).gram
                    out.append(support_of([float(scores[j]) for j in near], grams[near]))
    return calibration_from(left, own, bank.generation)
