"""The head in 8 bits: it names candidates, what is chosen among them is exact, and it serves nothing else."""

import dataclasses

import pytest
import torch
from torch import nn

from genlora.base import load_base
from genlora.engine import Engine, Sampling, _head
from genlora.engine._head import CANDIDATES, ShortHead

from .test_engine import EVERYWHERE, ids, lora, words


@pytest.fixture
def quick(monkeypatch):
    """It is quicker on every machine."""
    monkeypatch.setattr(_head, "quickest", lambda run: 0.0 if run.__name__ == "short" else 1.0)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def head_of(weight, bias=False):
    head = nn.Linear(weight.shape[1], weight.shape[0], bias=bias)
    head.weight.data = weight
    return head.requires_grad_(False)


def test_the_largest_logits_are_exact_and_in_their_place(quick):
    head = head_of(drawn(4000, 64))
    short = ShortHead(head)
    assert short.most == 8
    hidden = head.weight.data[[5, 77, 3999]] + 0.3 * drawn(3, 64, seed=1)
    plain, found = head(hidden), short.logits(hidden)
    assert found is not None and found.shape == plain.shape
    top = plain.topk(CANDIDATES // 4)
    torch.testing.assert_close(found.gather(-1, top.indices), top.values, atol=1e-4, rtol=1e-5)
    assert torch.equal(found.argmax(-1), plain.argmax(-1))
    assert float((found - plain).abs().max()) < 0.05 * float(plain.abs().max())  # the others are near


def test_where_the_best_does_not_stand_out_it_says_nothing(quick):
    weight = drawn(1, 64).expand(500, -1) + 1e-4 * drawn(500, 64, seed=1)  # tokens that 8 bits cannot tell apart
    assert ShortHead(head_of(weight.contiguous())).logits(drawn(2, 64, seed=2)) is None
    broken = ShortHead(head_of(drawn(500, 64)))
    assert broken.logits(torch.full((1, 64), float("nan"))) is None


@pytest.mark.parametrize(
    "head",
    [head_of(drawn(99, 64), bias=True), head_of(drawn(99, 64).bfloat16()), nn.Identity()],
    ids=["a bias", "another type", "no linear"],
)
def test_other_heads_are_left_alone(quick, head):
    assert ShortHead(head).most == 0


def test_what_is_measured_decides(monkeypatch):
    took = iter([1.0, 2.0, 1.0, 2.0, 3.0, 2.0])  # short, plain: quicker for two and four rows, slower for eight
    monkeypatch.setattr(_head, "quickest", lambda run: next(took))
    assert ShortHead(head_of(drawn(99, 64))).most == 4
    monkeypatch.setattr(_head, "quickest", lambda run: 1.0)
    assert ShortHead(head_of(drawn(99, 64))).most == 0


def test_the_engine_says_the_same_with_it_and_asks_it_for_greedy_answers_alone(tiny_base, quick, monkeypatch):
    base = dataclasses.replace(load_base(str(tiny_base("llama")), lean=True), eos_ids=(-1,))
    asked = []
    found = ShortHead.logits
    monkeypatch.setattr(ShortHead, "logits", lambda self, x: asked.append(len(x)) or found(self, x))
    adapters = [None, lora(base.layout, 1), lora(base.layout, 2, leaves=EVERYWHERE, rank=8)]
    cases = [(words(base, i), adapters[i % 3]) for i in range(4)]
    answers = {}
    for products in ("plain", "auto"):
        with Engine(base, max_batch=2, products=products) as engine:
            streams = [engine.submit(p, Sampling(max_tokens=12), adapter=a) for p, a in cases]
            answers[products] = [ids(s.result(60)) for s in streams]
            assert bool(asked) == (products == "auto") and 1 not in asked
    assert answers["auto"] == answers["plain"]
    with Engine(base) as engine:
        asked.clear()
        other = (
            Sampling(max_tokens=4, logprobs=2),
            Sampling(max_tokens=4, logit_bias=((7, 5.0),)),
            Sampling(max_tokens=4, temperature=1.0, seed=0),
            Sampling(max_tokens=4, frequency_penalty=1.0),
        )
        for sampling in other:
            for stream in [engine.submit(words(base, i), sampling) for i in range(3)]:
                stream.result(60)
        assert not asked
