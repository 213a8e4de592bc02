"""What we write loads in other people's clients, gives their logits, and is the same bytes every time."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save

from genlora.adapter import AdapterState, LoraPair, peft_files, read_adapter, write_adapter, zero_fill
from genlora.errors import (
    AdapterFormatError,
    AdapterShapeError,
    BaseMismatchError,
    DigestError,
    ManifestError,
    StorageError,
)

from .conftest import build_state, make_layout

# PEFT asks transformers for a deprecated attribute whenever it wraps a model; no adapter can change that.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

WEIGHTS, CONFIG, RECEIPT = "adapter_model.safetensors", "adapter_config.json", "receipt.json"
FAMILIES = ["llama", "qwen2", "mistral", "gemma3_text"]


def logits(model, tokens):
    with torch.no_grad():
        return model(tokens).logits


def by_hand(model, state: AdapterState, tokens):
    """Logits of the base with ΔW added to its weights: no adapter library involved."""
    with torch.no_grad():
        for path, pair in state.items():
            model.get_submodule(path).weight += pair.delta()
    return logits(model, tokens)


@pytest.mark.parametrize("kind", FAMILIES)
def test_peft_loads_it_without_a_word_and_adds_delta_w(kind, tiny_model, tokens, tmp_path, weights_digest):
    from peft import PeftModel

    layout = make_layout(kind)
    state = build_state(layout, scale=2.0)
    write_adapter(tmp_path / "a", state, layout, {}, durable=False)
    model = tiny_model(kind)
    before, plain = weights_digest(model), logits(model, tokens)
    adapted = PeftModel.from_pretrained(model, tmp_path / "a")
    found = logits(adapted, tokens)
    torch.testing.assert_close(found, by_hand(tiny_model(kind), state, tokens), rtol=1e-4, atol=1e-4)
    assert float((found - plain).abs().max()) > 0.01
    assert weights_digest(adapted) == before


def test_peft_finds_no_missing_or_unexpected_keys(llama, written, tokens):
    from peft import LoraConfig, get_peft_model
    from peft.utils import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict

    llama.__dict__["name_or_path"] = "tiny"
    model = get_peft_model(llama, LoraConfig.from_pretrained(written))
    result = set_peft_model_state_dict(model, load_peft_weights(str(written), device="cpu"))
    assert result.unexpected_keys == []
    assert not [k for k in result.missing_keys if "lora_" in k]
    ours = load((written / WEIGHTS).read_bytes())
    theirs = get_peft_model_state_dict(model, save_embedding_layers=False)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_save_load_save_keeps_every_bit(llama, written, tmp_path):
    from peft import PeftModel

    model = PeftModel.from_pretrained(llama, written)
    model.save_pretrained(tmp_path / "again", save_embedding_layers=False)
    ours, theirs = ((f / WEIGHTS).read_bytes() for f in (written, tmp_path / "again"))
    assert ours == theirs


def test_transformers_load_adapter_agrees_with_peft(tiny_model, written, tokens):
    from peft import PeftModel

    theirs = logits(PeftModel.from_pretrained(tiny_model(), written), tokens)
    model = tiny_model()
    model.load_adapter(str(written))
    torch.testing.assert_close(logits(model, tokens), theirs, rtol=0, atol=1e-5)


def test_safe_open_saves_the_same_bytes_again(written):
    with safe_open(written / WEIGHTS, "pt") as f:
        tensors = {k: f.get_tensor(k) for k in f.keys()}
        again = save(tensors, f.metadata())
    assert again == (written / WEIGHTS).read_bytes()


def test_eighteen_keys_in_one_spelling(written):
    config = json.loads((written / CONFIG).read_text())
    assert len(config) == 18
    assert config["r"] == config["lora_alpha"] == 4
    assert type(config["lora_alpha"]) is int
    assert config["target_modules"] == ["q_proj", "k_proj", "v_proj"]
    assert config["base_model_name_or_path"] == "tiny"


def test_scale_is_folded_and_k_is_zero(tmp_path, layout, state_of):
    written = write_adapter(tmp_path / "scaled", state_of(scale=2.5), layout, {}, durable=False)
    tensors = load((written / WEIGHTS).read_bytes())
    assert len(tensors) == 2 * 3 * layout.n_layers
    for path, pair in state_of(scale=2.5).items():
        torch.testing.assert_close(tensors[f"base_model.model.{path}.lora_B.weight"], pair.b * 2.5)
    assert not any(t.any() for n, t in tensors.items() if "k_proj" in n)


@pytest.mark.parametrize(
    ("leaves", "targets"),
    [
        (("q_proj",), 3),
        (("v_proj", "k_proj"), 3),
        (("o_proj",), 4),
        (("q_proj", "down_proj"), 7),
    ],
)
def test_targets_grow_to_a_servable_set(leaves, targets, layout, state_of):
    files = peft_files(state_of(leaves=leaves), layout)
    assert len(json.loads(files[CONFIG])["target_modules"]) == targets
    assert len(load(files[WEIGHTS])) == 2 * targets * layout.n_layers


def test_mixed_ranks_are_padded_to_one(layout, state_of):
    state = AdapterState({**state_of(rank=2, leaves=("q_proj",)), **state_of(rank=5, leaves=("v_proj",))})
    files = peft_files(state, layout)
    assert json.loads(files[CONFIG])["r"] == 5
    assert {min(t.shape) for t in load(files[WEIGHTS]).values()} == {5}


def test_read_gives_back_what_was_written(written, layout, state_of):
    wanted = zero_fill(state_of(), layout)
    for found in (read_adapter(written, layout), read_adapter(written)):
        assert list(found) == list(wanted)
        assert all(torch.equal(found[p].a, wanted[p].a) and torch.equal(found[p].b, wanted[p].b) for p in wanted)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_halves_the_file(dtype, tmp_path, written, layout, state_of):
    full = (written / WEIGHTS).stat().st_size
    written = write_adapter(tmp_path / "half", state_of(), layout, {}, dtype=dtype, durable=False)
    assert (written / WEIGHTS).stat().st_size < 0.6 * full
    found = read_adapter(written, layout)
    for path, pair in state_of().items():
        torch.testing.assert_close(found[path].a, pair.a, rtol=1e-2, atol=1e-3)


def golden_state(layout) -> AdapterState:
    """Small whole numbers, so that no linear algebra and no rounding takes part."""
    return AdapterState(
        {
            m.path: LoraPair(
                torch.arange(2 * m.d_in, dtype=torch.float32).remainder(7).reshape(2, m.d_in) - 3,
                torch.arange(2 * m.d_out, dtype=torch.float32).remainder(5).reshape(m.d_out, 2) - 2,
                0.5,
            )
            for m in layout.of(("q_proj", "v_proj"))
        }
    )


GOLDEN = {
    WEIGHTS: "ea5e2855d2f2556c81116f6ca9d53232e7954255ca6acc8096b8361cd3e5f6a9",
    CONFIG: "9f2dd110b40120506740d2a914ea1f7197212eea2cdc3067411d65b8b7d3c68e",
}
"""SHA-256 of the first release's files for `golden_state`: a change here breaks receipts that people hold."""


