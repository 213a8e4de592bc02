"""Adapters by name: made once, from values in memory, bounded, and never the wrong one."""

import sys
import threading
import time
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch

from genlora import GenLora
from genlora.api import GenerateJob, KeptAdapter, Library
from genlora.engine import Engine, Sampling
from genlora.errors import (
    CancelledError,
    ConfigError,
    DescriptionError,
    EngineError,
    OverloadError,
    PolicyError,
    TaskError,
    UnknownModelError,
)
from genlora.generators import library_vectors, save_artefact
from genlora.tasks import Example, Task
from genlora.train import CvaeFitConfig, fit_cvae

TEXT = "sort the words of a list"
SHOWN = tuple(Example(f"aardvark {i}", "the") for i in range(4))


class Slow(GenLora):
    """The real thing, a little slower, so that requests overlap; counts what it makes."""

    made = 0

    def generate(self, *args, **options):
        Slow.made += 1
        time.sleep(0.05)
        return super().generate(*args, **options)


@pytest.fixture
def lora(served_bank, embedder):
    Slow.made = 0
    with Slow(served_bank, embedder=embedder, generator="aggregate") as found:
        yield found


@pytest.fixture
def library(lora):
    with Library(lora) as found:
        yield found


def same(one, two):
    return all(one[p].delta().equal(two[p].delta()) for p in one) and one.keys() == two.keys()


def test_names(library, served_base):
    assert library.find("base") is None and library.find(served_base.layout.name) is None
    expert = library.find("plural")
    assert same(expert.state, library.lora.bank.state("plural")) and "plural" in expert.key
    made = library.create(TEXT)
    assert library.find(made.id) is made.adapter and made.adapter.key.startswith("weights:")
    assert same(made.adapter.state, library.lora.generate(TEXT).state.folded().to(torch.float16))
    ids = [m.id for m in library.models()]
    assert ids[0] == "base" and set(library.lora.bank.names()) < set(ids) and ids[-1] == made.id


@pytest.mark.parametrize(
    "name",
    ["", "plura", "genlora:", "genlora:0", "../plural", "/etc/passwd", "\0", "\ud800", "x" * 5000, "PLURAL", "a\nb"],
)
def test_unknown_names_say_what_there_is(library, name):
    with pytest.raises(UnknownModelError) as caught:
        library.find(name)
    assert "POST /v1/adapters" in str(caught.value) and len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_a_request_is_named_by_what_is_asked(library):
    one = library.request(TEXT)
    assert one == library.request(f"  {TEXT.replace(' ', '   ')} ")
    assert one.id == "genlora:" + one.digest[:16]
    others = [library.request(TEXT + "s"), library.request(TEXT, seed=1), library.request(TEXT, generator="multitask")]
    assert len({w.digest for w in (one, *others)}) == 4


def test_another_bank_means_another_id(library, served_base, world, embedder, tmp_path):
    path = world.fill(tmp_path / "bank", served_base.layout, served_base.fingerprint, embedder, size=0.2)
    with GenLora(path, embedder=embedder, generator="aggregate") as lora, Library(lora) as other:
        assert other.request(TEXT).digest != library.request(TEXT).digest


def test_the_same_request_made_at_once_is_made_once(library):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: library.create(TEXT), range(16)))
    assert Slow.made == 1 and all(m is made[0] for m in made)
    library.create(TEXT)
    assert Slow.made == 1 and library.stats()["created"] == 1


def test_descriptions_made_at_once_are_those_made_alone(library):
    texts = [f"{verb} the {noun} of a list" for verb in ("sort", "add", "put") for noun in ("words", "numbers")]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(library.create, texts))
    for text, found in zip(texts, made, strict=True):
        assert found.receipt == library.lora.generate(text, dtype="float16", quick=True).receipt()


