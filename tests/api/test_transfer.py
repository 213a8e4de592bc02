"""`genlora transfer`: an expert and a bank to another base, the run folder, resuming, and every way it can fail.

Tiny random bases write nothing that looks like an input and never end an answer, so a list of lines stands in for the
writer here, and a rule for the decoding; the real writer has a test of its own, and benchmarks/transfer.py runs all of
it on real bases.
"""

import errno
import json
import os
import re
import shutil
from dataclasses import replace
from functools import partial

import pytest
from click.testing import CliRunner

from genlora.adapter import check_adapter
from genlora.api import TransferOptions, train_discriminators, transfer, transfer_bank
from genlora.api.moving._writer import BaseWriter
from genlora.bank import Bank, ExpertRecord, verify_bank
from genlora.base import Continuation, layout_of, load_base
from genlora.cli import cli
from genlora.errors import (
    BaseError,
    BaseMismatchError,
    ConfigError,
    StorageError,
    TaskError,
    TrainingError,
    UnknownExpertError,
)
from genlora.tasks import Example, Task
from genlora.train import Discriminator, ExpertConfig, WriterPrompt, project

from ..jobs.pools import Pickled, tree

COLOURS = ("red", "blue", "pink", "grey", "teal", "gold")


def colours(name, n=420):
    examples = [Example(f"{COLOURS[i % 6]} {i}", "the" if i % 2 else "in") for i in range(n)]
    return Task(name, (f"say {name} of a colour",), tuple(examples), family=name, parent=name)


TASKS = [colours("one"), colours("two")]
TRAINING = ExpertConfig(rank=2, lr=0.05, max_rows=48, pack_rows=8, patience=99, eval_every=3, validation_rows=8)
OPTIONS = TransferOptions(count=32, config=TRAINING)


class Lines:
    """Stands in for a base that goes on with lists of colours; every fifth line is about something else."""

    asked = 0
    limit = None
    talk = staticmethod(lambda n: f" {'word ' * 12}" if n % 5 == 4 else f" {COLOURS[n % 6]} {1000 + n}")

    def __init__(self, base):
        self.base = base

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def most_tokens(self, seeds):
        return 12

    def __call__(self, prompts):
        for p in prompts:
            if Lines.limit is not None and Lines.asked >= Lines.limit:
                raise KeyboardInterrupt
            Lines.asked += 1
            yield Lines.talk(p.seed % 1_000_003)


def decoded(base, prompts, **_):
    """The rule's answer to each prompt, as tokens: what a good expert would say."""
    said = []
    for ids in prompts:
        number = int(re.findall(r"\d+", base.tokenizer.decode(ids))[-1])
        said.append(tuple(base.tokenizer("the" if number % 2 else "in", add_special_tokens=False)["input_ids"]))
    return [Continuation(tokens, -0.1, len(tokens) + 1, True) for tokens in said]


@pytest.fixture(autouse=True)
def lines(monkeypatch, embedder_path):
    monkeypatch.setattr(Lines, "asked", 0)
    monkeypatch.setattr(Lines, "limit", None)
    monkeypatch.setattr("genlora.api.moving._steps.BaseWriter", Lines)
    monkeypatch.setattr("genlora.api.moving._discriminators.BaseWriter", Lines)
    monkeypatch.setattr("genlora.api.moving._sure.generate_greedy", decoded)
    monkeypatch.setattr("genlora.api._places.resolve_embedder", lambda *a, **k: embedder_path)
    monkeypatch.setattr("genlora.api._places.embedder_lora", lambda: None)
    return Lines


@pytest.fixture(scope="module")
def source(tiny_base):
    return tiny_base("llama")


@pytest.fixture(scope="module")
def target(tiny_base):
    return tiny_base("qwen2", layers=3, hidden=32)


@pytest.fixture(scope="module")
def bank_folder(tmp_path_factory, source, embedder, world):
    """Two random experts with four samples on their cards."""
    folder = tmp_path_factory.mktemp("transfer") / "bank"
    base = load_base(str(source))
    with Bank.create(folder, base.layout, base.fingerprint, rank=4) as bank, bank.atomic() as tx:
        for i, task in enumerate(TASKS):
            samples = [{"input": e.input, "output": e.output} for e in task.split("test")[:4]]
            record = ExpertRecord(
                name=task.name,
                descriptions=task.descriptions,
                embeddings=embedder.embed(task.descriptions),
                embedder=embedder.id,
                licence="MIT",
                gain={"own": 1.0, "base": 0.0, "majority": 0.5, "n": 60, "interval": [0.9, 1.0]},
                metrics={"metric": "exact", "samples": samples},
            )
            tx.add(record, world.random_state(base.layout, i))
    return folder


