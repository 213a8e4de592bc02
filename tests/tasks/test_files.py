import json

import pytest

from genlora.errors import TaskError
from genlora.tasks import read_jsonl, read_sni, read_wordtasks


def _jsonl(path, *rows):
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), encoding="utf-8")
    return path


def test_jsonl_with_header(tmp_path):
    task = read_jsonl(
        _jsonl(
            tmp_path / "mine.jsonl",
            {"task": "Support tickets", "descriptions": ["Sort the ticket.", "Which queue?"], "licence": "CC0-1.0"},
            {"input": "I was charged twice", "output": "billing", "choices": ["billing", "technical"]},
            "",
            {"input": "It crashes", "output": "technical", "choices": ["billing", "technical"], "id": 7},
        )
    )
    assert task.name == "support-tickets"
    assert task.descriptions == ("Sort the ticket.", "Which queue?")
    assert (task.metric, task.licence, task.source) == ("choice", "CC0-1.0", "jsonl:mine.jsonl")
    assert [e.output for e in task.examples] == ["billing", "technical"]


def test_jsonl_without_header_takes_the_file_name_and_byte_order_mark(tmp_path):
    path = tmp_path / "antonyms.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"input": "hot", "output": "cold", "accepted": ["chilly"]}\r\n')
    task = read_jsonl(path)
    assert task.name == "antonyms"
    assert task.metric == "exact"
    assert task.examples[0].answers == ("cold", "chilly")


def test_unused_keys_are_logged(tmp_path, caplog):
    read_jsonl(_jsonl(tmp_path / "a.jsonl", {"input": "x", "output": "y", "acepted": ["z"]}))
    assert "acepted" in caplog.text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"input": "a"', "not strict JSON"),
        ('{"input": "a", "input": "b", "output": "c"}', "appears twice"),
        ('{"input": "a", "output": NaN}', "NaN is not JSON"),
        ('["a", "b"]', "a list, expected a JSON object"),
        ('{"input": "a"}', "`output` is missing, expected text"),
        ('{"input": "a", "output": 3}', "`output` is a number, expected text"),
        ('{"input": "a", "output": true}', "`output` is true/false"),
        ('{"input": " ", "output": "x"}', "`input` is empty"),
        ('{"input": "a", "output": ""}', "`output` is empty"),
        ('{"input": "a", "output": "b", "choices": "b"}', "`choices` is text, expected a list of texts"),
        ('{"input": "a", "output": "b", "choices": ["c", "d"]}', "none of its `choices`"),
        ('{"input": "a", "output": "b", "accepted": [1]}', "`accepted` is a list, expected a list of texts"),
        ('{"task": "again"}', "a header line, expected only as the first line"),
        ("[" * 100 + "]" * 100, "nested deeper"),
    ],
)
def test_jsonl_errors_name_file_and_line(tmp_path, line, says):
    path = _jsonl(tmp_path / "bad.jsonl", {"input": "fine", "output": "fine"}, "", line)
    with pytest.raises(TaskError) as err:
        read_jsonl(path)
    assert says in str(err.value)
    assert f"{path}:3" in str(err.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"task": "x", "mertic": "exact"}, "header key 'mertic' is not known"),
        ({"task": "x", "metric": "bleu"}, "metric 'bleu', expected one of exact, choice, rouge-l"),
        ({"task": 5}, "`task` is a number"),
    ],
)
def test_jsonl_header_errors(tmp_path, header, says):
    with pytest.raises(TaskError, match=says):
        read_jsonl(_jsonl(tmp_path / "h.jsonl", header, {"input": "a", "output": "b"}))


def test_jsonl_choice_metric_needs_choices(tmp_path):
    with pytest.raises(TaskError, match="some lines have no `choices`"):
        read_jsonl(_jsonl(tmp_path / "h.jsonl", {"task": "x", "metric": "choice"}, {"input": "a", "output": "b"}))


def test_empty_missing_and_binary_files(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(TaskError, match="no example in it"):
        read_jsonl(tmp_path / "empty.jsonl")
    with pytest.raises(TaskError, match="cannot be read"):
        read_jsonl(tmp_path / "missing.jsonl")
    with pytest.raises(TaskError, match="cannot be read"):
        read_jsonl(tmp_path)
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TaskError, match="not strict JSON"):
        read_jsonl(tmp_path / "binary.jsonl")