def flood(lora, **options):
    """200 different descriptions at the same instant: the most that ran and waited, and how many were refused."""
    peak = SimpleNamespace(waiting=0, refused=0, slowest=0.0)
    gate, stop = threading.Barrier(200), threading.Event()
    with Library(lora, **options) as library:

        def ask(i):
            request = library.request(f"sort the words of list {i}")
            gate.wait()
            began = time.perf_counter()
            try:
                job = library.start(GenerateJob(request))
            except OverloadError as err:
                assert err.retry_after >= 1
                peak.slowest = max(peak.slowest, time.perf_counter() - began)
                return None
            return job if isinstance(job, KeptAdapter) else job.future.result()

        def watch():
            while not stop.wait(0.005):
                peak.waiting = max(peak.waiting, library.stats()["waiting"])

        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(200) as pool:
            made = list(pool.map(ask, range(200)))
        stop.set()
        watcher.join()
        peak.refused = made.count(None)
        peak.running = library.queue.most_running
        assert library.stats()["running"] == library.stats()["waiting"] == 0
        assert len({m.id for m in made if m}) == 200 - peak.refused
    return peak


def test_a_flood_is_bounded(lora):
    """F2, which a server without the bounds fails."""
    naive = flood(lora, running=8, waiting=1000)
    assert naive.running > 2 and naive.waiting > 32 and naive.refused == 0
    found = flood(lora)
    assert found.running <= 2 and found.waiting <= 32 and found.slowest < 0.5
    assert 200 - found.refused >= 34, "what fits is made"
    assert found.refused >= 200 - 34 - 20, "and the rest refused, but for a few that came when one had ended"


def test_the_least_recently_used_goes_but_never_one_in_use(lora):
    with Library(lora, each=2) as library:
        ids = [library.create(f"sort list {i}").id for i in range(2)]
        with library.lease(ids[0]) as held:
            third = library.create("sort list 2").id
            assert library.find(ids[0]) is held
            with pytest.raises(UnknownModelError, match="POST /v1/adapters"):
                library.find(ids[1])
            with library.lease(third), pytest.raises(OverloadError, match="in use"):
                library.create("sort list 3")
        assert library.create("sort list 1").id == ids[1], "made again, under the same id"
        with pytest.raises(UnknownModelError), library.lease(ids[0]):
            pass


def test_a_job_nobody_waits_for_is_not_begun(lora):
    with Library(lora, running=1) as library:
        first = library.start(GenerateJob(library.request("sort list 0")))
        dropped = library.start(GenerateJob(library.request("sort list 1")))
        shared = [library.start(GenerateJob(library.request("sort list 2"))) for _ in range(2)]
        library.leave(dropped)
        library.leave(shared[0])
        assert shared[1].future.result(10) and first.future.result(10)
        assert dropped.future.cancelled() and Slow.made == 2
        assert isinstance(library.create("sort list 1"), KeptAdapter), "it can be asked for again"


def test_other_threads_keep_their_cores(lora):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Library(lora) as library, ThreadPoolExecutor(1) as fresh:
            library.create(TEXT)
            assert fresh.submit(torch.get_num_threads).result() == torch.get_num_threads() == 2
            assert library.queue._pool.submit(torch.get_num_threads).result() == 1
    finally:
        torch.set_num_threads(before)


def test_closing_lets_the_running_one_end(lora):
    library = Library(lora, running=1)
    job = library.start(GenerateJob(library.request(TEXT)))
    while not job.future.running():
        time.sleep(0.001)
    library.close()
    assert job.future.result(0).id == job.id
    with pytest.raises(EngineError, match="shutting down"):
        library.create("sort something else")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, ConfigError, "a description, examples of the task, or both"),
        ({"description": TEXT, "examples": SHOWN}, ConfigError, "does not read examples"),
        ({"description": TEXT, "examples": SHOWN, "generator": "cvae"}, ConfigError, "for examples alone"),
        ({"examples": SHOWN, "shots": [("a", "b")]}, ConfigError, "leave out shots"),
        ({"description": ""}, DescriptionError, "empty"),
        ({"description": TEXT, "generator": "x" * 99}, ConfigError, "choose one of"),
        ({"description": TEXT, "seed": -1}, ConfigError, "seed must be between"),
        ({"examples": SHOWN}, ConfigError, "does not read examples"),
    ],
)
def test_wrong_requests_are_refused_before_they_wait(library, options, error, says):
    with pytest.raises(error, match=says):
        library.create(**options)
    assert Slow.made == 0


