"""Parts of the engine by themselves: formulations, slots, cache rows, the queue, text and sampling."""

import random

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.base import load_base
from genlora.engine import Adapter, Sampling, Stream
from genlora.engine._detokenizer import Detokenizer
from genlora.engine._forms import Plan, by_runs, gathered, kept, mask_of, masked, run_with, runs_of
from genlora.engine._kv import KVCache
from genlora.engine._memory import pages, zeros
from genlora.engine._prefixes import SHORTEST, Prefixes
from genlora.engine._queue import PATIENCE_S, Sequence, Waiting
from genlora.engine._sampling import choose, generator_of
from genlora.engine._slots import SlotPool
from genlora.errors import AdapterFormatError, OverloadError


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")))


def adapter(layout, seed, rank=4, leaves=("q_proj", "k_proj", "v_proj", "down_proj")):
    g = torch.Generator().manual_seed(seed)
    pairs = {
        m.path: LoraPair(torch.randn(rank, m.d_in, generator=g), torch.randn(m.d_out, rank, generator=g), 0.5)
        for m in layout.of(leaves)
    }
    return Adapter(f"a{seed}", AdapterState(pairs))


@pytest.mark.parametrize(
    ("form", "tokens"), [(masked, 1), (kept, 1), (masked, 7), (gathered, 7), (by_runs, 7), (by_runs, 1)]
)
def test_every_formulation_equals_each_adapters_own_update(base, form, tokens):
    """Mixed ranks and rows without an adapter, every module of a group."""
    pool = SlotPool(base.model, base.layout, slots=4, max_rank=16, rows=6)
    held = [adapter(base.layout, i, rank) for i, rank in enumerate((2, 8, 16))]
    assert all(pool.lease(a) for a in held)
    assert [pool.slot_of(a.key) for a in held] == [1, 2, 3] and pool.slot_of("other") == 0
    rows = [2, 2, 0, 1, 3, 1]
    plan = Plan(form, torch.tensor(rows), 4, runs=runs_of(rows), mask=mask_of(torch.tensor(rows), 4, torch.float32))
    pool._keep(rows)
    x = torch.randn(6, tokens, 64, generator=torch.Generator().manual_seed(0))
    run_with(plan)
    try:
        with torch.inference_mode():
            for path in ("model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"):
                module = base.model.get_submodule(path)
                out = module(x)
                run_with(None)
                plain = module(x)
                run_with(plan)
                for row, slot in enumerate(rows):
                    want = x[row] @ held[slot - 1].state[path].delta().T if slot else torch.zeros_like(out[row])
                    assert torch.allclose(out[row] - plain[row], want, atol=2e-3), (path, row)
    finally:
        run_with(None)
        pool.detach()


def test_slots_are_never_taken_from_a_running_adapter_and_never_lost(base):
    pool = SlotPool(base.model, base.layout, slots=5, max_rank=4, rows=2)
    fleet = [adapter(base.layout, i, 2, ("q_proj",)) for i in range(12)]
    rng, leased = random.Random(0), []
    for _ in range(1000):
        if leased and rng.random() < 0.5:
            pool.held.release(leased.pop(rng.randrange(len(leased))))
            continue
        wanted = rng.choice(fleet)
        running = set(leased)
        if not pool.lease(wanted):
            assert len(running) == 5
            assert wanted.key not in running
            continue
        leased.append(wanted.key)
        where = {pool.slot_of(k) for k in pool.held.keys()}
        assert running <= set(pool.held.keys())
        assert len(where) == len(pool.held) <= 5
        assert where <= set(range(1, 6))
    assert pool.held.evictions > 50
    assert pool.held.leased == len(set(leased))
    pool.detach()


def test_slots_take_what_their_adapters_need_and_never_more_than_they_may(base):
    """Narrow and wide ones in turn, leased and given back: what was ever written counts, as it does for the process."""
    narrow = [adapter(base.layout, i, 2, ("q_proj",)) for i in range(8)]
    wide = [adapter(base.layout, 10 + i, 16) for i in range(3)]

    def alone(one):
        pool = SlotPool(base.model, base.layout, slots=2, max_rank=16, rows=2)
        assert pool.lease(one)
        pool.detach()
        return pool.bytes

    small, large = alone(narrow[0]), alone(wide[0])
    assert large > 4 * small
    most = 3 * (large + 3 * small) // 2
    pool = SlotPool(base.model, base.layout, slots=6, max_rank=16, rows=2, most_bytes=most)
    rng, leased, refused = random.Random(1), [], 0
    for _ in range(400):
        wanted = rng.choice(narrow + wide)
        if len(leased) > 3 or (leased and rng.random() < 0.5):
            pool.held.release(leased.pop(rng.randrange(len(leased))))
        elif pool.lease(wanted):
            leased.append(wanted.key)
            group = next(g for g in pool._groups if "model.layers.0.self_attn.q_proj" in g.paths)
            pair = wanted.state["model.layers.0.self_attn.q_proj"]
            stands = group.a[pool.slot_of(wanted.key), 0]
            assert stands[: pair.rank].equal(pair.a) and not stands[pair.rank :].any()
        else:
            refused += 1
        pool.plan([pool.slot_of(key) for key in leased[:1]], 1)
        assert pool.bytes <= most
    assert refused and pool.loads > 50
    tight = SlotPool(base.model, base.layout, slots=6, max_rank=16, rows=2, most_bytes=large)
    with pytest.raises(AdapterFormatError, match="MiB that there are for all slots"):
        tight.check(wide[0])
    tight.check(narrow[0])
    pool.detach()


