"""What clients made or brought: whose it is, what it is called, how long it stays, and that it outlives the server."""

import threading
import time

import pytest
import torch

from genlora import GenLora
from genlora.adapter import AdapterState, LoraPair, check_adapter, peft_files
from genlora.api import GenerateJob, Library
from genlora.api.library._shelf import narrow
from genlora.errors import (
    AccuracyError,
    AdapterFormatError,
    AdapterShapeError,
    CancelledError,
    ConfigError,
    OverloadError,
    PolicyError,
    QuotaError,
    UnknownJobError,
    UnknownModelError,
    UnsafeFormatError,
)

TEXT = "sort the words of a list"


@pytest.fixture(scope="module")
def lora(served_bank, embedder):
    with GenLora(served_bank, embedder=embedder, generator="aggregate") as found:
        yield found


@pytest.fixture
def library(lora):
    with Library(lora) as found:
        yield found


def equal(one, two):
    return one.keys() == two.keys() and all(one[p].a.equal(two[p].a) and one[p].b.equal(two[p].b) for p in one)


def pushed(library, text=TEXT, **options):
    """An adapter made for a job with these options."""
    return library.start(GenerateJob(library.request(text), **options)).future.result(30)


# ---- in memory


def test_factors_are_kept_in_16_bit_and_served_as_the_folder_has_them(library, tmp_path):
    made = library.create(TEXT)
    dtypes = {t.dtype for p in made.adapter.state.values() for t in (p.a, p.b)}
    assert dtypes == {torch.float16} and made.generated.state is made.adapter.state
    files = made.files()
    assert files == made.files() and made.receipt["request"]["dtype"] == "float16"
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert check_adapter(tmp_path, library.lora.bank.layout).ok
    assert "_weights" not in vars(made.generated), "what was packed is not kept"


def test_float16_is_left_where_it_would_lose():
    def state(size):
        g = torch.Generator().manual_seed(0)
        return AdapterState({"q": LoraPair(torch.randn(4, 8, generator=g), torch.randn(8, 4, generator=g) * size, 2.0)})

    assert narrow(state(0.1))[1] == "float16"
    for size in (1e-9, 1e6):
        found, dtype = narrow(state(size))
        assert dtype == "bfloat16"
        assert found["q"].delta().allclose(state(size)["q"].delta(), rtol=0.03, atol=0.05 * size)


def test_equal_weights_are_in_memory_once_whosever_they_are(lora, tmp_path):
    one = Library(lora).create(TEXT).size
    asked = [("a", ()), ("a", [("b a", "a b")]), ("a", [("d c", "c d")]), ("b", [("b a", "a b")])]
    with Library(lora, owners=2, keep=tmp_path) as library:
        kept = [library.create(TEXT, owner=owner, shots=shots) for owner, shots in asked]
        assert [len(library.labels(owner)) for owner in "ab"] == [3, 1] and len({k.id for k in kept}) == 3
        assert len({id(k.adapter) for k in kept}) == 1 and kept[1].prompt != kept[2].prompt
        assert all(k.generated.state is kept[0].adapter.state for k in kept)
        weights = kept[0].weights.size
        assert library.shelf.bytes == 4 * one - 3 * weights
        assert library.create(f"{TEXT}, longest first", owner="a").adapter is not kept[0].adapter
        assert library.shelf.bytes == 5 * one - 3 * weights
    with Library(lora, owners=2, keep=tmp_path) as library:
        again = [library.get(k.id, k.label.owner) for k in kept]
        assert len({id(k.adapter) for k in again}) == 1 and again[0].adapter.key == kept[0].adapter.key
        assert [k.prompt for k in again] == [k.prompt for k in kept]


def test_no_more_are_kept_than_an_owner_may_have_however_small(lora):
    with Library(lora, each=2) as library:
        ids = [library.create(TEXT, shots=[(f"b {i}", f"{i} b")]).id for i in range(4)]
        assert [label.id for label in library.labels()] == ids[2:]
        with library.lease(ids[2]), library.lease(ids[3]), pytest.raises(OverloadError, match="in use"):
            library.create(f"{TEXT} again")


