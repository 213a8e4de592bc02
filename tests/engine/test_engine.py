"""The engine: mixed batches say what each adapter says alone, and slots, rows and streams hold."""

import asyncio
import dataclasses
import json
import random
import shutil
import threading
import time

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.base import backend_named, generate_greedy, load_base, load_quantized_base
from genlora.engine import Adapter, Engine, Sampling
from genlora.engine._slots import SlotPool
from genlora.errors import AdapterFormatError, AdapterShapeError, ConfigError, EngineError, OverloadError
from genlora.tasks import prompt_ids

EVERYWHERE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def lora(layout, seed, *, leaves=("q_proj", "v_proj"), rank=4, size=0.4):
    g = torch.Generator().manual_seed(seed)
    pairs = {}
    for m in layout.of(leaves):
        a = torch.randn(rank, m.d_in, generator=g) / m.d_in**0.5
        pairs[m.path] = LoraPair(a, size * torch.randn(m.d_out, rank, generator=g), 0.5)
    return Adapter(f"lora-{seed}-{rank}", AdapterState(pairs))


def words(base, seed, most=40):
    rng = random.Random(seed)
    return prompt_ids(
        base.tokenizer, " ".join(rng.choices("era ham sit nest one ten earth moon".split(), k=rng.randint(1, most)))
    )


def alone(base, prompt, adapter, tokens):
    with attached(base.model, None if adapter is None else adapter.state):
        return list(generate_greedy(base, [prompt], max_new_tokens=tokens)[0].tokens)


def endless(kind, tiny_base):
    lean = kind == "lean"
    return dataclasses.replace(load_base(str(tiny_base("llama" if lean else kind)), lean=lean), eos_ids=(-1,))


@pytest.fixture(scope="module")
def base(tiny_base):
    return endless("llama", tiny_base)


def ids(completion):
    return [t.id for t in completion.tokens]


@pytest.mark.parametrize("kind", ["llama", "lean", "qwen2", "mistral", "gemma3"])
def test_a_mixed_batch_says_what_each_adapter_says_alone(kind, tiny_base):
    base = endless(kind, tiny_base)
    adapters = [
        None,
        lora(base.layout, 1),
        lora(base.layout, 2, leaves=EVERYWHERE, rank=8),
        lora(base.layout, 3, rank=16),
        lora(base.layout, 4, leaves=("o_proj",)),
    ]
    cases = [(words(base, i), adapters[i % 5], 3 + 5 * (i % 4)) for i in range(20)]
    with Engine(base, slots=3, max_batch=6) as engine:  # fewer slots and rows than adapters and requests
        streams = [engine.submit(p, Sampling(max_tokens=n), adapter=a) for p, a, n in cases]
        answers = [s.result(60) for s in streams]
        stats = engine.stats()
    for (prompt, adapter, tokens), answer in zip(cases, answers, strict=True):
        assert ids(answer) == alone(base, prompt, adapter, tokens)
        assert answer.finish_reason == "length"
        assert answer.text == base.tokenizer.decode(ids(answer), skip_special_tokens=True)
    assert stats.evictions > 0
    assert stats.finished == stats.requests == 20
    assert stats.running == stats.waiting == stats.leased == 0
    assert len({tuple(alone(base, cases[0][0], a, 8)) for a in adapters}) == 5  # the adapters do change the answer


STRETCHED = {"original_max_position_embeddings": 32, "rope_theta": 10000.0}
KINDS_OF_ATTENTION = {
    "a window": ("mistral", {"sliding_window": 16}),
    "a window in one layer": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 16, "layer_types": ["full_attention", "sliding_attention"]},
    ),
    "YaRN": ("llama", {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, **STRETCHED}}),
    "Llama 3's stretching": (
        "llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                **STRETCHED,
            }
        },
    ),
}


@pytest.mark.parametrize("case", KINDS_OF_ATTENTION)
def test_prompts_longer_than_a_window_or_the_first_context_answer_as_transformers_does(case, tiny_base, tmp_path):
    kind, changes = KINDS_OF_ATTENTION[case]
    folder = shutil.copytree(tiny_base(kind), tmp_path / "base")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, **changes}))
    base = dataclasses.replace(load_base(str(folder)), eos_ids=(-1,))
    adapter, prompt = lora(base.layout, 1), (words(base, 60) * 9)[:60]
    now = list(prompt)
    with attached(base.model, adapter.state), torch.inference_mode():
        for _ in range(12):  # the whole text anew each time, with no cache
            now.append(int(base.model(torch.tensor([now]), use_cache=False).logits[0, -1].argmax()))
    with Engine(base, max_length=128) as engine:
        streams = [
            engine.submit(prompt[:n], Sampling(max_tokens=12), adapter=a)
            for n, a in ((60, adapter), (20, None), (40, adapter))
        ]
        assert ids(streams[0].result(60)) == now[60:]


