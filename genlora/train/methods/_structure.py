"""What is trained, and how A and B follow from it: the protocol of the structures."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from ._context import Context, Start

Init = Callable[[Context], dict[str, Start]]
Parts = Mapping[str, Tensor]
"""Tensors of one module by name, each with the experts in front: (k, ...), or (1, ...) where all share it."""


@runtime_checkable
class Structure(Protocol):
    """How one module's A (k, R, d_in) and B (k, d_out, R) follow from the tensors that are trained.

    The experts of a stack are in front of every tensor. A stack takes the gradients of A and B out of the model and
    carries them to what is trained through `factors`, so a structure is no part of the model.
    """

    scale: float | None
    """alpha / r of this structure, where it has its own."""
    ranked: bool
    """Whether a module may have a rank of its own; otherwise it is trained as the run's rank says, or not at all."""
    needs_weight: bool
    """Whether `shared` reads the base's weight."""
    own_init: Init | None
    """Where it starts when no other init was asked for."""

    def fixed(self, spec: ModuleSpec) -> frozenset[str]:
        """Of `a` and `b`, those that hang on nothing trained: the model need not take their gradient."""
        ...

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        """{name: shape for one expert} of what is trained."""
        ...

    def kept(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        """The same of what differs between experts and stays as it starts."""
        ...

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        """What all experts share, (1, ...); made again from the same arguments, bit for bit."""
        ...

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        """Trained and kept tensors of one expert, without the experts' dimension, from what an init gave."""
        ...

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        """A and B; differentiable."""
        ...


class Plain:
    """What most structures have in common."""

    scale: float | None = None
    ranked = True
    fixed_factors: frozenset[str] = frozenset()
    needs_weight = False
    own_init: Init | None = None

    def fixed(self, spec: ModuleSpec) -> frozenset[str]:
        """The same of every module."""
        return self.fixed_factors

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        """Nothing."""
        return {}

    def kept(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        """Nothing."""
        return {}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        """Nothing."""
        return {}


def padded(x: Tensor, rows: int | None = None, columns: int | None = None) -> Tensor:
    """`x` with zero rows or columns up to as many as asked for."""
    more_rows = 0 if rows is None else rows - x.shape[0]
    more_columns = 0 if columns is None else columns - x.shape[1]
    return torch.nn.functional.pad(x, (0, more_columns, 0, more_rows))