@pytest.fixture
def bank(bank_folder, tmp_path):
    shutil.copytree(bank_folder, tmp_path / "bank")
    return tmp_path / "bank"


@pytest.fixture
def move(bank, source, target, tmp_path):
    def call(expert="one", to=target, out="out", **options):
        given = {"bank": bank, "base": str(source), "options": OPTIONS, **options}
        return transfer(expert, str(to), tmp_path / out, **given)

    return call


class Counted(list):
    """Examples that count who looks at them."""

    read = 0

    def __getitem__(self, index):
        found = super().__getitem__(index)
        self.read += len(found) if isinstance(index, slice) else 1
        return found

    def __iter__(self):
        raise AssertionError("somebody reads all of the data")


def test_an_expert_moves_and_nothing_but_the_seeds_is_read(move, target, tmp_path):
    data = Counted(TASKS[0].split("train"))
    moved = move(seeds=[data[i] for i in range(5)])
    assert data.read == moved.report["real_examples_read"] == 5
    out, run = tmp_path / "out", tmp_path / "out.run"
    assert check_adapter(out, layout_of(target)).ok
    counts = moved.report["counts"]
    assert counts["asked"] == counts["unreadable"] + counts["duplicate"] + counts["rejected"] + counts["kept"]
    assert counts["kept"] >= 32 and counts["unreadable"] > 0
    assert {"kept", "rejected", "all"} == moved.report["distance_to_seeds"].keys()
    said = json.loads((run / "report.json").read_text())
    assert said["expert"] == "one" and said["source_fingerprint"] != said["target_fingerprint"]
    page = (run / "samples.html").read_text()
    assert "red 10" in page and "<script" not in page and (out / "examples.html").read_text() == page
    assert "seeds: 5 real examples" in moved.summary() and "is not known" in moved.summary()


def test_what_is_made_up_cannot_break_the_page(move, lines, monkeypatch, tmp_path):
    monkeypatch.setattr(lines, "talk", staticmethod(lambda n: f" <b>{n}"))
    assert "&lt;b&gt;" in move().page.decode() and "<b>" not in (tmp_path / "out.run" / "samples.html").read_text()


def test_the_same_call_goes_on_after_a_kill_and_gives_the_same_adapter(move, lines, tmp_path):
    lines.limit = 40
    with pytest.raises(KeyboardInterrupt):
        move(out="killed")
    assert not (tmp_path / "killed").exists() and len(list((tmp_path / "killed.run" / "rounds").iterdir())) == 1
    lines.limit, before = None, lines.asked
    move(out="killed")
    after = lines.asked - before
    move(out="whole")
    assert after == lines.asked - before - after - 32  # one round was not written again
    a, b = ((tmp_path / n / "adapter_model.safetensors").read_bytes() for n in ("killed", "whole"))
    assert a == b
    asked = lines.asked
    shutil.rmtree(tmp_path / "whole")
    move(out="whole")
    assert lines.asked == asked and (tmp_path / "whole" / "adapter_model.safetensors").read_bytes() == a