def test_golden_bytes(layout):
    files = peft_files(golden_state(layout), layout)
    assert {n: hashlib.sha256(d).hexdigest() for n, d in files.items()} == GOLDEN


def test_h1_same_bytes_under_any_hash_seed():
    code = (
        "import hashlib, pathlib, sys; sys.path.insert(0, sys.argv[1]);"
        "import conftest as c; from genlora.adapter import peft_files, weighted_sum;"
        "l = c.make_layout(); s = [c.build_state(l, seed=i) for i in range(4)];"
        "f = peft_files(weighted_sum(s, [.4, .3, .2, .1], rank=8)[0], l);"
        "print(hashlib.sha256(b''.join(f[n] for n in sorted(f))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e30])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a7_nothing_unsound_is_emitted(bad, dtype, layout, state_of):
    state = state_of()
    path = list(state)[-1]
    for factor in ("a", "b"):
        tensors = {"a": state[path].a.clone(), "b": state[path].b.clone()}
        tensors[factor][-1, -1] = bad
        broken = AdapterState({**state, path: LoraPair(tensors["a"], tensors["b"])})
        with pytest.raises(AdapterFormatError, match=rf"lora_{factor.upper()}\.weight holds a value of size"):
            peft_files(broken, layout, dtype=dtype)


def test_half_precision_overflow_is_never_silent(layout, state_of):
    state = AdapterState({p: LoraPair(q.a, q.b, 1e6) for p, q in state_of().items()})
    with pytest.raises(AdapterFormatError, match=r"half precision ends at 65,504"):
        peft_files(state, layout, dtype="float16")


def test_writer_refuses_what_is_not_the_bases(layout, state_of):
    state = state_of()
    with pytest.raises(AdapterFormatError, match=r"lm_head: not a projection of tiny"):
        peft_files(AdapterState({**state, "lm_head": next(iter(state.values()))}), layout)
    cut = AdapterState({p: LoraPair(q.a[:, :-1], q.b) for p, q in state.items()})
    with pytest.raises(AdapterShapeError, match=r"the update is 64 x 63, expected 64 x 64 for tiny"):
        peft_files(cut, layout)
    with pytest.raises(AdapterFormatError, match="the adapter is empty"):
        peft_files(AdapterState({}), layout)
    with pytest.raises(
        AdapterShapeError, match=r"rank is 33, above the width of the smallest of q_proj, k_proj, v_proj \(32\)"
    ):
        peft_files(state_of(rank=33), layout)
    with pytest.raises(BaseMismatchError, match="the receipt names base"):
        write_adapter(Path("never"), state, layout, {"fingerprint": "0" * 64})
    assert not Path("never").exists()


def test_existing_folder_is_kept(written, layout, state_of):
    before = (written / WEIGHTS).read_bytes()
    with pytest.raises(StorageError, match="already exists, and nothing was written"):
        write_adapter(written, state_of(seed=5), layout, {})
    assert (written / WEIGHTS).read_bytes() == before


def test_another_base_is_refused_unless_forced(written, layout):
    other = dataclasses.replace(layout, fingerprint="e" * 64, name="other")
    with pytest.raises(BaseMismatchError, match=r"fingerprint 'ffffffffffffffff', but other has 'eeeeeeeeeeeeeeee'"):
        read_adapter(written, other)
    assert len(read_adapter(written, other, force=True)) == 6


def test_reader_names_the_changed_file(written, layout):
    path = written / CONFIG
    path.write_bytes(path.read_bytes().replace(b'"r": 4', b'"r": 5'))
    with pytest.raises(DigestError, match=r"adapter_config\.json: has SHA-256 .* but the receipt records"):
        read_adapter(written, layout)


def _resign(folder: Path) -> None:
    """Make the receipt fit the folder again, as a careful forger would."""
    receipt = json.loads((folder / RECEIPT).read_text())
    receipt["files"] = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in receipt["files"]}
    (folder / RECEIPT).write_text(json.dumps(receipt))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("r", 5, r"lora_alpha is '4', expected the integer r"),
        ("lora_alpha", 4.0, r"lora_alpha is '4\.0'"),
        ("use_rslora", True, r"key 'use_rslora' is not of the profile"),
        ("target_modules", ["q_proj", "v_proj"], "target_modules is"),
        ("target_modules", ".*", "target_modules is"),
        ("inference_mode", 1, "inference_mode is '1', expected True"),
        ("base_model_name_or_path", None, "base_model_name_or_path is not"),
    ],
)
def test_reader_is_strict_even_with_a_forged_receipt(key, value, says, written, layout):
    config = json.loads((written / CONFIG).read_text()) | {key: value}
    (written / CONFIG).write_text(json.dumps(config))
    _resign(written)
    with pytest.raises(AdapterFormatError, match=says):
        read_adapter(written, layout)


