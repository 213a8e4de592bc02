"""What a bank's experts do to their base: effective rank, size, new directions, and what storing them cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from genlora.adapter import AdapterState, ModuleDiagnosis, Weights, check_rank, module_at, resize
from genlora.adapter import diagnose as diagnose_state
from genlora.bank import DIAGNOSIS_KEY, Bank
from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.progress import Progress, silent

from .._places import CALIBRATION_KEY, store_calibration

_STEPS = (1, 3, 10, 30, 100, 300)


@dataclass(frozen=True)
class Diagnosis:
    """One expert's figures, over all modules that it changes."""

    name: str
    family: str
    rank: int
    effective_rank: float
    """Mean over modules (Roy & Vetterli 2007)."""
    norm: float
    """‖ΔW‖, Frobenius."""
    modules: int
    """How many it changes."""
    stored_error: float | None
    """Relative error of the update as the bank keeps it (codec, or a method's conversion); None where none is known."""
    relative_norm: float | None = None
    """‖ΔW‖ / ‖W‖ over these modules; None without the base."""
    intruders: int | None = None
    """Intruder dimensions in all; at most `k` a module. None without the base."""
    k: int = 10
    eps: float = 0.5
    by_leaf: Mapping[str, float] = field(default_factory=dict)
    """Intruders per module of each projection."""
    by_k: Mapping[str, int] = field(default_factory=dict)
    """Intruders in all among fewer leading directions."""
    by_rank: Mapping[str, int] = field(default_factory=dict)
    """Intruders in all, of the expert cut to a smaller rank by SVD."""

    def to_json(self) -> dict[str, Any]:
        """All figures, with at most four digits that count."""
        return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(self).items()}


def diagnose_bank(
    bank: Bank,
    base: LoadedBase | None,
    names: Sequence[str] = (),
    *,
    k: int = 10,
    eps: float = 0.5,
    ranks: Sequence[int] = (),
    on_done: Callable[[Diagnosis], None] = lambda one: None,
    progress: Progress = silent,
) -> list[Diagnosis]:
    """The figures of the bank's experts `names`, by default of all.

    Args:
        bank: where they are.
        base: the bank's base in memory, for intruder dimensions and relative sizes; None leaves those out.
        names: experts.
        k: leading directions of each weight that are looked at.
        eps: a cosine below this to every old direction makes a new one.
        ranks: smaller ranks to cut each expert to and count again; a cut expert is not one trained at that rank.
        on_done: told of each expert as soon as it is diagnosed.
        progress: told ("experts", done, total).

    Raises `UnknownExpertError`, `ConfigError`.
    """
    for rank in ranks:
        check_rank(rank)
    if base is None and ranks:
        raise ConfigError("counting at other ranks needs the base's weights. Leave the ranks out, or give the base.")
    chosen = list(names) or bank.names()
    records = [bank.get(name) for name in chosen]
    weights = None if base is None else Weights(_weights_of(base))
    out = []
    for done, record in enumerate(records):
        progress("experts", done, len(records))
        state = bank.state(record.name)
        rows = diagnose_state(state, weights, k=k, eps=eps)
        counts = {str(r): _count(diagnose_state(_cut(state, r), weights, k=k, eps=eps)) for r in ranks if r < bank.rank}
        errors = [record.metrics[key] for key in ("conversion_error", "codec_error") if key in record.metrics]
        out.append(
            Diagnosis(
                name=record.name,
                family=record.family,
                rank=record.rank,
                effective_rank=sum(r.effective_rank for r in rows) / len(rows),
                norm=sum(r.norm**2 for r in rows) ** 0.5,
                modules=len(rows),
                stored_error=sum(e * e for e in errors) ** 0.5 if errors else None,
                relative_norm=None if weights is None else _relative(rows),
                intruders=None if weights is None else _count(rows),
                k=k,
                eps=eps,
                by_leaf={} if weights is None else _by_leaf(rows),
                by_k={} if weights is None else _by_k(rows, k),
                by_rank={**counts, str(record.rank): _count(rows)} if counts else {},
            )
        )
        on_done(out[-1])
    progress("experts", len(records), len(records))
    return out


def store_diagnoses(bank: Bank, found: Sequence[Diagnosis]) -> None:
    """Keep the figures with the bank, for its experts' cards; a calibration that it holds is made new.

    An expert that is replaced later has none until it is diagnosed again.
    """
    known = dict(bank.metadata(DIAGNOSIS_KEY) or {})
    for one in found:
        known[one.name] = {**one.to_json(), "blob": bank.get(one.name).blob}
    calibrated = bank.metadata(CALIBRATION_KEY) is not None
    with bank.atomic() as tx:
        tx.set_metadata(DIAGNOSIS_KEY, {name: known[name] for name in sorted(known) if name in bank})
    if calibrated:
        store_calibration(bank)


def _weights_of(base: LoadedBase) -> Callable[[str], Tensor]:
    def weight_of(path: str) -> Tensor:
        weight = module_at(base.model, path).weight
        assert isinstance(weight, Tensor)
        return weight

    return weight_of


def _cut(state: AdapterState, rank: int) -> AdapterState:
    return resize(state, rank)[0]


def _count(rows: Sequence[ModuleDiagnosis]) -> int:
    return sum(r.intruders.count for r in rows if r.intruders is not None)


def _by_k(rows: Sequence[ModuleDiagnosis], k: int) -> dict[str, int]:
    found = [i for r in rows if r.intruders is not None for i in r.intruders.indices]
    return {str(most): sum(i < most for i in found) for most in (*(s for s in _STEPS if s < k), k)}


def _relative(rows: Sequence[ModuleDiagnosis]) -> float:
    weights = sum(r.weight_norm**2 for r in rows if r.weight_norm is not None)
    return (sum(r.norm**2 for r in rows) / weights) ** 0.5 if weights else math.inf


def _by_leaf(rows: Sequence[ModuleDiagnosis]) -> dict[str, float]:
    found: dict[str, list[int]] = {}
    for r in rows:
        if r.intruders is not None:
            found.setdefault(r.path.rsplit(".", 1)[-1], []).append(r.intruders.count)
    return {leaf: float(f"{sum(counts) / len(counts):.4g}") for leaf, counts in found.items()}