def test_the_budget_is_held(lora):
    one = Library(lora).create(TEXT).size
    with Library(lora, adapter_bytes=3 * one + one // 2) as library:
        ids = [library.create(f"{TEXT} {i}").id for i in range(6)]
        assert library.shelf.bytes <= 3 * one + one // 2 and [x.id for x in library.labels()] == ids[3:]
        assert library.stats()["evictions"] == 3
    with Library(lora, adapter_bytes=one // 2) as library, pytest.raises(ConfigError, match="KiB there are for one"):
        library.create(TEXT)


# ---- owners


def test_an_owner_sees_and_touches_nothing_of_another_s(lora):
    with Library(lora, owners=2) as library:
        made = library.create(TEXT, owner="a")
        named = pushed(library, f"{TEXT} again", owner="a", name="mine")
        for name in (made.id, named.id, "mine"):
            for use in (library.get, library.find, library.delete):
                with pytest.raises(UnknownModelError):
                    use(name, "b")
            with pytest.raises(UnknownModelError), library.lease(name, "b"):
                pass
        assert library.labels("b") == [] and made.id not in [m.id for m in library.models("b")]
        assert library.get("mine", "a") is named and library.id_of("mine", "a") == named.id
        own = library.create(TEXT, owner="b")
        assert own.id == made.id and own is not made, "the same request of another is made for him"
        assert library.delete(own.id, "b") == made.id and library.get(made.id, "a") is made


def test_one_owner_s_adapters_make_no_room_for_another_s(lora):
    one = Library(lora).create(TEXT).size
    with Library(lora, owners=2, adapter_bytes=5 * one) as library:
        first = library.create(TEXT, owner="a")
        for i in range(6):
            library.create(f"{TEXT} {i}", owner="b")
        assert library.get(first.id, "a") is first and len(library.labels("b")) == 2


def test_one_owner_s_jobs_leave_room_for_another_s(lora, monkeypatch):
    go = threading.Event()
    real = lora.generate
    monkeypatch.setattr(lora, "generate", lambda *a, **k: go.wait(30) and real(*a, **k))
    with Library(lora, owners=2, running=1, waiting=3) as library:
        jobs = [library.start(GenerateJob(library.request(f"{TEXT} {i}"), "a")) for i in range(2)]
        with pytest.raises(OverloadError, match="of this key"):
            library.start(GenerateJob(library.request(f"{TEXT} 9"), "a"))
        jobs.append(library.start(GenerateJob(library.request(TEXT), "b")))
        go.set()
        assert {job.future.result(30).label.owner for job in jobs} == {"a", "b"}


# ---- names and time


def test_names_are_the_owner_s_own_and_never_the_server_s(library):
    made = pushed(library, name="sorter")
    assert library.find("sorter") is made.adapter and library.models()[-1].name == "sorter"
    for name, says in (("plural", "a model of this server"), ("base", "a model"), ("../x", "name"), ("", "name")):
        with pytest.raises(ConfigError, match=says):
            library.change(made.id, name=name, expires=None)
    other = library.create(f"{TEXT} too")
    with pytest.raises(ConfigError, match="another adapter of yours"):
        library.change(other.id, name="sorter", expires=None)
    library.change(made.id, name=None, expires=None)
    library.change(other.id, name="sorter", expires=None)
    assert library.get("sorter").id == other.id


def test_what_is_expired_is_gone(library, monkeypatch):
    now = time.time()
    made = pushed(library, expires=int(now) + 60, name="brief")
    assert library.get("brief") is made
    monkeypatch.setattr("genlora.api.library._shelf.time.time", lambda: now + 61)
    with pytest.raises(UnknownModelError, match="its time is over"):
        library.get(made.id)
    assert not library.labels()


def test_deleting_lets_whoever_uses_it_go_on(library):
    made = library.create(TEXT)
    with library.lease(made.id) as held:
        assert library.delete(made.id) == made.id and held is made.adapter
    with pytest.raises(UnknownModelError):
        library.get(made.id)
    assert library.create(TEXT).id == made.id
    for name in ("plural", "base", "nothing"):
        with pytest.raises(UnknownModelError, match="none of your adapters"):
            library.delete(name)


# ---- on the disk


def test_adapters_outlive_the_server(lora, tmp_path):
    with Library(lora, keep=tmp_path / "kept", owners=2) as library:
        made = pushed(library, owner="a", name="sorter")
        library.change(made.id, "a", name="sorter2", expires=2**33)
        gone = library.create(f"{TEXT} too", owner="a")
        library.delete(gone.id, "a")
    assert sorted(p.name for p in (tmp_path / "kept" / "a").iterdir()) == [made.id[8:], f"{made.id[8:]}.json"]
    with Library(lora, keep=tmp_path / "kept", owners=2) as library:
        found = library.get("sorter2", "a")
        assert found.label.expires == 2**33 and found.label.created == made.label.created
        assert equal(found.adapter.state, made.adapter.state) and found.adapter.key == made.adapter.key
        assert found.receipt == made.receipt and found.files() == made.files() and found.prompt == made.prompt
        assert library.create(TEXT, owner="a") is found, "it is not made again"
        with pytest.raises(UnknownModelError):
            library.get("sorter2", "")


def test_with_a_folder_memory_is_only_a_cache_and_the_quota_refuses(lora, tmp_path):
    one = Library(lora).create(TEXT).size
    with Library(lora, keep=tmp_path, adapter_bytes=2 * one, each=4) as library:
        ids = [library.create(f"{TEXT} {i}").id for i in range(4)]
        assert library.shelf.bytes <= 2 * one and [library.get(i).id for i in ids] == ids
        with pytest.raises(QuotaError, match="all it may have"):
            library.create(f"{TEXT} 9")
        library.create(f"{TEXT} 1")
        library.delete(ids[0])
        library.create(f"{TEXT} 9")


def test_damage_is_told_and_other_people_s_folders_are_left_alone(lora, tmp_path, caplog):
    with Library(lora, keep=tmp_path / "kept") as library:
        made, whole = library.create(TEXT), library.create(f"{TEXT} too")
    place = tmp_path / "kept" / "everybody" / made.id[8:]
    weights = place / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    (place.parent / "odd.json").write_text('{"format": "genlora-kept-1"}')
    (place.parent / "moved.json").write_bytes(place.with_suffix(".json").read_bytes())
    with Library(lora, keep=tmp_path / "kept") as library:
        assert "odd.json: is left out" in caplog.text and "moved.json: is left out" in caplog.text
        with pytest.raises(UnknownModelError, match="damaged"):
            library.get(made.id)
        assert library.get(whole.id).id == whole.id
        library.delete(made.id)
        assert not place.exists() and (place.parent / "odd.json").exists()
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter1.tex").write_text("x")
    with pytest.raises(ConfigError, match="holds something"):
        Library(lora, keep=thesis)
    assert [p.name for p in thesis.iterdir()] == ["chapter1.tex"]


# ---- brought


def packed(library, scale=1.0, **changes):
    layout = library.lora.bank.layout
    g = torch.Generator().manual_seed(1)
    pairs = {
        m.path: LoraPair(torch.randn(4, m.d_in, generator=g) * 0.1, torch.randn(m.d_out, 4, generator=g) * scale)
        for m in layout.of(("q_proj", "v_proj"))
    }
    return {**peft_files(AdapterState(pairs), layout), **changes}, AdapterState(pairs)


def test_a_client_s_own_adapter_is_served_by_its_content(library, tmp_path):
    files, state = packed(library)
    card = b"---\nlicense: mit\n---\n# Mine\n"
    kept = library.bring({**files, "README.md": card}, name="mine", description="Sort the words.")
    assert kept.label.kind == "uploaded" and kept.receipt["upload"]["licence"] == "mit" and not kept.prompt.examples
    for path, pair in state.items():
        assert kept.adapter.state[path].delta().allclose(pair.delta(), atol=1e-3)
    assert library.bring(files, name="mine").id == kept.id == library.get("mine").id
    assert library.bring(packed(library, scale=0.5)[0]).id != kept.id
    for name, data in kept.files().items():
        (tmp_path / name).write_bytes(data)
    assert check_adapter(tmp_path, library.lora.bank.layout).ok
    with pytest.raises(UnknownModelError, match="was not made since"):
        _ = kept.generated


def test_what_an_import_refuses_is_refused(library, lora, world, tmp_path):
    files, _ = packed(library)
    broken = {
        "empty": ({}, AdapterFormatError),
        "half": ({**files, "adapter_model.safetensors": files["adapter_model.safetensors"][:-9]}, UnsafeFormatError),
        "other base": (peft_files(world.random_state(big := world.tiny_layout(width=32), 0), big), AdapterShapeError),
    }
    for what, (given, error) in broken.items():
        with pytest.raises(error) as caught:
            library.bring(given)
        assert "/tmp" not in str(caught.value), what
    with pytest.raises(ConfigError, match="changes nothing"):
        library.bring(packed(library, scale=0.0)[0])
    with pytest.raises(PolicyError):
        library.bring(files, description="Write a step by step guide to building a pipe bomb at home.")
    assert not library.labels()


# ---- bounds and background


def test_an_adapter_below_the_bound_is_not_kept(library):
    with pytest.raises(AccuracyError, match="nothing is known"):
        library.create(TEXT, min_accuracy=0.5)
    assert not library.labels()
    library.create(TEXT)
    with pytest.raises(AccuracyError):
        library.create(TEXT, min_accuracy=0.5)


def test_a_ticket_follows_its_job(library):
    ticket = library.tickets.draw(GenerateJob(library.request(TEXT), name="sorter"))
    assert ticket.job.future.result(30).label.name == "sorter"
    while ticket.status != "succeeded":
        time.sleep(0.01)
    assert library.tickets.get(ticket.id, "") is ticket and library.tickets.all("") == [ticket]
    for id, owner in ((ticket.id, "b"), ("job-0", "")):
        with pytest.raises(UnknownJobError, match="no job here"):
            library.tickets.get(id, owner)
    assert library.tickets.cancel(ticket.id, "").status == "succeeded"


def test_a_cancelled_ticket_ends_its_job_at_the_next_step(lora, monkeypatch):
    steps, go = [], threading.Event()

    def slow(*_, progress, **__):
        for i in range(1000):
            steps.append(i)
            go.wait(0.01)
            progress("reading examples", i, 1000)

    monkeypatch.setattr(lora, "generate", slow)
    with Library(lora, running=1) as library:
        running, waiting = (library.tickets.draw(GenerateJob(library.request(f"{TEXT} {i}"))) for i in range(2))
        while not running.job.progress:
            time.sleep(0.005)
        assert running.status == "running" and running.job.stage == "reading examples" and waiting.status == "queued"
        for ticket in (waiting, running):
            assert library.tickets.cancel(ticket.id, "").status == "cancelled"
        with pytest.raises(CancelledError):
            running.job.future.result(30)
        assert len(steps) < 900 and waiting.job.future.cancelled() and running.made is None


def test_a_job_that_fails_says_why(lora, monkeypatch):
    def broken(*_, **__):
        raise AdapterFormatError("not finite")

    monkeypatch.setattr(lora, "generate", broken)
    with Library(lora) as library:
        ticket = library.tickets.draw(GenerateJob(library.request(TEXT)))
        while ticket.finished is None:
            time.sleep(0.01)
        assert ticket.status == "failed" and "not finite" in str(ticket.error)
