"""From labelled examples: which adapter to start from, and how far to go from there.

Starts are compared by their loss on the examples, all in one batch. The best one is then refined (`_bayes`) on one half
of the examples while the other half tells when to stop, and the other way round; what is returned goes on from the mean
of the two (Wortsman et al. 2022, arXiv 2203.05482) for a few steps on all of them. So every example is once left out,
and the share answered right is an estimate that no answer was trained on. Of many examples one part is left out for
good instead.

Rows as turns before each other (test-time training, arXiv 2411.07279) did not pay: the adapter is asked without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import torch
from torch import Tensor

from genlora.adapter import AdapterState
from genlora.base import LoadedBase
from genlora.errors import TaskError
from genlora.tasks import Example

from ._bayes import Factors, adapt, factors_of, state_of
from ._refine import MOST_PACKS, PACK_TOKENS, RefinePrior
from .rows._dialogues import Dialogue, batch_of, pack_of
from .rows._losses import label_losses, rows_right
from .rows._packing import Batch, Row, encode_rows
from .rows._routed import FactorSetter, routed

DIVERSE = 16
"""Examples that the first steps see."""
COMPARED = 8
"""Of them, those that starts are compared on."""
LEAST = 4
"""Fewer examples than this train nothing: they go into the prompt."""
FOLDED = 64
"""Up to so many examples each is left out once; of more, a part is left out for good."""
_HALF_STEPS = 6
"""Steps on each half at most."""
_MORE = 2
"""Steps on all of them after that."""
_LEAST_STEPS = 12
"""Steps at most where one part is left out, if the examples are few enough."""
_ROWS_PER_STEP = 48
_EPOCHS = 2
_LOOK = 2
"""Steps between two looks at the left-out rows."""
_PATIENCE = 2
"""Looks without a better loss before it stops: the first steps of Adam often lose before they gain."""
_MAX_TOKENS = 512
"""Longest prompt and answer."""


@dataclass(frozen=True, eq=False)
class Start:
    """An adapter to begin with."""

    name: str
    state: AdapterState
    described: bool
    """Whether it is asked with the description before the input."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """The refined adapter, and what it was worth on rows that were left out."""

    state: AdapterState
    steps: int
    """Steps it took; none where the start was best as it was."""
    right: int
    """Left-out rows whose every answer token was the most likely one."""
    rows: int
    """Rows that were left out."""
    before: int
    """How many of these the start answered right."""

    def to_json(self) -> dict[str, int]:
        """Steps, and the left-out rows: all, answered right, and by the start."""
        return {"steps": self.steps, "left_out": self.rows, "right": self.right, "before": self.before}


def start_losses(
    base: LoadedBase, starts: Sequence[Start], examples: Sequence[Example], *, description: str | None
) -> list[float]:
    """The mean label loss of each start on the first `COMPARED` examples (or what fits into a pack), in one forward."""
    leaves = tuple(dict.fromkeys(m.leaf for m in base.layout.modules if any(m.path in s.state for s in starts)))
    packs = [_packs(base, examples[:COMPARED], description if s.described else None)[0] for s in starts]
    with torch.inference_mode(), routed(base.model, base.layout, leaves, 1.0) as setter:
        setter.route(_side_by_side([s.state for s in starts], base, leaves))
        batch = _batch(base, packs)
        loss = label_losses(base.model, batch).loss
    return [float(loss[batch.owner == i].mean()) for i in range(len(starts))]


def fit_examples(
    base: LoadedBase,
    start: Start,
    examples: Sequence[Example],
    prior: RefinePrior,
    *,
    description: str | None,
    seed: int = 0,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """`start`, refined on `examples` for as long as left-out ones gain from it.

    Args:
        base: loaded, and left as it was.
        start: the adapter to begin with, and how it is asked.
        examples: four or more, the telling ones first: half of them is left out in turn, so neighbours in the order
            should not be alike.
        prior: deviations per layer and direction, for the start's form.
        description: what a described start is asked with.
        seed: of the weight noise and of which rows a step takes.
        on_step: told (steps done, steps at most).

    Raises `TaskError` for fewer than four examples, `TrainingError` where a loss is not finite.
    """
    if len(examples) < LEAST:
        raise TaskError(f"{len(examples)} examples, expected {LEAST} or more. Show fewer in the prompt, as shots.")
    fitter = _Fitter(base, start, prior, description, seed, on_step)
    if len(examples) > FOLDED:
        held, rest = _apart(examples)
        steps = max(_LEAST_STEPS, _LOOK * round(_EPOCHS * len(rest) / _ROWS_PER_STEP / _LOOK))
        fitter.total = steps
        looks, means = fitter.looked(rest, held, steps)
        best = _best(looks)
        state = state_of(means[best], base.layout) if best else start.state
        return Fitted(state, best * _LOOK, looks[best].right, looks[0].rows, looks[0].right)
    one, two = examples[::2], examples[1::2]
    fitter.total = 2 * _HALF_STEPS + _MORE
    (first, means), (second, others) = fitter.looked(one, two, _HALF_STEPS), fitter.looked(two, one, _HALF_STEPS)
    both = [a + b for a, b in zip(first, second, strict=False)]
    best, state, steps = _best(both), start.state, 0
    if best:
        state = state_of(fitter.refined(examples, _between(means[best], others[best])), base.layout)
        steps = best * _LOOK + _MORE
    return Fitted(state, steps, both[best].right, both[0].rows, both[0].right)


@dataclass(frozen=True)
class _Look:
    """The left-out rows at one moment."""

    loss: float
    labels: int
    right: int
    rows: int

    def __add__(self, other: "_Look") -> "_Look":
        return _Look(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean(self) -> float:
        return self.loss / max(1, self.labels)


def _best(looks: Sequence[_Look]) -> int:
    return min(range(len(looks)), key=lambda i: (looks[i].mean, i))


def _apart(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """(left out, the rest) of many examples; the first ones are never left out."""
    step = max(4, -(-(len(examples) - DIVERSE) // FOLDED))
    held = list(examples[DIVERSE::step])
    kept = set(range(DIVERSE, len(examples), step))
    return held, [e for i, e in enumerate(examples) if i not in kept]


class _Fitter:
    """Refines one start on several sets of rows."""

    def __init__(
        self,
        base: LoadedBase,
        start: Start,
        prior: RefinePrior,
        description: str | None,
        seed: int,
        on_step: Callable[[int, int], None],
    ) -> None:
        self.base = base
        self.start = start
        self.prior = prior
        self.description = description if start.described else None
        self.seed = seed
        self.mean = factors_of(start.state, base.layout, prior.targets, prior.rank)
        self.total = 0
        """Steps of all runs, at most."""
        self._on_step = on_step
        self._done = 0

    def looked(
        self, train: Sequence[Example], held: Sequence[Example], steps: int
    ) -> tuple[list[_Look], list[Factors]]:
        """The looks at `held` while refining on `train`, until they get no better, and the factors then."""
        packs, looks, means = _packs(self.base, held, self.description), [], []

        def look(done: int, mean: Factors, setter: FactorSetter) -> bool:
            if done % _LOOK:
                return False
            looks.append(self._look(packs, mean, setter))
            means.append(mean)
            return len(looks) - 1 - _best(looks) >= _PATIENCE

        self._run(train, self.mean, steps, look)
        return looks, means

    def refined(self, train: Sequence[Example], mean: Factors) -> Factors:
        """The factors `_MORE` steps on `train` after `mean`."""
        found = [mean]
        self._run(train, mean, _MORE, lambda done, now, _: found.append(now) or False)
        return found[-1]

    def _run(
        self,
        train: Sequence[Example],
        mean: Factors,
        steps: int,
        look: Callable[[int, Factors, FactorSetter], bool],
    ) -> None:
        packs = _packs(self.base, train, self.description)
        first = len(_packs(self.base, train[:DIVERSE], self.description))
        samples = min(len(packs), MOST_PACKS)
        done = 0

        def loss(factors: Factors, rng: torch.Generator) -> Tensor:
            nonlocal done
            early = done < _HALF_STEPS  # the telling rows first, then all of them
            pool = packs[:first] if early else packs
            order = torch.randperm(len(pool), generator=rng)[:samples].tolist()
            chosen = [pool[i] for i in order]
            chosen += [chosen[i % len(chosen)] for i in range(samples - len(chosen))]
            batch = _batch(self.base, chosen)
            setter.route(factors)
            done += 1
            self._done += 1
            self._on_step(self._done, self.total)
            return label_losses(self.base.model, batch).loss.mean().cpu()

        with routed(self.base.model, self.base.layout, self.prior.targets, 1.0) as setter:
            adapt(
                loss,
                mean,
                self.prior.scales,
                replace(self.prior.inner, steps=steps),
                samples=samples,
                seed=self.seed,
                look=lambda n, mean: look(n, mean, setter),
            )

    @torch.no_grad()
    def _look(self, packs: Sequence[Dialogue], mean: Factors, setter: FactorSetter) -> _Look:
        setter.route({k: (a[None], b[None]) for k, (a, b) in mean.items()})
        total = _Look(0.0, 0, 0, 0)
        for i in range(0, len(packs), MOST_PACKS):
            batch = _batch(self.base, packs[i : i + MOST_PACKS])
            found = label_losses(self.base.model, batch)
            right, _ = rows_right(batch, found.right)
            total += _Look(float(found.loss.sum()), len(found.loss), int(right.sum()), batch.n_rows)
        return total


def _between(one: Factors, two: Factors) -> Factors:
    """The mean of two adapters' factors, which began at the same place."""
    return {k: ((a + two[k][0]) / 2, (b + two[k][1]) / 2) for k, (a, b) in one.items()}


