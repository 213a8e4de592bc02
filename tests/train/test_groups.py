"""Groups of experts: the same experts, bit for bit, wherever a group is trained, and cut by the slots alone."""

import dataclasses
import pickle

import pytest
import torch

from genlora.base import SharedBase
from genlora.errors import BaseError, BaseMismatchError, ConfigError
from genlora.train import ExpertConfig, task_digest, train_groups

from ..jobs.pools import Pickled, tree
from .toys import base as base
from .toys import task

TASKS = [task("one", "the"), task("two", "in"), task("bad", "x" * 4000), task("three", "a")]
CONFIG = ExpertConfig(rank=4, slots=2, max_rows=48, pack_rows=6, eval_every=4, validation_rows=8, keep_last=2)


def size(base, task, state, run):
    assert run.is_dir()
    return {"numbers": state.parameters, "rows": len(task.split("test"))}


def test_groups_are_the_same_here_and_elsewhere_and_their_files_too(base, tmp_path):
    pool, ticks = Pickled(), []
    ways = {"here": None, "there": pool}
    found = {
        name: list(train_groups(base, TASKS, CONFIG, tmp_path / name, measure=size, pool=by, on_tick=ticks.append))
        for name, by in ways.items()
    }
    assert pool.seen == 2 and ticks
    for group, other in zip(found["here"], found["there"], strict=True):
        assert [t.name for t in group.experts] == [t.name for t in other.experts]
        assert (group.measured, group.failed) == (other.measured, other.failed)
        for a, b in zip(group.experts, other.experts, strict=True):
            assert all(torch.equal(a.state[p].b, b.state[p].b) for p in a.state)
    names = [t.name for g in found["here"] for t in g.experts]
    assert sorted(names) == ["one", "three", "two"] and names[2] == "three" and "bad" in found["here"][1].failed
    here, there = (tree(tmp_path / name) for name in ways)
    assert here.keys() == there.keys() and any(k.startswith("last/") for k in here)
    last = ticks[-1]
    assert last.total == 4 and last.done == 3 and last.failed == 1
    again = list(train_groups(base, TASKS, CONFIG, tmp_path / "there", measure=size, pool=pool))
    assert pool.seen == 2 and [g.measured for g in again] == [g.measured for g in found["here"]]


def test_a_group_depends_on_its_own_tasks_alone(base, tmp_path):
    both = list(train_groups(base, TASKS, CONFIG, tmp_path / "all"))
    (alone,) = train_groups(base, TASKS[:2], CONFIG, tmp_path / "first")
    for a, b in zip(both[0].experts, alone.experts, strict=True):
        assert a.name == b.name and all(torch.equal(a.state[p].a, b.state[p].a) for p in a.state)
    with pytest.raises(ConfigError, match="found twice: one"):
        next(train_groups(base, [*TASKS, TASKS[0]], CONFIG, tmp_path / "twice"))


def test_a_task_is_its_content():
    assert task_digest(TASKS[0]) == task_digest(task("one", "the"))
    assert task_digest(TASKS[0]) != task_digest(dataclasses.replace(TASKS[0], metric="lenient"))
    assert task_digest(TASKS[0]) != task_digest(task("one", "the", n=61))


def test_a_base_is_loaded_anew_elsewhere_and_must_be_the_same(base, tiny_base, tmp_path):
    shared = SharedBase(base)
    assert shared.load() is base
    sent = pickle.dumps(shared)
    assert len(sent) < 5000
    again = pickle.loads(sent).load()
    assert again is not base and again.fingerprint.id == base.fingerprint.id
    assert again.model.config._attn_implementation == "eager"
    assert not any(p.requires_grad for p in again.model.parameters())
    shared._path = str(tiny_base("llama", seed=5))
    with pytest.raises(BaseMismatchError, match="the base on this worker"):
        pickle.loads(pickle.dumps(shared)).load()
    shared._path, shared._name = str(tmp_path / "nowhere"), "my-model"
    with pytest.raises(BaseError, match=r"is no folder on the worker .* on a disk that all nodes see"):
        pickle.loads(pickle.dumps(shared)).load()
