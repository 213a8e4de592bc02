"""Damage of pictures, the restorer, and its adapter: what is known of each kind, and what is refused."""

import pytest
import torch

from genlora.errors import ConfigError
from genlora.images import DAMAGES, PROD, degrade
from genlora.train.methods import MethodConfig, SingleConfig
from genlora.train.pictures import RestorerConfig, adapt_restorer, fit_restorer, restored_decibels

SMALL = RestorerConfig(reach=1, width=12, layers=1, steps=200, batch=6, lr=1e-2)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def squares(n, seed=0):
    """Flat squares on flat grounds."""
    draw = rng(seed)
    pictures = torch.rand(n, 3, 1, 1, generator=draw).repeat(1, 1, 16, 16)
    for picture in pictures:
        y, x = torch.randint(2, 8, (2,), generator=draw).tolist()
        picture[:, y : y + 6, x : x + 6] = torch.rand(3, 1, 1, generator=draw)
    return pictures


@pytest.mark.parametrize("kind", DAMAGES)
def test_each_kind_changes_pictures_within_bounds_and_the_same_draw_the_same_way(kind):
    clean = squares(4)
    out = degrade(clean, [kind], rng(1))
    assert out.shape == clean.shape and 0 <= float(out.min()) and float(out.max()) <= 1
    assert torch.equal(out, degrade(clean, [kind], rng(1))) and not torch.equal(out, degrade(clean, [kind], rng(2)))
    assert all(not torch.equal(a, b) for a, b in zip(out, clean, strict=True))


def test_blur_keeps_flat_pictures_and_haze_lightens_them():
    flat = torch.full((3, 3, 16, 16), 0.3)
    assert torch.allclose(degrade(flat, ["blur"], rng()), flat, atol=1e-5)
    assert float(degrade(flat, ["haze"], rng()).mean()) > 0.4


def test_several_kinds_damage_more_than_one():
    clean = squares(40)
    one, many = (float((degrade(clean, PROD, rng(3), most=k) - clean).square().mean()) for k in (1, 4))
    assert many > one


def test_what_is_no_damage_is_said():
    with pytest.raises(ConfigError, match="no degradation is called 'dust'; expected some of noise"):
        degrade(squares(1), ["dust"], rng())
    with pytest.raises(ConfigError, match="most is 3, expected from 1 to the 2 kinds"):
        degrade(squares(1), ["noise", "blur"], rng(), most=3)
    with pytest.raises(ConfigError, match="at least 1"):
        RestorerConfig(width=0)


def test_a_restorer_is_adapted_to_damage_it_never_saw_and_stays_what_it_was():
    clean = squares(48)
    restorer = fit_restorer(clean, ["noise", "coarse"], SMALL, most=2)
    test, draw = squares(24, seed=5), rng(7)
    hazy, noisy = degrade(test, ["haze"], draw), degrade(test, ["noise"], draw)
    asis = [
        restored_decibels(fit_restorer(clean, ["noise"], RestorerConfig(steps=1, lr=1e-9)), x, test)
        for x in (hazy, noisy)
    ]
    assert restored_decibels(restorer, noisy, test) > asis[1] + 0.5
    before = restored_decibels(restorer, hazy, test)
    method = MethodConfig(allocate="contribution", options={"steps": 2, "points": 2, "batches": 1})
    shown = squares(16, seed=9)
    made = adapt_restorer(
        restorer, degrade(shown, ["haze"], draw), shown, SingleConfig(rank=2, steps=60, lr=1e-2, method=method)
    )
    assert restored_decibels(restorer, hazy, test, made.state) > before + 0.5
    assert restored_decibels(restorer, hazy, test) == before
    with pytest.raises(ConfigError, match="expected pairs"):
        adapt_restorer(restorer, hazy, test[:3], SingleConfig())
