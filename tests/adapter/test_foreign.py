"""What PEFT itself reads at equal logits is read here too: neutral, null and historic fields, names that wrappers
leave, ranks above a module's width, trainers' folders, a hub's cache; and what holds nothing is told.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import import_peft, load_adapter, peft_files, write_adapter
from genlora.errors import AdapterFormatError, AdapterShapeError, GenloraError, UnsafeFormatError

from .conftest import make_layout
from .test_peft import by_hand, logits

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."


@pytest.fixture
def theirs(tmp_path: Path, tiny_model: Callable[..., Any], tokens: torch.Tensor) -> Callable[..., tuple[Path, Any]]:
    """A folder that PEFT saved, with random factors, and the logits of the model that saved it."""
    from peft import LoraConfig, get_peft_model

    def save(kind: str = "llama", **options: Any) -> tuple[Path, torch.Tensor]:
        options = {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]} | options
        model = get_peft_model(tiny_model(kind), LoraConfig(**options)).eval()
        rng = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "lora_" in name:
                    p.copy_(0.2 * torch.randn(p.shape, generator=rng))
        folder = tmp_path / "theirs"
        model.save_pretrained(folder, save_embedding_layers=False)
        return folder, logits(model, tokens)

    return save


def edit(folder: Path, **changes: Any) -> None:
    """Set keys of the config; those set to ... are taken out."""
    config = json.loads((folder / CONFIG).read_text()) | changes
    (folder / CONFIG).write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))


def retensor(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    tensors = {k: v.contiguous() for k, v in change(load_file(folder / WEIGHTS)).items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def by_peft(folder: Path, tiny_model: Callable[..., Any], tokens: torch.Tensor, kind: str = "llama") -> torch.Tensor:
    from peft import PeftModel

    return logits(PeftModel.from_pretrained(tiny_model(kind), folder).eval(), tokens)


HARMLESS: dict[str, dict[str, Any]] = {
    "a third field of auto_mapping": {
        "auto_mapping": {
            "base_model_class": "LlamaForCausalLM",
            "parent_library": "transformers.models.llama.modeling_llama",
            "unsloth_fixed": True,
        }
    },
    "auto_mapping to a class of somebody's own": {
        "auto_mapping": {"base_model_class": "Mine", "parent_library": "__main__"},
        "task_type": None,
    },
    "an option of a later PEFT, unset": {"some_future_option": None, "another": False, "a_third": {}, "more": []},
    "the keys of 2023": {
        **dict.fromkeys(
            ("rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "megatron_config", "loftq_config"), ...
        ),
        "enable_lora": None,
        "merge_weights": False,
    },
    "a runtime setting": {"runtime_config": {"ephemeral_gpu_offload": False}},
    "how it was begun": {"eva_config": {"rho": 2.0, "tau": 0.99, "whiten": False, "label_mask_value": -100}},
    "nulls": dict.fromkeys(("use_rslora", "fan_in_fan_out", "inference_mode", "exclude_modules", "layers_pattern")),
    "empty lists and texts": {"exclude_modules": [], "modules_to_save": [], "layers_pattern": []},
    "alpha as a float": {"lora_alpha": 8.0},
    "no alpha: PEFT takes 8": {"lora_alpha": ...},
    "transposed, which is for Conv1D": {"fan_in_fan_out": True},
    "biases, of a base that has none": {"bias": "all"},
    "everything linear": {"target_modules": "all-linear", "layers_pattern": None},
    "an embedder's task": {"task_type": "FEATURE_EXTRACTION"},
    "dropout of 1": {"lora_dropout": 1.0},
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_peft_reads_at_equal_logits_is_read(case, theirs, tiny_model, layout, tokens):
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    folder, want = theirs(target_modules=every) if case == "everything linear" else theirs()
    edit(folder, **HARMLESS[case])
    torch.testing.assert_close(by_peft(folder, tiny_model, tokens), want, rtol=1e-5, atol=1e-5)
    found = import_peft(folder, layout).state
    torch.testing.assert_close(by_hand(tiny_model(), found, tokens), want, rtol=1e-4, atol=1e-4)


CHANGES_NUMBERS: dict[str, tuple[dict[str, Any], str]] = {
    "an option of a later PEFT, set": ({"twist": True}, "key 'twist' is 'True', and what it does is not known"),
    "r that is no whole number": ({"r": 4.0}, "rank must be an integer"),
    "null for r": ({"r": None}, "r is 'None'"),
    "null for the biases": ({"bias": None}, "bias is 'None'"),
    "a regular expression": ({"target_modules": ".*q_proj"}, 'Write the names in its place, such as ["q_proj"'),
    "another task": ({"task_type": "SEQ_2_SEQ_LM"}, "task_type is 'SEQ_2_SEQ_LM'"),
}


@pytest.mark.parametrize("case", CHANGES_NUMBERS)
def test_what_could_change_numbers_is_refused_by_name(case, theirs, layout):
    changes, says = CHANGES_NUMBERS[case]
    folder, _ = theirs()
    edit(folder, **changes)
    with pytest.raises(AdapterFormatError) as caught:
        import_peft(folder, layout)
    assert says in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float8_e4m3fn, torch.float8_e5m2])
def test_types_that_peft_casts_are_cast(dtype, theirs, tiny_model, layout, tokens):
    folder, _ = theirs()
    retensor(folder, lambda tensors: {name: value.to(dtype) for name, value in tensors.items()})
    want = by_peft(folder, tiny_model, tokens)
    torch.testing.assert_close(
        by_hand(tiny_model(), import_peft(folder, layout).state, tokens), want, rtol=1e-4, atol=1e-4
    )


def test_what_float32_cannot_hold_is_refused(theirs, layout):
    folder, _ = theirs()
    retensor(folder, lambda tensors: {name: value.double() * 1e300 for name, value in tensors.items()})
    with pytest.raises(AdapterFormatError, match="finite"):
        import_peft(folder, layout)


def test_embeddings_that_were_only_saved_beside_it_say_how_to_leave_them_out(theirs, layout):
    folder, _ = theirs()
    saved = {f"{PREFIX}model.embed_tokens.weight": torch.zeros(8, 64)}
    retensor(folder, lambda tensors: {**tensors, **saved})
    with pytest.raises(AdapterFormatError, match=r"save_pretrained\(folder, save_embedding_layers=False\)"):
        import_peft(folder, layout)


def test_biases_that_were_trained_are_seen_in_the_tensors(theirs, tiny_model):
    folder, _ = theirs("qwen2", bias="all")
    with pytest.raises(AdapterFormatError, match=r"\.bias.*Its training changed biases"):
        import_peft(folder, make_layout("qwen2"))


# Names

NAMES: dict[str, Callable[[str], str]] = {
    "a picture-and-text model's": lambda k: k.replace(f"{PREFIX}model.layers", f"{PREFIX}model.language_model.layers"),
    "an older one's": lambda k: k.replace(f"{PREFIX}model.layers", f"{PREFIX}language_model.model.layers"),
    "compiled": lambda k: k.replace(PREFIX, f"{PREFIX}_orig_mod."),
    "the adapter's own name": lambda k: k.replace(".weight", ".default.weight"),
    "PEFT twice": lambda k: PREFIX + k,
    "no prefix": lambda k: k.removeprefix(PREFIX),
    "a prefix too short": lambda k: k.replace(f"{PREFIX}model.", PREFIX),
    "sharded": lambda k: k.replace("self_attn", "_fsdp_wrapped_module.self_attn"),
    "data parallel": lambda k: f"module.{k}",
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_wrappers_leave_mean_the_same_modules(case, theirs, tiny_model, layout, tokens):
    folder, want = theirs()
    retensor(folder, lambda t: {NAMES[case](k): v for k, v in t.items()})
    found = import_peft(folder, layout)
    torch.testing.assert_close(by_hand(tiny_model(), found.state, tokens), want, rtol=1e-4, atol=1e-4)
    assert "its tensors had other names than PEFT's own" in found.notes


def test_the_spelling_that_peft_reads_too(theirs, tiny_model, tokens):
    folder, want = theirs()
    retensor(folder, lambda t: {NAMES["the adapter's own name"](k): v for k, v in t.items()})
    torch.testing.assert_close(by_peft(folder, tiny_model, tokens), want, rtol=1e-5, atol=1e-5)


ODD_NAMES: dict[str, tuple[Callable[[str], str], str]] = {
    "a picture tower": (lambda k: k.replace("model.layers", "vision_tower.encoder.layers"), "picture tower"),
    "DoRA": (lambda k: k.replace("lora_B.weight", "lora_magnitude_vector"), "It is a DoRA"),
    "embeddings": (
        lambda k: f"{PREFIX}model.embed_tokens.weight" if "q_proj.lora_A" in k else k,
        "grown or only saved beside it",
    ),
    "MLX": (lambda k: k.replace("lora_A.weight", "lora_a").replace("lora_B.weight", "lora_b"), "These are MLX's names"),
    "unknown": (lambda k: k.replace("self_attn", "attention"), "Save it as a plain LoRA"),
}


@pytest.mark.parametrize("case", ODD_NAMES)
def test_other_names_say_what_it_is(case, theirs, layout):
    change, says = ODD_NAMES[case]
    folder, _ = theirs()
    retensor(folder, lambda t: {change(k): v for k, v in t.items()})
    with pytest.raises(AdapterFormatError) as caught:
        import_peft(folder, layout)
    assert says in str(caught.value)


def test_two_adapters_in_one_file_are_not_mixed(theirs, layout):
    folder, _ = theirs()
    retensor(folder, lambda t: {**t, **{k.replace(".weight", ".other.weight"): v.clone() for k, v in t.items()}})
    with pytest.raises(AdapterFormatError, match=r"are both lora_[AB] of one module\. It holds two adapters"):
        import_peft(folder, layout)


# Ranks above a module's width (v is 64 to 32)


def test_a_rank_above_the_width_is_read_without_loss(theirs, tiny_model, layout, tokens):
    folder, want = theirs(r=48, lora_alpha=48)
    found = import_peft(folder, layout)
    assert {p.rank for k, p in found.state.items() if k.endswith("v_proj")} == {32}
    torch.testing.assert_close(by_hand(tiny_model(), found.state, tokens), want, rtol=1e-3, atol=1e-3)
    with pytest.raises(AdapterShapeError, match=r"rank is 48, above the width .* \(32\), and at 32 it would lose"):
        peft_files(found.state, layout)


def test_where_nothing_is_lost_it_is_written_at_the_width(theirs, tiny_model, layout, tokens, tmp_path):
    folder, want = theirs(r=48, lora_alpha=48, target_modules=["v_proj"])
    found = import_peft(folder, layout)
    assert found.rank == 32 and "rank 48 is above the modules' width, which 32 holds without loss" in found.notes
    write_adapter(tmp_path / "ours", found.state, layout, {}, durable=False)
    got = by_peft(tmp_path / "ours", tiny_model, tokens)
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)


# Folders that people have


def test_a_trainers_checkpoint(theirs, layout, tmp_path):
    folder, _ = theirs()
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "adapter_model.bin"):
        (folder / name).write_bytes(b"PK\x03\x04")
    (folder / "trainer_state.json").write_text("{")
    (folder / "latest").symlink_to("/nowhere")
    assert import_peft(folder, layout).rank == 4
    parent = tmp_path / "output"
    shutil.copytree(folder, parent / "checkpoint-500", symlinks=True)
    with pytest.raises(AdapterFormatError, match=r"but these in it do\. Name the one you mean: .*checkpoint-500\.$"):
        import_peft(parent, layout)


def in_hub_cache(folder: Path, root: Path) -> Path:
    """The folder as a hub's cache keeps it: links from a commit's name to files named by digest."""
    snapshot = root / "models--acme--lora" / "snapshots" / "0f3c"
    snapshot.mkdir(parents=True)
    (root / "models--acme--lora" / "blobs").mkdir()
    for i, file in enumerate(sorted(folder.iterdir())):
        shutil.copy(file, root / "models--acme--lora" / "blobs" / str(i))
        (snapshot / file.name).symlink_to(f"../../blobs/{i}")
    return snapshot


def test_straight_from_a_hubs_cache(theirs, layout, tmp_path):
    folder, _ = theirs()
    snapshot = in_hub_cache(folder, tmp_path)
    assert import_peft(snapshot, layout).sha256 == import_peft(folder, layout).sha256
    outside = tmp_path / "outside.safetensors"
    shutil.copy(folder / WEIGHTS, outside)
    for target in (outside, "../../../../outside.safetensors", "../../blobs/../../outside.safetensors", "../../blobs"):
        (snapshot / WEIGHTS).unlink()
        (snapshot / WEIGHTS).symlink_to(target)
        with pytest.raises(UnsafeFormatError):
            import_peft(snapshot, layout)
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to("../../blobs/9")
    with pytest.raises(AdapterFormatError, match="is missing"):
        import_peft(snapshot, layout)
    (snapshot.parents[1] / "blobs" / "9").symlink_to(outside)  # a link behind the link
    with pytest.raises(UnsafeFormatError):
        import_peft(snapshot, layout)


def mlx(folder: Path, *, scale: float = 2.0, **config: Any) -> dict[str, torch.Tensor]:
    """What mlx_lm.lora writes; its factors by our names."""
    rng = torch.Generator().manual_seed(2)
    folder.mkdir()
    tensors, out = {}, {}
    for i in range(2):
        for leaf, width in (("q_proj", 64), ("v_proj", 32)):
            a, b = 0.2 * torch.randn(64, 4, generator=rng), 0.2 * torch.randn(4, width, generator=rng)
            path = f"model.layers.{i}.self_attn.{leaf}"
            tensors[f"{path}.lora_a"], tensors[f"{path}.lora_b"] = a, b
            out[path] = scale * (a @ b).T
    save_file(tensors, folder / "adapters.safetensors")
    shutil.copy(folder / "adapters.safetensors", folder / "0000100_adapters.safetensors")
    said = {"fine_tune_type": "lora", "lora_parameters": {"rank": 4, "scale": scale, "dropout": 0.0}, "model": "tiny"}
    (folder / CONFIG).write_text(json.dumps({**said, "num_layers": 16, "config": None, **config}))
    return out


def test_an_mlx_folder_is_converted(layout, tmp_path):
    want = mlx(tmp_path / "mlx")
    found = import_peft(tmp_path / "mlx", layout)
    assert found.base_name == "tiny" and found.rank == 4
    for path, update in want.items():
        torch.testing.assert_close(found.state[path].delta(), update, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fine_tune_type": "dora"}, "fine_tune_type is 'dora'"),
        ({"lora_parameters": {"rank": 8, "scale": 2.0}}, "expected \\(64, 8\\)"),
        ({"lora_parameters": {"rank": 4}}, "expected a rank in"),
        ({"lora_parameters": [1]}, "expected a rank in"),
    ],
)
def test_an_odd_mlx_folder_is_refused(changes, says, layout, tmp_path):
    mlx(tmp_path / "mlx", **changes)
    with pytest.raises(AdapterFormatError, match=says):
        import_peft(tmp_path / "mlx", layout)


def test_one_file_is_no_adapter(theirs, layout):
    folder, _ = theirs()
    with pytest.raises(
        AdapterFormatError, match=r"is a file, which does not say .* Expected the folder that PEFT saved"
    ):
        import_peft(folder / WEIGHTS, layout)


# What holds nothing, and what is no adapter's file

NOTHING: dict[str, tuple[Callable[[str, torch.Tensor], torch.Tensor], dict[str, Any], str]] = {
    "B never left zero": (lambda k, v: v * 0 if "lora_B" in k else v, {}, "every lora_B is zero, as before the first"),
    "A is zero": (lambda k, v: v * 0 if "lora_A" in k else v, {}, "every lora_A is zero"),
    "no scale": (lambda k, v: v, {"lora_alpha": 0}, "its scale is zero"),
    "next to nothing": (lambda k, v: v * 1e-30 if "lora_B" in k else v, {}, "which vanishes beside any weights"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_an_adapter_that_changes_nothing_is_told(case, theirs, layout, caplog):
    change, config, says = NOTHING[case]
    folder, _ = theirs()
    assert import_peft(folder, layout).nothing == ""
    retensor(folder, lambda t: {k: change(k, v) for k, v in t.items()})
    edit(folder, **config)
    assert says in import_peft(folder, layout).nothing
    load_adapter(folder, layout)
    assert "changes nothing" in caplog.text and says in caplog.text


@pytest.mark.parametrize("which", ["", "layers.1."])
def test_zero3_placeholders_name_their_cause(which, theirs, layout):
    folder, _ = theirs()
    retensor(folder, lambda t: {k: torch.zeros(0) if which in k else v for k, v in t.items()})
    with pytest.raises(
        AdapterShapeError, match=r"is \(0,\), expected .*ZeRO-3.*stage3_gather_16bit_weights_on_model_save"
    ):
        import_peft(folder, layout)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345678\n"
NOT_FILES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a pointer in place of the weights": (WEIGHTS, lambda _: POINTER, "a Git LFS pointer.*git lfs pull"),
    "a pointer in place of the config": (CONFIG, lambda _: POINTER, "a Git LFS pointer.*git lfs pull"),
    "a web page": (WEIGHTS, lambda _: b"<!DOCTYPE html><html>401</html>", "a web page"),
    "cut short": (WEIGHTS, lambda b: b[:-100], "bytes long, but its header describes"),
    "empty": (WEIGHTS, lambda _: b"", "0 bytes long"),
    "a byte-order mark": (CONFIG, lambda b: b"\xef\xbb\xbf" + b, "byte-order mark"),
    "UTF-16": (CONFIG, lambda b: b.decode().encode("utf-16"), "UTF-16"),
    "NaN": (CONFIG, lambda b: b.replace(b'"lora_dropout": 0.0', b'"lora_dropout": NaN'), "NaN is not JSON"),
}


@pytest.mark.parametrize("case", NOT_FILES)
def test_half_files_and_other_files_say_what_they_are(case, theirs, layout):
    name, change, says = NOT_FILES[case]
    folder, _ = theirs()
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(GenloraError, match=says) as caught:
        import_peft(folder, layout)
    assert str(folder / name) in str(caught.value) and "\n" not in str(caught.value)


def test_a_pipe_is_never_waited_for(theirs, layout):
    folder, _ = theirs()
    for name in (CONFIG, WEIGHTS):
        (folder / name).rename(folder / "kept")
        os.mkfifo(folder / name)
        with pytest.raises(UnsafeFormatError, match="is not a file"):
            import_peft(folder, layout)
        (folder / name).unlink()
        (folder / "kept").rename(folder / name)