def test_rows_have_no_copies_of_their_own_where_there_is_no_memory_for_them(base):
    pool = SlotPool(base.model, base.layout, slots=8, max_rank=8, rows=8, most_bytes=3 << 16)
    for i in range(8):
        assert pool.lease(adapter(base.layout, i, 2, ("q_proj",)))
    one = pool._row_size
    pool._row_limit = 3 * one
    assert pool.plan([1, 2, 3], 1).form is kept and pool.plan(list(range(1, 9)), 1).form is not kept
    assert pool.plan([8, 8], 1).form is kept
    pool.detach()


def test_zeros_take_memory_when_they_are_written():
    shape, cpu = (64, 3, 1 << 16), torch.device("cpu")
    for dtype in (torch.float32, torch.bfloat16):
        found = zeros(*shape, dtype=dtype, device=cpu)
        assert found.shape == shape and found.dtype == dtype and found.is_contiguous() and not found.any()
        found[3, 1] = 2
        assert float(found.float().sum()) == 2 << 16
    assert zeros(0, 4, dtype=torch.float32, device=cpu).shape == (0, 4) and pages(1) == pages(4000) > 0


def test_fewer_slots_or_longer_prompts_choose_another_form(base):
    pool = SlotPool(base.model, base.layout, slots=32, max_rank=8, rows=32)
    for i in range(32):
        pool.lease(adapter(base.layout, i, 2, ("q_proj",)))
    assert pool.plan([0, 0], 1) is None
    assert pool.plan([1] * 32, 1).form is masked
    assert pool.plan(list(range(1, 33)), 1).form is kept
    assert pool.plan([1] * 16 + [2] * 16, 64).form is by_runs
    assert pool.plan(list(range(1, 33)), 16).form is gathered
    pool.detach()


def test_the_cache_keeps_what_it_holds_when_it_grows_and_moves():
    cache = KVCache(layers=2, rows=3, heads=2, width=4, max_length=700, dtype=torch.float32, device=torch.device("cpu"))
    cache.data[:, :, 2, :, :200] = torch.randn(2, 2, 2, 200, 4)
    before = cache.data[:, :, 2, :, :200].clone()
    cache.reserve(300)
    assert cache.length == 512
    cache.reserve(600)
    assert cache.length == 700
    cache.move(2, 0, 200)
    assert torch.equal(cache.data[:, :, 0, :, :200], before)
    assert torch.equal(cache.data[:, :, 2, :, :200], before)
    short = KVCache(layers=2, rows=3, heads=2, width=4, max_length=700, dtype=torch.float32, device=cache.data.device)
    short.data[:] = 1
    short.reserve(300, 2)  # the third row is nobody's
    assert short.data[:, :, :2, :, :256].all() and not short.data[:, :, 2].any()


def sequence(base, length, name=None):
    held = None if name is None else Adapter(name, AdapterState({}))
    return Sequence(Stream(length), [1] * length, Sampling(), held, Detokenizer(base.tokenizer), None)


def test_the_queue_goes_in_order_within_rows_and_tokens(base):
    queue = Waiting(5)
    for n in (10, 20, 30, 40, 1000):
        queue.add(sequence(base, n), retry_after=3)
    with pytest.raises(OverloadError) as caught:
        queue.add(sequence(base, 1), retry_after=3)
    assert caught.value.retry_after == 3
    lengths = []
    while len(queue):
        lengths.append([len(s.prompt) for s in queue.next_group(3, 100, lambda _: True)])
    assert lengths == [[10, 20, 30], [40], [1000]]  # one prompt may be longer than the budget


def test_a_request_without_a_slot_is_passed_by_others_for_a_while_only(base):
    queue = Waiting(10)
    for name in ("blocked", "a", "b"):
        queue.add(sequence(base, 5, name), retry_after=1)
    free = lambda s: s.adapter.key != "blocked"  # noqa: E731
    assert [s.adapter.key for s in queue.next_group(4, 100, free, now=0.0)] == ["a", "b"]
    queue.add(sequence(base, 5, "c"), retry_after=1)
    assert queue.next_group(4, 100, free, now=PATIENCE_S + 1) == []
    assert [s.adapter.key for s in queue.next_group(4, 100, lambda _: True, now=PATIENCE_S + 1)] == ["blocked", "c"]
    assert queue.drop(lambda _: True) == []