@pytest.mark.parametrize("options", [{"adapter_bytes": 0}, {"each": 0}, {"running": 0}, {"waiting": -1}])
def test_wrong_settings(lora, options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))} must be"):
        Library(lora, **options)


_writes: list[str] = []
_listening = False


def _hear(event: str, args: tuple) -> None:
    if not _listening:
        return
    wrote = event == "open" and isinstance(args[2], int) and args[2] & 0o3
    if wrote or event in ("os.mkdir", "os.rename", "os.symlink", "tempfile.mkstemp", "tempfile.mkdtemp"):
        _writes.append(f"{event} {args[0]}")


@pytest.fixture
def writes():
    """Every file opened for writing, folder made or renamed while the test listens: `with writes() as found`."""
    from contextlib import contextmanager

    sys.addaudithook(_hear)  # cannot be taken away again, only be told not to listen

    @contextmanager
    def listen():
        global _listening
        _writes.clear()
        _listening = True
        try:
            yield _writes
        finally:
            _listening = False

    return listen


@pytest.fixture(scope="module")
def shown_library(served_base, world, embedder, tmp_path_factory):
    """A library whose bank has a cvae beside it that starts from examples."""
    from genlora.api import store_calibration
    from genlora.bank import Bank

    root = tmp_path_factory.mktemp("shown")
    path = world.fill(root / "bank", served_base.layout, served_base.fingerprint, embedder)
    with Bank.open(path) as bank:
        store_calibration(bank)
        tasks = {}
        for name in bank.names():
            examples = tuple(Example(f"{name} {i}", name[: 2 + i % 3]) for i in range(12))
            tasks[name] = Task(name, (f"do {name}",), examples, family=name, parent=name)
        vectors = library_vectors(served_base, tasks, root / "vectors.safetensors", per_task=4)
        config = CvaeFitConfig(steps=30, hidden=16, latent=4, batch=16)
        save_artefact(path / "generators" / "cvae", fit_cvae(bank, config, root / "run", task_vectors=vectors).artefact)
    with GenLora(path, embedder=embedder, generator="aggregate") as lora, Library(lora, base=served_base) as found:
        found.create(examples=SHOWN, generator="cvae", seed=9)
        found.warm()
        yield found


def test_nothing_touches_the_disk(shown_library, writes, tmp_path):
    with writes() as found:  # what writes is heard
        shown_library.lora.generate(TEXT).save(tmp_path / "out")
    assert any("out" in w or ".genlora-tmp-" in w for w in found)
    with writes() as found:
        shown_library.create(TEXT)
        shown_library.create(examples=SHOWN, generator="cvae")
        shown_library.create(TEXT, examples=SHOWN)
    assert found == []


def test_examples_make_an_adapter_and_leave_only_their_digest(shown_library, tmp_path):
    def drawn(examples=SHOWN, **options):
        return shown_library.create(examples=examples, generator="cvae", **options)

    made = drawn()
    assert made.receipt["made_by"]["condition"] == "examples" and "aardvark" not in str(made.receipt)
    assert drawn() is made
    assert drawn(SHOWN[:3]).id != made.id
    assert shown_library.create(examples=SHOWN[:3]).id == drawn(SHOWN[:3]).id, "too few to be fitted to"
    assert drawn(seed=1).id != made.id
    file = tmp_path / "shown.jsonl"
    file.write_text("".join(f'{{"input": "{e.input}", "output": "{e.output}"}}\n' for e in SHOWN))
    from_file = shown_library.lora.generate(examples=file, base=shown_library._base, generator="cvae")
    for path, pair in from_file.state.items():  # values and a file of them are the same request
        assert pair.delta().allclose(made.adapter.state[path].delta(), atol=1e-4)
    with pytest.raises(ConfigError, match="only the generator cvae"):
        shown_library.create(examples=SHOWN, generator="aggregate")
    with pytest.raises(TaskError, match="at most 512"):
        drawn(tuple(Example(f"{i}", "x") for i in range(600)))
    with pytest.raises(TaskError, match="no example"):
        shown_library.create(examples=(Example(" ", " "),))


