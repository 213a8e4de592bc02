"""The whole evaluation on a tiny base: results, resuming, damage, reports, and the command line."""

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from genlora import GenLora
from genlora.adapter import attached
from genlora.api import EvaluateOptions, evaluate, evaluate_adapter
from genlora.api.measure import _makers as makers
from genlora.bank import Bank, ExpertRecord
from genlora.base import fingerprint, layout_of, load_base
from genlora.cli import cli
from genlora.errors import ConfigError, TaskError
from genlora.evaluate import (
    METHODS,
    RunStore,
    answer,
    answer_as_is,
    choose_methods,
    forced_score,
    paraphrases,
    report,
    variants,
)
from genlora.evaluate._methods import mismatched, random_string
from genlora.tasks import Example, Task, catalogue, prompt_ids, read_examples
from genlora.train import ExpertConfig, ExpertTrainer, TrainState

from ..jobs.pools import Pickled

QUICK = ExpertConfig(rank=4, lr=0.05, max_rows=240, pack_rows=8, validation_rows=8, eval_every=5)
SOME = (
    "base-described",
    "base-shots",
    "random-expert",
    "random-weights",
    "nearest-expert",
    "best-expert",
    "average",
    "aggregate",
    "arrow",
    "hypernet",
    "auto",
)


def write_task(folder, name, rows):
    told = [f"{verb} {name.replace('-', ' ')}" for verb in "say give tell write answer print reply name".split()]
    head = {"task": name, "descriptions": told, "family": f"family-{name}", "metric": "exact"}
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in [head, *rows]))
    return path


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Small own experts, answers of five tokens, and float32 on every machine, so that answers never depend on ties."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(makers, "OWN_CONFIG", QUICK)
        patch.setattr("genlora.evaluate._answers.MAX_NEW_TOKENS", 5)
        patch.setattr("genlora.api._scene.best_dtype", lambda device="cpu": torch.float32)
        yield


@pytest.fixture(scope="module")
def base_path(tiny_base):
    return tiny_base("llama")


@pytest.fixture(scope="module")
def base(base_path):
    return load_base(str(base_path), attn_implementation="eager")


@pytest.fixture(scope="module")
def own_states(base, world):
    """Updates that change answers a lot; a task's right answers are what its own expert says."""
    return {n: world.random_state(base.layout, seed, size=0.5) for n, seed in (("say-one", 101), ("say-two", 102))}


@pytest.fixture(scope="module")
def specs(tmp_path_factory, base, own_states):
    folder = tmp_path_factory.mktemp("tasks")
    inputs = [f"in {i}" for i in range(200)]
    asked = Task("asked", ("say",), tuple(Example(i, "a") for i in inputs), "f", "p")
    paths = []
    for name, state in own_states.items():
        said = answer(base, asked, asked.examples, state=state).answers
        rows = [{"input": i, "output": s} for i, s in zip(inputs, said, strict=True) if s.strip() and "\0" not in s]
        paths.append(write_task(folder, name, rows))
    hopeless = [{"input": i, "output": f"x{n * 7919 % 1000}q{n}"} for n, i in enumerate(inputs)]
    paths.append(write_task(folder, "hopeless", hopeless))
    paths.append(write_task(folder, "few", hopeless[:20]))
    return tuple(f"jsonl:{p}" for p in paths)


@pytest.fixture(scope="module")
def own_run(tmp_path_factory, base, specs, own_states):
    """A training run that holds the own experts of two tasks; that of the hopeless one is trained when it is needed."""
    folder = tmp_path_factory.mktemp("own") / "run"
    trainer = ExpertTrainer(base, [read_examples(Path(s[6:])) for s in specs], QUICK, folder)
    for name, state in own_states.items():
        trainer.files.save_done(name, state, asdict(TrainState(name)))
    return folder


@pytest.fixture(scope="module")
def bank(tmp_path_factory, base_path, embedder, world, own_states):
    """Eight random experts, and one that is as good at the second task as its own expert."""
    path = tmp_path_factory.mktemp("bank") / "bank"
    world.fill(path, layout_of(base_path), fingerprint(base_path), embedder, size=0.5)
    with Bank.open(path) as opened:
        told = ("what is the total of both numbers",)
        record = ExpertRecord(name="twin", descriptions=told, embeddings=embedder.embed(told), embedder=embedder.id)
        opened.add(record, own_states["say-two"])
    return path


