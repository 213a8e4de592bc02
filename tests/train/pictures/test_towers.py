"""Two towers on planted features: captions are learned, a few shots of a shifted world are enough, errors are said."""

import pytest
import torch

from genlora.errors import ConfigError
from genlora.train.methods import MethodConfig, SingleConfig
from genlora.train.pictures import TowersConfig, adapt_towers, fit_towers, shot_accuracy

COLOURS, SHAPES = ("red", "green", "blue", "grey"), ("ball", "cube", "cone")
NAMES = [f"a {c} {s}" for c in COLOURS for s in SHAPES]


def world(n, seed, *, turned=False):
    """Features (n, 2 tokens, 8) that show a colour and a shape, and which of NAMES each is."""
    draw = torch.Generator().manual_seed(seed)
    label = torch.randint(len(NAMES), (n,), generator=draw)
    features = 0.3 * torch.randn(n, 2, 8, generator=draw)
    features[torch.arange(n), 0, label // len(SHAPES)] += 1.5
    features[torch.arange(n), 1, 4 + label % len(SHAPES)] += 1.5
    return (features.flip(1) if turned else features), label


@pytest.fixture(scope="module")
def towers():
    features, label = world(400, 0)
    return fit_towers(features, [NAMES[i] for i in label], TowersConfig(hidden=16, out=16, steps=80, batch=32, lr=1e-2))


def test_pictures_find_their_captions(towers):
    features, label = world(200, 1)
    assert shot_accuracy(towers, features, label, NAMES) > 0.9


@pytest.mark.parametrize(
    "method",
    [
        MethodConfig(),
        MethodConfig(structure="block", options={"blocks": 2}),
        MethodConfig(structure="complement", options={"energy": 0.3}),
        MethodConfig(rules=("glad",)),
    ],
    ids=lambda m: "+".join([m.structure, *m.rules]),
)
def test_few_pictures_of_another_world_are_enough_and_the_towers_stay(towers, method):
    features, label = world(96, 2, turned=True)
    test = world(200, 3, turned=True)
    before = shot_accuracy(towers, *test, NAMES)
    made = adapt_towers(towers, features, label, NAMES, SingleConfig(rank=4, steps=40, lr=1e-2, method=method))
    assert shot_accuracy(towers, *test, NAMES, made.state) > before + 0.15
    assert shot_accuracy(towers, *test, NAMES) == before


def test_what_does_not_fit_is_said(towers):
    features, label = world(4, 0)
    with pytest.raises(ConfigError, match="'dog' is none of the 8 words known"):
        shot_accuracy(towers, features, label, ["a red dog"])
    with pytest.raises(ConfigError, match="4 pictures with 1 captions"):
        fit_towers(features, ["a red ball"])
    with pytest.raises(ConfigError, match="one of 2 classes for each of 4"):
        adapt_towers(towers, features, torch.tensor([0, 1, 2, 0]), NAMES[:2], SingleConfig())
    with pytest.raises(ConfigError, match="at least 1"):
        TowersConfig(steps=0)
