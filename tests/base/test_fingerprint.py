"""E1: 30 pairs of bases that look alike and are not, and the quantised twins that are."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from genlora.base import Fingerprint, fingerprint, require_compatible, tensor_headers
from genlora.base._fingerprint import _PROBES as PROBES
from genlora.errors import BaseError, BaseMismatchError, ManifestError

KINDS = ("llama", "qwen2", "mistral", "gemma3")


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def store(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    whole = {k: v.contiguous() for k, v in weights.items()}
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})


def noise(share: float, only: str = "", seed: int = 1) -> Callable[[Path], None]:
    """Every weight whose name holds `only` moved by `share` of its own spread, as a fine-tune would."""

    def change(folder: Path) -> None:
        random = torch.Generator().manual_seed(seed)
        weights = weights_of(folder)
        for name, w in weights.items():
            if only in name:
                weights[name] = w + share * w.std() * torch.randn(w.shape, generator=random)
        store(folder, weights)

    return change


def merged_lora(folder: Path) -> None:
    weights, random = weights_of(folder), torch.Generator().manual_seed(2)
    for name, w in weights.items():
        if "q_proj.weight" in name:
            a, b = torch.randn(1, w.shape[1], generator=random), torch.randn(w.shape[0], 1, generator=random)
            weights[name] = w + 0.01 * w.std() * (b @ a)
    store(folder, weights)


def scaled(factor: float) -> Callable[[Path], None]:
    return lambda folder: store(folder, {k: v * factor for k, v in weights_of(folder).items()})


def swapped_layers(folder: Path) -> None:
    weights = weights_of(folder)
    swap = {"layers.0.": "layers.1.", "layers.1.": "layers.0."}
    store(folder, {_renamed(k, swap): v for k, v in weights.items()})


def _renamed(name: str, swap: dict[str, str]) -> str:
    return next((name.replace(a, b) for a, b in swap.items() if a in name), name)


def config(**changes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def rope(theta: float) -> Callable[[Path], None]:
    return config(rope_parameters={"rope_theta": theta, "rope_type": "default"})


def tokenizer(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "tokenizer.json"
        whole = json.loads(path.read_text())
        change(whole)
        path.write_text(json.dumps(whole))

    return edit


def _swap_two_letters(t: dict) -> None:
    v = t["model"]["vocab"]
    v["a"], v["b"] = v["b"], v["a"]


def _fewer_merges(t: dict) -> None:
    t["model"]["merges"] = t["model"]["merges"][:-2]


def _merges_swapped(t: dict) -> None:
    m = t["model"]["merges"]
    m[-1], m[-2] = m[-2], m[-1]


def _lower_case(t: dict) -> None:
    t["normalizer"] = {"type": "Lowercase"}


def _prefix_space(t: dict) -> None:
    t["pre_tokenizer"]["add_prefix_space"] = True


def _no_special(t: dict) -> None:
    t["added_tokens"] = [a for a in t["added_tokens"] if a["content"] != "<|im_start|>"]


def template(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "chat_template.jinja"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


# name -> (architecture, what is done to a copy of it); shapes stay as they are in every one
OTHERS: dict[str, tuple[str, Callable[[Path], None] | int]] = {
    **{f"{kind}, another seed": (kind, 1) for kind in KINDS},
    **{f"{kind}, fine-tuned a little": (kind, noise(0.02)) for kind in KINDS},
    "fine-tuned very little": ("llama", noise(0.001)),
    "only one projection fine-tuned": ("llama", noise(0.01, "layers.1.mlp.up_proj")),
    "only the values of one layer": ("llama", noise(0.05, "layers.0.self_attn.v_proj")),
    "only the norms": ("llama", noise(0.01, "norm")),
    "only the embeddings": ("llama", noise(0.01, "embed_tokens")),
    "qwen2, only biases": ("qwen2", noise(0.05, "bias")),
    "a LoRA of rank 1 merged into q": ("llama", merged_lora),
    "all weights 1 % larger": ("llama", scaled(1.01)),
    "layers in another order": ("llama", swapped_layers),
    "weights all zero": ("llama", scaled(0.0)),
    "rotary base": ("llama", rope(500000.0)),
    "norm epsilon": ("llama", config(rms_norm_eps=1e-3)),
    "activation": ("llama", config(hidden_act="gelu")),
    "heads regrouped": ("llama", config(num_attention_heads=2, num_key_value_heads=1, head_dim=32)),
    "two tokens swapped": ("llama", tokenizer(_swap_two_letters)),
    "fewer merges": ("llama", tokenizer(_fewer_merges)),
    "two merges in another order": ("llama", tokenizer(_merges_swapped)),
    "upper case folded": ("llama", tokenizer(_lower_case)),
    "a space before every text": ("llama", tokenizer(_prefix_space)),
    "a special token gone": ("llama", tokenizer(_no_special)),
    "another default system turn": ("llama", template("You are a tiny model.", "You are helpful.")),
    "another role name": ("llama", template("<|im_start|>assistant", "<|im_start|>model")),
    "mistral's config on llama's weights": ("llama", config(model_type="mistral")),
}


@pytest.fixture
def pair(tiny_base, tmp_path):
    def make(kind: str, change: Callable[[Path], None] | int) -> tuple[Path, Path]:
        first = tiny_base(kind)
        second = tmp_path / f"second-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tiny_base(kind, seed=change) if isinstance(change, int) else first, second)
        if not isinstance(change, int):
            change(second)
        return first, second

    return make


def shapes_only(first: Path, second: Path) -> bool:
    """What PEFT goes by when it loads an adapter."""
    return {t.name: t.shape for t in tensor_headers(first).values()} == {
        t.name: t.shape for t in tensor_headers(second).values()
    }


def by_fingerprint(first: Path, second: Path) -> bool:
    return fingerprint(first).compatible(fingerprint(second)).ok


def same_config(first: Path, second: Path) -> bool:
    """What a name and a config file tell."""
    return json.loads((first / "config.json").read_text()) == json.loads((second / "config.json").read_text())


def some_weights(first: Path, second: Path) -> bool:
    """A digest of one tensor, the tokenizer's vocabulary and the template: nearly right."""
    one, two = (weights_of(folder)["model.layers.0.self_attn.q_proj.weight"] for folder in (first, second))
    vocabularies = [json.loads((f / "tokenizer.json").read_text())["model"]["vocab"] for f in (first, second)]
    templates = [(f / "chat_template.jinja").read_bytes() for f in (first, second)]
    return torch.equal(one, two) and vocabularies[0] == vocabularies[1] and templates[0] == templates[1]


