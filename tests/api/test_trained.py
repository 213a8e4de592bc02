"""Trained generators through `GenLora`: found beside the bank or by the environment, receipts that verify, `auto`."""

import dataclasses
import json
import shutil
from dataclasses import replace

import pytest
import torch

from genlora import GenLora
from genlora.adapter import product_cosine
from genlora.api import fit_auto, verify
from genlora.api._fit_auto import BLENDS, Asked, bound, rule
from genlora.bank import Bank
from genlora.base import fingerprint, layout_of, load_base
from genlora.errors import BaseMismatchError, ConfigError, DigestError, ManifestError, UnknownGeneratorError
from genlora.generators import (
    CODE_EXTRA,
    Artefact,
    HyperNetwork,
    NetworkConfig,
    combine,
    expert_codes,
    load_artefact,
    save_artefact,
    start_tensors,
)
from genlora.tasks import Example, Task

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
    """A folder with a multi-task adapter, a hypernetwork and a rule for `auto`, made known to genlora."""
    folder = tmp_path / "generators"
    with Bank.open(bank_path, readonly=True) as bank:
        for kind in ("multitask", "multitask-described", "hypernet"):
            save_artefact(folder / kind, artefact(bank, embedder, kind))
        rule = dataclasses.replace(
            artefact(bank, embedder, "multitask"),
            kind="auto",
            tensors={},
            config={
                "bare": {"held": 0.5, "unsupported": 0.1, "experts": 0.5},
                "described": {"experts": 0.25, "described": 0.5},
            },
        )
        save_artefact(folder / "auto", rule)
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["multitask", "hypernet", "auto"])
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
    assert len(receipt["made_by"].get("artefact", "")) == 64 or receipt["made_by"]["chosen"] == "nearest"


def test_another_artefact_than_the_receipts_is_noticed(lora, trained, tmp_path, embedder):
    made = lora.generate("write the plural of a noun", generator="hypernet").save(tmp_path / "made")
    changed = artefact(lora.bank, embedder, "hypernet")
    tensors = {k: v * 1.01 if k.startswith("heads") else v for k, v in changed.tensors.items()}
    save_artefact(trained / "hypernet", dataclasses.replace(changed, tensors=tensors), replace=True)
    with GenLora(lora.bank, embedder=embedder) as fresh:
        verdict = verify(made, fresh)
    assert not verdict.ok
    assert {c.name for c in verdict.checks if not c.ok} >= {"adapter", "neighbours"}


def test_auto_says_what_it_chose_and_why(lora, trained):
    chosen = {}
    for text in ("sort the words of a list", "zzz qqq xxx", "tell judge total mood noun"):
        made = lora.generate(text, generator="auto")
        value, record = made.coverage.value, made.generated.made_by
        expected = "nearest" if value >= 0.5 else "multitask" if value < 0.1 else "blend"
        assert record["chosen"] == expected, (text, value)
        assert f"{value:.2f}" in record["why"]
        if expected == "nearest":
            alike = lora.generate(text, generator="aggregate", top_k=1).state
        elif expected == "multitask":
            alike = lora.generate(text, generator="multitask").state
        else:
            parts = [lora.generate(text, generator=g).state for g in ("hypernet", "aggregate")]
            alike, _ = combine(parts, [0.5, 0.5], rank=2 * lora.bank.rank)
            assert record["experts"] == 0.5 and made.generated.neighbours
        assert product_cosine(made.state, alike) > (0.9 if expected == "blend" else 0.9999)
        chosen[expected] = text
    assert len(chosen) >= 2


def test_auto_mixes_by_what_the_adapter_will_be_asked_with(lora, trained, tmp_path):
    text = "sort the words of a list"
    made = lora.generate(text, generator="auto", prompt="described")
    record = made.generated.made_by
    assert (record["chosen"], record["experts"], record["described"]) == ("blend", 0.25, 0.5)
    assert record["described_artefact"] == load_artefact(trained / "multitask-described").digest
    parts = [lora.generate(text, generator=g).state for g in ("hypernet", "multitask-described", "aggregate")]
    alike, _ = combine(parts, [0.25, 0.5, 0.25], rank=3 * lora.bank.rank)
    assert product_cosine(made.state, alike) > 0.9
    bare = lora.generate(text, generator="auto")
    assert bare.receipt()["request"]["prompt"] == "bare" and bare.generated.made_by["chosen"] != "blend"
    folder = made.save(tmp_path / "made")
    assert json.loads((folder / "receipt.json").read_text())["request"]["prompt"] == "described"
    assert verify(folder, lora).ok
    with pytest.raises(ConfigError, match="prompt must be bare or described"):
        lora.generate(text, prompt="spoken")


