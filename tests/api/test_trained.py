"""Trained generators through `GenLora`: found beside the bank or by the environment, receipts that verify, `auto`."""

import dataclasses
import json

import pytest
import torch

from genlora import GenLora
from genlora.adapter import read_adapter
from genlora.api import verify
from genlora.bank import Bank
from genlora.errors import BaseMismatchError, DigestError, UnknownGeneratorError
from genlora.generators import (
    CODE_EXTRA,
    Artefact,
    HyperNetwork,
    NetworkConfig,
    expert_codes,
    save_artefact,
    start_tensors,
)

from ..small_world import random_state, tiny_layout

LEAVES = ("q_proj", "v_proj")


def artefact(bank, embedder, kind, *, code_dim=6):
    layout = bank.layout
    start = start_tensors(random_state(layout, 77), layout, LEAVES, 2.0)
    common = {
        "layout": layout,
        "base": bank.fingerprint.to_json(),
        "embedder": embedder.id,
        "record": {"licences": ["Apache-2.0"]},
    }
    if kind != "hypernet":
        return Artefact(kind=kind, config={"targets": list(LEAVES), "scale": 2.0}, tensors=start, **common)
    torch.manual_seed(0)
    config = NetworkConfig(text_dim=32, hidden_dim=12, code_dim=code_dim)
    network = HyperNetwork(config, start)
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=0.3)
    codes = expert_codes({n: bank.state(n) for n in bank.names()}, code_dim - CODE_EXTRA)
    tensors = {k: v.detach() for k, v in network.state_dict().items()}
    tensors |= {f"code.{n}": torch.from_numpy(c) for n, c in codes.items()}
    shown = {"targets": list(LEAVES), "scale": 2.0, "network": config.to_json()}
    return Artefact(kind=kind, config=shown, tensors=tensors, **common)


@pytest.fixture
def trained(bank_path, embedder, tmp_path, monkeypatch):
    """A folder with a multi-task adapter, a few-shot adapter and a hypernetwork, made known to genlora."""
    folder = tmp_path / "generators"
    with Bank.open(bank_path, readonly=True) as bank:
        for kind in ("multitask", "fewshot", "hypernet"):
            save_artefact(folder / kind, artefact(bank, embedder, kind))
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["multitask", "fewshot", "hypernet", "auto"])
def test_the_same_request_gives_the_same_bytes_and_verifies(lora, trained, tmp_path, kind):
    text = "sort the words of a list"
    one = lora.generate(text, generator=kind).save(tmp_path / "one", gguf=True)
    with GenLora(lora.bank, embedder=lora.embedder, generator=kind) as other:
        two = other.generate(text).save(tmp_path / "two", gguf=True)
    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in two.iterdir()}
    verdict = verify(one, lora)
    assert verdict.ok and verdict.recomputed, verdict
    receipt = json.loads((one / "receipt.json").read_text())
    assert receipt["request"]["generator"] == kind
    assert len(receipt["made_by"].get("artefact", "")) == 64 or receipt["made_by"]["chosen"] == "expert"


def test_another_artefact_than_the_receipts_is_noticed(lora, trained, tmp_path, embedder):
    made = lora.generate("write the plural of a noun", generator="hypernet").save(tmp_path / "made")
    changed = artefact(lora.bank, embedder, "hypernet")
    tensors = {k: v * 1.01 if k.startswith("heads") else v for k, v in changed.tensors.items()}
    save_artefact(trained / "hypernet", dataclasses.replace(changed, tensors=tensors), replace=True)
    with GenLora(lora.bank, embedder=embedder) as fresh:
        verdict = verify(made, fresh)
    assert not verdict.ok
    assert {c.name for c in verdict.checks if not c.ok} >= {"adapter", "neighbours"}


def test_a_missing_artefact_says_how_to_get_one(lora, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path))
    with pytest.raises(UnknownGeneratorError, match="genlora train hypernet"):
        lora.generate("write the plural of a noun", generator="hypernet")


def test_a_damaged_or_foreign_artefact_is_refused(lora, trained, embedder):
    weights = trained / "hypernet" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 4
    weights.write_bytes(data)
    with pytest.raises(DigestError, match=r"weights\.safetensors"):
        lora.generate("write the plural of a noun", generator="hypernet")
    foreign = dataclasses.replace(artefact(lora.bank, embedder, "multitask"), layout=tiny_layout(fingerprint="0" * 64))
    save_artefact(trained / "multitask", foreign, replace=True)
    with pytest.raises(BaseMismatchError, match="genlora train multitask"):
        lora.generate("write the plural of a noun", generator="multitask")


def test_an_adapter_of_16_bit_numbers_is_written_in_16_bits_and_read_back_the_same(bank_path, embedder, tmp_path):
    with GenLora(bank_path, embedder=embedder) as lora:
        kept = artefact(lora.bank, embedder, "fewshot")
        halves = dataclasses.replace(kept, tensors={k: v.half() for k, v in kept.tensors.items()})
        save_artefact(tmp_path / "fewshot", halves)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GENLORA_GENERATORS", str(tmp_path))
            made = lora.generate("sort the words", generator="fewshot")
            wide = lora.generate("sort the words", generator="fewshot", dtype="float32")
        folder, other = made.save(tmp_path / "made"), wide.save(tmp_path / "wide")
        assert made.receipt()["request"]["dtype"] == "float16" and wide.receipt()["request"]["dtype"] == "float32"
        sizes = [(f / "adapter_model.safetensors").stat().st_size for f in (folder, other)]
        assert sizes[0] < 0.7 * sizes[1]
        one, two = (read_adapter(f, lora.bank.layout) for f in (folder, other))
        assert all(torch.equal(one[p].delta(), two[p].delta()) for p in two)
