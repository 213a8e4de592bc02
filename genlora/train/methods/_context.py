"""What initialisers and allocators may ask of one expert: its modules, its batches, and the gradient of the weights."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import ModuleSpec, module_at
from genlora.errors import ConfigError

Loss = Callable[[nn.Module, Any], Tensor]


@dataclass(frozen=True)
class Start:
    """Where one module's factors start: A (r, d_in), B (d_out, r), and for the structure `xs` its core (r, r)."""

    a: Tensor
    b: Tensor
    core: Tensor | None = None


@dataclass(frozen=True)
class Context:
    """One expert before its first step; the model is plain."""

    model: nn.Module
    specs: Mapping[str, ModuleSpec]
    """{path: module} of all that may be trained, in order."""
    rank: int
    """Of every module, before an allocation."""
    scale: float
    """alpha / r."""
    seed: int
    common: Mapping[str, Tensor]
    """The A that all experts of a bank start from, {path: (r, d_in)}."""
    loss: Loss
    """`loss(model, batch)`: the mean loss of a batch, a scalar with gradients."""
    train: Sequence[Any]
    """Batches of the expert's own training examples; as many as `examples` asks for, or what there is."""
    validation: Sequence[Any]
    warm_lr: float = 1e-3
    """Learning rate of the very first step (LoRA-SB)."""
    inputs: Callable[[Any], Tensor] | None = None
    """Which positions of a batch are not padding, a flat boolean mask; None where all are used."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """{path: rank} of this expert, after an allocation; empty before."""
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    def gradients(self, batches: int) -> dict[str, Tensor]:
        """`mean_weight_grads` over the first training batches, computed once."""
        key = ("gradients", batches)
        if key not in self.cache:
            self.cache[key] = mean_weight_grads(self.model, self.train[:batches], self.loss, list(self.specs))
        return self.cache[key]

    def weight(self, path: str) -> Tensor:
        """The base's weight at `path`, float32 on the CPU. Raises `ConfigError` for a quantised one."""
        return plain_weight(self.model, path).detach().to("cpu", torch.float32)


def plain_weight(model: nn.Module, path: str) -> nn.Parameter:
    """The weight matrix of a linear module. Raises `ConfigError` unless it is one of floating-point numbers."""
    weight = getattr(module_at(model, path), "weight", None)
    if not isinstance(weight, nn.Parameter) or not weight.is_floating_point() or weight.ndim != 2:
        raise ConfigError(
            f"{path}: its weight is quantised ({type(weight).__name__}), and this method needs it, or its gradient, in "
            "floating point. Train on the floating-point base, or choose a method that does not: genlora methods list"
        )
    return weight


@contextmanager
def _collected(weights: Mapping[str, nn.Parameter], take: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Weights that take gradients for a while; each is handed over and freed as soon as it is there."""
    handles, before = [], {path: w.requires_grad for path, w in weights.items()}

    def hook(path: str) -> Callable[[Tensor], None]:
        def run(weight: Tensor) -> None:
            assert weight.grad is not None
            take(path, weight.grad)
            weight.grad = None

        return run

    try:
        for path, weight in weights.items():
            weight.requires_grad_(True)
            handles.append(weight.register_post_accumulate_grad_hook(hook(path)))
        yield
    finally:
        for handle in handles:
            handle.remove()
        for path, weight in weights.items():
            weight.requires_grad_(before[path])


def mean_weight_grads(model: nn.Module, batches: Sequence[Any], loss: Loss, paths: Sequence[str]) -> dict[str, Tensor]:
    """{path: mean dL/dW}, (d_out, d_in) float32 on the CPU, over `batches` at the weights as they are.

    Only one layer's gradient is alive at a time. Raises `ConfigError` for a quantised weight or no batch.
    """
    if not batches:
        raise ConfigError("there is no batch to take a gradient from; expected at least one. Give the task examples.")
    weights = {path: plain_weight(model, path) for path in paths}
    total = {path: torch.zeros(w.shape) for path, w in weights.items()}

    def take(path: str, grad: Tensor) -> None:
        total[path] += grad.detach().to("cpu", torch.float32)

    with torch.enable_grad(), _collected(weights, take):
        for batch in batches:
            loss(model, batch).backward()
    return {path: g / len(batches) for path, g in total.items()}


def low_rank_svd(matrix: Tensor, rank: int, *, iterations: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """U (m, q), S (q,), V (n, q) with q = min(rank, m, n); `torch.svd_lowrank` (Halko et al. 2009), its draw seeded."""
    q = min(rank, *matrix.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        u, s, v = torch.svd_lowrank(matrix, q=q, niter=iterations)
    return u, s, v


def kaiming_rows(rows: int, d_in: int, *, seed: int) -> Tensor:
    """(rows, d_in) as PEFT draws A: uniform with bound 1 / sqrt(d_in)."""
    rng = torch.Generator().manual_seed(seed)
    return (torch.rand(rows, d_in, generator=rng) * 2 - 1) / math.sqrt(d_in)
