"""Fitting on the stream, from tasks to an artefact: `fewshot`, and the hypernetwork that starts from it.

The artefact is written after every look at validation as well as at the end, so that a run that never ends is of use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genlora.bank import TaskEmbedder
from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.generators import Artefact, BasesConfig, load_artefact, save_artefact, widened
from genlora.tasks import Task
from genlora.tasks.stream import input_types, operations

from ..loop._lightning import Fitted, FitTick, fit
from ..rows._routed import FactorSetter, routed
from ._config import StreamConfig
from ._fewshot import FewshotFit, FewshotSteps, validation_dialogues, zero_start
from ._hypernet_bases import HypernetBasesConfig, HypernetBasesFit, HypernetSteps, validation_told
from ._readers import DescriptionReader, EmbedderReader, TurnReader
from ._steps import Ahead
from ._stream_fit import StreamFit


@dataclass(frozen=True, kw_only=True)
class FitStreamOptions:
    """How long to train, and where."""

    config: StreamConfig
    run: Path
    steps: int
    start: Path | None = None
    """A `fewshot` artefact whose weights the run begins with; its optimiser's history is not kept."""
    device: str = "cpu"
    devices: int = 1
    workers: int = 0
    """Processes that draw the stream ahead; none draws in the training process."""
    minutes: float | None = None
    """Of this call; None for as long as the steps take."""
    cool_down: float = 0.2
    """Last share of the steps, and of the minutes, in which the learning rate falls to zero."""
    every_checkpoint: int = 25
    every_validation: int = 150
    on_tick: Callable[[FitTick], None] | None = None


@dataclass(frozen=True)
class FitStreamReport:
    """How it went."""

    fitted: Fitted
    artefact: Artefact
    waited_s: float
    """Time spent waiting for sequences to be drawn."""


def fit_fewshot(
    base: LoadedBase,
    tasks: Sequence[Task],
    validation: Sequence[Task],
    embedder: str,
    options: FitStreamOptions,
    out: Path | None = None,
) -> FitStreamReport:
    """Fit `fewshot` on the stream and on `tasks`; the artefact holds the running mean of the weights.

    `embedder` is the id of the embedder that the bank's neighbours are found with. Raises what `fit` raises.
    """
    config = options.config
    base.model.requires_grad_(False)
    begun = _begun(options, base)
    held = {
        source: [d for _, _, d in found] for source, found in validation_dialogues(base, validation, config).items()
    }
    drawn = Ahead(FewshotSteps(base, tasks, config), workers=options.workers, stride=options.devices)
    with routed(base.model, base.layout, config.targets, config.scale) as setter:
        module = FewshotFit(base, setter, drawn, held, None if begun is None else begun.tensors)

        def artefact() -> Artefact:
            return Artefact(
                kind="fewshot",
                config={"targets": list(config.targets), "scale": config.scale, "rank": config.rank},
                tensors={k: v.to("cpu", torch.float16) for k, v in module.weights().items()},
                layout=base.layout,
                base=base.fingerprint.to_json(),
                embedder=embedder,
                record=_record("fewshot", module, tasks, validation, begun),
            )

        return _fit("fewshot", module, drawn, options, {}, artefact, out)


def fit_hypernet_bases(
    base: LoadedBase,
    tasks: Sequence[Task],
    validation: Sequence[Task],
    embedder: TaskEmbedder,
    options: FitStreamOptions,
    out: Path | None = None,
    *,
    network: dict[str, Any] | None = None,
    readers: Sequence[str] = ("embedder",),
    embedder_id: str = "",
) -> FitStreamReport:
    """Fit the hypernetwork over shared bases around a `fewshot` artefact, or around an adapter that is zero.

    `network` holds settings of `BasesConfig`, `readers` names what reads the descriptions; a rank above the start's
    widens it; `embedder_id` is what to record where `embedder` is a copy in another number format.
    Raises `ConfigError` for settings that do not fit, and what `fit` raises.
    """
    config = options.config
    if not isinstance(config, HypernetBasesConfig):
        raise ConfigError(f"the settings are {type(config).__name__}, expected HypernetBasesConfig.")
    base.model.requires_grad_(False)
    begun = _begun(options, base)
    if config.kl and begun is None:
        raise ConfigError("a teacher was asked for and there is none: the run starts from no fewshot artefact.")
    held = validation_told(base, validation, config)
    drawn = Ahead(HypernetSteps(base, tasks, config), workers=options.workers, stride=options.devices)
    torch.manual_seed(config.seed)
    with routed(base.model, base.layout, config.targets, config.scale) as setter:
        reading = [_reader(name, base, setter, embedder) for name in readers]
        sizes = BasesConfig(readers={r.name: r.dim for r in reading}, scale=config.scale, **(network or {}))
        start = zero_start(base, config) if begun is None else widened(begun.tensors, config.rank)
        module = HypernetBasesFit(base, setter, drawn, reading, sizes, start, held)

        def artefact() -> Artefact:
            return Artefact(
                kind="hypernet-bases",
                config={"targets": list(config.targets), "network": sizes.to_json()},
                tensors={k: v.to("cpu", torch.float16) for k, v in module.weights().items()},
                layout=base.layout,
                base=base.fingerprint.to_json(),
                embedder=embedder_id or embedder.id,
                record=_record("hypernet-bases", module, tasks, validation, begun)
                | {"start": "" if begun is None else begun.digest},
            )

        return _fit("hypernet-bases", module, drawn, options, sizes.to_json(), artefact, out)


