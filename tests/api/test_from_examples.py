"""Trained generators in service: drawn from a description or from examples, and refined; receipts hold no example."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from genlora import GenLora
from genlora.api import calibration_of, verify
from genlora.api._from_examples import diverse_first
from genlora.bank import Bank
from genlora.base import load_base
from genlora.cli import cli
from genlora.errors import AccuracyError, BankError, ConfigError, ManifestError, TaskError, UnknownGeneratorError
from genlora.generators import Artefact, library_vectors, load_artefact, save_artefact, task_vectors
from genlora.tasks import Example, Task
from genlora.train import (
    AbmllFitConfig,
    CvaeFitConfig,
    InnerConfig,
    RefinePrior,
    Start,
    fit_abmll,
    fit_cvae,
    fit_examples,
    start_losses,
)

SECRET = "aardvark"


def tasks_of(names):
    made = {}
    for name in names:
        examples = tuple(Example(f"{name} {i}", name[: 2 + i % 3]) for i in range(60))
        made[name] = Task(name, (f"do {name}",), examples, family=name, parent=name)
    return made


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


@pytest.fixture(scope="module")
def place(base, world, embedder, tmp_path_factory):
    """A bank for the tiny base with a cvae and an abmll beside it."""
    root = tmp_path_factory.mktemp("shown")
    path = world.fill(root / "bank", base.layout, base.fingerprint, embedder)
    with Bank.open(path, readonly=True) as bank:
        tasks = tasks_of(bank.names())
        vectors = library_vectors(base, tasks, root / "vectors.safetensors", per_task=6)
        config = CvaeFitConfig(steps=60, hidden=16, latent=4, batch=16)
        report = fit_cvae(bank, config, root / "cvae.run", task_vectors=vectors)
        save_artefact(path / "generators" / "cvae", report.artefact)
        settings = AbmllFitConfig(
            steps=2, shots=3, queries=3, rows=12, refine_steps=4, inner=InnerConfig(steps=2), tasks_per_step=1
        )
        prior = fit_abmll(bank, calibration_of(bank), base, list(tasks.values()), settings, root / "abmll.run")
        save_artefact(path / "generators" / "abmll", prior.artefact)
    return path


@pytest.fixture
def lora(place, embedder):
    with GenLora(place, embedder=embedder) as found:
        yield found


@pytest.fixture
def shown(tmp_path):
    path = tmp_path / "shown.jsonl"
    path.write_text("".join(json.dumps({"input": f"{SECRET} {i}", "output": "the"}) + "\n" for i in range(6)))
    return path


def test_what_is_trained_says_how(place):
    cvae, abmll = (load_artefact(place / "generators" / kind, kind) for kind in ("cvae", "abmll"))
    assert 0 < cvae.record["basis_error"]["mean"] < 1 and "assumed" in cvae.record["noise"]
    assert set(cvae.config["networks"]) == {"text", "examples"} and len(cvae.config["experts"]) == 8
    assert len(abmll.record["tasks"]) == 8 and set(abmll.tensors) == {f"{m}_proj.{s}" for m in "qv" for s in "ab"}


def test_a_draw_depends_on_the_seed_alone(lora):
    text = "sort the words of a list"
    one, two = (lora.generate(text, generator="cvae", seed=3).files() for _ in range(2))
    assert one == two
    assert (
        one["adapter_model.safetensors"]
        != lora.generate(text, generator="cvae", seed=4).files()["adapter_model.safetensors"]
    )
    body = lora.generate(text, generator="cvae").receipt()
    assert body["request"]["generator"] == "cvae" and body["made_by"]["condition"] == "text"
    assert body["neighbours"][0]["name"] == "sort-words" and len(body["neighbours"]) == 4
    assert lora.generate(text, generator="cvae", rank=2).state[next(iter(lora.generate(text).state))].rank == 2


def test_sg_lora_draws_around_the_neighbours(place, embedder, tmp_path, monkeypatch):
    folder = tmp_path / "generators"
    arguments = ["train", "cvae", "--prior", "learned", "--bank", str(place), "-o", str(folder / "sg-lora")]
    result = CliRunner().invoke(cli, [*arguments, "--steps", "5", "--hidden", "8", "--keep", "1"])
    assert result.exit_code == 0 and "sg-lora of 8 experts" in result.stdout, result.output
    with pytest.raises(ManifestError, match="kind 'sg-lora', expected 'cvae'"):
        load_artefact(folder / "sg-lora", "cvae")
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
    with GenLora(place, embedder=embedder) as lora:
        text = "sort the words of a list"
        one, two, other = (lora.generate(text, generator="sg-lora", seed=s) for s in (3, 3, 4))
    assert one.files() == two.files()
    weights = "adapter_model.safetensors"
    assert one.files()[weights] != other.files()[weights]
    body = one.receipt()
    assert body["request"]["generator"] == "sg-lora" and body["made_by"]["prior"] == "learned"
    assert body["neighbours"][0]["name"] == "sort-words" and len(body["neighbours"]) == 4


def test_it_verifies(lora, tmp_path):
    lora.generate("sort the words of a list", generator="cvae", seed=1).save(tmp_path / "out")
    verdict = verify(tmp_path / "out", lora)
    assert verdict.ok and verdict.recomputed, [c for c in verdict.checks if not c.ok]


def test_examples_take_the_description_s_place(lora, base, shown, tmp_path):
    made = lora.generate(examples=shown, base=base, generator="cvae")
    again = lora.generate(examples=shown, base=base, generator="cvae")
    assert made.files() == again.files()
    made.save(tmp_path / "out")
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").iterdir())
    assert SECRET.encode() not in written
    told = made.receipt()["made_by"]
    assert told["condition"] == "examples" and told["examples"]["count"] == 6 and len(told["examples"]["sha256"]) == 64
    assert made.description is None is made.receipt()["request"]["description"]
    assert 0 <= made.coverage.value <= 1
    verdict = verify(tmp_path / "out", lora)
    assert verdict.ok and not verdict.recomputed


def test_examples_of_a_task_that_is_held_find_it(lora, base, tmp_path):
    task = tasks_of(["plural"])["plural"]
    path = tmp_path / "plural.jsonl"
    path.write_text("".join(json.dumps({"input": e.input, "output": e.output}) + "\n" for e in task.examples[:9]))
    assert lora.generate(examples=path, base=base, generator="cvae").neighbours[0].name == "plural"


def test_refining_is_told_in_the_receipt(lora, base, shown, tmp_path):
    plain = lora.generate("sort the words of a list")
    made = lora.generate("sort the words of a list", refine=shown, base=base)
    told = made.receipt()["made_by"]["refined"]
    assert told["examples"]["count"] == 6 and told["steps"] == 4 and told["cross_fitted"] is True
    for side in ("before", "after"):
        assert 0 <= told[side]["accuracy"] <= 1 and 0 <= told[side]["calibration_error"] <= 1
    assert told["divergence"] > 0
    path = next(iter(plain.state))
    assert made.state[path].rank == plain.state[path].rank
    assert not np.allclose(made.state[path].delta().numpy(), plain.state[path].delta().numpy())
    made.save(tmp_path / "out")
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "out").iterdir())
    assert verify(tmp_path / "out", lora).ok


@pytest.fixture
def fewshot(base, place, tmp_path, monkeypatch):
    """The bank's generators, and a fewshot beside them whose adapter is noise."""
    folder = tmp_path / "generators"
    shutil.copytree(place / "generators", folder)
    rng = torch.Generator().manual_seed(0)
    tensors = {}
    for leaf in ("q_proj", "up_proj"):
        modules = base.layout.of((leaf,))
        tensors[f"{leaf}.a"] = 0.05 * torch.randn(len(modules), 4, modules[0].d_in, generator=rng)
        tensors[f"{leaf}.b"] = 0.05 * torch.randn(len(modules), modules[0].d_out, 4, generator=rng)
    config = {"targets": ["q_proj", "up_proj"], "rank": 4, "scale": 1.0}
    made = Artefact("fewshot", config, tensors, base.layout, base.fingerprint.to_json(), "none")
    save_artefact(folder / "fewshot", made)
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))