@pytest.mark.parametrize(
    ("judge", "least"), [(by_fingerprint, 0), (shapes_only, 30), (same_config, 24), (some_weights, 10)]
)
def test_e1_silent_accepts_of_thirty_pairs(pair, judge, least):
    """None by the fingerprint; the naive judges fail, each on the pairs that it cannot tell apart."""
    assert len(OTHERS) >= 30
    accepted = [name for name, how in OTHERS.items() if judge(*pair(*how))]
    assert len(accepted) >= least if least else not accepted, accepted


@pytest.mark.parametrize("name", OTHERS)
def test_another_base_of_the_same_shapes_is_told_apart(pair, name):
    first, second = pair(*OTHERS[name])
    assert not by_fingerprint(first, second) and not by_fingerprint(second, first)
    mine, other = fingerprint(first), fingerprint(second)
    assert mine.id != other.id
    with pytest.raises(BaseMismatchError) as told:
        require_compatible(mine, other, what="adapter x")
    assert mine.id[:12] in str(told.value) and other.id[:12] in str(told.value) and "--force" in str(told.value)
    require_compatible(mine, other, what="adapter x", force=True)


def test_an_order_of_merges_that_no_probe_shows(pair):
    """Vocabulary and a few texts, the naive digest, accept it; the order of the merges is what tells."""
    from tokenizers import Tokenizer

    first, second = pair("llama", tokenizer(_merges_swapped))
    one, two = (Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (first, second))
    assert one.get_vocab() == two.get_vocab()
    assert all(one.encode(text).ids == two.encode(text).ids for text in PROBES)
    verdict = fingerprint(first).compatible(fingerprint(second))
    assert not verdict.ok and verdict.why == "the tokenizers differ"
    with pytest.raises(BaseMismatchError, match="the tokenizers differ"):
        require_compatible(fingerprint(first), fingerprint(second), what="adapter x")


