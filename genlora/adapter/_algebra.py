"""Exact algebra on updates: weighted sums of products, recompression, canonical form, zero padding.

Factors are not unique (`B M` and `M⁻¹ A` give the same ΔW), so nothing here averages factors: experts are stacked
(FLoRA, arXiv 2409.05976), which is exact, and the stack is compressed to the wanted rank by the SVD of its core.
"""

import functools
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from genlora.errors import AdapterShapeError, ConfigError

from ._layout import BaseLayout
from ._state import AdapterState, LoraPair

MAX_RANK = 256
"""Largest rank genlora reads or writes."""

QKV = ("q_proj", "k_proj", "v_proj")
"""Projections that servers fuse, and so are kept together."""

_JITTER = 1e-14  # of a Gram matrix's trace; keeps Cholesky going when experts share directions
_NEGLIGIBLE = 1e-9  # singular values below this share of |A||B| are rounding
_CHUNK = 16  # modules a thread takes at a time; fixed, so that results do not depend on the machine
_CANCELLED = 1e-2  # a core this much smaller than |A||B| has lost digits in the Gram matrices: take QR instead


# n modules of one shape; `rank` is that of all their factors, stacked.
StackA = Float64[np.ndarray, "n rank d_in"]
StackB = Float64[np.ndarray, "n d_out rank"]
Square = Float64[np.ndarray, "n rank rank"]


def _t(x: Float64[np.ndarray, "n rows columns"]) -> Float64[np.ndarray, "n columns rows"]:
    return x.swapaxes(-1, -2)


@dataclass(frozen=True)
class _Compressed:
    a: Float32[Tensor, "n k d_in"]
    b: Float32[Tensor, "n d_out k"]
    energy: float
    """Sum of the squared Frobenius norms of the exact products."""
    kept: float
    """The same of what was kept."""


def check_rank(rank: int) -> int:
    """Return `rank` if it is an int in [1, 256], else raise `ConfigError`."""
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= MAX_RANK:
        raise ConfigError(f"rank must be in [1, {MAX_RANK}], got {rank!r}. The usual choice is 8.")
    return rank


def _gram_roots(a: StackA, b: StackB) -> tuple[Square, Square] | None:
    """Triangular R with Rᵀ R = A Aᵀ and = Bᵀ B, or None where that would cost digits."""
    roots = []
    for gram in (a @ _t(a), _t(b) @ b):
        diagonal = np.einsum("nii->ni", gram)
        diagonal += np.maximum(_JITTER * diagonal.sum(1, keepdims=True), np.finfo(np.float64).tiny)
        try:
            roots.append(_t(np.linalg.cholesky(gram)))
        except np.linalg.LinAlgError:
            return None
    return roots[0], roots[1]


def _core(
    a: StackA, b: StackB
) -> tuple[
    Float64[np.ndarray, "n in_root rank"],
    Float64[np.ndarray, "n out_root rank"],
    Float64[np.ndarray, "n out_root in_root"],
    Float64[np.ndarray, " n"],
]:
    """Roots R_a, R_b, the core R_b R_aᵀ, whose singular values are those of B A, and |A||B| per module.

    The roots come from float64 Gram matrices, four times as fast as QR. Where experts cancel each other (negative
    weights), the difference is below what a Gram matrix resolves, and QR is taken.
    """
    size = np.linalg.norm(a, axis=(1, 2)) * np.linalg.norm(b, axis=(1, 2))
    roots = _gram_roots(a, b)
    if roots is not None:
        r_a, r_b = roots
        core = r_b @ _t(r_a)
        if not (np.linalg.norm(core, axis=(1, 2)) < _CANCELLED * size).any():
            return r_a, r_b, core, size
    r_a, r_b = np.linalg.qr(_t(a)).R, np.linalg.qr(b).R
    return r_a, r_b, r_b @ _t(r_a), size


