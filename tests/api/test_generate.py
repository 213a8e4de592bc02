"""From a sentence to a folder: content, determinism (H1), receipts, faults."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from genlora import GenLora
from genlora.adapter import AdapterState, LoraPair, check_adapter, product_cosine, read_adapter, update_norms
from genlora.api import read_receipt
from genlora.bank import Bank
from genlora.errors import (
    AdapterFormatError,
    BankError,
    ConfigError,
    DescriptionError,
    StorageError,
    UnknownGeneratorError,
)
from genlora.files import sha256_file


def test_the_folder_is_portable_and_its_receipt_tells_all(lora, tmp_path):
    made = lora.generate("  put the words\nin alphabetical order ", top_k=3)
    folder = made.save(tmp_path / "out")
    assert {p.name for p in folder.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "prompt.json",
        "README.md",
        "receipt.json",
    }
    report = check_adapter(folder, lora.bank.layout)
    assert report.ok, report
    receipt = read_receipt(folder / "receipt.json")
    assert receipt["request"]["description"] == "put the words in alphabetical order"
    assert receipt["neighbours"][0]["name"] == "sort-words"
    assert math.isclose(sum(n["weight"] for n in receipt["neighbours"]), 1)
    for n in receipt["neighbours"]:
        record = lora.bank.get(n["name"])
        assert (n["blob"], n["licence"]) == (record.blob, record.licence)
    assert receipt["licences"] == {
        "base": "apache-2.0",
        "neighbours": sorted({n["licence"] for n in receipt["neighbours"]}),
    }
    assert receipt["fingerprint"] == lora.bank.fingerprint.id
    assert receipt["embedder"]["sha256"] == lora.embedder.id
    assert receipt["files"]["adapter_model.safetensors"] == sha256_file(folder / "adapter_model.safetensors")
    assert set(receipt["versions"]) >= {"genlora", "torch", "transformers"}
    assert not any("time" in key or key.endswith("_ms") for key in receipt)
    assert {"embed", "search", "states", "combine", "serialise", "write"} <= set(made.times_ms)


def test_it_is_the_weighted_sum_of_the_neighbours_products(lora):
    made = lora.generate("sort the numbers", top_k=4, rank=16)
    parts = [(n.weight, lora.bank.state(n.name)) for n in made.neighbours]
    for path, pair in made.state.items():
        expected = sum(w * s[path].delta() for w, s in parts)
        assert torch.allclose(pair.delta(), expected, atol=1e-6)
    weights = np.exp([n.similarity / 0.1 for n in made.neighbours])
    assert np.allclose([n.weight for n in made.neighbours], weights / weights.sum())


def test_one_neighbour_gives_that_expert(lora):
    made = lora.generate("name the capital city of a country", top_k=1)
    assert made.neighbours[0].name == "capital" and made.neighbours[0].weight == 1 and made.generated.spread == 0
    assert product_cosine(made.state, lora.bank.state("capital")) == pytest.approx(1, abs=1e-6)


def test_excluded_experts_are_not_used(lora):
    made = lora.generate("name the capital city of a country", exclude=["capital", "sum"], generator="aggregate")
    assert len(made.neighbours) == 4 and not {"capital", "sum"} & {n.name for n in made.neighbours}


def test_500_random_descriptions_give_finite_adapters_no_longer_than_their_parts(lora):
    """A7 on emission."""
    rng = np.random.default_rng(0)
    words = [w for w in "sort numbers 数 🙂 plural of the capital zzz 17 -- é \\ <b> %s {x}".split()]
    norms = {name: update_norms(lora.bank.state(name)) for name in lora.bank.names()}
    for _ in range(500):
        text = " ".join(["task", *rng.choice(words, rng.integers(0, 30))])
        made = lora.generate(text, top_k=int(rng.integers(1, 9)), temperature=float(rng.uniform(0.01, 2)))
        for path, norm in update_norms(made.state).items():
            assert norm <= max(norms[n.name][path] for n in made.neighbours) * 1.001
        assert 0 <= made.coverage.value <= 1 and 0 <= made.generated.spread <= 1


class Stub:
    """A generator that hands out what it was given."""

    kind = "stub"

    def __init__(self, like, adapter):
        self.generated = replace(like, adapter=adapter)

    def generate(self, request, vector):
        return self.generated


def one_number_wrong(state, values):
    """`state` with one of `values` first, midway and last in both factors of two modules."""
    for path in (min(state), max(state)):
        for factor in ("a", "b"):
            for value in values:
                for at in (0, 0.5, 1):
                    whole = {"a": state[path].a.clone(), "b": state[path].b.clone()}
                    flat = whole[factor].reshape(-1)
                    flat[round(at * (flat.numel() - 1))] = value
                    whole[factor] = flat.reshape(whole[factor].shape)
                    yield AdapterState({**state, path: LoraPair(whole["a"], whole["b"])})


def test_a7_no_poisoned_adapter_is_emitted_whatever_generator_made_it(lora, monkeypatch):
    good = lora.generate("sort the words of a list")
    poison = list(one_number_wrong(good.state, (math.nan, math.inf, -math.inf, 1e30)))
    loud = list(one_number_wrong(good.state, (300.0,)))  # finite, and far longer than any expert
    assert len(poison) == 48 and lora.bank.norm_bounds()
    for case in (*poison, *loud):
        monkeypatch.setattr(lora, "engine", lambda kind=None, case=case: Stub(good.generated, case))
        with pytest.raises(AdapterFormatError, match=r"the adapter that stub made: model\.layers"):
            lora.generate("sort the words of a list")
    for case in (*poison, *loud):  # what one writes first has the right keys and shapes, and is satisfied
        data = save({f"{p}.{f}": getattr(pair, f).contiguous() for p, pair in case.items() for f in "ab"})
        assert {k: v.shape for k, v in load(data).items()} == {
            f"{p}.{f}": getattr(pair, f).shape for p, pair in good.state.items() for f in "ab"
        }


REQUESTS = """
import sys, hashlib, json
from genlora import GenLora
out = []
lora = GenLora(sys.argv[1], embedder=sys.argv[2])
for i in range(20):
    made = lora.generate(f"sort the {i} words of a list, größer first 单词", top_k=1 + i % 5, temperature=0.05 + i / 50,
                         rank=[None, 2, 8][i % 3], dtype=["float32", "bfloat16"][i % 2])
    files = made.files()
    out.append(hashlib.sha256(b"".join(n.encode() + files[n] for n in sorted(files))).hexdigest())