def test_a_killed_training_goes_on(move, monkeypatch, tmp_path):
    from genlora.train import ExpertTrainer

    step, steps = ExpertTrainer._step, []

    def killed(self, *args):
        step(self, *args)
        steps.append(1)
        if len(steps) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(ExpertTrainer, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        move(out="killed")
    move(out="killed")
    monkeypatch.undo()
    assert len(steps) == 5 + 9 - 3  # nine steps in all, of which three were kept


def test_prompt_receipt_and_verify(move, tmp_path):
    move()
    result = CliRunner().invoke(cli, ["verify", str(tmp_path / "out"), "--files-only"])
    assert result.exit_code == 0, result.output
    assert "moved from expert one on tiny-llama" in result.stdout
    assert "Moved from the stored adapter `one` on another base" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(StorageError, match="already exists"):
        move()
    move(force=True)


def test_project_trains_nothing_and_fits_the_target(move, target, monkeypatch, tmp_path):
    monkeypatch.setattr("genlora.api.moving._move.project", partial(project, least=100))
    moved = move(method="project")
    assert check_adapter(tmp_path / "out", layout_of(target)).ok
    assert moved.report["real_examples_read"] == 0 and "nothing was trained" in moved.summary()
    assert not (tmp_path / "out.run" / "training").exists()


def test_another_kind_of_adapter_on_the_target(move):
    wide = ExpertConfig(rank=4, lr=0.05, max_rows=48, pack_rows=8, targets=("q_proj", "k_proj", "o_proj"))
    moved = move(options=TransferOptions(count=32, config=wide))
    assert {p.rsplit(".", 1)[-1] for p in moved.state} == {"q_proj", "k_proj", "o_proj"}
    assert {p.rank for p in moved.state.values()} == {4}


def test_a_discriminator_is_trained_found_used_and_handed_on(bank, source, target, tiny_base, tmp_path, lines):
    base = load_base(str(source), attn_implementation="eager")
    with Bank.open(bank) as opened:
        found = train_discriminators(opened, base, TASKS, bank / "discriminators", tmp_path / "d.run", each=40)
        assert found.accuracy.keys() == {"one", "two"} and not found.failed
        asked = lines.asked
        again = train_discriminators(opened, base, TASKS, bank / "discriminators", tmp_path / "d.run", each=40)
        assert again.accuracy == found.accuracy and lines.asked == asked
        assert verify_bank(bank).ok
        with pytest.raises(TaskError, match="none of the 1 tasks is an expert"):
            train_discriminators(opened, base, [colours("three")], bank / "x", tmp_path / "x.run")
    options = TransferOptions(count=24, most=400, filter="discriminator", config=TRAINING)
    try:
        moved = transfer_bank(bank, str(target), tmp_path / "moved", base=str(source), options=options)
    except TrainingError as err:  # a random base may find nothing real; it has to say so
        assert "discriminator" in str(err)
        return
    assert all("discriminator" in r["filter"] for r in moved.moved.values())
    assert {p.stem for p in (tmp_path / "moved" / "discriminators").iterdir()} == moved.moved.keys()
    # Chained: the discriminator is still of the first base, which is named.
    third = str(tiny_base("gemma3"))
    chained = {"bank": tmp_path / "moved", "base": str(target), "options": options}
    name = next(iter(moved.moved))
    with pytest.raises(BaseMismatchError, match="--discriminator-base"):
        transfer(name, third, tmp_path / "chained", discriminator_base=third, **chained)
    found = transfer(name, third, tmp_path / "chained", discriminator_base=str(source), **chained)
    assert "discriminator" in found.report["filter"]


def test_a_discriminator_that_tells_nothing_is_not_asked_unless_named(bank, move, source, tmp_path, world):
    layout = layout_of(source)
    made = Discriminator("one", "d", layout.fingerprint, layout.name, world.random_state(layout, 3), 0.5, 40)
    made.write(tmp_path / "one.safetensors")
    moved = move(discriminator=tmp_path / "one.safetensors")
    assert "right on no more than 50% and so was not asked, but similarity" in moved.report["filter"]
    with pytest.raises(ConfigError, match="is the discriminator of one, not of two"):
        move("two", out="two", discriminator=tmp_path / "one.safetensors")


def test_a_bank_moves_in_one_call_and_goes_on(bank, source, target, tmp_path, lines):
    out = tmp_path / "moved"
    args = ["transfer", "--bank", bank, "--base", source, "--to", target, "-o", out, "--count", 32, "--rank", 2]
    args += ["--rows", 48, "--lr", 0.05]
    first = CliRunner().invoke(cli, [*map(str, args), "--only", "two"])
    assert first.exit_code == 0, first.output
    assert "moved    two" in first.stdout and "1 experts moved" in first.stdout
    both = CliRunner().invoke(cli, [*map(str, args), "--json"])
    assert both.exit_code == 0, both.output
    told = json.loads(both.stdout)
    assert told["moved"].keys() == {"one"} and told["already"] == ["two"] and not told["failed"]
    assert verify_bank(out).ok
    with Bank.open(out, readonly=True) as moved:
        record = moved.get("one")
        assert record.gain is None and record.provenance["transferred"]["method"] == "distil"
        told = record.provenance["transferred"]
        assert told["counts"]["kept"] >= 24 and told["agreement"]["rows"] > 0 and 0 < len(told["shown"]["kept"]) <= 4
        assert moved.layout.fingerprint == layout_of(target).fingerprint
        assert len(record.metrics["samples"]) >= 3
    asked = lines.asked
    last = CliRunner().invoke(cli, [*map(str, args), "--refit", "3"])
    assert last.exit_code == 0 and lines.asked == asked, last.output
    assert f"generator: {out / 'generators' / 'cvae'}" in last.stdout
    asks = ["generate", "say one of a colour", "--bank", out, "-o", tmp_path / "made", "--generator"]
    for kind in ("cvae", "aggregate"):
        made = CliRunner().invoke(cli, [*map(str, asks), kind, "--force"])
        assert made.exit_code == 0, made.output
        assert check_adapter(tmp_path / "made", layout_of(target)).ok


def test_experts_that_are_moved_elsewhere_make_the_same_bank(bank, source, target, tmp_path, lines):
    pool = Pickled()
    options = TransferOptions(count=32, config=replace(TRAINING, slots=1))
    for name, by in (("here", None), ("there", pool)):
        moved = transfer_bank(bank, str(target), tmp_path / name, base=str(source), options=options, pool=by)
        assert moved.moved.keys() == {"one", "two"}
    assert pool.seen == 4, "each expert's inputs, and each group's training"
    assert tree(tmp_path / "here") == tree(tmp_path / "there")
    runs = [tree(tmp_path / f"{name}.run") for name in ("here", "there")]
    assert runs[0].keys() == runs[1].keys() and "experts/one/samples.html" in runs[0]
    asked = lines.asked
    shutil.rmtree(tmp_path / "there")
    transfer_bank(bank, str(target), tmp_path / "there", base=str(source), options=options, pool=pool)
    assert pool.seen == 4 and lines.asked == asked and tree(tmp_path / "here") == tree(tmp_path / "there")


def test_one_expert_that_cannot_move_does_not_stop_the_others(bank, source, target, tmp_path):
    with Bank.open(bank) as opened:
        record, state = opened.get("one"), opened.state("one")
        opened.add(record.with_(metrics={**record.metrics, "samples": []}), state, replace=True)
    moved = transfer_bank(bank, str(target), tmp_path / "moved", base=str(source), options=OPTIONS)
    assert moved.moved.keys() == {"two"} and "0 seeds, expected 3 to 15" in moved.failed["one"]


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (lambda n: "", "not of the seeds' shape.*--writer"),
        (lambda n: f" {COLOURS[n % 4]} {n % 4}", "limit was reached"),
        (lambda n: f" {chr(0x4E00 + n % 999)}{chr(0x4E00 + n)} {n}", "kept"),
    ],
)
def test_too_few_inputs_are_told_with_their_reason(move, lines, monkeypatch, tmp_path, talk, says):
    monkeypatch.setattr(lines, "talk", staticmethod(talk))
    if says == "kept":
        move()  # letters of any script are a shape like another
        return
    with pytest.raises(TrainingError, match=says) as caught:
        move()
    assert "expected 24 kept" in str(caught.value) and not (tmp_path / "out").exists()


