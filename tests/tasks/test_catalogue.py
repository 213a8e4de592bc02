import json
from collections import Counter

import pytest

from genlora.errors import ManifestError, TaskError, UnsafeNameError
from genlora.tasks import build_task, catalogue, catalogue_task, catalogue_tasks, default_bigbench, read_catalogue

ENTRY = {
    "name": "bb-back",
    "source": "bigbench:navigate",
    "parent": "navigate",
    "family": "logic",
    "metric": "choice",
    "role": "bank",
    "options": "none",
    "licence": "Apache-2.0",
    "descriptions": [f"Description number {i}." for i in range(8)],
}


def _read(*entries):
    return read_catalogue({"a.json": json.dumps(list(entries)).encode()})


def test_an_entry_is_read_whole():
    entry = _read({**ENTRY, "note": "n"})["bb-back"]
    assert (entry.scheme, entry.place, entry.note) == ("bigbench", "navigate", "n")
    assert len(entry.descriptions) == 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": "train"}, "role 'train', expected one of bank, validation, test-near, test-far"),
        ({"metric": "f1"}, "metric 'f1', expected one of exact, choice, rouge-l"),
        ({"options": "auto"}, "options 'auto', expected one of none, inline"),
        ({"source": "navigate"}, "source 'navigate', expected bigbench:PATH"),
        ({"source": "web:x"}, "source 'web:x', expected bigbench:PATH"),
        ({"family": ""}, "`family` is missing or not text"),
        ({"licence": None}, "`licence` is missing or not text"),
        ({"descriptions": ["a"]}, "1 descriptions, expected 8 or more"),
        ({"descriptions": ["a"] * 9}, "9 descriptions, expected 8 or more different"),
        ({"descriptions": "a"}, "`descriptions` is not a list of texts"),
        ({"surprise": 1}, "key 'surprise' is not known"),
    ],
)
def test_a_wrong_entry_is_named(change, says):
    with pytest.raises(TaskError) as err:
        _read({**ENTRY, **change})
    assert says in str(err.value)
    assert "a.json: entry 1 (bb-back)" in str(err.value)


def test_names_and_descriptions_are_not_shared():
    other = {**ENTRY, "name": "bb-other", "descriptions": [f"Other {i}" for i in range(7)] + ["description  NUMBER 3."]}
    with pytest.raises(TaskError, match="bb-other and bb-back share the description"):
        _read(ENTRY, other)
    with pytest.raises(TaskError, match="entry 2: the name 'bb-back' is taken"):
        _read(ENTRY, ENTRY)
    with pytest.raises(UnsafeNameError):
        _read({**ENTRY, "name": "../x"})
    with pytest.raises(TaskError, match="expected a JSON list"):
        read_catalogue({"a.json": b"{}"})
    with pytest.raises(ManifestError):
        read_catalogue({"a.json": b"[{]"})


def test_the_shipped_catalogue_is_what_the_bank_needs():
    entries = catalogue().values()
    bank = [e for e in entries if e.role == "bank"]
    assert len(bank) >= 64
    parents = Counter(e.parent for e in bank)
    assert len(parents) >= 40
    assert max(parents.values()) <= 4
    assert len([e for e in entries if e.role == "validation"]) >= 10


def test_held_out_roles_share_no_source_with_the_bank():
    entries = catalogue().values()
    bank = {e.source for e in entries if e.role == "bank"}
    far = {e.family for e in entries if e.role == "test-far"}
    assert not bank & {e.source for e in entries if e.role != "bank"}
    assert not far & {e.family for e in entries if e.role == "bank"}


def test_every_rule_task_of_the_catalogue_builds():
    rules = [e for e in catalogue().values() if e.scheme == "rule"]
    assert rules
    for entry in rules:
        task = build_task(entry)
        assert task.name == entry.name
        assert task.descriptions == entry.descriptions
        assert len(task.split("train")) >= 100, entry.name
        assert len(task.split("test")) >= 50, entry.name


def test_word_entries_need_their_folder(tmp_path):
    word = next(e for e in catalogue().values() if e.scheme == "words")
    with pytest.raises(TaskError, match=r"folder of word tasks. Name it with --words FOLDER"):
        catalogue_task(word.name)
    doc = {"name": "x", "description": "d", "family": "f", "examples": [{"input": "a", "output": "b"}]}
    (tmp_path / f"{word.place}.json").write_text(json.dumps(doc))
    task = catalogue_task(word.name, words_folder=tmp_path)
    assert (task.name, task.family, task.licence) == (word.name, word.family, word.licence)
    assert [e.output for e in task.examples] == ["b"]


class _NoBigBench:
    def task(self, name, **_):
        raise AssertionError(f"{name} must not be read")


def test_word_entries_are_left_out_with_a_line_in_the_log(monkeypatch, caplog):
    rule = next(e for e in catalogue().values() if e.scheme == "rule" and e.role == "bank")
    word = next(e for e in catalogue().values() if e.scheme == "words" and e.role == "bank")
    monkeypatch.setattr("genlora.tasks._catalogue.catalogue", lambda: {rule.name: rule, word.name: word})
    assert [t.name for t in catalogue_tasks("bank", bigbench=_NoBigBench())] == [rule.name]
    assert f"1 tasks left out ({word.name})" in caplog.text
    assert catalogue_tasks("test-far") == []


def test_an_unknown_name_is_refused():
    with pytest.raises(TaskError, match="not in the catalogue"):
        catalogue_task("no-such-task")


@pytest.mark.slow
def test_every_bigbench_entry_builds_from_the_cache(monkeypatch):
    monkeypatch.delenv("GENLORA_CACHE", raising=False)
    bench = default_bigbench()
    if not bench.ready:
        pytest.skip("BIG-bench is not in this machine's cache: genlora tasks list --source bigbench")
    for entry in catalogue().values():
        if entry.scheme != "bigbench":
            continue
        task = build_task(entry, bigbench=bench)
        assert len(task.split("train")) >= 50, entry.name
        assert len(task.split("test")) >= 10, entry.name
        if entry.metric == "choice":
            assert all(set(e.answers) <= set(e.choices) for e in task.examples), entry.name
