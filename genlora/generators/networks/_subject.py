"""From a subject's pictures to a LoRA for a U-Net: one query per target layer, heads shared per shape."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlora.errors import ConfigError
from genlora.images import TOKEN_WIDTH, EncoderConfig, ReferenceConfig, ReferenceEncoder, ReferenceLayer, RowFactors


@dataclass(frozen=True, kw_only=True)
class SubjectConfig:
    """Sizes of the hypernetwork."""

    rank: int = 4
    width: int = 128
    layers: int = 2
    heads: int = 4
    basis: int = 192
    """Width of what each layer makes of its query, which the heads read."""
    reader_tokens: int = 0
    """Tokens of a reference encoder between pictures and decoder; 0 lets the decoder read the pictures' own."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= 64:
            raise ConfigError(f"rank must be in [1, 64], got {self.rank}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} must be a multiple of heads {self.heads}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SubjectConfig":
        """The inverse of `to_json`."""
        return cls(**{**value, "encoder": EncoderConfig(**value["encoder"])})

    def emitted(self, targets: Mapping[str, tuple[int, int]]) -> int:
        """How many numbers one subject's adapter has."""
        return sum(self.rank * (d_in + d_out) for d_in, d_out in targets.values())


class SubjectNetwork(nn.Module):
    """The trainable part of the image hypernetwork (arXiv 2511.03156, reconstructed: see docs/images.md).

    Tokens of 1 to 4 pictures form a set. One learned query for each target layer reads it, through cross-attention,
    attention among the queries and MLPs. Each layer mixes what its query has read by a matrix of its own, and a head
    per distinct `(d_in, d_out)` turns that into a change of the layer's common factors: A = A0 + dA, B = B0 + dB. Heads
    and B0 start at zero, so that the first step is the base.

    Without the mixing a shared head would give all layers of a shape nearly the same change: what a query holds is
    about a sum of its layer's part and its subject's, and a head is linear.
    """

    def __init__(self, config: SubjectConfig, targets: Mapping[str, tuple[int, int]]) -> None:
        """`targets` is {path: (d_in, d_out)} of the layers that get an adapter."""
        super().__init__()
        self.config, self.targets = config, dict(targets)
        width, rank = config.width, config.rank
        cells = config.encoder.grid**2
        self.reader = ReferenceEncoder(
            ReferenceConfig(
                token_width=TOKEN_WIDTH,
                tokens_per_picture=cells,
                width=width,
                outputs=max(config.reader_tokens, 1),
                layers=1 if config.reader_tokens else 0,
                heads=config.heads,
            )
        )
        self.queries = nn.Parameter(0.1 * torch.randn(len(targets), width))
        self.layers = nn.ModuleList(ReferenceLayer(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.mixing = nn.Parameter(torch.randn(len(targets), width, config.basis) / width**0.5)
        self.shift = nn.Parameter(torch.zeros(len(targets), config.basis))
        self.groups: dict[str, list[int]] = {}
        for number, (d_in, d_out) in enumerate(self.targets.values()):
            self.groups.setdefault(f"{d_in}x{d_out}", []).append(number)
        self.heads, self.common_a, self.common_b = nn.ModuleDict(), nn.ParameterDict(), nn.ParameterDict()
        for shape, members in self.groups.items():
            d_in, d_out = map(int, shape.split("x"))
            head = nn.Linear(config.basis, rank * (d_in + d_out))
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
            self.heads[shape] = head
            self.common_a[shape] = nn.Parameter(torch.randn(len(members), rank, d_in) / d_in**0.5)
            self.common_b[shape] = nn.Parameter(torch.zeros(len(members), d_out, rank))

    def forward(
        self, tokens: Float[Tensor, "n pictures cells token"], present: Bool[Tensor, "n pictures"] | None = None
    ) -> dict[str, RowFactors]:
        """{path: factors of n subjects} from the tokens of their pictures; `present` says which pictures a row has."""
        return self.factors(self.changes(tokens, present))

    def read(self, tokens: Tensor, present: Tensor | None = None) -> Float[Tensor, "n layers width"]:
        """What each target layer's query has read off the pictures."""
        if self.config.reader_tokens:
            memory, absent = self.reader(tokens, present), None
        else:
            memory, absent = self.reader.memory(tokens, present)
        queries = self.queries.expand(len(tokens), -1, -1)
        for layer in self.layers:
            queries = layer(queries, memory, absent)
        return self.norm(queries)

    def changes(self, tokens: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        """{shape: the heads' outputs `(n, layers of that shape, rank * (d_in + d_out))`}: what the L2 term is about."""
        read = torch.einsum("nlw,lwb->nlb", self.read(tokens, present), self.mixing) + self.shift
        return {shape: self.heads[shape](read[:, members]) for shape, members in self.groups.items()}

    @torch.no_grad()
    def standardise(self, queries: Float[Tensor, "n layers width"]) -> None:
        """Set the mixing so that over these subjects' queries each layer's has mean 0 and spread 1.

        What is common to all subjects is in A0 and B0. Directions in which subjects differ little count as much as
        those in which they differ most, down to a hundredth of the variance: eyes beside colours.
        """
        own = queries - queries.mean(0)
        variance, directions = torch.linalg.eigh(own.flatten(0, 1).T.cov(correction=0))
        whitening = directions / (variance + 0.01 * variance[-1]).clamp_min(1e-8).sqrt()
        turned = torch.randn(self.mixing.shape).to(self.mixing) / self.config.width**0.5
        mixed = whitening @ turned
        spread = torch.einsum("nlw,lwb->nlb", own, mixed).square().mean((0, 2), keepdim=True).sqrt()
        self.mixing.copy_(mixed / spread.transpose(1, 0).clamp_min(1e-8))
        self.shift.copy_(-torch.einsum("lw,lwb->lb", queries.mean(0), self.mixing))

    def factors(self, changes: Mapping[str, Tensor]) -> dict[str, RowFactors]:
        """{path: factors}, in the targets' order, from what `changes` gave."""
        paths = list(self.targets)
        found: dict[str, RowFactors] = {}
        for shape, members in self.groups.items():
            d_in, d_out = map(int, shape.split("x"))
            da, db = changes[shape].split([self.config.rank * d_in, self.config.rank * d_out], -1)
            a = self.common_a[shape] + da.unflatten(-1, (self.config.rank, d_in))
            b = self.common_b[shape] + db.unflatten(-1, (d_out, self.config.rank))
            for place, number in enumerate(members):
                found[paths[number]] = RowFactors(a[:, place], b[:, place])
        return {path: found[path] for path in paths}
