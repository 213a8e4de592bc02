"""Merging: every form against base and adapter side by side, and faulty merges that must be caught."""

import hashlib
import importlib
import json

import pytest
import torch
from click.testing import CliRunner

from genlora.adapter import AdapterState, LoraPair, write_adapter, zero_fill
from genlora.base import (
    BACKENDS,
    REFUSED,
    attached,
    compare,
    generate_greedy,
    layout_of,
    load_base,
    load_merged,
    load_quantized,
    merge,
    probe_set,
    prompt_ids,
    read_report,
    run_probe,
)
from genlora.base import _merge_linear as linear_module
from genlora.base import _merge_routes as routes
from genlora.base._probe import CALIBRATION_TEXTS, PROBE_TEXTS, Drift, linear_at
from genlora.base._quantize import quiet
from genlora.cli._main import cli
from genlora.errors import BaseError, BaseMismatchError, ConfigError, DigestError, MergeError, StorageError

with quiet():
    for name in ("torchao", "torchao.quantization", "bitsandbytes", "peft"):
        importlib.import_module(name)

POSITIONS = 200
TORCH_FORMS = [n for n, b in BACKENDS.items() if b.family != "gguf"]


def adapter_for(layout, *, leaves=("q_proj", "v_proj"), rank=4, size=0.15, seed=0):
    """A random update of a size that changes what the model says, as a trained one does."""
    rng = torch.Generator().manual_seed(seed)
    pairs = {
        m.path: LoraPair(
            torch.randn(rank, m.d_in, generator=rng) * size, torch.randn(m.d_out, rank, generator=rng) * size, 1.0
        )
        for m in layout.of(leaves)
    }
    return AdapterState(pairs)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def base(tiny_base):
    return tiny_base("llama", hidden=128)


@pytest.fixture
def layout(base):
    return layout_of(base)


def do_merge(base, layout, out, quantize="int8", **options):
    options = {"positions": POSITIONS, "max_drift": 0.5} | options
    state = options.pop("state", None) or adapter_for(layout)
    return merge(base, state, layout, quantize=quantize, out=out, **options)


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
    assert torch.equal(linear_at(fresh, path).weight.qdata, linear_at(merged, path).weight.qdata)


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
        weight = linear_at(model, "model.layers.0.self_attn.v_proj").weight
        weight.data = weight.data.flip(0)
        return model

    monkeypatch.setattr(routes, "load_merged_model", damaged)
    assert "saved and read back" in failing(base, layout, tmp_path / "m", "none", max_drift=0.05)


