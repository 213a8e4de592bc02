"""Norms, effective rank, likeness and intruder dimensions against dense definitions and planted truths."""

import math

import pytest
import torch

from genlora.adapter import (
    AdapterState,
    LoraPair,
    canonical,
    check_norms,
    effective_rank,
    intruder_dimensions,
    product_cosine,
    singular_values,
    update_norms,
)
from genlora.errors import AdapterFormatError, AdapterShapeError


def test_norms_are_those_of_the_dense_update(state_of):
    state = state_of(scale=0.7)
    for path, norm in update_norms(state).items():
        assert norm == pytest.approx(float(state[path].delta().norm()), rel=1e-5)


def test_check_norms_names_module_and_bound(state_of):
    state = state_of()
    bounds = {p: 2 * n for p, n in update_norms(state).items()}
    check_norms(state, bounds, where="expert x")
    check_norms(state, {}, where="expert x")
    huge = AdapterState({p: LoraPair(q.a, q.b, 10.0) for p, q in state.items()})
    with pytest.raises(AdapterFormatError, match=r"expert x: model\.layers\.0\.self_attn\.q_proj changes the base by"):
        check_norms(huge, bounds, where="expert x")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_check_norms_refuses_what_is_not_finite_even_without_a_bound(state_of, value):
    state = state_of()
    path = next(iter(state))
    a = state[path].a.clone()
    a[0, 0] = value
    odd = AdapterState({**state, path: LoraPair(a, state[path].b, state[path].scale)})
    with pytest.raises(AdapterFormatError, match=r"expert x: .*expected a finite number"):
        check_norms(odd, {}, where="expert x")


def test_singular_values_are_those_of_the_dense_update(state_of):
    pair = next(iter(state_of(scale=-3.0).values()))
    torch.testing.assert_close(
        singular_values(pair), torch.linalg.svdvals(pair.delta().double())[:4], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("k", [1, 2, 4])
def test_effective_rank_of_k_equal_directions_is_k(k):
    a, b = torch.zeros(4, 10), torch.zeros(8, 4)
    a[:k, :k], b[:k, :k] = torch.eye(k), torch.eye(k)
    assert effective_rank(LoraPair(a, b)) == pytest.approx(k)


def test_effective_rank_of_uneven_directions_follows_the_definition():
    pair = LoraPair(torch.eye(2, 5), torch.diag(torch.tensor([3.0, 1.0])))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(pair) == pytest.approx(math.exp(entropy))
    assert effective_rank(LoraPair(torch.zeros(2, 5), torch.zeros(3, 2))) == 0.0


def test_product_cosine_is_that_of_dense_updates_however_spelled(state_of):
    one, two = state_of(seed=1), state_of(seed=2, rank=6)
    flat = [torch.cat([s[p].delta().double().flatten() for p in one]) for s in (one, two)]
    wanted = float(torch.cosine_similarity(flat[0], flat[1], dim=0))
    assert product_cosine(one, two) == pytest.approx(wanted, abs=1e-6)
    assert product_cosine(canonical(one), two) == pytest.approx(wanted, abs=1e-5)
    assert product_cosine(one, canonical(one)) == pytest.approx(1.0)


def test_product_cosine_counts_missing_modules_as_zero(state_of):
    both, only_q = state_of(), state_of(leaves=("q_proj",))
    zero = AdapterState({p: LoraPair(q.a, q.b * 0) for p, q in both.items()})
    assert 0 < product_cosine(both, AdapterState({p: both[p] for p in only_q})) < 1
    assert product_cosine(both, zero) == 0.0


def test_product_cosine_refuses_two_bases(state_of):
    other = AdapterState({p: LoraPair(q.a[:, 1:], q.b) for p, q in state_of().items()})
    with pytest.raises(AdapterShapeError, match="Only adapters of one base"):
        product_cosine(state_of(), other)


def _hadamard(n: int) -> torch.Tensor:
    h = torch.ones(1, 1, dtype=torch.float64)
    while h.shape[0] < n:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h / n**0.5


@pytest.mark.parametrize("planted", [0, 1, 2, 3, 4])
def test_planted_intruders_are_counted(planted):
    u, _, v = torch.linalg.svd(torch.randn(64, 64, generator=torch.Generator().manual_seed(1)).double())
    weight = u @ torch.diag(torch.linspace(4.0, 1.0, 64, dtype=torch.float64)) @ v
    mixed = u @ _hadamard(64)[:, 1 : planted + 1]  # each an equal mix of all old directions
    a, b = torch.zeros(4, 64), torch.zeros(64, 4)
    a[:planted] = (v.mT @ _hadamard(64)[:, 1 : planted + 1]).mT.float()
    b[:, :planted] = 8.0 * mixed.float()
    found = intruder_dimensions(weight, LoraPair(a, b), k=10, eps=0.5)
    assert found.count == planted
    assert (found.k, found.eps, found.rank) == (10, 0.5, 4)
    assert len(found.indices) == len(found.sigmas) == planted


def test_scaling_an_old_direction_is_no_intruder():
    u, s, vh = torch.linalg.svd(torch.randn(32, 32, generator=torch.Generator().manual_seed(2)).double())
    pair = LoraPair(vh[3:4].float(), 5.0 * u[:, 3:4].float())
    assert intruder_dimensions(u @ torch.diag(s) @ vh, pair).count == 0


def test_intruders_need_the_right_weight():
    with pytest.raises(AdapterShapeError, match=r"the weight is \(3, 3\), expected \(8, 10\)"):
        intruder_dimensions(torch.eye(3), LoraPair(torch.zeros(2, 10), torch.zeros(8, 2)))
