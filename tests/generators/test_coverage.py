"""Support, spread and coverage: formulas against dense arithmetic, calibration on a bank whose structure is known."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genlora.adapter import AdapterState, LoraPair
from genlora.errors import ManifestError
from genlora.generators import (
    LOW,
    AggregateGenerator,
    Calibration,
    Request,
    calibrate,
    check_emission,
    check_parts,
    products,
    softmax,
    spread_of,
    support_of,
)

RANK, WIDTH, DIM = 3, 12, 24


def state(seed: int, *, around: AdapterState | None = None, noise: float = 1.0) -> AdapterState:
    """Two modules of unlike shapes; near another state's factors if `around` is given."""
    g = torch.Generator().manual_seed(seed)
    pairs = {}
    for path, (out, inp) in {"layer.0.q": (WIDTH, WIDTH), "layer.0.v": (WIDTH // 2, WIDTH)}.items():
        a, b = torch.randn(RANK, inp, generator=g) * noise, torch.randn(out, RANK, generator=g) * noise
        if around is not None:
            a, b = a + around[path].a, b + around[path].b
        pairs[path] = LoraPair(a, b, 0.5)
    return AdapterState(pairs)


def dense(states):
    return np.array([np.concatenate([p.delta().double().numpy().ravel() for p in s.values()]) for s in states])


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@dataclass
class Record:
    name: str
    parent: str
    embeddings: np.ndarray
    licence: str = "MIT"
    blob: str = "b" * 64


@dataclass
class Found:
    name: str
    similarity: float


class World:
    """Six clusters of five tasks: near in meaning and in weights; one unseen task per cluster is kept apart."""

    rank, generation, layout = RANK, 1, None

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.records, self.states, self.unseen = {}, {}, []
        for c in range(6):
            centre, core = rng.normal(size=DIM), state(1000 * seed + c)
            for t in range(6):
                topic = unit(centre + 0.6 * rng.normal(size=DIM))
                rows = unit(topic + 0.12 * rng.normal(size=(4, DIM)))
                made = state(1000 * seed + 100 + 10 * c + t, around=core, noise=0.4)
                if t == 5:
                    self.unseen.append((rows, made))
                    continue
                name = f"c{c}-t{t}"
                self.records[name], self.states[name] = Record(name, name, rows), made

    def __len__(self):
        return len(self.records)

    def names(self):
        return sorted(self.records)

    def get(self, name):
        return self.records[name]

    def state(self, name):
        return self.states[name]

    def search(self, vector, k):
        scored = [Found(n, float(unit(r.embeddings.mean(0)) @ vector)) for n, r in self.records.items()]
        return sorted(scored, key=lambda f: -f.similarity)[:k]


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def generator(world):
    return AggregateGenerator(world, calibrate(world))


def test_products_are_those_of_dense_updates():
    states = [state(i) for i in range(4)]
    flat = dense(states)
    found = products(states)
    assert np.allclose(found.gram, flat @ flat.T, rtol=1e-5)
    assert np.allclose(sum(found.energies.values()), np.diag(found.gram))
    for path, energy in found.energies.items():
        assert np.allclose(energy, [float(s[path].delta().square().sum()) for s in states], rtol=1e-5)


def test_a_module_that_one_state_lacks_counts_as_zero():
    full, part = state(0), AdapterState({"layer.0.q": state(1)["layer.0.q"]})
    found = products([full, part])
    gram = found.gram
    a, b = full["layer.0.q"].delta(), part["layer.0.q"].delta()
    assert gram[0, 1] == pytest.approx(float((a * b).sum()), rel=1e-5)
    assert found.energies["layer.0.v"][1] == 0
    assert gram[1, 1] == pytest.approx(float((b * b).sum()), rel=1e-5)


def test_spread_is_the_between_expert_variance_of_the_mixture():
    """Monte Carlo over which expert is drawn, to 2 %, and the closed form of the definition."""
    states, weights = [state(i, noise=1 + i / 4) for i in range(4)], softmax([0.5, 0.45, 0.4, 0.3], 0.1)
    flat = dense(states)
    mean = np.asarray(weights) @ flat
    drawn = np.random.default_rng(0).choice(4, 100_000, p=weights)
    variance = ((flat - mean) ** 2).sum(1)[drawn].mean()
    energy = (flat**2).sum(1)[drawn].mean()
    assert spread_of(weights, products(states).gram) == pytest.approx(variance / energy, rel=0.02)


def test_one_expert_has_no_spread_and_equal_orthogonal_ones_have_the_most():
    assert spread_of([1.0], np.array([[2.0]])) == 0
    assert spread_of([0.25] * 4, np.eye(4)) == pytest.approx(0.75)
    assert spread_of([0.5, 0.5], np.ones((2, 2))) == 0
    assert spread_of([0.5, 0.5], np.zeros((2, 2))) == 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8), st.floats(0.001, 100))
def test_softmax_is_a_distribution_in_the_order_of_similarity(similarities, temperature):
    similarities = sorted(similarities, reverse=True)
    weights = softmax(similarities, temperature)
    assert sum(weights) == pytest.approx(1) and weights == sorted(weights, reverse=True)


# Calibrations are stored with six places, so that is what a curve is made of.
curves = st.lists(st.floats(0, 1), min_size=21, max_size=21).map(lambda q: tuple(sorted(round(x, 6) for x in q)))


