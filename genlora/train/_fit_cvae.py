"""Fitting the CVAE generator on a bank: joint basis, conditions, the run on Lightning, and the artefact.

Only final experts are kept in a bank, so that SG-LoRA's deviation within an expert (over its last checkpoints) is not
known; where a run kept them (`ExpertConfig.keep_last`), it is measured, else `noise` stands for it, as a share of an
expert's length. The record says which.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genlora.adapter import AdapterState, update_norms
from genlora.bank import Bank
from genlora.errors import BankError
from genlora.generators import (
    Artefact,
    Calibration,
    Cvae,
    CvaeConfig,
    JointBasis,
    calibration_from,
    fit_basis,
    products,
    support_of,
)

from ._cvae_data import CvaeData, CvaeFitConfig, RowPool, Rows, blurred, condition_of, conditions_of, cvae_data
from .loop._lightning import Fitted, FitTick, Step, fit

log = logging.getLogger(__name__)


class CvaeFit(nn.Module):
    """The fit of a text network and, where there are task vectors, one for examples."""

    def __init__(self, data: CvaeData, config: CvaeFitConfig) -> None:
        super().__init__()
        self.data, self.config = data, config
        self.conditions = [conditions_of(data, config, i) for i in range(len(data.names))]
        self.pool = RowPool(self.conditions)
        self.examples = RowPool([torch.from_numpy(r) for r in data.examples]) if data.examples is not None else None
        n = data.w.shape[1]
        learned = config.prior == "learned"
        sizes = {"prior": config.prior, "residual": learned, "latent": config.latent, "hidden": config.hidden}
        sizes["anchors"] = 0 if learned else len(data.names)
        self.networks = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            text = Cvae(CvaeConfig(dim=n, condition=self.conditions[0].shape[-1], **sizes))
            if not learned:
                text.anchors.copy_(torch.from_numpy(data.centres))
            self.networks["text"] = text
            if data.examples is not None:
                sizes |= {"prior": "standard", "residual": False, "anchors": len(data.names)}
                shown = Cvae(CvaeConfig(dim=n, condition=data.examples[0].shape[1], **sizes))
                shown.anchors.copy_(torch.from_numpy(data.example_units))
                self.networks["examples"] = shown

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """Both networks' losses on a batch of experts drawn at random, each with one of its conditions."""
        rng, c, d = step.rng, self.config, self.data
        count = max(1, c.batch // step.world)
        index = torch.randint(len(d.names), (count,), generator=rng)
        w = d.w[index] + d.noise * torch.randn(count, d.w.shape[1], generator=rng)
        chosen = self.pool.one(index, rng)
        width = d.centres.shape[1] if c.prior == "standard" or c.text else 0
        parts = {"text": (blurred(chosen, width, c.vector_noise, rng), c.weight * self._tight(step, c.prior))}
        if self.examples is not None:
            rows = self.examples.unit_mean(index, rng)
            parts["examples"] = (
                blurred(rows, rows.shape[1], c.vector_noise, rng),
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
                c = condition_of(self.data, self.config, i, row, leave=self.config.prior == "learned")
                made = network.sample(c[None].to(device), torch.Generator().manual_seed(0))[0].cpu()
                gaps = (self.data.w - made).norm(dim=1)
                errors.append(float(gaps[i] / self.data.w[i].norm()))
                hits.append(float(int(gaps.argmin()) == i))
        return {"error": float(np.mean(errors)), "nearest": float(np.mean(hits))} if errors else {}


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
        raise BankError(f"{bank.where}: names no embedder, so its vectors cannot be conditions. Add experts to it.")
    basis = fit_basis((bank.state(n) for n in sorted(bank.names())), keep=config.keep, components=config.components)
    data, unit = cvae_data(bank, basis, config, task_vectors=task_vectors, checkpoints=checkpoints)
    module = CvaeFit(data, config)
    fitted = fit(
        module,
        run=run,
        steps=config.steps,
        config={
            "kind": "cvae",
            "bank": bank.revision,
            "fit": config.to_json(),
            "examples": _digest(task_vectors),
            "checkpoints": sorted(checkpoints or ()),
        },
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
        tensors |= {
            "task_vectors": torch.from_numpy(data.example_units),
            "task_vector.mean": torch.from_numpy(data.example_mean),
            "task_vector.std": torch.from_numpy(data.example_std),
        }
        statistics["examples"] = _examples_curve(bank, data, data.example_units).to_json()
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
    kind = "sg-lora" if c.prior == "learned" else "cvae"
    return Artefact(kind, config, tensors, bank.layout, bank.fingerprint.to_json(), embedder, statistics, record)


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