def naive_peft_merge(base, folder, *, double_quant, repack):
    """What people do: load in 4 bits, run it, then merge_and_unload. Returns base, base+adapter and merged probes."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant,
        bnb_4bit_compute_dtype=torch.float32,
    )  # fmt: skip
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


# --- refusals, faults, interrupts ------------------------------------------------------------------------------------


def test_adapters_that_cannot_be_merged_are_refused(base, layout, tmp_path, tiny_base):
    good = adapter_for(layout)
    path = next(iter(good))
    a, b = good[path].a, good[path].b
    broken = {
        "holds NaN or infinity": AdapterState({path: LoraPair(a * float("nan"), b)}),
        "the merged weight is not finite": AdapterState({path: LoraPair(a * 1e30, b * 1e30)}),
        "zero everywhere": AdapterState({path: LoraPair(a, b * 0)}),
        "Was it trained on another base": adapter_for(layout_of(tiny_base("llama"))),
        "has no such module": AdapterState({"model.layers.9.self_attn.q_proj": good[path]}),
    }
    for says, state in broken.items():
        with pytest.raises(MergeError, match=says):
            do_merge(base, layout, tmp_path / "m", state=state)
    assert leftovers(tmp_path) == []


def test_settings_that_cannot_be_are_refused(base, layout, tmp_path):
    with pytest.raises(ConfigError, match="--max-drift 0 is not usable"):
        do_merge(base, layout, tmp_path / "m", max_drift=0)
    with pytest.raises(ConfigError, match="--merge-source 'float' is not known"):
        do_merge(base, layout, tmp_path / "m", merge_source="float")
    with pytest.raises(ConfigError, match="device"):
        do_merge(base, layout, tmp_path / "m", device="nowhere")
    (tmp_path / "m").mkdir()
    with pytest.raises(StorageError, match="already exists, and nothing was written"):
        do_merge(base, layout, tmp_path / "m")


def test_widths_that_do_not_divide_are_refused(tiny_base, tmp_path):
    base = tiny_base("llama", hidden=48)
    with pytest.raises(MergeError, match="does not divide into groups of 32"):
        do_merge(base, layout_of(base), tmp_path / "m", "int4")


def test_a_quantised_base_is_refused(base, layout, tmp_path):
    do_merge(base, layout, tmp_path / "int8")
    with pytest.raises(MergeError, match=r"quantised already \(torchao\)"):
        do_merge(tmp_path / "int8", layout, tmp_path / "again")


def test_an_existing_folder_is_replaced_only_when_told(base, layout, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_text("x")
    do_merge(base, layout, tmp_path / "m", "none", replace=True)
    assert not (tmp_path / "m" / "old").exists()
    assert leftovers(tmp_path) == ["m"]


def test_a_base_that_changes_meanwhile_is_noticed(tiny_base, tmp_path):
    import shutil

    base = tmp_path / "base"
    shutil.copytree(tiny_base("llama"), base)

    def touch(step, _done, _total):
        if step == "reloading":
            (base / "config.json").write_text((base / "config.json").read_text() + " ")

    with pytest.raises(MergeError, match=r"config.json changed during the merge"):
        do_merge(base, layout_of(base), tmp_path / "m", "none", progress=touch)
    assert leftovers(tmp_path) == ["base"]


def test_an_interrupt_at_any_step_leaves_nothing(base, layout, tmp_path):
    """F6: whole or absent."""
    steps = []
    do_merge(base, layout, tmp_path / "whole", "none", progress=lambda *s: steps.append(s))
    for stop in range(len(steps)):
        left = [stop]

        def interrupt(*_, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            do_merge(base, layout, tmp_path / "cut", "none", progress=interrupt)
        assert leftovers(tmp_path) == ["whole"]


# --- probes ----------------------------------------------------------------------------------------------------------


def test_probes_count_each_position_once_and_are_never_calibrated_on(base):
    tokenizer = load_base(str(base)).tokenizer
    probes = probe_set(tokenizer, positions=300)
    assert probes.positions == 300
    assert probes.skip > 0, "the template's system turn is shared by all"
    assert len({s[: probes.skip] for s in probes.sequences}) == 1
    assert not {t[0] for t in PROBE_TEXTS} & {t[0] for t in CALIBRATION_TEXTS}
    with pytest.raises(ConfigError, match="at least one text"):
        probe_set(tokenizer, [])


def test_attached_is_the_adapter_and_leaves_no_trace(base, layout):
    loaded = load_base(str(base))
    probes = probe_set(loaded.tokenizer, positions=50)
    before = run_probe(loaded.model, probes)
    with attached(loaded.model, adapter_for(layout)):
        during = run_probe(loaded.model, probes)
    after = run_probe(loaded.model, probes)
    assert torch.equal(before.values, after.values)
    assert (during.values - before.values).abs().mean() > 0.01
    with (
        pytest.raises(MergeError, match="base has no module"),
        attached(loaded.model, {"model.layers.7.self_attn.q_proj": next(iter(adapter_for(layout).values()))}),
    ):
        pass


# --- command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def adapter_folder(layout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter") / "a"
    write_adapter(folder, zero_fill(adapter_for(layout), layout), layout, {"fingerprint": layout.fingerprint})
    return folder


def call(*argv):
    return CliRunner().invoke(cli, ["merge", *map(str, argv)])


def test_cli_merges_and_reports(base, adapter_folder, tmp_path):
    done = call("--adapter", adapter_folder, "--base", base, "--quantize", "int8", "-o", tmp_path / "m", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["reloaded"]["share"] <= report["max_drift"]
    assert report["seconds"]
    said = call("--adapter", adapter_folder, "--base", base, "--quantize", "none", "-o", tmp_path / "n")
    assert "best token equal at 100.00%" in said.stdout


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--quantize", "quanto"], REFUSED["quanto"]),
        (["--quantize", "nf4-single"], "AVX-512-BF16"),
        (["--quantize", "int9"], "no quantisation is called 'int9'"),
        (["--quantize", "int8", "--device", "tpu9"], "device"),
        (["--quantize", "int8", "--max-drift", "0.000001"], "the merged model differs"),
        (["--quantize", "gguf-q8_0"], "does not come as a GGUF file"),
        (["--quantize", "int8", "--probe", "no.jsonl"], "no.jsonl: cannot be read"),
    ],
)
def test_cli_says_why(base, adapter_folder, tmp_path, extra, says):
    done = call("--adapter", adapter_folder, "--base", base, "-o", tmp_path / "m", *extra)
    assert done.exit_code == 2, done.output
    assert says in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "m").exists()


def test_cli_refuses_an_adapter_of_another_base(tiny_base, adapter_folder, tmp_path):
    other = tiny_base("llama", hidden=128, seed=5)
    done = call("--adapter", adapter_folder, "--base", other, "--quantize", "none", "-o", tmp_path / "m")
    assert done.exit_code == 2
    assert "base" in done.output
    assert not (tmp_path / "m").exists()


def test_cli_probes_on_the_users_own_inputs(base, adapter_folder, tmp_path):
    rows = tmp_path / "mine.jsonl"
    rows.write_text('{"input": "one two", "output": "two one"}\n\n{"input": "three four"}\n')
    argv = ("--adapter", adapter_folder, "--base", base, "--quantize", "none", "--json")
    done = call(*argv, "-o", tmp_path / "m", "--probe", rows)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["reloaded"]["positions"] < 100
    rows.write_text('{"in": 1}\n')
    done = call(*argv, "-o", tmp_path / "n", "--probe", rows)
    assert done.exit_code == 2
    assert "mine.jsonl:1: expected a JSON object with 'input'" in done.output


# --- GGUF ------------------------------------------------------------------------------------------------------------


def write_tiny_gguf(path, base, layout, kind="F32"):
    """The tiny llama as a GGUF file, as llama.cpp's converter lays it out."""
    import gguf
    import numpy as np
    from safetensors.torch import load_file

    from genlora.adapter import permuted_rows
    from genlora.base._merge_blocks import store

    config = json.loads((base / "config.json").read_text())
    vocabulary = json.loads((base / "tokenizer.json").read_text())["model"]["vocab"]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layout.n_layers)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(layout.n_layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(layout.n_heads)
    writer.add_head_count_kv(layout.n_kv_heads)
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    tokens = sorted(vocabulary, key=vocabulary.get)
    writer.add_token_list(tokens + [f"<pad{i}>" for i in range(config["vocab_size"] - len(tokens))])
    writer.add_token_types([gguf.TokenType.NORMAL] * config["vocab_size"])
    writer.add_token_merges(["t h", "th e"])
    for name, value in load_file(base / "model.safetensors").items():
        array = value.numpy()
        heads = {"q_proj": layout.n_heads, "k_proj": layout.n_kv_heads}.get(name.split(".")[-2])
        array = array if heads is None else permuted_rows(array, heads)
        target = names.get_name(name.removesuffix(".weight")) + ".weight"
        if kind != "F32" and array.ndim == 2:
            stored = store(torch.from_numpy(np.ascontiguousarray(array)), kind)
            writer.add_tensor(target, stored.data, raw_dtype=gguf.GGMLQuantizationType[kind])
        else:
            writer.add_tensor(target, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(("form", "share"), [("gguf-f16", 0.01), ("gguf-q8_0", 0.02), ("gguf-q4_1", 0.4)])
def test_a_gguf_file_takes_the_adapter(base, layout, tmp_path, form, share):
    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout)
    before = file.read_bytes()
    report = do_merge(base, layout, tmp_path / "m", form, gguf=file)
    assert report.reloaded.share <= share
    assert file.read_bytes() == before
    assert "base.gguf" in report.base_digests
    loaded = load_merged(tmp_path / "m")
    assert generate_greedy(loaded, [prompt_ids(loaded.tokenizer, "hello")], max_new_tokens=3)


def test_what_the_adapter_does_not_touch_stays_byte_for_byte(base, layout, tmp_path):
    from gguf import GGUFReader

    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout, kind="Q8_0")
    do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=file)
    ours = {t.name: t for t in GGUFReader(tmp_path / "m" / "model.gguf").tensors}
    for tensor in GGUFReader(file).tensors:
        same = ours[tensor.name].data.tobytes() == tensor.data.tobytes()
        assert same != tensor.name.endswith(("attn_q.weight", "attn_v.weight")), tensor.name