print(json.dumps(out))
"""


def _digests(script: str, argv: list[str], hash_seed: int, threads: int) -> list[str]:
    env = {**__import__("os").environ, "PYTHONHASHSEED": str(hash_seed), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", script, *argv], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_same_request_gives_the_same_bytes_in_every_process(bank_path, embedder_path):
    """H1: 20 requests, 3 hash seeds, 2 processes each, also with another number of threads."""
    argv = [str(bank_path), str(embedder_path)]
    found = [_digests(REQUESTS, argv, seed, threads) for seed in (0, 1, 2) for threads in (1, 2)]
    assert len(found[0]) == 20 and all(f == found[0] for f in found)


@pytest.mark.slow
def test_the_harness_for_equal_bytes_catches_a_naive_writer(bank_path, embedder_path):
    """The same requests through a receipt whose warnings and licences come out of a set: the hash seed decides."""
    naive = REQUESTS.replace(
        "    files = made.files()",
        "    made.body['warnings'] = list({f'w{k}' for k in range(9)})\n    files = made.files()",
    )
    argv = [str(bank_path), str(embedder_path)]
    assert _digests(naive, argv, 0, 1) != _digests(naive, argv, 1, 1)


def test_adapters_are_the_same_alone_and_among_others(lora, tmp_path):
    from genlora.descriptions import Item

    items = [Item(i, f"d{i}", f"sort the {i} words " + "of a list " * i) for i in range(1, 5)]
    done = list(lora.generate_many(items, tmp_path))
    for item, made in zip(items, done, strict=True):
        alone = lora.generate(item.description).files()
        assert {p.name: p.read_bytes() for p in made.folder.iterdir()} == alone


def test_many_go_on_after_one_that_fails(lora, tmp_path):
    import io

    from genlora.api import ItemFailure, ItemResult
    from genlora.descriptions import read_items

    (tmp_path / "taken").mkdir()
    lines = [
        b"sort the words",
        b"",
        b'{"name": "taken", "description": "add two numbers"}',
        b'{"name": "../up", "description": "add two numbers"}',
        b'{"description": "add", "extra": 1}',
        b'{"description": ["add"]}',
        b"caf\xe9",
        b"nul \0 here",
        b"x" * 300_000,
        b'{"name": "sum", "description": "add two numbers"}',
        b'{"name": "sum", "description": "add three numbers"}',
    ]
    done = list(lora.generate_many(read_items(io.BytesIO(b"\n".join(lines))), tmp_path))
    assert [type(d) for d in done] == [ItemResult, *[ItemFailure] * 7, ItemResult, ItemFailure]
    says = [
        "already exists",
        "not allowed",
        "the keys",
        "must be strings",
        "not UTF-8",
        "U+0000",
        "bytes",
        "earlier line",
    ]
    failed = [d for d in done if isinstance(d, ItemFailure)]
    for failure, expected in zip(failed, says, strict=True):
        assert expected in failure.reason
    assert sorted(p.name for p in tmp_path.glob("[!.]*")) == ["0001", "sum", "taken"]


def test_a_long_and_a_foreign_description_are_used_with_a_warning(lora):
    long = lora.generate("sort the words of a list " * 30)
    assert any("tokens" in w for w in long.warnings) and long.receipt()["warnings"] == list(long.warnings)
    assert any("German" in w for w in lora.generate("Sortiere die Wörter nach dem Alphabet").warnings)
    assert not [w for w in lora.generate("sort the words").warnings if "German" in w or "tokens" in w]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"description": ""}, DescriptionError, "empty"),
        ({"top_k": 0}, ConfigError, "top-k must be in [1, 64], got 0"),
        ({"top_k": 2.5}, ConfigError, "got 2.5"),
        ({"temperature": 0.0}, ConfigError, "temperature must be in"),
        ({"temperature": float("nan")}, ConfigError, "got nan"),
        ({"rank": 257}, ConfigError, "rank must be in [1, 256], got 257"),
        ({"rank": 17}, ConfigError, "rank 17 is more than the smallest module of tiny/llama has (16)"),
        ({"seed": -1}, ConfigError, "seed must be in"),
        ({"dtype": "int8"}, ConfigError, "dtype must be one of float32"),
    ],
)
def test_wrong_settings_say_what_is_right(lora, options, error, says):
    with pytest.raises(error) as caught:
        lora.generate(**{"description": "sort words", **options})
    assert says in str(caught.value)


def test_an_unknown_generator_lists_the_choices(bank_path, embedder):
    with pytest.raises(UnknownGeneratorError, match="no generator 'magic'; choose from aggregate"):
        GenLora(bank_path, embedder=embedder, generator="magic").generate("sort")


def test_an_empty_bank_says_how_to_fill_it(tmp_path, bank_path, embedder, world):
    with Bank.open(bank_path, readonly=True) as full:
        empty = Bank.create(tmp_path / "empty", full.layout, full.fingerprint)
    with pytest.raises(BankError, match=r"no expert to generate from\. Add some with: genlora bank train"):
        GenLora(empty, embedder=embedder).generate("sort")
    empty.close()


def test_another_embedder_is_refused(bank_path, embedder):
    class Other:
        id = "f" * 64

        def embed_checked(self, texts):
            return embedder.embed_checked(texts)

    with pytest.raises(BankError, match="their vectors cannot be compared"):
        GenLora(bank_path, embedder=Other()).generate("sort")


def test_an_existing_folder_is_kept_unless_forced(lora, tmp_path):
    first = lora.generate("sort words")
    first.save(tmp_path / "out")
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    other = lora.generate("name the capital")
    with pytest.raises(StorageError, match="already exists"):
        other.save(tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before
    other.save(tmp_path / "out", force=True)
    assert read_receipt(tmp_path / "out" / "receipt.json")["request"]["description"] == "name the capital"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nobody_elses_files_are_replaced(lora, tmp_path):
    made = lora.generate("sort words")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "letter").write_text("dear")
    mixed = made.save(tmp_path / "mixed", gguf=True)
    (mixed / "notes.md").write_text("what I found")
    edited = made.save(tmp_path / "edited")
    (edited / "adapter_config.json").write_text("{}")
    (tmp_path / "link").symlink_to(mixed)
    before = contents(tmp_path)
    for name, says in (
        ("thesis", "holds 'chapter.tex'"),
        ("letter", "is a file"),
        ("mixed", "holds 'notes.md', which genlora did not write"),
        ("edited", "holds 'adapter_config.json', which was changed"),
        ("link", "is a link to"),
    ):
        with pytest.raises(StorageError, match=says):
            made.save(tmp_path / name, force=True)
    assert contents(tmp_path) == before
    (mixed / "notes.md").unlink()
    made.save(mixed, force=True)
    assert "adapter.gguf" not in {p.name for p in mixed.iterdir()}


def contents(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_gguf_twin_is_listed_and_the_rest_unchanged(lora, tmp_path):
    made = lora.generate("sort words")
    with_twin = made.save(tmp_path / "out", gguf=True)
    assert (with_twin / "adapter.gguf").read_bytes()[:4] == b"GGUF"
    receipt = read_receipt(with_twin / "receipt.json")
    assert receipt["files"]["adapter.gguf"] == sha256_file(with_twin / "adapter.gguf")
    assert made.receipt()["files"].items() <= receipt["files"].items()
    assert read_adapter(with_twin, lora.bank.layout).keys() >= made.state.keys()


def test_importing_the_package_is_cheap():
    code = "import sys, genlora; assert 'torch' not in sys.modules; print(genlora.__version__, genlora.GenloraError)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
