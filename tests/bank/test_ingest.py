"""Importing: other people's PEFT folders and our own, one or many, kill-safe and honest about what does not fit."""

import json

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, peft_files, write_adapter
from genlora.bank import (
    Bank,
    Embedded,
    ImportItem,
    ImportOptions,
    expert_card,
    import_adapter,
    import_many,
    product_error,
    read_manifest,
    verify_bank,
)
from genlora.errors import (
    AdapterFormatError,
    AdapterShapeError,
    BankError,
    BaseMismatchError,
    DescriptionError,
    GenloraError,
    ManifestError,
    UnsafeFormatError,
    UnsafeNameError,
)

from .world import fingerprint, layout, new_bank, state


class WordEmbedder:
    """Stands in for the real one: a hash of words, unit length."""

    id = "w" * 64

    def embed_checked(self, texts):
        rows = np.zeros((len(texts), 32), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[sum(map(ord, word)) % 32] += 1
        return Embedded(rows / np.linalg.norm(rows, axis=1, keepdims=True), (False,) * len(texts), (1,) * len(texts))


EMBEDDER = WordEmbedder()


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        yield made


def foreign(folder, seed=1, *, rank=4, base="tiny", config=None, leaves=("q_proj", "v_proj")):
    """Somebody's PEFT folder: their 12 and more keys, their names."""
    folder.mkdir(parents=True)
    for name, data in peft_files(state(seed, rank=rank, leaves=leaves), layout()).items():
        if name.endswith(".json"):
            data = json.dumps(json.loads(data) | {"base_model_name_or_path": base} | (config or {})).encode()
        (folder / name).write_bytes(data)
    return folder


def item(folder, name="sort", **fields):
    return ImportItem(folder=folder, name=name, **({"descriptions": ("Sort the words.",)} | fields))


def test_a_foreign_adapter_becomes_an_expert(bank, tmp_path):
    folder = foreign(tmp_path / "theirs", base="TINY")
    (folder / "README.md").write_text("---\nlicense: mit\n---\nhello")
    outcome = import_adapter(bank, item(folder, saw=("bigbench",), family="words"), EMBEDDER)
    assert outcome.status == "added"
    record = bank.get("sort")
    assert (record.licence, record.source, record.saw, record.family) == ("mit", "import", ("bigbench",), "words")
    assert record.base == fingerprint().id and record.embedder == EMBEDDER.id
    assert len(record.provenance["import"]["weights_sha256"]) == 64
    assert product_error(state(1), bank.state("sort")) < 1e-6
    assert import_adapter(bank, item(folder, saw=("bigbench",), family="words"), EMBEDDER).status == "present"
    with pytest.raises(BankError, match="another one of that name"):
        import_adapter(bank, item(folder, licence="apache-2.0"), EMBEDDER)


def test_a_base_is_proved_by_importing_once_more(bank, tmp_path):
    folder = foreign(tmp_path / "theirs", base="TINY")
    told = import_adapter(bank, item(folder), EMBEDDER)
    assert told.status == "added" and "--base SOURCE proves it" in told.notes[-1]
    surely = ImportOptions(made_for=fingerprint())
    assert import_adapter(bank, item(folder), EMBEDDER, surely).status == "proved"  # no --replace
    assert not any("proves it" in note for note in bank.get("sort").provenance["import"]["notes"])
    for options in (surely, None):  # what was proved stays proved
        assert import_adapter(bank, item(folder), EMBEDDER, options).status == "present"
    other = foreign(tmp_path / "others", 2, base="TINY")
    with pytest.raises(BankError, match="another one of that name"):  # other weights prove nothing
        import_adapter(bank, item(other), EMBEDDER, surely)


def test_rslora_is_folded_without_loss(bank, tmp_path):
    folder = foreign(tmp_path / "theirs", config={"use_rslora": True, "lora_alpha": 16})
    outcome = import_adapter(bank, item(folder), EMBEDDER)
    scaled = AdapterState({p: LoraPair(q.a, q.b, 16 / 4**0.5) for p, q in state(1).items()})
    assert product_error(scaled, bank.state("sort")) < 1e-6
    assert "rank-stabilised scaling folded into B" in outcome.notes


def test_smaller_ranks_are_padded_and_larger_ones_need_consent(bank, tmp_path):
    import_adapter(bank, item(foreign(tmp_path / "small", rank=2), "small"), EMBEDDER)
    assert bank.get("small").rank == 2 and product_error(state(1, rank=2), bank.state("small")) < 1e-6
    large = foreign(tmp_path / "large", rank=8)
    with pytest.raises(AdapterShapeError, match=r"rank 8 does not fit the bank's 4 without losing .*--rank 8"):
        import_adapter(bank, item(large, "large"), EMBEDDER)
    outcome = import_adapter(bank, item(large, "large"), EMBEDDER, ImportOptions(truncate=True))
    assert "of its energy lost" in outcome.notes[-1] and bank.get("large").metrics["rank_loss"] > 0.01
    lossless = {p: LoraPair(torch.cat([q.a, q.a]), torch.cat([q.b, q.b], 1)) for p, q in state(3).items()}
    write_adapter(tmp_path / "twice", AdapterState(lossless), layout(), {})
    import_adapter(bank, item(tmp_path / "twice", "twice"), EMBEDDER)  # rank 8 on paper, 4 in truth
    assert "rank_loss" not in bank.get("twice").metrics


def test_e1_the_base_must_be_proven(bank, tmp_path):
    other = foreign(tmp_path / "other", base="meta/llama-99")
    with pytest.raises(
        BaseMismatchError, match=r"names base 'meta/llama-99', but this bank is for 'tiny'.*--base SOURCE"
    ):
        import_adapter(bank, item(other), EMBEDDER)
    for path in ("/models/tiny", "someone/tiny", "models\\tiny"):  # the folder's name alone says nothing
        with pytest.raises(BaseMismatchError, match="a folder's name says nothing of what is in it"):
            import_adapter(bank, item(foreign(tmp_path / path.replace("/", "-"), base=path)), EMBEDDER)
    with pytest.raises(BaseMismatchError):  # named alike, but said to be of another
        import_adapter(bank, item(foreign(tmp_path / "b")), EMBEDDER, ImportOptions(made_for=fingerprint("b")))
    assert len(bank) == 0
    same = ImportOptions(made_for=fingerprint(name="llama-99"))
    assert import_adapter(bank, item(other), EMBEDDER, same).status == "added"
    assert import_adapter(bank, item(other, "forced"), EMBEDDER, ImportOptions(force=True)).status == "added"


def test_our_own_output_is_known_by_its_receipt(bank, tmp_path):
    write_adapter(tmp_path / "ours", state(1), layout(), {"generator": {"name": "aggregate"}})
    import_adapter(bank, item(tmp_path / "ours"), EMBEDDER)
    assert bank.get("sort").provenance["import"]["generator"] == {"name": "aggregate"}
    write_adapter(tmp_path / "foreign", state(1), layout(fingerprint("b")), {})
    for said in (None, fingerprint()):  # what a receipt proves, nothing that is said of it outweighs
        with pytest.raises(BaseMismatchError, match="was made for base"):
            import_adapter(bank, item(tmp_path / "foreign", "x"), EMBEDDER, ImportOptions(made_for=said))
    forced = ImportOptions(force=True)
    assert import_adapter(bank, item(tmp_path / "foreign", "x"), EMBEDDER, forced).status == "added"


def test_an_adapter_that_changes_nothing_is_told(bank, tmp_path):
    zero = AdapterState({p: LoraPair(q.a, q.b * 0) for p, q in state(1).items()})
    write_adapter(tmp_path / "ours", zero, layout(), {})
    for folder, says in (
        (tmp_path / "ours", "every lora_B is zero"),
        (foreign(tmp_path / "theirs", config={"lora_alpha": 0}), "its scale is zero"),
    ):
        with pytest.raises(AdapterFormatError, match=f"changes nothing, so it was not stored: {says}.*--force"):
            import_adapter(bank, item(folder), EMBEDDER)
    outcome = import_adapter(bank, item(tmp_path / "ours"), EMBEDDER, ImportOptions(force=True))
    assert outcome.status == "added" and "it changes nothing" in outcome.notes[0]


@pytest.mark.parametrize("name", ["base", "tiny"])
def test_an_expert_that_no_request_could_reach_is_refused(bank, tmp_path, name):
    with pytest.raises(UnsafeNameError, match=f"requests that name '{name}' get the base itself.*another name"):
        import_adapter(bank, item(foreign(tmp_path / "theirs"), name), EMBEDDER)


def test_a_bank_holds_no_rank_that_could_not_be_written(tmp_path):
    with pytest.raises(BankError, match=r"rank 9 is more than the smallest of q_proj, v_proj has \(8\)"):
        new_bank(tmp_path / "bank", rank=9)


def test_hostile_folders_change_nothing(bank, tmp_path):
    pickled = foreign(tmp_path / "pickled")
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    linked = tmp_path / "linked"
    linked.mkdir()
    for f in foreign(tmp_path / "real").iterdir():
        (linked / f.name).symlink_to(f)
    for folder, error in ((pickled, AdapterFormatError), (linked, UnsafeFormatError), (tmp_path / "no", GenloraError)):
        with pytest.raises(error):
            import_adapter(bank, item(folder), EMBEDDER)
    for name in ("../x", "a/b", "x\0", "CON", "/abs"):
        with pytest.raises(UnsafeNameError):
            item(tmp_path / "real", name)
    with pytest.raises(DescriptionError):
        item(tmp_path / "real", descriptions=("  ",))
    assert len(bank) == 0 and bank.generation == 0


def test_a7_an_imported_update_of_unusual_size_needs_consent(bank, tmp_path):
    for i in range(8):
        import_adapter(bank, item(foreign(tmp_path / f"f{i}", i), f"t{i}"), EMBEDDER)
    loud = foreign(tmp_path / "loud", config={"lora_alpha": 400})  # a scale of 100
    with pytest.raises(AdapterFormatError, match=r"expert loud: .* expected at most .* how the adapter was made"):
        import_adapter(bank, item(loud, "loud"), EMBEDDER)
    assert "loud" not in bank
    assert import_adapter(bank, item(loud, "loud"), EMBEDDER, ImportOptions(force=True)).status == "added"


def manifest(path, entries):
    path.write_text(json.dumps({"experts": entries}))
    return path


def test_a_manifest_of_many_goes_on_after_a_refusal_and_a_restart(bank, tmp_path):
    entries = []
    for i in range(6):
        foreign(tmp_path / "fleet" / f"a{i}", i, base="tiny" if i != 3 else "other")
        entries.append({"folder": f"a{i}", "name": f"task-{i}", "description": f"do thing {i}", "licence": "mit"})
    items = read_manifest(manifest(tmp_path / "fleet" / "manifest.json", entries))
    stopped = import_many(bank, items, EMBEDDER)
    assert [next(stopped).status, next(stopped).status] == ["added", "added"]
    stopped.close()  # as after a kill
    outcomes = list(import_many(bank, items, EMBEDDER))
    assert [o.status for o in outcomes] == ["present", "present", "added", "refused", "added", "added"]
    assert "names base 'other'" in outcomes[3].error and len(bank) == 5
    assert verify_bank(bank.place).ok


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", r'expected \{"experts"'),
        ('{"experts": []}', "at least one entry"),
        ('{"experts": [{"name": "x"}]}', "expert 1: expected an object with folder"),
        ('{"experts": [{"folder": "a", "name": "x", "description": "d", "run": "rm"}]}', r"unknown keys: \['run'\]"),
        ('{"experts": [{"folder": "a", "name": "x"}]}', "descriptions, licence, family and parent must be texts"),
        ('{"experts": [{"folder": "a", "name": "X y", "description": "d"}]}', "expert 1: expert name 'X y' is not"),
        ('{"experts": [{"folder": "a", "name": "x", "description": ""}]}', "expert 1: "),
        (json.dumps({"experts": 2 * [{"folder": "a", "name": "x", "description": "d"}]}), "'x' appears more than once"),
        ('{"experts": NaN}', "not strict JSON"),
        ('{"experts": [], "experts": []}', "appears twice"),
    ],
)
def test_manifests_say_what_is_wrong(tmp_path, text, says):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ManifestError, match=says):
        read_manifest(tmp_path / "m.json")


