"""`genlora doctor` and `genlora cache`, as a user meets them."""

import json

import pytest
from click.testing import CliRunner

import genlora.base._doctor as checks
from genlora.base import Finding, diagnose, fingerprint
from genlora.cli import cli


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GENLORA_BANK", raising=False)


def run(*argv: str):
    return CliRunner().invoke(cli, list(argv))


def test_it_tells_what_is_there_and_what_comes_later():
    found = {(f.section, f.name): f for f in diagnose()}
    for name in ("python", "torch", "transformers", "peft", "faiss-cpu", "pip command"):
        assert found["packages", name].status == "ok", found["packages", name]
    assert found["devices", "cpu"].status == "ok"
    assert found["models", "pypi:smollm2-135m-instruct"].status == "later"
    assert "fetched through pip on first use (93 MB)" in found["models", "pypi:smollm2-135m-instruct"].detail
    assert "Gemma Terms" in found["models", "pypi:gemma-3-270m"].detail
    assert {n for s, n in found if s == "extras"} >= {"quant", "gguf", "hub"}


def test_everything_that_is_not_ok_says_what_to_do():
    assert all(f.advice for f in diagnose() if f.status in ("missing", "broken"))


def test_a_missing_and_an_old_package_are_faults(monkeypatch):
    real = checks.metadata.version

    def version(name: str) -> str:
        if name == "peft":
            raise checks.metadata.PackageNotFoundError(name)
        return "0.0.1" if name == "safetensors" else real(name)

    monkeypatch.setattr(checks.metadata, "version", version)
    result = run("doctor")
    assert result.exit_code == 2
    assert "not installed" in result.output and "pip install 'peft" in result.output
    assert "0.0.1, expected >=" in result.output and "pip install --upgrade 'safetensors" in result.output
    assert "at fault: peft, safetensors" in " ".join(result.output.split())


def test_no_pip_and_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(checks.os, "access", lambda *_: False)
    faults = {f.name: f for f in diagnose() if f.status == "broken"}
    assert "ensurepip" in faults["pip command"].advice
    assert "GENLORA_CACHE" in faults["folder"].advice


def test_a_named_base_and_a_named_bank_are_looked_at(tiny_base, tmp_path):
    good = json.loads(run("doctor", "--json", "--base", str(tiny_base("llama"))).output)
    *_, about, steps = good["findings"]
    assert about["detail"] == f"llama, 2 layers, {fingerprint(tiny_base('llama')).id[:12]}"
    assert steps["name"] == "short steps" and steps["detail"] == "the base's floats"  # random weights lie on no grid
    bad = run("doctor", "--base", str(tmp_path), "--bank", str(tmp_path / "no-bank"))
    assert bad.exit_code == 2 and "no config.json" in bad.output and "cannot be opened" in bad.output


def test_the_json_says_the_same_as_the_lines():
    shown = run("doctor").output
    document = json.loads(run("doctor", "--json").output)
    assert document["ok"] is True
    for finding in document["findings"]:
        assert Finding(**finding).name in shown and finding["section"] in shown


def test_the_cache_commands(tiny_base):
    fingerprint(tiny_base("llama"))
    listed = json.loads(run("cache", "list", "--json").output)
    assert [e["kind"] for e in listed["entries"]] == ["fingerprints"]
    assert "fingerprints" in run("cache", "list").output
    wrong = run("cache", "clear", "--kind", "models")
    assert wrong.exit_code == 2 and "the cache holds no 'models'; it holds fingerprints" in wrong.output
    freed = json.loads(run("cache", "clear", "--json").output)
    assert freed["freed_bytes"] == listed["entries"][0]["bytes"]
    assert json.loads(run("cache", "list", "--json").output)["entries"] == []
