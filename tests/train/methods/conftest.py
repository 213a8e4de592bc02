"""A tiny base and toy tasks to train on, and a small residual network where the answer is planted."""

import pytest
import torch
from torch import nn

from genlora.adapter import ModuleSpec
from genlora.base import load_base
from genlora.tasks import Example, Task


@pytest.fixture
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


def toy_task(name, answer, n=60):
    return Task(name, ("say",), tuple(Example(f"{name} {i} the", answer) for i in range(n)), family="f", parent=name)


@pytest.fixture
def tasks():
    return [toy_task("one", "the"), toy_task("two", "in")]


class Residual(nn.Module):
    """x <- x + 0.5 tanh(W_l x), l = 0, 1, ...; what methods are tried on where the answer is planted."""

    def __init__(self, layers=6, width=24, seed=0):
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.layers = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(layers)])
        for layer in self.layers:
            layer.weight.data = torch.randn(width, width, generator=rng) / width**0.5
        self.requires_grad_(False)

    def forward(self, x):
        for layer in self.layers:
            x = x + 0.5 * torch.tanh(layer(x))
        return x

    @property
    def specs(self):
        return [ModuleSpec(f"layers.{i}", m.in_features, m.out_features) for i, m in enumerate(self.layers)]