def _packs(base: LoadedBase, examples: Sequence[Example], description: str | None) -> list[Dialogue]:
    """Rows in packs, in the order of their first row."""
    encoded = encode_rows(base.tokenizer, examples, description=description, max_tokens=_MAX_TOKENS)
    rows: list[list[Row]] = [[]]
    for row in encoded.rows:
        if rows[-1] and sum(map(len, rows[-1])) + len(row) > PACK_TOKENS:
            rows.append([])
        rows[-1].append(row)
    return [pack_of(encoded.prefix, part) for part in rows]


def _batch(base: LoadedBase, sequences: Sequence[Dialogue]) -> Batch:
    dtype = next(base.model.parameters()).dtype
    return batch_of(sequences, pad=base.tokenizer.pad_token_id or 0, dtype=dtype, device=base.device)


def _side_by_side(
    states: Sequence[AdapterState], base: LoadedBase, leaves: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """{leaf: (A (K, layers, r, d_in), B (K, layers, d_out, r))} of K adapters; zero where one has no such module."""
    rank = max(p.rank for s in states for p in s.values())
    out = {}
    for leaf in leaves:
        modules = base.layout.of((leaf,))
        a = torch.zeros(len(states), len(modules), rank, modules[0].d_in, device=base.device)
        b = torch.zeros(len(states), len(modules), modules[0].d_out, rank, device=base.device)
        for k, state in enumerate(states):
            for i, m in enumerate(modules):
                if m.path in state:
                    pair = state[m.path].folded()
                    a[k, i, : pair.rank], b[k, i, :, : pair.rank] = pair.a, pair.b
        out[leaf] = (a, b)
    return out
