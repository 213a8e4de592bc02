import json

import pytest

from genlora.errors import TaskError
from genlora.tasks import read_sni, read_wordtasks


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