def test_an_expert_that_answers_nothing_whole_is_told(move, monkeypatch):
    def cut(base, prompts, **_):
        return [Continuation((5,), -0.1, 1, False) for _ in prompts]

    monkeypatch.setattr("genlora.api.moving._sure.generate_greedy", cut)
    with pytest.raises(TrainingError, match="a whole answer to 0 of 32 made-up inputs"):
        move()


def test_what_the_expert_doubts_is_left_out_unless_told(move, monkeypatch):
    def doubts(base, prompts, **_):
        found = decoded(base, prompts)
        numbers = [int(re.findall(r"\d+", base.tokenizer.decode(ids))[-1]) for ids in prompts]
        return [
            replace(c, log_probability=-3.0) if n > 999 and n % 3 == 0 else c
            for c, n in zip(found, numbers, strict=True)
        ]

    monkeypatch.setattr("genlora.api.moving._sure.generate_greedy", doubts)
    everything = replace(OPTIONS, filter="none")
    sure = move(options=everything)
    assert sure.report["counts"]["rejected"] > 5 and "confidence of 0.72" in sure.report["filter"]
    all_of_it = move(out="all", options=replace(everything, sure=False))
    assert all_of_it.report["counts"]["rejected"] == 0 and "confidence" not in all_of_it.report["filter"]