def _reader(name: str, base: LoadedBase, setter: FactorSetter, embedder: TaskEmbedder) -> DescriptionReader:
    match name:
        case "embedder":
            return EmbedderReader(embedder, base.device)
        case "base":
            return TurnReader(base, setter)
    raise ConfigError(f"no reader {name[:40]!r}; choose from embedder, base.")


def _begun(options: FitStreamOptions, base: LoadedBase) -> Artefact | None:
    """The artefact a run begins with, if it fits the settings. Raises `ConfigError`, `BaseMismatchError`."""
    if options.start is None:
        return None
    found = load_artefact(options.start, "fewshot").require(base.layout, where=str(options.start))
    c = options.config
    ours = {"targets": sorted(c.targets), "scale": c.scale}
    theirs = {"targets": sorted(found.config["targets"]), "scale": float(found.config["scale"])}
    narrower = isinstance(c, HypernetBasesConfig) and c.rank >= found.config["rank"]
    if ours != theirs or not (narrower or c.rank == found.config["rank"]):
        raise ConfigError(
            f"{options.start}: of rank {found.config['rank']} on {', '.join(theirs['targets'])} at scale "
            f"{theirs['scale']}; the run is set to rank {c.rank} on {', '.join(ours['targets'])} at {c.scale}. "
            "Give the same settings, or start from nothing."
        )
    return found


def _fit(
    kind: str,
    module: StreamFit,
    drawn: Ahead[Any],
    options: FitStreamOptions,
    network: dict[str, Any],
    artefact: Callable[[], Artefact],
    out: Path | None,
) -> FitStreamReport:
    def on_tick(tick: FitTick) -> None:
        if out is not None and any("/" in name for name in tick.losses):
            save_artefact(out, artefact(), replace=True)
        if options.on_tick is not None:
            options.on_tick(tick)

    config = {"kind": kind, "fit": options.config.to_json()} | ({"network": network} if network else {})
    try:
        fitted = fit(
            module,
            run=options.run,
            steps=options.steps,
            config=config,
            seed=options.config.seed,
            device=options.device,
            devices=options.devices,
            every_checkpoint=options.every_checkpoint,
            every_validation=options.every_validation,
            minutes=options.minutes,
            cool_down=options.cool_down,
            on_tick=on_tick,
        )
    finally:
        drawn.close()
    made = artefact()
    if out is not None and fitted.rank == 0:
        save_artefact(out, made, replace=True)
    return FitStreamReport(fitted, made, drawn.waited_s)


def _record(
    kind: str, module: StreamFit, tasks: Sequence[Task], validation: Sequence[Task], begun: Artefact | None
) -> dict[str, Any]:
    """What an artefact tells of its training: of this run, and of what it began with."""
    c = module.config
    before: dict[str, Any] = {} if begun is None else dict(begun.record)
    looks = before.get("history", []) if begun is not None and begun.kind == kind else []
    return {
        "tokens": module.tokens + int(before.get("tokens", 0)),
        "own_tokens": module.tokens,
        "sequences": module.seen * 4 * c.half_groups + int(before.get("sequences", 0)),
        "stream": {"operations": len(operations()), "input_types": len(input_types()), "specs": c.specs},
        "fit": c.to_json(),
        "tasks": sorted(t.name for t in tasks),
        "validation_tasks": sorted(t.name for t in validation),
        "history": [*looks, *({k: round(v, 4) for k, v in h.items()} for h in module.history)],
        "licences": sorted({"Apache-2.0", *(t.licence for t in tasks)}),
    }
