"""Norms, effective rank, likeness and intruder dimensions against dense definitions and planted truths."""

import math

import pytest
import torch

from genlora.adapter import (
    AdapterState,
    LoraPair,
    Weights,
    canonical,
    check_norms,
    diagnose,
    effective_rank,
    intruder_dimensions,
    left_directions,
    mitigate,
    product_cosine,
    singular_values,
    update_norms,
)
from genlora.errors import AdapterFormatError, AdapterShapeError, ConfigError


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


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (64, 64)])
def test_a_tall_or_wide_weight_is_judged_as_by_full_svds(shape):
    rng = torch.Generator().manual_seed(4)
    weight = torch.randn(*shape, generator=rng)
    pair = LoraPair(torch.randn(4, shape[1], generator=rng), torch.randn(shape[0], 4, generator=rng), 0.9)
    old = torch.linalg.svd(weight.double(), full_matrices=False).U
    u, s, _ = torch.linalg.svd(weight.double() + pair.delta().double(), full_matrices=False)
    wanted = [i for i in range(10) if float((u[:, i] @ old).abs().max()) < 0.5]
    found = intruder_dimensions(weight, pair, old=left_directions(weight))
    assert list(found.indices) == wanted and 0 < found.count <= 10
    assert found.sigmas == pytest.approx([float(s[i]) for i in wanted])


def test_no_update_and_directions_of_no_strength_are_no_intruders():
    low = torch.zeros(16, 16)
    low[0, 0] = 3.0
    assert intruder_dimensions(low, LoraPair(torch.zeros(2, 16), torch.zeros(16, 2))).count == 0
    weight = torch.randn(32, 32, generator=torch.Generator().manual_seed(3))
    noise = LoraPair(1e-4 * torch.randn(2, 32, generator=torch.Generator().manual_seed(5)), torch.ones(32, 2))
    assert intruder_dimensions(weight, noise).count == 0


def _planted(count: int) -> tuple[torch.Tensor, LoraPair]:
    u, _, v = torch.linalg.svd(torch.randn(64, 64, generator=torch.Generator().manual_seed(1)).double())
    weight = u @ torch.diag(torch.linspace(4.0, 1.0, 64, dtype=torch.float64)) @ v
    mixed = _hadamard(64)[:, 1 : count + 1]
    return weight, LoraPair((v.mT @ mixed).mT.float(), 8.0 * (u @ mixed).float())


def test_mitigation_leaves_all_at_one_and_takes_intruders_out_at_zero():
    weight, pair = _planted(3)
    assert mitigate(weight, pair, lam=1.0) is pair
    less = [mitigate(weight, pair, lam=lam) for lam in (0.0, 0.25, 0.75)]
    counts = [intruder_dimensions(weight, p).count for p in less]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 3
    assert all(p.rank == pair.rank for p in less)
    plain = LoraPair(torch.zeros(2, 64), torch.zeros(64, 2))
    assert mitigate(weight, plain, lam=0.0) is plain


def test_mitigation_is_the_formula_where_the_rank_allows_it():
    weight, pair = _planted(1)
    wide = LoraPair(torch.cat([pair.a, torch.zeros(3, 64)]), torch.cat([pair.b, torch.zeros(64, 3)], 1))
    u, s, vh = torch.linalg.svd(weight + pair.delta().double())
    wanted = pair.delta().double() + (0.25 - 1) * s[0] * torch.outer(u[:, 0], vh[0])
    torch.testing.assert_close(mitigate(weight, wide, lam=0.25).delta().double(), wanted, rtol=1e-4, atol=1e-5)


def test_mitigation_is_what_peft_does():
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora.intruders import reduce_intruder_dimension

    weight, pair = _planted(2)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64, bias=False)).double()
    model[0].weight.data = weight
    tuned = get_peft_model(model, LoraConfig(r=2, lora_alpha=2, target_modules=["0"]))  # type: ignore[arg-type]
    layer = tuned.base_model.model[0]
    layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data = pair.a.double(), pair.b.double()
    reduce_intruder_dimension(tuned, mitigation_lambda=0.5)
    theirs = layer.get_delta_weight("intruder_reduced")
    torch.testing.assert_close(mitigate(weight, pair, lam=0.5).delta().double(), theirs.double(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "says"), [({"k": 0}, "k is 0"), ({"eps": 0.0}, "eps 0.0"), ({"lam": 2.0}, "lam is 2")]
)
def test_odd_settings_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        mitigate(torch.eye(4), LoraPair(torch.zeros(2, 4), torch.zeros(4, 2)), **options)


def test_a_diagnosis_has_each_modules_figures_and_asks_for_each_weight_once(state_of):
    state, asked = state_of(), []

    def weight_of(path):
        asked.append(path)
        return torch.eye(state[path].d_out, state[path].d_in)

    weights = Weights(weight_of)
    first, second = diagnose(state, weights, k=3), diagnose(state, weights, k=3)
    assert first == second and asked == list(state)
    for row in first:
        assert row.norm == pytest.approx(float(state[row.path].delta().norm()), rel=1e-5)
        assert row.relative_norm == pytest.approx(row.norm / min(state[row.path].b.shape[0], 64) ** 0.5, rel=1e-5)
        assert row.intruders == intruder_dimensions(weight_of(row.path), state[row.path], k=3)
    assert all(r.relative_norm is None and r.intruders is None for r in diagnose(state))
