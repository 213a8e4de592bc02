import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from genlora.base import load_base
from genlora.errors import ConfigError, TrainingError, UnsafeNameError
from genlora.tasks import Example, Task
from genlora.train import ExpertConfig, ExpertTrainer, kept_checkpoints

SMALL = {"rank": 2, "max_rows": 48, "pack_rows": 4, "eval_every": 3, "patience": 99, "slots": 2, "validation_rows": 8}


def toy_task(name, answer, n=80):
    examples = tuple(Example(f"{name} {i} the", answer) for i in range(n))
    return Task(name, ("say a word",), examples, family="toy", parent=name)


TASKS = [toy_task("one", "the"), toy_task("two", "in"), toy_task("three", "on"), toy_task("four", "er")]


@pytest.fixture
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


def test_every_task_becomes_an_expert_that_learned(base, tmp_path):
    config = ExpertConfig(**{**SMALL, "max_rows": 200, "lr": 0.05})
    ticks = []
    done = {t.name: t for t in ExpertTrainer(base, TASKS, config, tmp_path / "run", on_tick=ticks.append).run()}
    assert done.keys() == {t.name for t in TASKS}
    for trained in done.values():
        losses = trained.progress.train_loss
        assert sum(losses[-3:]) < 0.7 * sum(losses[:3])  # a random frozen head sets the floor
    assert ticks[-1].total == 4 and ticks[-1].rows_per_s > 0


def test_a_second_run_trains_nothing_again(base, tmp_path):
    config = ExpertConfig(**SMALL)
    first = {t.name: t.state for t in ExpertTrainer(base, TASKS, config, tmp_path / "run").run()}
    began = []
    again = {t.name: t.state for t in ExpertTrainer(base, TASKS, config, tmp_path / "run", on_tick=began.append).run()}
    assert not began
    for name, state in first.items():
        assert all(torch.equal(p.b, again[name][path].b) for path, p in state.items())


SCRIPT = """
import json, sys
from pathlib import Path
import torch
from genlora.base import load_base
from genlora.tasks import Example, Task
from genlora.train import ExpertConfig, ExpertTrainer, kept_checkpoints
torch.set_num_threads(1)
def toy_task(name, answer, n=80):
    return Task(name, ("say",), tuple(Example(f"{name} {i} the", answer) for i in range(n)), family="toy", parent=name)
base = load_base(sys.argv[1], attn_implementation="eager"); base.model.requires_grad_(False)
tasks = [toy_task("one", "the"), toy_task("two", "in")]
config = ExpertConfig(**json.loads(sys.argv[3]))
trainer = ExpertTrainer(base, tasks, config, Path(sys.argv[2]), on_tick=lambda t: print(t.step, flush=True))
for t in trainer.run(): pass
"""


def test_kill_nine_in_the_middle_loses_nothing_committed_and_changes_no_result(tiny_base, tmp_path):
    settings = json.dumps({**SMALL, "max_rows": 80})

    def start(run):
        argv = [sys.executable, "-c", SCRIPT, str(tiny_base("llama")), str(run), settings]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ})

    whole = start(tmp_path / "whole")
    whole.communicate(timeout=120)
    assert whole.returncode == 0
    for stop_at in ("4", "8"):
        victim = start(tmp_path / "killed")
        assert victim.stdout is not None
        for line in victim.stdout:
            if line.strip() == stop_at:
                break
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
        victim.stdout.close()
        time.sleep(0.05)
    last = start(tmp_path / "killed")
    last.communicate(timeout=120)
    assert last.returncode == 0
    for name in ("one", "two"):
        a = (tmp_path / "whole/done" / f"{name}.safetensors").read_bytes()
        b = (tmp_path / "killed/done" / f"{name}.safetensors").read_bytes()
        n = int.from_bytes(a[:8], "little")
        m = int.from_bytes(b[:8], "little")
        assert a[8 + n :] == b[8 + m :], f"{name}: the factors differ after two kills"
    assert not list((tmp_path / "killed").rglob(".genlora-tmp-*")), "leftovers of killed writers"


def test_the_last_checkpoints_are_kept_where_asked_for(base, tmp_path):
    config = ExpertConfig(**SMALL, keep_last=2)
    done = {t.name: t for t in ExpertTrainer(base, TASKS[:2], config, tmp_path / "run").run()}
    kept = kept_checkpoints(tmp_path / "run")
    assert kept.keys() == done.keys() and all(len(states) == 2 for states in kept.values())
    one, two = kept["one"]
    assert one.keys() == done["one"].state.keys()
    assert not all(torch.equal(one[p].b, two[p].b) for p in one)
    with pytest.raises(TrainingError, match="holds no checkpoints of experts"):
        kept_checkpoints(tmp_path)


def test_other_settings_or_another_base_do_not_resume(base, tiny_base, tmp_path):
    ExpertTrainer(base, TASKS, ExpertConfig(**SMALL), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"begun with other settings: config.lr=0.002 \(now 0.01\). Use a new run"):
        ExpertTrainer(base, TASKS, ExpertConfig(**SMALL, lr=0.01), tmp_path / "run")
    other = load_base(str(tiny_base("qwen2")))
    with pytest.raises(ConfigError, match=r"other settings: fingerprint=\w+ \(now"):
        ExpertTrainer(other, TASKS, ExpertConfig(**SMALL), tmp_path / "run")


def test_a_damaged_checkpoint_says_what_to_delete(base, tmp_path):
    config = ExpertConfig(**SMALL)
    trainer = ExpertTrainer(base, TASKS[:1], config, tmp_path / "run")
    list(trainer.run())
    path = tmp_path / "run/done/one.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="Delete the file; that expert is trained again"):
        list(ExpertTrainer(base, TASKS[:1], config, tmp_path / "run").run())


def test_a_task_without_validation_examples_is_left_out_with_its_reason(base, tmp_path):
    bad = Task("bad", ("x",), (Example("only one", "y"),), family="toy", parent="bad")
    trainer = ExpertTrainer(base, [bad, TASKS[0]], ExpertConfig(**SMALL), tmp_path / "run")
    assert [t.name for t in trainer.run()] == ["one"]
    assert "no examples to encode" in trainer.failed["bad"]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"rank": 0}, "rank is 0"), ({"rank": 999}, r"rank must be in \[1, 256\]"), ({"lr": 3.0}, "lr is 3.0")],
)
def test_settings_are_checked(change, says):
    with pytest.raises(ConfigError, match=says):
        ExpertConfig(**change)


def test_names_that_leave_the_folder_are_refused(base, tmp_path):
    task = toy_task("../evil", "x")
    with pytest.raises(UnsafeNameError):
        ExpertTrainer(base, [task], ExpertConfig(**SMALL), tmp_path / "run")
    with pytest.raises(ConfigError, match="unique; found twice: one"):
        ExpertTrainer(base, [TASKS[0], TASKS[0]], ExpertConfig(**SMALL), tmp_path / "run")
