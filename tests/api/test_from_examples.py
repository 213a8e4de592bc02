"""Trained generators in service: drawn from a description or from examples, and refined; receipts hold no example."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from genlora import GenLora
from genlora.api import calibration_of, verify
from genlora.bank import Bank
from genlora.base import load_base
from genlora.cli import cli
from genlora.errors import BankError, ConfigError, ManifestError, TaskError, UnknownGeneratorError
from genlora.generators import library_vectors, load_artefact, save_artefact, task_vectors
from genlora.tasks import Example, Task
from genlora.train import AbmllFitConfig, CvaeFitConfig, InnerConfig, fit_abmll, fit_cvae

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
    made = lora.generate(examples=shown, base=base)
    again = lora.generate(examples=shown, base=base)
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
    assert lora.generate(examples=path, base=base).neighbours[0].name == "plural"


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
    with pytest.raises(ConfigError, match="only the generator cvae starts from examples, not 'aggregate'"):
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
        ([], "give a DESCRIPTION, --from FILE or --examples FILE"),
        (["sort", "--from", "x"], "either a DESCRIPTION or --from FILE, not both"),
        (["--from", "x", "--refine", "y"], "--examples and --refine make one"),
        (["sort", "--device", "cuda"], "go with --examples or --refine"),
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
