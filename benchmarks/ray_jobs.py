"""Experts trained on a Ray cluster of this machine: two workers against one, and what a killed node costs.

    python benchmarks/ray_jobs.py [--experts 24] [--rows 48]

Each job is one expert (`--slots 1`) of a small random base with the default one's tokenizer, on one thread. The
speed-up is wall time with one worker over wall time with two, from the first job's begin to the last one's end; workers
load their base before. Two workers on two threads of one core share it, so the schedule's own part is told beside it:
seconds that workers were at jobs, over workers times wall, and what it would give where each worker had a core to
itself. Then one of two nodes is killed in the middle: jobs that were begun twice, and whether all experts are the same,
bit for bit, each time.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import machine, save_result

TARGET = 1.7


def timed(work: Callable[[Any], Any], folder: Path, sent: Any) -> Any:
    """On a worker: a job, with a note of when it was begun and when it ended."""
    name = f"{sent.job.job[0].name}.{os.getpid()}.{time.time_ns()}"
    (folder / f"{name}.begun").write_text(json.dumps([time.time(), time.process_time()]))
    found = work(sent)
    (folder / f"{name}.done").write_text(json.dumps([time.time(), time.process_time()]))
    return found


def begin_timed(begin: Callable[[], Callable[[Any], Any]], folder: Path) -> Callable[[Any], Any]:
    return partial(timed, begin(), folder)


class Timed:
    """A pool whose workers keep notes; `told` is called after each result."""

    def __init__(self, pool: Any, folder: Path, told: Callable[[int], None]) -> None:
        self.pool, self.folder, self.told = pool, folder, told

    def run(self, begin: Callable[[], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        for n, found in enumerate(self.pool.run(partial(begin_timed, begin, self.folder), jobs), 1):
            yield found
            self.told(n)


def notes(folder: Path) -> dict[str, Any]:
    """Wall and worker seconds of the jobs that were done, and how many were begun and done."""
    begun = {p.name.removesuffix(".begun"): json.loads(p.read_text()) for p in folder.glob("*.begun")}
    done = {p.name.removesuffix(".done"): json.loads(p.read_text()) for p in folder.glob("*.done")}
    spans = {n: (begun[n], done[n]) for n in done}
    wall = max(e[0] for _, e in spans.values()) - min(b[0] for b, _ in spans.values())
    return {
        "wall_s": round(wall, 1),
        "job_s": round(sum(e[0] - b[0] for b, e in spans.values()), 1),
        "job_cpu_s": round(sum(e[1] - b[1] for b, e in spans.values()), 1),
        "workers": len({n.split(".")[-2] for n in begun}),
        "begun": len(begun),
        "done": len(done),
    }


def small_base(folder: Path) -> Path:
    """Four layers of width 192 with random weights: a second a job, so that what Ray costs is seen."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from genlora.base import resolve_base

    like = resolve_base(None)
    sizes = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4}
    config = AutoConfig.from_pretrained(like, **sizes, num_attention_heads=3, num_key_value_heads=3, head_dim=64)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for path in like.iterdir():
        if "token" in path.name or path.name == "chat_template.jinja":
            shutil.copy(path, folder)
    return folder


def experts_of(base: Any, tasks: list[Any], config: Any, run: Path, pool: Any) -> dict[str, str]:
    """{expert: digest of its factors}."""
    from genlora.files import sha256_bytes
    from genlora.train import train_groups

    groups = train_groups(base, tasks, config, run, pool=pool)
    return {
        t.name: sha256_bytes(b"".join(p.a.numpy().tobytes() + p.b.numpy().tobytes() for p in t.state.values()))
        for group in groups
        for t in group.experts
    }


def measure(count: int, rows: int, scratch: Path) -> dict[str, Any]:
    import torch
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    from genlora.base import load_base
    from genlora.jobs import RayPool
    from genlora.tasks import catalogue_tasks
    from genlora.train import ExpertConfig

    torch.set_num_threads(1)
    base = load_base(str(small_base(scratch / "base")), attn_implementation="eager", dtype=torch.float32)
    base.model.requires_grad_(False)
    tasks = [t for t in catalogue_tasks("bank") if t.name.startswith("r-")][:count]
    config = ExpertConfig(slots=1, max_rows=rows, pack_rows=8, eval_every=2, validation_rows=4, patience=99)
    out: dict[str, Any] = {}
    digests = {"one process": experts_of(base, tasks, config, scratch / "here", None)}
    for what, nodes, kill in (("one", 1, 0), ("two", 2, 0), ("killed", 2, count // 3)):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        added = [cluster.add_node(num_cpus=1) for _ in range(nodes)]
        kept = scratch / f"{what}.notes"
        kept.mkdir()

        def told(n: int, kill: int = kill, added: list[Any] = added, cluster: Any = cluster) -> None:
            if kill and n == kill:
                cluster.remove_node(added[-1], allow_graceful=False)

        with RayPool(cluster.address) as pool:
            digests[what] = experts_of(base, tasks, config, scratch / what, Timed(pool, kept, told))
        cluster.shutdown()
        out[what] = notes(kept)
    out["same_experts"] = all(d == digests["one process"] for d in digests.values())
    out["experts"] = len(tasks)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experts", type=int, default=24)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("RAY_worker_niceness", "0")  # else one process would come before workers on a busy machine
    with tempfile.TemporaryDirectory() as folder:
        found = {"machine": machine(), **measure(args.experts, args.rows, Path(folder))}
    one, two, killed = (found[k] for k in ("one", "two", "killed"))
    found["speed_up"] = round(one["wall_s"] / two["wall_s"], 2)
    found["busy"] = round(two["job_s"] / (2 * two["wall_s"]), 3)
    found["speed_up_by_schedule"] = round(2 * found["busy"], 2)
    found["begun_twice"] = killed["begun"] - found["experts"]
    lines = [
        f"# {found['experts']} experts on Ray",
        "",
        "| what | measured | target |",
        "| --- | --- | --- |",
        f"| two workers against one, wall | {found['speed_up']} | >= {TARGET} |",
        f"| the same by the schedule alone (workers busy {found['busy']:.1%}) | {found['speed_up_by_schedule']} | |",
        f"| jobs done twice after a kill | {found['begun_twice']} | at most 1 |",
        f"| the same experts as from one process | {found['same_experts']} | True |",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    save_result("ray-jobs", found, text, args.output)


if __name__ == "__main__":
    main()
