"""Figures against hand-made numbers: gap closure, intervals, calibration error, ranks, novelty."""

import math

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.evaluate import Novelty, Prediction, UnitResult, calibration_error
from genlora.evaluate._metrics import Scores, Series, closure, gap, level, ranks, spearman, spearman_interval


def unit(method, task, strict, variant="one"):
    rows = tuple(Prediction(f"q{i}", ("a",), "b", float(s), float(s), True, 0.5, 0.5, 7) for i, s in enumerate(strict))
    return UnitResult(method, task, variant, None, 0, {}, rows)


def test_scores_are_means_over_tasks_paraphrases_and_examples():
    s = Scores(
        [
            unit("m", "t1", [1, 1, 0, 0], "d0"),
            unit("m", "t1", [1, 0, 0, 0], "d1"),
            unit("m", "t1", [0, 0, 0, 0], "s1"),
            unit("m", "t2", [1, 1]),
        ]
    )
    assert s.vector(Series("m"), "t1").tolist() == [1, 0.5, 0, 0]
    found = s.estimate(level, [Series("m")], ["t1", "t2", "unknown"])
    assert found is not None and found.tasks == 2
    assert found.value == pytest.approx((0.375 + 1) / 2)
    assert found.low <= found.value <= found.high
    assert s.estimate(level, [Series("nobody")], ["t1"]) is None


def test_intervals_are_paired():
    """Two methods that differ by one and the same answer everywhere: no doubt about the difference, much about each."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 60)
    results = [unit("a", "t", np.maximum(a - 0.25, 0)), unit("b", "t", np.maximum(a - 0.25, 0) * 1.0)]
    s = Scores(results)
    alone = s.estimate(level, [Series("a")], ["t"])
    both = s.estimate(gap, [Series("a"), Series("b")], ["t"])
    assert alone is not None and alone.high - alone.low > 0.1
    assert both is not None and both.low == both.high == both.value == 0


def test_the_stratified_interval_covers_as_often_as_it_says():
    """Means of many small experiments: about 95 % of the intervals hold the truth."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(120):
        truth = [0.3, 0.7]
        s = Scores([unit("m", f"t{k}", rng.random(60) < p) for k, p in enumerate(truth)], draws=400)
        found = s.estimate(level, [Series("m")], ["t0", "t1"])
        hits += found is not None and found.low <= 0.5 <= found.high
    assert 105 <= hits <= 120


def test_more_tasks_say_more_about_other_tasks():
    few = Scores([unit("m", f"t{i}", [i % 2] * 10) for i in range(4)])
    many = Scores([unit("m", f"t{i}", [i % 2] * 10) for i in range(40)])
    a = few.estimate(level, [Series("m")], [f"t{i}" for i in range(4)])
    b = many.estimate(level, [Series("m")], [f"t{i}" for i in range(40)])
    assert a is not None and b is not None
    assert a.low == a.high == 0.5  # each task is answered all right or all wrong
    assert a.task_high - a.task_low > 2 * (b.task_high - b.task_low) > 0


def test_gap_closure():
    s = Scores([unit("m", "t", [1, 0, 0, 0]), unit("base", "t", [0, 0, 0, 0]), unit("own", "t", [1, 1, 0, 0])])
    found = s.estimate(closure, [Series("m"), Series("base"), Series("own")], ["t"])
    assert found is not None and found.value == pytest.approx(0.5)
    none = s.estimate(closure, [Series("m"), Series("own"), Series("own")], ["t"])
    assert none is not None and not math.isfinite(none.value) and math.isnan(none.low)


def test_calibration_error():
    assert calibration_error([0.95] * 20, [1.0] * 19 + [0.0]) == pytest.approx(0.0)
    assert calibration_error([1.0, 1.0], [0.0, 0.0]) == 1.0
    # two bins: |0.5 - 0.05| for half, |1 - 0.95| for half
    assert calibration_error([0.05, 0.05, 0.95, 0.95], [1, 0, 1, 1]) == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)
    assert math.isnan(calibration_error([], []))


def test_spearman_equals_scipy():
    scipy = pytest.importorskip("scipy.stats", reason="comes with scikit-learn, which genlora does not ask for itself")
    rng = np.random.default_rng(3)
    for _ in range(5):
        a, b = rng.integers(0, 6, 20).tolist(), rng.normal(size=20).tolist()
        assert spearman(a, b) == pytest.approx(scipy.spearmanr(a, b).statistic)
        assert ranks(a).tolist() == scipy.rankdata(a).tolist()
    assert math.isnan(spearman([1, 2], [1, 2])) and math.isnan(spearman([1, 1, 1], [1, 2, 3]))
    low, high = spearman_interval(list(range(12)), list(range(12)), draws=50)
    assert low == pytest.approx(1) and high == pytest.approx(1)


def random_state(seed, rank=3):
    g = torch.Generator().manual_seed(seed)

    def pair():
        return LoraPair(torch.randn(rank, 6, generator=g), torch.randn(5, rank, generator=g), 2.0)

    return AdapterState({"q": pair(), "v": pair()})


def test_novelty_is_the_cosine_of_products():
    experts = {f"e{i}": random_state(i) for i in range(4)}
    novelty = Novelty(experts)
    state = random_state(9, rank=2)
    flat = {n: torch.cat([s[p].delta().flatten() for p in s]) for n, s in {**experts, "x": state}.items()}
    expected = [float(torch.cosine_similarity(flat["x"], flat[n], dim=0)) for n in experts]
    assert novelty.cosines(state) == pytest.approx(expected, abs=1e-5)
    nearest = novelty.nearest(state)
    assert nearest.name == f"e{int(np.argmax(expected))}"
    mix = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(5))).Q * 2
    inverse = torch.linalg.inv(mix)
    same = AdapterState({p: LoraPair(inverse @ x.a, x.b @ mix, x.scale) for p, x in experts["e2"].items()})
    assert novelty.nearest(same).name == "e2" and novelty.nearest(same).cosine == pytest.approx(1, abs=1e-5)
    among = novelty.among_experts(experts)
    assert len(among) == 4 and all(-1 <= c < 0.99 for c in among)
