"""Keys and values of every running sequence in one tensor, and the attention that reads and writes it.

A sequence is a row and starts at position 0 of its row, so rows of different lengths share one tensor without padding
on the left; rows that decode stand first, so that a step reads a slice and copies nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._memory import zeros

ATTENTION = "genlora_rows"
"""Name under which transformers finds this attention."""

_FIRST_LENGTH = 256


class KVCache:
    """Room for `rows` sequences of up to `max_length` tokens; grows by doubling up to that."""

    def __init__(
        self,
        *,
        layers: int,
        rows: int,
        heads: int,
        width: int,
        max_length: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.max_length = max_length
        length = min(_FIRST_LENGTH, max_length)
        # (layer, key or value, row, head, position, width): a head's positions side by side, as attention reads them
        self.data = zeros(layers, 2, rows, heads, length, width, dtype=dtype, device=device)

    @classmethod
    def of(cls, config: Any, *, rows: int, max_length: int, dtype: torch.dtype, device: torch.device) -> "KVCache":
        """For a model of this configuration (transformers')."""
        heads = config.num_key_value_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        layers = config.num_hidden_layers
        return cls(
            layers=layers, rows=rows, heads=heads, width=width, max_length=max_length, dtype=dtype, device=device
        )

    @property
    def length(self) -> int:
        """Positions there is room for now."""
        return self.data.shape[4]

    @property
    def bytes(self) -> int:
        return self.data.numel() * self.data.element_size()

    def reserve(self, length: int, rows: int | None = None) -> None:
        """Make room for `length` positions (at most `max_length`); the first `rows` rows keep what they hold."""
        if length <= self.length:
            return
        new = self.length
        while new < length:
            new = min(2 * new, self.max_length)
        shape = list(self.data.shape)
        shape[4] = new
        grown = zeros(*shape, dtype=self.data.dtype, device=self.data.device)
        grown[:, :, :rows, :, : self.length] = self.data[:, :, :rows]
        self.data = grown

    def put(self, row: int, data: Tensor) -> None:
        """Write the first positions of `row`: (layers, key or value, head, position, width)."""
        self.data[:, :, row, :, : data.shape[3]] = data

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of row `source` to row `target`."""
        self.data[:, :, target, :, :length] = self.data[:, :, source, :, :length]


@dataclass(eq=False)
class Step:
    """Which rows of the cache one forward pass is about, for the attention of every layer.

    Decoding: one new token in each of the rows [first, first + count), row i at position `positions[i]`.
    Prompts: `new` tokens in each of these rows, all from position `start` on (padding after a shorter prompt is written
    too; nothing ever looks at it before the row's own tokens overwrite it).
    """

    cache: KVCache
    first: int
    count: int
    new: int
    start: int
    positions: Tensor
    """(count,) for decoding; unused for prompts."""
    length: int
    """Positions that the longest row holds after this pass."""
    biases: dict[tuple[int | None, torch.dtype], Tensor | None]
    """Masks by sliding window, made by the first layer that needs each."""

    @cached_property
    def places(self) -> Tensor:
        """Where a decoding step's new vectors go, (count * heads,): indices into (row, head, position) as one."""
        heads, room = self.cache.data.shape[3:5]
        rows = torch.arange(self.first, self.first + self.count, device=self.positions.device)
        row_heads = rows[:, None] * heads + torch.arange(heads, device=rows.device)
        return (row_heads * room + self.positions[:, None]).flatten()

    def write(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (rows, heads, new, width); return all, (rows, heads, length, width)."""
        rows = slice(self.first, self.first + self.count)
        both = self.cache.data[layer]
        for which, new in ((0, key), (1, value)):
            if self.positions.numel():
                both[which].view(-1, new.shape[-1]).index_copy_(0, self.places, new.reshape(-1, new.shape[-1]))
            else:
                both[which, rows, :, self.start : self.start + self.new] = new
        return both[0, rows, :, : self.length], both[1, rows, :, : self.length]

    def bias(self, window: int | None, dtype: torch.dtype) -> Tensor | None:
        """What is added to the scores: 0 where a query may look, -inf elsewhere. None for a plain causal prompt."""
        key = (window, dtype)
        if key not in self.biases:
            self.biases[key] = self._bias(window, dtype)
        return self.biases[key]

    def _bias(self, window: int | None, dtype: torch.dtype) -> Tensor | None:
        decoding = self.positions.numel() > 0
        reach = self.length if window is None else window
        if not decoding and self.start == 0 and self.length <= reach:
            return None
        device = self.cache.data.device
        held = torch.arange(self.length, device=device)
        if decoding:
            at = self.positions[:, None, None, None]  # (rows, 1, 1, 1)
        else:
            at = torch.arange(self.start, self.start + self.new, device=device)[None, None, :, None]
        seen = held <= at
        if self.length > reach:
            seen = seen & (held > at - reach)
        return torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill_(~seen, float("-inf"))

    def attend(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float | None = None,
        window: int | None = None,
    ) -> Tensor:
        """Scaled dot-product attention of one layer over the cache, into which the new keys and values go.

        query (rows, heads, new, width), key and value (rows, shared heads, new, width); gives (rows, new, heads,
        width).
        """
        keys, values = self.write(layer, key, value)
        bias = self.bias(window, query.dtype)
        rows, heads, new, width = query.shape
        shared = heads // keys.shape[1]
        if new == 1 and bias is not None:
            # One query a head: the heads that share a key stand as queries of one head, so keys are not repeated.
            grouped = query.reshape(rows, keys.shape[1], shared, width)
            out = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=bias, scale=scaling)
            return out.reshape(rows, 1, heads, width)
        if shared > 1:
            keys, values = keys.repeat_interleave(shared, dim=1), values.repeat_interleave(shared, dim=1)
        out = F.scaled_dot_product_attention(
            query, keys, values, attn_mask=bias, is_causal=bias is None and new > 1, scale=scaling
        )
        return out.transpose(1, 2)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    genlora_step: Step | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """`Step.attend` for transformers' models; query (rows, heads, new, width).

    Without a step (somebody else uses the model meanwhile) it is transformers' own sdpa attention.
    """
    if genlora_step is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **rest)  # pyright: ignore[reportReturnType]
    layer: Any = module.layer_idx
    window = rest.get("sliding_window")
    return genlora_step.attend(layer, query, key, value, scaling=scaling, window=window), None


def take_over(config: Any) -> Callable[[], None]:
    """Let a model of this configuration attend by the step that it is given; call the result to give it back.

    The lean decoder does so by itself. Masks of others who use a transformers model meanwhile are sdpa's.
    """
    before = getattr(config, "_attn_implementation", None)
    if before is None:
        return lambda: None
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    config._attn_implementation = ATTENTION

    def give_back() -> None:
        config._attn_implementation = before

    return give_back
