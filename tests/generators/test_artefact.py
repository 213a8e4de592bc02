import json

import pytest
import torch

from genlora.adapter import BaseLayout, ModuleSpec
from genlora.errors import BaseMismatchError, DigestError, ManifestError, StorageError
from genlora.generators import Artefact, load_artefact, save_artefact


def layout(fingerprint="f" * 64, layers=2):
    modules = tuple(
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", 12, d_out)
        for i in range(layers)
        for leaf, d_out in (("q_proj", 12), ("k_proj", 6), ("v_proj", 6))
    )
    return BaseLayout("tiny", "llama", fingerprint, layers, 2, 1, 6, modules, "apache-2.0")


def artefact(**changes):
    g = torch.Generator().manual_seed(0)
    fields = {
        "kind": "multitask",
        "config": {"targets": ["q_proj", "v_proj"], "scale": 2.0},
        "tensors": {
            f"{leaf}.{x}": torch.randn(2, *shape, generator=g).half()
            for leaf, d_out in (("q_proj", 12), ("v_proj", 6))
            for x, shape in (("a", (4, 12)), ("b", (d_out, 4)))
        },
        "layout": layout(),
        "base": {"id": "x"},
        "embedder": "e" * 64,
        "record": {"licences": ["mit"]},
    }
    return Artefact(**{**fields, **changes})


def test_comes_back_as_it_was_saved_and_saves_the_same_bytes(tmp_path):
    saved = artefact()
    one, two = save_artefact(tmp_path / "one", saved), save_artefact(tmp_path / "two", saved)
    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in two.iterdir()}
    found = load_artefact(one, "multitask")
    assert found.tensors.keys() == saved.tensors.keys()
    assert all(torch.equal(found.tensors[k], saved.tensors[k]) for k in saved.tensors)
    assert (found.config, found.layout, found.record) == (saved.config, saved.layout, saved.record)
    assert len(found.digest) == 64


def test_an_existing_folder_is_kept_unless_asked(tmp_path):
    folder = save_artefact(tmp_path / "a", artefact())
    before = (folder / "generator.json").read_bytes()
    with pytest.raises(StorageError):
        save_artefact(folder, artefact(record={"licences": ["other"]}))
    assert (folder / "generator.json").read_bytes() == before
    save_artefact(folder, artefact(record={"licences": ["other"]}), replace=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"'notes\.txt', which genlora did not write"):
        save_artefact(folder, artefact(), replace=True)
    (folder / "notes.txt").unlink()
    assert load_artefact(folder).record == {"licences": ["other"]}


@pytest.mark.parametrize("at", [0, 8, 200, -1])
def test_every_changed_byte_of_the_weights_is_seen(tmp_path, at):
    folder = save_artefact(tmp_path / "a", artefact())
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[at] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(DigestError, match=r"weights\.safetensors"):
        load_artefact(folder)


@pytest.mark.parametrize("field", ["kind", "config", "layout", "base", "embedder", "statistics", "record", "weights"])
def test_a_manifest_without_a_field_is_refused(tmp_path, field):
    folder = save_artefact(tmp_path / "a", artefact())
    manifest = json.loads((folder / "generator.json").read_text())
    del manifest[field]
    (folder / "generator.json").write_text(json.dumps(manifest))
    with pytest.raises(ManifestError):
        load_artefact(folder)


def test_what_is_no_artefact_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        load_artefact(tmp_path / "nothing")
    (tmp_path / "generator.json").write_text('{"format": "another"}')
    with pytest.raises(ManifestError, match="format is 'another'"):
        load_artefact(tmp_path)


def test_another_kind_base_or_embedder_is_refused(tmp_path):
    folder = save_artefact(tmp_path / "a", artefact())
    with pytest.raises(ManifestError, match="expected 'hypernet'"):
        load_artefact(folder, "hypernet")
    found = load_artefact(folder)
    assert found.require(layout(), "e" * 64) is found
    with pytest.raises(BaseMismatchError, match="base tiny"):
        found.require(layout("a" * 64))
    with pytest.raises(BaseMismatchError, match="embedder"):
        found.require(layout(), "d" * 64)
