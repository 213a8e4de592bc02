"""Merging: every form against base and adapter side by side, and faulty merges that must be caught."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import AdapterState, LoraPair, module_at, write_adapter, zero_fill
from genlora.base import BACKENDS, generate_greedy, layout_of, load_base, load_quantized
from genlora.base._quantize import quiet
from genlora.errors import DigestError, MergeError
from genlora.merge import Drift, compare, load_merged, probe_set, read_report, run_probe
from genlora.merge import _linear as linear_module
from genlora.merge import _routes as routes
from genlora.tasks import prompt_ids
from tests.conftest import write_tokenizer

from .merging import POSITIONS, TORCH_FORMS, adapter_for, digests, do_merge, leftovers


@pytest.mark.parametrize("name", TORCH_FORMS)
def test_a_merged_model_verifies_loads_and_runs(base, layout, tmp_path, name):
    before = digests(base)
    report = do_merge(base, layout, tmp_path / "merged", name, max_drift=None)
    assert report.reloaded.share <= BACKENDS[name].max_drift
    assert report.reloaded.positions == POSITIONS
    assert digests(base) == before, "E3: the base must not be touched"
    assert report.base_digests.items() <= before.items()
    loaded = load_merged(tmp_path / "merged")
    answer = generate_greedy(loaded, [prompt_ids(loaded.tokenizer, "hello")], max_new_tokens=5)
    assert len(answer) == 1
    assert leftovers(tmp_path) == ["merged"]


def test_int8_drift_and_agreement_on_a_tiny_base(base, layout, tmp_path):
    report = do_merge(base, layout, tmp_path / "m", "int8", positions=1000)
    assert report.reloaded.share <= 0.02
    assert report.reloaded.agreement >= 0.95  # random weights have many near ties; the real base is held to 0.99


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral", "gemma3"])
def test_a_float_merge_is_what_peft_makes_of_it(tiny_base, tmp_path, kind):
    from peft import PeftModel

    base = tiny_base(kind)
    layout = layout_of(base)
    state = adapter_for(layout)
    receipt = {"fingerprint": layout.fingerprint}
    write_adapter(tmp_path / "adapter", zero_fill(state, layout), layout, receipt)
    do_merge(base, layout, tmp_path / "merged", "none", state=state)
    ours, theirs = load_merged(tmp_path / "merged"), load_base(str(base))
    merged = PeftModel.from_pretrained(theirs.model, str(tmp_path / "adapter")).merge_and_unload()
    ids = torch.tensor([prompt_ids(ours.tokenizer, "the same words for both")])
    with torch.inference_mode():
        torch.testing.assert_close(ours.model(ids).logits, merged(ids).logits, rtol=1e-5, atol=1e-5)


def test_zero_filled_pairs_cost_no_rounding(base, layout, tmp_path):
    state = zero_fill(adapter_for(layout), layout)
    assert any("k_proj" in path for path in state)
    report = do_merge(base, layout, tmp_path / "m", "int8", state=state)
    assert not any("k_proj" in x.path for x in report.layers)
    fresh = load_quantized(base, BACKENDS["int8"])
    merged = load_merged(tmp_path / "m").model
    path = "model.layers.0.self_attn.k_proj"
    assert torch.equal(module_at(fresh, path).weight.qdata, module_at(merged, path).weight.qdata)


def test_calibration_lowers_the_drift(base, layout, tmp_path):
    state = adapter_for(layout, leaves=("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"))
    nearest = do_merge(base, layout, tmp_path / "a", "int4", state=state, calibrate=False, max_drift=0.99)
    calibrated = do_merge(base, layout, tmp_path / "b", "int4", state=state, max_drift=0.99)
    assert calibrated.reloaded.share < nearest.reloaded.share
    assert calibrated.calibrated
    assert not nearest.calibrated


@pytest.mark.parametrize("source", ["dequantized", "original"])
def test_both_sources_start_from_what_they_say(base, layout, tmp_path, source):
    report = do_merge(base, layout, tmp_path / "m", "int8", merge_source=source)
    assert report.source == source
    assert json.loads((tmp_path / "m" / "merge_report.json").read_text())["source"] == source


@pytest.mark.parametrize("name", ["int8", "nf4"])
def test_the_same_merge_writes_the_same_bytes(base, layout, tmp_path, name):
    for folder in ("a", "b"):
        do_merge(base, layout, tmp_path / folder, name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_the_report_tells_all_of_it(base, layout, tmp_path):
    state = adapter_for(layout)
    do_merge(base, layout, tmp_path / "m", state=state)
    report = read_report(tmp_path / "m")
    assert [x["path"] for x in report["layers"]] == list(state)
    assert all(x["rounding"] > 0 and x["output"] > 0 and x["update"] > 0 for x in report["layers"])
    assert {"backend", "source", "max_drift", "base_digests", "adapter_digest", "versions", "files"} <= set(report)
    assert {"effect", "drift", "share", "agreement", "worst", "positions"} == set(report["reloaded"])
    assert "seconds" not in report
    assert (tmp_path / "m" / "merge_report.png").read_bytes()[:4] == b"\x89PNG"
    assert report["files"]["model.safetensors"] == digests(tmp_path / "m")["model.safetensors"]


@pytest.mark.parametrize("source", ["dequantized", "original"])
def test_rounding_is_measured_against_the_weight_as_it_was(base, layout, tmp_path, source):
    """Of a float32 base nothing is lost but float32's own rounding; once the measure was the new weight itself."""
    report = do_merge(base, layout, tmp_path / "m", "none", merge_source=source)
    before = load_base(str(base)).model.state_dict()
    for layer, (path, pair) in zip(report.layers, adapter_for(layout).items(), strict=True):
        assert layer.rounding < 1e-5
        assert layer.update == pytest.approx(float(pair.delta().norm() / before[f"{path}.weight"].norm()), rel=1e-4)


