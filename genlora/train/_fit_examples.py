"""From labelled examples: which adapter to start from, and how far to go from there.

Starts are compared by their loss on the examples, all in one batch. The best one is then refined (`_bayes`) on one half
of the examples while the other half tells when to stop, and the other way round; what is returned was refined on all of
them for as many steps. So every example is once left out, and the share answered right is an estimate that no answer
was trained on. Of many examples one part is left out for good instead.

A start that was trained on turns sees, every other step, its rows as turns: the earlier ones stand before each as
worked examples, never the row itself (leave-one-out rows, as in test-time training, arXiv 2411.07279).
"""

import random
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
from .rows._dialogues import Dialogue, batch_of, dialogue, pack_of
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
_TURNS = 8
_STEPS = 12
"""Steps at most where there are no more than `FOLDED` examples."""
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
    turns: bool = False
    """Whether it was trained on sequences of turns."""


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
        looks, states = fitter.looked(rest, held, keep=True)
        best = _best(looks)
        return Fitted(states[best], best * _LOOK, looks[best].right, looks[0].rows, looks[0].right)
    one, two = examples[::2], examples[1::2]
    first, second = fitter.looked(one, two)[0], fitter.looked(two, one)[0]
    both = [a + b for a, b in zip(first, second, strict=False)]
    best = _best(both)
    state = fitter.refined(examples, best * _LOOK) if best else start.state
    return Fitted(state, best * _LOOK, both[best].right, both[0].rows, both[0].right)


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
        self._on_step = on_step
        self._done = 0

    def looked(
        self, train: Sequence[Example], held: Sequence[Example], *, keep: bool = False
    ) -> tuple[list[_Look], list[AdapterState]]:
        """The looks at `held` while refining on `train`, until they get no better; with `keep` the states then."""
        packs, looks, states = _packs(self.base, held, self.description), [], []

        def look(steps: int, mean: Factors, setter: FactorSetter) -> bool:
            if steps % _LOOK:
                return False
            looks.append(self._look(packs, mean, setter))
            if keep:
                states.append(state_of(mean, self.base.layout))
            return len(looks) - 1 - _best(looks) >= _PATIENCE

        self._run(train, self._steps(train), look)
        return looks, states

    def refined(self, train: Sequence[Example], steps: int) -> AdapterState:
        """The adapter after `steps` steps on `train`."""
        found: list[AdapterState] = []

        def look(done: int, mean: Factors, _: FactorSetter) -> bool:
            if done == steps:
                found.append(state_of(mean, self.base.layout))
            return done >= steps

        self._run(train, self._steps(train), look)
        return found[0]

    def _steps(self, train: Sequence[Example]) -> int:
        return max(_STEPS, _LOOK * round(_EPOCHS * len(train) / _ROWS_PER_STEP / _LOOK))

    def _run(self, train: Sequence[Example], steps: int, look: Callable[[int, Factors, FactorSetter], bool]) -> None:
        packs = _packs(self.base, train, self.description)
        turns = self._turns(train)
        first = len(_packs(self.base, train[:DIVERSE], self.description))
        samples = min(len(packs), MOST_PACKS)
        done = 0

        def loss(factors: Factors, rng: torch.Generator) -> Tensor:
            nonlocal done
            early = done < _STEPS // 2  # the telling rows first, then all of them
            pool = turns if turns and done % 2 else packs[:first] if early else packs
            order = torch.randperm(len(pool), generator=rng)[:samples].tolist()
            chosen = [pool[i] for i in order]
            chosen += [chosen[i % len(chosen)] for i in range(samples - len(chosen))]
            batch = _batch(self.base, chosen)
            setter.route(factors)
            done += 1
            self._done += 1
            self._on_step(done, steps)
            return label_losses(self.base.model, batch).loss.mean().cpu()

        with routed(self.base.model, self.base.layout, self.prior.targets, 1.0) as setter:
            adapt(
                loss,
                self.mean,
                self.prior.scales,
                replace(self.prior.inner, steps=steps),
                samples=samples,
                seed=self.seed,
                look=lambda n, mean: look(n, mean, setter),
            )

    def _turns(self, train: Sequence[Example]) -> list[Dialogue]:
        """`train` twice as sequences of turns, in two orders; none where the start knows no turns."""
        if not self.start.turns:
            return []
        out = []
        plain = [e for e in train if e.output == e.output.strip()]
        for number in range(2):
            order = list(plain)
            random.Random(f"{self.seed} {number}").shuffle(order)
            for i in range(0, len(order), _TURNS):
                made = dialogue(self.base.tokenizer, order[i : i + _TURNS], self.description, max_tokens=_MAX_TOKENS)
                out += [] if made is None else [made]
        return out

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