def test_forged_tensors_are_refused(written, layout):
    tensors = load((written / WEIGHTS).read_bytes())
    (written / WEIGHTS).write_bytes(
        save({**tensors, "base_model.model.model.norm.weight": torch.ones(64)}, {"format": "pt"})
    )
    _resign(written)
    with pytest.raises(
        AdapterFormatError, match=r"tensor 'base_model\.model\.model\.norm\.weight' \(1 such\) is not a LoRA"
    ):
        read_adapter(written, layout)
    with pytest.raises(AdapterFormatError, match="is not a LoRA factor"):
        read_adapter(written)


def test_reader_wants_its_receipt_and_nothing_else(written, layout):
    (written / "notes.txt").write_text("x")
    with pytest.raises(AdapterFormatError, match=r"notes\.txt: does not belong in a genlora adapter"):
        read_adapter(written, layout)
    (written / "notes.txt").unlink()
    (written / RECEIPT).write_text("{}")
    with pytest.raises(ManifestError, match="not a genlora receipt"):
        read_adapter(written, layout)
    (written / RECEIPT).unlink()
    with pytest.raises(AdapterFormatError, match=r"receipt\.json: is missing"):
        read_adapter(written, layout)
    with pytest.raises(AdapterFormatError, match="cannot be read as an adapter folder"):
        read_adapter(written / "nowhere", layout)
