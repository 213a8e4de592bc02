"""How long `generate` takes and how much memory: warm with a breakdown, cold against its imports, and `--help`.

    python benchmarks/generate.py [--bank PATH]

Without a bank, one of 64 random experts of rank 8 for SmolLM2-135M's layout is made first: time does not depend on
what experts know. Cold runs and their reference alternate, each in a process of its own, so that both see the same
machine. CPU seconds are reported beside wall time, because a busy machine stretches only the latter.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine, save_result

DESCRIPTIONS = (
    "Put the words of the list in alphabetical order.",
    "Which of these three words is an adjective?",
    "Tell me if the movie review is positive or negative, please.",
    "Given a date in words, write it as YYYY-MM-DD.",
    "Name the capital of the country.",
    "I have a sentence with the letters of one word mixed up. Find the word and answer with nothing else.",
    "translate to french",
    "Decide whether the second sentence follows from the first. Answer yes or no.",
)
TARGETS = {"warm p50 ms": 50.0, "cold ratio": 1.3, "help s": 0.5, "peak GiB": 1.2}
# A process of its own starts the one that is measured: a child's peak memory begins at its parent's, and ours is large.
LAUNCHER = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
took, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
REFERENCE = (
    "import torch, sentence_transformers, sys\n"
    "sentence_transformers.SentenceTransformer(sys.argv[1], device='cpu', local_files_only=True)\n"
)


def synthetic_bank(path: Path, experts: int) -> Path:
    """Random experts in three clusters of meaning, for the default base's layout."""
    import torch

    from genlora.adapter import AdapterState, LoraPair
    from genlora.api import store_calibration
    from genlora.bank import Bank, ExpertRecord, TaskEmbedder
    from genlora.base import fingerprint, layout_of, resolve_base, resolve_embedder

    base = resolve_base()
    layout, embedder = layout_of(base), TaskEmbedder(resolve_embedder())
    with Bank.create(path, layout, fingerprint(base), rank=8) as bank:
        with bank.atomic() as tx:
            for i in range(experts):
                g = torch.Generator().manual_seed(i)
                pairs = {
                    m.path: LoraPair(
                        torch.randn(8, m.d_in, generator=g) / 24, torch.randn(m.d_out, 8, generator=g) / 24
                    )
                    for m in layout.of(("q_proj", "v_proj"))
                }
                words = DESCRIPTIONS[i % len(DESCRIPTIONS)]
                texts = tuple(f"{words} Variant {i}, wording {j}." for j in range(8))
                record = ExpertRecord(
                    name=f"expert-{i:03d}",
                    descriptions=texts,
                    embeddings=embedder.embed(texts, batch_size=8),
                    embedder=embedder.id,
                    parent=f"parent-{i // 2}",
                )
                tx.add(record, AdapterState(pairs))
        store_calibration(bank)
    return path


def warm(bank: Path, out: Path, runs: int) -> dict[str, Any]:
    """Milliseconds per request in one process, files written, and the median of every stage."""
    from genlora import GenLora

    totals, cpu, stages = [], [], {}
    with GenLora(bank) as lora:
        for i in range(runs + 10):
            start, start_cpu = time.perf_counter(), time.process_time()
            made = lora.generate(f"{DESCRIPTIONS[i % len(DESCRIPTIONS)]} {i}")
            made.save(out / str(i))
            took = (time.perf_counter() - start) * 1e3
            if i >= 10:
                cpu.append((time.process_time() - start_cpu) * 1e3)
                totals.append(took)
                for stage, ms in {**made.times_ms, "rest": took - sum(made.times_ms.values())}.items():
                    stages.setdefault(stage, []).append(ms)
        experts = len(lora.bank)
    centiles = statistics.quantiles(totals, n=20)
    return {
        "runs": runs,
        "experts": experts,
        "p50_ms": statistics.median(totals),
        "p95_ms": centiles[18],
        "cpu_p50_ms": statistics.median(cpu),
        "breakdown_p50_ms": {stage: statistics.median(ms) for stage, ms in stages.items()},
        "bytes": sum(p.stat().st_size for p in (out / "10").iterdir()),
    }


