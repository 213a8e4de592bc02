"""GGUF files become model folders once: same logits as the file's weights, no quantiser left, whole or absent."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from genlora.base import convert_gguf, fingerprint, load_base, resolve_base, tensor_headers
from genlora.cache import cache_dir, cache_entries, clear_cache
from genlora.errors import BaseError, StorageError


def to_gguf_order(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp interleaves the two halves of each head's rotary dimensions."""
    return (
        weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)
    )


def write_gguf(path: Path, folder: Path, kind: str) -> Path:
    """The tiny llama base in `folder` as a GGUF file, its matrices quantised as `kind`."""
    base = load_base(str(folder))
    config, how = base.model.config, gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_license("cc0-1.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(512)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokens = json.loads((folder / "tokenizer.json").read_text())
    by_id = {i: t for t, i in tokens["model"]["vocab"].items()}
    names = [by_id.get(i, f"<unused{i}>") for i in range(config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(names)
    writer.add_token_types([3 if n.startswith("<|") else 5 if n.startswith("<unused") else 1 for n in names])
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in tokens["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template((folder / "chat_template.jinja").read_text())
    mapping = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in base.model.state_dict().items():
        if name == "lm_head.weight":
            continue
        w = tensor.numpy()
        if "q_proj" in name or "k_proj" in name:
            w = to_gguf_order(w, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        target = mapping.get_name(name, try_suffixes=(".weight",))
        if w.ndim == 1 or kind == "F32":
            writer.add_tensor(target, np.ascontiguousarray(w, dtype=np.float32))
        else:
            writer.add_tensor(target, gguf.quants.quantize(np.ascontiguousarray(w), how), raw_dtype=how)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))


def test_a_float_gguf_is_the_same_base(tiny_base, tmp_path):
    folder = tiny_base("llama")
    file = write_gguf(tmp_path / "tiny.gguf", folder, "F32")
    said = []
    made = convert_gguf(file, progress=lambda *now: said.append(now))
    assert said == [("converting tiny.gguf", 0, 0), ("converting tiny.gguf", 1, 1)]
    first, second = load_base(str(folder)), load_base(str(file))
    assert second.path == made and second.layout.name == "Tiny" and second.layout.licence == "cc0-1.0"
    ids = torch.tensor([list(range(3, 60))])
    assert torch.equal(first.model(ids).logits, second.model(ids).logits)
    assert first.fingerprint.shapes == second.fingerprint.shapes
    assert first.fingerprint._same_weights(second.fingerprint).ok


def test_a_quantised_gguf_is_its_base_dequantised_and_no_quantiser_is_left(tiny_base, tmp_path):
    folder = tiny_base("llama")
    files = {kind: write_gguf(tmp_path / f"{kind}.gguf", folder, kind) for kind in ("Q8_0", "Q4_1")}
    made = {kind: resolve_base(str(file)) for kind, file in files.items()}
    for kind, path in made.items():
        assert "quantization_config" not in json.loads((path / "config.json").read_text())
        assert {h.dtype for h in tensor_headers(path).values()} == {"F32"}
        assert json.loads((path / "genlora.json").read_text())["grid"] == kind
        assert fingerprint(folder)._same_weights(fingerprint(path)).ok
    assert fingerprint(made["Q8_0"]).compatible(fingerprint(made["Q4_1"])).ok
    other = write_gguf(tmp_path / "other.gguf", tiny_base("llama", seed=1), "Q4_1")
    assert not fingerprint(made["Q4_1"]).compatible(fingerprint(resolve_base(str(other)))).ok


def test_it_is_converted_once(tiny_base, tmp_path, monkeypatch):
    file = write_gguf(tmp_path / "tiny.gguf", tiny_base("llama"), "Q8_0")
    made = convert_gguf(file)
    monkeypatch.setattr("genlora.base._convert._convert", lambda *_: pytest.fail("converted again"))
    assert convert_gguf(file) == made
    moved = file.rename(tmp_path / "moved.gguf")
    assert convert_gguf(moved) == made, "known by its bytes, not by its name"


def test_a_conversion_that_fails_leaves_nothing(tiny_base, tmp_path, monkeypatch):
    file = write_gguf(tmp_path / "tiny.gguf", tiny_base("llama"), "Q8_0")
    data = file.read_bytes()
    half = tmp_path / "half.gguf"
    half.write_bytes(data[: len(data) // 2])
    with pytest.raises(BaseError, match=r"half\.gguf: (not a readable GGUF file|this GGUF file cannot be converted)"):
        convert_gguf(half)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("transformers.PreTrainedModel.save_pretrained", full)
        with pytest.raises(StorageError, match=r"No space left on device.*bytes needed,.*bytes free.*Free some space"):
            convert_gguf(file)
    assert {e.kind for e in cache_entries()} <= {"fingerprints"}
    assert (convert_gguf(file) / "config.json").is_file()


def test_a_killed_conversion_is_swept_and_done_again(tiny_base, tmp_path):
    file = write_gguf(tmp_path / "tiny.gguf", tiny_base("llama"), "Q8_0")
    code = (
        "import genlora.base._convert as c, time\nfrom pathlib import Path\n"
        "def slow(path, stage):\n    (stage / 'config.json').write_text('{')\n    time.sleep(600)\n"
        f"c._convert = slow\nc.convert_gguf(Path({str(file)!r}))"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    while not list(cache_dir().glob("models/.genlora-tmp-*/config.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert [e.kind for e in cache_entries() if "tmp" in e.name] == ["leftover"]
    made = convert_gguf(file)
    assert json.loads((made / "config.json").read_text())["model_type"] == "llama"
    assert [e.kind for e in cache_entries() if "tmp" in e.name] == []


def test_the_cache_is_listed_and_cleared_by_kind(tiny_base, tmp_path):
    assert cache_entries() == [] and clear_cache().freed == 0
    made = convert_gguf(write_gguf(tmp_path / "tiny.gguf", tiny_base("llama"), "Q8_0"))
    fingerprint(made)
    entries = {e.kind: e for e in cache_entries()}
    assert {"models", "fingerprints"} <= set(entries)
    assert entries["models"].label.startswith("Tiny  ") and entries["models"].size > 100_000
    assert clear_cache("models").freed == entries["models"].size
    assert "models" not in {e.kind for e in cache_entries()} and "fingerprints" in {e.kind for e in cache_entries()}
    clear_cache()
    assert cache_entries() == []


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GENLORA_CACHE", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"
    monkeypatch.delenv("GENLORA_CACHE")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_dir() == tmp_path / "genlora"
