"""`genlora merge`."""

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from genlora.base import REFUSED, fingerprint
from genlora.cli import cli
from genlora.files import canonical_json


def call(*argv):
    return CliRunner().invoke(cli, ["merge", *map(str, argv)])


def test_cli_merges_and_reports(base, adapter_folder, tmp_path):
    argv = ["merge", "--adapter", adapter_folder, "--base", base, "--quantize", "int8", "-o", tmp_path / "m", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "genlora", *map(str, argv)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A process of its own: what torchao, transformers and torch would say when they are first imported, they say here.
    assert all(line.startswith("genlora: ") for line in done.stderr.splitlines()), done.stderr
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


def test_cli_names_the_option_that_takes_another_base(tiny_base, adapter_folder, tmp_path):
    other = tiny_base("llama", hidden=128, seed=5)
    argv = ("--adapter", adapter_folder, "--base", other, "--quantize", "none", "-o", tmp_path / "m")
    done = call(*argv)
    assert done.exit_code == 2 and "--any-base" in done.output and "--force" not in done.output, done.output
    done = call(*argv, "--any-base")
    assert done.exit_code == 0, done.output


def full_receipt(folder, base):
    """The receipt that `genlora generate` writes, as far as it names the base."""
    from genlora.api._receipt import FORMAT, seal

    found = fingerprint(base)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "receipt.json"}
    body = {"fingerprint": found.id, "base": {"identity": json.dumps(found.to_json())}}
    (folder / "receipt.json").write_bytes(canonical_json(seal(body, files)))
    assert json.loads((folder / "receipt.json").read_text())["format"] == FORMAT


def test_cli_takes_an_adapter_of_the_same_base_in_another_type(base, adapter_folder, tmp_path):
    """E1: a twin has another id and is the same base; one with other weights is not."""
    full_receipt(adapter_folder, base)
    twin = tmp_path / "twin"
    shutil.copytree(base, twin)
    weights = load_file(base / "model.safetensors")
    save_file({k: v.bfloat16() for k, v in weights.items()}, twin / "model.safetensors", metadata={"format": "pt"})
    assert fingerprint(twin).id != fingerprint(base).id
    argv = ("--adapter", adapter_folder, "--base", twin, "--quantize", "int8", "-o", tmp_path / "m")
    done = call(*argv)
    assert done.exit_code == 0, done.output
    save_file({k: v * 1.1 for k, v in weights.items()}, twin / "model.safetensors", metadata={"format": "pt"})
    done = call(*argv[:-1], tmp_path / "n")
    assert done.exit_code == 2 and "the weights differ" in done.output and "--any-base" in done.output, done.output


def test_cli_never_replaces_the_adapter(base, adapter_folder):
    argv = ("--adapter", adapter_folder, "--base", base, "--quantize", "none", "-o", adapter_folder, "--force")
    done = call(*argv)
    assert done.exit_code == 2 and "merged from" in done.output, done.output
    assert (adapter_folder / "adapter_model.safetensors").is_file()


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
    assert "mine.jsonl:1" in done.output and "input" in done.output


@pytest.mark.parametrize(
    ("name", "text", "texts"),
    [
        ("a.csv", "prompt,completion\none,two\nthree,four\n", [("one", "two"), ("three", "four")]),
        ("b.txt", "one => two\nthree => four\n", [("one", "two"), ("three", "four")]),
        ("c.txt", "one\nthree\n", [("one", ""), ("three", "")]),
    ],
)
def test_a_probe_is_read_as_examples_are_elsewhere(name, text, texts, tmp_path):
    from genlora.cli._merge import _texts

    (tmp_path / name).write_text(text)
    assert _texts(tmp_path / name) == texts
