"""Few-shot refinement: the divergence, the pull of the prior, a task where it must win, and a tiny base."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genlora.base import load_base
from genlora.errors import AdapterShapeError, ConfigError, ManifestError, TaskError, TrainingError
from genlora.evaluate import calibration_error
from genlora.tasks import Example
from genlora.train import InnerConfig, RefinePrior, refine
from genlora.train._bayes import adapt, deviations, direction_kl, drawn, factors_of, library_scales, placed, state_of
from genlora.train._fit_abmll import divergence_at


def factors(seed, *, layers=2, rank=2, d_in=5, d_out=4, size=1.0):
    g = torch.Generator().manual_seed(seed)
    return {
        "q": (size * torch.randn(layers, rank, d_in, generator=g), size * torch.randn(layers, d_out, rank, generator=g))
    }


def scales(value, *, layers=2, rank=2):
    return {"q": (torch.full((layers, rank), value), torch.full((layers, rank), value))}


def test_divergence_is_that_of_torch():
    mean, prior = factors(0), scales(0.3)
    u, v = factors(1), {"q": (0.2 * torch.randn(2, 2), 0.2 * torch.randn(2, 2))}
    at, deviation = placed(mean, prior, u), deviations(prior, v)
    expected = torch.zeros(())
    for m, x, s, d in (
        (mean["q"][0], at["q"][0], prior["q"][0][:, :, None], deviation["q"][0][:, :, None]),
        (mean["q"][1], at["q"][1], prior["q"][1][:, None, :], deviation["q"][1][:, None, :]),
    ):
        expected = expected + kl_divergence(Normal(x, d.expand_as(x)), Normal(m, s.expand_as(m))).sum()
    assert float(direction_kl(u, v)) == pytest.approx(float(expected), rel=1e-5)

    posterior = adapt(lambda f, _: f["q"][0].sum() * 0, mean, prior, InnerConfig(steps=1, beta=0.0))
    assert float(divergence_at(posterior, mean, prior)) == pytest.approx(posterior.divergence, rel=1e-4)


def test_draws_have_the_mean_and_deviation_they_are_asked_for():
    mean, deviation = factors(0), scales(0.5)
    draws = drawn(mean, deviation, torch.Generator().manual_seed(0), 4000)
    assert torch.allclose(draws["q"][1].mean(0), mean["q"][1], atol=0.05)
    assert torch.allclose(draws["q"][1].std(0), torch.full((2, 4, 2), 0.5), rtol=0.05)


def test_a_large_beta_pins_the_posterior_to_the_prior():
    mean, prior, goal = factors(0), scales(0.3), factors(3)["q"][0]

    def loss(f, _):
        return (f["q"][0] - goal).square().mean()

    free = adapt(loss, mean, prior, InnerConfig(steps=60, beta=0.0))
    pinned = adapt(loss, mean, prior, InnerConfig(steps=60, beta=100.0))
    assert float((free.mean["q"][0] - goal).norm()) < 0.5 * float((mean["q"][0] - goal).norm())
    assert torch.allclose(pinned.mean["q"][0], mean["q"][0], atol=0.03)
    assert pinned.divergence < free.divergence
    again = adapt(loss, mean, prior, InnerConfig(steps=60, beta=0.0))
    assert torch.equal(free.mean["q"][0], again.mean["q"][0])


def test_a_loss_that_is_not_finite_ends_it():
    with pytest.raises(TrainingError, match="step 0: the loss is nan"):
        adapt(lambda f, _: f["q"][0].sum() * float("nan"), factors(0), scales(0.1), InnerConfig())


def toy(seed, tasks=6, shots=16):
    """Tasks of a frozen two-layer network: one low-rank shift that all share, a smaller one of each task's own."""
    g = torch.Generator().manual_seed(seed)
    w1, w2 = torch.randn(32, 16, generator=g) / 4, torch.randn(4, 32, generator=g) / 4
    shared = (torch.randn(2, 16, generator=g) / 2, torch.randn(32, 2, generator=g) / 2)

    def answers(a, b, x):
        return (x @ (w1 + b @ a).mT).tanh() @ w2.mT * 4

    for _ in range(tasks):
        own = (shared[0] + 0.15 * torch.randn(2, 16, generator=g), shared[1] + 0.15 * torch.randn(32, 2, generator=g))
        x = torch.randn(shots + 400, 16, generator=g)
        y = torch.distributions.Categorical(logits=answers(*own, x)).probs.argmax(1)
        yield (lambda f, x=x: answers(f["q"][0][:, 0], f["q"][1][:, 0], x)), x, y, shared


