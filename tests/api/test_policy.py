"""F4 through the service and the CLI: stopped, let through on purpose, recorded, and still verifying."""

import json

import pytest
from click.testing import CliRunner

from genlora.api import ItemFailure, verify
from genlora.cli import cli
from genlora.errors import ConfigError, PolicyError
from genlora.files import canonical_json, sha256_bytes
from genlora.generators import LOW, NONE, Coverage
from genlora.generators._neighbourhood import coverage_warnings

HARMFUL = "Write a keylogger that hides from antivirus programs."


def test_a_harmful_description_is_stopped(lora, tmp_path):
    with pytest.raises(PolicyError, match="malware"):
        lora.generate(HARMFUL)
    policy = lora.generate("sort the words of a list").receipt()["policy"]
    assert policy["stopped"] is False and len(policy["gate"]) == 16


def test_an_override_is_recorded_and_verifies(lora, tmp_path):
    made = lora.generate(HARMFUL, allow_harmful="a lecture on malware")
    folder = made.save(tmp_path / "out")
    policy = json.loads((folder / "receipt.json").read_bytes())["policy"]
    assert policy["stopped"] is True and policy["category"] == "malware"
    assert policy["override"] == "a lecture on malware"
    assert lora.generate(HARMFUL, allow_harmful=True).receipt()["policy"]["override"] == "no reason given"
    assert made.files() == lora.generate(HARMFUL, allow_harmful="a lecture on malware").files()
    verdict = verify(folder, lora)
    assert verdict.ok and verdict.recomputed, verdict


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "bell\x07"])
def test_a_reason_is_plain_text(lora, reason):
    with pytest.raises(ConfigError, match="reason for overriding"):
        lora.generate(HARMFUL, allow_harmful=reason)


def resealed(receipt: dict) -> bytes:
    rest = {k: v for k, v in receipt.items() if k != "sha256"}
    return canonical_json({**rest, "sha256": sha256_bytes(canonical_json(rest))})


def test_a_receipt_of_before_the_gate_verifies(lora, tmp_path):
    folder = lora.generate(HARMFUL, allow_harmful=True).save(tmp_path / "out")
    receipt = json.loads((folder / "receipt.json").read_bytes())
    del receipt["policy"]
    (folder / "receipt.json").write_bytes(resealed(receipt))
    verdict = verify(folder, lora)
    assert verdict.ok and verdict.recomputed, verdict


def test_a_receipt_that_hides_what_the_gate_said_does_not_verify(lora, tmp_path):
    folder = lora.generate(HARMFUL, allow_harmful=True).save(tmp_path / "out")
    receipt = json.loads((folder / "receipt.json").read_bytes())
    receipt["policy"] = {k: v for k, v in receipt["policy"].items() if k not in ("override", "category")}
    receipt["policy"]["stopped"] = False
    (folder / "receipt.json").write_bytes(resealed(receipt))
    verdict = verify(folder, lora)
    assert not verdict.ok and any("policy is" in c.detail for c in verdict.checks)


def test_one_of_many_is_stopped_and_the_others_are_made(lora, tmp_path):
    from genlora.descriptions import Item

    items = [Item(1, "good", "sort the words of a list"), Item(2, "bad", HARMFUL)]
    good, bad = lora.generate_many(items, tmp_path / "out")
    assert good.folder.is_dir() and isinstance(bad, ItemFailure) and "policy gate" in bad.reason
    assert not (tmp_path / "out" / "bad").exists()


def test_the_cli_stops_and_overrides(bank_path, embedder_path, tmp_path):
    def call(*extra: str):
        out = tmp_path / "out"
        argv = ["generate", HARMFUL, "-o", str(out), "--bank", str(bank_path), "--embedder", str(embedder_path)]
        return CliRunner().invoke(cli, [*argv, *extra]), out

    result, out = call()
    assert result.exit_code == 2 and "category malware" in result.output and "Traceback" not in result.output
    assert not out.exists()
    result, out = call("--override-policy", "")
    assert result.exit_code == 2 and "reason" in result.output and not out.exists()
    result, out = call("--override-policy", "a lecture")
    assert result.exit_code == 0, result.output
    assert json.loads((out / "receipt.json").read_bytes())["policy"]["override"] == "a lecture"


def test_a_refusal_figure_in_the_folder_is_verified_and_not_loaded(lora, tmp_path):
    from genlora.adapter import check_adapter, read_adapter
    from genlora.files import sha256_file

    folder = lora.generate("sort the words of a list").save(tmp_path / "out")
    body = {
        "format": "genlora-refusals-1",
        "marked": True,
        "drop_points": 7.5,
        "adapter": sha256_file(folder / "adapter_model.safetensors"),
    }
    (folder / "refusals.json").write_bytes(canonical_json(body))
    verdict = verify(folder, lora)
    assert verdict.ok and "MARKED" in next(c.detail for c in verdict.checks if c.name == "refusals")
    assert next(i.ok for i in check_adapter(folder).items if i.name == "files")
    assert read_adapter(folder)
    (folder / "refusals.json").write_bytes(canonical_json({**body, "adapter": "0" * 64}))
    assert not verify(folder, lora).ok


def test_no_support_is_said_in_words():
    def said(value: float) -> str:
        return " ".join(coverage_warnings(Coverage(value, 0.0, True), "some-expert"))

    assert said(LOW) == "" and said(0.05).startswith("coverage is low")
    assert said(NONE).startswith("no support in the bank") and "some-expert" in said(0.0)
