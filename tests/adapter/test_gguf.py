"""The GGUF twin in a real llama.cpp: the same greedy tokens and the same probabilities as the PEFT folder."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, gguf_bytes, permuted_rows, write_adapter
from genlora.errors import AdapterFormatError

from .conftest import HEAD, HEADS, INNER, KV_HEADS, LAYERS, WIDTH, build_state, make_layout
from .test_peft import by_hand, logits

PROMPTS = [[5, 77, 130, 9], [200, 3, 3, 45, 91, 12], [17], [250, 251, 252, 99, 98, 97, 96]]


def ascii_words() -> list[str]:
    """Printable bytes, space and newline in GPT-2's spelling, then filler words up to the tiny models' 300 tokens.

    Every token is whole text: llama.cpp withholds probabilities of steps that end inside a character.
    """
    return [*map(chr, range(33, 127)), chr(0x120), chr(0x10A), *(f"<word{i}>" for i in range(300))][:300]


def write_llama_gguf(path: Path, model: Any) -> Path:
    """The tiny Llama as a float32 GGUF base, as llama.cpp's own converter lays it out."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(model.config.rms_norm_eps)
    writer.add_rope_freq_base(model.config.rope_parameters["rope_theta"])
    writer.add_vocab_size(300)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    words = ascii_words()
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.NORMAL] * 300)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    for name, tensor in model.state_dict().items():
        data = tensor.numpy()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            data = permuted_rows(data, HEADS if "q_proj" in name else KV_HEADS)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def llama_cpp(tmp_path: Path, tiny_model: Callable[..., Any]) -> Callable[..., Any]:
    """A llama.cpp server on the tiny base, with an adapter or without: prompt ids to a greedy completion."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs the extra: pip install 'genlora[gguf]'")
    base = write_llama_gguf(tmp_path / "base.gguf", tiny_model())

    def start(adapter: Path | None = None) -> Callable[[list[int]], dict[str, Any]]:
        params = xllamacpp.CommonParams()
        params.model.path = str(base)
        params.n_ctx, params.n_parallel, params.warmup = 256, 1, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        if adapter is not None:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        server = xllamacpp.Server(params)

        def complete(prompt: list[int]) -> dict[str, Any]:
            request = {"prompt": prompt, "n_predict": 12, "temperature": 0.0, "n_probs": 300}
            return server.handle_completions(request | {"ignore_eos": False, "return_tokens": True})

        return complete

    return start


def steps(answer: dict[str, Any]) -> tuple[list[int], torch.Tensor]:
    """Greedy tokens and the log-probability of all 300 tokens at each step."""
    content = answer["choices"][0]["logprobs"]["content"]
    table = torch.full((len(content), 300), float("nan"))
    for row, step in zip(table, content, strict=True):
        for entry in step["top_logprobs"]:
            row[entry["id"]] = entry["logprob"]
    return [step["id"] for step in content], table


def agree(run: Callable[[list[int]], dict[str, Any]], model: Any) -> float:
    """Largest difference in log-probability along llama.cpp's greedy paths, with infinity where tokens differ."""
    worst = 0.0
    for prompt in PROMPTS:
        tokens, table = steps(run(prompt))
        wanted = logits(model, torch.tensor([prompt + tokens[:-1]]))[0, len(prompt) - 1 :].log_softmax(-1)
        if wanted.argmax(-1).tolist() != tokens:
            return float("inf")
        worst = max(worst, float((table - wanted).abs().max()))
    return worst


def test_llama_cpp_applies_the_twin_as_peft_does(llama_cpp, tiny_model, state_of, layout, tokens, tmp_path):
    state = state_of(leaves=("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"), scale=1.5, size=0.2)
    folder = write_adapter(tmp_path / "a", state, layout, {}, gguf=True, durable=False)
    adapted = tiny_model()
    by_hand(adapted, state, tokens)
    assert agree(llama_cpp(folder / "adapter.gguf"), adapted) < 1e-4
    assert agree(llama_cpp(), tiny_model()) < 1e-4  # the base file itself is sound
    assert agree(llama_cpp(), adapted) == float("inf")  # and the adapter makes a difference