def test_another_bases_gguf_file_is_refused(base, layout, tmp_path, tiny_base):
    other = tiny_base("llama", hidden=128, seed=7)
    file = write_tiny_gguf(tmp_path / "other.gguf", other, layout_of(other))
    with pytest.raises(BaseMismatchError, match="The file is of another base"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=file)
    with pytest.raises(MergeError, match="needs the base's own GGUF file"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 40)
    with pytest.raises(BaseError, match="not a readable GGUF file"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=tmp_path / "broken.gguf")


def llama_cpp_tokens(file, prompt, count):
    """Greedy tokens of a real llama.cpp."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs the extra: pip install 'genlora[gguf]'")
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.warmup = 256, 1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    answer = server.handle_completions({"prompt": prompt, "n_predict": count, "temperature": 0.0, "n_probs": 1})
    return [step["id"] for step in answer["choices"][0]["logprobs"]["content"]]


def test_llama_cpp_runs_the_merged_file(base, layout, tmp_path, allow_sockets):
    """The same greedy tokens as PyTorch makes of the file's weights."""
    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout)
    state = adapter_for(layout, size=0.3)
    do_merge(base, layout, tmp_path / "m", "gguf-f16", gguf=file, state=state)
    loaded = load_merged(tmp_path / "m")
    prompt = prompt_ids(loaded.tokenizer, "the tin")
    ours = generate_greedy(loaded, [prompt], max_new_tokens=7, stop_ids=[])[0]
    plain = generate_greedy(load_base(str(base)), [prompt], max_new_tokens=6, stop_ids=[])[0]
    theirs = llama_cpp_tokens(tmp_path / "m" / "model.gguf", prompt, 6)
    # The server does not list a token that ends inside a character, so its list may have gaps.
    rest = iter(ours)
    assert all(token in rest for token in theirs), (theirs, ours)
    assert len(theirs) >= 4
    assert ours != plain, "the adapter must show"


# --- the real base ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_int8_and_gguf_merges_of_the_real_base(real_base, tmp_path):
    """An update about as large as a trained expert's: drift at most 2 % of its effect, best token equal at 99 %."""
    layout = layout_of(real_base)
    state = AdapterState({p: LoraPair(x.a, x.b, 1.0) for p, x in adapter_for(layout, rank=8, size=0.03).items()})
    report = merge(real_base, state, layout, quantize="int8", out=tmp_path / "int8")
    assert report.reloaded.share <= 0.02
    assert report.reloaded.agreement >= 0.99
    loaded = load_merged(tmp_path / "int8")
    assert generate_greedy(loaded, [prompt_ids(loaded.tokenizer, "Say hello.")], max_new_tokens=4)[0]
    from genlora.base import gguf_file

    report = merge(real_base, state, layout, quantize="gguf-q8_0", out=tmp_path / "gguf", gguf=gguf_file())
    assert report.reloaded.share <= 0.02
