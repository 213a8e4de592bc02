import json
import sys

import pytest

from genlora.errors import ConfigError, MissingExtraError, TaskError
from genlora.tasks import read_hub


class Rows(list):
    """What `read_hub` uses of a data set."""

    def __init__(self, rows, features=None):
        super().__init__(rows)
        self.column_names = list(rows[0])
        self.features = features


def test_class_labels_become_their_names():
    class Label:
        names = ("negative", "positive")

    rows = [{"text": f"review {i}", "label": i % 2} for i in range(30)] + [{"text": "hidden", "label": -1}]
    task = read_hub("org/Reviews", load=lambda name, config, split: Rows(rows, {"label": Label()}))
    assert task.name == "reviews"
    assert task.metric == "choice"
    assert task.examples[1].output == "positive"
    assert len(task.examples) == 30


def test_options_reach_the_loader():
    asked = []

    def load(name, config, *, split):
        asked.append((name, config, split))
        return Rows([{"q": "1 + 1", "a": ["2", "two"]}])

    task = read_hub("org/sums?config=easy&split=test&input=q&output=a&description=Add+up.", load=load)
    assert asked == [("org/sums", "easy", "test")]
    assert task.examples[0].answers == ("2", "two")
    assert task.descriptions == ("Add up.",)


def test_errors_say_what_to_do(monkeypatch):
    with pytest.raises(TaskError, match=r"found \['q', 'a'\]. Name them: hub:x\?input=COLUMN"):
        read_hub("x", load=lambda *_, **__: Rows([{"q": "1", "a": "2"}]))
    with pytest.raises(ConfigError, match="'colour' is not understood"):
        read_hub("x?colour=red")

    def broken(*_, **__):
        raise ConnectionError("no route\nto host")

    with pytest.raises(TaskError, match=r"hub:x: cannot be loaded \(ConnectionError: no route\)"):
        read_hub("x", load=broken)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'genlora\[hub\]'"):
        read_hub("x")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of datasets' own imports
def test_a_local_data_set_through_the_real_library(tmp_path, monkeypatch):
    pytest.importorskip("datasets", reason="needs the extra: pip install 'genlora[hub]'")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "my-set"
    folder.mkdir()
    rows = [{"question": f"What is {i} doubled?", "answer": str(2 * i)} for i in range(25)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = read_hub(str(folder))
    assert task.name == "my-set"
    assert len(task.examples) == 25
    assert task.examples[3].output == "6"
    with pytest.raises(TaskError, match="cannot be loaded"):
        read_hub(f"{folder}?split=nosuch")