def in_bf16(base, folder):
    """The base as nearly all are published."""
    shutil.copytree(base, folder)
    weights = {k: v.bfloat16() for k, v in load_file(base / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_small_update_of_a_16_bit_base_says_which_form_holds_it(base, tmp_path):
    twin = in_bf16(base, tmp_path / "twin")
    layout = layout_of(twin)
    state = adapter_for(layout, size=0.02)
    says = r"into float32, a finer form, or keep the adapter .* instead\. To accept .* --max-drift 0\.\d+ \(.*\)\.$"
    with pytest.raises(MergeError, match=says) as told:
        do_merge(twin, layout, tmp_path / "m", "none", state=state, max_drift=None)
    report = do_merge(twin, layout, tmp_path / "m", "float32", state=state, max_drift=None)  # the first advice
    assert report.reloaded.share < 1e-3
    kinds = {v.dtype for v in load_file(tmp_path / "m" / "model.safetensors").values()}
    assert kinds == {torch.float32}
    accepted = float(str(told.value).partition("--max-drift ")[2].split()[0])  # the last
    do_merge(twin, layout, tmp_path / "n", "none", state=state, max_drift=accepted)


def test_a_merge_starts_from_the_base_alone(base, layout, tmp_path):
    """An adapter that lies beside the base's weights is neither merged in nor copied."""
    dirty = tmp_path / "dirty"
    shutil.copytree(base, dirty)
    write_adapter(tmp_path / "left", zero_fill(adapter_for(layout, seed=9), layout), layout, {})
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(tmp_path / "left" / file, dirty)
    for quantize in ("none", "int8"):
        do_merge(dirty, layout_of(dirty), tmp_path / quantize, quantize)
        do_merge(base, layout, tmp_path / f"{quantize}-clean", quantize)
        weights = "model.safetensors"
        assert digests(tmp_path / quantize)[weights] == digests(tmp_path / f"{quantize}-clean")[weights]
        assert not any(n.startswith("adapter") for n in leftovers(tmp_path / quantize))


def test_a_text_lora_of_a_picture_and_text_gemma(tmp_path):
    """Its files name the decoder's weights otherwise than the loaded model does."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {"vocab_size": 272, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "head_dim": 16}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 16, "query_pre_attn_scalar": 16}
    text |= {"max_position_embeddings": 512, "initializer_range": 0.12, "pad_token_id": 0}
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=271)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Gemma3ForConditionalGeneration(config).eval().save_pretrained(tmp_path / "base")
    write_tokenizer(tmp_path / "base")
    layout = layout_of(tmp_path / "base")
    state = adapter_for(layout)
    base = load_base(str(tmp_path / "base"))
    ids = torch.tensor([prompt_ids(base.tokenizer, "the same words for both")])
    for path, pair in state.items():
        base.model.get_submodule(path).weight.data += pair.delta()
    for quantize in ("none", "int8"):
        do_merge(tmp_path / "base", layout, tmp_path / quantize, quantize, state=state)
    with torch.inference_mode():
        merged = load_merged(tmp_path / "none").model(ids).logits
        torch.testing.assert_close(merged, base.model(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_merged_model_with_other_bytes_is_not_loaded(base, layout, tmp_path):
    do_merge(base, layout, tmp_path / "m", "none")
    path = tmp_path / "m" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DigestError, match="missing, or not the bytes that"):
        load_merged(tmp_path / "m")


# --- naive merges: each must be caught -------------------------------------------------------------------------------


def failing(base, layout, out, quantize, **options):
    with pytest.raises(MergeError, match="of the adapter's own effect") as err:
        do_merge(base, layout, out, quantize, **options)
    assert not out.exists()
    assert leftovers(out.parent) == []
    return str(err.value)


@pytest.mark.parametrize("name", ["none", "int8", "nf4"])
def test_a_merge_that_does_nothing_is_caught(base, layout, tmp_path, monkeypatch, name):
    """optimum-quanto's way: no error, and nothing merged. Its drift is the adapter's whole effect."""
    real = linear_module.merge_linear

    def no_op(form, linear, path, pair, **options):
        weight = linear.weight
        error = real(form, linear, path, pair, **options)
        linear.weight = weight
        return error

    kept = linear_module.FloatForm.write
    monkeypatch.setattr(linear_module.FloatForm, "write", lambda *a: None if name == "none" else kept(*a))
    monkeypatch.setattr(routes, "merge_linear", no_op)
    said = failing(base, layout, tmp_path / "m", name, max_drift=0.9)
    assert "differs from base and adapter by 100.0%" in said or name == "nf4"


@pytest.mark.parametrize("fault", ["twice", "negated", "one layer missed", "scale forgotten"])
def test_a_merge_of_something_else_is_caught(base, layout, tmp_path, monkeypatch, fault):
    real, seen = linear_module.merge_linear, []

    def faulty(form, linear, path, pair, **options):
        seen.append(path)
        factor = {"twice": 2.0, "negated": -1.0, "scale forgotten": 1 / pair.scale}.get(fault, 1.0)
        if fault == "one layer missed" and len(seen) == 1:
            factor = 1e-6
        return real(form, linear, path, LoraPair(pair.a, pair.b, pair.scale * factor), **options)

    monkeypatch.setattr(routes, "merge_linear", faulty)
    state = adapter_for(layout)
    state = AdapterState({p: LoraPair(x.a, x.b, 0.5) for p, x in state.items()})
    failing(base, layout, tmp_path / "m", "int8", state=state, max_drift=0.05)


def test_what_is_saved_wrongly_is_caught_although_memory_was_right(base, layout, tmp_path, monkeypatch):
    """The model in memory verifies; the file does not hold it."""
    real = routes.load_merged_model

    def damaged(folder, backend, *, device="cpu"):
        model = real(folder, backend, device=device)
        weight = module_at(model, "model.layers.0.self_attn.v_proj").weight
        weight.data = weight.data.flip(0)
        return model

    monkeypatch.setattr(routes, "load_merged_model", damaged)
    assert "saved and read back" in failing(base, layout, tmp_path / "m", "none", max_drift=0.05)


def naive_peft_merge(base, folder, *, double_quant, repack):
    """What people do: load in 4 bits, run it, then merge_and_unload. Returns base, base+adapter and merged probes."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double_quant,
        bnb_4bit_compute_dtype=torch.float32,
    )
    loaded = load_base(str(base))
    probes = probe_set(loaded.tokenizer, positions=POSITIONS)
    with quiet():
        model = AutoModelForCausalLM.from_pretrained(str(base), quantization_config=config, dtype=torch.float32).eval()
        plain = run_probe(model, probes)
        peft = PeftModel.from_pretrained(model, str(folder)).eval()
        beside = run_probe(peft, probes)
        if repack:  # this processor does not repack by itself: do what it does elsewhere, to every adapted matrix
            for module in peft.modules():
                if hasattr(module, "lora_A"):
                    data = module.base_layer.weight.data
                    data.copy_(data.flip(0))
        merged = run_probe(peft.merge_and_unload(), probes)
    return compare(plain, beside, merged)


@pytest.mark.parametrize("double_quant", [True, False])
def test_the_naive_order_forward_then_merge_is_caught(base, layout, tmp_path, double_quant):
    """bitsandbytes repacks 4-bit weights in a forward on some CPUs, and a merge then reads garbage."""
    from bitsandbytes.nn import modules

    adapter = tmp_path / "adapter"
    write_adapter(adapter, zero_fill(adapter_for(layout), layout), layout, {"fingerprint": layout.fingerprint})
    repacks = modules.has_avx512bf16()
    naive = naive_peft_merge(base, adapter, double_quant=double_quant, repack=not repacks)
    with pytest.raises(MergeError, match="the merged model differs"):
        naive.check(BACKENDS["nf4"].max_drift, what="naive")
    ours = do_merge(base, layout, tmp_path / "m", "nf4", max_drift=None)
    assert ours.reloaded.share < naive.share / 2


def test_nan_in_the_merged_model_never_verifies():
    drift = Drift(effect=1.0, drift=float("nan"), worst=0.0, agreement=1.0, positions=10)
    with pytest.raises(MergeError, match="differs from base and adapter by nan%"):
        drift.check(0.5, what="merge")


def test_an_adapter_without_effect_cannot_be_verified():
    drift = Drift(effect=0.0, drift=0.0, worst=0.0, agreement=1.0, positions=10)
    with pytest.raises(MergeError, match="changes no logit of this base on 10 probe positions"):
        drift.check(0.5, what="merge")