@pytest.mark.parametrize(
    "text", ["plain words", "café naïve", "日本語のテキスト", "emoji 👩‍👩‍👧 and flags 🇫🇷", "tabs\tand\nlines"]
)
def test_text_comes_in_whole_characters(base, text):
    tokens = base.tokenizer(text, add_special_tokens=False)["input_ids"]
    reader = Detokenizer(base.tokenizer)
    parts = [reader.feed(t) for t in tokens]
    assert "".join(parts) + reader.flush() == text
    assert not any("�" in p for p in parts)


def test_an_unfinished_character_is_told_at_the_end(base):
    tokens = base.tokenizer("é", add_special_tokens=False)["input_ids"]
    assert len(tokens) > 1
    reader = Detokenizer(base.tokenizer)
    assert reader.feed(tokens[0]) == ""
    assert reader.flush() == base.tokenizer.decode(tokens[:1])


@pytest.mark.parametrize(
    ("stop", "said", "stopped"),
    [
        (("END",), "one two ", True),
        (("two", "one"), "", True),
        (("wo EN",), "one t", True),
        (("ENDS", "zzz"), "one two END", False),
    ],
)
def test_nothing_of_a_stop_text_is_given_out(base, stop, said, stopped):
    reader = Detokenizer(base.tokenizer, stop)
    out = ""
    for token in base.tokenizer("one two END", add_special_tokens=False)["input_ids"]:
        out += reader.feed(token)
        assert said.startswith(out)
        if reader.stopped:
            break
    assert (out + reader.flush(), reader.stopped) == (said, stopped)


def test_drawing_follows_the_probabilities_within_top_k_and_top_p():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()

    def shares(**settings):
        sampling = Sampling(temperature=1.0, seed=0, **settings)
        generator = generator_of(sampling)
        drawn = [choose(logits, [sampling], [generator], [None])[0].token for _ in range(4000)]
        return torch.bincount(torch.tensor(drawn), minlength=4) / 4000

    assert torch.allclose(shares(), logits[0].exp(), atol=0.03)
    assert torch.allclose(shares(top_k=2), torch.tensor([0.625, 0.375, 0, 0]), atol=0.03)
    assert torch.allclose(shares(top_p=0.75), torch.tensor([0.625, 0.375, 0, 0]), atol=0.03)
    assert shares(top_p=0.01)[0] == 1


def test_rows_are_chosen_each_in_its_own_way():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    logits[2, 7] = float("nan")
    settings = [Sampling(logprobs=2), Sampling(temperature=0.7, seed=1), Sampling()]
    found = choose(logits, settings, [generator_of(s) for s in settings], [None] * len(settings))
    assert found[0].token == int(logits[0].argmax())
    assert found[0].top[0][0] == found[0].token
    assert found[0].logprob == pytest.approx(float(logits[0].log_softmax(-1).max()))
    assert found[1].logprob is None
    assert [c.finite for c in found] == [True, True, False]


def test_a_group_has_one_start_and_the_first_in_the_queue_is_of_it():
    waiting = Waiting(8)
    for i, (length, kept_tokens) in enumerate([(30, 0), (30, 20), (30, 0), (30, 20)]):
        s = Sequence(Stream(length), [1] * length, Sampling(), None, None, None, prefix=kept_tokens)  # pyright: ignore[reportArgumentType]
        s.slot = i
        waiting.add(s, retry_after=1)
    groups = [waiting.next_group(8, 1000, lambda _: True, start=lambda s: s.prefix) for _ in range(2)]
    assert [[s.slot for s in g] for g in groups] == [[0, 2], [1, 3]]
    assert [g[0].start for g in groups] == [0, 20] and not len(waiting)


def test_prefixes_keep_what_fits_and_drop_the_least_recently_used():
    data = torch.arange(2 * 2 * 1 * 20 * 4, dtype=torch.float32).reshape(2, 2, 1, 20, 4)
    size = data.numel() * 4
    prefixes = Prefixes(2 * size)
    for key in ("a", "b"):
        prefixes.keep(key, range(20), data)
    assert prefixes.length("a", range(20)) == 20 and prefixes.bytes == 2 * size
    assert prefixes.length("a", range(19)) == 0 and prefixes.length("", range(20)) == 0
    assert torch.equal(prefixes.get("a", range(20)), data)  # and "b" is now the oldest
    prefixes.keep("c", range(20), data)
    assert [prefixes.length(k, range(20)) for k in "abc"] == [20, 0, 20] and len(prefixes) == 2
    prefixes.keep("d", range(SHORTEST - 1), data[:, :, :, : SHORTEST - 1])
    prefixes.keep("e", range(90), data.repeat(1, 1, 1, 9, 1))
    assert len(prefixes) == 2  # too short, too large
    data.zero_()
    assert prefixes.get("a", range(20)).any()  # a copy, for the cache's rows go to others
