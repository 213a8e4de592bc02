"""Many prompts at once, with a shared beginning or none, decode as each one alone, and with honest probabilities."""

import json
import shutil

import pytest
import torch

from genlora.base import generate_greedy, load_base
from genlora.base._decode import _shared
from genlora.base._parts import flat_logits
from genlora.errors import ConfigError
from genlora.tasks import prompt_ids

KINDS = ("llama", "qwen2", "mistral", "gemma3")
INPUTS = ["one", "the pear and the fig", "a", "in on in on " * 4, "on the", "er the in " * 9, "x y z", "?"]


@pytest.fixture(scope="module", params=KINDS)
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param)), attn_implementation="eager")


def prompts_of(base, description=None):
    return [prompt_ids(base.tokenizer, text, description) for text in INPUTS]


def tokens(base, prompts, **options):
    return [list(c.tokens) for c in generate_greedy(base, prompts, **options)]


def slow_greedy(base, prompt: list[int], limit: int, stop: set[int]) -> list[int]:
    """The definition: one row, no cache, no padding."""
    ids, out = list(prompt), []
    for _ in range(limit):
        with torch.inference_mode():
            token = int(base.model(torch.tensor([ids])).logits[0, -1].argmax())
        if token in stop:
            break
        out.append(token)
        ids.append(token)
    return out


TEXTS = ["a", "the thing on the table in the inn", "x" * 40, "one two three", "he", "12 + 30 =", "again and again"]


def test_many_rows_at_once_decode_as_each_one_alone(base):
    """Left padding, the sliding window of Gemma, and rows that leave the batch change no token."""
    prompts = [prompt_ids(base.tokenizer, t)[-n:] for t, n in zip(TEXTS, (3, 40, 60, 25, 7, 12, 33), strict=True)]
    free = [slow_greedy(base, p, 12, set()) for p in prompts]
    assert tokens(base, prompts, max_new_tokens=12, stop_ids=()) == free
    # Stop tokens that end some rows early, at different steps, so that the batch is pruned.
    stop = {free[0][0], free[1][3], free[2][5], free[3][2], free[4][1]}
    expected = [slow_greedy(base, p, 12, stop) for p in prompts]
    assert len({len(e) for e in expected}) > 2
    assert tokens(base, prompts, max_new_tokens=12, stop_ids=stop) == expected
    assert tokens(base, prompts, max_new_tokens=12, stop_ids=stop, batch_tokens=1) == expected


def test_an_adapter_on_the_model_is_used(tiny_base):
    from peft import LoraConfig, get_peft_model

    base = load_base(str(tiny_base("llama")))
    prompts = [prompt_ids(base.tokenizer, t) for t in TEXTS[:3]]
    plain = tokens(base, prompts, max_new_tokens=8, stop_ids=())
    peft = get_peft_model(base.model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    changed = tokens(base, prompts, max_new_tokens=8, stop_ids=())
    with peft.disable_adapter():
        assert tokens(base, prompts, max_new_tokens=8, stop_ids=()) == plain
    assert changed != plain


@pytest.mark.parametrize("batch_tokens", [None, 1, 40])
@pytest.mark.parametrize("description", [None, "say it in the other order"])
def test_what_prompts_share_is_run_once_and_changes_no_token(base, batch_tokens, description):
    prompts = prompts_of(base, description)
    for stop in ((), {2, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50}):
        alone = [tokens(base, [p], max_new_tokens=10, stop_ids=stop)[0] for p in prompts]
        found = generate_greedy(base, prompts, max_new_tokens=10, stop_ids=stop, batch_tokens=batch_tokens)
        assert [list(c.tokens) for c in found] == alone
        assert all(c.ended == (len(c.tokens) < 10) or not stop for c in found)


def test_a_window_shorter_than_the_prompts_is_kept(tiny_base):
    base = load_base(str(tiny_base("gemma3")), attn_implementation="eager")
    assert base.model.config.sliding_window == 16 < min(map(len, prompts_of(base)))
    prompts = prompts_of(base)
    alone = [tokens(base, [p], max_new_tokens=6, stop_ids=())[0] for p in prompts]
    assert tokens(base, prompts, max_new_tokens=6, stop_ids=()) == alone


def test_sharing_works_inside_a_long_window(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base("gemma3"), tmp_path / "gemma")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sliding_window": 400}))
    base = load_base(str(folder), attn_implementation="eager")
    prompts = prompts_of(base)
    assert _shared(prompts, base.model.config, 8) > 8
    alone = [tokens(base, [p], max_new_tokens=8, stop_ids=())[0] for p in prompts]
    assert tokens(base, prompts, max_new_tokens=8, stop_ids=()) == alone


def test_the_probability_is_that_of_the_answer(base):
    prompts = prompts_of(base)[:3]
    for prompt, c in zip(prompts, generate_greedy(base, prompts, max_new_tokens=5), strict=True):
        said = [*c.tokens]
        with torch.no_grad():
            logits = base.model(input_ids=torch.tensor([prompt + said])).logits[0].double()
        rows = torch.log_softmax(logits[len(prompt) - 1 :], -1)
        expected = sum(rows[i, t] for i, t in enumerate(said))
        if c.ended:
            expected = expected + rows[len(said)].max()
        assert c.length == len(said) + c.ended
        assert c.log_probability == pytest.approx(float(expected), abs=1e-3)
        assert 0 < c.confidence <= 1


def test_odd_requests(base):
    assert generate_greedy(base, []) == []
    with pytest.raises(ConfigError, match="no tokens"):
        generate_greedy(base, [[1], []])
    same = prompts_of(base)[1]
    alike = generate_greedy(base, [same, same], max_new_tokens=4, stop_ids=())
    assert alike[0].tokens == alike[1].tokens == generate_greedy(base, [same], max_new_tokens=4, stop_ids=())[0].tokens
    none = generate_greedy(base, [same], max_new_tokens=0)
    assert none[0].tokens == () and none[0].length == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_decoding_on_cuda_agrees_with_the_cpu(tiny_base):
    path = str(tiny_base("llama"))
    cpu, cuda = load_base(path), load_base(path, device="cuda")
    prompts = [prompt_ids(cpu.tokenizer, t) for t in TEXTS]
    expected = tokens(cpu, prompts, max_new_tokens=8, stop_ids=())
    assert tokens(cuda, prompts, max_new_tokens=8, stop_ids=()) == expected


def test_the_model_is_left_as_it_was(base):
    ids = torch.tensor([prompts_of(base)[0]])
    with torch.no_grad():
        before = base.model(input_ids=ids).logits
        with flat_logits(base.model):
            flat = base.model(input_ids=ids, logits_to_keep=1).logits
        after = base.model(input_ids=ids).logits
    assert flat.ndim == 2 and torch.allclose(flat[0], before[0, -1], atol=1e-5)
    assert torch.equal(before, after)
