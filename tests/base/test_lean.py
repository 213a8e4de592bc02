"""The lean decoder and tokenizer give what transformers gives, and leave to it what they do not do."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.base import Constraint, generate_greedy, load_base
from genlora.base.lean._load import load_lean
from genlora.base.lean._model import LeanCache
from genlora.base.lean._tokenizer import LeanTokenizer
from genlora.errors import BaseError, ConfigError, GenloraError
from genlora.tasks import PromptFormat

PROMPTS = [[5, 6, 7, 8, 9], [5, 6, 7], [11] * 40, [5, 6, 7, 8, 20, 21, 22], [3]]


@pytest.fixture
def folder(tiny_base, tmp_path):
    """A copy of the small Llama, to be changed."""
    return shutil.copytree(tiny_base("llama"), tmp_path / "base")


@pytest.fixture
def both(folder):
    lean = load_lean(folder)
    assert lean is not None, "it is plain enough"
    return load_base(str(folder)), lean


def change(folder, file="config.json", **values):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def adapter_of(layout, seed=0):
    rng = torch.Generator().manual_seed(seed)
    pairs = {}
    for m in layout.modules:
        a, b = torch.randn(4, m.d_in, generator=rng), torch.randn(m.d_out, 4, generator=rng)
        pairs[m.path] = LoraPair(a / m.d_in**0.5, b)
    return AdapterState(pairs)


def test_the_same_logits_with_padding_and_with_what_went_before(both):
    one, lean = both
    ids = torch.tensor([[0, 0, 5, 6, 7], [9, 8, 7, 6, 5]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    wanted, found = (
        b.model(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True) for b in (one, lean)
    )
    seen = mask.bool()
    assert torch.allclose(found.logits[seen], wanted.logits[seen], atol=1e-5)
    more, mask = torch.tensor([[4, 3], [2, 1]]), torch.cat([mask, torch.ones(2, 2, dtype=torch.long)], 1)
    then = [
        b.model(
            input_ids=more,
            attention_mask=mask,
            position_ids=torch.tensor([[3, 4], [5, 6]]),
            past_key_values=out.past_key_values,
            logits_to_keep=1,
        ).logits
        for b, out in ((one, wanted), (lean, found))
    ]
    assert then[1].shape == then[0].shape and torch.allclose(then[1], then[0], atol=1e-5)


def test_the_same_gradients_with_a_mask_of_ones_own(both):
    """What a fit to examples needs beside a running engine: rows that do not see each other, packed."""
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
    places = torch.tensor([[0, 1, 2, 3, 2, 3, 4]])
    row = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    seen = torch.ones(7, 7).tril().bool() & ((row[:, None] == row) | (row == 0))
    mask = torch.zeros(1, 1, 7, 7).masked_fill_(~seen, torch.finfo(torch.float32).min)
    found = []
    for base in both:
        a, b = torch.full((2, 64), 0.01, requires_grad=True), torch.full((64, 2), 0.01, requires_grad=True)
        proj = base.model.get_submodule("model.layers.0.self_attn.q_proj")
        handle = proj.register_forward_hook(lambda _, args, out, a=a, b=b: out + args[0] @ a.T @ b.T)
        hidden = base.model.get_decoder()(
            input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False
        ).last_hidden_state
        base.model.get_output_embeddings()(hidden).log_softmax(-1)[0, :, 5].sum().backward()
        handle.remove()
        found.append((a.grad, b.grad))
    for wanted, got in zip(*found, strict=True):
        assert float(wanted.norm()) > 0 and torch.allclose(got, wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("state", [None, 0])
def test_the_same_answers_with_and_without_an_adapter(both, state):
    made = None if state is None else adapter_of(both[0].layout)
    answers = []
    for base in both:
        base = dataclasses.replace(base, eos_ids=())
        with attached(base.model, made):
            answers.append(generate_greedy(base, PROMPTS, max_new_tokens=12))
    assert [a.tokens for a in answers[0]] == [a.tokens for a in answers[1]]
    for a, b in zip(*answers, strict=True):
        assert abs(a.log_probability - b.log_probability) < 1e-3


def test_prompts_and_answers_are_spelled_alike(both):
    one, lean = both
    assert isinstance(lean.tokenizer, LeanTokenizer)
    for text in ("pear apple", "Zoë 日本 🦊\n\ttab", "<|im_end|> said", ""):
        for format in (PromptFormat(), PromptFormat("Sort it."), PromptFormat("Sort.", (("b a", "a b"),))):
            ids = format.prompt_ids(one.tokenizer, text)
            assert format.prompt_ids(lean.tokenizer, text) == ids
            for skip in (True, False):
                spelled = (b.tokenizer.decode(ids, skip_special_tokens=skip) for b in both)
                assert len(set(spelled)) == 1
    turns = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": ""}]
    for begun in ("The fox", "  The fox \n", "<|im_end|>", "Go on."):
        turns[-1]["content"] = begun
        texts = {b.tokenizer.apply_chat_template(turns, tokenize=False, continue_final_message=True) for b in both}
        assert len(texts) == 1 and texts.pop().rstrip().endswith(begun.strip())
    assert lean.eos_ids == one.eos_ids and lean.fingerprint.id == one.fingerprint.id and lean.layout == one.layout
    for name in ("eos_token_id", "pad_token_id", "padding_side", "name_or_path"):
        assert getattr(lean.tokenizer, name) == getattr(one.tokenizer, name)
    assert lean.tokenizer.get_vocab() == one.tokenizer.get_vocab()


def test_answers_are_held_to_a_grammar(both):
    choice = Constraint.choice(["yes", "no"])
    answers = [generate_greedy(b, PROMPTS[:2], max_new_tokens=8, constraint=choice) for b in both]
    assert [a.tokens for a in answers[0]] == [a.tokens for a in answers[1]]


def test_rows_come_and_go_in_a_cache():
    cache = LeanCache(1)
    key = torch.arange(4.0).view(2, 1, 1, 2)
    cache.add(0, key, key)
    cache.length = 1
    cache.batch_repeat_interleave(2)
    cache.batch_select_indices(torch.tensor([3, 0]))
    seen, _ = cache.add(0, key, key)
    assert seen[:, 0].tolist() == [[[2, 3], [0, 1]], [[0, 1], [2, 3]]]
    for place in range(2, 200):  # it grows
        cache.length = place
        seen, _ = cache.add(0, key, key)
    assert seen.shape == (2, 1, 200, 2) and seen[:, 0, 0].tolist() == [[2, 3], [0, 1]]


@pytest.mark.parametrize(
    "values",
    [
        {"attention_bias": True},
        {"mlp_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
        {"model_type": "qwen2"},
        {"num_attention_heads": None},
        {"hidden_size": "wide"},
        {"head_dim": 0},
        {"vocab_size": True},
        {"rms_norm_eps": "small"},
        {"rope_parameters": ["default"]},
    ],
)
def test_what_another_decoder_does_is_left_to_transformers(folder, values):
    change(folder, **values)
    assert load_lean(folder) is None


def test_a_tokenizer_that_asks_for_more_is_left_to_transformers(folder):
    assert LeanTokenizer.read(folder) is not None
    before = (folder / "tokenizer_config.json").read_text()
    for values in (
        {"clean_up_tokenization_spaces": True},
        {"tokenizer_class": "LlamaTokenizer"},
        {"eos_token": None},
        {"eos_token": {"content": "</s>"}},
        {"added_tokens_decoder": {"3": {"content": "x"}}},
    ):
        change(folder, "tokenizer_config.json", **values)
        assert LeanTokenizer.read(folder) is None, values
        (folder / "tokenizer_config.json").write_text(before)
    (folder / "tokenizer_config.json").write_text("[]")
    assert LeanTokenizer.read(folder) is None
    (folder / "tokenizer_config.json").write_text(before)
    (folder / "added_tokens.json").write_text("{}")
    assert LeanTokenizer.read(folder) is None
    (folder / "added_tokens.json").unlink()
    (folder / "chat_template.jinja").write_text("{%- generation %}{{ messages }}{% endgeneration %}")
    assert LeanTokenizer.read(folder) is None


def test_templates_run_in_a_sandbox_and_their_faults_are_told(folder):
    path = folder / "chat_template.jinja"
    for text, says in (
        ("{{ messages.__class__.__mro__ }}", "chat template failed"),
        ("{{ raise_exception('no such role') }}", "no such role"),
        ("{% for m in %}", "chat template failed"),
    ):
        path.write_text(text)
        tokenizer = LeanTokenizer.read(folder)
        assert tokenizer is not None
        with pytest.raises(BaseError, match=says):
            tokenizer.apply_chat_template([{"role": "user", "content": "x"}])


def test_weights_that_lack_something_or_have_another_shape(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = "model.layers.0.self_attn.q_proj.weight"
    save_file({k: v for k, v in weights.items() if k != "model.norm.weight"}, path, {"format": "pt"})
    with pytest.raises(BaseError, match=r"model.norm.weight"):
        load_lean(folder)
    save_file({**weights, name: weights[name][:4].clone()}, path, {"format": "pt"})
    with pytest.raises(BaseError):
        load_lean(folder)


def test_a_damaged_base_is_told_in_words(folder):
    for file, text in (
        ("config.json", "[]"),
        ("config.json", '{"model_type": "llama"}'),
        ("tokenizer_config.json", "[]"),
        ("tokenizer_config.json", "{"),
        ("generation_config.json", "[]"),
        ("tokenizer.json", "{}"),
    ):
        before = (folder / file).read_text() if (folder / file).is_file() else None
        (folder / file).write_text(text)
        with pytest.raises(GenloraError):
            load_base(str(folder), lean=True)
        if before is None:
            (folder / file).unlink()
        else:
            (folder / file).write_text(before)
    assert load_base(str(folder), lean=True)


def test_only_for_answering_on_the_cpu(folder):
    assert type(load_base(str(folder)).model).__name__ == "LlamaForCausalLM"
    assert type(load_base(str(folder), lean=True).model).__name__ == "LeanLlama"
    with pytest.raises(ConfigError):
        load_base(str(folder), lean=True, device="abacus")


def test_running_imports_no_transformers(folder):
    code = (
        "import sys\nfrom genlora.api import Runner\n"
        f"print(len(Runner.open(base={str(folder)!r}).outputs(['pear apple'], max_new_tokens=4)))\n"
        "print([m for m in ('transformers', 'peft', 'genlora.train', 'genlora.engine') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"], done.stderr