def test_card(bank, tmp_path):
    import_adapter(bank, item(foreign(tmp_path / "x"), saw=("bigbench",)), EMBEDDER)
    card = expert_card(bank, "sort")
    assert json.loads(json.dumps(card)) == card
    assert card["base"] == {"name": "tiny", "fingerprint": fingerprint().id, "licence": "apache-2.0"}
    norms = {p: float(pair.delta().norm()) for p, pair in state(1).items()}
    assert card["layers"][1]["q_proj"] == pytest.approx(norms["model.layers.1.self_attn.q_proj"], rel=1e-3)
    assert card["update_norm"] == pytest.approx(sum(n * n for n in norms.values()) ** 0.5, rel=1e-3)
    assert 1 <= card["effective_rank"] <= 4 and card["saw"] == ["bigbench"] and card["gain"] is None


def test_a_bank_filled_by_import_is_searchable(bank, tmp_path):
    for i, text in enumerate(("sort these words", "add two numbers", "translate to german")):
        import_adapter(bank, item(foreign(tmp_path / f"f{i}", i), f"t{i}", descriptions=(text,)), EMBEDDER)
    vector = EMBEDDER.embed_checked(["add numbers"]).vectors[0]
    assert bank.search(vector, 1)[0].name == "t1"
    with Bank.open(bank.files.root, readonly=True) as again:
        assert again.search(vector, 1)[0].name == "t1"