def child(argv: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak resident MiB of a process that must succeed."""
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *argv], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{argv} failed: {done.stderr}")
    wall, cpu, peak = map(float, done.stdout.split())
    return wall, cpu, peak


def cold(bank: Path, out: Path, runs: int) -> dict[str, Any]:
    """`genlora generate` in a fresh process, against one that only imports and loads the embedder."""
    from genlora.base import resolve_embedder

    command = [sys.executable, "-m", "genlora", "generate", DESCRIPTIONS[0], "--bank", str(bank), "-o"]
    reference = [sys.executable, "-c", REFERENCE, str(resolve_embedder())]
    ours, theirs = [], []
    for i in range(runs + 1):
        pair = child(reference), child([*command, str(out / f"cold{i}")])
        if i:  # the first pair fills the page cache
            theirs.append(pair[0])
            ours.append(pair[1])
    walls = [[r[0] for r in rs] for rs in (ours, theirs)]
    cpus = [[r[1] for r in rs] for rs in (ours, theirs)]
    return {
        "runs": runs,
        "wall_s": statistics.median(walls[0]),
        "reference_wall_s": statistics.median(walls[1]),
        "ratio": statistics.median(walls[0]) / statistics.median(walls[1]),
        "ratio_of_best": min(walls[0]) / min(walls[1]),
        "cpu_s": statistics.median(cpus[0]),
        "reference_cpu_s": statistics.median(cpus[1]),
        "cpu_ratio": statistics.median(cpus[0]) / statistics.median(cpus[1]),
        "peak_mib": max(r[2] for r in ours),
        "reference_peak_mib": max(r[2] for r in theirs),
    }


def help_time(runs: int) -> dict[str, Any]:
    """Seconds of `genlora --help` above the interpreter's start: the difference of the best of several runs."""
    ours = [child([sys.executable, "-m", "genlora", "--help"])[0] for _ in range(runs)]
    bare = [child([sys.executable, "-c", "pass"])[0] for _ in range(runs)]
    code = "import sys\nfrom genlora.cli import cli\ncli.main(['--help'], standalone_mode=False)\n"
    child([sys.executable, "-c", code + "assert 'torch' not in sys.modules"])
    return {"runs": runs, "above_start_s": min(ours) - min(bare), "median_s": statistics.median(ours), "torch": False}


def table(result: dict[str, Any]) -> str:
    """The figures against their targets, and where the time of a warm request goes."""
    w, c, h = result["warm"], result["cold"], result["help"]
    rows = [
        ("warm, in process, files written, p50", f"{w['p50_ms']:.1f} ms", "<= 50 ms"),
        ("warm, p95", f"{w['p95_ms']:.1f} ms", ""),
        ("warm, p50 of CPU time", f"{w['cpu_p50_ms']:.1f} ms", ""),
        ("cold process / its imports and the embedder, wall", f"{c['ratio']:.2f}", "<= 1.3"),
        ("the same in CPU seconds", f"{c['cpu_ratio']:.2f}", ""),
        ("cold process, wall", f"{c['wall_s']:.2f} s", ""),
        ("peak memory of `generate`", f"{c['peak_mib'] / 1024:.2f} GiB", "<= 1.2 GiB"),
        ("`genlora --help` above the interpreter's start", f"{h['above_start_s']:.2f} s", "<= 0.5 s"),
    ]
    text = "# generate\n\n| what | measured | target |\n|---|---|---|\n"
    text += "".join(f"| {a} | {b} | {t} |\n" for a, b, t in rows)
    text += "\n| stage of a warm request | median |\n|---|---|\n"
    text += "".join(f"| {stage} | {ms:.2f} ms |\n" for stage, ms in w["breakdown_p50_ms"].items())
    threads = f"{result['threads']} threads"
    return f"{text}\nBank of {w['experts']} experts, rank 8, {w['bytes']:,} bytes written, {threads}.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--experts", type=int, default=64, help="of the made-up bank")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--cold-runs", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    import torch

    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        bank = args.bank or synthetic_bank(out / "bank", args.experts)
        result = {
            "machine": machine(),
            "threads": torch.get_num_threads(),
            "load_average": os.getloadavg(),
            "targets": TARGETS,
            "help": help_time(10),
            "cold": cold(bank, out, args.cold_runs),
            "warm": warm(bank, out, args.runs),
        }
    print(save_result("generate", result, table(result), args.output))
    print(table(result))


if __name__ == "__main__":
    main()
