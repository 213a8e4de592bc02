"""Weighted sums are sums of products, compression is the best there is, and canonical form is one spelling."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genlora.adapter import (
    AdapterState,
    BaseLayout,
    LoraPair,
    canonical,
    canonical_pair,
    resize,
    weighted_sum,
    zero_fill,
)
from genlora.errors import AdapterShapeError, ConfigError


def dense(states: Sequence[AdapterState], weights: Sequence[float], path: str) -> Tensor:
    """The plain sum of ΔW in float64: what every algebraic shortcut must equal."""
    return sum(
        w * s[path].scale * (s[path].b.double() @ s[path].a.double())
        for s, w in zip(states, weights, strict=True)
        if path in s
    )  # type: ignore[return-value]


def best(matrix: Tensor, rank: int) -> Tensor:
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vh[:rank]


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())


def averaged_factors(
    states: Sequence[AdapterState], weights: Sequence[float], *, rank: int
) -> tuple[AdapterState, float]:
    """The naive way (FedIT): average A and B separately. Wrong by cross terms."""
    out = {}
    for path in states[0]:
        a = sum(w * s[path].a for s, w in zip(states, weights, strict=True))
        b = sum(w * s[path].b * s[path].scale for s, w in zip(states, weights, strict=True))
        out[path] = LoraPair(a, b)  # type: ignore[arg-type]
    return AdapterState(out), 0.0


Sum = Callable[..., tuple[AdapterState, float]]


def sum_is_exact(weighted: Sum, states: list[AdapterState], weights: list[float], rank: int) -> bool:
    found, _ = weighted(states, weights, rank=rank)
    return all(error(found[p].delta(), best(dense(states, weights, p), rank)) < 1e-5 for p in found)


@pytest.mark.parametrize("rank", [2, 4, 12])
def test_sum_is_the_best_compression_of_the_sum_of_products(state_of, rank):
    states = [state_of(seed=i, scale=s) for i, s in enumerate([1.0, 2.0, 0.5])]
    assert sum_is_exact(weighted_sum, states, [0.5, 0.3, 0.2], rank)
    assert not sum_is_exact(averaged_factors, states, [0.5, 0.3, 0.2], rank)


def test_sum_at_full_rank_loses_nothing(state_of):
    states = [state_of(seed=i, rank=r) for i, r in enumerate([4, 8, 2])]
    found, lost = weighted_sum(states, [0.6, 0.3, 0.1], rank=14)
    assert lost == 0.0
    assert max(error(found[p].delta(), dense(states, [0.6, 0.3, 0.1], p)) for p in found) < 1e-6


def test_discarded_energy_is_what_the_dense_sum_says(state_of):
    states, weights = [state_of(seed=i) for i in range(4)], [0.4, 0.3, 0.2, 0.1]
    found, lost = weighted_sum(states, weights, rank=5)
    whole = [dense(states, weights, p) for p in found]
    missing = sum(float((w - best(w, 5)).square().sum()) for w in whole)
    assert lost == pytest.approx(missing / sum(float(w.square().sum()) for w in whole), rel=1e-6)
    assert 0 < lost < 1


@pytest.mark.parametrize("likeness", [1e-2, 1e-4, 1e-6])
def test_near_cancellation_keeps_its_digits(state_of, likeness):
    first = state_of(seed=1)
    nudge = state_of(seed=2, size=likeness)
    second = AdapterState({p: LoraPair(q.a, q.b + nudge[p].b) for p, q in first.items()})
    found, _ = weighted_sum([second, first], [1.0, -1.0], rank=4)
    assert max(error(found[p].delta(), dense([second, first], [1.0, -1.0], p)) for p in found) < 1e-5


def test_total_cancellation_is_zero_and_finite(state_of):
    found, lost = weighted_sum([state_of(), state_of()], [1.0, -1.0], rank=4)
    size = max(float(p.delta().norm()) for p in state_of().values())
    assert all(float(p.delta().norm()) < 1e-7 * size for p in found.values())
    assert 0.0 <= lost <= 1.0


def test_experts_may_lack_modules_and_have_other_ranks(state_of):
    states = [state_of(rank=2, leaves=("q_proj",)), state_of(rank=5, leaves=("q_proj", "v_proj"), seed=1)]
    found, lost = weighted_sum(states, [0.7, 0.3], rank=7)
    assert set(found) == set(states[1])
    assert lost == 0.0
    assert max(error(found[p].delta(), dense(states, [0.7, 0.3], p)) for p in found) < 1e-6


def test_stack_wider_than_the_module_is_exact(state_of):
    states = [state_of(rank=16, seed=i, leaves=("v_proj",)) for i in range(4)]  # 64 directions, v has 32 rows
    found, lost = weighted_sum(states, [0.25] * 4, rank=32)
    assert lost == 0.0
    assert max(error(found[p].delta(), dense(states, [0.25] * 4, p)) for p in found) < 1e-6


def test_zero_adapters_sum_to_zero(layout, state_of):
    zero = zero_fill(AdapterState({}), layout)
    found, lost = weighted_sum([zero, zero], [0.5, 0.5], rank=8)
    assert lost == 0.0
    assert not any(p.a.any() or p.b.any() for p in found.values())


def test_half_precision_experts_are_summed_in_double(state_of):
    states = [state_of(seed=i).to(torch.bfloat16) for i in range(3)]
    found, _ = weighted_sum(states, [0.5, 0.3, 0.2], rank=12)
    assert all(p.a.dtype == torch.float32 for p in found.values())
    assert max(error(found[p].delta(), dense(states, [0.5, 0.3, 0.2], p)) for p in found) < 1e-6


def test_sum_does_not_depend_on_threads_or_order(state_of):
    states, weights = [state_of(seed=i) for i in range(4)], [0.4, 0.3, 0.2, 0.1]
    threads = torch.get_num_threads()
    first, _ = weighted_sum(states, weights, rank=4)
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        shuffled = [AdapterState(dict(reversed(list(s.items())))) for s in states]
        second, _ = weighted_sum(shuffled, weights, rank=4)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(first[p].a, second[p].a) and torch.equal(first[p].b, second[p].b) for p in first)


@settings(max_examples=40, deadline=None)
@given(
    ranks=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    d_in=st.integers(1, 20),
    d_out=st.integers(1, 20),
    keep=st.integers(1, 8),
    seed=st.integers(0, 2**31),
    decades=st.integers(-6, 3),
)
def test_any_shapes_ranks_and_sizes(ranks, d_in, d_out, keep, seed, decades):
    rng = torch.Generator().manual_seed(seed)
    states = [
        AdapterState(
            {"m": LoraPair(torch.randn(r, d_in, generator=rng), torch.randn(d_out, r, generator=rng), 10.0**decades)}
        )
        for r in ranks
    ]
    weights = [1.0 / (i + 1) for i in range(len(ranks))]
    found, lost = weighted_sum(states, weights, rank=keep)
    whole = dense(states, weights, "m")
    assert found["m"].rank == keep
    assert float((found["m"].delta().double() - best(whole, keep)).norm()) < 1e-5 * float(whole.norm())
    assert 0.0 <= lost < 1.0


@pytest.mark.parametrize(
    ("states", "weights", "rank", "says"),
    [
        (1, [1.0], 0, "rank must be in [1, 256], got 0"),
        (1, [1.0], 257, "got 257"),
        (1, [1.0], True, "got True"),
        (2, [1.0], 4, "got 2 adapters and 1 weights"),
        (0, [], 4, "got 0 adapters"),
        (1, [float("nan")], 4, "weights must be finite"),
    ],
)
def test_sum_says_what_is_wrong(state_of, states, weights, rank, says):
    with pytest.raises(ConfigError) as caught:
        weighted_sum([state_of()] * states, weights, rank=rank)
    assert says in str(caught.value)


def test_adapters_of_two_bases_are_not_summed(state_of):
    other = AdapterState({p: LoraPair(q.a[:, :-1], q.b) for p, q in state_of().items()})
    with pytest.raises(AdapterShapeError, match=r"layers\.0\.self_attn\.q_proj: adapters disagree on its shape"):
        weighted_sum([state_of(), other], [0.5, 0.5], rank=4)


def test_canonical_is_one_spelling_per_update(state_of):
    state = state_of(scale=2.0)
    rng = torch.Generator().manual_seed(9)
    respelled = {}
    for path, pair in state.items():
        m = torch.randn(4, 4, generator=rng).double() + 3 * torch.eye(4)
        a, b = torch.linalg.solve(m, pair.a.double()), pair.b.double() @ m * 4.0
        respelled[path] = LoraPair(a.float(), b.float(), 0.5)
    one, two = canonical(state), canonical(AdapterState(respelled))
    for path in state:
        assert error(one[path].delta(), state[path].delta().double()) < 1e-6
        torch.testing.assert_close(one[path].a, two[path].a, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one[path].b, two[path].b, rtol=1e-4, atol=1e-5)


def test_canonical_splits_evenly_sorts_and_signs(state_of):
    for pair in canonical(state_of()).values():
        left, right = pair.b.double(), pair.a.double()
        singular = torch.linalg.svdvals(left @ right)[:4]
        torch.testing.assert_close(left.mT @ left, torch.diag(singular), rtol=0, atol=1e-5)
        torch.testing.assert_close(right @ right.mT, torch.diag(singular), rtol=0, atol=1e-5)
        assert (pair.a.gather(1, pair.a.abs().argmax(1, keepdim=True)) > 0).all()


def test_canonical_is_idempotent(state_of):
    once = canonical(state_of())
    twice = canonical(once)
    for path in once:
        torch.testing.assert_close(once[path].a, twice[path].a, rtol=1e-5, atol=1e-6)


def test_canonical_pair_of_a_lower_rank_update_has_zero_rows():
    pair = LoraPair(torch.ones(3, 5), torch.ones(4, 3))
    found = canonical_pair(pair)
    assert found.rank == 3
    assert not found.a[1:].any() and not found.b[:, 1:].any()
    torch.testing.assert_close(found.delta(), pair.delta())


def test_resize_pads_bit_for_bit_and_cuts_best(state_of):
    state = state_of(rank=4, scale=2.0)
    wide, lost = resize(state, 9)
    assert lost == 0.0
    assert {p.rank for p in wide.values()} == {9}
    assert all(torch.equal(wide[p].a[:4], state[p].a) and not wide[p].a[4:].any() for p in state)
    narrow, lost = resize(state, 2)
    assert 0 < lost < 1
    assert max(error(narrow[p].delta(), best(state[p].delta().double(), 2)) for p in state) < 1e-5


def test_resize_weighs_the_loss_by_the_whole_adapter(state_of):
    small, large = state_of(rank=2, leaves=("q_proj",)), state_of(rank=6, leaves=("v_proj",), seed=3)
    both = AdapterState({**small, **large})
    _, lost_alone = resize(large, 4)
    found, lost = resize(both, 4)
    share = sum(float(p.delta().square().sum()) for p in large.values())
    share /= sum(float(p.delta().square().sum()) for p in both.values())
    assert lost == pytest.approx(lost_alone * share, rel=1e-4)
    assert {p.rank for p in found.values()} == {4}


def test_zero_fill_adds_only_zero_pairs_in_every_layer(layout: BaseLayout, state_of):
    state = state_of(rank=4)
    filled = zero_fill(state, layout)
    assert set(filled) == {m.path for m in layout.of(("q_proj", "k_proj", "v_proj"))}
    assert all(filled[p] is state[p] for p in state)
    added = [filled[p] for p in filled if p not in state]
    assert added and all(p.rank == 4 and not p.a.any() and not p.b.any() for p in added)


def test_sign_and_weights_are_linear(state_of):
    state = state_of()
    found, _ = weighted_sum([state, state], [0.75, -0.25], rank=4)
    assert max(error(found[p].delta(), 0.5 * dense([state], [1.0], p)) for p in state) < 1e-6
    assert np.isfinite([float(p.a.sum()) for p in found.values()]).all()
