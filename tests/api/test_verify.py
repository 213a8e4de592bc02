"""H2: outputs verify, and every one-byte edit of any of their files is caught."""

import json
import random
import shutil

import pytest

from genlora import GenLora
from genlora.adapter import read_adapter
from genlora.api import verify
from genlora.errors import GenloraError
from genlora.files import canonical_json, sha256_bytes


@pytest.fixture(scope="module")
def folder(bank_path, embedder, tmp_path_factory):
    with GenLora(bank_path, embedder=embedder) as lora:
        return lora.generate("sort the words of a list", generator="aggregate").save(
            tmp_path_factory.mktemp("made") / "out"
        )


def test_100_outputs_verify_and_are_made_again(lora, tmp_path):
    rng = random.Random(0)
    words = "sort the words numbers plural past capital of a list opposite sum review".split()
    for i in range(100):
        text = " ".join(rng.choices(words, k=rng.randrange(1, 12)))
        made = lora.generate(
            text,
            top_k=rng.randrange(1, 9),
            temperature=rng.uniform(0.01, 1),
            rank=rng.choice([None, 1, 8]),
            dtype=rng.choice(["float32", "bfloat16", "float16"]),
        )
        verdict = verify(made.save(tmp_path / f"{i}", gguf=i % 10 == 0), lora)
        assert verdict.ok and verdict.recomputed, verdict
        assert "byte for byte" in next(c.detail for c in verdict.checks if c.name == "adapter")


def edits(folder, n: int = 100):
    """`n` one-byte edits: file, position, new byte; every file gets its share."""
    rng = random.Random(1)
    files = sorted(folder.iterdir())
    for i in range(n):
        path = files[i % len(files)]
        data = path.read_bytes()
        at = rng.randrange(len(data))
        yield path.name, at, rng.choice([b for b in range(256) if b != data[at]])


@pytest.mark.parametrize("naive", [False, True])
def test_100_one_byte_edits_are_caught(folder, tmp_path, naive):
    """The naive check loads the adapter the way most tools do: tensors and config, no digests."""

    def naive_ok(copy) -> bool:
        from safetensors import safe_open

        try:
            json.loads((copy / "adapter_config.json").read_bytes())
            json.loads((copy / "receipt.json").read_bytes())
            with safe_open(copy / "adapter_model.safetensors", "pt") as f:
                return bool([f.get_tensor(k) for k in f.keys()])
        except Exception:
            return False

    caught = 0
    for i, (name, at, byte) in enumerate(edits(folder)):
        copy = shutil.copytree(folder, tmp_path / str(i))
        data = bytearray((copy / name).read_bytes())
        data[at] = byte
        (copy / name).write_bytes(data)
        caught += not (naive_ok(copy) if naive else verify(copy, None).ok)
    assert caught < 90 if naive else caught == 100


def reseal(folder, change) -> None:
    """Edit a receipt the way a forger would: all digests fit again."""
    path = folder / "receipt.json"
    receipt = json.loads(path.read_bytes())
    change(receipt)
    receipt.pop("sha256")
    for name in receipt["files"]:
        receipt["files"][name] = sha256_bytes((folder / name).read_bytes())
    path.write_bytes(canonical_json({**receipt, "sha256": sha256_bytes(canonical_json(receipt))}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r["request"].update(description="translate to French"), "neighbours"),
        (lambda r: r["neighbours"][0].update(weight=0.5), "its similarity gives"),
        (lambda r: r["neighbours"][0].update(blob="0" * 64), "the receipt names 000000"),
        (lambda r: r["neighbours"][0].update(name="capital"), "the bank holds weights"),
        (lambda r: r["neighbours"][0].update(name="nobody"), "no expert 'nobody'"),
        (lambda r: r["coverage"].update(value=0.99), "coverage is"),
        (lambda r: r["licences"].update(base="CC0"), "licences is"),
        (lambda r: r.update(fingerprint="0" * 64), "but the bank is for"),
        (lambda r: r["request"].update(temperature=0.2), "its similarity gives"),
        (lambda r: r.pop("neighbours"), "not the fields of a receipt"),
        (lambda r: r["request"].update(top_k=2), "neighbours"),
    ],
)
def test_a_forged_receipt_does_not_verify_against_the_bank(lora, folder, tmp_path, change, says):
    copy = shutil.copytree(folder, tmp_path / "copy")
    reseal(copy, change)
    verdict = verify(copy, lora)
    assert not verdict.ok
    assert any(says in c.detail for c in verdict.checks if not c.ok), verdict


def test_swapped_weights_do_not_verify_even_with_fitting_digests(lora, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    other = lora.generate("name the capital city").files()
    (copy / "adapter_model.safetensors").write_bytes(other["adapter_model.safetensors"])
    reseal(copy, lambda r: None)
    verdict = verify(copy, lora)
    assert [c.name for c in verdict.checks if not c.ok] == ["adapter"]
    assert read_adapter(copy, lora.bank.layout)  # it is a fine adapter, only not this one


@pytest.mark.parametrize("fault", ["missing", "extra", "link", "no receipt", "no folder"])
def test_odd_folders_are_reported_never_raised(folder, tmp_path, fault):
    copy = shutil.copytree(folder, tmp_path / "copy")
    if fault == "missing":
        (copy / "adapter_config.json").unlink()
    elif fault == "extra":
        (copy / "pytorch_model.bin").write_bytes(b"x")
    elif fault == "link":
        (copy / "adapter_config.json").unlink()
        (copy / "adapter_config.json").symlink_to(folder / "adapter_config.json")
    elif fault == "no receipt":
        (copy / "receipt.json").unlink()
    else:
        shutil.rmtree(copy)
    try:
        assert not verify(copy, None).ok
    except GenloraError as err:  # pragma: no cover
        pytest.fail(f"raised {err}")


def test_a_bank_that_has_grown_still_verifies_the_adapter(bank_path, embedder, folder, tmp_path, world):
    from genlora.bank import Bank, ExpertRecord

    grown = shutil.copytree(bank_path, tmp_path / "bank")
    with Bank.open(grown) as bank:
        texts = ("sort the words of a list backwards",)
        record = ExpertRecord(name="new", descriptions=texts, embeddings=embedder.embed(texts), embedder=embedder.id)
        bank.add(record, world.random_state(bank.layout, 99))
    with GenLora(grown, embedder=embedder) as lora:
        verdict = verify(folder, lora)
    assert verdict.ok and verdict.recomputed
    assert any("has changed since" in c.detail for c in verdict.checks)
