"""From labelled examples: which adapter to start from, and how far to go from there.

Starts are compared by their loss on the examples, all in one batch. The best one is then refined (`_bayes`) on one half
of the examples while the other half tells when to stop, and the other way round; what is returned goes on from the mean
of the two (Wortsman et al. 2022, arXiv 2203.05482) for a few steps on all of them. So every example is once left out,
and the share answered right is an estimate that no answer was trained on. Of many examples one part is left out for
good instead.

Of few examples only the upper half of the layers is refined: what the lower half makes of the rows is then computed
once, and a step costs half. On the validation tasks it gives the same accuracy (benchmarks/RESULTS.md).

Rows as turns before each other (test-time training, arXiv 2411.07279) did not pay: the adapter is asked without them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from genlora.adapter import AdapterState
from genlora.base import LoadedBase
from genlora.errors import TaskError
from genlora.tasks import Example

from ._bayes import Factors, adapt, factors_of, state_of
from ._refine import MOST_PACKS, PACK_TOKENS, RefinePrior
from .rows._dialogues import Dialogue, batch_of, pack_of
from .rows._losses import LabelLosses, label_losses, rows_right
from .rows._packing import Batch, Row, encode_rows
from .rows._routed import FactorSetter, routed
from .rows._upper import Upper, layers_of

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
    few = len(examples) <= FOLDED
    fitter = _Fitter(base, start, prior, description, seed, on_step, halved=few)
    if not few:
        held, rest = _apart(examples)
        steps = max(_LEAST_STEPS, _LOOK * round(_EPOCHS * len(rest) / _ROWS_PER_STEP / _LOOK))
        fitter.total = steps
        looks, means = fitter.looked(rest, held, steps)
        best = _best(looks)
        state = fitter.state(means[best]) if best else start.state
        return Fitted(state, best * _LOOK, looks[best].right, looks[0].rows, looks[0].right)
    one, two = examples[::2], examples[1::2]
    fitter.total = 2 * _HALF_STEPS + _MORE
    (first, means), (second, others) = fitter.looked(one, two, _HALF_STEPS), fitter.looked(two, one, _HALF_STEPS)
    both = [a + b for a, b in zip(first, second, strict=False)]
    best, state, steps = _best(both), start.state, 0
    if best:
        state = fitter.state(fitter.refined(examples, _between(means[best], others[best])))
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
    """Refines one start on several sets of rows: all of its layers, or the upper half."""

    def __init__(
        self,
        base: LoadedBase,
        start: Start,
        prior: RefinePrior,
        description: str | None,
        seed: int,
        on_step: Callable[[int, int], None],
        *,
        halved: bool,
    ) -> None:
        self.base = base
        self.start = start
        self.prior = prior
        self.description = description if start.described else None
        self.seed = seed
        self._whole = factors_of(start.state, base.layout, prior.targets, prior.rank)
        layers = len(layers_of(base.model))
        if any(len(a) != layers for a, _ in self._whole.values()):
            layers = 0  # not one of each module in every layer
        self._first = layers // 2 if halved else 0
        self._upper = Upper(base.model, self._first) if self._first else None
        self.mean = self._above(self._whole)
        self.total = 0
        """Steps of all runs, at most."""
        self._on_step = on_step
        self._done = 0

    def _above(self, pairs: Factors) -> Factors:
        """Of the layers that are refined."""
        return {k: (a[self._first :], b[self._first :]) for k, (a, b) in pairs.items()}

    def state(self, mean: Factors) -> AdapterState:
        """The adapter with these factors in the layers that are refined, and the start's below."""
        n = self._first
        whole = {
            k: (torch.cat([self._whole[k][0][:n], a]), torch.cat([self._whole[k][1][:n], b]))
            for k, (a, b) in mean.items()
        }
        return state_of(whole, self.base.layout)

    def looked(
        self, train: Sequence[Example], held: Sequence[Example], steps: int
    ) -> tuple[list[_Look], list[Factors]]:
        """The looks at `held` while refining on `train`, until they get no better, and the factors then."""
        looks, means = [], []
        with self._routed() as setter:
            rows = self._rows(held)

            def look(done: int, mean: Factors) -> bool:
                if done % _LOOK:
                    return False
                looks.append(self._look(rows, mean, setter))
                means.append(mean)
                return len(looks) - 1 - _best(looks) >= _PATIENCE

            self._run(train, self.mean, steps, setter, look)
        return looks, means

    def refined(self, train: Sequence[Example], mean: Factors) -> Factors:
        """The factors `_MORE` steps on `train` after `mean`."""
        found = [mean]
        with self._routed() as setter:
            self._run(train, mean, _MORE, setter, lambda done, now: found.append(now) or False)
        return found[-1]

    @contextmanager
    def _routed(self) -> Iterator[FactorSetter]:
        """The start on the base, for all packs alike."""
        with routed(self.base.model, self.base.layout, self.prior.targets, 1.0) as setter:
            setter.route(_one(self._whole))
            yield setter

    def _rows(self, examples: Sequence[Example]) -> list["_Pack"]:
        """Packs of rows, and what the layers below make of them; the start has to be on the base."""
        packs = _packs(self.base, examples, self.description)
        if self._upper is None:
            return [_Pack(p, None) for p in packs]
        out = []
        for i in range(0, len(packs), MOST_PACKS):
            part = packs[i : i + MOST_PACKS]
            hidden = self._upper.below(_batch(self.base, part))
            out += [_Pack(p, h[: len(p)]) for p, h in zip(part, hidden, strict=True)]
        return out

    def _losses(self, rows: Sequence["_Pack"], factors: Factors, setter: FactorSetter) -> tuple[Batch, LabelLosses]:
        """Losses of packs, each under its own factors or all under one."""
        setter.route(factors, self._first)
        batch = _batch(self.base, [r.dialogue for r in rows])
        if self._upper is None:
            return batch, label_losses(self.base.model, batch)
        hidden = pad_sequence([r.hidden for r in rows if r.hidden is not None], batch_first=True)
        with self._upper.given(hidden):
            return batch, label_losses(self.base.model, batch)

    def _run(
        self,
        train: Sequence[Example],
        mean: Factors,
        steps: int,
        setter: FactorSetter,
        look: Callable[[int, Factors], bool],
    ) -> None:
        rows = self._rows(train)
        first = len(_packs(self.base, train[:DIVERSE], self.description))
        samples = min(len(rows), MOST_PACKS)
        done = 0

        def loss(factors: Factors, rng: torch.Generator) -> Tensor:
            nonlocal done
            early = done < _HALF_STEPS  # the telling rows first, then all of them
            pool = rows[:first] if early else rows
            order = torch.randperm(len(pool), generator=rng)[:samples].tolist()
            chosen = [pool[i] for i in order]
            chosen += [chosen[i % len(chosen)] for i in range(samples - len(chosen))]
            done += 1
            self._done += 1
            self._on_step(self._done, self.total)
            return self._losses(chosen, factors, setter)[1].loss.mean().cpu()

        adapt(
            loss,
            mean,
            self._above(self.prior.scales),
            replace(self.prior.inner, steps=steps),
            samples=samples,
            seed=self.seed,
            look=look,
        )

    @torch.no_grad()
    def _look(self, rows: Sequence["_Pack"], mean: Factors, setter: FactorSetter) -> _Look:
        total = _Look(0.0, 0, 0, 0)
        for i in range(0, len(rows), MOST_PACKS):
            batch, found = self._losses(rows[i : i + MOST_PACKS], _one(mean), setter)
            right, _ = rows_right(batch, found.right)
            total += _Look(float(found.loss.sum()), len(found.loss), int(right.sum()), batch.n_rows)
        return total


@dataclass(frozen=True, eq=False)
class _Pack:
    """Rows in one sequence."""

    dialogue: Dialogue
    hidden: Tensor | None
    """(length, hidden): what the layers below make of it; None where all layers are refined."""


def _one(mean: Factors) -> Factors:
    """One adapter for every pack."""
    return {k: (a[None], b[None]) for k, (a, b) in mean.items()}


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
