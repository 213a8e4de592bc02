"""Jobs on a Ray cluster: said plainly where there is none, and the same results on a real one that loses a node."""

import importlib.util
import os
import time
from dataclasses import replace
from functools import partial

import pytest
import torch
from click.testing import CliRunner

from genlora.api import ItemKept, ItemResult, grow_bank
from genlora.bank import Bank, verify_bank
from genlora.base import load_base
from genlora.cli import cli
from genlora.descriptions import Item
from genlora.errors import ConfigError, MissingExtraError, UnsafeNameError
from genlora.files import check_name
from genlora.jobs import RayPool, _ray
from genlora.tasks import Example, Task
from genlora.train import ExpertConfig

from ..small_world import TOPICS
from ..small_world import bank_path as bank_path
from ..small_world import embedder as embedder
from ..small_world import embedder_path as embedder_path
from ..small_world import lora as lora
from .pools import tree

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="needs the extra ray")


@pytest.mark.skipif(HAS_RAY, reason="ray is here")
def test_without_the_extra_it_says_how_to_get_it(tmp_path, bank_path):
    with pytest.raises(MissingExtraError, match=r"pip install 'genlora\[ray\]'"):
        RayPool("auto")
    (tmp_path / "many").write_text("sort words\n")
    args = ["generate", "--batch", tmp_path / "many", "-o", tmp_path / "out", "--ray", "auto", "--bank", bank_path]
    result = CliRunner().invoke(cli, list(map(str, args)))
    assert result.exit_code == 2 and "pip install 'genlora[ray]'" in result.output and "Traceback" not in result.output


@pytest.mark.parametrize("address", ["nowhere", "host:", ":6379", "host:99999", "ray://host", "host:port"])
def test_what_is_no_address_is_said_at_once(address, monkeypatch):
    monkeypatch.setattr(_ray, "require_extra", lambda *args, **kwargs: None)
    with pytest.raises(ConfigError, match="is no address of a Ray cluster, expected auto, HOST:PORT"):
        RayPool(address)


def test_where_nobody_listens_is_said_at_once(monkeypatch, allow_sockets):
    monkeypatch.setattr(_ray, "require_extra", lambda *args, **kwargs: None)
    start = time.monotonic()
    with pytest.raises(ConfigError, match=r"--ray 127\.0\.0\.1:9: no Ray cluster answers there .*ray start --head"):
        RayPool("127.0.0.1:9")
    assert time.monotonic() - start < 6


def test_ray_goes_with_a_batch():
    result = CliRunner().invoke(cli, ["generate", "sort words", "-o", "out", "--ray", "auto"])
    assert result.exit_code == 2 and "give --batch FILE" in result.output


def test_a_worker_loads_what_a_run_needs_once():
    begun = []

    def begin():
        begun.append(1)
        return lambda job: job + 1

    assert [_ray._work("run", begin, n) for n in range(3)] == [1, 2, 3] and begun == [1]
    assert _ray._work("other", begin, 5) == 6 and len(_ray._begun) == 1


# ---- on a real cluster of two nodes


@pytest.fixture
def cluster(allow_sockets, monkeypatch):
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # of 15 by default: beside other work they would hardly run
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    made.shutdown()


def slowly(work, folder, item):
    """The item's work, and a note of the process that did it."""
    found = work(item)
    (folder / f"{item.name}.{os.getpid()}").write_text("")
    time.sleep(0.3)
    return found


def begin_slowly(begin, folder):
    return partial(slowly, begin(), folder)


class Slow:
    """A pool whose jobs take their time and tell who did them."""

    def __init__(self, pool, folder):
        self.pool, self.folder = pool, folder

    def run(self, begin, jobs):
        return self.pool.run(partial(begin_slowly, begin, self.folder), jobs)


@needs_ray
@pytest.mark.slow
def test_a_killed_node_costs_the_job_in_hand_and_the_bank_is_the_same(cluster, lora, tmp_path, monkeypatch):
    monkeypatch.setattr("genlora.api.bulk._into_bank.BankTarget.at_once", 4)
    items = [Item(i, f"e{i:02d}", text) for i, text in enumerate((t for texts in TOPICS.values() for t in texts), 1)]
    banks, who = [tmp_path / "here", tmp_path / "there"], tmp_path / "who"
    for path in banks:
        Bank.create(path, lora.bank.layout, lora.bank.fingerprint, targets=lora.bank.targets).close()
    assert all(isinstance(d, ItemResult) for d in lora.generate_many(items, banks[0]))
    who.mkdir()
    second = cluster.add_node(num_cpus=1)
    with RayPool(cluster.address) as pool:
        assert pool.processors == 2
        done = []
        for one in lora.generate_many(items, banks[1], pool=Slow(pool, who)):
            done.append(one)
            if len(done) == 1:
                before = len(list(who.iterdir()))
                cluster.remove_node(second, allow_graceful=False)
        assert all(isinstance(d, ItemResult) for d in done) and before < len(items) == len(done)
        assert all(isinstance(d, ItemKept) for d in lora.generate_many(items, banks[1], pool=pool))
    notes = [p.stem for p in who.iterdir()]
    assert len({p.suffix for p in who.iterdir()}) >= 2, "one worker did everything"
    assert len(notes) <= len(items) + 1, "more was made again than the job in hand"
    assert tree(banks[0]) == tree(banks[1]) and verify_bank(banks[1]).ok


