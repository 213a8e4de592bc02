"""The text hypernetwork: from a condition to the factors of every module, as a change of one shared adapter.

Text-to-LoRA (Charakorn et al., arXiv 2506.06105) with what came after: the output is `A0 + dA`, `B0 + dB` around a
multi-task adapter, with dA and dB zero at the start, so that what it gains is due to the description; and the
condition may hold the neighbours' codes beside the text (retrieval-augmented).

condition -> task encoder --+
layer embedding ------------+-> residual MLP trunk -> one linear head per module shape -> dA, dB
module embedding -----------+
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, LoraPair
from genlora.errors import ConfigError, ManifestError

Factors = dict[str, tuple[Tensor, Tensor]]
"""{leaf: (A (K, layers, r, d_in), B (K, layers, d_out, r))} for K conditions."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes of the hypernetwork; plain JSON in an artefact."""

    text_dim: int = 384
    code_dim: int = 0
    """Size of the neighbours' code; 0 conditions on the text alone."""
    task_dim: int = 128
    position_dim: int = 32
    hidden_dim: int = 256
    blocks: int = 2
    expansion: int = 2
    dropout: float = 0.05
    out_scale: float = 0.1
    """What a head's output is multiplied by: with zero heads and Adam it sets how fast factors move."""
    scale: float = 2.0
    """alpha / r of the emitted pair, folded into B on the way out."""

    def __post_init__(self) -> None:
        for name in ("text_dim", "task_dim", "position_dim", "hidden_dim", "blocks", "expansion"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "config") -> Self:
        try:
            return cls(**data)
        except TypeError as err:
            raise ManifestError(f"{where}: not a hypernetwork's settings ({err}). Train it again.") from err

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def start_tensors(state: AdapterState, layout: BaseLayout, targets: Sequence[str], scale: float) -> dict[str, Tensor]:
    """A shared adapter, stacked: {leaf.a: (layers, r, d_in), leaf.b: (layers, d_out, r)} at alpha/r = scale."""
    out = {}
    for leaf in targets:
        pairs = [state[m.path].folded() for m in layout.of((leaf,))]
        out[f"{leaf}.a"] = torch.stack([p.a for p in pairs])
        out[f"{leaf}.b"] = torch.stack([p.b / scale for p in pairs])
    return out


class Block(nn.Module):
    """Pre-norm residual MLP."""

    def __init__(self, dim: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, dim * expansion)
        self.down = nn.Linear(dim * expansion, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.down(nn.functional.silu(self.up(self.norm(x)))))


class HyperNetwork(nn.Module):
    """Condition (K, text_dim [+ code_dim]) to `Factors`. `start` holds A0 and B0, buffers that are not trained."""

    def __init__(self, config: NetworkConfig, start: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config = config
        self.leaves = tuple(dict.fromkeys(k.rsplit(".", 1)[0] for k in start))
        first = start[f"{self.leaves[0]}.a"]
        self.n_layers, self.rank = first.shape[0], first.shape[1]
        c = config
        self.encode = nn.Sequential(
            nn.Linear(c.text_dim, c.task_dim), nn.LayerNorm(c.task_dim), nn.SiLU(), nn.Dropout(c.dropout)
        )
        self.encode_code = nn.Linear(c.code_dim, c.task_dim) if c.code_dim else None
        self.layer = nn.Embedding(self.n_layers, c.position_dim)
        self.module = nn.Embedding(len(self.leaves), c.position_dim)
        self.mix = nn.Linear(c.task_dim + 2 * c.position_dim, c.hidden_dim)
        self.trunk = nn.Sequential(*(Block(c.hidden_dim, c.expansion, c.dropout) for _ in range(c.blocks)))
        self.last = nn.LayerNorm(c.hidden_dim)
        self.heads = nn.ModuleDict()
        for leaf in self.leaves:
            a, b = start[f"{leaf}.a"], start[f"{leaf}.b"]
            self.register_buffer(f"start_{leaf}_a", a.clone())
            self.register_buffer(f"start_{leaf}_b", b.clone())
            head = nn.Linear(c.hidden_dim, self.rank * (a.shape[2] + b.shape[1]), bias=False)
            nn.init.zeros_(head.weight)
            self.heads[leaf] = head

    def start(self, leaf: str) -> tuple[Tensor, Tensor]:
        return getattr(self, f"start_{leaf}_a"), getattr(self, f"start_{leaf}_b")

    def deltas(self, condition: Tensor) -> Factors:
        """DA and dB for each condition: zero before training."""
        c = self.config
        task = self.encode(condition[:, : c.text_dim])
        if self.encode_code is not None:
            task = task + self.encode_code(condition[:, c.text_dim :])
        k = len(condition)
        out: Factors = {}
        for number, leaf in enumerate(self.leaves):
            layers = self.layer.weight[None].expand(k, -1, -1)
            module = self.module.weight[number].expand(k, self.n_layers, -1)
            x = self.mix(torch.cat([task[:, None].expand(-1, self.n_layers, -1), layers, module], -1))
            flat = self.heads[leaf](self.last(self.trunk(x))) * c.out_scale
            a0, b0 = self.start(leaf)
            cut = self.rank * a0.shape[2]
            a = flat[..., :cut].unflatten(-1, (self.rank, a0.shape[2]))
            b = flat[..., cut:].unflatten(-1, (b0.shape[1], self.rank))
            out[leaf] = (a, b)
        return out

    def forward(self, condition: Tensor) -> Factors:
        out = {}
        for leaf, (da, db) in self.deltas(condition).items():
            a0, b0 = self.start(leaf)
            out[leaf] = (a0 + da, b0 + db)
        return out


def to_state(factors: Factors, layout: BaseLayout, row: int, scale: float) -> AdapterState:
    """The adapter of one condition, float32, scale folded into B."""
    pairs = {}
    for leaf, (a, b) in factors.items():
        for i, m in enumerate(layout.of((leaf,))):
            pairs[m.path] = LoraPair(a[row, i].detach().float().clone(), b[row, i].detach().float() * scale, 1.0)
    return AdapterState(pairs)
