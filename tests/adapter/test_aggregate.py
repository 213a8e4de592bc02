"""Ways to make one adapter of many: which are exact, which are not, and what each does to its parts."""

import pytest
import torch

from genlora.adapter import AGGREGATIONS, AdapterState, LoraPair, aggregate, aggregation_named
from genlora.errors import AdapterShapeError, ConfigError


def dense(states, weights):
    """Σ w ΔW of every module in float64: the plain definition."""
    return {
        path: sum(
            w * s[path].scale * (s[path].b.double() @ s[path].a.double())
            for s, w in zip(states, weights, strict=True)
            if path in s
        )
        for path in dict.fromkeys(p for s in states for p in s)
    }


def distance(state, wanted):
    """Relative Frobenius distance over all modules, from dense matrices."""
    off = sum(float((p.scale * (p.b.double() @ p.a.double()) - wanted[k]).square().sum()) for k, p in state.items())
    return (off / sum(float(w.square().sum()) for w in wanted.values())) ** 0.5


@pytest.fixture
def uneven(state_of):
    """Three clients with ranks 4, 8, 2, other scales and weights."""
    return [state_of(seed=i, rank=r, scale=s) for i, (r, s) in enumerate([(4, 2.0), (8, 0.5), (2, 1.0)])], [
        0.5,
        0.2,
        0.3,
    ]


def test_flora_is_exact_with_unequal_ranks_and_scales_where_averaging_is_not(uneven):
    states, weights = uneven
    wanted = dense(states, weights)
    made = aggregate("flora", states, weights)
    assert distance(made.state, wanted) < 1e-6
    assert max(float((p.delta() - wanted[k]).abs().max()) for k, p in made.state.items()) < 1e-5
    assert {p.rank for p in made.state.values()} == {14} and made.report["error"] < 1e-5
    assert distance(aggregate("fedavg", states, weights).state, wanted) > 0.1


def test_flora_compressed_to_the_sum_of_ranks_loses_nothing_and_below_it_is_the_best_of_that_rank(uneven):
    states, weights = uneven
    assert aggregate("flora", states, weights, rank=14).report["lost"] == 0.0
    cut, svd = (aggregate(name, states, weights, rank=5) for name in ("flora", "svd"))
    assert cut.report["error"] == pytest.approx(svd.report["error"], rel=1e-5)
    assert cut.report["error"] == pytest.approx(cut.report["lost"] ** 0.5, rel=1e-4)