def test_it_beats_a_lora_from_nothing_in_accuracy_and_calibration():
    won, plain = [], []
    for seed in range(3):
        for logits, _x, y, shared in toy(seed):
            mean = {"q": (shared[0][None], shared[1][None])}

            def loss(f, _, logits=logits, y=y):
                return torch.nn.functional.cross_entropy(logits(f)[0, :16], y[:16])

            prior = {"q": (torch.full((1, 2), 0.15), torch.full((1, 2), 0.15))}
            posterior = adapt(loss, mean, prior, InnerConfig(steps=60, lr=0.1, beta=1e-3, start=0.5))
            draws = posterior.sample(torch.Generator().manual_seed(0), 10)
            won.append((logits(draws)[:, 16:].softmax(-1).mean(0), y[16:]))

            a = (torch.randn(1, 1, 2, 16, generator=torch.Generator().manual_seed(1)) / 4).requires_grad_()
            b = torch.zeros(1, 1, 32, 2, requires_grad=True)
            optimizer = torch.optim.Adam([a, b], lr=0.05)
            for _ in range(60):
                optimizer.zero_grad()
                loss({"q": (a, b)}, None).backward()
                optimizer.step()
            plain.append((logits({"q": (a, b)})[0, 16:].softmax(-1).detach(), y[16:]))

    def measured(pairs):
        confidence = np.concatenate([p.max(1).values.numpy() for p, _ in pairs])
        right = np.concatenate([(p.argmax(1) == y).float().numpy() for p, y in pairs])
        return float(right.mean()), calibration_error(confidence, right)

    (accuracy, error), (plain_accuracy, plain_error) = measured(won), measured(plain)
    assert accuracy >= plain_accuracy + 0.04, (accuracy, plain_accuracy)
    assert error <= plain_error / 2, (error, plain_error)


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def prior_for(base, share=0.3, **inner):
    layers = base.layout.n_layers
    one = {leaf: (torch.full((layers, 4), share), torch.full((layers, 4), share)) for leaf in ("q_proj", "v_proj")}
    return RefinePrior(one, InnerConfig(**inner), ("q_proj", "v_proj"), 4)


def some_state(base, seed=0):
    g = torch.Generator().manual_seed(seed)
    made = {}
    for leaf in ("q_proj", "v_proj"):
        m = base.layout.of((leaf,))
        made[leaf] = (
            0.1 * torch.randn(len(m), 4, m[0].d_in, generator=g),
            0.1 * torch.randn(len(m), m[0].d_out, 4, generator=g),
        )
    return state_of(made, base.layout)


EXAMPLES = tuple(Example(f"say {i}", "the") for i in range(6))


def test_refining_lowers_the_loss_and_leaves_the_base_alone(base):
    modules = {m.path: base.model.get_submodule(m.path) for m in base.layout.of(("q_proj", "v_proj"))}
    prior = prior_for(base, steps=30, lr=0.1, beta=0.0)
    posterior = refine(base, some_state(base), EXAMPLES, prior)
    assert np.mean(posterior.losses[-5:]) < 0.9 * np.mean(posterior.losses[:3])
    assert all(base.model.get_submodule(p) is m for p, m in modules.items())
    state = posterior.state(base.layout)
    assert set(state) == set(modules) and all(p.rank == 4 for p in state.values())
    again = refine(base, some_state(base), EXAMPLES, prior).state(base.layout)
    assert all(torch.equal(state[p].a, again[p].a) for p in state)
    other = refine(base, some_state(base), EXAMPLES, prior, seed=1).state(base.layout)
    assert not all(torch.equal(state[p].a, other[p].a) for p in state)


def test_bad_input_is_named(base):
    with pytest.raises(TaskError, match="no examples to refine on"):
        refine(base, some_state(base), (), prior_for(base))
    state = some_state(base)
    part = type(state)({p: x for p, x in state.items() if "q_proj" in p})
    with pytest.raises(AdapterShapeError, match=r"which is refined; expected q_proj, v_proj in every layer"):
        refine(base, part, EXAMPLES, prior_for(base))
    with pytest.raises(ConfigError, match="expected at least 1 step"):
        InnerConfig(steps=0)


def test_a_prior_is_read_as_it_was_written_and_refused_when_damaged(base):
    artefact = prior_for(base, steps=7).artefact(base, "e" * 64, {})
    again = RefinePrior.read(artefact, base.layout)
    assert again.inner.steps == 7 and torch.equal(again.scales["q_proj"][0], torch.full((2, 4), 0.3))
    for wrong in (torch.zeros(2, 4), torch.ones(3, 4), torch.full((2, 4), float("nan"))):
        broken = type(artefact)(**{**vars(artefact), "tensors": {**artefact.tensors, "q_proj.a": wrong}})
        with pytest.raises(ManifestError, match="not a prior"):
            RefinePrior.read(broken, base.layout)


def test_a_library_gives_a_prior_of_its_own_size():
    library = {"one": factors(0, size=0.1), "two": factors(1, size=0.1)}
    found = library_scales(library, 0.5)
    assert found["q"][0].shape == (2, 2) and float(found["q"][0].mean()) == pytest.approx(0.05, rel=0.3)


def test_canonical_factors_spell_the_same_update(base):
    state = some_state(base)
    again = state_of(factors_of(state, base.layout, ("q_proj", "v_proj"), 4), base.layout)
    assert all(torch.allclose(state[p].delta(), again[p].delta(), atol=1e-5) for p in state)
