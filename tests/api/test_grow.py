"""`genlora bank train` from task files to stored experts, and what it refuses."""

import json

import pytest
from click.testing import CliRunner

from genlora.api import best_dtype, grow_bank, usable
from genlora.bank import Bank, TaskEmbedder, verify_bank
from genlora.base import load_base
from genlora.cli import cli
from genlora.errors import BaseMismatchError, ConfigError, TaskError
from genlora.tasks import Example, Task, catalogue_task
from genlora.train import ExpertConfig, MethodConfig

from ..jobs.pools import Pickled, tree


def write_task(path, name, answer, n=420):
    head = {"task": name, "descriptions": [f"say {answer} to everything"]}
    lines = [head, *({"input": f"{name} {i}", "output": answer(i) if callable(answer) else answer} for i in range(n))]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return f"jsonl:{path}"


@pytest.fixture
def bank(tiny_base, tmp_path):
    path = tmp_path / "bank"
    base = load_base(str(tiny_base("llama")))
    Bank.create(path, base.layout, base.fingerprint, rank=4).close()
    return path


def call(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture
def offline_embedder(monkeypatch, embedder_path):
    monkeypatch.setattr("genlora.api._places.resolve_embedder", lambda *a, **k: embedder_path)


def test_train_measures_and_says_why_it_refuses(bank, tiny_base, tmp_path, offline_embedder):
    # Every answer is the same, so nothing can beat the majority: an honest bank stores none of it.
    sources = [write_task(tmp_path / "a.jsonl", "always", "the"), write_task(tmp_path / "b.jsonl", "few", "in", n=60)]
    args = ["bank", "train", "--bank", bank, *sources, "--base", tiny_base("llama"), "--rows", 64, "--dtype", "float32"]
    result = call(*args)
    assert result.exit_code == 0, result.output
    assert "refused  always" in result.stdout
    assert "left out  few  only" in result.stdout and "held-out examples, 50 needed" in result.stdout
    again = call(*args, "--json")
    report = json.loads(again.stdout)
    assert report["admitted"] == 0 and len(report["measured"]) == 1
    assert json.loads(call("bank", "list", "--bank", bank, "--json").stdout)["experts"] == []


def test_an_experts_card_says_how_it_was_made(bank, tiny_base, tmp_path, embedder_path, monkeypatch):
    from genlora.api import _grow
    from genlora.evaluate import Admission

    def admitted(base, task, state, run):
        return Admission(task.name, True, "", 50, 1.0, 0.0, 0.0, None, None, {}, {})

    monkeypatch.setattr(_grow, "_measure", admitted)
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    task = Task("x", ("say",), tuple(Example(f"w {i}", "the") for i in range(420)), family="f", parent="x")
    method = MethodConfig(init="lora-ga", options={"gamma": 4})
    config = ExpertConfig(rank=4, max_rows=32, pack_rows=8, eval_every=1, validation_rows=4, method=method)
    with Bank.open(bank) as opened:
        grow_bank(opened, base, [task], config, tmp_path / "run", embedder=TaskEmbedder(embedder_path))
    card = json.loads(call("bank", "show", "--bank", bank, "x", "--json").stdout)
    assert card["provenance"]["method"]["init"] == "lora-ga"
    assert card["provenance"]["method"]["options"]["lora-ga.gamma"] == 4.0
    told = card["metrics"]["method"]
    assert 0 < told["conversion_error"] < 1 and told["step_time_ratio"] > 0 and told["trained_numbers"] > 0
    shown = call("bank", "show", "--bank", bank, "x").stdout
    assert "lora-ga: " in shown and "lost as a plain LoRA" in shown and "times plain LoRA's" in shown


def test_methods_are_chosen_on_the_command_line_and_wrong_pairs_are_told_first(
    bank, tiny_base, tmp_path, offline_embedder
):
    source = write_task(tmp_path / "a.jsonl", "always", "the")
    args = ["bank", "train", "--bank", bank, source, "--base", tiny_base("llama"), "--rows", 32, "--dtype", "float32"]
    wrong = call(*args, "--init", "lora-sb")
    assert wrong.exit_code == 2 and "init lora-sb starts the small core of structure xs" in wrong.output
    assert not (tmp_path / "bank.run").exists()
    result = call(*args, "--init", "lora-ga", "--method-option", "gamma=4", "--run", tmp_path / "run")
    run = json.loads((tmp_path / "run/run.json").read_bytes())
    assert run["config"]["method"]["init"] == "lora-ga" and run["config"]["stored_rank"] == 4, result.output


class OtherEmbedder:
    id = "0" * 64

    def __init__(self, path, factors=None):
        del path, factors


@pytest.mark.parametrize(
    "command",
    [
        ["bank", "train", "{source}"],
        ["train", "multitask", "-o", "{out}"],
        ["train", "hypernet", "--start", "{out}", "-o", "{out}"],
    ],
)
def test_another_embedder_is_told_before_anything_is_trained(
    bank, tiny_base, tmp_path, offline_embedder, monkeypatch, command
):
    with Bank.open(bank) as opened, opened.atomic() as tx:
        tx.set_metadata("embedder", {"id": "1" * 64, "dim": 8})
    monkeypatch.setattr("genlora.api._places.TaskEmbedder", OtherEmbedder)
    monkeypatch.setattr("genlora.api._scene.load_base", lambda *a, **k: pytest.fail("the base was loaded first"))
    source = write_task(tmp_path / "a.jsonl", "always", "the")
    words = [w.format(source=source, out=tmp_path / "out") for w in command]
    result = call(*words, "--bank", bank, "--base", tiny_base("llama"))
    assert result.exit_code == 2 and "made with embedder 1111" in result.output and "--embedder" in result.output
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".run")]