def _compress(a: StackA, b: StackB, rank: int) -> _Compressed:
    """Best rank-`rank` factors of each B A, canonical.

    With B A = Q_b (R_b R_aᵀ) Q_aᵀ and core C = U S Vᵀ, the left factor Q_b U S is B R_aᵀ V: neither Q is formed.
    """
    n, d_in, d_out = a.shape[0], a.shape[2], b.shape[1]
    r_a, r_b, core, size = _core(a, b)
    u, s, vh = np.linalg.svd(core, full_matrices=False)
    k = min(rank, s.shape[1])
    real = (s[:, :k] > _NEGLIGIBLE * size[:, None]) & (s[:, :k] > 0)
    s_k = np.where(real, s[:, :k], 0.0)
    inv = np.where(real, 1.0 / np.sqrt(np.where(real, s_k, 1.0)), 0.0)
    left = b @ (_t(r_a) @ (_t(vh[:, :k]) * inv[:, None, :]))
    right = (_t(u[:, :, :k] * inv[:, None, :]) @ r_b) @ a
    # Sign rule: the largest entry of each row of A is positive.
    peak = np.take_along_axis(right, np.abs(right).argmax(2)[:, :, None], 2)
    sign = np.where(peak < 0, -1.0, 1.0)
    out_a = np.zeros((n, rank, d_in), np.float32)
    out_b = np.zeros((n, d_out, rank), np.float32)
    np.multiply(right, sign, out=out_a[:, :k], casting="same_kind")
    np.multiply(left, _t(sign), out=out_b[:, :, :k], casting="same_kind")
    energy, kept = float(np.square(s).sum()), float(np.square(s_k).sum())
    return _Compressed(torch.from_numpy(out_a), torch.from_numpy(out_b), energy, kept)


def _stack(states: Sequence[AdapterState], weights: Sequence[float], paths: Sequence[str]) -> tuple[StackA, StackB]:
    """Stacked factors of every path, weights and scales inside B."""
    parts = [(s, w) for s, w in zip(states, weights, strict=True) if paths[0] in s]
    first = parts[0][0][paths[0]]
    total = sum(s[paths[0]].rank for s, _ in parts)
    a = np.empty((len(paths), total, first.d_in))
    b = np.empty((len(paths), first.d_out, total))
    at = 0
    for state, weight in parts:
        one_a, one_b, scales = state.stacked(paths)
        end = at + one_a.shape[1]
        a[:, at:end] = one_a.numpy()
        np.multiply(one_b.numpy(), weight * scales.numpy()[:, None, None], out=b[:, :, at:end])
        at = end
    return a, b


def _compress_all(
    states: Sequence[AdapterState], weights: Sequence[float], rank: int | None
) -> tuple[dict[str, LoraPair], float, float]:
    """Compressed pairs of every path (to its own rank if None), energy and kept energy.

    Work is cut into chunks of modules for two threads: numpy's small LAPACK calls release the lock and never spin,
    so this stays fast beside other work, where torch's own threads wait for each other.
    """
    chunks = [g[i : i + _CHUNK] for g in _groups(states) for i in range(0, len(g), _CHUNK)]

    def work(paths: list[str]) -> _Compressed:
        a, b = _stack(states, weights, paths)
        return _compress(a, b, a.shape[1] if rank is None else rank)

    if len(chunks) < 2:
        done = [work(c) for c in chunks]
    else:
        done = list(_pool(os.getpid()).map(work, chunks))
    pairs = {p: LoraPair(d.a[i], d.b[i]) for paths, d in zip(chunks, done, strict=True) for i, p in enumerate(paths)}
    return pairs, sum((d.energy for d in done), 0.0), sum((d.kept for d in done), 0.0)


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Two threads, kept for the next call; a forked child, which has none of its parent's threads, makes its own."""
    return ThreadPoolExecutor(2, thread_name_prefix=f"genlora-{process}")


def _groups(states: Sequence[AdapterState]) -> list[list[str]]:
    """Paths that can be worked on in one batch: same shapes and ranks in the same states."""
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for path, pairs in modules_of(states).items():
        shape = next((p.d_out, p.d_in) for p in pairs if p is not None)
        groups[(shape, *(p.rank if p is not None else None for p in pairs))].append(path)
    return list(groups.values())


def modules_of(states: Sequence[AdapterState]) -> dict[str, list[LoraPair | None]]:
    """{path: each state's pair, or None where it lacks the module}. Raises `AdapterShapeError` where shapes differ."""
    found: dict[str, list[LoraPair | None]] = {}
    for path in dict.fromkeys(p for s in states for p in s):
        found[path] = [s.get(path) for s in states]
        shapes = {(p.d_out, p.d_in) for p in found[path] if p is not None}
        if len(shapes) > 1:
            raise AdapterShapeError(
                f"{path}: adapters disagree on its shape (d_out, d_in): {sorted(shapes)}. "
                "Only adapters of one base can be summed; check their fingerprints."
            )
    return found


def weighted_sum(states: Sequence[AdapterState], weights: Sequence[float], *, rank: int) -> tuple[AdapterState, float]:
    """Σ wᵢ Bᵢ Aᵢ of every module, compressed to `rank`; and the share of its energy that this discards.

    The sum is exact before compression (products are summed, never factors); a module that a state lacks counts as
    zero there. The result is canonical float32. Energy is the squared Frobenius norm summed over modules, so a
    share of 0 means nothing was lost. FLoRA (arXiv 2409.05976) for the stack.
    """
    check_rank(rank)
    check_sum(states, weights)
    out, total, kept = _compress_all(states, weights, rank)
    return AdapterState(out), _lost(total, kept)