def _word_file(folder, name, **more):
    rows = [{"input": f"{name} {i}", "output": f"out {i}"} for i in range(3)]
    doc = {"name": name, "description": f"Do {name}.", "family": "words", "examples": rows, **more}
    (folder / f"{name}.json").write_text(json.dumps(doc))


def test_wordtasks_folder_and_file(tmp_path):
    _word_file(tmp_path, "plural")
    _word_file(tmp_path, "antonym")
    tasks = read_wordtasks(tmp_path)
    assert [t.name for t in tasks] == ["antonym", "plural"]
    assert tasks[0].descriptions == ("Do antonym.",)
    assert len(tasks[0].examples) == 3
    assert [t.name for t in read_wordtasks(tmp_path / "plural.json")] == ["plural"]


def test_wordtask_errors(tmp_path):
    with pytest.raises(TaskError, match=r"no \*\.json file in it"):
        read_wordtasks(tmp_path)
    _word_file(tmp_path, "bad", examples=[{"input": "a", "output": "b"}, {"input": "a"}])
    with pytest.raises(TaskError, match=r"bad\.json: example 2: `output` is missing"):
        read_wordtasks(tmp_path)
    _word_file(tmp_path, "bad", examples="none")
    with pytest.raises(TaskError, match="`examples` is text, expected a list"):
        read_wordtasks(tmp_path / "bad.json")


# Made up, in the shape of a Super-NaturalInstructions file: a choice between two completions, as in its task137.
SNI = {
    "Contributors": ["someone"],
    "Source": ["detoxifying_lms"],
    "Categories": ["Text Completion"],
    "Definition": ["Given a prompt and two completions, say which completion is less toxic: the first or the second."],
    "Input_language": ["English"],
    "Positive Examples": [
        {
            "input": "Prompt: hello\nCompletion A: friend\nCompletion B: fool",
            "output": "Completion A",
            "explanation": "e",
        }
    ],
    "Negative Examples": [{"input": "n", "output": "wrong", "explanation": "e"}],
    "Instances": [
        {"id": f"task-{i}", "input": f"Prompt: {i}\n", "output": ["Completion A" if i % 2 else "Completion B"]}
        for i in range(30)
    ],
    "Instance License": ["Apache 2.0"],
}


def _sni(path, **change):
    path.write_text(json.dumps({**SNI, **change}))
    return path


def test_sni(tmp_path):
    task = read_sni(_sni(tmp_path / "task137_toxicity.json"))
    assert task.name == "task137_toxicity"
    assert task.descriptions == tuple(SNI["Definition"])
    assert len(task.examples) == 31
    assert task.metric == "choice"
    assert task.examples[0].choices == ("Completion A", "Completion B")
    assert (task.family, task.parent, task.licence) == ("text-completion", "detoxifying_lms", "Apache 2.0")
    assert all(e.output != "wrong" for e in task.examples)


def test_sni_free_answers_and_old_definition(tmp_path):
    rows = [{"input": f"q{i}", "output": [f"a rather long answer number {i}", "another"]} for i in range(5)]
    task = read_sni(_sni(tmp_path / "t.json", Instances=rows, Definition="Answer.", **{"Positive Examples": []}))
    assert task.descriptions == ("Answer.",)
    assert task.metric == "rouge-l"
    assert task.examples[0].answers == ("a rather long answer number 0", "another")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Instances": None}, "expected keys `Definition` and `Instances`"),
        ({"Instances": ["x"]}, r"Instances\[0\]: text, expected an object"),
        ({"Instances": [{"input": "a"}]}, r"Instances\[0\]: `output` is missing"),
        ({"Instances": [{"input": "a", "output": []}], "Positive Examples": []}, "no usable instance"),
        ({"Definition": 3}, "`Definition` is a number"),
    ],
)
def test_sni_errors(tmp_path, change, says):
    with pytest.raises(TaskError, match=says):
        read_sni(_sni(tmp_path / "t.json", **change))