def test_zero_acceptance_ends_it_early(move, lines, monkeypatch):
    class Never:
        how = "a judge that nothing passes"

        def scores(self, texts):
            return [-1.0] * len(texts)

    monkeypatch.setattr("genlora.api.moving._bases.Bases.judge", lambda *a: Never())
    with pytest.raises(TrainingError, match="nothing was accepted"):
        move()
    assert lines.asked == 4 * 32


def test_a_target_without_template_or_tokenizer_is_refused_first(move, target, lines, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(target, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(BaseError, match=r"the target base .*bare.* no chat template"):
        move(to=bare)
    (bare / "tokenizer.json").unlink()
    with pytest.raises(BaseError, match="bare"):
        move(to=bare)
    assert lines.asked == 0 and not (tmp_path / "out").exists()


def test_seeds_that_do_not_parse_are_refused_by_line(move, tmp_path):
    file = tmp_path / "seeds.jsonl"
    file.write_text('{"input": "red 1", "output": "in"}\n{"input": "red 2"\n')
    with pytest.raises(TaskError, match=r"seeds.jsonl:2"):
        move(seeds=file)
    file.write_text("red 1 => in\nred 2 => the\n")
    with pytest.raises(TaskError, match=r"seeds.jsonl: 2 seeds, expected 3 to 15"):
        move(seeds=file)
    for given, read in ((7, 7), (20, 5)):
        file.write_text("".join(f"red {n} => in\n" for n in range(given)))
        moved = move(out=f"of-{given}", seeds=file, options=replace(OPTIONS, filter="none"))
        assert moved.report["real_examples_read"] == read


def test_other_refusals(move, tmp_path):
    with pytest.raises(UnknownExpertError, match="no expert 'three'"):
        move("three")
    with pytest.raises(TrainingError, match="has no discriminator"):
        move(options=TransferOptions(count=32, filter="discriminator"))
    with pytest.raises(ConfigError, match="no such file or folder"):
        move(discriminator=tmp_path / "none")
    move(out="a", run=tmp_path / "run")
    with pytest.raises(ConfigError, match=r"begun with other settings: .*expert=one"):
        move("two", out="b", run=tmp_path / "run")
    with pytest.raises(ConfigError, match="count is 3"):
        TransferOptions(count=3)
    with pytest.raises(ConfigError, match="writer is 'nobody'"):
        TransferOptions(writer="nobody")  # type: ignore[arg-type]


def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(move, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("genlora.files.write_all", full)
        with pytest.raises(StorageError, match="No space left"):
            move()
    assert not (tmp_path / "out").exists()
    move()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--expert", "one", "--only", "one"], "are for a whole bank"),
        (["--expert", "one", "--ray", "auto"], "--only, --refit and --ray are for a whole bank"),
        (["--seeds", "x.jsonl"], "leave --seeds and --force out"),
        (["--expert", "one", "--count", "3"], "3 is not in the range"),
    ],
)
def test_the_command_says_why(bank, target, tmp_path, args, says):
    result = CliRunner().invoke(
        cli, ["transfer", "--bank", str(bank), "--to", str(target), "-o", str(tmp_path / "o"), *args]
    )
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.output


def test_the_command_moves_one(bank, source, target, tmp_path):
    args = ["transfer", "--bank", bank, "--expert", "one", "--base", source, "--to", target, "-o", tmp_path / "o"]
    result = CliRunner().invoke(cli, [*map(str, args), "--count", "32", "--rows", "48", "--rank", "2"])
    assert result.exit_code == 0, result.output
    assert f"adapter: {tmp_path / 'o'}" in result.stdout and "writing inputs" in result.stderr


def test_a_real_base_writes_and_draws_the_same_for_the_same_seed(tiny_base):
    base = load_base(str(tiny_base("llama")))
    prompts = [WriterPrompt("1. the\n2. in\n3.", 1.0, n, 12, raw=True) for n in range(6)]
    with BaseWriter(base) as write:
        assert 8 <= write.most_tokens(["the", "in"]) <= 16
        first, again = list(write(prompts)), list(write(prompts))
    assert first == again and all("\n" not in text for text in first)
