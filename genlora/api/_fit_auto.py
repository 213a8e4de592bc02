"""What `auto` needs to know, chosen on validation tasks for each prompt mode: a blend's shares, two bounds on coverage.

Requests are the unseen descriptions of validation tasks, which nobody trained, and of the bank's own tasks, which users
ask for in other words. Each is answered in every way `auto` can choose; answers are rated by forcing, on the tasks'
validation split. The shares are those that validation tasks answer best with. A bound is taken where moving it gains
most, and only if that gain is certain enough.
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
from genlora.generators import (
    Artefact,
    AutoGenerator,
    AutoRule,
    Choice,
    Generated,
    Neighbourhood,
    PromptMode,
    Request,
    Stopwatch,
    Vector,
    neighbourhood,
    save_artefact,
)
from genlora.tasks import Task

from ._genlora import GenLora

BLENDS: dict[PromptMode, tuple[tuple[float, float], ...]] = {
    "bare": ((0.25, 0.0), (0.5, 0.0), (0.25, 0.25), (0.5, 0.25), (0.25, 0.5)),
    "described": ((0.25, 0.0), (0.25, 0.25), (0.25, 0.5), (0.0, 0.5), (0.0, 0.75), (0.0, 1.0)),
}
"""Shares (of the nearest experts, of the described multi-task adapter) that are tried beside the hypernetwork alone."""
_SINGLE: tuple[Choice, ...] = ("hypernet", "multitask", "nearest")
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
    scores: dict[PromptMode, dict[str, float]]
    """Share of answers right, by prompt mode and way of making the adapter."""


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
    """Choose shares and bounds and write the artefact to `out`; the record, with every request's scores.

    Raises `UnknownGeneratorError` where a candidate has not been trained, and `ConfigError` without tasks.
    """
    engine = lora.engine("auto")
    names = set(lora.bank.names())
    requests = [(t, d, False) for t in validation for d in t.unseen_descriptions]
    requests += [(t, t.unseen_descriptions[0], True) for t in known if t.name in names]
    if not requests:
        raise ConfigError("no validation task and no task of the bank to choose bounds on. Name others: --words FOLDER")
    asked = []
    for number, (task, text, held) in enumerate(requests):
        rows = held_out(task, examples, split="validation")
        vector, _ = lora.embed(text)
        near = neighbourhood(engine.library, engine.calibration, Request(description=text), vector, Stopwatch())
        scores: dict[PromptMode, dict[str, float]] = {}
        for prompt in BLENDS:
            scores[prompt] = {}
            for way, made in _answers(engine, Request(description=text, prompt=prompt), vector, near).items():
                with with_adapter(base, made.adapter):
                    told = text if prompt == "described" else None
                    scores[prompt][way] = round(forced_score(base, rows, description=told)[0], 4)
        asked.append(Asked(task.name, text, held, round(near.coverage.value, 4), scores))
        if on_request is not None:
            on_request(number + 1, len(requests))
    config = {prompt: rule(asked, prompt) for prompt in BLENDS}
    groups = (("validation", False), ("bank", True))
    record = {
        "examples": examples,
        "rule": config,
        "artefacts": {k: lora.engine(k).artefact.digest for k in ("hypernet", "multitask", "multitask-described")},
        "requests": [asdict(a) for a in asked],
        "means": {
            prompt: {
                group: {k: round(float(np.mean([a.scores[prompt][k] for a in part])), 4) for k in ways}
                for group, held in groups
                if (part := [a for a in asked if a.held == held])
            }
            for prompt, ways in asked[0].scores.items()
        },
    }
    artefact = Artefact(
        kind="auto", config=config, tensors={}, layout=base.layout, base=base.fingerprint.to_json(),
        embedder=lora.embedder.id, statistics={"experts": len(names)}, record=record,
    )  # fmt: skip
    save_artefact(out, artefact, replace=True)
    return record


def _answers(engine: AutoGenerator, request: Request, vector: Vector, near: Neighbourhood) -> dict[str, Generated]:
    """Every adapter that `auto` could choose; `blend-E-D` with the experts' share E and the described adapter's D."""
    out = {k: engine.make(k, request, vector, near) for k in _SINGLE}
    blends = BLENDS[request.prompt]
    return out | {
        _blend(e, d): engine.blend(request, vector, near, AutoRule(experts=e, described=d)) for e, d in blends
    }


def rule(asked: Sequence[Asked], prompt: PromptMode) -> dict[str, float]:
    """The artefact's rule for a prompt mode: both shares, and `held` and `unsupported` where they are supported."""
    judges = [a for a in asked if not a.held] or asked
    means = {b: float(np.mean([a.scores[prompt][_blend(*b)] for a in judges])) for b in ((0.0, 0.0), *BLENDS[prompt])}
    experts, described = best = max(means, key=lambda b: means[b])
    out = {k: share for k, share in (("experts", experts), ("described", described)) if share}
    held = bound(asked, prompt, "nearest", _blend(*best), above=True)
    unsupported = bound(asked, prompt, "multitask", _blend(*best), above=False)
    if held is not None:
        out["held"] = held
    if unsupported is not None and (held is None or unsupported <= held):
        out["unsupported"] = unsupported
    return out


def _blend(experts: float, described: float) -> str:
    return f"blend-{experts}-{described}" if experts or described else "hypernet"


def bound(asked: Sequence[Asked], prompt: PromptMode, kind: str, rival: str, *, above: bool) -> float | None:
    """The coverage from which on (or under which) `kind` answers better than `rival`, or None.

    Of all bounds between two requests the one with the largest summed gain among those whose gain is certain, and which
    tasks outside the bank do not pay for: descriptions of stored tasks are many, and would outvote them.
    """
    coverage = np.array([a.coverage for a in asked])
    gain = np.array([a.scores[prompt][kind] - a.scores[prompt][rival] for a in asked])
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