def test_the_told_error_is_the_dense_one(uneven):
    states, weights = uneven
    for name in AGGREGATIONS:
        made = aggregate(name, states, weights)
        assert made.report["error"] == pytest.approx(distance(made.state, dense(states, weights)), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("ranks", [(4, 4, 4), (4, 8, 2)])
def test_fairs_error_is_below_averagings_for_every_lambda_and_grows_with_it(state_of, ranks):
    for seed in range(3):
        states = [state_of(seed=10 * seed + i, rank=r) for i, r in enumerate(ranks)]
        weights = [0.5, 0.2, 0.3]
        average = distance(aggregate("fedavg", states, weights).state, dense(states, weights))
        tried = [aggregate("fair", states, weights, lam=lam) for lam in (0.0, 0.01, 0.1, 1.0, 100.0)]
        errors = [distance(m.state, dense(states, weights)) for m in tried]
        moves = [m.report["correction"] for m in tried]
        assert max(errors) < average and errors == sorted(errors)
        assert moves == sorted(moves, reverse=True) and moves[0] > moves[-1] > 0
        assert tried[0].report["averaged_error"] == pytest.approx(average, rel=1e-5)


def test_fair_keeps_the_averaged_a_and_corrects_nothing_between_equal_clients(state_of):
    one = state_of(scale=2.0)
    made = aggregate("fair", [one, one], [0.5, 0.5])
    assert made.report["correction"] < 1e-6 and made.report["error"] < 1e-6
    states = [state_of(seed=i) for i in range(2)]
    mean, fair = (aggregate(name, states, [0.5, 0.5]).state for name in ("fedavg", "fair"))
    assert all(torch.equal(mean[p].a, fair[p].a) for p in mean)
    far = aggregate("fair", states, [0.5, 0.5], lam=1e9).state
    assert all(torch.allclose(mean[p].b, far[p].b, atol=1e-6) for p in mean)


def test_fair_by_cosine_turns_towards_the_exact_sum_and_stops_where_the_penalty_outweighs_the_slope(state_of):
    for seed in range(3):
        states, weights = [state_of(seed=10 * seed + i, rank=r) for i, r in enumerate((4, 8, 2))], [0.5, 0.2, 0.3]
        tried = [aggregate("fair", states, weights, lam=lam, cosine=True).report for lam in (0.0, 0.001, 0.01, 1e3)]
        cosines, moves = ([t[k] for t in tried] for k in ("cosine", "correction"))
        assert cosines == sorted(cosines, reverse=True) and moves == sorted(moves, reverse=True)
        assert cosines[0] > cosines[-1] == pytest.approx(tried[0]["averaged_cosine"], abs=1e-9) and moves[-1] == 0
        # No correction of B can turn it further than the least squares' own direction.
        closest = aggregate("fair", states, weights, lam=0.0).report["cosine"]
        assert cosines[0] == pytest.approx(closest, abs=0.02)
    one = state_of(scale=2.0)
    assert aggregate("fair", [one, one], [0.5, 0.5], cosine=True).report["correction"] == 0


def test_fedavg_of_one_client_is_that_client_whatever_its_weight_means(state_of):
    one = state_of(scale=3.0)
    assert aggregate("fedavg", [one], [1.0]).report["error"] < 1e-6
    assert distance(aggregate("fedavg", [one, one], [1.0, 1.0]).state, dense([one], [2.0])) < 1e-6


def test_ties_keeps_the_large_and_drops_what_disagrees():
    def one(*values):
        return AdapterState({"m": LoraPair(torch.tensor([values]), torch.tensor([[1.0], [0.0]]))})

    states = [one(4.0, 1.0, 0.1, -3.0), one(2.0, -5.0, 0.1, -1.0)]
    found = (
        aggregate("ties", states, [0.5, 0.5], density=0.5).state["m"].delta()
    )  # four of eight entries: all there are
    assert torch.allclose(found[0], torch.tensor([3.0, -5.0, 0.1, -2.0]), atol=1e-5) and not found[1].any()
    trimmed = aggregate("ties", states, [0.5, 0.5], density=0.25).state["m"].delta()  # (4, 0, 0, -3) and (2, -5, 0, 0)
    assert torch.allclose(trimmed[0], torch.tensor([3.0, -5.0, 0.0, -3.0]), atol=1e-5)
    against = aggregate("ties", [one(4.0, 0.0), one(-1.0, 2.0)], [0.5, 0.5], density=1.0).state["m"].delta()
    assert torch.allclose(against[0], torch.tensor([4.0, 2.0]), atol=1e-5)


def test_dare_is_the_sum_on_average_the_same_for_a_seed_and_exact_without_dropping(state_of):
    states, weights = [state_of(seed=i) for i in range(2)], [0.6, 0.4]
    wide = {"rank": 64, "density": 0.5}
    first = aggregate("dare", states, weights, **wide)
    again = aggregate("dare", states, weights, **wide)
    assert all(torch.equal(first.state[p].b, again.state[p].b) for p in first.state)
    drawn = [aggregate("dare", states, weights, seed=s, **wide).state for s in range(12)]
    wanted = dense(states, weights)
    mean = {p: torch.stack([d[p].delta() for d in drawn]).mean(0).double() for p in wanted}
    near = sum(float((mean[p] - w).square().sum()) for p, w in wanted.items())
    assert (near / sum(float(w.square().sum()) for w in wanted.values())) ** 0.5 < 0.45 < first.report["error"]
    assert aggregate("dare", states, weights, density=1.0, rank=8).report["error"] < 1e-5
    assert aggregate("dare", states, weights, ties=True).report["lost"] > 0


def test_dare_leaves_the_callers_random_numbers_alone(state_of):
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    aggregate("dare", [state_of()], [1.0])
    assert torch.equal(torch.rand(1), wanted)


def test_similarity_trusts_an_odd_one_out_less_and_takes_similarities_from_outside(state_of):
    alike, odd = state_of(seed=1), state_of(seed=9)
    nudged = AdapterState({p: LoraPair(q.a, q.b * 1.1) for p, q in alike.items()})
    states = [alike, nudged, odd]
    found = aggregate("similarity", states, [1 / 3] * 3, rank=12).state
    plain = dense(states, [1 / 3] * 3)
    assert distance(found, dense([alike], [1.0])) < distance(
        aggregate("svd", states, [1 / 3] * 3, rank=12).state, dense([alike], [1.0])
    )
    assert distance(found, plain) > 0.05
    only = aggregate("similarity", states, [1 / 3] * 3, similarities=[0.0, 0.0, 9.0], rank=4).state
    assert distance(only, dense([odd], [1.0])) < 1e-5
    even = aggregate("similarity", states, [0.2, 0.3, 0.5], similarities=[0.4] * 3, rank=12).state
    assert distance(even, dense(states, [0.2, 0.3, 0.5])) < 1e-5


def test_a_module_that_a_client_lacks_counts_as_zero_there(state_of):
    states = [state_of(leaves=("q_proj",)), state_of(seed=1, leaves=("q_proj", "v_proj"))]
    for name in ("flora", "svd", "fair", "fedavg", "ties", "dare", "similarity"):
        made = aggregate(name, states, [0.5, 0.5])
        assert set(made.state) == set(states[1])
    assert aggregate("flora", states, [0.5, 0.5]).report["error"] < 1e-6


@pytest.mark.parametrize(
    ("name", "weights", "options", "says"),
    [
        ("mean", [0.5, 0.5], {}, "no aggregation 'mean'; choose from flora, fair, fedavg, svd, ties, dare, similarity"),
        ("flora", [1.0], {}, "2 adapters and 1 weights"),
        ("flora", [0.5, float("nan")], {}, "finite"),
        ("svd", [0.5, -0.5], {}, "0 or more"),
        ("fedavg", [0.0, 0.0], {}, "a sum above 0"),
        ("flora", [0.5, 0.5], {"lam": 1.0}, "no option 'lam'; it has: none"),
        ("fair", [0.5, 0.5], {"lam": -1.0}, "lam is -1.0"),
        ("ties", [0.5, 0.5], {"density": 0.0}, "density is 0.0"),
        ("similarity", [0.5, 0.5], {"temperature": 0.0}, "temperature is 0.0"),
        ("similarity", [0.5, 0.5], {"similarities": [1.0]}, "1 similarities for 2"),
        ("svd", [0.5, 0.5], {"rank": 0}, "rank must be in"),
    ],
)
def test_what_cannot_be_aggregated_is_said(state_of, name, weights, options, says):
    with pytest.raises(ConfigError, match=says):
        aggregate(name, [state_of(), state_of(seed=1)], weights, **options)


def test_a_stack_that_no_file_may_hold_asks_for_a_rank(state_of):
    states = [state_of(seed=i, rank=32) for i in range(9)]
    with pytest.raises(ConfigError, match="rank 288, and genlora writes at most 256"):
        aggregate("flora", states, [1 / 9] * 9)
    assert aggregate("flora", states, [1 / 9] * 9, rank=64).report["error"] < 1e-5


def test_adapters_of_two_bases_are_refused(state_of):
    path = next(iter(state_of()))
    with pytest.raises(AdapterShapeError, match="disagree on its shape"):
        aggregate(
            "flora", [state_of(), AdapterState({path: LoraPair(torch.zeros(2, 8), torch.zeros(9, 2))})], [0.5, 0.5]
        )


def test_every_method_says_where_it_is_from():
    for name, method in AGGREGATIONS.items():
        assert aggregation_named(name) is method and "arXiv" in method.source and method.about