LENGTH_BOUND = {
    "dynamic": {"factor": 4.0, "rope_theta": 10000.0},
    "longrope": {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "factor": 4.0, **STRETCHED},
}


@pytest.mark.parametrize("kind", LENGTH_BOUND)
def test_rotary_numbers_that_depend_on_the_length_are_transformers_own_or_not_used(kind, tiny_base, tmp_path):
    """Beyond its first context such a base turns every token anew; what was kept for a neighbour would be wrong."""
    folder = shutil.copytree(tiny_base("llama"), tmp_path / "base")
    told = json.loads((folder / "config.json").read_text())
    width = told.get("head_dim") or told["hidden_size"] // told["num_attention_heads"]
    rope = {"rope_type": kind, **LENGTH_BOUND[kind]}
    rope |= {k: [*v[:1]] * (width // 2) for k, v in rope.items() if isinstance(v, list)}
    first = {"dynamic": {"max_position_embeddings": 32}, "longrope": {"max_position_embeddings": 128}}[kind]
    (folder / "config.json").write_text(json.dumps({**told, **first, "rope_parameters": rope}))
    base = dataclasses.replace(load_base(str(folder)), eos_ids=(-1,))
    adapter, prompt = lora(base.layout, 1), (words(base, 60) * 9)[:60]

    def anew(length, tokens):
        now = prompt[:length]
        with attached(base.model, adapter.state), torch.inference_mode():
            for _ in range(tokens):
                now.append(int(base.model(torch.tensor([now]), use_cache=False).logits[0, -1].argmax()))
        return now[length:]

    with Engine(base, max_length=256) as engine:
        assert engine.max_length == 32
        streams = [engine.submit(prompt[:n], Sampling(max_tokens=12), adapter=adapter) for n in (8, 25, 15)]
        found = [s.result(60) for s in streams]
        with pytest.raises(ConfigError, match="no more than its base was trained for"):
            engine.submit(prompt, Sampling(max_tokens=1), adapter=adapter)
    assert [ids(f) for f in found] == [anew(8, 12), anew(25, 7), anew(15, 12)]
    assert [f.finish_reason for f in found] == ["length"] * 3
    with attached(base.model, adapter.state):  # the other way to decode goes on, each text alone
        together = generate_greedy(base, [prompt[:n] for n in (60, 8, 20)], max_new_tokens=1)
    assert [list(c.tokens) for c in together] == [anew(60, 1), anew(8, 1), anew(20, 1)]


@pytest.mark.parametrize("bounded", [False, True])
def test_what_stood_in_a_slot_or_row_before_changes_nothing(base, bounded):
    wide = lora(base.layout, 2, leaves=EVERYWHERE, rank=8)
    rounds = [
        [lora(base.layout, seed, leaves=("v_proj",), rank=2) for seed in (1, 3, 4, 5)],
        [None, lora(base.layout, 6, leaves=("v_proj",), rank=2)],
        [wide, None, lora(base.layout, 5, leaves=("v_proj",), rank=2)],  # all stacks are made anew
        [lora(base.layout, 7), wide, None],
    ]
    most = 2 * pool_bytes(base, wide) if bounded else None  # two thirds of it for slots: the wide one and little else
    with Engine(base, slots=4, max_batch=4, adapter_bytes=most) as engine:
        for number, adapters in enumerate(rounds + rounds):
            prompts = [words(base, 70 + number * 4 + i, most=12) for i in range(len(adapters))]
            pairs = list(zip(prompts, adapters, strict=True))
            streams = [engine.submit(p, Sampling(max_tokens=6), adapter=a) for p, a in pairs]
            assert [ids(s.result(60)) for s in streams] == [alone(base, p, a, 6) for p, a in pairs]
            assert most is None or engine.stats().slot_bytes <= most


def pool_bytes(base, adapter):
    """What an adapter takes in a slot."""
    pool = SlotPool(base.model, base.layout, slots=1, max_rank=16, rows=1)
    assert pool.lease(adapter)
    pool.detach()
    return pool.bytes


def test_long_prompts_run_in_stretches_and_hold_up_nobody(base, monkeypatch):
    monkeypatch.setattr("genlora.engine._engine._PROMPT_TOKENS", {"cpu": 64})
    prompts = [words(base, 50, most=8), (words(base, 51) * 20)[:300], words(base, 52, most=8)]
    adapter = lora(base.layout, 1)
    with Engine(base, max_batch=4) as engine:
        streams = [engine.submit(p, Sampling(max_tokens=12), adapter=adapter) for p in prompts]
        answers = [s.result(60) for s in streams]
        steps = engine.stats().prompt_steps
    assert [ids(a) for a in answers] == [alone(base, p, adapter, 12) for p in prompts]
    assert steps >= 300 // 64 + 1
    assert answers[0].total_s < answers[1].total_s  # the short one was answered while the long prompt still ran


def test_the_cache_grows_and_answers_end_at_the_longest_length(base):
    with Engine(base, max_batch=2, max_length=400) as engine:
        before = engine.stats().cache_bytes
        answer = engine.submit(words(base, 3), Sampling(max_tokens=1000)).result(120)
        after = engine.stats().cache_bytes
    assert answer.finish_reason == "length"
    assert answer.prompt_tokens + len(answer.tokens) == 400
    assert after > before
    assert ids(answer) == alone(base, words(base, 3), None, len(answer.tokens))


def test_a_quantised_base_serves_adapters(tiny_base):
    pytest.importorskip("torchao", reason="needs the extra: pip install 'genlora[quant]'")
    base = load_quantized_base(str(tiny_base("llama")), backend_named("int8"))
    base = dataclasses.replace(base, eos_ids=(-1,))
    adapter = lora(base.layout, 1)
    with Engine(base) as engine:
        answer = engine.submit(words(base, 1), Sampling(max_tokens=10), adapter=adapter).result(60)
    assert ids(answer) == alone(base, words(base, 1), adapter, 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_says_the_same(tiny_base):
    base = dataclasses.replace(load_base(str(tiny_base("llama")), device="cuda"), eos_ids=(-1,))
    adapter = lora(base.layout, 1)
    with Engine(base) as engine:
        answer = engine.submit(words(base, 1), Sampling(max_tokens=10), adapter=adapter).result(60)
    assert ids(answer) == alone(endless("llama", tiny_base), words(base, 1), adapter, 10)


def test_an_adapter_that_wants_more_rank_or_modules_does_not_disturb_those_there(base):
    first, wide = lora(base.layout, 1, rank=2), lora(base.layout, 2, leaves=EVERYWHERE, rank=16)
    with Engine(base) as engine:
        one = engine.submit(words(base, 1), Sampling(max_tokens=200), adapter=first)
        next(iter(one))  # it decodes now
        two = engine.submit(words(base, 2), Sampling(max_tokens=20), adapter=wide)
        two, one = ids(two.result(60)), ids(one.result(60))
    # Alone, `attached` puts hooks on the model that the engine's passes would see: so after it is closed.
    assert two == alone(base, words(base, 2), wide, 20)
    assert one == alone(base, words(base, 1), first, 200)


def test_a_slot_that_is_given_on_serves_its_new_owner(base):
    """Rows keep a copy of their slot's factors: it must go when the slot gets another adapter."""
    with Engine(base, slots=1, max_batch=2) as engine:
        for seed in (1, 2, 1):
            adapter = lora(base.layout, seed)
            assert ids(engine.submit(words(base, 1), Sampling(max_tokens=8), adapter=adapter).result(60)) == alone(
                base, words(base, 1), adapter, 8
            )
        assert engine.stats().loads == 3


def test_what_does_not_fit_is_refused_at_once(base, tiny_base):
    other = load_base(str(tiny_base("llama", hidden=32)))
    broken = lora(base.layout, 1)
    next(iter(broken.state.values())).a[0, 0] = float("nan")
    with Engine(base, max_rank=8, max_length=64) as engine:
        for bad, error, said in [
            (lora(other.layout, 1), AdapterShapeError, "another base"),
            (lora(base.layout, 1, rank=9), AdapterFormatError, "max_rank=9"),
            (broken, AdapterFormatError, "not finite"),
            (
                Adapter("x", AdapterState({"model.nothing": LoraPair(torch.ones(1, 2), torch.ones(2, 1))})),
                AdapterShapeError,
                "no module",
            ),
        ]:
            with pytest.raises(error, match=said):
                engine.submit(words(base, 1, most=2), adapter=bad)
        for prompt in ([], [0] * 64, [10**6], [-1]):
            with pytest.raises(ConfigError):
                engine.submit(prompt)
        assert len(engine.submit(words(base, 1, most=2), Sampling(max_tokens=2)).result(60).tokens) == 2
        with pytest.raises(EngineError, match="another engine"):
            Engine(base)
    with pytest.raises(EngineError, match="closing"):
        engine.submit(words(base, 1, most=2))


@pytest.mark.parametrize(
    "bad",
    [
        {"max_tokens": 0},
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_p": 0},
        {"top_k": -1},
        {"stop": ("",)},
        {"logprobs": 99},
    ],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        Sampling(**bad)


def test_an_adapter_that_breaks_the_model_fails_alone(base):
    huge = lora(base.layout, 1, size=1e38)
    with Engine(base) as engine:
        fine = engine.submit(words(base, 2), Sampling(max_tokens=20))
        with pytest.raises(EngineError, match="not finite"):
            engine.submit(words(base, 1), Sampling(max_tokens=5), adapter=huge).result(60)
        assert ids(fine.result(60)) == alone(base, words(base, 2), None, 20)
        assert engine.stats().failed == 1
        assert engine.stats().leased == 0


def test_a_pass_that_fails_fails_its_requests_and_not_the_engine(base, monkeypatch):
    with Engine(base) as engine:
        with monkeypatch.context() as m:
            m.setattr(engine._pools._pools[Adapter], "plan", lambda *_: 1 / 0)
            with pytest.raises(EngineError, match="ZeroDivisionError"):
                engine.submit(words(base, 1), adapter=lora(base.layout, 1)).result(60)
        assert engine.stats().leased == 0
        assert engine.submit(words(base, 1), Sampling(max_tokens=3), adapter=lora(base.layout, 1)).result(60).tokens


def test_others_who_use_the_model_see_the_plain_base(base):
    prompt, plain = words(base, 1), alone(base, words(base, 1), None, 6)
    with Engine(base) as engine:
        stream = engine.submit(words(base, 2), Sampling(max_tokens=300), adapter=lora(base.layout, 1))
        seen = []
        while not stream.done and len(seen) < 5:
            seen.append(alone(base, prompt, None, 6))
        stream.cancel()
    assert seen
    assert all(s == plain for s in seen)
    assert alone(base, prompt, None, 6) == plain
    assert base.model.config._attn_implementation == "sdpa"
    assert not any(m._forward_hooks or "forward" in vars(m) for m in base.model.modules())


def test_bfloat16_on_a_cpu_uses_packed_weights_and_gives_the_same_logits(tiny_base):
    from genlora.engine.products._packed import PackedLinears

    base = load_base(str(tiny_base("llama")), dtype=torch.bfloat16)
    layer = base.model.get_submodule("model.layers.0.mlp.gate_proj")
    x = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.inference_mode():
        plain = layer(x)
        packed = PackedLinears(base.model)
        if not len(packed):
            pytest.skip("this torch has no operators for packed weights")
        assert torch.equal(layer(x), plain)  # not this thread's business yet
        packed.use_in_this_thread()
        assert torch.allclose(layer(x).float(), plain.float(), rtol=0.02, atol=0.02)
        packed.detach()
    assert "forward" not in vars(layer)


def test_cancelling_ends_a_request_wherever_it_is(base):
    with Engine(base, max_batch=1) as engine:
        running = engine.submit(words(base, 1), Sampling(max_tokens=400), adapter=lora(base.layout, 1))
        waiting = engine.submit(words(base, 2), adapter=lora(base.layout, 2))
        next(iter(running))
        waiting.cancel()
        assert waiting.result(60).finish_reason == "cancelled"
        running.cancel()
        answer = running.result(60)
        running.cancel()
        assert answer.finish_reason == "cancelled"
        assert 1 <= len(answer.tokens) < 400
        assert engine.stats().leased == 0
        assert engine.stats().cancelled == 2


def test_too_many_waiting_requests_are_refused_with_a_time_to_come_back(base):
    with Engine(base, max_batch=1, max_waiting=2) as engine:
        running = engine.submit(words(base, 1), Sampling(max_tokens=400))
        next(iter(running))
        kept = [engine.submit(words(base, 1), Sampling(max_tokens=1)) for _ in range(2)]
        with pytest.raises(OverloadError) as caught:
            engine.submit(words(base, 1))
        assert caught.value.retry_after >= 1
        running.cancel()
        assert all(s.result(60).tokens for s in kept)
        assert engine.stats().refused == 1


def test_closing_drains_or_ends_at_once(base):
    engine = Engine(base, max_batch=2)
    streams = [engine.submit(words(base, i), Sampling(max_tokens=10)) for i in range(6)]
    engine.close()
    assert all(s.result(0).finish_reason == "length" for s in streams)
    engine.close()

    engine = Engine(base, max_batch=2)
    streams = [engine.submit(words(base, i), Sampling(max_tokens=400)) for i in range(6)]
    start = time.monotonic()
    engine.close(drain=False)
    assert time.monotonic() - start < 20
    for stream in streams:
        with pytest.raises(EngineError, match="closed"):
            stream.result(0)

    engine = Engine(base, max_batch=2)
    stream = engine.submit(words(base, 1), Sampling(max_tokens=450))
    engine.close(timeout=0.01)
    with pytest.raises(EngineError, match="closed"):
        stream.result(0)


def test_a_seed_draws_the_same_answer_whatever_runs_beside_it(base):
    drawn = Sampling(max_tokens=12, temperature=1.0, top_p=0.9, top_k=50, seed=7)
    with Engine(base, max_batch=8) as engine:
        one = engine.submit(words(base, 1), drawn).result(60)
        others = [engine.submit(words(base, i), Sampling(max_tokens=12, temperature=1.0)) for i in range(5)]
        two = engine.submit(words(base, 1), drawn).result(60)
        three = engine.submit(words(base, 1), dataclasses.replace(drawn, seed=8)).result(60)
        assert all(s.result(60).tokens for s in others)
    assert ids(one) == ids(two) != ids(three)


def test_log_probabilities_are_the_models(base):
    prompt, adapter = words(base, 1), lora(base.layout, 1)
    with Engine(base) as engine:
        answer = engine.submit(prompt, Sampling(max_tokens=5, logprobs=3), adapter=adapter).result(60)
        assert engine.submit(prompt, Sampling(max_tokens=1)).result(60).tokens[0].logprob is None
    with torch.inference_mode(), attached(base.model, adapter.state):
        true = base.model(torch.tensor([prompt + ids(answer)])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    for token, row in zip(answer.tokens, true, strict=True):
        assert token.logprob == pytest.approx(float(row[token.id]), abs=1e-4)
        assert [t.id for t in token.top] == row.topk(3).indices.tolist()


def test_stop_words_end_an_answer_before_them(base):
    prompt = words(base, 1)
    with Engine(base) as engine:
        whole = engine.submit(prompt, Sampling(max_tokens=40)).result(60)
        text = whole.text
        stop = text[len(text) // 2 : len(text) // 2 + 3]
        pieces = list(engine.submit(prompt, Sampling(max_tokens=40, stop=(stop, "never said"))))
        answer = engine.submit(prompt, Sampling(max_tokens=40, stop=(stop,))).result(60)
    assert answer.finish_reason == "stop"
    assert answer.text == text[: text.index(stop)] == "".join(p.text for p in pieces)


def test_streams_are_read_from_threads_and_loops(base):
    async def read(stream):
        return "".join([piece.text async for piece in stream])

    async def all_of(engine):
        streams = [engine.submit(words(base, i), Sampling(max_tokens=9)) for i in range(4)]
        texts = await asyncio.gather(*(read(s) for s in streams))
        return texts, [await s.aresult() for s in streams]

    with Engine(base) as engine:
        texts, answers = asyncio.run(all_of(engine))
        assert list(texts) == [a.text for a in answers]
        found = {}
        threads = [
            threading.Thread(
                target=lambda i=i: found.update(
                    {i: "".join(p.text for p in engine.submit(words(base, i), Sampling(max_tokens=9)))}
                )
            )
            for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [found[i] for i in range(4)] == list(texts)


@pytest.mark.slow
@pytest.mark.network
def test_on_the_real_base_float32_answers_equal_each_adapter_alone(real_base):
    from genlora import GenLora

    base = load_base()
    bank = GenLora().bank
    adapters = [Adapter(n, bank.state(n)) for n in bank.names()[:12]]
    prompts = [prompt_ids(base.tokenizer, t) for t in ("wolf", "pear apple fig", "The dog is hungry.", "42 17")]
    cases = [(p, a) for p in prompts for a in adapters]
    with Engine(base, slots=6, max_batch=8) as engine:
        streams = [engine.submit(p, Sampling(max_tokens=16), adapter=a) for p, a in cases]
        answers = [ids(s.result(300)) for s in streams]
    assert answers == [alone(base, p, a, 16) for p, a in cases]
