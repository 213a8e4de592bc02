"""Adapters as mlx_lm trains them: `adapters.safetensors` and a config of its own, with both factors transposed."""

from collections.abc import Collection
from typing import Any

from genlora.errors import AdapterFormatError

from ._algebra import MAX_RANK
from ._foreign import ForeignConfig
from ._layout import BaseLayout
from ._tensors import tensor_names


def is_mlx(config: object) -> bool:
    """Whether a parsed `adapter_config.json` is mlx_lm's."""
    return isinstance(config, dict) and "lora_parameters" in config and "peft_type" not in config


def mlx_config(raw: dict[str, Any], tensors: Collection[str], layout: BaseLayout, *, where: str) -> ForeignConfig:
    """What an mlx_lm config says of `tensors`, which have PEFT's names already; its update is s (x lora_a) lora_b.

    It does not name the modules: those are adapted whose factors are there. Raises `AdapterFormatError`.
    """
    kind = raw.get("fine_tune_type", "lora")
    said = raw["lora_parameters"]
    rank: Any = said.get("rank") if isinstance(said, dict) else None
    scale: Any = said.get("scale") if isinstance(said, dict) else None
    if kind != "lora":
        raise AdapterFormatError(f"{where}: fine_tune_type is {str(kind)[:40]!r}, expected 'lora'. Train a plain LoRA.")
    if type(rank) is not int or not 1 <= rank <= MAX_RANK or type(scale) not in (int, float) or not 0 <= scale <= 1e6:
        raise AdapterFormatError(
            f"{where}: lora_parameters are {str(said)[:80]}, expected a rank in [1, {MAX_RANK}] and a scale in "
            "[0, 1e6], as mlx_lm.lora writes them. Restore the file."
        )
    specs = tuple(m for m in layout.modules if not set(tensor_names(m.path)).isdisjoint(tensors))
    if not specs:
        raise AdapterFormatError(
            f"{where}: there are no factors of a projection of {layout.name}. Is it an adapter for another base?"
        )
    named = raw.get("model")
    base = named if isinstance(named, str) and 0 < len(named) <= 1024 else None
    notes = ("written by mlx_lm: factors transposed",)
    return ForeignConfig({s.path: rank for s in specs}, {s.path: float(scale) for s in specs}, specs, base, notes)