@pytest.fixture(scope="module")
def lora(bank, embedder):
    with GenLora(bank, embedder=embedder) as found:
        yield found


@pytest.fixture(scope="module")
def options(specs, base_path, own_run, tmp_path_factory):
    def make(run=None, **more):
        folder = run or tmp_path_factory.mktemp("run") / "r"
        return EvaluateOptions(
            **{
                "run": folder,
                "tasks": specs,
                "methods": SOME,
                "examples": 12,
                "base": str(base_path),
                "own": own_run,
                **more,
            }
        )

    return make


@pytest.fixture(scope="module")
def ran(lora, options):
    """One finished run: what was found, what is said about it, its options."""
    chosen = options()
    return *evaluate(lora, chosen), chosen


def test_every_method_answers_and_only_tasks_with_a_good_expert_count(ran):
    found, about, _ = ran
    assert {t.name for t in found.tasks} == {"say-one", "say-two"}
    assert "does not beat the base" in found.left_out["hopeless"]
    assert "test examples, 20 needed" in found.left_out["few"]
    assert "genlora train hypernet" in found.skipped["hypernet"]
    by = {(r.method, r.task, r.variant): r for r in found.results}
    for task in ("say-one", "say-two"):
        assert by["own", task, "one"].strict == 1 > by["base-bare", task, "one"].strict
        for method in set(SOME) - {"hypernet"}:
            names = {v for m, t, v in by if (m, t) == (method, task)}
            expected = {v.name for v in variants(METHODS[method], next(t for t in found.tasks if t.name == task))}
            assert names == expected and names
    assert {v for m, _, v in by if m == "auto"} == {"d0", "d1", "d2", "mismatched", "random", "empty"}
    assert {v for m, _, v in by if m == "random-expert"} == {"one", "s1", "s2"}
    assert all(len(r.predictions) == 12 for r in found.results)
    described = by["base-described", "say-one", "d1"].predictions
    bare = by["base-bare", "say-one", "one"].predictions
    assert all(a.prompt_tokens > b.prompt_tokens for a, b in zip(described, bare, strict=True))
    assert about["split"] == "validation" and len(about["expert_cosines"]) == 9


def test_hindsight_finds_the_expert_that_fits(ran):
    found, _, _ = ran
    best = {r.task: r for r in found.results if r.method == "best-expert"}
    assert best["say-two"].about["expert"] == "twin" and best["say-two"].about["looked_at"] == 9
    assert best["say-two"].strict == 1 > best["say-one"].strict


def test_forcing_rates_what_greedy_decoding_writes(base, world):
    state = world.random_state(base.layout, 3, size=0.5)
    asked = tuple(Example(f"in {i}", "a") for i in range(40))
    task = Task("asked", ("say",), asked, "f", "p")
    said = answer(base, task, asked, state=state)
    ended = [Example(e.input, a) for e, a in zip(asked, said.answers, strict=True) if a.strip()][:30]
    with attached(base.model, state):
        right, likely = forced_score(base, ended)
        again = answer_as_is(base, task, ended).scores.strict_mean
        worse, less = forced_score(base, [Example(e.input, "no such word") for e in ended])
    assert again == 1 and likely > less and right >= worse == 0


def test_shots_are_turns_of_the_chat(base):
    alone = prompt_ids(base.tokenizer, "in 1")
    turns = prompt_ids(base.tokenizer, "in 1", shots=[("in 2", "out 2"), ("in 3", "out 3")])
    text = base.tokenizer.decode(turns)
    assert len(turns) > len(alone)
    assert text.index("in 2") < text.index("out 2") < text.index("in 3") < text.index("out 3") < text.index("in 1")


