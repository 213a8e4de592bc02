import gzip
import io
import json
import tarfile

import pytest

from genlora.errors import TaskError
from genlora.tasks import BigBench
from genlora.tasks._bigbench import MAX_EXAMPLES, cache_archive

NAVIGATE = {
    "name": "navigate",
    "description": "Given a series of navigation instructions, determine whether one would end up back at the start",
    "keywords": ["logical reasoning", "multiple choice", "json"],
    "preferred_score": "multiple_choice_grade",
    "append_choices_to_input": False,
    "examples": [
        {
            "input": f" Take {i} steps. Turn around. Take {i % 3} steps. ",
            "target_scores": {"True": int(i == i % 3), "False": int(i != i % 3)},
        }
        for i in range(60)
    ],
}
PRONOUNS = {
    "name": "disambiguation_qa",
    "description": "Clarify the meaning of sentences with ambiguous pronouns",
    "keywords": ["gender bias"],
    "examples": [
        {
            "input": f"The mechanic greeted worker {i} because they were late.",
            "target_scores": {f"Worker {i} was late": 1, "The mechanic was late": 0, "Ambiguous": 0},
            "comment": "c",
        }
        for i in range(40)
    ]
    + [
        {"input": "All are right", "target_scores": {"a": 1, "b": 1}},
        {"input": "Two are right", "target_scores": {"b": 1, "a": 1, "c": 0}},
    ],
}
SORTING = {
    "name": "word_sorting",
    "description": "Sort a list of words",
    "keywords": ["algorithms"],
    "examples": [{"input": f"pear apple fig{i}", "target": [f"apple fig{i} pear"]} for i in range(30)]
    + [
        {"input": "pear apple fig0", "target": "apple fig0 pear"},
        {"input": "", "target": "x"},
        {"input": "no answer", "target": ["", " "]},
        {"input": "x" * 3_000, "target": "long"},
        {"input": "two answers", "target": [" one ", "two"]},
        {"input": 3, "target": "x"},
    ],
}
GROUP = {"name": "bbq_lite_json", "description": "A folder of sub-tasks", "keywords": []}
DOCUMENTS = {
    "navigate": NAVIGATE,
    "disambiguation_qa": PRONOUNS,
    "word_sorting": SORTING,
    "bbq_lite_json": GROUP,
    "bbq_lite_json/age": {**NAVIGATE, "name": "age"},
    "tiny": {**NAVIGATE, "examples": NAVIGATE["examples"][:19]},
}


def make_archive(path, documents=DOCUMENTS, extra=()):
    with tarfile.open(path, "w:gz") as tar:

        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        add("bigbench-1.0.0/setup.py", b"raise SystemExit('must never run')")
        for name, doc in documents.items():
            add(f"bigbench-1.0.0/bigbench/benchmark_tasks/{name}/task.json", json.dumps(doc).encode())
        for name, data in extra:
            add(name, data)
    return path


@pytest.fixture
def bench(tmp_path):
    archive = make_archive(tmp_path / "bigbench-1.0.0.tar.gz")
    return BigBench(tmp_path / "cache" / "bigbench", lambda: archive)


def test_only_tasks_with_enough_usable_examples_are_kept(bench):
    assert not bench.ready
    assert list(bench.entries) == ["bbq_lite_json/age", "disambiguation_qa", "navigate", "word_sorting"]
    assert bench.ready


def test_a_fixed_label_set_is_not_shown(bench):
    task = bench.task("navigate")
    assert (task.metric, task.family, task.parent) == ("choice", "logical-reasoning", "navigate")
    assert (task.source, task.licence) == ("bigbench:navigate", "Apache-2.0")
    assert task.descriptions == (NAVIGATE["description"],)
    e = next(e for e in task.examples if e.input.startswith("Take 1 steps"))
    assert e.input == "Take 1 steps. Turn around. Take 1 steps."
    assert (e.output, set(e.choices)) == ("True", {"True", "False"})


def test_options_that_differ_are_shown_in_a_hashed_order(bench):
    task = bench.task("disambiguation_qa")
    e = next(e for e in task.examples if e.input.startswith("The mechanic greeted worker 7 "))
    assert e.input == f"The mechanic greeted worker 7 because they were late.\nOptions: {'; '.join(e.choices)}"
    assert e.output == "Worker 7 was late"
    assert len({e.choices.index(e.output) for e in task.examples}) == 3


def test_equal_best_options_are_all_accepted_and_no_information_is_dropped(bench):
    found = {e.input.split("\n")[0]: e for e in bench.task("disambiguation_qa").examples}
    assert "All are right" not in found
    assert found["Two are right"].answers == ("a", "b")


def test_free_answers_are_cleaned(bench):
    task = bench.task("word_sorting", metric="exact")
    found = {e.input: e for e in task.examples}
    assert len(found) == 31
    assert task.metric == "exact"
    assert found["two answers"].answers == ("one", "two")
    assert found["pear apple fig0"].answers == ("apple fig0 pear",)


