"""The demo's own logic, without Gradio: adapters, talk, scores, files, the map."""

import asyncio
import time
import zipfile
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from genlora_app._asking import inputs_for
from genlora_app._examples import as_text, parse_examples
from genlora_app._map import BankMap, Dot, plane
from genlora_app._merging import Steps
from genlora_app._stops import Stops

from genlora.api import GenerateJob
from genlora.errors import CancelledError, DescriptionError, MergeError, TaskError, UnknownModelError


def talked(studio, made, message, **options):
    async def all_steps():
        return [e async for e in studio.talk(made, message, **options)]

    return asyncio.run(all_steps())


@pytest.fixture
def alone(tiny_base):
    """The same base without an engine on it: peft and plain generation are the reference."""
    from genlora.base import load_base

    return replace(load_base(str(tiny_base("llama"))), eos_ids=())


def test_both_models_answer_and_the_answers_grow(studio, alone):
    from genlora.api import Runner
    from genlora.base import decode_text, generate_greedy
    from genlora.tasks import prompt_ids

    made = studio.create("sort the words of a list")
    steps = talked(studio, made, "pear apple", max_tokens=12)
    last = steps[-1]
    assert last.done and not steps[0].done
    assert last.told == "sort the words of a list"
    for a, b in pairwise(steps):
        assert b.base.startswith(a.base) and b.adapted.startswith(a.adapted)
    assert last.base != last.adapted
    ids = prompt_ids(studio.base.tokenizer, "pear apple", last.told)
    expected = generate_greedy(alone, [ids], max_new_tokens=12)
    assert last.base == decode_text(alone.tokenizer, expected[0].tokens)
    ours = Runner(alone, made.generated.state).outputs(["pear apple"], max_new_tokens=12)
    assert last.adapted == ours[0]


def test_examples_beside_a_description_stand_in_the_prompt_and_answers_keep_their_form(studio):
    made = studio.create("Is the number even? Answer yes or no.", parse_examples("2 => yes\n3 => no"))
    assert made.generated.prompt.examples == (("2", "yes"), ("3", "no"))
    assert studio.create("Is the number even? Answer yes or no.").id != made.id
    assert talked(studio, made, "4", max_tokens=40)[-1].adapted in ("yes", "no")
    result = studio.score(made, parse_examples("4 => yes\n5 => no"))
    assert {p.answer for p in result.answers["adapter"]} <= {"yes", "no"}


def asked(studio, made, inputs, **options):
    async def all_steps():
        return [e async for e in studio.ask(made, inputs, **options)]

    return asyncio.run(all_steps())


def test_three_inputs_are_asked_at_once_and_marked_where_the_task_is_the_banks_own(studio):
    made = studio.create("Sort the words of a list.")  # another case and a full stop: the same words
    inputs = studio.inputs(made)
    assert inputs.known and inputs.whose == "sort-words"
    assert inputs.rows == tuple((f"sort-words input {i}", "x") for i in range(3))
    steps = asked(studio, made, inputs, max_tokens=6)
    assert all([e.message for e in s] == [i for i, _ in inputs.rows] for s in steps)
    last = steps[-1]
    assert all(e.done and e.right == "x" and e.cut == ("base", "adapted") for e in last)
    assert {e.is_right(w) for e in last for w in ("base", "adapted")} == {False}
    assert steps[0][0].is_right("base") is None
    one = talked(studio, made, last[1].message, max_tokens=6)[-1]
    assert (one.base, one.adapted) == (last[1].base, last[1].adapted)


def test_nothing_is_marked_for_a_task_that_is_only_near(studio):
    made = studio.create("sort some words of a long list")
    inputs = studio.inputs(made)
    assert inputs.whose and not inputs.known and len(inputs.rows) == 3


def test_examples_beside_a_sentence_are_not_asked_and_those_alone_are(studio):
    shown = parse_examples("sort-words input 1 => x")
    made = studio.create("sort the words of a list", shown)
    assert [i for i, _ in studio.inputs(made, shown).rows] == ["sort-words input 0", "sort-words input 2"]
    inputs = inputs_for(studio.experts, None, [], parse_examples("a => b\nc => d"))
    assert inputs.own and inputs.rows == (("a", "b"), ("c", "d"))
    assert inputs_for([], "anything", ["gone"], ()).rows == ()


MANY = parse_examples("\n".join(f"pear {i} fig => fig pear {i}" for i in range(9)))


def slowly(monkeypatch):
    """A small base's fit is over before anybody can look."""
    tick = GenerateJob.tick
    monkeypatch.setattr(GenerateJob, "tick", lambda job, *told: time.sleep(0.1) or tick(job, *told))


def test_to_many_examples_an_adapter_is_fitted_and_tells_how_far_it_is(studio, monkeypatch):
    slowly(monkeypatch)
    job = studio.begin("sort the words of a line", MANY)
    shares = list(studio.fitted(job))
    assert shares == sorted(shares) and len(shares) > 2 and shares[-1] <= 1
    made = job.future.result()
    assert made.receipt["made_by"]["fitted"]["left_out"] == len(MANY)
    assert studio.begin("sort the words of a line", MANY) is made is studio.create("sort the words of a line", MANY)


