"""The CVAE on banks whose structure is known: hits the cluster it is asked for, and beats averaging on unseen tasks."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genlora.adapter import AdapterState, LoraPair
from genlora.errors import ConfigError
from genlora.generators import Cvae, CvaeConfig, aggregate_condition, fit_basis, gaussian_kl, softmax
from genlora.train import CvaeFitConfig
from genlora.train._cvae_data import CvaeData, condition_of
from genlora.train._fit_cvae import CvaeFit
from genlora.train.loop._lightning import Step


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def trained(data, config):
    torch.manual_seed(0)
    module = CvaeFit(data, config)
    optimizer, schedule = module.optimizers(config.steps)
    for i in range(config.steps):
        optimizer.zero_grad()
        module.losses(Step(i, torch.Generator().manual_seed(i)))["loss"].backward()
        optimizer.step()
        schedule.step()
    return module.eval()


def test_divergence_is_that_of_torch():
    g = torch.Generator().manual_seed(0)
    mu, log_var, m, lv = (torch.randn(5, 10, generator=g) for _ in range(4))
    expected = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(m, (lv / 2).exp()))
    assert torch.allclose(gaussian_kl(mu, log_var, m, lv), expected, atol=1e-5)


def test_condition_is_the_mean_and_deviation_of_the_mixture():
    g = torch.Generator().manual_seed(0)
    rows, noise = torch.randn(4, 5, generator=g), torch.rand(5, generator=g)
    weights = softmax([0.9, 0.7, 0.6, 0.2], 0.3)
    found = aggregate_condition(weights, rows, noise)
    picked = torch.multinomial(torch.tensor(weights), 200_000, replacement=True, generator=g)
    draws = rows[picked] + noise * torch.randn(200_000, 5, generator=g)
    assert torch.allclose(found[:5], draws.mean(0), atol=0.02)
    assert torch.allclose(found[5:] ** 2, draws.var(0), rtol=0.02)
    assert torch.equal(aggregate_condition([1.0], rows[:1], noise)[:5], rows[0])


def _near(pair, g):
    a, b = (x + 0.05 * torch.randn(x.shape, generator=g) for x in pair)
    return LoraPair(a, b)


def clusters(n=8, each=20, seed=0):
    """`n` tasks with `each` checkpoints: LoRA pairs near a common start, as trained experts are."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"layer.0.q": (12, 12), "layer.0.v": (6, 12)}
    start = {p: torch.randn(2, d, generator=g) for p, (_, d) in shapes.items()}
    out = []
    for _ in range(n):
        centre = {
            p: (start[p] + 0.3 * torch.randn(2, i, generator=g), torch.randn(o, 2, generator=g))
            for p, (o, i) in shapes.items()
        }
        out.append([AdapterState({p: _near(pair, g) for p, pair in centre.items()}) for _ in range(each)])
    return out


def test_a_draw_is_nearest_to_the_cluster_it_was_asked_for():
    bank = clusters()
    basis = fit_basis([s for states in bank for s in states], keep=2)
    raw = basis.library.unflatten(0, (8, 20))
    scale = float(raw.square().mean().sqrt())
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(8, 16)))
    data = CvaeData(
        names=tuple(f"t{i}" for i in range(8)),
        parents=tuple(f"t{i}" for i in range(8)),
        w=raw.mean(1) / scale,
        noise=raw.std(1).mean(0) / scale,
        centres=vectors,
        vectors=tuple(unit(v + 0.05 * rng.normal(size=(6, 16))) for v in vectors),
        unseen=tuple(unit(v + 0.05 * rng.normal(size=(2, 16))) for v in vectors),
        examples=None,
    )
    module = trained(data, CvaeFitConfig(steps=500, hidden=64, latent=8, batch=64))
    network = module.networks["text"]
    centres = data.w

    def hits(conditions, targets, draws=8):
        found = []
        for seed in range(draws):
            made = network.sample(torch.from_numpy(conditions), torch.Generator().manual_seed(seed)).detach()
            found.append((torch.cdist(made, centres).argmin(1) == targets).float().mean())
        return float(torch.stack(found).mean())

    asked = np.concatenate([rows for rows in data.unseen])
    targets = torch.arange(8).repeat_interleave(2)
    assert hits(asked, targets) >= 0.95
    assert hits(np.roll(asked, 2, axis=0), targets) <= 0.2  # another task's condition: chance is 1/8
    same = torch.from_numpy(np.repeat(asked[:1], 20, 0))
    assert float(network.sample(same, torch.Generator().manual_seed(0)).detach().std(0).mean()) > 1e-3
    assert module.validate()["nearest"] >= 0.9
    # In product space, after decoding: nearest to the own cluster's mean update there too.
    made = basis.state(
        network.sample(torch.from_numpy(asked[:1]), torch.Generator().manual_seed(1))[0].detach() * scale, 2
    )[0]
    means = [{p: torch.stack([s[p].delta() for s in states]).mean(0) for p in made} for states in bank]
    gaps = [sum(float((made[p].delta() - m[p]).square().sum()) for p in made) for m in means]
    assert int(np.argmin(gaps)) == 0


