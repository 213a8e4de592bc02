"""What a CVAE is fitted on: a bank's experts as coefficients, and the conditions that lead to each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genlora.adapter import AdapterState
from genlora.bank import Bank
from genlora.errors import BankError, ConfigError
from genlora.generators import JointBasis, aggregate_condition, softmax

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

    @property
    def example_units(self) -> Rows:
        """Each task's vector over all of its examples, (N, width), at unit length."""
        assert self.examples is not None
        means = np.stack([rows.mean(0) for rows in self.examples])
        return (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def condition_of(
    data: CvaeData, config: CvaeFitConfig, i: int, vector: Rows, *, leave: bool, kin: bool = False
) -> Tensor:
    """The condition of a description of expert i; `leave` it out of the aggregate, `kin` its siblings too."""
    text = torch.from_numpy(np.array(vector, np.float32))
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


def conditions_of(data: CvaeData, config: CvaeFitConfig, i: int) -> Tensor:
    """Every condition expert i is trained with; with a learned prior it is never in its own (leave-one-out)."""
    kin_too = [False] if config.prior == "standard" or len(set(data.parents)) < 3 else [False, True]
    return torch.stack([condition_of(data, config, i, v, leave=True, kin=k) for v in data.vectors[i] for k in kin_too])


class RowPool:
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


def blurred(rows: Tensor, width: int, noise: float, rng: torch.Generator) -> Tensor:
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