def test_a_fit_that_is_stopped_makes_nothing(studio, monkeypatch):
    slowly(monkeypatch)
    stops = Stops("It was stopped.")
    job = studio.begin("sort the words of a page", MANY)
    steps = studio.fitted(job, lambda: stops.check("mine"))
    next(steps)
    stops.ask("mine")
    with pytest.raises(CancelledError, match="stopped"):
        list(steps)
    assert isinstance(job.future.exception(30), CancelledError)
    assert isinstance(studio.begin("sort the words of a page", MANY), GenerateJob), "it was not kept"


def test_the_base_need_not_be_told(studio):
    made = studio.create("sort the words of a list")
    assert talked(studio, made, "pear", tell_base=False, max_tokens=2)[-1].told is None


def test_a_reader_who_leaves_frees_the_engine(studio):
    made = studio.create("sort the words of a list")

    async def leave():
        steps = studio.talk(made, "pear", max_tokens=256)
        await anext(steps)
        await steps.aclose()

    asyncio.run(leave())
    for _ in range(100):
        stats = studio.engine.stats()
        if stats.running == stats.waiting == 0:
            break
        asyncio.run(asyncio.sleep(0.05))
    assert stats.running == stats.waiting == 0


@pytest.mark.parametrize("message", ["", "   ", "a\0b", "x" * 4_001])
def test_a_message_that_cannot_be_asked(studio, message):
    made = studio.create("sort the words of a list")
    with pytest.raises(TaskError, match="message"):
        talked(studio, made, message)


def test_neither_words_nor_examples(studio):
    with pytest.raises(DescriptionError, match="describe it"):
        studio.create("  ")


@pytest.mark.parametrize("id", ["", "genlora:0000000000000000", "../../etc/passwd"])
def test_an_adapter_that_is_not_there(studio, id):
    with pytest.raises(UnknownModelError, match="enerate"):
        studio.get(id)


def test_scores_are_of_what_was_said(studio, alone):
    from genlora.api import Runner

    made = studio.create("sort the words of a list")
    text = "pear apple => apple pear\nb a => a b\nz y => y z"
    steps = []
    result = studio.score(made, parse_examples(text), on_step=lambda *s: steps.append(s))
    assert result.n == 3 and set(result.answers) == {"base", "base described", "adapter"}
    assert steps[-1][1:] == (9, 9) and steps[0][1:] == (0, 9)
    limit = studio._limit(parse_examples(text))
    runner = Runner(alone, made.generated.state)
    asked = ["pear apple", "b a", "z y"]
    assert [p.answer for p in result.answers["adapter"]] == runner.outputs(asked, max_new_tokens=limit)
    told = runner.outputs(asked, description="sort the words of a list", adapted=False, max_new_tokens=limit)
    assert [p.answer for p in result.answers["base described"]] == told


def test_downloads_are_the_adapter(studio, tmp_path):
    from genlora.adapter import load_adapter

    made = studio.create("sort the words of a list")
    files = studio.downloads(made)
    with zipfile.ZipFile(files.peft) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert {p.name for p in folder.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "prompt.json",
        "README.md",
        "receipt.json",
    }
    loaded = load_adapter(folder, studio.base.layout, force=True)
    for path, pair in made.generated.state.items():
        assert np.allclose(loaded[path].delta(), pair.delta(), atol=1e-5)
    assert files.gguf is not None and files.gguf.read_bytes()[:4] == b"GGUF"
    again = files.peft.read_bytes()
    files.peft.unlink()
    assert studio.downloads(made).peft.read_bytes() == again


def test_files_are_kept_for_few_adapters(studio, monkeypatch):
    monkeypatch.setattr("genlora_app._studio.MAX_FILES", 2)
    for i in range(4):
        files = studio.downloads(studio.create(f"sort {i} words of a list"))
    assert files.peft.exists()
    assert len(list(studio.folder.glob("genlora-*.zip"))) == 2


