"""Other ways to ask for the training tasks: of every one, apart from what measures, and what is wrong is told."""

import json
from collections import Counter

import pytest

from genlora.errors import TaskError
from genlora.tasks import Task, catalogue, probes, third_wordings, training_texts, wordings
from genlora.tasks._wordings import HELD, read_wordings


def plain(text):
    return " ".join(text.casefold().split())


def test_every_training_task_has_them():
    assert set(wordings()) == {name for name, entry in catalogue().items() if entry.role == "bank"}
    for name, found in wordings().items():
        assert len(found.same) >= 20 and len(found.different) >= 5, name
        for text in (*found.same, *found.different):
            assert text == text.strip() and len(text.splitlines()) == 1 and len(text.split()) <= 60, text


def test_none_is_said_twice_or_stands_where_something_is_measured():
    said = Counter(plain(t) for found in wordings().values() for t in (*found.same, *found.different))
    said.update({plain(t) for entry in catalogue().values() for t in entry.descriptions})
    said.update(
        {
            plain(t)
            for which in ("near-misses", "practical", "other-words")
            for p in probes(which)
            for t in p.descriptions
        }
    )
    said.update({plain(t) for t in third_wordings().values()})
    assert [text for text, n in said.items() if n > 1] == []


def test_the_last_of_each_are_trained_on_by_nobody():
    for found in wordings().values():
        for key in ("same", "different"):
            every, held = getattr(found, key), getattr(found.held, key)
            assert getattr(found.training, key) == every[:-HELD] and held == every[-HELD:] and len(held) == HELD


def test_what_may_be_trained_on_holds_both_and_nothing_held_out():
    entry = catalogue()["r-plural"]
    texts = training_texts(Task("r-plural", entry.descriptions, (), entry.family, entry.parent))
    assert texts == (*entry.descriptions[:-2], *wordings()["r-plural"].training.same)
    assert training_texts(Task("my-own", ("Do it.",), (), "f", "my-own")) == ("Do it.",)


def test_what_is_wrong_is_told():
    good = {"same": ["a", "b", "c"], "different": ["d", "e", "f"]}
    assert read_wordings(json.dumps({"x": good}).encode())["x"].held.same == ("b", "c")
    for document, says in (
        ([good], "expected a JSON object of tasks"),
        ({"x": {"same": ["a"]}}, "x: expected an object with `same` and `different`"),
        ({"x": {**good, "same": ["a", " ", "c"]}}, "x: `same` is not a list of texts"),
        ({"x": {**good, "different": ["d", "d", "f"]}}, "x: 3 `different`, expected over 2 different"),
        ({"x": {**good, "different": ["d", "e"]}}, "x: 2 `different`, expected over 2"),
    ):
        with pytest.raises(TaskError, match=says):
            read_wordings(json.dumps(document).encode())
