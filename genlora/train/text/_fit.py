"""Training the text generators: tasks, bank and base in, an artefact out that needs no base to generate."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlora.bank import Bank
from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.generators import (
    CODE_EXTRA,
    CODE_PREFIX,
    Artefact,
    NetworkConfig,
    expert_codes,
    load_artefact,
    neighbour_code,
    save_artefact,
)
from genlora.tasks import Task

from ..loop._lightning import Fitted, FitTick, fit
from ..rows._routed import FactorSetter, routed
from ._modules import FitConfig, FitData, HypernetFit, MultitaskFit, TextFit
from ._task_batches import TaskBatches, description_vectors
from ._teacher import Experts

log = logging.getLogger(__name__)

SEARCH = 24
"""Neighbours looked at before the task itself and its siblings are left out."""


@dataclass(frozen=True, kw_only=True)
class FitTextOptions:
    """What to fit and where."""

    kind: str
    """multitask, multitask-described or hypernet."""
    config: FitConfig
    run: Path
    network: NetworkConfig | None = None
    start: Path | None = None
    """The multi-task artefact a hypernetwork starts from."""
    device: str = "cpu"
    devices: int = 1
    every_checkpoint: int = 50
    on_tick: Callable[[FitTick], None] | None = None


@dataclass(frozen=True)
class FitTextReport:
    """How it went."""

    folder: Path
    fitted: Fitted
    record: dict[str, Any]


def fit_text(
    base: LoadedBase,
    bank: Bank,
    tasks: Sequence[Task],
    validation: Sequence[Task],
    embedder: Any,
    options: FitTextOptions,
    out: Path,
) -> FitTextReport:
    """Fit a text generator on `tasks`, choose by `validation` tasks, write the artefact to `out`.

    Raises `ConfigError` for a hypernetwork without a start, and what `fit` raises.
    """
    if options.kind == "hypernet" and options.start is None:
        raise ConfigError("a hypernetwork starts from a multi-task adapter. Train one first: genlora train multitask")
    config = options.config
    base.model.requires_grad_(False)
    with routed(base.model, base.layout, config.targets, config.scale) as setter:
        train = TaskBatches(base, tasks, config.batches)
        held = TaskBatches(base, validation, config.batches, split="validation")
        for batches in (train, held):
            for name, why in batches.left_out.items():
                log.info("%s is left out: %s", name, why)

        def embed(texts: Sequence[str]) -> Any:
            return embedder.embed(texts, batch_size=32)

        known = [train.tasks[n] for n in train.names]
        unseen = [held.tasks[n] for n in held.names]
        vectors = description_vectors(known, embed) | description_vectors(unseen, embed, unseen=True)
        experts = None
        if config.kl or config.align:
            experts = Experts({n: bank.state(n) for n in bank.names() if n in train.tasks}, base.layout, config.targets)
        if experts is not None and config.kl:
            experts.record(base, train, setter, scale=config.scale)
        codes: dict[str, Tensor] = {}
        rows: dict[str, Tensor] = {}
        network = options.network or NetworkConfig(scale=config.scale)
        if options.kind == "hypernet" and network.code_dim:
            codes, rows = neighbour_codes(bank, vectors, [*known, *unseen], network.code_dim - CODE_EXTRA)
        data = FitData(base, train, held, vectors, experts, codes)
        module, start_record = _module(options, data, setter, network)
        module.keep_in(options.run)
        fitted = fit(
            module,
            run=options.run,
            steps=config.steps,
            config={"kind": options.kind, "fit": config.to_json(), "network": network.to_json()},
            seed=config.batches.seed,
            device=options.device,
            devices=options.devices,
            every_checkpoint=options.every_checkpoint,
            every_validation=config.eval_every,
            clip=config.clip,
            on_tick=options.on_tick,
        )
        if module.best is not None and config.keep == "best":
            module.load_state_dict(module.best[1])
        figures = module.validate_tasks(described=config.batches.described == 1)
    record = {
        "steps": fitted.steps,
        "tokens": module.tokens + int(start_record.get("tokens", 0)),
        "own_tokens": module.tokens,
        "fit": config.to_json(),
        "tasks": list(train.names),
        "validation_tasks": list(held.names),
        "validation": {k: {a: round(b, 4) for a, b in v.items()} for k, v in figures.items()},
        "history": [{"step": n, **{k: round(v, 4) for k, v in h.items()}} for n, h in sorted(module.history.items())],
        "licences": sorted({t.licence for t in known}),
    }
    artefact = _artefact(options, module, base, bank, embedder.id, network, rows, record)
    if fitted.rank == 0:
        save_artefact(out, artefact, replace=True)
    return FitTextReport(out, fitted, record)


def _module(
    options: FitTextOptions, data: FitData, setter: FactorSetter, network: NetworkConfig
) -> tuple[TextFit, dict[str, Any]]:
    torch.manual_seed(options.config.batches.seed)
    if options.kind != "hypernet":
        return MultitaskFit(options.config, data, setter), {}
    assert options.start is not None
    begun = load_artefact(options.start, "multitask").require(data.base.layout, where=str(options.start))
    start = {k: v.float() for k, v in begun.tensors.items()}
    return HypernetFit(options.config, data, setter, network, start), dict(begun.record)


def neighbour_codes(
    bank: Bank, vectors: dict[str, Tensor], tasks: Sequence[Task], dim: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Codes of each description's neighbours, without the task itself and its siblings; and the experts' own codes."""
    rows = expert_codes({n: bank.state(n) for n in bank.names()}, dim)
    parents = {n: bank.get(n).parent for n in bank.names()}
    out = {}
    for task in tasks:
        made = []
        for vector in vectors[task.name]:
            found = [
                (n.name, round(n.similarity, 6))
                for n in bank.search(vector.numpy(), SEARCH)
                if n.name != task.name and parents[n.name] != task.parent
            ]
            made.append(torch.from_numpy(neighbour_code(found, rows, dim)))
        out[task.name] = torch.stack(made)
    return out, {n: torch.from_numpy(r) for n, r in rows.items()}


def _artefact(
    options: FitTextOptions,
    module: TextFit,
    base: LoadedBase,
    bank: Bank,
    embedder: str,
    network: NetworkConfig,
    rows: dict[str, Tensor],
    record: dict[str, Any],
) -> Artefact:
    config: dict[str, Any] = {"targets": list(options.config.targets), "scale": options.config.scale}
    if isinstance(module, HypernetFit):
        tensors = {k: v.detach() for k, v in module.network.state_dict().items()}
        tensors |= {f"{CODE_PREFIX}{n}": r for n, r in rows.items()}
        config["network"] = network.to_json()
    else:
        assert isinstance(module, MultitaskFit)
        tensors = module.start_tensors()
    return Artefact(
        kind=options.kind,
        config=config,
        tensors={k: v.to(torch.float16) for k, v in tensors.items()},
        layout=base.layout,
        base=base.fingerprint.to_json(),
        embedder=embedder,
        statistics={"bank_generation": bank.generation, "experts": len(bank)},
        record=record,
    )