def test_merge_reports_drift_and_leaves_one_file(studio):
    made = studio.create("sort the words of a list")
    told, steps = [], Steps("none")
    found = studio.merge(made, "none", on_step=lambda *s: told.append(steps.reached(*s)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] == 0 and 0.9 < shares[-1] < 1
    said = list(dict.fromkeys(words.partition(",")[0] for _, words in told))
    assert said == [
        f"Step {i} of 6: {name}"
        for i, name in enumerate(("base and adapter", "merging", "comparing", "reloading", "comparing", "packing"), 1)
    ]
    assert len(told) > 40  # every sequence and every matrix is told
    assert found.report.reloaded.share < 0.02
    assert found.file.suffix == ".zip" and zipfile.is_zipfile(found.file)
    assert [p.name for p in found.file.parent.iterdir()] == [found.file.name]
    assert found.file.is_relative_to(studio.folder)


def test_a_merge_that_is_stopped_ends_at_its_next_step_and_leaves_nothing(studio):
    made = studio.create("sort the words of a list")
    before, stops, told = sorted(studio.folder.iterdir()), Stops("The merge was stopped. Nothing was kept."), []

    def step(*said):
        told.append(said)
        if len(told) == 5:
            stops.ask("mine")
        stops.check("another's")
        stops.check("mine")

    with pytest.raises(CancelledError, match="stopped"):
        studio.merge(made, "none", on_step=step)
    assert len(told) == 5 and sorted(studio.folder.iterdir()) == before
    stops.clear("mine")
    stops.check("mine")


def test_a_merge_that_is_refused_leaves_nothing(studio):
    made = studio.create("sort the words of a list")
    before = sorted(studio.folder.iterdir())
    with pytest.raises(MergeError, match="refused"):
        studio.merge(made, "quanto")
    assert sorted(studio.folder.iterdir()) == before


def test_examples_are_read_in_three_forms():
    text = 'wolf => wolves\ncity\tcities\n{"input": "a => b", "output": "c"}\n\nwolf => wolves\n'
    assert [(e.input, e.output) for e in parse_examples(text)] == [
        ("wolf", "wolves"),
        ("city", "cities"),
        ("a => b", "c"),
    ]
    assert as_text([("a\n b", "c")]) == "a b => c"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one"),
        ("no arrow here", "line 1: found 0 arrows"),
        ("a => b\nc => d => e", "line 2: found 2 arrows"),
        ('{"input": "a"}', "line 1"),
        ("{broken", "line 1: not strict JSON"),
        ("a =>  ", "line 1"),
        ("\n".join(f"{i} => {i}" for i in range(201)), "201 examples"),
        ("x" * 200_001, "200,001 characters"),
        ("a => " + "b" * 2_001, "2,001 characters"),
    ],
)
def test_examples_that_cannot_be_used(text, said):
    with pytest.raises(TaskError, match=said):
        parse_examples(text)


def test_the_map_is_the_same_each_time_and_keeps_near_tasks_near(studio):
    one, two = BankMap.of(studio.lora.bank), BankMap.of(studio.lora.bank)
    assert one == two
    assert len(one.dots) == 8 and all(0 <= d.x <= 100 and 0 <= d.y <= 100 for d in one.dots)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 32))
    rows = np.repeat(centres, 8, 0) + 0.1 * rng.normal(size=(32, 32))
    places = plane((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
    near = np.argsort(((places[:, None] - places[None]) ** 2).sum(-1), 1)[:, 1:8] // 8
    assert (near == (np.arange(32) // 8)[:, None]).mean() > 0.9


def test_a_request_stands_off_its_neighbours(studio):
    bank_map = studio.map
    names = [d.name for d in bank_map.dots[:4]]
    place = bank_map.place(dict.fromkeys(names, 0.25))
    marks = np.array(list(bank_map.marks(names).values()))
    assert np.hypot(*(marks - place).T).min() >= 7.9
    gaps = np.hypot(*(marks[:, None] - marks[None]).transpose(2, 0, 1)) + 99 * np.eye(4)
    assert gaps.min() > 5
    assert bank_map.place({}) is None and bank_map.place({"nobody": 1.0}) is None


def test_the_map_does_not_depend_on_the_number_of_threads():
    from threadpoolctl import threadpool_limits

    vectors = np.random.default_rng(0).normal(size=(56, 384))  # the size of the shipped bank
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = set()
    for threads in (1, 2):  # without a limit of its own, points move by a fifth of the map
        with threadpool_limits(threads):
            found.add(plane(vectors).tobytes())
    assert len(found) == 1


def test_the_label_of_a_request_covers_no_point():
    def dot(name, x, y):
        return Dot(name, "f", "", x, y, "#000")

    crowd = BankMap((dot("a", 60, 50), dot("b", 62, 55)), ())
    assert crowd.label_side((40, 50), {}) == "left"
    assert crowd.label_side((10, 50), {}) == "right"
    assert crowd.label_side((15, 50), {"a": (31, 50)}) == "below"  # the marker of "a" stands where the label would
    ring = BankMap(tuple(dot(str(i), *p) for i, p in enumerate([(66, 50), (34, 50), (50, 58), (50, 42)])), ())
    assert ring.label_side((50, 50), {}) is None


def test_a_merge_into_gguf_has_five_steps():
    steps = Steps("gguf-q8_0")
    assert steps.reached("base and adapter", 0, 80) == (0.0, "Step 1 of 5: base and adapter, 0 of 80")
    half, _ = steps.reached("base and adapter", 40, 80)
    assert 0.2 < half < 0.4
    assert steps.reached("merging", 1, 60)[0] > half
    assert steps.reached("reloading", 0, 0)[1] == "Step 3 of 5: reloading"
    assert steps.reached("comparing", 30, 30)[0] == steps.reached("packing", 0, 0)[0] < 1