def test_the_naive_twin_without_permuted_rows_differs(
    llama_cpp, tiny_model, state_of, layout, tokens, tmp_path, monkeypatch
):
    from genlora.adapter import _gguf

    state = state_of(leaves=("q_proj", "k_proj"), size=0.4)
    monkeypatch.setattr(_gguf, "permuted_rows", lambda rows, heads: rows)
    path = tmp_path / "naive.gguf"
    path.write_bytes(gguf_bytes(state, layout))
    adapted = tiny_model()
    by_hand(adapted, state, tokens)
    assert agree(llama_cpp(path), adapted) > 1e-2


def contents(data: bytes, path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    path.write_bytes(data)
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    return fields, {t.name: np.array(t.data) for t in reader.tensors}


@pytest.mark.parametrize(
    ("kind", "arch"), [("llama", "llama"), ("mistral", "llama"), ("qwen2", "qwen2"), ("gemma3_text", "gemma3")]
)
def test_twin_of_every_family(kind, arch, tmp_path):
    layout = make_layout(kind)
    state = build_state(layout, rank=4, scale=2.0)
    fields, tensors = contents(gguf_bytes(state, layout), tmp_path / "a.gguf")
    assert fields["general.type"] == "adapter"
    assert fields["adapter.type"] == "lora"
    assert fields["general.architecture"] == arch
    assert fields["adapter.lora.alpha"] == 4.0
    pair = state["model.layers.1.self_attn.v_proj"]
    np.testing.assert_array_equal(tensors["blk.1.attn_v.weight.lora_a"], pair.a.numpy())
    np.testing.assert_array_equal(tensors["blk.1.attn_v.weight.lora_b"], pair.b.numpy() * 2)
    rows = state["model.layers.1.self_attn.q_proj"].b.numpy() * 2
    wanted = permuted_rows(rows, HEADS) if arch == "llama" else rows
    np.testing.assert_array_equal(tensors["blk.1.attn_q.weight.lora_b"], wanted)


def test_multimodal_paths_have_names_too(tmp_path):
    layout = make_layout("gemma3")
    moved = {p.replace("model.", "model.language_model."): q for p, q in build_state(layout).items()}
    _, tensors = contents(gguf_bytes(AdapterState(moved), layout), tmp_path / "a.gguf")
    assert "blk.0.attn_q.weight.lora_a" in tensors


def test_zero_pairs_are_left_out_and_ranks_are_equal(layout, state_of, tmp_path):
    state = {**state_of(rank=4, leaves=("v_proj",)), **state_of(rank=2, leaves=("q_proj",))}
    for spec in layout.of(["k_proj"]):
        state[spec.path] = LoraPair(torch.zeros(4, spec.d_in), torch.zeros(spec.d_out, 4))
    fields, tensors = contents(gguf_bytes(AdapterState(state), layout), tmp_path / "a.gguf")
    assert not [n for n in tensors if "attn_k" in n]
    assert {t.shape[0] for n, t in tensors.items() if n.endswith("lora_a")} == {4}
    assert fields["adapter.lora.alpha"] == 4.0


def test_permutation_pairs_the_halves_of_each_head():
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert permuted_rows(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_twin_is_deterministic(layout, state_of):
    digests = {hashlib.sha256(gguf_bytes(state_of(), layout)).hexdigest() for _ in range(3)}
    assert len(digests) == 1


def test_what_llama_cpp_cannot_name_is_refused(layout, state_of):
    with pytest.raises(AdapterFormatError, match="no GGUF twin for architecture 'falcon'; known are"):
        gguf_bytes(state_of(), make_layout("falcon"))
    odd = AdapterState({"model.layers.0.self_attn.z_proj": next(iter(state_of().values()))})
    with pytest.raises(AdapterFormatError, match=r"z_proj: llama\.cpp has no name for this projection"):
        gguf_bytes(odd, layout)
    poisoned = AdapterState({p: LoraPair(q.a, q.b * float("nan")) for p, q in state_of().items()})
    with pytest.raises(AdapterFormatError, match="holds a value of size nan"):
        gguf_bytes(poisoned, layout)