def test_what_has_not_been_trained_drops_out_of_a_blend(lora, trained, embedder):
    shutil.rmtree(trained / "multitask-described")
    text = "sort the words of a list"
    with GenLora(lora.bank, embedder=embedder) as fresh:
        made = fresh.generate(text, generator="auto", prompt="described")
    assert "described" not in made.generated.made_by
    parts = [lora.generate(text, generator=g).state for g in ("hypernet", "aggregate")]
    alike, _ = combine(parts, [0.5, 0.5], rank=2 * lora.bank.rank)
    assert product_cosine(made.state, alike) > 0.9


def test_a_rule_that_is_none_is_refused(lora, trained, embedder):
    found = load_artefact(trained / "auto", "auto")
    for config in ({"bare": {"shares": 1}}, {"experts": 0.25}):
        save_artefact(trained / "auto", replace(found, config=config), replace=True)
        with GenLora(lora.bank, embedder=embedder) as fresh, pytest.raises(ManifestError, match="genlora train auto"):
            fresh.generate("sort the words of a list", generator="auto")


def test_auto_without_trained_generators_falls_back_to_the_experts(lora, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path / "nothing"))
    made = lora.generate("write the plural of a noun", generator="auto")
    assert made.generated.made_by["chosen"] == "aggregate" and "no hypernetwork" in made.generated.made_by["why"]


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


def request(name, coverage, held=False, **scores):
    plain = {"nearest": 0.0, "hypernet": 0.5, "multitask": 0.1} | {f"blend-{e}-{d}": 0.4 for e, d in BLENDS["bare"]}
    return Asked(name, "said", held, coverage, {"bare": plain | scores})


def test_a_bound_is_taken_where_it_gains_and_only_if_that_is_certain():
    asked = [request(f"bank-{i}", 0.8 + i / 100, True, nearest=0.9) for i in range(8)]
    asked += [request(f"new-{i}", 0.3 + i / 100, nearest=0.1) for i in range(8)]
    asked += [request(f"odd-{i}", i / 100, multitask=0.6) for i in range(8)]
    assert 0.37 < bound(asked, "bare", "nearest", "hypernet", above=True) <= 0.8
    assert 0.07 < bound(asked, "bare", "multitask", "hypernet", above=False) <= 0.3
    found = rule(asked, "bare")
    assert set(found) == {"held", "unsupported"}
    better = [replace(a, scores={"bare": a.scores["bare"] | {"blend-0.5-0.25": 0.55}}) for a in asked]
    assert (rule(better, "bare")["experts"], rule(better, "bare")["described"]) == (0.5, 0.25)
    worse = [request(f"t{i}", 0.5 + i / 100, nearest=0.4) for i in range(8)]
    assert bound(worse, "bare", "nearest", "hypernet", above=True) is None
    by_luck = [request("t0", 0.9, nearest=0.6), *(request(f"t{i}", 0.9, nearest=0.45) for i in range(1, 3))]
    assert bound(by_luck, "bare", "nearest", "hypernet", above=True) is None


def test_tasks_outside_the_bank_do_not_pay_for_a_bound():
    asked = [request(f"bank-{i}", 0.8, True, nearest=0.9) for i in range(8)]
    asked += [request(f"new-{i}", 0.8, nearest=0.3) for i in range(4)]
    asked += [request(f"bank-{i}", 0.95, True, nearest=0.9) for i in range(8, 12)]
    assert 0.8 < bound(asked, "bare", "nearest", "hypernet", above=True) <= 0.95


def test_auto_is_calibrated_through_the_base(world, embedder, tmp_path, tiny_base, monkeypatch):
    path = tiny_base("llama")
    base = load_base(str(path), attn_implementation="eager")
    world.fill(tmp_path / "bank", layout_of(path), fingerprint(path), embedder, size=0.5)
    lora = GenLora(tmp_path / "bank", embedder=embedder)
    for kind in ("multitask", "multitask-described", "hypernet"):
        save_artefact(tmp_path / "generators" / kind, artefact(lora.bank, embedder, kind))
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path / "generators"))
    told = tuple(f"{verb} the plural of a noun" for verb in "say give tell write answer print reply name".split())
    rows = tuple(Example(f"in {i}", f"out {i}") for i in range(300))
    tasks = [Task(name, told, rows, "family", name) for name in ("new", lora.bank.names()[0])]
    seen = []
    record = fit_auto(lora, base, tasks, tasks[:1], tmp_path / "auto", examples=6,
                      on_request=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert [r["held"] for r in record["requests"]] == [False, False, True]
    assert seen[-1] == (3, 3) and set(record["means"]["bare"]) == {"validation", "bank"}
    assert set(record["artefacts"]) == {"hypernet", "multitask", "multitask-described"}
    assert load_artefact(tmp_path / "auto", "auto").config == record["rule"]
    for prompt, blends in BLENDS.items():
        ways = {"nearest", "hypernet", "multitask", *(f"blend-{e}-{d}" for e, d in blends)}
        assert set(record["means"][prompt]["bank"]) == ways
    with pytest.raises(ConfigError, match="no validation task"):
        fit_auto(lora, base, [], [], tmp_path / "none")
    lora.close()