@given(curves, curves, st.floats(0, 1), st.floats(0, 1))
def test_coverage_is_monotone_and_within_0_and_1(left, own, one, two):
    calibration = Calibration(left, own, 100, 100, 1)
    low, high = sorted((one, two))
    assert 0 <= calibration.coverage(low).value <= calibration.coverage(high).value <= 1
    assert calibration.coverage(0.0).value <= 0.05 or left[0] == 0 or own[0] == 0
    assert calibration.coverage(1.0).value == 1 or left[-1] == 1 or own[-1] == 1


def test_quantiles_a_denormal_apart_do_not_overflow():
    calibration = Calibration((0.0,) * 20 + (5e-324,), (0.0,) * 20 + (2.3e-311,), 100, 100, 1)
    assert 0 <= calibration.coverage(5e-324).value <= 1


def test_support_grows_with_similarity_and_with_agreement():
    apart, alike = np.eye(4), np.ones((4, 4))
    assert support_of([0.6, 0.5, 0.5, 0.5], apart) < support_of([0.7, 0.6, 0.6, 0.6], apart)
    assert support_of([0.6, 0.5, 0.5, 0.5], apart) < support_of([0.6, 0.5, 0.5, 0.5], alike) == 0.6
    assert support_of([-0.2, -0.3], np.eye(2)) == 0


def test_coverage_tells_held_from_unseen_from_foreign(world, generator):
    """Seen tasks in new words, unseen tasks of known clusters, and texts about nothing in the bank, in this order."""
    rng = np.random.default_rng(7)

    def coverage(vector):
        return generator.generate(Request(description="x"), unit(vector)).coverage.value

    held = [coverage(r.embeddings.mean(0) + 0.05 * rng.normal(size=DIM)) for r in world.records.values()]
    unseen = [coverage(rows[0]) for rows, _ in world.unseen]
    foreign = [coverage(rng.normal(size=DIM)) for _ in range(40)]
    assert np.median(held) > 0.5 > np.median(unseen) > np.median(foreign)
    assert np.mean(np.array(foreign) < LOW) >= 0.8 and np.mean(np.array(held) < LOW) == 0


def test_low_coverage_is_said(world, generator):
    away = generator.generate(Request(description="x"), unit(np.random.default_rng(1).normal(size=DIM)))
    assert away.coverage.level == "low" and "coverage is low" in away.warnings[0]
    near = generator.generate(Request(description="x"), unit(world.records["c0-t0"].embeddings[0]))
    assert near.warnings == ()


def test_aggregate_beats_the_nearest_and_the_mean_of_all_on_unseen_tasks():
    """The ordering of seed_systems.md 4.20 in product space, over 5 banks: top-K < nearest < all-mean in at least 4."""
    wins = 0
    for seed in range(5):
        world = World(seed)
        generator = AggregateGenerator(world, calibrate(world))
        everything = dense(world.states.values()).mean(0)
        errors = []
        for rows, truth in world.unseen:
            vector = unit(rows.mean(0))
            target = dense([truth])[0]
            top = generator.generate(Request(description="x", rank=RANK * 4), vector).adapter
            nearest = generator.generate(Request(description="x", top_k=1), vector).adapter
            guesses = (dense([top])[0], dense([nearest])[0], everything)
            errors.append([((g - target) ** 2).mean() for g in guesses])
        top_k, one, mean = np.mean(errors, axis=0)
        wins += top_k < one < mean
    assert wins >= 4


def test_a_calibration_survives_json_and_refuses_anything_else(world):
    made = calibrate(world)
    assert made.calibrated and made.n_own == made.n_left_out == 120
    assert Calibration.from_json(made.to_json()) == made
    for wrong in (None, {}, {**made.to_json(), "own": [1]}, {**made.to_json(), "own": [float("nan")] * 21}):
        with pytest.raises(ManifestError, match="not a calibration"):
            Calibration.from_json(wrong)


def test_a_bank_too_small_to_calibrate_says_so(world):
    small = World()
    small.records = {"c0-t0": small.records["c0-t0"]}
    made = AggregateGenerator(small, calibrate(small)).generate(
        Request(description="x"), unit(small.records["c0-t0"].embeddings[0])
    )
    assert not made.coverage.calibrated and len(made.neighbours) == 1 and made.coverage.value > 0.5


def test_siblings_do_not_vouch_for_each_other(world):
    """With every task of a cluster one parent's, leaving one out leaves out the cluster: less support is typical."""
    family = World()
    for record in family.records.values():
        record.parent = record.name[:2]
    assert max(calibrate(family).left_out) < np.median(calibrate(world).left_out)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("factor", ["a", "b"])
def test_nothing_odd_is_emitted(value, factor):
    part = state(0)
    path = "layer.0.q"
    pair = part[path]
    broken = {"a": pair.a.clone(), "b": pair.b.clone()}
    broken[factor][0, 0] = value
    odd = AdapterState({**part, path: LoraPair(broken["a"], broken["b"], pair.scale)})
    from genlora.errors import AdapterFormatError

    bounds = {path: float(e[0]) for path, e in products([part]).energies.items()}
    with pytest.raises(AdapterFormatError, match=r"layer\.0\.q: the generated update"):
        check_emission(odd, bounds)
    check_emission(part, bounds)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_damaged_expert_is_named(value):
    from genlora.errors import AdapterFormatError

    good, bad = state(0), state(1)
    bad["layer.0.v"].a[0, 0] = value
    with pytest.raises(AdapterFormatError, match=r"expert bad: layer\.0\.v is not finite"):
        check_parts(products([good, bad]).energies, ["good", "bad"])
