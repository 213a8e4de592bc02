"""Loading a base: model, tokenizer, layout, fingerprint and stop tokens as one value."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genlora.adapter import BaseLayout
from genlora.errors import BaseError, ConfigError, DigestError, GenloraError
from genlora.progress import Progress, silent

from ._entries import settled
from ._fingerprint import Fingerprint, fingerprint
from ._layout import bare_layout
from ._quiet import first_line, quiet_transformers
from ._sources import resolve_base

log = logging.getLogger(__name__)

_TURN_ENDS = ("<|im_end|>", "<end_of_turn>", "<|eot_id|>", "<|end|>", "</s>")


@dataclass(frozen=True)
class LoadedBase:
    """A base in memory, frozen and in eval mode."""

    model: nn.Module
    tokenizer: Any
    layout: BaseLayout
    fingerprint: Fingerprint
    path: Path
    eos_ids: tuple[int, ...]
    """Tokens that end an answer."""

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


def layout_of(path: Path) -> BaseLayout:
    """The layout of a base folder with its fingerprint's id, from config and headers alone (no weights loaded)."""
    return dataclasses.replace(bare_layout(path), fingerprint=fingerprint(path).id)


def load_tokenizer(path: Path) -> Any:
    """The folder's tokenizer, left-padding, with a pad token. Raises `BaseError`."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path), local_files_only=True)
    except (OSError, ValueError, KeyError) as err:
        raise BaseError(
            f"{path}: its tokenizer cannot be loaded ({first_line(err)}). Fetch or convert the base anew."
        ) from err
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def eos_ids(model: nn.Module, tokenizer: Any) -> tuple[int, ...]:
    """Every token that ends an answer: the model's, the tokenizer's, and the template's end of turn."""
    found: set[int] = set()
    for config in (getattr(model, "generation_config", None), getattr(model, "config", None)):
        value = getattr(config, "eos_token_id", None)
        found.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    if tokenizer.eos_token_id is not None:
        found.add(tokenizer.eos_token_id)
    vocabulary = tokenizer.get_vocab()
    found.update(vocabulary[t] for t in _TURN_ENDS if t in vocabulary)
    return tuple(sorted(found))


def check_device(device: str) -> torch.device:
    """The device, if this machine has it. Raises `ConfigError`."""
    try:
        found = torch.device(device)
    except RuntimeError as err:
        raise ConfigError(f"device {device[:40]!r} is not known; expected cpu, cuda or cuda:N.") from err
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {device!r} is not usable: torch sees no CUDA device here. Use --device cpu.")
    return found


def load_model(
    path: Path, *, device: str, dtype: torch.dtype, attn_implementation: str, config: Any = None
) -> nn.Module:
    """The folder's causal language model, frozen, in eval mode; `config` is a transformers quantisation config.

    Raises `BaseError`.
    """
    from transformers import AutoModelForCausalLM

    extra: dict[str, Any] = {} if config is None else {"quantization_config": config, "device_map": device}
    with quiet_transformers():
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(path), dtype=dtype, local_files_only=True, attn_implementation=attn_implementation, **extra
            )
        except (OSError, ValueError, KeyError, RuntimeError) as err:
            raise BaseError(f"{path}: cannot be loaded ({first_line(err)}). Fetch or convert the base anew.") from err
    if config is None:
        model = model.to(check_device(device))
    return model.eval().requires_grad_(False)


def load_base(
    source: str | None = None,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    attn_implementation: str = "sdpa",
    progress: Progress = silent,
) -> LoadedBase:
    """Load a base from any source that `resolve_base` knows; under 3 s once it is in the cache.

    Raises `BaseError`, `FetchError`, `DigestError`, `StorageError`, or `ConfigError` for a device that is not there.
    """
    check_device(device)
    path = resolve_base(source, progress=progress, later=True)
    for again in (True, False):
        try:
            layout = layout_of(path)
            tokenizer = load_tokenizer(path)
            model = load_model(path, device=device, dtype=dtype, attn_implementation=attn_implementation)
            loaded = LoadedBase(model, tokenizer, layout, fingerprint(path), path, eos_ids(model, tokenizer))
        except GenloraError:
            if settled(path):
                raise
        else:
            if settled(path):
                return loaded
        if again:  # from a copy that is made now
            path = resolve_base(source, progress=progress, later=True)
    raise DigestError(f"{path}: damaged again as soon as it was made. Check the disk: genlora doctor --deep")
