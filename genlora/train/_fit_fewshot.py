"""Fitting `fewshot` from tasks and the stream to an artefact; goes on from a stopped run, or from an artefact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genlora.base import LoadedBase
from genlora.generators import Artefact, load_artefact, save_artefact
from genlora.tasks import Task
from genlora.tasks.stream import input_types, operations

from ._fewshot import FewshotConfig, FewshotFit, FewshotSteps, validation_dialogues
from ._lightning import Fitted, FitTick, fit
from ._routed import routed


@dataclass(frozen=True, kw_only=True)
class FitFewshotOptions:
    """How long to train, and where."""

    config: FewshotConfig
    run: Path
    steps: int
    start: Path | None = None
    """An artefact whose weights the run begins with; its optimiser's history is not kept."""
    device: str = "cpu"
    devices: int = 1
    every_checkpoint: int = 25
    every_validation: int = 150
    on_tick: Callable[[FitTick], None] | None = None


@dataclass(frozen=True)
class FitFewshotReport:
    """How it went."""

    fitted: Fitted
    artefact: Artefact


def fit_fewshot(
    base: LoadedBase,
    tasks: Sequence[Task],
    validation: Sequence[Task],
    embedder: str,
    options: FitFewshotOptions,
    out: Path | None = None,
) -> FitFewshotReport:
    """Fit `fewshot` on the stream and on `tasks`; the artefact holds the running mean of the weights.

    It is written to `out` after every validation as well as at the end, so that a run that never ends is of use.
    `embedder` is the id of the embedder that the bank's neighbours are found with. Raises what `fit` raises.
    """
    config = options.config
    base.model.requires_grad_(False)
    begun = None if options.start is None else load_artefact(options.start, "fewshot").require(base.layout)
    held = validation_dialogues(base, validation, config)
    with routed(base.model, base.layout, config.targets, config.scale) as setter:
        module = FewshotFit(
            base, setter, FewshotSteps(base, tasks, config), held, None if begun is None else begun.tensors
        )

        def artefact() -> Artefact:
            return _artefact(base, module, tasks, validation, embedder, begun)

        def on_tick(tick: FitTick) -> None:
            if out is not None and any("/" in name for name in tick.losses):
                save_artefact(out, artefact(), replace=True)
            if options.on_tick is not None:
                options.on_tick(tick)

        fitted = fit(
            module,
            run=options.run,
            steps=options.steps,
            config={"kind": "fewshot", "fit": config.to_json()},
            seed=config.seed,
            device=options.device,
            devices=options.devices,
            every_checkpoint=options.every_checkpoint,
            every_validation=options.every_validation,
            on_tick=on_tick,
        )
        made = artefact()
    if out is not None and fitted.rank == 0:
        save_artefact(out, made, replace=True)
    return FitFewshotReport(fitted, made)


def _artefact(
    base: LoadedBase,
    module: FewshotFit,
    tasks: Sequence[Task],
    validation: Sequence[Task],
    embedder: str,
    begun: Artefact | None,
) -> Artefact:
    config = module.config
    before: dict[str, Any] = {} if begun is None else dict(begun.record)
    per_step = 4 * config.half_groups
    record = {
        "tokens": module.tokens + int(before.get("tokens", 0)),
        "sequences": module.seen * per_step + int(before.get("sequences", 0)),
        "stream": {"operations": len(operations()), "input_types": len(input_types()), "specs": config.specs},
        "fit": config.to_json(),
        "tasks": sorted(t.name for t in tasks),
        "validation_tasks": sorted(t.name for t in validation),
        "history": [*before.get("history", []), *({k: round(v, 4) for k, v in h.items()} for h in module.history)],
        "licences": sorted({"Apache-2.0", *(t.licence for t in tasks)}),
    }
    return Artefact(
        kind="fewshot",
        config={"targets": list(config.targets), "scale": config.scale, "rank": config.rank},
        tensors={k: v.to(torch.float16) for k, v in module.weights().items()},
        layout=base.layout,
        base=base.fingerprint.to_json(),
        embedder=embedder,
        record=record,
    )
