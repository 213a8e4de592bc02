"""What initialisers and allocators may ask of one expert: its modules, its batches, and the gradient of the weights."""

import math
from collections.abc import Callable, Mapping, Sequence
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


def mean_weight_grads(model: nn.Module, batches: Sequence[Any], loss: Loss, paths: Sequence[str]) -> dict[str, Tensor]:
    """{path: mean dL/dW}, (d_out, d_in) float32 on the CPU, over `batches` at the weights as they are.

    Taken from each module's inputs and the gradients of its outputs, in float32: no weight has to take a gradient, and
    a bfloat16 product of that size takes minutes where the processor has none. Raises `ConfigError` for a quantised
    weight or no batch.
    """
    if not batches:
        raise ConfigError("there is no batch to take a gradient from; expected at least one. Give the task examples.")
    total = {path: torch.zeros(plain_weight(model, path).shape) for path in paths}

    def watched(path: str) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def run(module: nn.Module, inputs: Any, out: Tensor) -> Tensor:
            x = inputs[0].detach()
            # Nothing before the module may need a gradient, and then its output would have none: this makes it.
            out = out + torch.zeros(1, dtype=out.dtype, device=out.device, requires_grad=True)

            def take(grad: Tensor) -> None:
                rows, g = x.flatten(0, -2).float(), grad.detach().flatten(0, -2).float()
                total[path] += (g.T @ rows).cpu()

            out.register_hook(take)
            return out

        return run

    handles = [module_at(model, path).register_forward_hook(watched(path)) for path in paths]
    try:
        with torch.enable_grad():
            for batch in batches:
                loss(model, batch).backward()
    finally:
        for handle in handles:
            handle.remove()
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