def test_experts_are_stored_one_by_one_as_they_finish(bank, tiny_base, tmp_path, embedder_path, monkeypatch):
    """A run that is killed between two experts keeps the first in the bank; then it goes on."""
    from genlora.api import _grow
    from genlora.evaluate import Admission

    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    plain = dict(base.model.named_modules())
    base.model.requires_grad_(False)
    examples = tuple(Example(f"word {i}", "the") for i in range(420))
    tasks = [Task(n, (f"task {n}",), examples, family="f", parent=n) for n in ("one", "two", "three")]
    config = ExpertConfig(rank=4, slots=2, max_rows=32, pack_rows=8, eval_every=1, validation_rows=4)

    def admitted(base, task, state, run):
        assert dict(base.model.named_modules()) == plain, "the model is plain while an expert is measured"
        return Admission(task.name, True, "", 50, 1.0, 0.0, 0.0, None, None, {}, {})

    monkeypatch.setattr(_grow, "_measure", admitted)
    held = []

    class Killed(Exception):
        pass

    def stop(admission):
        held.append((admission.name, set(opened.names())))
        if len(held) == 1:
            raise Killed

    with Bank.open(bank) as opened:
        with pytest.raises(Killed):
            grow_bank(
                opened, base, tasks, config, tmp_path / "run", embedder=TaskEmbedder(embedder_path), on_measured=stop
            )
        assert len(opened) == 1 and held[0][0] in opened
        grow_bank(opened, base, tasks, config, tmp_path / "run", embedder=TaskEmbedder(embedder_path))
        assert sorted(opened.names()) == ["one", "three", "two"]


def test_an_expert_that_is_worth_it_is_stored_with_its_card(real_base, tmp_path, embedder_path):
    """For real: 20 steps teach the default base to answer `a` or `an`, which it never does by itself."""
    base = load_base(str(real_base), dtype=best_dtype(), attn_implementation="eager")
    base.model.requires_grad_(False)
    task = catalogue_task("r-a-an")
    config = ExpertConfig(lr=4e-3, max_rows=160, pack_rows=8, eval_every=10, validation_rows=16)
    with Bank.create(tmp_path / "bank", base.layout, base.fingerprint) as opened:
        grown = grow_bank(opened, base, [task], config, tmp_path / "run", embedder=TaskEmbedder(embedder_path))
        admission = grown.measured[0]
        assert admission.admitted, admission.reason
        assert admission.own > 0.9 > max(admission.base, admission.majority)
        record = opened.get("r-a-an")
        assert record.gain is not None and record.gain["n"] >= 50 and record.gain["interval"][0] > 0
        assert record.metrics["samples"] and record.provenance["prompt"] == "bare"
        assert verify_bank(opened.place).ok
    with Bank.create(tmp_path / "strict", base.layout, base.fingerprint) as strict:
        # Measured already: the run remembers, and nobody is that good.
        options = {"embedder": TaskEmbedder(embedder_path), "least": 1.01}
        refused = grow_bank(strict, base, [task], config, tmp_path / "run", **options).measured[0]
        assert not refused.admitted and "of its own task, less than 1.01" in refused.reason and not len(strict)


def test_a_bank_of_another_base_is_refused_before_training(bank, tiny_base, tmp_path, embedder_path):
    other = load_base(str(tiny_base("llama", seed=5)))
    task = Task("x", ("d",), (Example("a", "b"),), family="f", parent="p")
    with Bank.open(bank) as opened, pytest.raises(BaseMismatchError):
        grow_bank(opened, other, [task], ExpertConfig(rank=4), tmp_path / "run", embedder=TaskEmbedder(embedder_path))
    assert not (tmp_path / "run").exists()