def test_an_adapter_is_fitted_while_the_engine_answers(shown_library, served_base, monkeypatch):
    """Modules of the fit's own: every answer meanwhile is the base's, and the base is left as it was."""
    tick = GenerateJob.tick  # a small base's fit is over before anybody can ask
    monkeypatch.setattr(GenerateJob, "tick", lambda job, *told: time.sleep(0.05) or tick(job, *told))
    plain = served_base.model.state_dict()
    kinds = [type(m) for m in served_base.model.modules()]
    job = GenerateJob(shown_library.request("sort list 3", examples=SHOWN, seed=5))
    with Engine(served_base) as engine:
        ids, greedy = served_base.tokenizer("aardvark 1").input_ids, Sampling(max_tokens=8)
        alone = engine.submit(ids, greedy).result().tokens
        assert shown_library.start(job) is job
        meanwhile, during = [], 0
        while not job.future.done():
            during += job.stage == "fit"
            meanwhile.append(engine.submit(ids, greedy).result().tokens)
        made = job.future.result()
    assert during and all(m == alone for m in meanwhile)
    assert [type(m) for m in served_base.model.modules()] == kinds
    assert all(torch.equal(plain[k], v) for k, v in served_base.model.state_dict().items())
    fitted = made.receipt["made_by"]["fitted"]
    assert fitted["left_out"] == len(SHOWN) and made.receipt["expected_accuracy"]["value"] is not None
    assert "aardvark" not in str(made.receipt) and made.label.description == "sort list 3"
    assert shown_library.create("sort list 3", examples=SHOWN, seed=5) is made
    assert shown_library.create("sort list 3", examples=SHOWN[:2]).receipt["request"]["shots"], "so few are shown"


def test_a_fit_keeps_nobody_waiting_and_can_be_stopped(shown_library, monkeypatch):
    tick = GenerateJob.tick
    monkeypatch.setattr(GenerateJob, "tick", lambda job, *told: time.sleep(0.05) or tick(job, *told))
    fits = [GenerateJob(shown_library.request("sort list 4", examples=SHOWN, seed=i)) for i in range(3)]
    for fit in fits:
        shown_library.start(fit)
    shown_library.create("sort something that nobody sorted before")
    assert not fits[2].future.done(), "a sentence did not wait for the fits"
    for fit in fits:
        shown_library.queue.give_up(fit)
    again = GenerateJob(fits[0].request)
    assert shown_library.start(again) is again, "what was given up is not waited for"
    shown_library.queue.give_up(again)
    with pytest.raises((CancelledError, FutureCancelledError)):
        fits[2].future.result(30)
    until = time.monotonic() + 30
    while shown_library.stats()["running"] and time.monotonic() < until:
        time.sleep(0.01)
    assert shown_library.stats()["running"] == shown_library.stats()["waiting"] == 0


def test_a_bank_whose_first_description_the_policy_gate_stops_can_be_served(library, lora, monkeypatch):
    def stopped(*_: object, **__: object):
        raise PolicyError("stopped", category="weapons")

    monkeypatch.setattr(lora, "generate", stopped)
    library.warm()
    with pytest.raises(PolicyError):  # a client's own description is refused as ever
        library.create("Say something.")