def test_merges_in_the_older_spelling_are_the_same(pair):
    older = tokenizer(lambda t: t["model"].update(merges=[" ".join(pair) for pair in t["model"]["merges"]]))
    first, second = pair("llama", older)
    assert (first / "tokenizer.json").read_bytes() != (second / "tokenizer.json").read_bytes()
    assert fingerprint(first).id == fingerprint(second).id


def test_a_tokenizer_without_merges_has_a_fingerprint_too(pair):
    words = {"type": "WordLevel", "unk_token": "<|endoftext|>"}
    first, second = pair("llama", tokenizer(lambda t: t.update(model={**words, "vocab": t["model"]["vocab"]})))
    assert fingerprint(second).id == fingerprint(second).id != fingerprint(first).id


def cast(dtype: torch.dtype) -> Callable[[Path], None]:
    return lambda folder: store(folder, {k: v.to(dtype) for k, v in weights_of(folder).items()})


def sharded(folder: Path) -> None:
    weights = weights_of(folder)
    names = sorted(weights)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({n: weights[n] for n in part}, folder / file)
    where = {n: file for file, part in halves.items() for n in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    (folder / "model.safetensors").unlink()


def int8_rows(folder: Path) -> None:
    """bitsandbytes' 8-bit storage: int8 codes, and the largest value of each row."""
    out = {}
    for name, w in weights_of(folder).items():
        if "proj.weight" in name:
            largest = w.abs().amax(1)
            out[name] = (w / largest[:, None] * 127).round().to(torch.int8)
            out[name.removesuffix("weight") + "SCB"] = largest
            out[name.replace("weight", "weight_format")] = torch.tensor(0, dtype=torch.uint8)
        else:
            out[name] = w.to(torch.bfloat16)
    store(folder, out)


NF4 = [
    -1.0,
    -0.6961928,
    -0.52507305,
    -0.3949175,
    -0.28444138,
    -0.18477343,
    -0.09105004,
    0.0,
    0.0795803,
    0.1609302,
    0.2461123,
    0.33791524,
    0.44070983,
    0.562617,
    0.72295684,
    1.0,
]


def nf4(folder: Path) -> None:
    """bitsandbytes' 4-bit storage: two codes a byte, one largest value per 64."""
    book, out = torch.tensor(NF4), {}
    for name, w in weights_of(folder).items():
        if "proj.weight" not in name:
            out[name] = w
            continue
        blocks = w.reshape(-1, 64)
        largest = blocks.abs().amax(1)
        codes = ((blocks / largest[:, None])[..., None] - book).abs().argmin(-1).reshape(-1, 2).to(torch.uint8)
        state = json.dumps({"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": list(w.shape)}).encode()
        out[name] = (codes[:, :1] << 4) | codes[:, 1:]
        out[f"{name}.absmax"], out[f"{name}.quant_map"] = largest, book.clone()
        out[f"{name}.quant_state.bitsandbytes__nf4"] = torch.tensor(list(state), dtype=torch.uint8)
    store(folder, out)


def q4_1_grid(folder: Path) -> None:
    """A folder that holds the dequantised values of a Q4_1 file, as our conversion marks it."""
    out = {}
    for name, w in weights_of(folder).items():
        if w.ndim == 2:
            blocks = w.reshape(-1, 32)
            low = blocks.amin(1, keepdim=True).half().float()
            step = ((blocks.amax(1, keepdim=True) - low) / 15).half().float()
            w = (((blocks - low) / step).round().clamp(0, 15) * step + low).reshape(w.shape)
        out[name] = w
    store(folder, out)
    (folder / "genlora.json").write_text(json.dumps({"grid": "Q4_1", "name": "tiny", "licence": "none"}))


TWINS: dict[str, Callable[[Path], None]] = {
    "a copy": lambda folder: None,
    "bfloat16": cast(torch.bfloat16),
    "float16": cast(torch.float16),
    "in two shards": sharded,
    "int8": int8_rows,
    "nf4": nf4,
    "Q4_1, dequantised": q4_1_grid,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TWINS)
def test_the_same_base_stored_otherwise_is_accepted(pair, kind, name):
    first, second = pair(kind, TWINS[name])
    verdict = fingerprint(first).compatible(fingerprint(second))
    assert verdict.ok, verdict.why
    assert fingerprint(second).compatible(fingerprint(first)).ok


@pytest.mark.parametrize("name", ["int8", "nf4", "Q4_1, dequantised"])
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_the_quantised_twin_of_a_fine_tune_is_told_apart(pair, name, share):
    def change(folder: Path) -> None:
        noise(share)(folder)
        TWINS[name](folder)

    assert not by_fingerprint(*pair("llama", change))


def test_real_bitsandbytes_storage_is_accepted(pair, tmp_path):
    pytest.importorskip("bitsandbytes", reason="needs the extra: pip install 'genlora[quant]'")
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    def change(folder: Path) -> None:
        how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
        model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=how, device_map="cpu")
        model.save_pretrained(folder)

    first, second = pair("llama", change)
    assert tensor_headers(second)["model.layers.0.self_attn.q_proj.weight"].dtype == "U8"
    verdict = fingerprint(first).compatible(fingerprint(second))
    assert verdict.ok, verdict.why


