import numpy as np
import pytest

from genlora.evaluate import paired_difference


def test_pairing_sees_what_unpaired_means_hide():
    rng = np.random.default_rng(0)
    theirs = rng.random(60)
    ours = theirs + 0.01
    gap = paired_difference(ours.tolist(), theirs.tolist())
    assert gap.low == pytest.approx(0.01) and gap.high == pytest.approx(0.01)
    shuffled = paired_difference(ours.tolist(), rng.permutation(theirs).tolist())
    assert shuffled.low < 0 < shuffled.high


def test_the_bound_covers_as_often_as_it_says():
    """One-sided 90 %: the lower end of the 80 % interval lies below the true mean in about nine of ten samples."""
    rng = np.random.default_rng(1)
    covered = 0
    for i in range(300):
        draw = (rng.random(60) < 0.6).astype(float)
        covered += paired_difference(draw, np.zeros(60), seed=i, draws=500).low <= 0.6
    assert 0.86 <= covered / 300 <= 0.95


def test_the_same_seed_gives_the_same_interval():
    a = [1.0, 0.0, 1.0, 1.0] * 20
    b = [0.0, 0.0, 1.0, 0.0] * 20
    assert paired_difference(a, b, seed=3) == paired_difference(a, b, seed=3)
    assert paired_difference(a, b).n == 80
