"""The text hypernetwork: from a condition to the factors of every module, as a change of one shared adapter.

Text-to-LoRA (Charakorn et al., arXiv 2506.06105) with what came after: the output is `A0 + dA`, `B0 + dB` around a
multi-task adapter, with dA and dB zero at the start, so that what it gains is due to the description; and the
condition may hold the neighbours' codes beside the text (retrieval-augmented).

description, less the mean of all -> linear --+
neighbours' code -------------------> linear --+-> RMS norm -> residual MLP trunk -> RMS norm
                                                                                        |
layer embedding x module embedding ---------------------------------------------------- x -> one linear head per
                                                                                             module -> dA, dB

Why it multiplies: two tasks disturb each other's training by the inner product of what their heads read. Sentence
vectors share a large common part, and a trunk fed with [task, layer, module] side by side is mostly layer: every
update then moves all tasks alike. Without the mean, and with random signs per layer as a factor, unrelated tasks
start orthogonal, siblings start alike, and layers do not disturb each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, LoraPair
from genlora.errors import ConfigError, ManifestError

from .._codes import CODE_EXTRA

_ENCODER_STD = 0.2
"""Against a learning rate of about 1e-3: slow enough that siblings stay siblings while the heads learn."""

Factors = dict[str, tuple[Float[Tensor, "k layers rank d_in"], Float[Tensor, "k layers d_out rank"]]]
"""{leaf: (A, B)} for k conditions."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes of the hypernetwork; plain JSON in an artefact."""

    text_dim: int = 384
    code_dim: int = 0
    """Size of the neighbours' code; 0 conditions on the text alone."""
    hidden_dim: int = 384
    blocks: int = 2
    expansion: int = 2
    dropout: float = 0.05
    out_scale: float = 0.03
    """What a head's output is multiplied by: with zero heads and Adam it sets how fast factors move."""
    scale: float = 2.0
    """alpha / r of the emitted pair, folded into B on the way out."""

    def __post_init__(self) -> None:
        for name in ("text_dim", "hidden_dim", "blocks", "expansion"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "config") -> "NetworkConfig":
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
    """Pre-norm residual MLP, the identity at the start."""

    def __init__(self, dim: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim)
        self.up = nn.Linear(dim, dim * expansion)
        self.down = nn.Linear(dim * expansion, dim)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch hidden"]:
        return x + self.dropout(self.down(nn.functional.silu(self.up(self.norm(x)))))


class HyperNetwork(nn.Module):
    """Conditions, each a text's vector [and a code], to `Factors`. `start` holds A0 and B0, which are trained further;
    `centre` is the mean of the training descriptions' vectors.
    """

    centre: Float[Tensor, " text"]

    def __init__(
        self, config: NetworkConfig, start: Mapping[str, Tensor], centre: Float[Tensor, " text"] | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.leaves = tuple(dict.fromkeys(k.rsplit(".", 1)[0] for k in start))
        first = start[f"{self.leaves[0]}.a"]
        self.n_layers, self.rank = first.shape[0], first.shape[1]
        c = config
        self.register_buffer("centre", torch.zeros(c.text_dim) if centre is None else centre.clone())
        self.encode = nn.Linear(c.text_dim, c.hidden_dim, bias=False)
        nn.init.normal_(self.encode.weight, std=_ENCODER_STD)
        self.encode_code = None
        if c.code_dim:
            self.encode_code = nn.Linear(c.code_dim, c.hidden_dim, bias=False)
            nn.init.normal_(self.encode_code.weight, std=_ENCODER_STD / 2)
            # Similarity and agreement are nearly the same for all tasks: what they do has to be learned.
            nn.init.zeros_(self.encode_code.weight[:, -CODE_EXTRA:])
        self.enter = nn.RMSNorm(c.hidden_dim, elementwise_affine=False)
        self.trunk = nn.Sequential(nn.Dropout(c.dropout), *(_blocks(c)))
        self.last = nn.RMSNorm(c.hidden_dim, elementwise_affine=False)
        self.layer = nn.Parameter(torch.randint(0, 2, (self.n_layers, c.hidden_dim)) * 2.0 - 1.0)
        self.module = nn.Parameter(torch.ones(len(self.leaves), c.hidden_dim))
        self.heads = nn.ModuleDict()
        for leaf in self.leaves:
            a, b = start[f"{leaf}.a"], start[f"{leaf}.b"]
            self.register_parameter(f"start_{leaf}_a", nn.Parameter(a.clone()))
            self.register_parameter(f"start_{leaf}_b", nn.Parameter(b.clone()))
            head = nn.Linear(c.hidden_dim, self.rank * (a.shape[2] + b.shape[1]), bias=False)
            nn.init.zeros_(head.weight)
            self.heads[leaf] = head

    def start(self, leaf: str) -> tuple[Float[Tensor, "layers rank d_in"], Float[Tensor, "layers d_out rank"]]:
        return getattr(self, f"start_{leaf}_a"), getattr(self, f"start_{leaf}_b")

    def task(self, condition: Float[Tensor, "k width"]) -> Float[Tensor, "k hidden"]:
        """What a condition says, each row of mean square one."""
        text = nn.functional.normalize(condition[:, : self.config.text_dim] - self.centre, dim=-1)
        x = self.encode(text)
        if self.encode_code is not None:
            x = x + self.encode_code(condition[:, self.config.text_dim :])
        return self.last(self.trunk(self.enter(x)))

    def deltas(self, condition: Float[Tensor, "k width"]) -> Factors:
        """DA and dB for each condition: zero before training."""
        task = self.task(condition)
        out: Factors = {}
        for number, leaf in enumerate(self.leaves):
            x = task[:, None] * (self.layer * self.module[number])
            flat = self.heads[leaf](x) * self.config.out_scale
            a0, b0 = self.start(leaf)
            cut = self.rank * a0.shape[2]
            a = flat[..., :cut].unflatten(-1, (self.rank, a0.shape[2]))
            b = flat[..., cut:].unflatten(-1, (b0.shape[1], self.rank))
            out[leaf] = (a, b)
        return out

    def forward(self, condition: Float[Tensor, "k width"]) -> Factors:
        out = {}
        for leaf, (da, db) in self.deltas(condition).items():
            a0, b0 = self.start(leaf)
            out[leaf] = (a0 + da, b0 + db)
        return out


def _blocks(config: NetworkConfig) -> list[Block]:
    return [Block(config.hidden_dim, config.expansion, config.dropout) for _ in range(config.blocks)]


def to_state(factors: Factors, layout: BaseLayout, row: int, scale: float) -> AdapterState:
    """The adapter of one condition, float32, scale folded into B."""
    pairs = {}
    for leaf, (a, b) in factors.items():
        for i, m in enumerate(layout.of((leaf,))):
            pairs[m.path] = LoraPair(a[row, i].detach().float().clone(), b[row, i].detach().float() * scale, 1.0)
    return AdapterState(pairs)
