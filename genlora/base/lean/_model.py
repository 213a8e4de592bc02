"""The Llama decoder (Touvron et al. 2023, arXiv 2302.13971) for answering alone.

Modules, their paths and what `forward` takes are transformers', so adapters, hooks and `generate_greedy` see what they
know. What a step needs is made once: rotary numbers, and room for keys and values; one row in a batch needs no mask.
"""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FOLLOW = ("num_key_value_heads", "head_dim", "max_position_embeddings")
"""Numbers that a config may leave out."""
_ROOM = 64
"""Places by which the room for keys and values grows at least."""


@dataclass(frozen=True)
class LeanConfig:
    """What a `config.json` of the family says, under transformers' names."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_position_embeddings: int
    tie_word_embeddings: bool
    eos_token_id: int | list[int] | None
    name_or_path: str = ""
    rope_parameters: dict[str, Any] = field(default_factory=dict)
    sliding_window: int | None = None

    @classmethod
    def read(cls, config: dict[str, Any], name: str) -> Self | None:
        """The config of a base that this decoder is; None where it says anything that this one does not do, or lacks
        what it needs: then transformers does it, or says what is wrong.
        """
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        heads, hidden = config.get("num_attention_heads"), config.get("hidden_size")
        sizes = [config.get(name) for name in ("vocab_size", "intermediate_size", "num_hidden_layers")]
        sizes += [heads, hidden, *(v for name in _FOLLOW if (v := config.get(name)) is not None)]
        if not isinstance(rope, dict) or not all(type(n) is int and n > 0 for n in sizes):
            return None
        theta, eps = rope.get("rope_theta", config.get("rope_theta", 10_000.0)), config.get("rms_norm_eps", 1e-6)
        odd = (
            config.get("model_type") != "llama"
            or not all(type(x) in (int, float) and 0 < x < math.inf for x in (theta, eps))
            or config.get("quantization_config")
            or config.get("attention_bias")
            or config.get("mlp_bias")
            or config.get("hidden_act", "silu") != "silu"
            or rope.get("rope_type", rope.get("type", "default")) != "default"
            or rope.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) != 1.0
        )
        if odd:
            return None
        assert isinstance(heads, int) and isinstance(hidden, int)
        return cls(
            vocab_size=config["vocab_size"],
            hidden_size=hidden,
            intermediate_size=config["intermediate_size"],
            num_hidden_layers=config["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or hidden // heads,
            rms_norm_eps=eps,
            rope_theta=theta,
            max_position_embeddings=config.get("max_position_embeddings", 2048),
            tie_word_embeddings=bool(config.get("tie_word_embeddings", False)),
            eos_token_id=config.get("eos_token_id"),
            name_or_path=name,
        )

    def get_text_config(self) -> "LeanConfig":
        """Itself: there is no other part."""
        return self


class Step(Protocol):
    """Where one pass puts its keys and values, and what its queries look at: a caller's own attention."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(batch, length, heads, head_dim) of query, key and value, each (batch, its heads, length, head_dim)."""
        ...


