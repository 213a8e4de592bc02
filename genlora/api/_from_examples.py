"""An adapter from labelled examples: the best start by its loss on them, refined while left-out ones gain.

Starts are the bank's nearest experts and what the trained generators make of the description; without a description,
the `cvae`'s draw for the examples and the experts nearest to that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlora.bank import Bank
from genlora.errors import BaseMismatchError, ConfigError, UnknownGeneratorError
from genlora.generators import ExpectedAccuracy, Generated, Request, Stopwatch, measured, one_thread
from genlora.progress import Progress, silent
from genlora.tasks import Example
from genlora.train import DIVERSE, LEAST, Fitted, InnerConfig, RefinePrior, Start, fit_examples, start_losses

from ._places import generator_artefact
from ._refine import MAX_EXAMPLES, MAX_REFINED, Labelled, RequestExamples, read_labelled

EXPERTS = 4
"""Nearest experts that are looked at."""
_TRAINED = ("fewshot", "hypernet")
SHARE = 0.02
"""Deviations of a form that the `abmll` artefact does not hold, in units of the start's own factors. At 0.3 the first
steps destroyed a few-shot adapter of many tokens (validation tasks; benchmarks/RESULTS.md, "From examples").
"""
_EMBEDDED = 256


Vectors = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors of texts, (n, dim)."""


class Maker(Protocol):
    """What is needed of a `GenLora`."""

    @property
    def bank(self) -> Bank: ...
    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]: ...
    def engine(self, kind: str | None = None) -> Any: ...


@dataclass(frozen=True)
class _Choice:
    start: Start
    generated: Generated
    """What its generator says of it."""


def examples_of(
    source: Path | Sequence[Example] | None, generator: str | None, *, described: bool, alone: bool
) -> tuple[Labelled | None, bool]:
    """The labelled examples of a request, and whether the cvae draws for them; `alone`, where it has no others.

    Raises `TaskError`, and `ConfigError` for options that do not go with them.
    """
    if source is None:
        return None, False
    if generator not in (None, "auto", "cvae"):
        raise ConfigError(
            "with examples the start is the best by its loss on them; only the generator cvae draws from them instead, "
            f"not {generator!r}. Leave --generator out."
        )
    draw = generator == "cvae"
    if not draw and not alone:
        raise ConfigError("an adapter is fitted to its examples already: leave out shots and refine, or examples.")
    found = read_labelled(source, MAX_REFINED if draw else MAX_EXAMPLES)
    return found, draw or (not described and len(found.examples) < LEAST)


def fit_request(
    lora: Maker,
    labelled: RequestExamples,
    request: Request,
    vector: NDArray[np.float32] | None,
    watch: Stopwatch,
    progress: Progress = silent,
) -> Generated:
    """The refined adapter of the best start; `vector` is the description's, None where there is none.

    Raises `TrainingError`, `UnknownGeneratorError` where there is nothing to start from.
    """
    assert labelled.examples is not None
    with watch("starts"), one_thread():
        found = _choices(lora, labelled, request, vector, watch)
        examples = diverse_first(lora.vectors, labelled.examples.examples)
    with watch("compare"):
        losses = start_losses(labelled.base, [c.start for c in found], examples, description=request.description)
    best = min(range(len(found)), key=lambda i: (losses[i], i))
    chosen = found[best].start
    with watch("fit"):
        fitted = fit_examples(
            labelled.base,
            chosen,
            examples,
            _prior(lora, labelled, chosen),
            description=request.description,
            seed=request.seed,
            on_step=lambda done, total: progress("fit", done, total),
        )
    order = sorted(range(len(found)), key=lambda i: (losses[i], i))
    told = {
        "chosen": chosen.name,
        "why": "loss on the examples: " + ", ".join(f"{found[i].start.name} {losses[i]:.2f}" for i in order[:4]),
        "fitted": fitted.to_json(),
        "examples": labelled.examples.told(),
    }
    generated = found[best].generated
    return replace(
        generated,
        adapter=fitted.state,
        discarded=0.0,
        dtype="float32",
        expected=_expected(fitted),
        advice={},
        warnings=(),  # the figure says it all
        prompt="described" if chosen.described else "bare",
        made_by={**generated.made_by, **told},
    )


def _expected(fitted: Fitted) -> ExpectedAccuracy:
    """The share of left-out examples answered right, by the rule of succession, with Wilson's interval of 80 %."""
    value = (fitted.right + 1) / (fitted.rows + 2)
    return replace(measured(fitted.right, fitted.rows), value=round(value, 3))


def _choices(
    lora: Maker,
    labelled: RequestExamples,
    request: Request,
    vector: NDArray[np.float32] | None,
    watch: Stopwatch,
) -> list[_Choice]:
    """What could be started from."""
    wide = replace(request, top_k=max(EXPERTS, request.top_k))
    out: list[_Choice] = []
    if vector is None:
        near = labelled.drawn(lora.engine("cvae"), wide, watch)
        out.append(_Choice(Start("cvae", near.adapter, described=False), near))
    else:
        near = lora.engine("aggregate").generate(wide, vector)
        for kind in _TRAINED:
            try:
                made = lora.engine(kind).generate(request, vector)
            except (UnknownGeneratorError, BaseMismatchError):
                continue  # it has not been trained for this base
            described = (request.prompt or made.prompt) == "described"
            if described or made.prompt == "bare":  # bare, it would not know what is wanted
                out.append(_Choice(Start(kind, made.adapter, described), made))
    for n in near.neighbours[:EXPERTS]:
        alone = replace(
            near,
            adapter=lora.bank.state(n.name),
            neighbours=(replace(n, weight=1.0),),
            spread=0.0,
            made_by={},
            licences=(),
        )
        out.append(_Choice(Start(n.name, alone.adapter, described=request.prompt == "described"), alone))
    return out


def _prior(lora: Maker, labelled: RequestExamples, start: Start) -> RefinePrior:
    """How far the start may move: what `abmll` learned for adapters of its form, else a share of its own factors."""
    layout = labelled.base.layout
    try:
        learned = RefinePrior.read(generator_artefact("abmll", lora.bank), layout)
    except (UnknownGeneratorError, BaseMismatchError):
        return RefinePrior.around(start.state, layout, share=SHARE, inner=InnerConfig())
    here = {m.path for m in layout.of(learned.targets)}
    if here == set(start.state) and all(p.rank <= learned.rank for p in start.state.values()):
        return learned
    return RefinePrior.around(start.state, layout, share=SHARE, inner=learned.inner)


def diverse_first(vectors: Vectors, examples: Sequence[Example]) -> tuple[Example, ...]:
    """`examples` with `DIVERSE` in front whose inputs are far from each other (k-centre, Gonzalez 1985)."""
    if len(examples) <= DIVERSE:
        return tuple(examples)
    rows = vectors([e.input for e in examples[:_EMBEDDED]])
    picked = [int((rows @ rows.mean(0)).argmax())]
    nearest = rows @ rows[picked[0]]
    while len(picked) < DIVERSE:
        nearest[picked] = np.inf
        picked.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, rows @ rows[picked[-1]])
    rest = [i for i in range(len(examples)) if i not in set(picked)]
    return tuple(examples[i] for i in (*picked, *rest))
