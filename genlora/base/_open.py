"""Loading a base from any source, by transformers or without it."""

import torch

from genlora.cache import settled
from genlora.errors import DigestError, GenloraError
from genlora.progress import Progress, silent

from ._fingerprint import fingerprint
from ._load import LoadedBase, check_device, eos_ids, layout_of, load_model, load_tokenizer
from ._sources import resolve_base
from .lean._load import load_lean


def load_base(
    source: str | None = None,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    attn_implementation: str = "sdpa",
    lean: bool = False,
    progress: Progress = silent,
) -> LoadedBase:
    """Load a base from any source that `resolve_base` knows; under 3 s once it is in the cache.

    With `lean` it is to answer, on the CPU: without transformers where it is of the Llama family (`genlora.base.lean`),
    which saves its import, half of a short run, and a third of a step's time. Its model takes adapters, and adapters
    can be fitted on it; what transformers and PEFT have beyond that it lacks.

    Raises `BaseError`, `FetchError`, `DigestError`, `StorageError`, or `ConfigError` for a device that is not there.
    """
    check_device(device)
    path = resolve_base(source, progress=progress, later=True)
    for again in (True, False):
        try:
            loaded = load_lean(path, dtype=dtype) if lean and device == "cpu" else None
            if loaded is None:
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
