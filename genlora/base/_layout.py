"""The layout of a base: which linear modules it has and how large they are, read without loading weights."""

from pathlib import Path
from typing import Any

from genlora.adapter import BaseLayout, ModuleSpec
from genlora.errors import BaseError
from genlora.files import read_json

from ._headers import read_config, tensor_headers, text_config

ARCHITECTURES = ("llama", "qwen2", "qwen3", "mistral", "gemma3_text", "gemma3")
"""`model_type`s whose modules we know: all name their projections alike."""

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
_MODULE_PREFIX = {"language_model.model.": "model.language_model."}
META_FILE = "genlora.json"
"""Beside a base that we converted: its name, licence and origin."""


def _sizes(config: dict[str, Any], where: Path) -> dict[str, int]:
    try:
        heads = int(config["num_attention_heads"])
        hidden = int(config["hidden_size"])
        return {
            "layers": int(config["num_hidden_layers"]),
            "hidden": hidden,
            "intermediate": int(config["intermediate_size"]),
            "heads": heads,
            "kv_heads": int(config.get("num_key_value_heads") or heads),
            "head_dim": int(config.get("head_dim") or hidden // heads),
        }
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as err:
        raise BaseError(
            f"{where}: no usable {err} in config.json. Expected a decoder's sizes; fetch the base anew."
        ) from err


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


def base_meta(folder: Path) -> dict[str, Any]:
    """What we wrote beside a converted base (name, licence, source), or an empty dict."""
    path = folder / META_FILE
    meta = read_json(path) if path.is_file() else {}
    return meta if isinstance(meta, dict) else {}


def bare_layout(path: Path) -> BaseLayout:
    """`layout_of` with an empty fingerprint; reads only config.json and the safetensors headers."""
    config = read_config(path)
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise BaseError(
            f"{path}: architecture {kind[:80]!r} is not supported; expected one of {', '.join(ARCHITECTURES)}. "
            "Choose another base."
        )
    size = _sizes(text_config(config), path)
    headers = tensor_headers(path)
    prefix = next((n.split("layers.0.")[0] for n in headers if "layers.0.self_attn." in n and "vision" not in n), None)
    if prefix is None:
        raise BaseError(
            f"{path}: the weights hold no decoder layers. Expected names like model.layers.0.self_attn.q_proj."
        )
    # Checkpoints of picture-and-text models name the language model otherwise than the loaded model does.
    on_disk, prefix = prefix, _MODULE_PREFIX.get(prefix, prefix)
    modules = []
    for layer in range(size["layers"]):
        for leaf, (d_in, d_out) in _shapes(size).items():
            module = f"{prefix}layers.{layer}.{leaf}"
            header = headers.get(f"{on_disk}layers.{layer}.{leaf}.weight")
            if header is not None and header.dtype.startswith(("F", "BF")) and header.shape != (d_out, d_in):
                raise BaseError(
                    f"{path}: {module}.weight is {header.shape}, expected {(d_out, d_in)} by config.json. "
                    "Config and weights are of different models; fetch the base anew."
                )
            modules.append(ModuleSpec(module, d_in, d_out))
    meta = base_meta(path)
    return BaseLayout(
        name=str(meta.get("name") or path.name),
        architecture=kind,
        fingerprint="",
        n_layers=size["layers"],
        n_heads=size["heads"],
        n_kv_heads=size["kv_heads"],
        head_dim=size["head_dim"],
        modules=tuple(modules),
        licence=str(meta.get("licence") or "unknown"),
    )
