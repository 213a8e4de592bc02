"""Decoding with a shared beginning gives the tokens of plain greedy decoding, and honest probabilities."""

import json
import shutil

import pytest
import torch

from genlora.base import generate_greedy, generate_shared, load_base
from genlora.base._decode import flat_logits
from genlora.base._decode_shared import _shared
from genlora.errors import ConfigError
from genlora.tasks import prompt_ids

KINDS = ("llama", "qwen2", "mistral", "gemma3")
INPUTS = ["one", "the pear and the fig", "a", "in on in on " * 4, "on the", "er the in " * 9, "x y z", "?"]


@pytest.fixture(scope="module", params=KINDS)
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param)), attn_implementation="eager")


def prompts_of(base, description=None):
    return [prompt_ids(base.tokenizer, text, description) for text in INPUTS]


@pytest.mark.parametrize("batch_tokens", [None, 1, 40])
@pytest.mark.parametrize("description", [None, "say it in the other order"])
def test_the_tokens_are_those_of_plain_decoding(base, batch_tokens, description):
    prompts = prompts_of(base, description)
    for stop in ((), {2, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50}):
        plain = generate_greedy(base, prompts, max_new_tokens=10, stop_ids=stop)
        shared = generate_shared(base, prompts, max_new_tokens=10, stop_ids=stop, batch_tokens=batch_tokens)
        assert [list(c.tokens) for c in shared] == plain
        assert all(c.ended == (len(c.tokens) < 10) or not stop for c in shared)


def test_a_window_shorter_than_the_prompts_is_kept(tiny_base):
    base = load_base(str(tiny_base("gemma3")), attn_implementation="eager")
    assert base.model.config.sliding_window == 16 < min(map(len, prompts_of(base)))
    prompts = prompts_of(base)
    found = generate_shared(base, prompts, max_new_tokens=6, stop_ids=())
    alone = [generate_greedy(base, [p], max_new_tokens=6, stop_ids=())[0] for p in prompts]
    assert [list(c.tokens) for c in found] == alone


def test_sharing_works_inside_a_long_window(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base("gemma3"), tmp_path / "gemma")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sliding_window": 400}))
    base = load_base(str(folder), attn_implementation="eager")
    prompts = prompts_of(base)
    assert _shared(prompts, base.model.config, 8) > 8
    plain = generate_greedy(base, prompts, max_new_tokens=8, stop_ids=())
    assert [list(c.tokens) for c in generate_shared(base, prompts, max_new_tokens=8, stop_ids=())] == plain


def test_the_probability_is_that_of_the_answer(base):
    prompts = prompts_of(base)[:3]
    for prompt, c in zip(prompts, generate_shared(base, prompts, max_new_tokens=5), strict=True):
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
    assert generate_shared(base, []) == []
    with pytest.raises(ConfigError, match="no tokens"):
        generate_shared(base, [[1], []])
    same = prompts_of(base)[1]
    alike = generate_shared(base, [same, same], max_new_tokens=4, stop_ids=())
    assert [list(c.tokens) for c in alike] == generate_greedy(base, [same, same], max_new_tokens=4, stop_ids=())
    none = generate_shared(base, [same], max_new_tokens=0)
    assert none[0].tokens == () and none[0].length == 0


def test_the_model_is_left_as_it_was(base):
    ids = torch.tensor([prompts_of(base)[0]])
    with torch.no_grad():
        before = base.model(input_ids=ids).logits
        with flat_logits(base.model):
            flat = base.model(input_ids=ids, logits_to_keep=1).logits
        after = base.model(input_ids=ids).logits
    assert flat.ndim == 2 and torch.allclose(flat[0], before[0, -1], atol=1e-5)
    assert torch.equal(before, after)