def test_a_run_goes_on_where_it_was(ran, lora, options):
    found, _, chosen = ran
    again, _ = evaluate(lora, chosen)
    assert again.asked == 0
    assert again.results == found.results
    gone = chosen.run / "predictions" / "arrow" / "say-two" / "one.jsonl"
    gone.unlink()
    torn = chosen.run / "predictions" / "auto" / "say-one" / "d1.jsonl"
    torn.write_bytes(torn.read_bytes()[:-40])
    third, _ = evaluate(lora, chosen)
    assert third.asked == 12  # auto's adapter is the one of aggregate, whose answers are there
    assert [r.predictions for r in third.results] == [r.predictions for r in found.results]


def test_a_stopped_run_loses_nothing(ran, lora, options):
    found, _, _ = ran
    stopped = options(methods=("base-described", "aggregate"))

    class Stop(Exception):
        pass

    ticks = []

    def stop(tick):
        ticks.append(tick)
        if len(ticks) == 7:
            raise Stop

    with pytest.raises(Stop):
        evaluate(lora, options(stopped.run, methods=stopped.methods, on_tick=stop))
    rest, _ = evaluate(lora, stopped)
    by = {(r.method, r.task, r.variant): r.predictions for r in found.results}
    assert all(r.predictions == by[r.method, r.task, r.variant] for r in rest.results)
    full = sum(len(r.predictions) for r in rest.results) + 12  # the hopeless task's base and expert were asked too
    assert 0 < rest.asked < full
    assert ticks[-1].done <= ticks[-1].total and ticks[-1].eta_s >= 0


def test_without_own_experts_every_task_counts_and_they_can_be_added(lora, options, ran):
    _, _, chosen = ran
    some = {"methods": ("base-described", "multitask"), "tasks": chosen.tasks}
    found, about = evaluate(lora, options(chosen.run, no_own=True, own=None, **some))
    assert {t.name for t in found.tasks} == {"say-one", "say-two", "hopeless"}
    assert not any(r.method == "own" for r in found.results)
    assert not (chosen.run / "own").exists()
    files, summary, _ = report(found, about)
    assert summary.methods["all"]["base-described"].closure is None
    assert b"base, described" in files["report.md"] and b"nan" not in files["report.json"].lower()
    again, _ = evaluate(lora, options(chosen.run, **some))
    assert {t.name for t in again.tasks} == {"say-one", "say-two"} and again.asked == 0


def test_tasks_that_are_evaluated_elsewhere_give_the_same_answers(ran, lora, options):
    found, about, chosen = ran
    pool, run = Pickled(), chosen.run.with_name("elsewhere")
    there = options(run, pool=pool)
    other, told = evaluate(lora, there)
    assert pool.seen == 3 and other.asked > 0
    same = {(r.method, r.task, r.variant): r.predictions for r in found.results}
    assert {(r.method, r.task, r.variant): r.predictions for r in other.results} == same
    assert [t.name for t in other.tasks] == [t.name for t in found.tasks] and other.left_out == found.left_out
    assert other.skipped == found.skipped and other.majority == found.majority
    assert told["bank"] == about["bank"] and told["expert_cosines"] == about["expert_cosines"]
    again, _ = evaluate(lora, there)
    assert pool.seen == 6 and again.asked == 0, "what is in the folder goes along, and is not asked again"
    assert again.results == other.results


def test_another_setting_is_refused(ran, lora, options):
    _, _, chosen = ran
    with pytest.raises(ConfigError, match="other settings: examples=12"):
        evaluate(lora, options(chosen.run, examples=13))


def test_changed_weights_are_asked_again(ran, tmp_path):
    store = RunStore(tmp_path / "s", {})
    result = ran[0].results[0]
    store.save(result, "key")
    assert store.load(result.method, result.task, result.variant, "key") == result
    assert store.load(result.method, result.task, result.variant, "other") is None
    assert store.load("arrow", "none", "one", "key") is None


