"""Held answers and shared beginnings in mixed batches: each row gets its own grammar, and nobody else's tokens."""

import re
from contextlib import nullcontext

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.base import Constraint, generate_greedy, load_base
from genlora.engine import Adapter, Engine, Sampling
from genlora.errors import ConfigError
from genlora.tasks import PromptFormat, prompt_ids


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")))


def lora(layout, seed):
    g = torch.Generator().manual_seed(seed)
    pairs = {
        m.path: LoraPair(torch.randn(4, m.d_in, generator=g) / 8, 0.4 * torch.randn(m.d_out, 4, generator=g), 0.5)
        for m in layout.of(("q_proj", "v_proj"))
    }
    return Adapter(f"lora-{seed}", AdapterState(pairs))


def said(completion):
    return [t.id for t in completion.tokens]


def test_each_row_of_a_mixed_batch_is_held_to_its_own_grammar(base):
    patterns = ["(?:yes|no)", None, "[0-9]{3}", "<x>[a-z]{1,4}</x>", None, "(?:yes|no)"]
    adapters = [None, lora(base.layout, 1), lora(base.layout, 2)]
    prompts = [prompt_ids(base.tokenizer, f"the pear {i}") for i in range(12)]
    with Engine(base, max_batch=5) as engine:
        streams = []
        for i, prompt in enumerate(prompts):
            sampling = Sampling(max_tokens=24, temperature=1.0 if i % 4 == 3 else 0.0, seed=i)
            pattern = patterns[i % 6]
            constraint = None if pattern is None else Constraint(regex=pattern)
            streams.append(engine.submit(prompt, sampling, adapter=adapters[i % 3], constraint=constraint))
        found = [s.result(60) for s in streams]
    for i, completion in enumerate(found):
        pattern, adapter = patterns[i % 6], adapters[i % 3]
        if pattern is not None:
            assert completion.finish_reason == "stop" and re.fullmatch(pattern, completion.text), completion.text
        if i % 4 != 3:
            constraint = None if pattern is None else Constraint(regex=pattern)
            with nullcontext() if adapter is None else attached(base.model, adapter.state):
                (alone,) = generate_greedy(base, [prompts[i]], max_new_tokens=24, constraint=constraint)
            assert said(completion) == list(alone.tokens)


def test_log_probabilities_are_the_models_own(base):
    prompt = prompt_ids(base.tokenizer, "the pear")
    with Engine(base) as engine:
        held = engine.submit(prompt, Sampling(max_tokens=2, logprobs=3), constraint=Constraint.choice(["zq"])).result(
            60
        )
    logp = base.model(input_ids=torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
    first = held.tokens[0]
    assert first.logprob == pytest.approx(float(logp[first.id]), abs=1e-3)
    assert first.id not in [t.id for t in first.top]  # what the model would rather have said


def test_a_grammar_that_cannot_be_used_is_refused_at_once(base):
    with Engine(base) as engine:
        with pytest.raises(ConfigError, match="cannot be used"):
            engine.submit([3, 4], constraint=Constraint(regex="(a"))
        with pytest.raises(ConfigError, match="prefix must be from 0 to under"):
            engine.submit([3, 4], prefix=2)
        assert engine.stats().requests == 0


def test_a_beginning_is_computed_once_for_each_adapter(base):
    format = PromptFormat("Give the other word of the pair, in small letters.", (("north", "south"),))
    adapters = [None, lora(base.layout, 1), lora(base.layout, 2)]
    inputs = ["left", "the pear and the fig", "on"]
    prompts = [format.prompt_ids(base.tokenizer, x) for x in inputs]
    prefix = next(i for i in range(len(prompts[0])) if len({p[i] for p in prompts}) > 1)
    assert prefix > 60

    def asked(engine, prefix):
        return [
            [said(engine.submit(p, Sampling(max_tokens=6), adapter=a, prefix=prefix).result(60)) for p in prompts]
            for a in adapters
        ]

    with Engine(base) as engine:
        plain = asked(engine, 0)
        assert engine.stats().shared_tokens == 0 == engine.stats().prefix_bytes
    with Engine(base) as engine:
        assert asked(engine, prefix) == plain
        stats = engine.stats()
        assert stats.shared_tokens == prefix * len(adapters) * (len(prompts) - 1)
        assert 0 < stats.prefix_bytes < 1 << 26
        together = [
            engine.submit(p, Sampling(max_tokens=6), adapter=a, prefix=prefix) for a in adapters for p in prompts
        ]
        together += [engine.submit(p, Sampling(max_tokens=6)) for p in prompts]
        found = [said(s.result(60)) for s in together]
        assert found == [x for row in plain for x in row] + plain[0]
        for owner, more in (("b", 0), ("b", prefix), ("c", 0), ("", prefix)):  # nobody takes over what another asked
            before = engine.stats().shared_tokens
            assert (
                said(engine.submit(prompts[0], Sampling(max_tokens=6), prefix=prefix, owner=owner).result(60))
                == (plain[0][0])
            )
            assert engine.stats().shared_tokens - before == more
    with Engine(base, prefix_bytes=0) as engine:
        assert asked(engine, prefix) == plain and engine.stats().shared_tokens == 0
