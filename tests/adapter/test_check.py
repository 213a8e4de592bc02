"""`check_adapter` sees every line of the portable profile that a folder can break; the command says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from genlora.adapter import check_adapter, write_adapter
from genlora.cli._check import check_adapter as command
from genlora.errors import ConfigError

WEIGHTS, CONFIG, RECEIPT = "adapter_model.safetensors", "adapter_config.json", "receipt.json"


def failed(folder: Path, layout: Any = None) -> dict[str, str]:
    return {i.name: i.detail for i in check_adapter(folder, layout).items if not i.ok}


@pytest.mark.parametrize("options", [{}, {"gguf": True}, {"dtype": "bfloat16"}, {"dtype": "float16"}])
def test_what_genlora_writes_holds(options, tmp_path, layout, state_of):
    folder = write_adapter(tmp_path / "a", state_of(), layout, {}, durable=False, **options)
    report = check_adapter(folder, layout)
    assert report.ok and failed(folder) == {}
    assert len(report.items) == 15
    assert json.loads(json.dumps(report.to_json()))["ok"] is True


def test_rank_over_16_is_pointed_out(tmp_path, layout, state_of):
    folder = write_adapter(tmp_path / "a", state_of(rank=32), layout, {}, durable=False)
    details = {i.name: i.detail for i in check_adapter(folder, layout).items}
    assert "vLLM needs --max-lora-rank of at least 32" in details["rank size"]


def with_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text()) | changes
        (folder / CONFIG).write_text(json.dumps({k: v for k, v in config.items() if v != "gone"}))

    return change


def with_tensors(
    change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], **meta: str
) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = {k: v.contiguous() for k, v in change(load_file(folder / WEIGHTS)).items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"} | meta)

    return apply


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"

BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "extra file": (
        lambda f: (f / "tokenizer.json").write_text("{}") and None,
        "files",
        "unexpected ['tokenizer.json']",
    ),
    "pickle": (lambda f: (f / "optimizer.pt").write_bytes(b"") and None, "files", "unexpected ['optimizer.pt']"),
    "41st key": (with_config(use_rslora=False), "config", "key 'use_rslora' is not of the profile"),
    "missing key": (with_config(revision="gone"), "config", "key 'revision' is missing"),
    "float alpha": (with_config(lora_alpha=4.0), "config", "lora_alpha is '4.0', expected the integer r"),
    "alpha of 16": (with_config(lora_alpha=16), "config", "lora_alpha is '16'"),
    "regular expression": (with_config(target_modules=".*q_proj"), "config", "target_modules is .*q_proj"),
    "dropout": (with_config(lora_dropout=0.1), "config", "lora_dropout is '0.1', expected 0.0"),
    "other base": (with_config(base_model_name_or_path="x"), "base name", "is 'x', expected 'tiny'"),
    "provenance in metadata": (with_tensors(dict, note="x"), "metadata", "expected {'format': 'pt'}"),
    "lonely A": (
        with_tensors(lambda t: {k: v for k, v in t.items() if k != FIRST.replace("_A", "_B")}),
        "tensor names",
        "has only one of lora_A and lora_B",
    ),
    "norm": (with_tensors(lambda t: {**t, "model.norm.weight": torch.ones(4)}), "tensor names", "is not a LoRA factor"),
    "two ranks": (
        with_tensors(
            lambda t: {k: (v[:2] if "_A" in k else v[:, :2]) if "0.self_attn.q" in k else v for k, v in t.items()}
        ),
        "one rank",
        "ranks [2, 4] in the tensors",
    ),
    "layer without v": (
        with_tensors(lambda t: {k: v for k, v in t.items() if "1.self_attn.v_proj" not in k}),
        "every layer",
        "v_proj is missing in 1 of 2 layers",
    ),
    "no k": (with_tensors(lambda t: {k: v for k, v in t.items() if "k_proj" not in k}), "targets", "expected the same"),
    "layer 99": (
        with_tensors(lambda t: {k.replace("layers.1", "layers.99"): v for k, v in t.items()}),
        "every layer",
        "is missing in 1 of 3 layers",
    ),
    "wrong width": (
        with_tensors(lambda t: {k: v[:, :60] if "lora_A" in k else v for k, v in t.items()}),
        "shapes",
        "is (4, 60), expected (4, 64)",
    ),
    "two dtypes": (with_tensors(lambda t: {**t, FIRST: t[FIRST].half()}), "dtype", "dtypes ['F16', 'F32']"),
    "NaN": (with_tensors(lambda t: {**t, FIRST: t[FIRST] * float("nan")}), "values", "holds a value of size nan"),
    "does nothing": (
        with_tensors(lambda t: {k: v * 0 if "lora_B" in k else v for k, v in t.items()}),
        "values",
        "every B is zero",
    ),
    "changed after writing": (with_config(revision=None, r=4), "receipt", "adapter_config.json is not the file"),
    "cut short": (
        lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-4]) and None,
        "safetensors",
        "describes",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_broken_line_is_named(case, written, layout):
    change, item, says = BROKEN[case]
    change(written)
    found = failed(written, layout)
    assert says in found[item]


def test_twin_must_be_what_the_receipt_records(tmp_path, layout, state_of):
    folder = write_adapter(tmp_path / "a", state_of(), layout, {}, gguf=True, durable=False)
    (folder / "adapter.gguf").write_bytes(b"GGML" + (folder / "adapter.gguf").read_bytes()[4:])
    assert failed(folder, layout).keys() == {"receipt", "gguf twin"}


def test_foreign_folders_are_judged_not_raised(foreign, tmp_path):
    report = check_adapter(foreign())
    assert not report.ok
    assert {"config", "targets"} <= {i.name for i in report.items if not i.ok}
    assert not check_adapter(tmp_path / "nowhere").ok


def test_unknown_profile():
    with pytest.raises(ConfigError, match=r"no profile 'best'; choose from \['portable'\]"):
        check_adapter(Path("x"), profile="best")


def test_command_passes_and_fails(written):
    runner = CliRunner()
    done = runner.invoke(command, [str(written)])
    assert done.exit_code == 0
    assert "portable profile: all of it holds" in done.output
    (written / "extra.txt").write_text("x")
    done = runner.invoke(command, [str(written), "--json"])
    assert done.exit_code == 2
    report = json.loads(done.output)
    assert report["ok"] is False
    assert [i["name"] for i in report["items"] if not i["ok"]] == ["files"]


def test_command_never_prints_raw_escapes(written):
    with_config(revision="\x1b[2J\x1b]0;owned\x07")(written)
    done = CliRunner().invoke(command, [str(written)])
    assert done.exit_code == 2
    assert "\x1b" not in done.output and "\x07" not in done.output
