"""What a step of each training method costs over plain LoRA's, on the default base: time and memory.

python benchmarks/methods.py [--methods lora-ga glad ...] [--rows 8] [-o benchmarks/results]

Steps of rate 0 of a method and of plain LoRA, in turns on the same batch of one expert, after one of each that warms
up; medians of processor time, so that what else runs on the machine counts little. What a method does once before its
first step (gradients, decompositions, searches) is timed apart. Memory is the peak of a process forked for each method,
over what it held with the base alone. Methods already in the results file are kept: the same command goes on.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, machine, save_result

from genlora.api import best_dtype
from genlora.base import LoadedBase, load_base
from genlora.tasks import load_tasks
from genlora.train import ExpertConfig, ExpertTrainer, MethodConfig, Stack, all_methods

TURNS = 5
SHORT = {"flexora": {"steps": 2}, "diffora": {"steps": 2}, "contribution": {"steps": 2, "points": 2}}
"""Searches are cut: their whole time is proportional to these."""
TASK = "catalogue:r-noun-kind"
MIB = 2**20


class Measured(Exception):
    """Ends a training at its first step."""


def config_of(seam: str, name: str) -> MethodConfig:
    """A method with the others at their defaults."""
    names: dict[str, Any] = {"rules": (name,)} if seam == "rule" else {seam: name}
    together = {"structure": "xs"} if name == "lora-sb" else {}
    return MethodConfig(**names, **together, options=SHORT.get(name, {}))


def measure(base: LoadedBase, method: MethodConfig, rows: int, *, plain_alone: bool) -> dict[str, float]:
    """Seconds before the first step, medians of a step's seconds, peak memory in MiB."""
    found: dict[str, float] = {}
    config = ExpertConfig(method=method, slots=1, pack_rows=rows, max_rows=1)
    held = resident()
    with tempfile.TemporaryDirectory() as folder:
        trainer = ExpertTrainer(base, load_tasks([TASK]), config, Path(folder) / "run")
        plan = trainer.plan
        assert plan is not None

        def turns(stack: Any, backward: Callable[[], object]) -> None:
            found["start_s"] = time.process_time() - began
            start = {p: a[: config.rank] for p, a in plan.common.items()}
            plain = Stack(start, {s.path: s.d_out for s in plan.specs}, 1, scale=config.scale)
            still, took = torch.zeros(1), {"plain_s": [], "step_s": []}
            for _ in range(TURNS + 1):
                for key, one, extra in (("plain_s", plain, {}), ("step_s", stack, {"closure": backward})):
                    if key == "step_s" and plain_alone:
                        continue
                    with one.attached(base.model):
                        at = time.process_time()
                        backward()
                        one.step(still, clip=config.clip, weight_decay=0.0, **extra)
                        took[key].append(time.process_time() - at)
            found.update({k: statistics.median(v[1:]) for k, v in took.items() if v})
            raise Measured

        plan.measure = turns  # type: ignore[method-assign]
        began = time.process_time()
        try:
            list(trainer.run())
        except Measured:
            pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found | {"memory_mib": (peak - held) / MIB}


def resident() -> int:
    """Bytes of this process in memory, from Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def apart(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """`work` in a forked process, so that peaks are its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.write(writing, json.dumps(work()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        raise SystemExit("a method could not be measured; its error is above")
    return json.loads(text)


def table(found: dict[str, dict[str, float]], plain: dict[str, float]) -> str:
    """Markdown, in the order of `genlora methods list`."""
    lines = [
        "| method | step over plain LoRA's | once before, s | memory over plain LoRA's, MiB |",
        "|---|---|---|---|",
    ]
    for name, row in found.items():
        more = row["memory_mib"] - plain["memory_mib"]
        cells = f"{row['step_s'] / row['plain_s']:.2f} | {row['start_s']:.1f} | {max(0.0, more):.0f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every method that is not measured yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--methods", nargs="*", default=None)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)  # a fork has no other threads
    path = args.output / "methods.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    found, plain = known.get("methods", {}), known.get("plain", {})
    if known.get("rows", args.rows) != args.rows:
        raise SystemExit(f"{path} was measured with --rows {known['rows']}. Give that, or another --output.")
    base = load_base(None, dtype=best_dtype("cpu"), attn_implementation="eager")
    base.model.requires_grad_(False)
    if not plain:
        plain = apart(lambda: measure(base, config_of("rule", "lora-plus"), args.rows, plain_alone=True))
    for m in all_methods():
        name, config = f"{m.seam} {m.name}", config_of(m.seam, m.name)
        if name in found or config.plain or (args.methods and m.name not in args.methods):
            continue
        found[name] = apart(lambda c=config: measure(base, c, args.rows, plain_alone=False))
        print(name, {k: round(v, 3) for k, v in found[name].items()}, flush=True)
        order = {f"{x.seam} {x.name}": i for i, x in enumerate(all_methods())}
        found = dict(sorted(found.items(), key=lambda pair: order[pair[0]]))
        result = {"machine": machine(), "rows": args.rows, "cut": SHORT, "plain": plain, "methods": found}
        save_result("methods", result, table(found, plain), args.output)


if __name__ == "__main__":
    main()
