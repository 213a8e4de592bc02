"""The tables that `auto` reads: how each way of answering did on requests whose truth is known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genlora.adapter import AdapterState
from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.evaluate import (
    ReferenceRequest,
    calibration_error,
    rate_experts,
    rate_fewshot,
    read_descriptions,
    spearman,
)
from genlora.generators import (
    CANDIDATES,
    SHOWN,
    Artefact,
    ExpectedAccuracy,
    Neighbourhood,
    Request,
    Rows,
    Stopwatch,
    TaskRows,
    WayTable,
    card_rows,
    fit_table,
    gap,
    input_similarity,
    nearness,
    neighbourhood,
    newness,
    own_score,
    save_artefact,
    table_name,
)

from .._genlora import GenLora
from .._inputs import centre_of

Floats = NDArray[np.float64]

RESAMPLES = 2000
INPUTS = 8
"""Inputs of each request whose mean is compared with that of an expert's."""
_TOGETHER = 12
"""Questions of the same-task test in one batch."""
OWN_DESCRIPTIONS = 3
"""Of an expert, whose mean is what the same-task test compares with."""


def fit_auto(
    lora: GenLora,
    base: LoadedBase,
    requests: Sequence[ReferenceRequest],
    out: Path,
    *,
    apart: Sequence[ReferenceRequest] = (),
    on_answer: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Ask every request (see `reference_requests`) in every way and write the tables to `out`; returns the record.

    `apart` are requests without rows, which only look like a stored task: for them every expert is wrong, and nothing
    is asked but the same-task test. The rows of that test are the samples on the experts' cards; without any, `auto`
    chooses by vectors alone. Raises `UnknownGeneratorError` where `fewshot` has not been trained, `ConfigError` where
    the requests are for fewer than two tasks.
    """
    calibration = lora.engine("aggregate").calibration  # not `auto`'s: tables that cannot be read are fitted anew
    fewshot = lora.engine("fewshot")
    tasks = len({r.name for r in requests})
    if tasks < 2:
        raise ConfigError(f"requests for {tasks} tasks to calibrate on; expected two at least, and better a hundred.")
    said = [r.description for r in (*requests, *apart)]
    vectors = np.stack([lora.embed(text)[0] for text in said])
    nears = [
        neighbourhood(lora.bank, calibration, Request(description=text), v, Stopwatch())
        for text, v in zip(said, vectors, strict=True)
    ]
    pairs = [(i, at) for i, n in enumerate(nears) for at in range(min(CANDIDATES, len(n.found)))]
    names = [nears[i].found[at].name for i, at in pairs]
    rows = {name: found for name in lora.bank.names() if (found := card_rows(lora.bank.get(name)))}
    centres = input_centres(lora)
    real = sum(i < len(requests) for i, _ in pairs)
    alike = [
        input_similarity(centre_of(lora, [e.input for e in requests[i].examples[:INPUTS]]), centres[n])
        if n in centres and i < len(requests)
        else None
        for (i, _), n in zip(pairs, names, strict=True)
    ]
    steps = [len(rows), len(pairs) if rows else 0, real, len(requests)]

    def told(stage: int) -> Callable[[int], None]:
        return lambda done: on_answer(sum(steps[:stage]) + done, sum(steps))

    known = _known_rows(lora, base, fewshot.state, rows, told(0))
    read = [(said[i], n) for (i, _), n in zip(pairs, names, strict=True)]
    gaps = _gaps(base, fewshot.state, read, known, told(1))
    experts = {n: lora.bank.state(n) for n in set(names)}
    asked = [(n, requests[i]) for (i, _), n in zip(pairs[:real], names, strict=False)]
    right = np.array([*rate_experts(base, experts, asked, on_answer=told(2)), *[0.0] * (len(pairs) - real)])
    few = rate_fewshot(base, fewshot.state, requests, on_request=told(3))
    found = _Found(lora, [*requests, *apart], vectors.astype(np.float64), nears, pairs, names, gaps, alike, right, few)
    tables = found.tables()
    record = {
        "requests": found.told([*requests, *apart]),
        "fewshot": fewshot.artefact.digest,
        **found.judged(tables, requests),
    }
    artefact = Artefact(
        kind="auto",
        config={
            "ways": {way: {"bandwidth": t.bandwidth, "prior": t.prior} for way, t in tables.items()},
            "rows": {n: {"rows": [list(r) for r in k.rows], "own": round(k.own, 4)} for n, k in sorted(known.items())},
            **({"inputs": list(centres)} if centres else {}),
        },
        tensors=_tensors(tables, centres),
        layout=base.layout,
        base=base.fingerprint.to_json(),
        embedder=lora.embedder.id,
        statistics={"experts": len(lora.bank)},
        record=record,
    )
    save_artefact(out, artefact, replace=True)
    return record


def _tensors(tables: Mapping[str, WayTable], centres: Mapping[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    """The tables and the experts' inputs as the artefact holds them."""
    held: dict[str, NDArray[Any]] = {f"{way}.features": t.features for way, t in tables.items()}
    held |= {f"{way}.right": t.right for way, t in tables.items()}
    if centres:
        held["inputs"] = np.stack(list(centres.values()))
    return {name: torch.from_numpy(values).to(torch.float16) for name, values in held.items()}


def input_centres(lora: GenLora) -> dict[str, NDArray[np.float32]]:
    """{expert: unit mean of the inputs on its card}, rounded as the tables keep it."""
    rows = {name: card_rows(lora.bank.get(name), None) for name in sorted(lora.bank.names())}
    return {
        name: centre_of(lora, [x for x, _ in found]).astype(np.float16).astype(np.float32)
        for name, found in rows.items()
        if found
    }


def _known_rows(
    lora: GenLora,
    base: LoadedBase,
    state: AdapterState,
    rows: Mapping[str, Rows],
    on_expert: Callable[[int], None],
) -> dict[str, TaskRows]:
    """The rows of each expert, with what its own descriptions make of them."""
    out = {}
    for done, name in enumerate(sorted(rows), 1):
        said = lora.bank.get(name).descriptions[:OWN_DESCRIPTIONS]
        found = read_descriptions(base, state, [(d, rows[name]) for d in said])
        out[name] = TaskRows(rows[name], float(np.mean(found)))
        on_expert(done)
    return out


def _gaps(
    base: LoadedBase,
    state: AdapterState,
    questions: Sequence[tuple[str, str]],
    known: Mapping[str, TaskRows],
    on_answer: Callable[[int], None],
) -> list[float | None]:
    """The same-task test for each (description, expert); None where no rows are known."""
    out: list[float | None] = []
    for start in range(0, len(questions), _TOGETHER):
        some = questions[start : start + _TOGETHER]
        asked = [(said, known[name].rows) for said, name in some if name in known]
        read = iter(read_descriptions(base, state, asked) if asked else [])
        out += [gap(next(read), known[name]) if name in known else None for _, name in some]
        if known:
            on_answer(len(out))
    return out


class _Found:
    """What was found for every request, and the tables and judgements that follow."""

    def __init__(
        self,
        lora: GenLora,
        requests: Sequence[ReferenceRequest],
        vectors: Floats,
        nears: Sequence[Neighbourhood],
        pairs: Sequence[tuple[int, int]],
        names: Sequence[str],
        gaps: Sequence[float | None],
        alike: Sequence[float | None],
        right: Floats,
        few: Sequence[Mapping[int, float]],
    ) -> None:
        self.names, self.gaps, self.alike, self.right = names, gaps, alike, right
        self.real = len(few)
        """So many of the requests have rows; those behind them count for the experts' tables alone."""
        number = {task: n for n, task in enumerate(dict.fromkeys(r.name for r in requests))}
        self.task = np.array([number[r.name] for r in requests])
        """Of each request: a task in two wordings is one, and is judged by others alone."""
        self.of = np.array([i for i, _ in pairs])
        self.first = np.array([p for p, (_, at) in enumerate(pairs) if at == 0])
        self.own = np.array([own_score(lora.bank, name) or 1.0 for name in names])
        self.kept = np.clip(right / np.maximum(self.own, 1e-6), 0.0, 1.0)
        self.few = {k: np.array([shares[k] for shares in few]) for k in SHOWN}
        near = [
            nearness(lora.bank, vectors[i].astype(np.float32), nears[i], at, gap=g, inputs=a)
            for (i, at), g, a in zip(pairs, gaps, alike, strict=True)
        ]
        self.similar = np.array([n.centre for n in near])
        self.near = near
        self.members: dict[str, dict[int, int]] = {}
        """Of each expert's table: {pair: its row}."""
        read = [[g for p in self._pairs_of(i) if (g := gaps[p]) is not None] for i in range(len(requests))]
        self.new = [
            newness(lora.bank, v.astype(np.float32), n, found) for v, n, found in zip(vectors, nears, read, strict=True)
        ]
        self.judged_by_gap = [i for i, found in enumerate(read[: self.real]) if found]

    def _pairs_of(self, request: int) -> list[int]:
        return np.flatnonzero(self.of == request).tolist()

    def _alike(self, request: int) -> list[int]:
        """The requests for the same task, this one too."""
        return np.flatnonzero(self.task == self.task[request]).tolist()

    def _x(self, pair: int, *, quick: bool, inputs: bool) -> Floats:
        near = self.near[pair]
        return replace(near, gap=None if quick else near.gap, inputs=near.inputs if inputs else None).features

    def tables(self) -> dict[str, WayTable]:
        tasks = self.task.tolist()
        every = range(len(self.names))
        judged = [p for p in every if self.gaps[p] is not None]
        alike = [p for p in every if self.alike[p] is not None]
        out = {}
        for quick, inputs, pairs in (
            (True, False, self.first.tolist()),
            (False, False, judged),
            (True, True, alike),
            (False, True, [p for p in judged if self.alike[p] is not None]),
        ):
            if pairs:
                name = table_name("expert", quick=quick, inputs=inputs)
                features = np.stack([self._x(p, quick=quick, inputs=inputs) for p in pairs])
                out[name] = fit_table(features, self.kept[pairs], self.task[self.of[pairs]].tolist())
                self.members[name] = {p: place for place, p in enumerate(pairs)}
        nearest = np.stack([self._x(p, quick=True, inputs=False) for p in self.first[: self.real]])
        for k, share in self.few.items():
            out[table_name("fewshot", k)] = fit_table(nearest, share, tasks[: self.real])
            if some := self.judged_by_gap:
                features = np.stack([self.new[i] for i in some])
                out[table_name("fewshot", k, quick=False)] = fit_table(features, share[some], self.task[some].tolist())
        return out

    def told(self, requests: Sequence[ReferenceRequest]) -> list[dict[str, Any]]:
        """One entry a request, for the record."""
        return [
            {
                "name": r.name,
                "source": r.source,
                "own": r.own,
                "experts": [
                    {
                        "name": self.names[p],
                        "similarity": round(float(self.similar[p]), 4),
                        "gap": self.gaps[p],
                        "inputs_alike": self.alike[p],
                        "right": round(float(self.right[p]), 4),
                    }
                    for p in self._pairs_of(i)
                ],
                **{f"fewshot-{k}": round(float(share[i]), 4) for k, share in self.few.items() if i < self.real},
            }
            for i, r in enumerate(requests)
        ]

    def _chosen(
        self, tables: Mapping[str, WayTable], *, quick: bool, inputs: bool
    ) -> tuple[NDArray[np.int64], list[Any]]:
        """For each request the pair whose expert is expected to keep most, read from the other requests, and that."""
        best, said = [], []
        for i, first in enumerate(self.first[: self.real]):
            options, alike = [], [q for j in self._alike(i) for q in self._pairs_of(j)]
            for p in self._pairs_of(i):
                blind, given = quick or self.gaps[p] is None, inputs and self.alike[p] is not None
                if blind and not given and p != first:
                    continue
                name = table_name("expert", quick=blind, inputs=given)
                mine = [place for q in alike if (place := self.members[name].get(q)) is not None]
                options.append((p, tables[name].expect(self._x(p, quick=blind, inputs=given), without=mine)))
            p, expected = max(options, key=lambda o: (o[1].value * self.own[o[0]], -o[0]))
            best.append(p)
            said.append(expected)
        return np.array(best), said

    def _few(self, tables: Mapping[str, WayTable], *, quick: bool) -> list[ExpectedAccuracy]:
        """What the few-shot adapter is expected to get of each request without examples, read from other tasks."""
        place = {i: n for n, i in enumerate(self.judged_by_gap)}
        out = []
        for i, first in enumerate(self.first[: self.real]):
            if quick or i not in place:
                table = tables[table_name("fewshot")]
                without = [j for j in self._alike(i) if j < self.real]
                out.append(table.expect(self._x(int(first), quick=True, inputs=False), without=without))
            else:
                without = [place[j] for j in self._alike(i) if j in place]
                out.append(tables[table_name("fewshot", quick=False)].expect(self.new[i], without=without))
        return out

    def judged(self, tables: Mapping[str, WayTable], requests: Sequence[ReferenceRequest]) -> dict[str, Any]:
        """Choice, calibration error and rank correlation of the tables; each request is read from other tasks."""
        sources = np.array([r.source for r in requests])
        zero = "fewshot-0"
        ways = {
            "nearest expert": self.right[self.first[: self.real]],
            **{f"fewshot-{k}": share for k, share in self.few.items()},
        }
        ways["auto, quick"], quick = self._judge(tables, requests, quick=True)
        ways["auto"], figures = ways["auto, quick"], quick
        if table_name("expert", quick=False) in tables:
            ways["auto"], figures = self._judge(tables, requests, quick=False)
        with_inputs = {}
        if table_name("expert", inputs=True) in tables:
            asks = table_name("expert", quick=False, inputs=True) in tables
            ways["auto, with inputs"], with_inputs = self._judge(tables, requests, quick=not asks, inputs=True)
        best = max(("nearest expert", zero), key=lambda way: ways[way].mean())
        drawn = np.random.default_rng(0).integers(0, len(sources), (RESAMPLES, len(sources)))
        gain = (ways["auto"] - ways[best])[drawn].mean(1)
        return {
            "means": {
                str(source): {way: round(float(share[sources == source].mean()), 4) for way, share in ways.items()}
                for source in dict.fromkeys(sources)
            },
            "mean": {way: round(float(share.mean()), 4) for way, share in ways.items()},
            "gain_over_best_part": {
                "part": best,
                "mean": round(float((ways["auto"] - ways[best]).mean()), 4),
                "interval": [round(float(q), 4) for q in np.quantile(gain, [0.05, 0.95])],
            },
            **figures,
            "quick": quick,
            "with_inputs": with_inputs,
        }

    def _judge(
        self,
        tables: Mapping[str, WayTable],
        requests: Sequence[ReferenceRequest],
        *,
        quick: bool,
        inputs: bool = False,
    ) -> tuple[Floats, dict[str, Any]]:
        """What `auto` gets on each request, and how well it knew."""
        pairs, kept = self._chosen(tables, quick=quick, inputs=inputs)
        own, few = self.own[pairs], self._few(tables, quick=quick)
        takes = np.array([k.value * o >= f.value for k, o, f in zip(kept, own, few, strict=True)])
        answers = np.where(takes, self.right[pairs], self.few[0])
        ends = [
            (k.low * o, k.value * o, k.high * o) if t else (f.low, f.value, f.high)
            for t, k, o, f in zip(takes, kept, own, few, strict=True)
        ]
        said = [value for _, value, _ in ends]
        inside = np.mean([low - 1e-9 <= a <= high + 1e-9 for (low, _, high), a in zip(ends, answers, strict=True)])
        correlation = spearman(said, list(answers))
        sources = np.array([r.source for r in requests])
        rightly = np.array([self.names[p] == r.own for p, r in zip(pairs, requests, strict=True)])
        return answers, {
            "expert_used": {str(s): round(float(takes[sources == s].mean()), 4) for s in dict.fromkeys(sources)},
            "expert_rightly": {
                str(s): round(float((takes & rightly)[sources == s].mean()), 4)
                for s in dict.fromkeys(sources)
                if any(r.own for r in requests if r.source == s)
            },
            "calibration_error": round(calibration_error(said, list(answers)), 4),
            "rank_correlation": round(correlation, 4) if np.isfinite(correlation) else None,
            "inside_the_interval": round(float(inside), 4),
        }