def test_the_report_has_everything(ran):
    found, about, _ = ran
    files, summary, targets = report(found, about)
    text = files["report.md"].decode()
    for said in (
        "Evaluation on the validation tasks",
        "| base, described |",
        "majority answer",
        "Does the description",
        "best single expert, by hindsight",
        "hopeless: its own expert",
        "Every task, strict %",
    ):
        assert said in text, said
    data = json.loads(files["report.json"])
    assert data["summary"]["methods"]["all"]["own"]["closure"]["value"] == pytest.approx(1)
    assert data["summary"]["methods"]["all"]["base-bare"]["closure"]["value"] == pytest.approx(0)
    lines = gzip.decompress(files["predictions.jsonl.gz"]).splitlines()
    assert len(lines) == sum(len(r.predictions) for r in found.results)
    assert {"method", "task", "variant", "seed", "input", "answer", "confidence"} <= set(json.loads(lines[0]))
    assert files["methods.png"].startswith(b"\x89PNG") and files["paraphrases.png"].startswith(b"\x89PNG")
    assert report(found, about)[0] == files
    by = {t.what: t for t in targets}
    assert by["**headline**: auto, bare - multi-task, described"].met is None
    gain = by["conditioning gain (matched - mismatched)"]
    assert gain.met is None or gain.low is not None
    assert summary.headline == "auto" and len(summary.coverage) == 2


def test_descriptions_and_controls(specs):
    task = read_examples(Path(specs[0].removeprefix("jsonl:")))
    assert paraphrases(task) == (*task.unseen_descriptions, task.descriptions[0])
    known = catalogue()
    for entry in [e for e in known.values() if e.role == "validation"][:4]:
        t = Task(entry.name, entry.descriptions, (Example("a", "b"),), entry.family, entry.parent)
        other = mismatched(t)
        owner = next(e for e in known.values() if other in e.descriptions)
        assert owner.family != entry.family and owner.name != entry.name and owner.role != "bank"
    assert random_string("a") == random_string("a") != random_string("b")
    assert [m.name for m in choose_methods(["arrow"])] == ["base-bare", "arrow", "own"]
    with pytest.raises(ConfigError, match="no method 'magic'; choose from base-bare"):
        choose_methods(["magic"])


def test_an_unusable_task_list_says_so(lora, options, specs):
    with pytest.raises(TaskError, match="no task to evaluate"):
        evaluate(lora, options(tasks=(specs[3],)))


# ---- own data


@pytest.fixture(scope="module")
def adapter(lora, tmp_path_factory):
    return lora.generate("sort the words of a list").save(tmp_path_factory.mktemp("adapter") / "out")


@pytest.fixture
def data(tmp_path, adapter, base_path):
    """Examples whose right answers are what the adapter says: it is right by construction, the base is not."""
    from genlora.api import Runner

    inputs = [f"in {i}" for i in range(8)]
    said = Runner.open(adapter, base=str(base_path)).outputs(inputs, max_new_tokens=48)
    path = tmp_path / "mine.jsonl"
    right = [{"input": i, "output": s[:40] if n == 0 else s} for n, (i, s) in enumerate(zip(inputs, said, strict=True))]
    path.write_text("".join(json.dumps(r) + "\n" for r in right if r["output"].strip()))
    return path


def test_an_adapter_on_own_data(adapter, data, base_path):
    result = evaluate_adapter(adapter, data, base=str(base_path))
    assert set(result.answers) == {"base", "base described", "adapter"}
    assert result.description == "sort the words of a list"
    assert result.n == len(data.read_text().splitlines())
    assert result.over_base.confidence == 0.95
    assert result.over_base.mean == pytest.approx(result.mean("adapter", "strict") - result.mean("base", "strict"))
    assert "the base on these" in result.verdict() or "No difference" in result.verdict()
    few = evaluate_adapter(adapter, data, base=str(base_path), description="say it", examples=3)
    assert few.n == 3 and few.description == "say it"


