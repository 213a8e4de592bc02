"""Loading a base: model, tokenizer, layout, fingerprint and stop tokens as one value."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genlora.adapter import BaseLayout
from genlora.errors import BaseError, ConfigError

from ._files import CONFIG, alone, base_files, token_files
from ._fingerprint import Fingerprint, fingerprint, same_tokens, template_digest, template_of
from ._headers import read_config
from ._layout import bare_layout
from ._quiet import library_errors, quiet_transformers

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
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    config = [p for p in (path / CONFIG,) if p.is_file()]  # some tokenizers are chosen by the model's kind
    with quiet_transformers(), alone([*token_files(path), *config]) as folder:
        with library_errors(f"{path}: its tokenizer cannot be loaded", "Fetch or convert the base anew."):
            options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **options)
            if not _as_in_its_file(tokenizer, folder):
                # Classes of single families put the tokenizer together anew, and not always as its file says.
                tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), **options)
            same = _as_in_its_file(tokenizer, folder)
        if not same:
            raise BaseError(
                f"{path}: its tokenizer_config.json makes another tokenizer than its tokenizer.json holds. Save it "
                "anew with AutoTokenizer.from_pretrained(...).save_pretrained(folder), or fetch the base anew."
            )
        _check_template(tokenizer, path)
    tokenizer.name_or_path = str(path)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _as_in_its_file(tokenizer: Any, folder: Path) -> bool:
    inner = getattr(tokenizer, "backend_tokenizer", None)
    return inner is not None and same_tokens(inner, folder)


def _check_template(tokenizer: Any, path: Path) -> None:
    """Raise `BaseError` unless the template that was loaded is the one that the fingerprint was made of."""
    if template_digest(tokenizer.chat_template) != template_of(path):
        raise BaseError(
            f"{path}: the chat template that is loaded is not the one in its files. Keep one template, as "
            "chat_template.jinja, or fetch the base anew."
        )


def eos_ids(model: nn.Module, tokenizer: Any) -> tuple[int, ...]:
    """Every token that ends an answer: the model's, the tokenizer's, and the template's end of turn."""
    found: set[int] = set()
    for config in (getattr(model, "generation_config", None), getattr(model, "config", None)):
        value = getattr(config, "eos_token_id", None)
        found.update(v for v in (value if isinstance(value, (list, tuple)) else [value]) if type(v) is int)
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

    Nothing but the base's own files is read (see `base_files`), and all of its weights must be there: what is missing
    would be drawn at random. Raises `BaseError`.
    """
    from transformers import AutoModelForCausalLM

    files = base_files(path)
    extra: dict[str, Any] = {} if config is None else {"quantization_config": config, "device_map": device}
    with quiet_transformers(), files.alone() as folder:
        with library_errors(f"{path}: cannot be loaded", _advice(path)):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                attn_implementation=attn_implementation,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # refused below, in words
                **extra,
            )
            model, info = loaded
    _check_whole(info, path)
    model.name_or_path = model.config.name_or_path = str(path)
    if config is None:
        model = model.to(check_device(device))
    return model.eval().requires_grad_(False)


def _advice(path: Path) -> str:
    """What to do where a base cannot be loaded."""
    found = read_config(path).get("quantization_config")
    if not found:
        return "Fetch or convert the base anew."
    method = str(found.get("quant_method", "unknown"))[:40] if isinstance(found, dict) else "unknown"
    return (
        f"Its weights are quantised ({method}), and this machine lacks what that needs: install it, or give the base "
        "in floating point."
    )


def _check_whole(info: dict[str, Any], path: Path) -> None:
    """Raise `BaseError` where weights were missing or of other shapes; what the model has no place for is told."""
    lacking = sorted(map(str, info.get("missing_keys") or ()))
    if lacking:
        raise BaseError(
            f"{path}: the weights lack {lacking[0][:120]} ({len(lacking)} such), which config.json asks for. The "
            "download was cut short, or config and weights are of different models; fetch the base anew."
        )
    if info.get("mismatched_keys") or info.get("error_msgs"):
        wrong = next(iter(info.get("mismatched_keys") or info["error_msgs"]))
        raise BaseError(
            f"{path}: weights and config.json disagree ({str(wrong)[:160]}). They are of different models; fetch the "
            "base anew."
        )
    if unused := sorted(map(str, info.get("unexpected_keys") or ())):
        log.warning("%s: the model has no place for %d of its tensors, first %s", path, len(unused), unused[0])
