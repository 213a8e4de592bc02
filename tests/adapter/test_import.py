"""Other people's adapters: PEFT's own folders come in without loss, everything else is refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import import_peft, load_adapter, peft_files, read_adapter, weighted_sum, write_adapter
from genlora.errors import AdapterFormatError, AdapterShapeError, GenloraError

from .conftest import make_layout
from .test_peft import by_hand, logits

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def saved_by_peft(tmp_path: Path, tiny_model: Callable[..., Any]) -> Callable[..., tuple[Path, Any]]:
    """A folder that PEFT itself saved after random training of both factors, and the model that saved it."""
    from peft import LoraConfig, get_peft_model

    def save(kind: str = "llama", *, dtype: torch.dtype = torch.float32, **options: Any) -> tuple[Path, Any]:
        options = {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]} | options
        model = get_peft_model(tiny_model(kind), LoraConfig(**options)).eval()
        rng = torch.Generator().manual_seed(11)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "lora_" in name:
                    p.copy_((0.2 * torch.randn(p.shape, generator=rng)).to(dtype))
        folder = tmp_path / "theirs"
        model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").write_text("---\nlicense: MIT\nbase_model: tiny\n---\n# A card\n")
        if dtype != torch.float32:
            weights = folder / "adapter_model.safetensors"
            tensors = {k: v.to(dtype) for k, v in load_file(weights).items()}
            save_file(tensors, weights, metadata={"format": "pt"})
        return folder, model

    return save


FOLDED = {
    "as it is": {},
    "other rank": {"r": 3, "lora_alpha": 5},
    "rank-stabilised": {"use_rslora": True, "r": 9},
    "rank and alpha by leaf": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 32}},
    "ranks by path": {
        "rank_pattern": {"model.layers.0.self_attn.q_proj": 7, "q_proj": 2, "layers.1.self_attn.v_proj": 1},
        "alpha_pattern": {"self_attn.q_proj": 3, "model.layers.1.self_attn.v_proj": 6},
        "use_rslora": True,
    },
    "one layer": {"layers_to_transform": [1]},
    "one layer, by number and pattern": {"layers_to_transform": 0, "layers_pattern": "layers"},
    "all but one": {"exclude_modules": ["layers.0.self_attn.q_proj"]},
    "one path and one leaf": {"target_modules": ["model.layers.1.mlp.up_proj", "k_proj"]},
    "everything": {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
    "dropout and plain inits": {"lora_dropout": 0.3, "init_lora_weights": "gaussian"},
    "orthogonal start": {"init_lora_weights": "orthogonal"},
    "no task type": {"task_type": None},
}


@pytest.mark.parametrize("case", FOLDED)
def test_folds_to_pefts_own_logits(case, saved_by_peft, tiny_model, tokens, layout, tmp_path):
    from peft import PeftModel

    folder, model = saved_by_peft(**FOLDED[case])
    theirs = logits(model, tokens)
    assert len(json.loads((folder / "adapter_config.json").read_text())) == 41
    found = import_peft(folder, layout)
    assert {p.rank for p in found.state.values()} == {found.rank}
    assert all(p.scale == 1.0 and p.a.dtype == torch.float32 for p in found.state.values())
    torch.testing.assert_close(by_hand(tiny_model(), found.state, tokens), theirs, rtol=1e-4, atol=1e-4)
    write_adapter(tmp_path / "ours", found.state, layout, {}, durable=False)
    again = logits(PeftModel.from_pretrained(tiny_model(), tmp_path / "ours"), tokens)
    torch.testing.assert_close(again, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["qwen2", "mistral", "gemma3_text"])
def test_other_families_come_in_too(kind, saved_by_peft, tiny_model, tokens):
    folder, model = saved_by_peft(kind, use_rslora=True)
    found = import_peft(folder, make_layout(kind))
    torch.testing.assert_close(
        by_hand(tiny_model(kind), found.state, tokens), logits(model, tokens), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_files_are_read_as_they_are(dtype, saved_by_peft, layout):
    folder, _ = saved_by_peft(dtype=dtype)
    tensors = load_file(folder / "adapter_model.safetensors")
    for path, pair in import_peft(folder, layout).state.items():
        assert torch.equal(pair.a, tensors[f"base_model.model.{path}.lora_A.weight"].float())
        assert torch.equal(pair.b, tensors[f"base_model.model.{path}.lora_B.weight"].float() * 2)


def test_notes_licence_and_base_are_reported(saved_by_peft, layout):
    folder, _ = saved_by_peft(use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"v_proj": 3})
    config = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": "org/else"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    found = import_peft(folder, layout)
    assert found.licence == "mit"
    assert found.base_name == "org/else"
    assert found.notes == (
        "rank-stabilised scaling folded into B",
        "per-module alphas folded into B",
        "ranks 2 to 4 zero-padded to 4",
        "its config names base 'org/else'; taken as 'tiny'",
    )


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (None, "unknown"),
        ("no front matter\nlicense: mit", "unknown"),
        ("---\nlicense: 'apache-2.0'\n---\n", "apache-2.0"),
        ("---\nlicense: mit; rm -rf\n---\n", "unknown"),
        ("---\nlicense:\n- a\n---\nlicense: mit\n", "unknown"),
        ("---\nlicense: mit\n" + "x" * (1 << 20), "unknown"),
    ],
)
def test_licence_is_one_plain_word_of_the_card(card, licence, foreign, layout):
    folder = foreign()
    if card is not None:
        (folder / "README.md").write_text(card)
    assert import_peft(folder, layout).licence == licence


REFUSED = {
    "DoRA": ({"use_dora": True}, "use_dora is 'True': DoRA"),
    "saved modules": ({"modules_to_save": ["lm_head"]}, "modules_to_save is"),
    "PiSSA": ({"init_lora_weights": "pissa"}, "changes the base's own weights"),
    "PiSSA, fast": ({"init_lora_weights": "pissa_niter_4"}, "changes the base's own weights"),
    "OLoRA": ({"init_lora_weights": "olora"}, "changes the base's own weights"),
    "replicated layers": ({"layer_replication": [[0, 2], [0, 2]]}, "layer_replication is"),
    "trained tokens": ({"trainable_token_indices": [1, 2]}, "trainable_token_indices is"),
    "regular expression": ({"target_modules": r".*\.[qv]_proj"}, "a text would be a regular expression"),
    "head": ({"target_modules": ["q_proj", "lm_head"]}, "target_modules names 'lm_head'"),
    "embeddings": ({"target_modules": ["q_proj", "embed_tokens"]}, "target_modules names 'embed_tokens'"),
    "pattern that is no literal": ({"rank_pattern": {r"layers\.0\..*": 4}}, "rank_pattern is"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_plain_lora_is_refused_by_name(case, saved_by_peft, layout):
    options, says = REFUSED[case]
    folder, _ = saved_by_peft(**options)
    with pytest.raises(AdapterFormatError) as caught:
        import_peft(folder, layout)
    assert says in str(caught.value)
    assert str(folder / "adapter_config.json") in str(caught.value)


BY_HAND = {
    "not LoRA": ({"peft_type": "IA3"}, "peft_type is 'IA3': expected 'LORA'"),
    "LoRA biases": ({"lora_bias": True}, "lora_bias is 'True'"),
    "classifier": ({"task_type": "SEQ_CLS"}, "task_type is 'SEQ_CLS'"),
    "parts of fused projections": ({"enable_lora": [True]}, "enable_lora is '[True]'"),
    "unknown key": ({"twist": 2.0}, "key 'twist' is '2.0', and what it does is not known here"),
    "rank 257": ({"r": 257}, "r is '257': rank must be an integer in [1, 256]"),
    "rank 0": ({"r": 0}, "r is '0'"),
    "rank true": ({"r": True}, "r is 'True'"),
    "rank in a pattern": ({"rank_pattern": {"q_proj": 2_000_000}}, "rank_pattern is"),
    "alpha is text": ({"lora_alpha": "8"}, "lora_alpha is '8'"),
    "alpha is negative": ({"lora_alpha": -8}, "lora_alpha is '-8'"),
    "LoftQ": ({"loftq_config": {"loftq_bits": 4}}, "LoftQ changes the base's own weights"),
    "CorDA": ({"corda_config": {"x": 1}}, "CorDA changes the base's own weights"),
    "QA-LoRA": ({"use_qalora": True}, "use_qalora is 'True'"),
    "activated LoRA": ({"alora_invocation_tokens": [1]}, "works only after its invocation tokens"),
    "parameters": ({"target_parameters": ["experts.up"]}, "bare parameters"),
    "no such projection": ({"target_modules": ["query_key_value"]}, "match no projection of tiny"),
    "import by name": ({"megatron_core": "os"}, "it names a module to import"),
    "auto mapping": ({"auto_mapping": {"base_model_class": ["x"]}}, "auto_mapping is"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_odd_configs_are_refused_by_name(case, foreign, layout):
    options, says = BY_HAND[case]
    with pytest.raises(AdapterFormatError) as caught:
        import_peft(foreign(options), layout)
    assert says in str(caught.value)


@pytest.mark.parametrize("key", ["peft_type", "target_modules"])
def test_needed_keys(key, foreign, layout):
    folder = foreign()
    config = json.loads((folder / "adapter_config.json").read_text())
    del config[key]
    (folder / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(AdapterFormatError, match=f"{key} is missing"):
        import_peft(folder, layout)


def test_wrong_shapes_and_missing_pairs_are_refused(foreign, layout, state_of, tensors_of):
    tensors = tensors_of(state_of())
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    with pytest.raises(AdapterShapeError, match=r"q_proj\.lora_A\.weight is \(4, 63\), expected \(4, 64\)"):
        import_peft(foreign(tensors={**tensors, name: tensors[name][:, 1:].contiguous()}), layout)
    with pytest.raises(AdapterFormatError, match=r"lora_A\.weight' \(1 such\) is missing"):
        import_peft(foreign(tensors={k: v for k, v in tensors.items() if k != name}), layout)
    with pytest.raises(AdapterFormatError, match=r"is I64, expected one of \['BF16', 'F16', 'F32', 'F64'"):
        import_peft(foreign(tensors={**tensors, name: tensors[name].long()}), layout)
    with pytest.raises(AdapterFormatError, match=r"tensor 'base_model\.model\.model\.layers\.99"):
        import_peft(foreign(tensors={**tensors, name.replace("layers.0", "layers.99"): tensors[name].clone()}), layout)


def test_missing_files_are_named(tmp_path, foreign, layout):
    with pytest.raises(GenloraError, match="cannot be read as an adapter folder"):
        import_peft(tmp_path / "nowhere", layout)
    folder = foreign()
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(AdapterFormatError, match=r"adapter_model\.safetensors: is missing"):
        import_peft(folder, layout)


def test_load_adapter_takes_both_kinds(written, foreign, layout, state_of):
    assert load_adapter(written, layout).keys() == read_adapter(written, layout).keys()
    theirs = load_adapter(foreign(), layout)
    assert torch.equal(next(iter(theirs.values())).b, next(iter(state_of().values())).b * 2)


def test_imported_adapters_take_part_in_sums(foreign, layout, state_of):
    imported = import_peft(foreign(), layout).state
    mixed, _ = weighted_sum([imported, state_of(seed=4, rank=8)], [0.5, 0.5], rank=8)
    assert set(peft_files(mixed, layout)) == {"adapter_model.safetensors", "adapter_config.json"}
