"""The family of guidances, and DECOR: identities that hold exactly."""

import pytest
import torch

from genlora.errors import ConfigError
from genlora.images import PARTS, PRESETS, Guidance, decor, guidance, unwanted_directions


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("text", [0.0, 1.0, 3.0, 7.5])
def test_coefficients_sum_to_one_before_and_after_injection(name, text):
    chosen = guidance(name, text)
    assert sum(chosen.coefficients.values()) == pytest.approx(1)
    early = chosen.before_subject()
    assert early.subject_empty == early.subject_prompt == 0
    assert sum(early.coefficients.values()) == pytest.approx(1)


def test_presets_are_what_their_formulas_say():
    b0, bc, s0, sc = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).double()
    parts = dict(zip(PARTS, (b0, bc, s0, sc), strict=True))

    def combined(chosen):
        return sum(c * parts[p] for p, c in chosen.coefficients.items())

    w, a, ws = 3.0, 1.7, 2.2
    assert torch.allclose(combined(guidance("cfg", w)), s0 + w * (sc - s0))
    assert torch.allclose(combined(guidance("base_uncond", w)), b0 + w * (sc - b0))
    weak = 0.75 * b0 + 0.25 * s0
    assert torch.allclose(combined(guidance("steering", w, 0.25)), weak + w * (sc - weak))
    g_b, g_s = b0 + w * (bc - b0), s0 + w * (sc - s0)
    assert torch.allclose(combined(guidance("autoguidance", w, a)), g_b + a * (g_s - g_b))
    assert torch.allclose(combined(guidance("hybrid", w, ws)), b0 + w * (bc - b0) + ws * (sc - bc))


def test_hybrid_holds_the_others_as_its_ends():
    assert guidance("hybrid", 3.0, 0.0).needed.keys() == {"base_empty", "base_prompt"}
    assert guidance("hybrid", 3.0, 3.0) == guidance("base_uncond", 3.0) == guidance("hybrid", 3.0)
    assert guidance("steering", 3.0, 0.0) == guidance("base_uncond", 3.0)
    assert guidance("autoguidance", 3.0, 1.0).needed == guidance("cfg", 3.0).needed
    assert len(guidance("hybrid", 3.0, 4.0).needed) == 3


def test_hybrid_moves_the_mean_of_gaussian_scores_as_derived():
    """With scores of Gaussians of one spread, the guided one is that of the combined mean."""
    mu = {"base_empty": 0.0, "base_prompt": 1.0, "subject_empty": -0.5, "subject_prompt": 1.8}
    wt, ws = 2.0, 1.5
    text, subject = mu["base_prompt"] - mu["base_empty"], mu["subject_prompt"] - mu["base_prompt"]
    wanted = mu["base_empty"] + wt * text + ws * subject
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(20000, generator=rng) * 3
    coefficients = guidance("hybrid", wt, ws).coefficients
    for step in range(400):  # unadjusted Langevin, with a step that ends small
        rate = 0.05 if step < 300 else 0.01
        score = sum(c * (mu[p] - x) for p, c in coefficients.items())
        x = x + rate * score + (2 * rate) ** 0.5 * torch.randn(x.shape, generator=rng)
    assert x.mean().item() == pytest.approx(wanted, abs=3 * x.std().item() / 20000**0.5 + 0.01)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: guidance("hm_cfg"), "choose from cfg"),
        (lambda: guidance("cfg", float("nan")), "text weight"),
        (lambda: guidance("hybrid", 3.0, 1e6), "subject weight"),
        (lambda: Guidance(base_empty=0.5), "expected 1"),
    ],
)
def test_what_is_no_guidance_is_refused(call, says):
    with pytest.raises(ConfigError, match=says):
        call()


def test_decor_takes_out_exactly_what_is_unwanted():
    rng = torch.Generator().manual_seed(1)
    unwanted, states = torch.randn(3, 16, generator=rng), torch.randn(2, 5, 16, generator=rng)
    v = unwanted_directions(unwanted)
    p = v @ v.T
    assert v.shape == (16, 3)
    assert torch.allclose(p, p.T, atol=1e-6) and torch.allclose(p @ p, p, atol=1e-6)
    assert torch.equal(decor(states, v, 0.0), states)
    gone = decor(states, v, 1.0)
    assert (gone @ unwanted.T).abs().max() < 1e-5
    assert torch.allclose(decor(gone, v, 1.0), gone, atol=1e-6)
    half = decor(states, v, 0.5)
    assert torch.allclose(half, (states + gone) / 2, atol=1e-6)
    other = torch.randn(16, generator=rng)
    other = other - v @ (v.T @ other)
    assert torch.allclose(gone @ other, states @ other, atol=1e-5)


def test_decor_counts_directions_not_tokens():
    row = torch.randn(1, 16, generator=torch.Generator().manual_seed(2))
    assert unwanted_directions(torch.cat([row, 2 * row, -row])).shape == (16, 1)
    assert unwanted_directions(torch.eye(4, 16), keep=2).shape == (16, 2)
    with pytest.raises(ConfigError, match="0 to 1"):
        decor(row, row.T, 1.5)
