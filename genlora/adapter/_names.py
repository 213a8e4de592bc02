"""What other programs call the tensors of an adapter: wrappers put words in front, and PEFT's own spelling is one of
several. Names are read as the one module of the base that they can mean, or not at all.
"""

import re
from dataclasses import replace

from genlora.errors import AdapterFormatError

from ._config import PREFIX
from ._layout import BaseLayout
from ._safetensors import SafetensorsHeader, TensorSpec

_EMBEDDINGS = (
    "It holds the vocabulary's embeddings too, changed, grown or only saved beside it, which a plain LoRA cannot. If "
    "they are the base's own, save it again with save_pretrained(folder, save_embedding_layers=False)."
)

_FACTOR = re.compile(r"(?P<path>[A-Za-z0-9_.]+)\.lora_(?P<factor>[AB])(?:\.(?P<adapter>[A-Za-z0-9_-]+))?\.weight")
_MLX = re.compile(r"(?P<path>[A-Za-z0-9_.]+)\.lora_(?P<factor>[ab])")
_WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module"})
"""What torch.compile, FSDP, activation checkpointing and data parallelism put between a module's names."""
_DECODERS = frozenset({(), ("model",), ("language_model",), ("model", "language_model"), ("language_model", "model")})
"""What stands before `layers.N` in a text decoder, by itself or inside a picture-and-text model; not before the layers
of its picture tower."""
_CAUSES = {
    ".lora_magnitude_vector": "It is a DoRA, whose update depends on the base's weights; train a plain LoRA.",
    "embed_tokens": _EMBEDDINGS,
    "lm_head": _EMBEDDINGS,
    ".lora_embedding_": "It adapts embeddings; train it on attention and MLP projections.",
    "vision": "It also changes the picture tower, which a text adapter cannot; train it on the language model alone.",
    ".bias": "Its training changed biases, which a plain LoRA cannot hold; train with bias='none'.",
    ".lora_a": "These are MLX's names, whose factors are transposed: import the folder as mlx_lm wrote it, with its "
    "own adapter_config.json and adapters.safetensors.",
    "lora_unet_": "It is for a text-to-image model.",
    "lora_te": "It is for a text-to-image model.",
    ".oft_": "It is an OFT adapter, not a LoRA.",
    ".hada_": "It is a LoHa adapter, not a LoRA.",
    ".lokr_": "It is a LoKr adapter, not a LoRA.",
}


def why_foreign(name: str) -> str:
    """What a tensor that is no factor of a targeted module tells of the adapter, and what to do."""
    return next((cause for part, cause in _CAUSES.items() if part in name), "Save it as a plain LoRA.")


def module_meant(path: str, layout: BaseLayout) -> str | None:
    """The layout's module that a path of any spelling means; None where it is none of them."""
    parts = [p for p in path.split(".") if p not in _WRAPPERS]
    while parts[:2] == PREFIX.rstrip(".").split("."):
        parts = parts[2:]
    if "layers" not in parts:
        return None
    at = parts.index("layers")
    if tuple(parts[:at]) not in _DECODERS:
        return None
    return layout.by_tail.get(".".join(parts[at:]))


def in_peft_spelling(
    header: SafetensorsHeader, layout: BaseLayout, *, where: str, mlx: bool = False
) -> tuple[SafetensorsHeader, bool]:
    """The header with each factor of a module of `layout` under PEFT's name for it, and whether one had another.

    Names that mean no module stay as they are. Raises `AdapterFormatError` where two names mean the same factor.
    """
    out: dict[str, TensorSpec] = {}
    came_from: dict[str, str] = {}
    for name, spec in header.tensors.items():
        found = (_MLX if mlx else _FACTOR).fullmatch(name)
        module = module_meant(found["path"], layout) if found else None
        wanted = f"{PREFIX}{module}.lora_{found['factor'].upper()}.weight" if found and module else name
        if wanted in out:
            raise AdapterFormatError(
                f"{where}: {came_from[wanted]!r} and {name!r} are both lora_{wanted.split('.lora_')[1][0]} of one "
                "module. It holds two adapters; save the one you mean by itself."
            )
        out[wanted], came_from[wanted] = spec, name
    return replace(header, tensors=out), any(new != old for new, old in came_from.items())
