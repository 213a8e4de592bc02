"""Fitting the task embedder's factors, and what they are on disk: `embedder.safetensors` and a record of the fit."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from genlora.errors import ManifestError
from genlora.files import canonical_json, old_files, publish_folder, read_json, sha256_bytes, sha256_file
from genlora.ownership import owned
from genlora.tasks import Task

from ._embedder import DescriptionPairs, EmbedderConfig, EmbedderFit, held_triples, load_encoder
from .loop._lightning import FitTick, fit

FORMAT = "genlora-embedder-1"
WEIGHTS = "embedder.safetensors"
RECORD = "embedder.json"


def fit_embedder(
    model: Path,
    tasks: Sequence[Task],
    config: EmbedderConfig,
    run: Path,
    out: Path,
    *,
    start: Path | None = None,
    held: int = 300,
    on_tick: Callable[[FitTick], None] | None = None,
) -> dict[str, Any]:
    """Train factors for the sentence-transformers folder `model` and write them to the folder `out`; the record.

    `start` is an earlier folder to go on from. `held` triples of held-out specs are looked at before and after. Raises
    what `fit` raises.
    """
    old_files(out, own_factors)  # before the hour that training takes
    encoder = load_encoder(model)
    factors = None if start is None else load_file(start / WEIGHTS)
    module = EmbedderFit(encoder, DescriptionPairs(tasks, config), config, held_triples(held), factors)
    before = module.validate()
    history: list[dict[str, float]] = []

    def told(tick: FitTick) -> None:
        if any("/" in name for name in tick.losses):
            history.append({"step": tick.step, **{k.rpartition("/")[2]: round(v, 4) for k, v in tick.losses.items()}})
        if on_tick is not None:
            on_tick(tick)

    fit(
        module,
        run=run,
        steps=config.steps,
        config=config.to_json(),
        seed=config.seed,
        every_checkpoint=50,
        every_validation=100,
        on_tick=told,
    )
    weights = save({k: v.to(torch.float16).contiguous() for k, v in sorted(module.tensors().items())})
    module.detach()
    record = {
        "format": FORMAT,
        "base": sha256_file(model / "model.safetensors"),
        "weights": {"sha256": sha256_bytes(weights), "bytes": len(weights)},
        "record": {
            "steps": config.steps,
            "start": None if start is None else sha256_file(start / WEIGHTS),
            "fit": config.to_json(),
            "before": {k: round(v, 4) for k, v in before.items()},
            "history": history,
            "tasks": sorted(t.name for t in tasks),
            "licences": sorted({"Apache-2.0", *(t.licence for t in tasks)}),
        },
    }
    publish_folder({WEIGHTS: weights, RECORD: canonical_json(record)}, out, replace=own_factors)
    return record


def own_factors(folder: Path) -> list[str]:
    """Names of all files in a folder of factors, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="a task embedder's factors")


def _written(folder: Path) -> dict[str, str | None]:
    record = read_json(folder / RECORD)
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("weights"), dict):
        raise ManifestError(f"{folder / RECORD}: is not a record of the embedder's fit. Choose another folder.")
    return {RECORD: None, WEIGHTS: str(record["weights"].get("sha256"))}
