"""Loading a base without transformers, where it is plain enough."""

import json
from pathlib import Path

import torch

from genlora.errors import BaseError, DigestError

from .._files import GENERATION, base_files
from .._fingerprint import fingerprint, template_digest, template_of
from .._headers import read_config
from .._load import LoadedBase, eos_ids, layout_of
from .._quiet import library_errors
from ._model import LeanConfig, LeanLlama
from ._tokenizer import LeanTokenizer

_AGAIN = "Fetch or convert the base anew."


def load_lean(path: Path, *, dtype: torch.dtype = torch.float32) -> LoadedBase | None:
    """The base in a folder, for answering on the CPU; None for one that only transformers can load.

    Raises `BaseError` as `load_base` does, for weights that are missing or of other shapes.
    """
    config = LeanConfig.read(read_config(path), str(path))
    tokenizer = None if config is None else LeanTokenizer.read(path)
    if config is None or tokenizer is None:
        return None
    layout, files = layout_of(path), base_files(path)
    if template_digest(tokenizer.chat_template) != template_of(path):
        raise DigestError(f"{path}: its chat template changed while it was read. Try again.")
    before = files.stamp()
    with torch.device("meta"):
        model = LeanLlama(config)
    weights = _weights(files.weights, dtype, path)
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights.get("model.embed_tokens.weight", torch.empty(0))
    wanted = {name: tuple(p.shape) for name, p in model.named_parameters()}
    for name, shape in wanted.items():
        if name not in weights or tuple(weights[name].shape) != shape:
            found = tuple(weights[name].shape) if name in weights else "nothing"
            raise BaseError(f"{path}: {name} is {found} in the weights, config.json asks for {shape}. {_AGAIN}")
    model.load_state_dict({name: weights[name] for name in wanted}, assign=True)
    if (path / GENERATION).is_file():
        with library_errors(f"{path / GENERATION}: cannot be read", _AGAIN):
            told = json.loads((path / GENERATION).read_text(encoding="utf-8"))
            model.generation_config.eos_token_id = told.get("eos_token_id")
    if files.stamp() != before:
        raise BaseError(f"{path}: changed while it was read. Is another program writing there? Try again.")
    model.eval().requires_grad_(False)
    return LoadedBase(model, tokenizer, layout, fingerprint(path), path, eos_ids(model, tokenizer))


def _weights(files: tuple[Path, ...], dtype: torch.dtype, path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    out: dict[str, torch.Tensor] = {}
    with library_errors(f"{path}: cannot be loaded", _AGAIN):
        for file in files:
            out |= load_file(file)
    return {name: tensor.to(dtype) for name, tensor in out.items()}