def check_sum(states: Sequence[AdapterState], weights: Sequence[float]) -> None:
    """Raise `ConfigError` unless there are adapters, and a finite weight for each."""
    if not states or len(states) != len(weights):
        raise ConfigError(f"got {len(states)} adapters and {len(weights)} weights to sum; expected as many, >= 1.")
    if not all(np.isfinite(w) for w in weights):
        raise ConfigError(f"weights must be finite numbers, got {list(weights)!r}.")


def delta_state(deltas: Mapping[str, Tensor]) -> AdapterState:
    """Full updates {path: ΔW (d_out, d_in)} as an adapter of full rank, exact; `weighted_sum` compresses it."""
    pairs = {}
    for path, delta in deltas.items():
        d_out, d_in = delta.shape
        wide = d_out <= d_in
        pairs[path] = LoraPair(delta, torch.eye(d_out)) if wide else LoraPair(torch.eye(d_in), delta)
    return AdapterState(pairs)


def _lost(total: float, kept: float) -> float:
    share = 1.0 - kept / total if total > 0 else 0.0
    return share if share > 1e-12 else 0.0  # below this it is rounding of the two sums


def canonical(state: AdapterState) -> AdapterState:
    """The one spelling of an update: equal ΔW gives equal factors (unless singular values coincide).

    Factors come from the SVD of B A with singular values split evenly, largest first, scale 1, and the largest entry
    of each row of A positive. Ranks stay; missing directions are zero. Float32.
    """
    return AdapterState(_compress_all([state], [1.0], None)[0])


def canonical_pair(pair: LoraPair) -> LoraPair:
    """`canonical` of a single pair."""
    return canonical(AdapterState({"": pair}))[""]


def padded(pair: LoraPair, rank: int) -> LoraPair:
    """The same update at a larger rank, with zeros."""
    extra = rank - pair.rank
    a, b = pair.a, pair.b
    return LoraPair(
        torch.cat([a, a.new_zeros(extra, pair.d_in)]), torch.cat([b, b.new_zeros(pair.d_out, extra)], 1), pair.scale
    )


def resize(state: AdapterState, rank: int) -> tuple[AdapterState, float]:
    """Every module at `rank`: smaller ones zero-padded (bit for bit the same update), larger ones cut by SVD.

    Returns the adapter and the discarded share of the energy of the whole adapter (0 where nothing was cut).
    """
    check_rank(rank)
    large = AdapterState({p: pair for p, pair in state.items() if pair.rank > rank})
    out = {p: pair if pair.rank == rank else padded(pair, rank) for p, pair in state.items() if pair.rank <= rank}
    cut, total, kept = _compress_all([large], [1.0], rank)
    out.update(cut)
    if large:
        rest = AdapterState({p: pair for p, pair in state.items() if pair.rank <= rank})
        untouched = sum(energies(rest).values())
        total, kept = total + untouched, kept + untouched
    return AdapterState(out), _lost(total, kept)


def energies(state: AdapterState) -> dict[str, float]:
    """Squared Frobenius norm of ΔW per module, from Gram matrices: ΔW itself is never formed. Computed once."""
    if state.energies is None:
        out: dict[str, float] = {}
        for paths in _groups([state]):
            a, b = _stack([state], [1.0], paths)
            values = np.maximum(((a @ _t(a)) * (_t(b) @ b)).sum((1, 2)), 0.0)
            out.update(zip(paths, values.tolist(), strict=True))
        state.energies = {p: out[p] for p in state}
    return state.energies


def zero_fill(state: AdapterState, layout: BaseLayout, leaves: Iterable[str] = QKV) -> AdapterState:
    """The same adapter with a zero pair for every module of `leaves` that it lacks, in every layer.

    Servers that fuse projections need q, k and v together and a projection in every layer or in none. Zero pairs
    have the rank of the widest pair, and its dtype.
    """
    rank = max((p.rank for p in state.values()), default=8)
    dtype = next(iter(state.values())).a.dtype if state else torch.float32
    zeros: dict[tuple[int, int], LoraPair] = {}
    out = dict(state)
    for spec in layout.of(leaves):
        if spec.path not in out:
            shape = (spec.d_out, spec.d_in)
            if shape not in zeros:  # read-only by convention, so one pair serves every module of a shape
                a, b = torch.zeros(rank, spec.d_in, dtype=dtype), torch.zeros(spec.d_out, rank, dtype=dtype)
                zeros[shape] = LoraPair(a, b)
            out[spec.path] = zeros[shape]
    return AdapterState(out)