def test_training_follows_what_the_bank_holds_and_more_is_refused_before_it(bank, tiny_base, tmp_path, embedder_path):
    base = load_base(str(tiny_base("llama")))
    task = Task("x", ("say",), tuple(Example(f"w {i}", "the") for i in range(420)), family="f", parent="x")
    for config, says in (
        (ExpertConfig(rank=8), "rank is 8, and this bank holds adapters of rank 4 at most"),
        (
            ExpertConfig(rank=4, targets=("q_proj", "o_proj")),
            "o_proj would be trained, and this bank holds q_proj, v_proj",
        ),
    ):
        with Bank.open(bank) as opened, pytest.raises(ConfigError, match=says):
            grow_bank(opened, base, [task], config, tmp_path / "run", embedder=TaskEmbedder(embedder_path))


def test_no_usable_task_is_an_error(bank, tiny_base, tmp_path, embedder_path):
    base = load_base(str(tiny_base("llama")))
    task = Task("x", ("d",), (Example("a", "b"),), family="f", parent="p")
    with Bank.open(bank) as opened, pytest.raises(TaskError, match="none of the 1 tasks has 50 held-out examples"):
        grow_bank(opened, base, [task], ExpertConfig(rank=4), tmp_path / "run", embedder=TaskEmbedder(embedder_path))


def test_cheap_tasks_come_first():
    def task(name, length):
        return Task(
            name, ("d",), tuple(Example("x" * length + str(i), "y") for i in range(400)), family="f", parent=name
        )

    chosen, why = usable([task("long", 90), task("short", 3), Task("tiny", ("d",), (), family="f", parent="t")])
    assert [t.name for t in chosen] == ["short", "long"] and "tiny" in why


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--rows", "0"], "max_rows is 0"),
        (["--lr", "7"], "lr is 7.0"),
        (["--slots", "0"], "slots is 0"),
        (["--device", "quantum"], "quantum"),
    ],
)
def test_bad_settings_end_with_one_line(bank, tiny_base, tmp_path, args, says, offline_embedder):
    source = write_task(tmp_path / "a.jsonl", "always", "the")
    result = call("bank", "train", "--bank", bank, source, "--base", tiny_base("llama"), *args)
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.output
    result = call("bank", "train", "--bank", tmp_path / "none", source)
    assert result.exit_code == 2 and "Traceback" not in result.output


def test_groups_that_are_trained_elsewhere_make_the_same_bank(bank, tiny_base, tmp_path, embedder_path, monkeypatch):
    from genlora.api import _grow
    from genlora.evaluate import Admission

    def admitted(base, task, state, run):
        return Admission(task.name, True, "", 50, state.parameters / 1e6, 0.0, 0.0, None, None, {}, {})

    monkeypatch.setattr(_grow, "_measure", admitted)
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    examples = tuple(Example(f"word {i}", "the") for i in range(420))
    tasks = [Task(n, (f"task {n}",), examples, family="f", parent=n) for n in ("one", "two", "three")]
    config = ExpertConfig(rank=4, slots=2, max_rows=32, pack_rows=8, eval_every=1, validation_rows=4)
    other, pool = tmp_path / "other", Pickled()
    Bank.create(other, base.layout, base.fingerprint, rank=4).close()
    for path, by in ((bank, None), (other, pool)):
        with Bank.open(path) as opened:
            run = tmp_path / f"{path.name}.run"
            grown = grow_bank(opened, base, tasks, config, run, embedder=TaskEmbedder(embedder_path), pool=by)
            assert [a.name for a in grown.admitted] == ["one", "two", "three"]
    assert pool.seen == 2 and tree(bank) == tree(other) and verify_bank(other).ok


def test_where_no_cluster_is_nothing_is_loaded(bank, tmp_path, monkeypatch):
    monkeypatch.setattr("genlora.api._scene.load_base", lambda *a, **k: pytest.fail("the base was loaded first"))
    source = write_task(tmp_path / "a.jsonl", "always", "the")
    for ray, device, says in (
        ("nowhere", "cpu", ("is no address of a Ray cluster", "pip install 'genlora[ray]'")),
        ("auto", "cuda:1", ("say --device cuda, not cuda:1",)),
    ):
        result = call("bank", "train", "--bank", bank, source, "--ray", ray, "--device", device)
        assert result.exit_code == 2 and any(s in result.output for s in says), result.output
