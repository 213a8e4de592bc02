"""EasyRef's idea (arXiv 2412.09618) without its language model: tokens that attend over a set of pictures.

A few learned tokens, with those of an instruction if there is one, attend over the tokens of all reference pictures.
No picture has a place in the set, so that their order cannot matter and their number may change. What comes out is
(a) a condition for the hypernetwork and (b), through cross-attention beside the text's, one for the U-Net itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlora.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ReferenceConfig:
    """Sizes of a reference encoder."""

    token_width: int
    """Width of a picture's tokens."""
    tokens_per_picture: int
    """How many tokens a picture has; each has a learned place within its picture."""
    width: int = 128
    outputs: int = 16
    """Learned tokens that read the set."""
    layers: int = 2
    heads: int = 4
    instruction_width: int = 0
    """Width of an instruction's token states; 0 is none."""


class ReferenceLayer(nn.Module):
    """Cross-attention to the set, attention among the readers, and an MLP; norms come first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.cross = nn.MultiheadAttention(width, heads, batch_first=True)
        self.among = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(
        self,
        readers: Float[Tensor, "n q width"],
        memory: Float[Tensor, "n m width"],
        absent: Bool[Tensor, "n m"] | None = None,
    ) -> Float[Tensor, "n q width"]:
        """`absent` marks tokens of pictures that a row does not have."""
        kept = self.norms[0](memory)
        found, _ = self.cross(self.norms[1](readers), kept, kept, key_padding_mask=absent, need_weights=False)
        readers = readers + found
        own = self.norms[2](readers)
        readers = readers + self.among(own, own, own, need_weights=False)[0]
        return readers + self.mlp(self.norms[3](readers))


class ReferenceEncoder(nn.Module):
    """Reads a set of pictures, and an instruction, into a fixed number of tokens."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__()
        self.config = config
        self.project = nn.Linear(config.token_width, config.width)
        self.place = nn.Parameter(0.1 * torch.randn(config.tokens_per_picture, config.width))
        self.readers = nn.Parameter(0.1 * torch.randn(config.outputs, config.width))
        self.instruct = nn.Linear(config.instruction_width, config.width) if config.instruction_width else None
        self.layers = nn.ModuleList(ReferenceLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def memory(
        self, tokens: Float[Tensor, "n pictures cells token"], present: Bool[Tensor, "n pictures"] | None
    ) -> tuple[Tensor, Tensor | None]:
        """All pictures' tokens in one set, and which are of pictures that a row does not have."""
        placed = self.project(tokens) + self.place
        absent = None if present is None else ~present.repeat_interleave(tokens.shape[2], 1)
        return placed.flatten(1, 2), absent

    def forward(
        self,
        tokens: Float[Tensor, "n pictures cells token"],
        present: Bool[Tensor, "n pictures"] | None = None,
        instruction: Float[Tensor, "n words told"] | None = None,
    ) -> Float[Tensor, "n outputs width"]:
        """Read the sets.

        Args:
            tokens: of each row's pictures.
            present: which of them a row has; None is all.
            instruction: token states of what to look for.

        Raises:
            ConfigError: if an instruction comes to an encoder made without one, or a row has no picture.
        """
        if present is not None and not bool(present.any(1).all()):
            raise ConfigError("a row of references has no picture; expected at least one")
        if (instruction is None) != (self.instruct is None):
            raise ConfigError(
                "this reference encoder was made with" + ("out" if self.instruct is None else "") + " an instruction"
            )
        memory, absent = self.memory(tokens, present)
        readers = self.readers.expand(len(tokens), -1, -1)
        if instruction is not None and self.instruct is not None:
            readers = torch.cat([readers, self.instruct(instruction)], 1)
        for layer in self.layers:
            readers = layer(readers, memory, absent)
        return self.norm(readers[:, : self.config.outputs])


class ReferenceAttention(nn.Module):
    """Keys and values of the references for every cross-attention of a U-Net, beside the text's (IP-Adapter).

    Each cross-attention gives `Attn(q, K_text, V_text) + scale · Attn(q, K_refs, V_refs)`; values start at zero, so
    that an untrained one changes nothing.
    """

    def __init__(self, targets: Mapping[str, tuple[int, int]], width: int, tokens: int) -> None:
        """`targets` is {path of a cross-attention's key projection: (width of text, width of keys)}."""
        super().__init__()
        keys = {path: size for path, size in targets.items() if path.endswith("attn2.to_k")}
        self.places = {path.removesuffix(".to_k"): size for path, size in keys.items()}
        if not self.places:
            raise ConfigError("none of the targets is a cross-attention's key projection (attn2.to_k)")
        self.tokens = tokens
        wide = {path.replace(".", "-"): d_out for path, (_, d_out) in self.places.items()}
        self.keys = nn.ModuleDict({name: nn.Linear(width, d_out, bias=False) for name, d_out in wide.items()})
        self.values = nn.ModuleDict({name: nn.Linear(width, d_out, bias=False) for name, d_out in wide.items()})
        for value in self.values.values():
            nn.init.zeros_(cast(nn.Linear, value).weight)

    @contextmanager
    def on(self, unet: nn.Module, references: Float[Tensor, "n tokens width"], scale: float = 1.0) -> Iterator[None]:
        """`unet` reading the references while the context lasts, through diffusers' own attention processors."""
        from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0

        net: Any = unet
        before: dict[str, Any] = dict(net.attn_processors)
        changed = dict(before)
        for path, (d_in, d_out) in self.places.items():
            processor = IPAdapterAttnProcessor2_0(d_out, d_in, num_tokens=(self.tokens,), scale=scale)
            name = path.replace(".", "-")
            processor.to_k_ip[0], processor.to_v_ip[0] = self.keys[name], self.values[name]
            changed[f"{path}.processor"] = processor
        original = net.forward

        def with_references(sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **rest: object) -> object:
            return original(sample, timestep, (encoder_hidden_states, [references[:, None]]), **rest)

        net.set_attn_processor(changed)
        net.forward = with_references
        try:
            yield
        finally:
            del net.forward
            net.set_attn_processor(before)