class Training:
    """A pool whose workers tell whom they train, take their time, and store whatever they measure: a random base learns
    nothing that an honest bank would keep."""

    def __init__(self, pool, folder):
        self.pool, self.folder = pool, folder

    def run(self, begin, jobs):
        return self.pool.run(partial(begin_training, begin, self.folder), jobs)


def begin_training(begin, folder):
    from genlora.api import _grow

    measure = _grow._measure
    _grow._measure = lambda *args: replace(measure(*args), admitted=True)
    return partial(train_slowly, begin(), folder)


def train_slowly(work, folder, sent):
    name = sent.job.job[0].name
    (folder / f"{name}.{os.getpid()}.begun").write_text("")
    found = work(sent)
    time.sleep(1)
    (folder / f"{name}.{os.getpid()}.done").write_text("")
    return found


@needs_ray
@pytest.mark.slow
def test_experts_that_a_killed_node_was_training_are_trained_again_and_the_bank_is_the_same(
    cluster, tiny_base, embedder, tmp_path, monkeypatch
):
    from genlora.api import _grow

    measure = _grow._measure
    monkeypatch.setattr(_grow, "_measure", lambda *args: replace(measure(*args), admitted=True))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker's: the last bits of a product are those of the number of threads
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    words = ("the", "in", "on", "er")
    tasks = [
        Task(f"t{i}", (f"say {w}",), tuple(Example(f"{i} {n}", w) for n in range(420 + i)), "f", f"t{i}")
        for i, w in enumerate(words * 2)
    ]
    config = ExpertConfig(rank=4, slots=2, max_rows=48, pack_rows=8, eval_every=2, validation_rows=8)
    banks, who = [tmp_path / "here", tmp_path / "there"], tmp_path / "who"
    for path in banks:
        Bank.create(path, base.layout, base.fingerprint, rank=4).close()

    def grow(path, pool=None, **told):
        with Bank.open(path) as bank:
            run = tmp_path / f"{path.name}.run"
            return grow_bank(bank, base, tasks, config, run, embedder=embedder, pool=pool, **told)

    assert len(grow(banks[0]).admitted) == 8
    who.mkdir()
    second = cluster.add_node(num_cpus=1)
    seen = []

    def killed(admission):
        if not seen:
            cluster.remove_node(second, allow_graceful=False)
        seen.append(admission.name)

    with RayPool(cluster.address) as pool:
        assert len(grow(banks[1], Training(pool, who), on_measured=killed).admitted) == 8
        begun = [p.name for p in who.glob("*.begun")]
        assert 4 <= len(begun) <= 5 and len({n.split(".")[1] for n in begun}) >= 2, begun
        grow(banks[1], Training(pool, who))
        assert len(list(who.glob("*.begun"))) == len(begun), "a group that was done was trained again"
    torch.set_num_threads(threads)
    assert tree(banks[0]) == tree(banks[1]) and verify_bank(banks[1]).ok


@needs_ray
@pytest.mark.slow
def test_each_job_has_a_gpu_of_its_own_where_one_is_asked_for(cluster):
    with pytest.raises(ConfigError, match="no node of the cluster has a GPU"):
        RayPool(cluster.address, gpus=True)
    cluster.add_node(num_cpus=3, num_gpus=2)
    with RayPool(cluster.address, gpus=True) as pool:
        assert pool.processors == 2
        assert set(pool.run(begin_devices, range(3))) <= {"0", "1"}


def begin_devices():
    return device


def device(_):
    return os.environ["CUDA_VISIBLE_DEVICES"]


@needs_ray
@pytest.mark.slow
def test_what_a_job_raises_comes_back_as_it_was_and_results_in_order(cluster):
    with RayPool(cluster.address) as pool:
        assert list(pool.run(begin_squares, iter(range(12)))) == [n * n for n in range(12)]
        with pytest.raises(UnsafeNameError, match=r"output '\.\./up' is not allowed"):
            list(pool.run(begin_names, ["fine", "../up"]))
    with pytest.raises(ConfigError, match="no Ray cluster answers"):
        RayPool("127.0.0.1:9")


def begin_squares():
    return square


def square(n):
    time.sleep(0.05 * (n % 3))
    return n * n


def begin_names():
    return partial(check_name, what="output")
