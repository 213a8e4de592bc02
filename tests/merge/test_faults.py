"""Merging: refusals, faults, interrupts, and the probes that decide."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.base import layout_of, load_base
from genlora.errors import AdapterShapeError, ConfigError, ManifestError, MergeError, StorageError
from genlora.merge import PROBE_TEXTS, probe_set, read_report, run_probe
from genlora.merge._probe import CALIBRATION_TEXTS

from .merging import adapter_for, digests, do_merge, leftovers


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
    with pytest.raises(ConfigError, match="--max-drift is 0; expected a share"):
        do_merge(base, layout, tmp_path / "m", max_drift=0)
    with pytest.raises(ConfigError, match="the merge source 'float' is not known"):
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


def test_an_existing_merge_is_replaced_only_when_told_and_nothing_else_ever(base, layout, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_text("x")
    with pytest.raises(StorageError, match="not a merged model that genlora wrote: it holds 'old'"):
        do_merge(base, layout, tmp_path / "m", "none", replace=True)
    (tmp_path / "m" / "old").unlink()
    do_merge(base, layout, tmp_path / "m", "none", replace=True)
    with pytest.raises(StorageError, match="already exists"):
        do_merge(base, layout, tmp_path / "m", "none")
    do_merge(base, layout, tmp_path / "m", "none", replace=True)
    for name in ("notes.txt", "config.json", "merge_report.png"):
        kept = (tmp_path / "m" / name).read_bytes() if name != "notes.txt" else b""
        (tmp_path / "m" / name).write_bytes(b"mine")
        with pytest.raises(StorageError, match=f"holds '{name}', which (genlora did not write|was changed)"):
            do_merge(base, layout, tmp_path / "m", "none", replace=True)
        assert (tmp_path / "m" / name).read_bytes() == b"mine"
        (tmp_path / "m" / name).write_bytes(kept)
    assert leftovers(tmp_path) == ["m"]


def test_a_folder_that_could_not_be_put_in_place_leaves_the_old_one(base, layout, tmp_path, monkeypatch):
    do_merge(base, layout, tmp_path / "m", "none")
    before = digests(tmp_path / "m")
    real = Path.rename

    def rename(path, target):
        if path.name.startswith(".genlora-merge-"):
            raise OSError(28, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StorageError):
        do_merge(base, layout, tmp_path / "m", "none", replace=True)
    assert digests(tmp_path / "m") == before
    assert leftovers(tmp_path) == ["m"]


@pytest.mark.parametrize("where", [".", ".."])
def test_the_base_itself_is_never_replaced(tiny_base, tmp_path, where):
    """E3: --force must not swap the base, or a folder that holds it, for the merged model."""
    base = tmp_path / "models" / "base"
    shutil.copytree(tiny_base("llama"), base)
    before = digests(base)
    with pytest.raises(StorageError, match=r"holds .*base, which is merged from"):
        do_merge(base, layout_of(base), base / where, "none", replace=True)
    assert digests(base) == before


def test_factors_that_never_meet_are_no_update(base, layout, tmp_path):
    good = adapter_for(layout)
    path, *_, other = good
    a, b = torch.zeros_like(good[path].a), torch.zeros_like(good[path].b)
    a[0], b[:, 1] = 1.0, 1.0  # both are non-zero, and B A is zero
    with pytest.raises(MergeError, match="zero everywhere"):
        do_merge(base, layout, tmp_path / "m", state=AdapterState({path: LoraPair(a, b)}))
    report = do_merge(base, layout, tmp_path / "m", state=AdapterState({**good, path: LoraPair(a, b)}))
    assert path not in {x.path for x in report.layers} and other in {x.path for x in report.layers}
    tiny = LoraPair(good[other].a * 1e-15, good[other].b * 1e-15)
    with pytest.raises(MergeError, match=f"{other}: the update is too small for float32"):
        do_merge(base, layout, tmp_path / "n", state=AdapterState({**good, other: tiny}))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_16_bit_base_keeps_its_types_and_its_rotary_frequencies(tiny_base, tmp_path, dtype):
    base = tmp_path / "base"
    shutil.copytree(tiny_base("llama", hidden=128), base)
    weights = {k: v if "norm" in k else v.to(dtype) for k, v in load_file(base / "model.safetensors").items()}
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    report = do_merge(base, layout_of(base), tmp_path / "m", "none", max_drift=0.05)
    assert report.drift == report.reloaded, "the model in memory is the one that was saved"
    merged = load_file(tmp_path / "m" / "model.safetensors")
    assert {k: v.dtype for k, v in merged.items()} == {k: v.dtype for k, v in weights.items() if k in merged}


def test_a_base_that_changes_meanwhile_is_noticed(tiny_base, tmp_path):
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


def test_a_probe_that_repeats_itself_counts_once(base):
    tokenizer = load_base(str(base)).tokenizer
    once, twice = (probe_set(tokenizer, [("a b c", "d e")] * n) for n in (1, 2))
    assert once == twice and once.positions > 0


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
        pytest.raises(AdapterShapeError, match="model has no module"),
        attached(loaded.model, {"model.layers.7.self_attn.q_proj": next(iter(adapter_for(layout).values()))}),
    ):
        pass


def test_a_report_that_names_no_form_is_no_report(base, layout, tmp_path):
    do_merge(base, layout, tmp_path / "m", "none")
    path = tmp_path / "m" / "merge_report.json"
    report = json.loads(path.read_text())
    del report["backend"]
    path.write_text(json.dumps(report))
    with pytest.raises(ManifestError, match="not a merge report"):
        read_report(tmp_path / "m")
