"""The joint basis: experts come back, whatever their spelling; distances hold; damage is refused."""

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, weighted_sum
from genlora.errors import AdapterShapeError, BankError, ManifestError
from genlora.generators import JointBasis, fit_basis

SHAPES = {"layer.0.q": (16, 16), "layer.0.v": (8, 16), "layer.1.q": (16, 16), "layer.1.v": (8, 16)}


def experts(n, *, shared=6, rank=3, seed=0):
    """Random experts whose rows and columns lie in `shared` directions per module."""
    g = torch.Generator().manual_seed(seed)
    spans = {
        p: (torch.randn(out, shared, generator=g), torch.randn(shared, inp, generator=g))
        for p, (out, inp) in SHAPES.items()
    }
    made = []
    for _ in range(n):
        pairs = {}
        for path, (left, right) in spans.items():
            a, b = torch.randn(rank, shared, generator=g) @ right, left @ torch.randn(shared, rank, generator=g)
            pairs[path] = LoraPair(a, b, 0.5)
        made.append(AdapterState(pairs))
    return made


def gap(one, two):
    return float(torch.cat([(one[p].delta() - two[p].delta()).flatten() for p in one]).norm())


def size(state):
    return float(torch.cat([p.delta().flatten() for p in state.values()]).norm())


def test_experts_come_back_but_for_four_bits():
    states = experts(5)
    basis = fit_basis(states, keep=3)
    assert basis.dim == 4 and basis.library.shape == (5, 4)  # five experts around their mean
    for i, state in enumerate(states):
        made, lost = basis.state(basis.library[i], 3)
        assert gap(made, state) < 0.15 * size(state) and lost < 1e-5
        assert basis.error(state, basis.library[i]) == pytest.approx(gap(made, state) / size(state), abs=1e-3)
        assert made["layer.0.q"].a.shape == (3, 16) and made["layer.0.q"].scale == 1.0
        assert float((basis.coefficients(made) - basis.library[i]).norm()) < 1e-3 * float(basis.library[i].norm())


def test_coefficients_do_not_depend_on_the_spelling():
    states = experts(4)
    basis = fit_basis(states)
    m = torch.randn(3, 3, generator=torch.Generator().manual_seed(1)) + 3 * torch.eye(3)
    other = AdapterState(
        {k: LoraPair(torch.linalg.inv(m) @ p.a, 2 * p.b @ m, p.scale / 2) for k, p in states[0].items()}
    )
    assert torch.allclose(basis.coefficients(states[0]), basis.coefficients(other), rtol=1e-3, atol=1e-3)


def test_distances_are_those_of_the_updates():
    states = experts(6)
    basis = fit_basis(states, keep=3)
    kept = [basis.state(c, 3)[0] for c in basis.library]
    for i, j in ((0, 1), (2, 5), (3, 4)):
        told = float((basis.library[i] - basis.library[j]).norm())
        assert told == pytest.approx(gap(kept[i], kept[j]), rel=1e-3)
        assert told == pytest.approx(gap(states[i], states[j]), rel=0.1)


def test_a_mixture_is_the_weighted_sum_of_its_experts():
    states = experts(5)
    basis = fit_basis(states, keep=3)
    c = 0.25 * basis.library[0] + 0.75 * basis.library[3]
    assert torch.allclose(basis.weights(c), torch.tensor([0.25, 0, 0, 0.75, 0], dtype=torch.float64), atol=1e-4)
    kept = [basis.state(basis.library[i], 3)[0] for i in (0, 3)]
    exact, lost = weighted_sum(kept, [0.25, 0.75], rank=4)
    made, also_lost = basis.state(c, 4)
    assert gap(made, exact) < 0.01 * size(exact) and also_lost == pytest.approx(lost, abs=1e-3)


def test_directions_that_are_dropped_are_told():
    states = experts(5)
    basis = fit_basis(states, keep=1)
    for i, state in enumerate(states):
        assert basis.error(state, basis.library[i]) > 0.3


def test_rank_is_padded_or_cut():
    states = experts(3)
    basis = fit_basis(states, keep=3)
    c = basis.library[0]
    assert gap(basis.state(c, 8)[0], basis.state(c, 3)[0]) < 1e-3 * size(states[0])
    cut, lost = basis.state(c, 1)
    assert cut["layer.0.v"].rank == 1 and 0 < lost < 1


def test_it_is_read_as_it_was_written():
    basis = fit_basis(experts(4))
    again = JointBasis.read(basis.tensors(), basis.shape(), where="x")
    assert basis.tensors()["basis.0.a"].dtype == torch.uint8
    one, two = (b.state(b.library[1], 3)[0] for b in (basis, again))
    assert all(torch.equal(one[p].a, two[p].a) and torch.equal(one[p].b, two[p].b) for p in one)
    assert torch.equal(basis.library, again.library)


def test_damage_and_strangers_are_refused():
    states = experts(3)
    basis = fit_basis(states)
    tensors = basis.tensors()
    with pytest.raises(ManifestError, match="x: not a joint basis"):
        JointBasis.read({k: v for k, v in tensors.items() if k != "basis.1.a"}, basis.shape(), where="x")
    with pytest.raises(ManifestError, match="not a joint basis"):
        JointBasis.read({**tensors, "basis.gram": torch.zeros(2, 2)}, basis.shape(), where="x")
    with pytest.raises(AdapterShapeError, match="does not fit the basis"):
        basis.coefficients(AdapterState({"layer.0.q": states[0]["layer.0.q"]}))
    with pytest.raises(AdapterShapeError, match="differ in their modules"):
        fit_basis([states[0], AdapterState({"layer.0.q": states[0]["layer.0.q"]})])
    with pytest.raises(BankError, match="at least 2 experts, got 1"):
        fit_basis(states[:1])