@pytest.fixture
def sixteen(tmp_path):
    path = tmp_path / "sixteen.csv"
    path.write_text("input,output\n" + "".join(f"{SECRET} {i},{'the' if i % 2 else 'of'}\n" for i in range(16)))
    return path


def test_an_adapter_is_fitted_to_examples(lora, base, sixteen, fewshot, tmp_path):
    made, again = (lora.generate("sort the words of a list", examples=sixteen, base=base) for _ in range(2))
    assert made.files() == again.files()
    body = made.receipt()
    told = body["made_by"]
    names = {n.name for n in lora.generate("sort the words of a list", top_k=4, generator="aggregate").neighbours}
    assert told["chosen"] in {"fewshot", *names} and told["why"].startswith("loss on the examples: " + told["chosen"])
    assert told["examples"]["count"] == 16 == told["fitted"]["left_out"]
    assert 0 <= told["fitted"]["before"] <= 16 and 0 <= told["fitted"]["steps"] <= 12
    expected = made.expected_accuracy
    assert expected.value == round((told["fitted"]["right"] + 1) / 18, 3)
    assert 0 <= expected.low <= expected.value <= expected.high <= 1
    assert made.prompt.description == ("sort the words of a list" if body["prompt"] == "described" else None)
    made.save(tmp_path / "out")
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "out").iterdir())
    verdict = verify(tmp_path / "out", lora)
    assert verdict.ok and not verdict.recomputed


