"""The tables that `auto` reads: how each way of answering did on requests whose truth is known."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.evaluate import ReferenceRequest, calibration_error, rate_experts, rate_fewshot, spearman
from genlora.generators import (
    SHOWN,
    Artefact,
    AutoGenerator,
    Request,
    Stopwatch,
    WayTable,
    fit_table,
    nearness,
    neighbourhood,
    own_score,
    save_artefact,
    table_name,
)

from ._genlora import GenLora

RESAMPLES = 2000


def fit_auto(
    lora: GenLora,
    base: LoadedBase,
    requests: Sequence[ReferenceRequest],
    out: Path,
    *,
    on_request: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Ask every request (see `reference_requests`) in every way and write the tables to `out`; returns the record.

    Raises `UnknownGeneratorError` where `fewshot` has not been trained, `ConfigError` where there is no request.
    """
    engine: AutoGenerator = lora.engine("auto")
    fewshot = lora.engine("fewshot")
    if len(requests) < 2:
        raise ConfigError(f"{len(requests)} requests to calibrate on; expected two at least, and better a hundred.")
    vectors = np.stack([lora.embed(r.description)[0] for r in requests]).astype(np.float64)
    nears = [
        neighbourhood(engine.library, engine.calibration, Request(description=r.description), v, Stopwatch())
        for r, v in zip(requests, vectors.astype(np.float32), strict=True)
    ]
    chosen = [n.found[0].name for n in nears]
    close = np.stack([nearness(lora.bank, v, n).features for v, n in zip(vectors, nears, strict=True)])
    total = 2 * len(requests)

    def told(done: int) -> None:
        if on_request is not None:
            on_request(done, total)

    experts = {n: lora.bank.state(n) for n in set(chosen)}
    expert = np.array(rate_experts(base, experts, chosen, requests, on_request=told))
    few = rate_fewshot(base, fewshot.state, requests, on_request=lambda done: told(len(requests) + done))
    own = np.array([own_score(lora.bank, name) or 1.0 for name in chosen])
    tables = {"expert": fit_table(close, np.clip(expert / np.maximum(own, 1e-6), 0.0, 1.0))}
    right = {"expert": expert}
    for k in SHOWN:
        right[table_name("fewshot", k)] = np.array([shares[k] for shares in few])
        tables[table_name("fewshot", k)] = fit_table(vectors, right[table_name("fewshot", k)])
    record = {
        "requests": [
            {
                "name": r.name,
                "source": r.source,
                "nearest": c,
                "own": r.own,
                "similarity": round(float(x[0]) / 5, 4),
                **{way: round(float(found[i]), 4) for way, found in right.items()},
            }
            for i, (r, c, x) in enumerate(zip(requests, chosen, close, strict=True))
        ],
        "fewshot": fewshot.artefact.digest,
        **_judged(tables, right, own, [r.source for r in requests]),
    }
    artefact = Artefact(
        kind="auto",
        config={"ways": {way: {"bandwidth": t.bandwidth, "prior": t.prior} for way, t in tables.items()}},
        tensors={
            name: tensor
            for way, t in tables.items()
            for name, tensor in (
                (f"{way}.features", torch.from_numpy(t.features).to(torch.float16)),
                (f"{way}.right", torch.from_numpy(t.right).to(torch.float16)),
            )
        },
        layout=base.layout,
        base=base.fingerprint.to_json(),
        embedder=lora.embedder.id,
        statistics={"experts": len(lora.bank)},
        record=record,
    )
    save_artefact(out, artefact, replace=True)
    return record


def _judged(
    tables: dict[str, WayTable], right: dict[str, np.ndarray], own: np.ndarray, sources: list[str]
) -> dict[str, Any]:
    """How good the tables are, each request read from the others: choice, calibration error, rank correlation."""
    n = len(sources)
    read = {way: [t.expect(x, without=i) for i, x in enumerate(t.features)] for way, t in tables.items()}
    value = {way: np.array([e.value for e in found]) for way, found in read.items()}
    value["expert"] = value["expert"] * own
    zero = table_name("fewshot")
    takes = np.where(value["expert"] >= value[zero], 0, 1)
    auto = np.where(takes == 0, right["expert"], right[zero])
    said = np.where(takes == 0, value["expert"], value[zero])
    ends = [
        [e.low * (own[i] if t == 0 else 1), e.high * (own[i] if t == 0 else 1)]
        for i, t in enumerate(takes)
        for e in [read["expert" if t == 0 else zero][i]]
    ]
    inside = np.mean([low - 1e-9 <= a <= high + 1e-9 for (low, high), a in zip(ends, auto, strict=True)])
    best = max(("expert", zero), key=lambda way: right[way].mean())
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    gain = (auto - right[best])[drawn].mean(1)
    correlation = spearman(list(said), list(auto))
    ways = {**right, "auto": auto}
    return {
        "means": {
            source: {way: round(float(found[[s == source for s in sources]].mean()), 4) for way, found in ways.items()}
            for source in dict.fromkeys(sources)
        },
        "mean": {way: round(float(found.mean()), 4) for way, found in ways.items()},
        "gain_over_best_part": {
            "part": best,
            "mean": round(float((auto - right[best]).mean()), 4),
            "interval": [round(float(q), 4) for q in np.quantile(gain, [0.05, 0.95])],
        },
        "calibration_error": round(calibration_error(list(said), list(auto)), 4),
        "rank_correlation": round(correlation, 4) if np.isfinite(correlation) else None,
        "inside_the_interval": round(float(inside), 4),
    }
