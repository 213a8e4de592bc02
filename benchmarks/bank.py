"""How fast a bank is: opening 10^4 experts, searching 10^5 tasks, rebuilding an index, adding, decoding.

    python benchmarks/bank.py [--quick]

Everything is synthetic and of real size (SmolLM2-135M's layout, 384 numbers an embedding): times do not depend on what
experts know. Each figure is the best of several runs in one process, with the median beside it; CPU seconds are given
too, because a busy machine stretches only wall time.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, save_result

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec
from genlora.bank import Bank, ExpertRecord, FlatIndex, export_bank, verify_bank
from genlora.base import Fingerprint

TARGETS = {
    "open 10^4 experts, ready to search": 500.0,
    "search 10^5 tasks, exact": 40.0,
    "rebuild a lost index of 10^4": 5000.0,
}
LAYERS, HIDDEN, KV, RANK, DIM = 30, 576, 192, 8, 384
PACKED = ("raw", "int8", "mixed", "int4")


def smollm_layout() -> tuple[BaseLayout, Fingerprint]:
    """Module names and shapes of SmolLM2-135M, and a fingerprint of nothing."""
    made = Fingerprint("synthetic", {}, "", "", "", {})
    modules = tuple(
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", HIDDEN, KV if leaf in ("k_proj", "v_proj") else HIDDEN)
        for i in range(LAYERS)
        for leaf in ("q_proj", "k_proj", "v_proj", "o_proj")
    )
    return BaseLayout("synthetic", "llama", made.id, LAYERS, 9, 3, 64, modules), made


def expert(seed: int, layout: BaseLayout) -> AdapterState:
    """Random factors with the falling singular values of trained ones."""
    g, strength = torch.Generator().manual_seed(seed), 0.6 ** torch.arange(RANK)
    return AdapterState(
        {
            m.path: LoraPair(
                torch.randn(RANK, m.d_in, generator=g) / 24, torch.randn(m.d_out, RANK, generator=g) / 24 * strength
            )
            for m in layout.of(("q_proj", "v_proj"))
        }
    )


def unit(seed: int, rows: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((rows, DIM), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def timed(work: Callable[[], Any], runs: int) -> dict[str, float]:
    """Best and median wall milliseconds, and the best CPU milliseconds."""
    wall, cpu = [], []
    for _ in range(runs):
        w, c = time.perf_counter(), time.process_time()
        work()
        wall.append(1e3 * (time.perf_counter() - w))
        cpu.append(1e3 * (time.process_time() - c))
    return {
        "best_ms": round(min(wall), 2),
        "median_ms": round(statistics.median(wall), 2),
        "cpu_ms": round(min(cpu), 2),
    }


def large_bank(root: Path, experts: int, descriptions: int) -> None:
    """A bank of many experts that share one blob; every one has its own embeddings and record."""
    layout, made = smollm_layout()
    vectors = unit(1, experts * descriptions).reshape(experts, descriptions, DIM)
    with Bank.create(root, layout, made, rank=RANK) as bank, bank.atomic() as tx:
        texts = tuple(f"Do the task in way {j}, please." for j in range(descriptions))
        first = tx.add(ExpertRecord("e0", texts, vectors[0], family="f", embedder="e"), expert(0, layout))
        for i in range(1, experts):
            record = ExpertRecord(f"e{i}", texts, vectors[i], family="f", embedder="e", base=first.base, rank=RANK)
            tx.insert(record.with_(blob=first.blob, generation=tx.generation, metrics=dict(first.metrics)), None)


def measure_large(scratch: Path, experts: int) -> dict[str, dict[str, float]]:
    root, query = scratch / "large", unit(2, 1)[0]
    large_bank(root, experts, 8)

    def open_and_search() -> None:
        with Bank.open(root) as bank:
            bank.search(query, 4)

    def only_open() -> None:
        Bank.open(root, readonly=True).close()

    def rebuild() -> None:
        (root / "cache" / "index.bin").unlink(missing_ok=True)
        with Bank.open(root) as bank:
            bank.index()

    out = {"rebuild a lost index of 10^4": timed(rebuild, 3)}
    out["open 10^4 experts, ready to search"] = timed(open_and_search, 7)
    out["open 10^4 experts, nothing more"] = timed(only_open, 7)
    with Bank.open(root, readonly=True) as bank:
        out["search 10^4 tasks, warm"] = timed(lambda: bank.search(query, 4), 50)
        out["read one record of 10^4"] = timed(lambda: bank.get("e77"), 50)
    out["verify 10^4 experts"] = timed(lambda: verify_bank(root), 1)
    return out


def measure_search(tasks: int) -> dict[str, dict[str, float]]:
    index, queries = FlatIndex([f"e{i}" for i in range(tasks)], unit(3, tasks), revision=""), iter(unit(4, 200))
    return {"search 10^5 tasks, exact": timed(lambda: index.search(next(queries), 4), 50)}


def measure_small(scratch: Path, experts: int) -> tuple[dict[str, dict[str, float]], list[dict[str, Any]]]:
    layout, made = smollm_layout()
    times: dict[str, dict[str, float]] = {}
    with Bank.create(scratch / "small", layout, made, rank=RANK) as bank:
        numbers = iter(range(experts))

        def add() -> None:
            i = next(numbers)
            bank.add(ExpertRecord(f"e{i}", ("a", "b"), unit(i, 2), embedder="e"), expert(i, layout))

        times["add one expert, durable"] = timed(add, experts)
        rows = []
        for codec in PACKED:
            start = time.perf_counter()
            report = export_bank(bank, scratch / codec, codec=codec)
            took = time.perf_counter() - start
            with Bank.open(scratch / codec, readonly=True) as packed:
                first = timed(lambda packed=packed: packed.state("e0"), 1)
                names = iter(packed.names()[1:])
                later = timed(lambda packed=packed, names=names: packed.state(next(names)), experts - 1)
            rows.append(
                {
                    "codec": codec,
                    "mib": round(report.total_bytes / 2**20, 2),
                    "kb_per_expert": round(report.total_bytes / experts / 1e3, 1),
                    "mean_error": round(report.mean_error, 4),
                    "export_s": round(took, 1),
                    "first_state_ms": first["best_ms"],
                    "state_ms": later["median_ms"],
                    "state_best_ms": later["best_ms"],
                }
            )
    return times, rows


def table(result: dict[str, Any]) -> str:
    lines = ["# The bank", "", "| what | best ms | median ms | CPU ms | target ms |", "| --- | --- | --- | --- | --- |"]
    for what, t in result["times"].items():
        target = f"{TARGETS[what]:.0f}" if what in TARGETS else ""
        lines.append(f"| {what} | {t['best_ms']} | {t['median_ms']} | {t['cpu_ms']} | {target} |")
    count = result["codec_experts"]
    lines += ["", f"{count} random experts (their singular values fall by 0.6 a step), 460,800 numbers each:", ""]
    lines += ["| codec | MiB | KB an expert | mean error of ΔW | first expert ms | next ones, median ms |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for r in result["codecs"]:
        lines.append(
            f"| {r['codec']} | {r['mib']} | {r['kb_per_expert']} | {r['mean_error']:.2%} | {r['first_state_ms']} "
            f"| {r['state_ms']} (best {r['state_best_ms']}) |"
        )
    lines += ["", f"Load average while measuring: {result['load_average']}; {result['threads']} torch threads.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    share = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        times = measure_large(scratch, 10_000 // share) | measure_search(100_000 // share)
        experts = 64 // (8 if args.quick else 1)
        small, codecs = measure_small(scratch, experts)
    result = {
        "machine": machine(),
        "load_average": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "quick": args.quick,
        "targets_ms": TARGETS,
        "times": times | small,
        "codec_experts": experts,
        "codecs": codecs,
    }
    text = table(result)
    print(text)
    save_result("bank", result, text, args.output)
    missed = [what for what, limit in TARGETS.items() if times[what]["best_ms"] > limit]
    raise SystemExit(f"missed: {missed}" if missed and not args.quick else 0)


if __name__ == "__main__":
    main()