def test_own_data_on_the_command_line(adapter, data, base_path, tmp_path):
    common = ["evaluate", "--adapter", str(adapter), "--data", str(data), "--base", str(base_path)]
    out = tmp_path / "report"
    result = CliRunner().invoke(cli, [*common, "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "right, strictly" in result.stdout and f"the report is in {out}" in result.stdout
    assert {p.name for p in out.iterdir()} == {"report.md", "report.json", "predictions.jsonl.gz", "scores.png"}
    assert "# out on mine" in (out / "report.md").read_text()
    again = CliRunner().invoke(cli, [*common, "-o", str(out)])
    assert again.exit_code == 2 and "already exists" in again.stderr
    for name, says in (("notes.txt", "genlora did not write"), ("report.md", "was changed")):
        kept = (out / name).read_bytes() if (out / name).exists() else None
        (out / name).write_text("mine")
        refused = CliRunner().invoke(cli, [*common, "-o", str(out), "--force"])
        assert refused.exit_code == 2 and f"'{name}', which {says}" in refused.stderr
        assert (out / name).read_text() == "mine"
        (out / name).unlink() if kept is None else (out / name).write_bytes(kept)
    assert CliRunner().invoke(cli, [*common, "-o", str(out), "--force"]).exit_code == 0
    found = json.loads(CliRunner().invoke(cli, [*common, "--json"]).stdout)
    assert found["scores"].keys() == {"base", "base described", "adapter"} and found["n"] >= 2


def test_the_protocol_on_the_command_line(bank, embedder_path, base_path, specs, own_run, tmp_path):
    out = tmp_path / "report"
    argv = [
        "evaluate",
        "--bank",
        str(bank),
        "--embedder",
        str(embedder_path),
        "--base",
        str(base_path),
        "--tasks",
        ",".join(specs[:2]),
        "--methods",
        "aggregate,hypernet",
        "--examples",
        "6",
        "--own",
        str(own_run),
        "-o",
        str(out),
    ]
    result = CliRunner().invoke(cli, argv)
    assert result.exit_code == 0, result.output
    assert "2 tasks, 0 left out, 1 methods skipped" in result.stdout and "hypernet skipped" in result.stderr
    assert (out / "report.md").exists() and (tmp_path / "report.run" / "predictions" / "aggregate").is_dir()
    shown = CliRunner().invoke(cli, [*argv[:-2], "--run", str(tmp_path / "report.run"), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["summary"]["groups"]["all"] == ["say-one", "say-two"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "say where results go"),
        (["--adapter", "x"], "--adapter and --data belong together"),
        (["--data", "x"], "--adapter and --data belong together"),
        (["--adapter", "/no/such", "--data", "/no/such.jsonl"], "/no/such.jsonl: cannot be read"),
        (["--description", "x", "--run", "y"], "--description is for own data"),
        (["--adapter", "x", "--data", "y", "--ray", "auto"], "--ray shares tasks out"),
        (["--methods", "magic", "--run", "y"], "no method 'magic'"),
        (["--split", "training", "--run", "y"], "'training' is not one of"),
        (["--tasks", "r-percnt", "--run", "y"], "Did you mean r-percent"),
    ],
)
def test_evaluate_says_why(argv, says, bank, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENLORA_BANK", str(bank))
    result = CliRunner().invoke(cli, ["evaluate", *argv])
    assert result.exit_code == 2, result.output
    assert says in result.stderr and "Traceback" not in result.output


def test_own_data_must_be_usable(adapter, base_path, tmp_path):
    (tmp_path / "one.jsonl").write_text('{"input": "a", "output": "b"}\n')
    with pytest.raises(TaskError, match="1 example, expected two or more"):
        evaluate_adapter(adapter, tmp_path / "one.jsonl", base=str(base_path))
    (tmp_path / "bad.jsonl").write_text('{"input": "a", "output": "b"}\n{"input": "a"}\n')
    with pytest.raises(TaskError, match=r"bad\.jsonl:2"):
        evaluate_adapter(adapter, tmp_path / "bad.jsonl", base=str(base_path))


def test_decoding_is_the_same_for_the_protocol_and_for_users(lora, base_path, specs):
    """An adapter measured by the protocol answers what `genlora run` answers, up to where the protocol stops."""
    from genlora.api import Runner

    alone = load_base(str(base_path), attn_implementation="eager")  # PEFT changes the model it is given
    state = lora.generate("sort the words of a list").state
    task = read_examples(Path(specs[0].removeprefix("jsonl:")))
    examples = task.split("test")[:12]
    measured = answer(alone, task, examples, state=state).answers
    said = Runner(alone, state).outputs([e.input for e in examples], max_new_tokens=40)
    assert all(s.startswith(m) for s, m in zip(said, measured, strict=True))
    assert any(measured)
