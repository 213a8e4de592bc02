"""Mixtures in the engine: the same tokens as alone in the model, beside plain adapters and the base, in any batch."""

import time

import pytest
import torch

from genlora.base import load_base
from genlora.engine import Adapter, Engine, Sampling
from genlora.errors import AdapterFormatError, BaseMismatchError, ConfigError
from genlora.mixture import _pool as pool_module
from genlora.mixture import of_mixture

from ..mixture.world import ATTENTION, EVERYWHERE, FFN, expert, mixture, prompts

NEW = 12


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")))


def one_by_one(base, prompt, attach):
    """Greedy tokens of the model itself, without a cache: the reference."""
    ids = list(prompt)
    with attach, torch.inference_mode():
        for _ in range(NEW):
            logits = base.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
            token = int(logits.argmax())
            if token in base.eos_ids:
                break
            ids.append(token)
    return ids[len(prompt) :]


def served(engine, requests):
    streams = [engine.submit(p, Sampling(max_tokens=NEW), adapter=a) for p, a in requests]
    return [[t.id for t in s.result(60).tokens] for s in streams]


@pytest.mark.parametrize("leaves", [ATTENTION, FFN, EVERYWHERE], ids=["attention", "ffn", "all"])
def test_a_mixture_alone_and_in_a_mixed_batch_gives_the_tokens_of_the_model_with_it(base, leaves):
    one, two = mixture(base, 3, 2, leaves=leaves), mixture(base, 2, 1, seed=7, leaves=leaves)
    plain = Adapter("plain", expert(base.layout, 99, leaves=leaves))
    asked = prompts(base)
    wanted = {m.key: [one_by_one(base, p, of_mixture(m).attached(base.model)) for p in asked] for m in (one, two)}
    with Engine(base) as engine:
        for m in (one, two):
            alone = [served(engine, [(p, m)])[0] for p in asked]
            assert alone == wanted[m.key]
        bare = [served(engine, [(p, None)])[0] for p in asked]
        adapted = [served(engine, [(p, plain)])[0] for p in asked]
        mixed = served(engine, [(p, a) for p in asked for a in (one, None, plain, two)])
    assert mixed[0::4] == wanted[one.key] and mixed[3::4] == wanted[two.key]
    assert mixed[1::4] == bare and mixed[2::4] == adapted
    # Otherwise a mixture that does nothing would pass.
    assert len({str(x) for x in (wanted[one.key], wanted[two.key], bare, adapted)}) == 4


def test_the_test_above_finds_a_capacity_limit(base, monkeypatch):
    """A naive router that gives each expert only so many tokens of a pass depends on what else is in the batch."""
    honest = pool_module.route

    def with_capacity(x, weight, bias, top_k):
        found = honest(x, weight, bias, top_k)
        room = found.chosen.cumsum(0) <= max(1, len(x) * top_k // (2 * weight.shape[0]))
        return type(found)(found.weights * room, found.probabilities, found.chosen & room)

    monkeypatch.setattr(pool_module, "route", with_capacity)
    m, asked = mixture(base), prompts(base)
    with Engine(base) as engine:
        alone = [served(engine, [(p, m)])[0] for p in asked]
        assert served(engine, [(p, m) for p in asked]) != alone


def test_nothing_is_added_to_the_model_before_the_first_mixture_or_left_after_the_engine(base):
    def hooks():
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in base.model.modules())

    before = hooks()
    with Engine(base) as engine:
        served(engine, [(prompts(base)[0], None)])
        assert hooks() == before
        served(engine, [(prompts(base)[0], mixture(base))])
        assert hooks() > before
    assert hooks() == before


def test_other_users_of_the_model_see_the_plain_base(base):
    asked = prompts(base)[2]
    plain = one_by_one(base, asked, torch.no_grad())
    with Engine(base) as engine:
        stream = engine.submit(asked, Sampling(max_tokens=200), adapter=mixture(base))
        assert one_by_one(base, asked, torch.no_grad()) == plain
        stream.cancel()


def test_mixtures_take_turns_when_their_experts_do_not_all_fit(base):
    mixtures = [mixture(base, 3, 2, seed=s) for s in range(3)]
    asked = prompts(base)
    wanted = [one_by_one(base, p, of_mixture(m).attached(base.model)) for m in mixtures for p in asked]
    with Engine(base, slots=4) as engine:  # room for one of them
        found = served(engine, [(p, m) for m in mixtures for p in asked])
        stats = engine.stats()
    assert found == wanted
    assert stats.evictions >= 2 and len([k for k in stats.resident if k.startswith("mixture:")]) == 1
    assert stats.leased == 0 and stats.slot_bytes > 0


def test_a_mixture_that_does_not_fit_is_refused_at_once(base, tiny_base):
    other = load_base(str(tiny_base("llama", seed=3)))
    with Engine(base, slots=2, max_rank=3) as engine:
        asked = prompts(base)[0]
        with pytest.raises(BaseMismatchError, match="was made for base"):
            engine.submit(asked, adapter=mixture(other, 2))
        with pytest.raises(ConfigError, match="3 experts, but the engine has 2 slots"):
            engine.submit(asked, adapter=mixture(base, 3))
        with pytest.raises(AdapterFormatError, match="rank 5, over the engine's 3"):
            engine.submit(asked, adapter=mixture(base, 2, rank=5))
        wrong = mixture(base, 2)
        next(iter(wrong.routers.values())).bias[0] = float("nan")
        with pytest.raises(AdapterFormatError, match="not finite"):
            engine.submit(asked, adapter=wrong)
        assert engine.stats().requests == 0
        assert served(engine, [(asked, mixture(base, 2))])[0]


def test_cancelled_and_failed_requests_give_their_mixture_back(base):
    m = mixture(base)
    with Engine(base) as engine:
        streams = [engine.submit(p, Sampling(max_tokens=400), adapter=m) for p in prompts(base)]
        for s in streams:
            s.cancel()
        for s in streams:
            s.result(60)
        until = time.monotonic() + 10
        while engine.stats().leased and time.monotonic() < until:
            time.sleep(0.01)
        assert engine.stats().leased == 0