def test_sub_tasks_name_their_parent(bench):
    task = bench.task("bbq_lite_json/age")
    assert (task.name, task.parent) == ("bbq_lite_json-age", "bbq_lite_json")


def test_the_archive_is_read_once_and_may_be_deleted(tmp_path):
    archive = make_archive(tmp_path / "bb.tar.gz")
    asked = []

    def fetch():
        asked.append(1)
        return archive

    before = BigBench(tmp_path / "c", fetch).task("navigate")
    archive.unlink()
    assert BigBench(tmp_path / "c", fetch).task("navigate") == before
    assert len(asked) == 1


def test_order_of_the_source_does_not_matter(tmp_path, bench):
    turned = {n: {**d, "examples": d.get("examples", [])[::-1]} for n, d in reversed(DOCUMENTS.items())}
    archive = make_archive(tmp_path / "turned.tar.gz", turned)
    other = BigBench(tmp_path / "other", lambda: archive)
    assert set(other.task("navigate").examples) == set(bench.task("navigate").examples)
    for name in ("index.json", "navigate.jsonl.gz", "bbq_lite_json__age.jsonl.gz"):
        assert (other.folder / name).read_bytes() == (bench.folder / name).read_bytes()


def test_large_tasks_keep_the_same_examples_when_the_source_grows_around_them(tmp_path):
    rows = [{"input": f"question {i}", "target": f"answer {i % 7}"} for i in range(MAX_EXAMPLES + 500)]
    archive = make_archive(tmp_path / "a.tar.gz", {"big": {**SORTING, "examples": rows}})
    turned = make_archive(tmp_path / "b.tar.gz", {"big": {**SORTING, "examples": rows[::-1]}})
    one = BigBench(tmp_path / "one", lambda: archive)
    assert one.entries["big"].examples == MAX_EXAMPLES
    assert one.rows("big") == BigBench(tmp_path / "two", lambda: turned).rows("big")


def test_progress_reaches_the_size_of_the_archive(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz")
    seen = []
    cache_archive(archive, tmp_path / "c", progress=lambda what, done, total: seen.append((what, done, total)))
    assert seen[-1][1] == seen[-1][2] == archive.stat().st_size
    assert [d for _, d, _ in seen] == sorted(d for _, d, _ in seen)


def test_members_that_are_no_plain_task_are_not_read(tmp_path):
    bad = json.dumps(NAVIGATE).encode()
    extra = [
        ("bigbench-1.0.0/bigbench/benchmark_tasks/../../evil/task.json", bad),
        ("bigbench-1.0.0/bigbench/benchmark_tasks/x/results/scores.json", bad),
        ("/bigbench/benchmark_tasks/abs/task.json", bad),
    ]
    archive = make_archive(tmp_path / "a.tar.gz", extra=extra)
    assert len(BigBench(tmp_path / "c", lambda: archive).entries) == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "c"]


@pytest.mark.parametrize("damage", ["cut", "text", "flipped", "empty"])
def test_a_damaged_archive_leaves_no_cache(tmp_path, damage):
    archive = make_archive(tmp_path / "a.tar.gz")
    data = bytearray(archive.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    archive.write_bytes({"cut": data[: len(data) // 2], "text": b"<html>", "flipped": data, "empty": b""}[damage])
    with pytest.raises(TaskError, match=r"cannot be read as the BIG-bench sdist|no BIG-bench task in it"):
        BigBench(tmp_path / "c", lambda: archive).task("navigate")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz"]


def test_a_failure_half_way_leaves_no_cache_and_the_next_try_works(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz")

    def stop(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_archive(archive, tmp_path / "c", progress=stop)
    assert not (tmp_path / "c").exists()
    assert BigBench(tmp_path / "c", lambda: archive).ready is False
    assert len(BigBench(tmp_path / "c", lambda: archive).entries) == 4


def test_a_damaged_cache_is_reported_and_made_anew(bench, caplog):
    bench.task("navigate")
    (bench.folder / "navigate.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(TaskError, match=r"its SHA-256 is not the one in the index.*made anew"):
        bench.task("navigate")
    (bench.folder / "navigate.jsonl.gz").unlink()
    with pytest.raises(TaskError, match=r"cannot be read.*made anew"):
        bench.task("navigate")
    (bench.folder / "index.json").write_text('{"tasks": [{"name": "x"}]}')
    again = BigBench(bench.folder, bench._archive)
    assert len(again.entries) == 4 and "is damaged (" in caplog.text
    assert again.task("navigate").name == "navigate"


def test_an_unknown_name_is_answered_with_near_ones(bench):
    with pytest.raises(TaskError, match=r"bigbench:navigat: no such task.*Did you mean navigate"):
        bench.task("navigat")
