"""Bounds for `auto`, chosen on validation tasks: from which coverage on the bank's experts do better than the network.

Requests are the unseen descriptions of validation tasks, which nobody trained, and of the bank's own tasks, which users
ask for in other words. Each is answered by the three generators `auto` chooses from; answers are rated by forcing, on
the tasks' validation split. A bound is taken where moving it gains most, and only if that gain is certain enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.evaluate import forced_score, held_out, with_adapter
from genlora.generators import Artefact, Request, save_artefact
from genlora.tasks import Task

from ._genlora import GenLora

CANDIDATES = ("aggregate", "hypernet", "multitask")
RESAMPLES = 2000
CERTAIN = 0.1
"""A bound is taken if the gain is positive in all but this share of the resamples of tasks."""


@dataclass(frozen=True)
class Asked:
    """One request, what it was answered with, and how well."""

    task: str
    description: str
    held: bool
    """Whether the bank holds the task."""
    coverage: float
    scores: dict[str, float]
    """Share of answers right, by generator."""


def fit_auto(
    lora: GenLora,
    base: LoadedBase,
    known: Sequence[Task],
    validation: Sequence[Task],
    out: Path,
    *,
    examples: int = 20,
    on_request: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Choose `held` and `unsupported` and write the artefact to `out`; the record, with every request's scores.

    Raises `UnknownGeneratorError` where a candidate has not been trained, and `ConfigError` without tasks.
    """
    engines = {kind: lora.engine(kind) for kind in CANDIDATES}
    names = set(lora.bank.names())
    requests = [(t, d, False) for t in validation for d in t.unseen_descriptions]
    requests += [(t, t.unseen_descriptions[0], True) for t in known if t.name in names]
    if not requests:
        raise ConfigError("no validation task and no task of the bank to choose bounds on. Name others: --words FOLDER")
    asked = []
    for number, (task, text, held) in enumerate(requests):
        rows = held_out(task, examples, split="validation")
        vector, _ = lora.embed(text)
        scores, coverage = {}, 0.0
        for kind, engine in engines.items():
            made = engine.generate(Request(description=text), vector)
            coverage = made.coverage.value
            with with_adapter(base, made.adapter):
                scores[kind] = round(forced_score(base, rows)[0], 4)
        asked.append(Asked(task.name, text, held, round(coverage, 4), scores))
        if on_request is not None:
            on_request(number + 1, len(requests))
    bounds = {
        "held": bound(asked, "aggregate", above=True),
        "unsupported": bound(asked, "multitask", above=False),
    }
    if None not in bounds.values() and bounds["unsupported"] > bounds["held"]:  # type: ignore[operator]
        bounds["unsupported"] = None
    record = {
        "bounds": bounds,
        "examples": examples,
        "artefacts": {k: e.artefact.digest for k, e in engines.items() if hasattr(e, "artefact")},
        "requests": [asdict(a) for a in asked],
        "means": {
            group: {k: round(float(np.mean([a.scores[k] for a in part])), 4) for k in CANDIDATES}
            for group, part in (
                ("validation", [a for a in asked if not a.held]),
                ("bank", [a for a in asked if a.held]),
            )
            if part
        },
    }
    config = {k: v for k, v in bounds.items() if v is not None}
    rule = Artefact(
        kind="auto", config=config, tensors={}, layout=base.layout, base=base.fingerprint.to_json(),
        embedder=lora.embedder.id, statistics={"experts": len(names)}, record=record,
    )  # fmt: skip
    save_artefact(out, rule, replace=True)
    return record


def bound(asked: Sequence[Asked], kind: str, *, above: bool) -> float | None:
    """The coverage from which on (or under which) `kind` answers better than the hypernetwork, or None.

    Of all bounds between two requests the one with the largest summed gain among those whose gain is certain, and which
    tasks outside the bank do not pay for: descriptions of stored tasks are many, and would outvote them.
    """
    coverage = np.array([a.coverage for a in asked])
    gain = np.array([a.scores[kind] - a.scores["hypernet"] for a in asked])
    new = np.array([not a.held for a in asked])
    tasks = np.unique([a.task for a in asked], return_inverse=True)[1]
    drawn = np.random.default_rng(0).integers(0, tasks.max() + 1, (RESAMPLES, tasks.max() + 1))

    def resampled(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(tasks[chosen], gain[chosen], minlength=tasks.max() + 1)[drawn].sum(1)

    found, best = None, 0.0
    for c in sorted({round(float(x), 2) for x in coverage} | {round(float(x) + 0.01, 2) for x in coverage}):
        inside = coverage >= c if above else coverage < c
        total = float(gain[inside].sum())
        if total <= best:
            continue
        certain = (resampled(inside) <= 0).mean() <= CERTAIN
        harmless = (resampled(inside & new) < 0).mean() <= CERTAIN
        if certain and harmless:
            found, best = c, total
    return found
