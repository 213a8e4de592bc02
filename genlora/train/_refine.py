"""Refining an adapter on a few labelled examples of its task, under the prior of an `abmll` artefact."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from genlora.adapter import AdapterState, BaseLayout
from genlora.base import LoadedBase
from genlora.errors import ManifestError, TaskError
from genlora.generators import Artefact
from genlora.tasks import Example

from ._bayes import Factors, InnerConfig, Posterior, Scales, adapt, factors_of, library_scales
from .rows._losses import label_losses
from .rows._packing import Row, encode_rows, pack
from .rows._routed import FactorSetter, routed

log = logging.getLogger(__name__)

KIND = "abmll"
PACK_TOKENS = 240
MOST_PACKS = 4
"""Packs per step: with more examples than fit, each step takes other ones."""


@dataclass(frozen=True, eq=False)
class RefinePrior:
    """The prior's deviations and how the posterior is found; what an `abmll` artefact holds."""

    scales: Scales
    inner: InnerConfig
    targets: tuple[str, ...]
    rank: int

    @classmethod
    def read(cls, artefact: Artefact, layout: BaseLayout) -> Self:
        """From an artefact for this base. Raises `BaseMismatchError`, `ManifestError`."""
        artefact.require(layout)
        c = artefact.config
        try:
            targets, rank = tuple(map(str, c["targets"])), int(c["rank"])
            scales: Scales = {}
            for leaf in targets:
                pair = (artefact.tensors[f"{leaf}.a"].float(), artefact.tensors[f"{leaf}.b"].float())
                expected = (len(layout.of((leaf,))), rank)
                for x in pair:
                    if tuple(x.shape) != expected or not bool((x > 0).all() & torch.isfinite(x).all()):
                        raise ValueError(f"deviations of {leaf} are {tuple(x.shape)}, expected {expected}, positive")
                scales[leaf] = pair
            return cls(scales, InnerConfig(**c["inner"]), targets, rank)
        except (KeyError, TypeError, ValueError) as err:
            raise ManifestError(f"{KIND}: not a prior ({err!r}). Restore the artefact, or train again.") from err

    @classmethod
    def around(cls, state: AdapterState, layout: BaseLayout, *, share: float, inner: InnerConfig) -> Self:
        """Deviations of `share` times the root mean square of the adapter's own factors, per layer; for adapters of a
        form that no artefact knows. The shipped artefact learned 0.31 of its bank's.
        """
        targets = tuple(dict.fromkeys(m.leaf for m in layout.modules if m.path in state))
        rank = max(p.rank for p in state.values())
        factors = factors_of(state, layout, targets, rank)
        return cls(library_scales({"": factors}, share), inner, targets, rank)

    def artefact(self, base: LoadedBase, embedder: str, record: dict[str, Any]) -> Artefact:
        """The artefact that `read` understands."""
        tensors = {}
        for leaf, (a, b) in self.scales.items():
            tensors |= {f"{leaf}.a": a.detach().float(), f"{leaf}.b": b.detach().float()}
        config = {"targets": list(self.targets), "rank": self.rank, "inner": asdict(self.inner)}
        return Artefact(KIND, config, tensors, base.layout, base.fingerprint.to_json(), embedder, record=record)


class RowLosses:
    """Losses of labelled rows under given factors; rows are packed once, and each pack takes its own sample."""

    def __init__(
        self, base: LoadedBase, examples: Sequence[Example], *, description: str | None, max_tokens: int
    ) -> None:
        self.base = base
        encoded = encode_rows(base.tokenizer, examples, description=description, max_tokens=max_tokens)
        if encoded.dropped:
            log.warning(
                "%d of %d examples are longer than %d tokens and are not used",
                encoded.dropped,
                len(examples),
                max_tokens,
            )
        self.prefix = encoded.prefix
        self.packs = _packs(encoded.rows)

    @property
    def samples(self) -> int:
        return min(len(self.packs), MOST_PACKS)

    def __call__(self, setter: FactorSetter, factors: Factors, rng: torch.Generator) -> Tensor:
        """Mean loss of the labels of `samples` packs, drawn anew each time where there are more."""
        order = torch.randperm(len(self.packs), generator=rng)[: self.samples].tolist()
        model = self.base.model
        where = next(model.parameters())
        taken = [(self.prefix, self.packs[i]) for i in sorted(order)]
        batch = pack(taken, pad=self.base.tokenizer.pad_token_id or 0, dtype=where.dtype, device=where.device)
        setter.route({k: (a.to(where.device), b.to(where.device)) for k, (a, b) in factors.items()})
        return label_losses(model, batch).loss.mean().cpu()


def _packs(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in packs of about `PACK_TOKENS`, longest first, each into the emptiest pack that has room."""
    packs: list[list[Row]] = []
    used: list[int] = []
    for row in sorted(rows, key=len, reverse=True):
        free = [i for i, n in enumerate(used) if n + len(row) <= PACK_TOKENS]
        if free:
            i = min(free, key=used.__getitem__)
            packs[i].append(row)
            used[i] += len(row)
        else:
            packs.append([row])
            used.append(len(row))
    return packs


def refine(
    base: LoadedBase,
    state: AdapterState,
    examples: Sequence[Example],
    prior: RefinePrior,
    *,
    description: str | None = None,
    inner: InnerConfig | None = None,
    seed: int = 0,
    max_tokens: int = 512,
) -> Posterior:
    """The posterior of `state`'s factors given labelled `examples`; its mean is the refined adapter.

    Args:
        base: loaded, and left as it was.
        state: the generated adapter; the prior's mean.
        examples: one or more; longer ones than `max_tokens` are left out with a warning.
        prior: deviations per layer and direction, and settings.
        description: put before each input (*described*), or None (*bare*).
        inner: other settings than the prior's own.
        seed: of the weight noise.
        max_tokens: longest prompt and answer.

    Raises `TaskError` without usable examples, `TrainingError` where the loss is not finite.
    """
    if not examples:
        raise TaskError("there are no examples to refine on; expected at least one object with input and output.")
    rows = RowLosses(base, examples, description=description, max_tokens=max_tokens)
    mean = factors_of(state, base.layout, prior.targets, prior.rank)
    with routed(base.model, base.layout, prior.targets, 1.0) as setter:

        def loss(factors: Factors, rng: torch.Generator) -> Tensor:
            return rows(setter, factors, rng)

        return adapt(loss, mean, prior.scales, inner or prior.inner, samples=rows.samples, seed=seed)