class LeanCache:
    """Keys and values of every layer, (batch, heads, room, head_dim), of which `length` places are taken."""

    def __init__(self, layers: int) -> None:
        self.keys: list[Tensor | None] = [None] * layers
        self.values: list[Tensor | None] = [None] * layers
        self.length = 0

    def add(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Put the keys and values of new places behind the others; all of that layer's."""
        end = self.length + key.shape[2]
        self.keys[layer] = _placed(self.keys[layer], key, self.length, end)
        self.values[layer] = _placed(self.values[layer], value, self.length, end)
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]  # pyright: ignore[reportOptionalSubscript]

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Every row so many times."""
        self._each(lambda x: x.repeat_interleave(repeats, 0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """These rows only."""
        self._each(lambda x: x[indices])

    def _each(self, change: Any) -> None:
        self.keys = [None if x is None else change(x) for x in self.keys]
        self.values = [None if x is None else change(x) for x in self.values]


def _placed(room: Tensor | None, new: Tensor, start: int, end: int) -> Tensor:
    if room is None or room.shape[2] < end:
        batch, heads, _, size = new.shape
        wider = new.new_empty(batch, heads, end + max(_ROOM, end // 2), size)
        if room is not None:
            wider[:, :, :start] = room[:, :, :start]
        room = wider
    room[:, :, start:end] = new
    return room


class Norm(nn.Module):
    """Root mean square norm (Zhang and Sennrich 2019)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float32:  # torch's own takes five times as long for a row
            return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight
        wide = x.float()  # rounded before the weight, as transformers does
        return self.weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)).to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions."""

    def __init__(self, config: LeanConfig, layer: int) -> None:
        super().__init__()
        hidden, size = config.hidden_size, config.head_dim
        self.heads, self.kv_heads, self.size, self.layer = (
            config.num_attention_heads,
            config.num_key_value_heads,
            size,
            layer,
        )
        self.q_proj = nn.Linear(hidden, self.heads * size, bias=False)
        self.k_proj = nn.Linear(hidden, self.kv_heads * size, bias=False)
        self.v_proj = nn.Linear(hidden, self.kv_heads * size, bias=False)
        self.o_proj = nn.Linear(self.heads * size, hidden, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, cache: LeanCache, step: Step | None = None
    ) -> Tensor:
        batch, length, _ = x.shape
        q = _turned(self.q_proj(x).view(batch, length, self.heads, self.size).transpose(1, 2), turn)
        k = _turned(self.k_proj(x).view(batch, length, self.kv_heads, self.size).transpose(1, 2), turn)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.size).transpose(1, 2)
        if step is not None:
            return self.o_proj(step.attend(self.layer, q, k, v).reshape(batch, length, -1))
        keys, values = cache.add(self.layer, k, v)
        causal = mask is None and length > 1
        seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, is_causal=causal, enable_gqa=True)
        return self.o_proj(seen.transpose(1, 2).reshape(batch, length, -1))


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al. 2021): halves of a head turned by (cos, ±sin), each (batch, 1, length, size)."""
    return torch.addcmul(x * turn[0], x.roll(x.shape[-1] // 2, -1), turn[1])


class Mlp(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, config: LeanConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.act_fn = F.silu

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention and feed-forward, each behind a norm and beside what it reads."""

    def __init__(self, config: LeanConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = Mlp(config)
        self.input_layernorm = Norm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = Norm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, cache: LeanCache, step: Step | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turn, mask, cache, step)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Tokens to hidden states."""

    def __init__(self, config: LeanConfig) -> None:
        super().__init__()
        self.config = config
        # Drawing weights that are replaced at once would import torch's compiler.
        self.embed_tokens = nn.Embedding.from_pretrained(torch.empty(config.vocab_size, config.hidden_size))
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_hidden_layers))
        self.norm = Norm(config.hidden_size, config.rms_norm_eps)
        self._turns: tuple[Tensor, Tensor] | None = None

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: LeanCache | None = None,
        use_cache: bool = False,
        genlora_step: Step | None = None,
    ) -> SimpleNamespace:
        """`last_hidden_state`, (batch, length, hidden), and `past_key_values`, as transformers gives them.

        Args:
            input_ids: (batch, length).
            attention_mask: (batch, past and length), 0 for padding on the left; or an additive mask of a caller's own,
                (batch, 1, length, past and length); None where every place sees all before it.
            position_ids: (batch, length); by default those that follow the cache's.
            past_key_values: what went before; it grows in place.
            use_cache: there is always one.
            genlora_step: keeps keys and values itself, and knows what each place may look at; mask and cache are not
                read then.
        """
        length = input_ids.shape[1]
        cache = LeanCache(self.config.num_hidden_layers) if past_key_values is None else past_key_values
        if position_ids is None:
            position_ids = torch.arange(cache.length, cache.length + length, device=input_ids.device)[None]
        x = self.embed_tokens(input_ids)
        turn = self._turn(position_ids, x.dtype)
        own = attention_mask is not None and attention_mask.ndim == 4
        mask = None
        if genlora_step is None:
            mask = attention_mask if own else _mask(attention_mask, cache.length, length, input_ids.device)
        for layer in self.layers:
            x = layer(x, turn, mask, cache, genlora_step)
        cache.length += length
        return SimpleNamespace(last_hidden_state=self.norm(x), past_key_values=cache)

    def _turn(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """(cos, ±sin) of places, each (batch, 1, length, head_dim); computed in float32, and once."""
        longest = int(positions.max()) + 1
        table = self._turns
        if table is None or len(table[0]) < longest or table[0].dtype != dtype or table[0].device != positions.device:
            size = self.config.head_dim
            places = torch.arange(max(2 * longest, _ROOM), dtype=torch.float32)
            speeds = 1.0 / self.config.rope_theta ** (torch.arange(0, size, 2, dtype=torch.int64).float() / size)
            angles = torch.outer(places, speeds)
            cos, sin = angles.cos(), angles.sin()
            table = self._turns = (
                cos.repeat(1, 2).to(positions.device, dtype),
                torch.cat([-sin, sin], 1).to(positions.device, dtype),  # the halves change places, one of them negative
            )
        return table[0][positions][:, None], table[1][positions][:, None]


class LeanLlama(nn.Module):
    """A causal language model of the family, on the meta device until weights are assigned."""

    def __init__(self, config: LeanConfig) -> None:
        super().__init__()
        self.config = config
        self.generation_config = SimpleNamespace(eos_token_id=None)
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def base_model(self) -> Decoder:
        """What makes hidden states, under its other name."""
        return self.model

    def get_decoder(self) -> Decoder:
        """What makes hidden states."""
        return self.model

    def get_output_embeddings(self) -> nn.Linear:
        """What makes logits of hidden states."""
        return self.lm_head

    def forward(self, input_ids: Tensor, *, logits_to_keep: int = 0, **inputs: Any) -> SimpleNamespace:
        """`logits` of the last `logits_to_keep` places (0: all) and `past_key_values`; `inputs` are the decoder's."""
        found = self.model(input_ids, **inputs)
        logits = self.lm_head(found.last_hidden_state[:, -logits_to_keep:])
        return SimpleNamespace(logits=logits, past_key_values=found.past_key_values)


def _mask(attention: Tensor | None, past: int, length: int, device: torch.device) -> Tensor | None:
    """What each new place may look at, bool, (batch, 1, length, past + length); None where it is all before it, and the
    rows begin at once.
    """
    padded = attention is not None and not bool(attention.all())
    if not padded and (length == 1 or past == 0):
        return None
    before = (
        torch.arange(past + length, device=device)[None] <= torch.arange(past, past + length, device=device)[:, None]
    )
    if not padded:
        return before[None, None]
    assert attention is not None
    mask = before[None, None] & attention[:, None, None].bool()
    # A place of padding looks at itself, for a softmax over nothing is not a number; nobody looks at it.
    mask[..., past:] |= torch.eye(length, dtype=torch.bool, device=device)
    return mask