def test_the_identity_does_not_hang_on_folder_names_or_the_cache(pair):
    first, second = pair("llama", lambda folder: None)
    assert fingerprint(first).id == fingerprint(second).id == fingerprint(first).id
    assert fingerprint(first).name != fingerprint(second).name


def test_it_survives_json(tiny_base):
    found = fingerprint(tiny_base("gemma3"))
    again = Fingerprint.from_json(json.loads(json.dumps(found.to_json())))
    assert again.id == found.id and again.compatible(found).ok
    assert len(json.dumps(found.to_json())) < 200 * 1024
    broken = found.to_json()
    broken["samples"]["model.norm.weight"]["data"] = "AAAA"
    with pytest.raises(ManifestError, match=r"fingerprint: not a base fingerprint"):
        Fingerprint.from_json(broken)
    with pytest.raises(ManifestError, match="version 99"):
        Fingerprint.from_json(found.to_json() | {"version": 99})


def test_values_read_by_offset_are_the_tensors_values(tiny_base, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_base("llama"), folder)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        cast(dtype)(folder)
        with safe_open(folder / "model.safetensors", "pt") as f:
            for name, header in tensor_headers(folder).items():
                expected = f.get_tensor(name).float().flatten().numpy()
                places = np.array([0, expected.size // 2, expected.size - 1])
                assert np.array_equal(header.read(places), expected[places])
                assert header.shape == tuple(f.get_tensor(name).shape)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json.*save_pretrained"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "not a tokenizer"),
        (lambda f: (f / "model.safetensors").unlink(), "not found.*safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x7f" * 64), "not a sound safetensors file"),
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:5000]),
            "not a sound safetensors file",
        ),
    ],
)
def test_a_damaged_base_says_what_is_wrong(pair, spoil, says):
    _, second = pair("llama", spoil)
    with pytest.raises(BaseError, match=says):
        fingerprint(second)
