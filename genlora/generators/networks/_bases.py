"""The hypernetwork over shared bases: from a text's token states to the factors of every module.

After Program-as-Weights (arXiv 2607.02512). A generator that emits weights one by one spends its parameters on heads;
this one emits coefficients over matrices that all layers share, so rank and modules grow at no cost to the heads:

    A = A0 + Σ_n a_n A_n,  B = B0 + Σ_n b_n B_n    per layer and module, A_n and B_n per module kind

A0 and B0 are those of the few-shot adapter, and every coefficient is zero at the start, so an untrained network *is*
that adapter.

token states of each reader -> learned queries attend -> side by side, less the running mean -> linear, GELU -> linear
-> coefficients (layers x modules x A, B x bases)

Queries see tokens and not a sentence's vector, because two label words drawn at random do not survive a mean. What the
queries read is not normalised, only its mean is taken off: what all descriptions share would move all tasks alike.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlora.errors import ConfigError, ManifestError

from ._hypernet import Factors

READERS = ("embedder", "base")
"""What may read a description: the task embedder, and the base itself without an adapter."""
_KEEP = 0.99
"""Decay per step of the running mean of what the queries read."""
_B_STD = 0.01
"""Of the bases of B: about half of what B0 has, so that both sides start to move alike."""


@dataclass(frozen=True, eq=False)
class TokenStates:
    """What a reader makes of K texts, padded to the longest."""

    states: Float[Tensor, "k tokens dim"]
    real: Bool[Tensor, "k tokens"]
    """False for padding."""


@dataclass(frozen=True, kw_only=True)
class BasesConfig:
    """Sizes of the network; plain JSON in an artefact."""

    readers: Mapping[str, int]
    """{reader: width of its states}, in the order in which they are given."""
    queries: int = 8
    """Learned queries per reader."""
    width: int = 96
    """Of what each query reads."""
    hidden_dim: int = 128
    bases: int = 32
    """Matrices per module kind and side."""
    out_scale: float = 0.1
    """How fast factors move: the head begins at zero, and Adam moves each of its weights by the learning rate. At 0.1 a
    step moves A about as far as one on A itself does; at 0.5 a network was lost after 300 steps of 18,000 tokens.
    """
    scale: float = 2.0
    """alpha / r of the emitted pair, folded into B on the way out."""

    def __post_init__(self) -> None:
        for name in ("queries", "width", "hidden_dim", "bases"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")
        unknown = [r for r in self.readers if r not in READERS]
        if unknown or not self.readers:
            raise ConfigError(
                f"readers are {', '.join(self.readers) or 'none'}, expected some of {', '.join(READERS)}. "
                "Correct the setting."
            )

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "config") -> "BasesConfig":
        try:
            return cls(**data)
        except TypeError as err:
            raise ManifestError(f"{where}: not the settings of such a network ({err}). Train it again.") from err

    @property
    def coefficient_scale(self) -> float:
        """What coefficients are multiplied by. A step of a wider head over more bases moves factors no faster (Yang et
        al. 2022, arXiv 2203.03466): all of a head's inputs, and the root of the number of bases, add up.
        """
        return self.out_scale * 128 * math.sqrt(32) / (self.hidden_dim * math.sqrt(self.bases))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "readers": dict(self.readers)}


class PoolingQueries(nn.Module):
    """Learned queries that attend to token states: no keys are projected, a query is compared with the states."""

    def __init__(self, dim: int, queries: int, width: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, dim) / math.sqrt(dim))
        self.value = nn.Linear(dim, width, bias=False)

    def forward(self, read: TokenStates) -> Float[Tensor, "k pooled"]:
        scores = (read.states @ self.query.T).masked_fill(~read.real[..., None], float("-inf"))
        return (scores.softmax(1).mT @ self.value(read.states)).flatten(1)


class BasesNetwork(nn.Module):
    """Token states of K texts to `Factors`. `start` holds A0 and B0, {leaf.a: (layers, r, d_in), leaf.b: (layers,
    d_out, r)}, which are trained further.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, config: BasesConfig, start: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config = c = config
        # Sorted, as files of tensors come back in any order: the head's rows and the optimiser's state go by it.
        self.leaves = tuple(sorted({k.rsplit(".", 1)[0] for k in start}))
        first = start[f"{self.leaves[0]}.a"]
        self.n_layers, self.rank = first.shape[0], first.shape[1]
        self.readers = nn.ModuleDict({r: PoolingQueries(dim, c.queries, c.width) for r, dim in c.readers.items()})
        pooled = len(c.readers) * c.queries * c.width
        self.register_buffer("centre", torch.zeros(pooled))
        self.register_buffer("spread", torch.ones(1))
        self.enter = nn.Linear(pooled, c.hidden_dim)
        nn.init.normal_(self.enter.weight, std=pooled**-0.5)
        nn.init.zeros_(self.enter.bias)
        self.head = nn.Linear(c.hidden_dim, len(self.leaves) * 2 * self.n_layers * c.bases, bias=False)
        nn.init.zeros_(self.head.weight)
        for leaf in self.leaves:
            a, b = start[f"{leaf}.a"], start[f"{leaf}.b"]
            d_in, d_out = a.shape[2], b.shape[1]
            self.register_parameter(f"start_{leaf}_a", nn.Parameter(a.clone()))
            self.register_parameter(f"start_{leaf}_b", nn.Parameter(b.clone()))
            bases_a = torch.randn(c.bases, self.rank, d_in) / math.sqrt(d_in)
            self.register_parameter(f"bases_{leaf}_a", nn.Parameter(bases_a))
            self.register_parameter(f"bases_{leaf}_b", nn.Parameter(torch.randn(c.bases, d_out, self.rank) * _B_STD))

    def start(self, leaf: str) -> tuple[Float[Tensor, "layers rank d_in"], Float[Tensor, "layers d_out rank"]]:
        return getattr(self, f"start_{leaf}_a"), getattr(self, f"start_{leaf}_b")

    def pooled(self, read: Mapping[str, TokenStates]) -> Float[Tensor, "k pooled"]:
        """What all queries of all readers read, side by side."""
        return torch.cat([queries(read[reader]) for reader, queries in self.readers.items()], -1)

    @torch.no_grad()
    def measure(self, read: Mapping[str, TokenStates]) -> None:
        """Take mean and spread of what untrained queries read from a sample of descriptions."""
        pooled = self.pooled(read)
        self.centre.copy_(pooled.mean(0))
        self.spread.fill_((pooled - self.centre).square().mean().sqrt().clamp(min=1e-6))

    def task(self, read: Mapping[str, TokenStates]) -> Float[Tensor, "k hidden"]:
        """What the texts say. While training, the running mean follows."""
        pooled = self.pooled(read)
        if self.training:
            with torch.no_grad():
                self.centre.lerp_(pooled.mean(0), 1 - _KEEP)
        return nn.functional.gelu(self.enter((pooled - self.centre) / self.spread))

    def coefficients(self, read: Mapping[str, TokenStates]) -> Float[Tensor, "k leaves side layers bases"]:
        """Of the bases of A and B; zero before training."""
        flat = self.head(self.task(read)) * self.config.coefficient_scale
        return flat.unflatten(-1, (len(self.leaves), 2, self.n_layers, self.config.bases))

    def forward(self, read: Mapping[str, TokenStates]) -> Factors:
        """A and B of every leaf, one pair per text and layer."""
        coefficients = self.coefficients(read)
        out: Factors = {}
        for number, leaf in enumerate(self.leaves):
            mixed = []
            for side, start in enumerate(self.start(leaf)):
                bases = getattr(self, f"bases_{leaf}_{'ab'[side]}")
                change = (coefficients[:, number, side] @ bases.flatten(1)).unflatten(-1, bases.shape[1:])
                mixed.append(start + change)
            out[leaf] = (mixed[0], mixed[1])
        return out


def widened(start: Mapping[str, Tensor], rank: int, *, seed: int = 0) -> dict[str, Tensor]:
    """`start` at a rank that is no smaller: further rows of A as PEFT draws them, further columns of B zero, so that
    the update is the same. Raises `ConfigError` for a smaller rank.
    """
    rng = torch.Generator().manual_seed(seed)
    out = {}
    for leaf in dict.fromkeys(k.rsplit(".", 1)[0] for k in start):
        a, b = start[f"{leaf}.a"].float(), start[f"{leaf}.b"].float()
        more = rank - a.shape[1]
        if more < 0:
            raise ConfigError(f"rank {rank} is less than the {a.shape[1]} of the adapter it starts from. Raise it.")
        fresh = (torch.rand(a.shape[0], more, a.shape[2], generator=rng) * 2 - 1) / math.sqrt(a.shape[2])
        out[f"{leaf}.a"] = torch.cat([a, fresh], 1)
        out[f"{leaf}.b"] = torch.cat([b, b.new_zeros(*b.shape[:2], more)], 2)
    return out