def test_the_expert_of_the_task_is_the_start(lora, base):
    examples = tasks_of(["plural"])["plural"].examples[:8]
    made = lora.generate("do plural", examples=examples, base=base)
    first = made.receipt()["made_by"]["why"].removeprefix("loss on the examples: ").split(" ")[0]
    assert made.receipt()["made_by"]["chosen"] == first
    assert [n.weight for n in made.neighbours] == [1.0] and made.neighbours[0].name == first


def test_the_best_start_is_that_of_the_least_loss(base, lora):
    examples = tasks_of(["sum"])["sum"].examples[:6]
    starts = [Start(n, lora.bank.state(n), described=n == "sum") for n in lora.bank.names()[:3]]
    together = start_losses(base, starts, examples, description="do sum")
    alone = [start_losses(base, [s], examples, description="do sum")[0] for s in starts]
    assert np.allclose(together, alone, atol=1e-4)


def test_refining_learns_what_the_examples_share(base, lora, fewshot):
    examples = [Example(f"word {i}", "the") for i in range(10)]
    few = lora.engine("fewshot").state
    prior = RefinePrior.around(few, base.layout, share=0.5, inner=InnerConfig())
    start = Start("fewshot", few, described=True)
    seen = []
    fitted = fit_examples(
        base, start, examples, prior, description="say it", on_step=lambda done, total: seen.append((done, total))
    )
    (before,) = start_losses(base, [start], examples, description="say it")
    (after,) = start_losses(base, [replace(start, state=fitted.state)], examples, description="say it")
    assert fitted.steps > 0 and after < before and fitted.rows == 10
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1)) and {total for _, total in seen} == {14}
    assert fitted.state.keys() == few.keys()
    layers = base.model.config.num_hidden_layers
    moved = {
        at
        for path, pair in fitted.state.items()
        if (float((pair.delta() - few[path].delta()).norm()) > 1e-4 * float(few[path].delta().norm()))
        for at in [int(path.split(".")[2])]
    }
    assert moved == set(range(layers // 2, layers))  # the lower half is computed once, and stays


def test_many_examples_leave_a_part_out_for_good(base, lora):
    examples = [Example(f"word {i}", "the") for i in range(90)]
    prior = RefinePrior.around(lora.bank.state("sum"), base.layout, share=0.5, inner=InnerConfig())
    fitted = fit_examples(base, Start("sum", lora.bank.state("sum"), False), examples, prior, description=None)
    assert 16 <= fitted.rows <= 20 and fitted.right >= fitted.before


def test_one_to_three_examples_are_shown_and_train_nothing(lora):
    examples = [Example("wolf", "wolves"), Example("ox", "oxen")]
    made = lora.generate("give the plural", examples=examples, base="there is no such base")
    assert made.prompt.examples == (("wolf", "wolves"), ("ox", "oxen"))
    assert made.files() == lora.generate("give the plural", shots=[("wolf", "wolves"), ("ox", "oxen")]).files()


def test_examples_alone_start_from_what_is_drawn_for_them(lora, base, sixteen):
    made = lora.generate(examples=sixteen, base=base)
    told = made.receipt()["made_by"]
    assert told["chosen"] in {"cvae", *lora.bank.names()} and made.description is None
    assert made.expected_accuracy is not None and made.receipt()["prompt"] == "bare"


def test_a_bound_holds_for_what_left_out_examples_say(lora, base, sixteen):
    with pytest.raises(AccuracyError, match=r"at least 1\.00 was asked for"):
        lora.generate("sort words", examples=sixteen, base=base, min_accuracy=1.0)


def test_the_first_examples_are_far_apart(lora):
    same = [Example(f"the same words {i // 100}", "a") for i in range(30)]
    examples = [*same, Example("seven", "b")]
    assert examples[-1] in diverse_first(lora.vectors, examples)[:16]
    assert sorted(map(str, diverse_first(lora.vectors, examples))) == sorted(map(str, examples))


def test_task_vectors_do_not_depend_on_their_batch(base):
    examples = [Example(f"word {i} " * (1 + i % 4), "the") for i in range(9)]
    together = task_vectors(base, examples)
    alone = np.concatenate([task_vectors(base, [e]) for e in examples])
    assert together.shape == (9, base.model.config.hidden_size)
    assert np.allclose(together, alone, atol=1e-4)


def test_library_vectors_are_made_once(base, tmp_path, monkeypatch):
    tasks = tasks_of(["plural", "sum"])
    first = library_vectors(base, tasks, tmp_path / "v.safetensors", per_task=3)
    monkeypatch.setattr("genlora.generators._task_vector.task_vectors", lambda *_: pytest.fail("made again"))
    second = library_vectors(base, tasks, tmp_path / "v.safetensors", per_task=3)
    assert first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


def test_wrong_input_is_named(lora, base, shown, tmp_path, world, embedder, tiny_base):
    with pytest.raises(ConfigError, match="only the generator cvae draws from them instead, not 'aggregate'"):
        lora.generate(examples=shown, base=base, generator="aggregate")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(TaskError, match="no example in it"):
        lora.generate(examples=empty, base=base)
    many = tmp_path / "many.jsonl"
    many.write_text("".join(json.dumps({"input": f"a {i}", "output": "b"}) + "\n" for i in range(600)))
    with pytest.raises(TaskError, match="600 examples, expected at most 512"):
        lora.generate("sort words", refine=many, base=base)
    with pytest.raises(TaskError, match="no examples"):
        task_vectors(base, [])
    with pytest.raises(BankError, match="no task vectors of 7 experts"):
        fit_cvae(
            lora.bank, CvaeFitConfig(steps=1), tmp_path / "run", task_vectors={"sum": np.zeros((2, 4), np.float32)}
        )


def test_without_an_artefact_it_says_what_to_train(lora, shown, base, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path))
    with pytest.raises(UnknownGeneratorError, match="Train it with: genlora train abmll"):
        lora.generate("sort words", refine=shown, base=base)


def test_a_damaged_artefact_is_refused(place, embedder, tmp_path, monkeypatch):
    artefact = load_artefact(place / "generators" / "cvae", "cvae")
    tensors = {k: v for k, v in artefact.tensors.items() if k != "basis.0.a"}
    save_artefact(tmp_path / "cvae", type(artefact)(**{**vars(artefact), "tensors": tensors}))
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path))
    with GenLora(place, embedder=embedder) as lora, pytest.raises(ManifestError, match="not a joint basis"):
        lora.generate("sort words", generator="cvae")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give a DESCRIPTION, --batch FILE or --examples FILE"),
        (["sort", "--from", "x"], "either a DESCRIPTION or --batch FILE, not both"),
        (["--from", "x", "--refine", "y"], "--examples and --refine make one"),
        (["sort", "--device", "cuda"], "go with --examples, --teacher or --refine"),
        (["sort", "--examples", "x", "--example", "a => b"], "give no --example or --refine with it"),
    ],
)
def test_the_command_line_says_what_goes_together(arguments, says, tmp_path):
    result = CliRunner().invoke(cli, ["generate", *arguments, "-o", str(tmp_path / "out")])
    assert result.exit_code == 2 and says in result.output
    assert not (tmp_path / "out").exists()


def test_the_commands_train_and_resume(place, tmp_path, monkeypatch):
    arguments = ["train", "cvae", "--bank", str(place), "-o", str(tmp_path / "cvae"), "--steps", "5", "--hidden", "8"]
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["fit"]["steps"] == 5
    first = (tmp_path / "cvae" / "weights.safetensors").read_bytes()
    again = CliRunner().invoke(cli, arguments)
    assert again.exit_code == 0 and "cvae of 8 experts" in again.stdout
    assert (tmp_path / "cvae" / "weights.safetensors").read_bytes() == first
    other = CliRunner().invoke(cli, [*arguments, "--noise", "0.2"])
    assert other.exit_code == 2 and "noise=0.05 (now 0.2)" in other.output
    monkeypatch.setattr("genlora.tasks.catalogue_tasks", lambda *_, **__: [])
    missing = CliRunner().invoke(cli, [*arguments, "--examples", "--run", str(tmp_path / "other")])
    assert missing.exit_code == 2 and "the catalogue has no task of" in missing.output
