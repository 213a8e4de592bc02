"""A toy task that a tiny base learns, and that base."""

import pytest

from genlora.base import load_base
from genlora.tasks import Example, Task


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


def task(name, answer, n=60):
    return Task(name, ("say a word",), tuple(Example(f"{name} {i} the", answer) for i in range(n)), "toy", name)
