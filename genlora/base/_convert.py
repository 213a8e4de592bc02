"""GGUF to a model folder, once: safetensors, tokenizer.json, config and chat template in the cache."""

import logging
import os
from pathlib import Path
from typing import Any

from genlora.cache import cache_dir, staged, usable
from genlora.files import canonical_json, sha256_file, storage_errors
from genlora.progress import Progress, silent

from ._files import META_FILE, alone
from ._quiet import library_errors, quiet_transformers

log = logging.getLogger(__name__)

CONVERTER = 1
"""Part of the folder's name: a better conversion never reuses an older one's folder."""


def conversion_of(digest: str) -> Path:
    """Where the conversion of the file with this SHA-256 lies, or would lie."""
    return cache_dir() / "models" / f"{digest[:32]}-v{CONVERTER}"


def converted(digest: str, *, later: bool = False) -> Path | None:
    """The folder that an earlier conversion of the file with this SHA-256 made, if it is there and whole.

    A damaged one is thrown away; with `later`, ask `settled` whether the weights fit.
    """
    folder = conversion_of(digest)
    return folder if usable(folder, later=later) else None


def _gguf_facts(path: Path) -> dict[str, str]:
    """What the file says of itself: name, licence, and the quantisation of most of its matrices."""
    from collections import Counter

    from gguf import GGUFReader

    with library_errors(f"{path}: not a readable GGUF file", "Fetch it again, or give another base."):
        reader = GGUFReader(path)
        fields = {k: reader.fields[k].contents() for k in ("general.name", "general.license") if k in reader.fields}
        kinds = Counter(t.tensor_type.name for t in reader.tensors if len(t.shape) > 1)
    grid = kinds.most_common(1)[0][0] if kinds else ""
    return {
        "name": str(fields.get("general.name") or path.stem),
        "licence": str(fields.get("general.license") or "unknown"),
        "grid": "" if grid in ("F32", "F16", "BF16") else grid,
    }


def _drop_quantiser(model: Any) -> None:
    """The weights are plain floats now: what says they are quantised must not be saved."""
    model.hf_quantizer = None
    model._is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _convert(path: Path, stage: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    advice = "Expected a llama, qwen2, mistral or gemma3 model with a whole tokenizer; give another base."
    # Alone, because an adapter or a config beside the file would be read too.
    with quiet_transformers(), alone([path]) as folder:
        with library_errors(f"{path}: this GGUF file cannot be converted", advice):
            options: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True}
            tokenizer = AutoTokenizer.from_pretrained(str(folder), **options)
            model: Any = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, **options)
        _drop_quantiser(model)
        with storage_errors(stage, 4 * model.num_parameters()):
            model.save_pretrained(stage, max_shard_size="100GB")
            tokenizer.save_pretrained(stage)


def convert_gguf(
    path: Path, *, digest: str | None = None, meta: dict[str, Any] | None = None, progress: Progress = silent
) -> Path:
    """The folder that holds `path` as float32 safetensors; made on the first call (20 s and more), then found.

    `digest` is the file's SHA-256 where the caller has verified it, so that it need not be read again; `meta` holds
    a name and licence to record instead of the file's own. Raises `BaseError` or `StorageError`.
    """
    digest = digest or sha256_file(path)
    made = converted(digest)
    if made is not None:
        return made
    folder = conversion_of(digest)
    facts = _gguf_facts(path) | (meta or {})
    log.info("converting %s once into %s", path.name, folder)
    progress(f"converting {path.name}", 0, 0)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with staged(folder) as stage:
        _convert(path, stage)
        with storage_errors(stage):
            (stage / META_FILE).write_bytes(canonical_json(facts | {"gguf_sha256": digest, "gguf": path.name}))
            for file in stage.iterdir():
                file.chmod(0o644)
    progress(f"converting {path.name}", 1, 1)
    return folder
