"""Make an adapter fit a bank without changing its update, or say why it cannot; and what its update looks like."""

from collections.abc import Mapping

import torch

from genlora.adapter import MAX_ENTRY, AdapterState, BaseLayout, LoraPair, ModuleSpec, canonical
from genlora.errors import AdapterFormatError, AdapterShapeError


def conform(
    state: AdapterState, layout: BaseLayout, *, targets: tuple[str, ...], rank: int, where: str = "adapter"
) -> AdapterState:
    """The same update, canonical, on exactly the bank's modules at its rank: zero modules and rows come and go freely.

    Refuses foreign modules, wrong shapes, values that are not finite or beyond 1e4, and a rank above the bank's.
    """
    wanted = {m.path: m for m in layout.of(targets)}
    pairs = {path: _fit(path, pair, wanted, layout, rank, where) for path, pair in state.items()}
    kept = {path: pair for path, pair in pairs.items() if pair is not None}
    if not kept:
        raise AdapterShapeError(
            f"{where}: no update on any of {', '.join(targets)}. "
            "Make a bank with its targets: genlora bank init --targets"
        )
    for path, spec in wanted.items():
        if path not in kept:
            kept[path] = LoraPair(torch.zeros(rank, spec.d_in), torch.zeros(spec.d_out, rank))
    return canonical(AdapterState(kept))


def figures(state: AdapterState) -> tuple[dict[str, float], float]:
    """Norm of ΔW per module, and the mean effective rank over modules (Roy & Vetterli 2007), of a canonical state.

    Canonical factors are a scaled SVD, so singular values are products of row norms.
    """
    norms, ranks = {}, []
    for path, pair in state.items():
        s = pair.a.double().norm(dim=1) * pair.b.double().norm(dim=0)
        norms[path] = float(s.norm())
        if norms[path] > 0:
            ranks.append(float(torch.special.entr(s / s.sum()).sum().exp()))
    return norms, sum(ranks) / len(ranks) if ranks else 0.0


def _fit(
    path: str, pair: LoraPair, wanted: Mapping[str, ModuleSpec], layout: BaseLayout, rank: int, where: str
) -> LoraPair | None:
    spec = layout.by_path.get(path)
    if spec is None:
        raise AdapterShapeError(f"{where}: {path} is no projection of {layout.name}. Was it trained on another base?")
    if (pair.d_in, pair.d_out) != (spec.d_in, spec.d_out):
        raise AdapterShapeError(
            f"{where}: {path} is {pair.d_out} x {pair.d_in}, expected {spec.d_out} x {spec.d_in} for {layout.name}. "
            "Was it trained on another base?"
        )
    pair = pair.folded()
    for factor in (pair.a, pair.b):
        largest = float(factor.abs().max())
        if not largest <= MAX_ENTRY:  # also true of NaN
            raise AdapterFormatError(
                f"{where}: {path} holds a value of size {largest:.3g}, expected finite numbers of at most "
                f"{MAX_ENTRY:g}. Train it again; nothing was stored."
            )
    if path not in wanted:
        if torch.count_nonzero(pair.a) and torch.count_nonzero(pair.b):
            leaves = ", ".join(sorted({m.leaf for m in wanted.values()}))
            raise AdapterShapeError(
                f"{where}: it changes {path}, but this bank holds updates of {leaves}. "
                "Make a bank with its targets: genlora bank init --targets"
            )
        return None
    if pair.rank > rank:
        raise AdapterShapeError(
            f"{where}: {path} has rank {pair.rank}, above the bank's {rank}. Make a bank with genlora bank init --rank "
            f"{pair.rank}, or reduce it first and accept the loss."
        )
    extra = rank - pair.rank
    if extra == 0:
        return pair
    a = torch.cat([pair.a, pair.a.new_zeros(extra, pair.d_in)])
    return LoraPair(a, torch.cat([pair.b, pair.b.new_zeros(pair.d_out, extra)], dim=1))
