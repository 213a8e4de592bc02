"""What a config says that decides which numbers a base computes: the comparable part of it.

The sizes are always there. What most bases leave as it is (rotary embeddings that are not stretched, no windows, no
capped logits) is named only where it is not, so that a fingerprint says the same of bases from before the setting.
"""

from typing import Any

from ._headers import text_config

_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
_FLAGS = ("attention_bias", "mlp_bias", "use_bidirectional_attention")
_CAPS = ("final_logit_softcapping", "attn_logit_softcapping")
_WINDOW_UNSAID = {"mistral": 4096, "gemma3_text": 4096, "gemma3": 4096, "qwen2": 4096, "qwen3": 4096}
_WHOLE_EVERY = 6
"""Gemma 3: each sixth layer looks at everything, unless the config lists the layers' kinds."""


def config_essentials(config: dict[str, Any]) -> dict[str, Any]:
    """A JSON object that two configs have in common exactly if they mean the same computation."""
    inner = text_config(config)
    out: dict[str, Any] = {k: inner.get(k) for k in _SIZES}
    heads: Any = inner.get("num_attention_heads")
    hidden: Any = inner.get("hidden_size")
    out["model_type"] = config.get("model_type")
    out["num_key_value_heads"] = inner.get("num_key_value_heads") or heads
    whole = type(heads) is int and type(hidden) is int and heads > 0
    out["head_dim"] = inner.get("head_dim") or (hidden // heads if whole else None)
    out["rms_norm_eps"] = _short(inner.get("rms_norm_eps") or 0, 3)
    out["rope_theta"] = _theta(inner)
    out["activation"] = inner.get("hidden_activation") or inner.get("hidden_act")
    for name, value in _unusual(inner, str(inner.get("model_type") or config.get("model_type"))).items():
        if value:
            out[name] = value
    return out


def _short(value: Any, digits: int = 6) -> Any:
    """A number as most formats keep it (float32 and shorter decimals agree); anything else as it is."""
    return float(f"{float(value):.{digits}g}") if type(value) in (int, float) else value


def _theta(inner: dict[str, Any]) -> Any:
    """The rotary base frequency: one number, or one for each kind of layer."""
    rope = inner.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" not in rope:
        each = {k: v["rope_theta"] for k, v in rope.items() if isinstance(v, dict) and "rope_theta" in v}
        if each:
            return {k: _short(v) for k, v in sorted(each.items())}
    theta = inner.get("rope_theta", rope.get("rope_theta") if isinstance(rope, dict) else None)
    return None if theta is None else _short(theta)


def _unusual(inner: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"rope": _stretch(inner, kind), "window": _window(inner, kind)}
    found |= {k: inner.get(k) for k in _FLAGS}
    found |= {k: _short(inner.get(k)) for k in _CAPS}
    scalar = inner.get("query_pre_attn_scalar")
    if kind.startswith("gemma3") and scalar is not None and scalar != (inner.get("head_dim") or 256):
        found["query_pre_attn_scalar"] = _short(scalar)
    return found


def _stretch(inner: dict[str, Any], kind: str) -> Any:
    """How rotary embeddings are stretched; None where they are plain."""
    rope = inner.get("rope_parameters") or inner.get("rope_scaling")
    if not isinstance(rope, dict):
        return None
    if any(isinstance(v, dict) for v in rope.values()):
        each = {k: _one_stretch(v, inner) for k, v in sorted(rope.items()) if isinstance(v, dict)}
    else:
        each = {"full_attention" if kind.startswith("gemma3") else "": _one_stretch(rope, inner)}
    return {k: v for k, v in each.items() if v} or None


def _one_stretch(rope: dict[str, Any], inner: dict[str, Any]) -> Any:
    named = rope.get("rope_type") or rope.get("type") or "default"
    partial = _short(rope.get("partial_rotary_factor", inner.get("partial_rotary_factor")))
    part = {"partial_rotary_factor": partial} if partial not in (None, 1.0) else {}
    if named == "default":
        return part
    said = {k: _short(v) for k, v in rope.items() if v is not None and k not in ("type", "rope_type", "rope_theta")}
    length = {"max_position_embeddings": inner.get("max_position_embeddings")} if named == "dynamic" else {}
    return {**said, **part, **length, "rope_type": named}


def _window(inner: dict[str, Any], kind: str) -> Any:
    """Which layers look back how far; None where all look at everything."""
    if kind not in _WINDOW_UNSAID or (kind.startswith("qwen") and not inner.get("use_sliding_window")):
        return None
    size = inner.get("sliding_window", _WINDOW_UNSAID[kind])
    longest = inner.get("max_position_embeddings")
    if not size or (isinstance(longest, int) and isinstance(size, int) and size >= longest):
        return None
    return {"size": size, "layers": _windowed(inner, kind)}


def _windowed(inner: dict[str, Any], kind: str) -> Any:
    kinds = inner.get("layer_types")
    if isinstance(kinds, list) and not kind == "mistral":
        return [i for i, k in enumerate(kinds) if k == "sliding_attention"]
    layers = inner.get("num_hidden_layers")
    if not isinstance(layers, int) or layers > 10_000 or kind == "mistral":
        return "all"
    if kind.startswith("gemma3"):
        every = inner.get("sliding_window_pattern") or inner.get("_sliding_window_pattern") or _WHOLE_EVERY
        return [i for i in range(layers) if (i + 1) % every] if type(every) is int and every > 0 else "all"
    first = inner.get("max_window_layers", 28)
    return [i for i in range(layers) if type(first) is int and i >= first]
