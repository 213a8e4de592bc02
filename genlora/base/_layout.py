"""The layout of a base: which linear modules it has and how large they are, read without loading weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlora.adapter import BaseLayout, ModuleSpec
from genlora.errors import BaseError

from ._files import base_meta, base_name
from ._headers import TensorHeader, read_config, tensor_headers, text_config

ARCHITECTURES = ("llama", "qwen2", "qwen3", "mistral", "gemma3_text", "gemma3")
"""`model_type`s whose modules we know: all name their projections alike."""

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
_MODULE_PREFIX = {"language_model.model.": "model.language_model."}
_MOST = 1 << 24
_UNSAID: dict[str, dict[str, int]] = {
    "mistral": {"num_key_value_heads": 8},
    "qwen2": {"num_key_value_heads": 32},
    "qwen3": {"num_key_value_heads": 32, "head_dim": 128},
    "gemma3_text": {"num_key_value_heads": 4, "head_dim": 256},
    "gemma3": {"num_key_value_heads": 4, "head_dim": 256},
}
"""What transformers takes where a config does not name these; elsewhere, and for null, they follow from the others."""


def _sizes(config: dict[str, Any], kind: str, where: Path) -> dict[str, int]:
    def whole(key: str, otherwise: int | None = None) -> int:
        value = config[key] if key in config else _UNSAID.get(kind, {}).get(key)
        value = otherwise if value is None and otherwise is not None else value
        if type(value) is not int or not 1 <= value <= _MOST:
            raise BaseError(
                f"{where}: {key} is {str(value)[:60]!r} in config.json, expected a whole number from 1 to {_MOST:,}. "
                "Is it a decoder's config? Fetch the base anew."
            )
        return value

    heads, hidden = whole("num_attention_heads"), whole("hidden_size")
    return {
        "layers": whole("num_hidden_layers"),
        "hidden": hidden,
        "intermediate": whole("intermediate_size"),
        "heads": heads,
        "kv_heads": whole("num_key_value_heads", heads),
        "head_dim": whole("head_dim", hidden // heads),
    }


def _shapes(size: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Leaf name -> (d_in, d_out)."""
    attention, kv = size["heads"] * size["head_dim"], size["kv_heads"] * size["head_dim"]
    return {
        "self_attn.q_proj": (size["hidden"], attention),
        "self_attn.k_proj": (size["hidden"], kv),
        "self_attn.v_proj": (size["hidden"], kv),
        "self_attn.o_proj": (attention, size["hidden"]),
        "mlp.gate_proj": (size["hidden"], size["intermediate"]),
        "mlp.up_proj": (size["hidden"], size["intermediate"]),
        "mlp.down_proj": (size["intermediate"], size["hidden"]),
    }


def _prefix(headers: dict[str, TensorHeader], layers: int, where: Path) -> str:
    """What stands before `layers.N` in the decoder's names. Raises `BaseError` unless there are `layers` of them."""
    prefix = next((n.split("layers.0.")[0] for n in headers if "layers.0.self_attn." in n and "vision" not in n), None)
    if prefix is None:
        raise BaseError(
            f"{where}: the weights hold no decoder layers. Expected names like model.layers.0.self_attn.q_proj."
        )
    start = f"{prefix}layers."
    found = {name.removeprefix(start).split(".")[0] for name in headers if name.startswith(start)}
    if len(found) != layers:
        raise BaseError(
            f"{where}: the weights hold {len(found)} layers, config.json says {layers:,}. They are of different "
            "models, or not whole; fetch the base anew."
        )
    return prefix


def weight_name(headers: Mapping[str, TensorHeader], path: str) -> str:
    """What the files call the weight of the module at `path`. Raises `BaseError` where they hold no plain one."""
    names = [f"{path}.weight"]
    for on_disk, loaded in _MODULE_PREFIX.items():
        if path.startswith(loaded):
            names.append(f"{on_disk}{path.removeprefix(loaded)}.weight")
    found = next((n for n in names if n in headers), None)
    if found is None:
        raise BaseError(
            f"{path}: the base's files hold no plain weight of it, looked for as {' and '.join(names)}. Expected a "
            "base in floating point."
        )
    return found


def bare_layout(path: Path) -> BaseLayout:
    """`layout_of` with an empty fingerprint; reads only config.json and the safetensors headers."""
    config = read_config(path)
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise BaseError(
            f"{path}: architecture {kind[:80]!r} is not supported; expected one of {', '.join(ARCHITECTURES)}. "
            "Choose another base."
        )
    size = _sizes(text_config(config), kind, path)
    headers = tensor_headers(path)
    prefix = _prefix(headers, size["layers"], path)
    # Checkpoints of picture-and-text models name the language model otherwise than the loaded model does.
    loaded = _MODULE_PREFIX.get(prefix, prefix)
    # What a quantiser stores in a weight's place has other endings.
    stored = {f"{name.partition('_proj.')[0]}_proj" for name in headers if "_proj." in name}
    modules = []
    for layer in range(size["layers"]):
        for leaf, (d_in, d_out) in _shapes(size).items():
            module, named = f"{loaded}layers.{layer}.{leaf}", f"{prefix}layers.{layer}.{leaf}"
            header = headers.get(f"{named}.weight")
            if named not in stored:
                raise BaseError(f"{path}: the weights lack {named}, which config.json asks for. Fetch the base anew.")
            if header is not None and header.dtype in ("F64", "F32", "F16", "BF16") and header.shape != (d_out, d_in):
                raise BaseError(
                    f"{path}: {module}.weight is {header.shape}, expected {(d_out, d_in)} by config.json. "
                    "Config and weights are of different models; fetch the base anew."
                )
            modules.append(ModuleSpec(module, d_in, d_out))
    meta = base_meta(path)
    return BaseLayout(
        name=base_name(path),
        architecture=kind,
        fingerprint="",
        n_layers=size["layers"],
        n_heads=size["heads"],
        n_kv_heads=size["kv_heads"],
        head_dim=size["head_dim"],
        modules=tuple(modules),
        licence=str(meta.get("licence") or "unknown"),
    )