def families(seed, n_tasks=50, n_clusters=6, dim=24, width=12):
    """Tasks in clusters: an update is its cluster's, plus a linear function of where its description lies in it."""
    rng = np.random.default_rng(seed)
    centre_t, centre_w = unit(rng.normal(size=(n_clusters, width))), rng.normal(size=(n_clusters, dim)) * 0.5
    turn = 2.0 * rng.normal(size=(width, dim)) / width**0.5
    which = np.arange(n_tasks) % n_clusters
    text = unit(centre_t[which] + 0.15 * rng.normal(size=(n_tasks, width)))
    true = centre_w[which] + (text - centre_t[which]) @ turn
    checkpoints = true[:, None] + 0.1 * rng.normal(size=(n_tasks, 30, dim))
    said = unit(text[:, None] + 0.03 * rng.normal(size=(n_tasks, 6, width)))  # six descriptions a task
    return text, true, checkpoints, said


def errors(seed, *, text_appended=True):
    text, true, checkpoints, said = families(seed)
    known, unseen = slice(0, 40), range(40, 50)
    w = torch.from_numpy(checkpoints[known].mean(1)).float()
    noise = torch.from_numpy(checkpoints[known].std(1).mean(0)).float()
    data = CvaeData(
        names=tuple(map(str, range(40))),
        parents=tuple(map(str, range(40))),
        w=w,
        noise=noise,
        centres=text[known],
        vectors=tuple(said[known]),
        unseen=(),
        examples=None,
    )
    config = CvaeFitConfig(
        prior="learned", text=text_appended, steps=700, hidden=96, latent=16, vector_noise=0.1, temperature=0.1
    )
    network = trained(data, config).networks["text"]
    found = {"all-mean": [], "nearest": [], "top-K": [], "cvae": []}
    for i in unseen:
        similarity = text[known] @ text[i]
        order = np.argsort(-similarity)[:4]
        a = torch.tensor(softmax([float(similarity[j]) for j in order], 0.1))
        truth = torch.from_numpy(true[i]).float()
        condition = condition_of(data, config, 0, text[i], leave=False)
        draws = network.sample(condition.expand(8, -1), torch.Generator().manual_seed(0)).detach()
        for name, made in (
            ("all-mean", w.mean(0)),
            ("nearest", w[order[0]]),
            ("top-K", (a[:, None] * w[order]).sum(0)),
            ("cvae", draws),
        ):
            found[name].append(float((made - truth).square().mean()))
    return {k: float(np.mean(v)) for k, v in found.items()}


@pytest.mark.slow
def test_on_unseen_tasks_it_beats_the_aggregate_it_is_conditioned_on():
    results = [errors(seed) for seed in range(5)]
    ordered = [r["cvae"] < r["top-K"] < r["nearest"] < r["all-mean"] for r in results]
    assert sum(ordered) >= 4, results


def test_an_untrained_residual_decoder_gives_the_aggregate():
    network = Cvae(CvaeConfig(dim=3, condition=8, prior="learned", residual=True))
    c = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.sample(c, torch.Generator().manual_seed(0)), c[:, :3])


def test_no_expert_is_in_its_own_condition():
    text, _, checkpoints, said = families(0)
    w = torch.from_numpy(checkpoints[:12].mean(1)).float()
    make = {"centres": text[:12], "vectors": tuple(said[:12]), "unseen": (), "examples": None}
    names = tuple(map(str, range(12)))
    kin = tuple(str(i // 2) for i in range(12))
    config = CvaeFitConfig(prior="learned", steps=1)
    one = CvaeFit(CvaeData(names=names, parents=kin, w=w, noise=torch.zeros(24), **make), config)
    moved = w.clone()
    moved[3] += 100
    two = CvaeFit(CvaeData(names=names, parents=kin, w=moved, noise=torch.zeros(24), **make), config)
    assert torch.equal(one.conditions[3], two.conditions[3])
    assert torch.equal(one.conditions[2][1::2], two.conditions[2][1::2])  # the variants without siblings
    assert not all(torch.equal(a, b) for a, b in zip(one.conditions, two.conditions, strict=True))


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"prior": "flat"}, "prior is 'flat'"), ({"steps": 0}, "steps is 0"), ({"keep": 0}, "keep is 0")],
)
def test_wrong_settings_are_named(settings, says):
    with pytest.raises(ConfigError, match=says):
        CvaeFitConfig(**settings)


def test_wrong_sizes_are_named():
    with pytest.raises(ConfigError, match="latent is 0"):
        CvaeConfig(dim=3, condition=3, latent=0)
    with pytest.raises(ConfigError, match="residual needs a condition of at least 9 numbers, got 3"):
        CvaeConfig(dim=9, condition=3, residual=True)
