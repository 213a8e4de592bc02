"""Is this checkout slower than another one? Generate, training and engine of both, in turns on one machine.

    git worktree add ../before COMMIT
    python benchmarks/turns.py ../before .
    python benchmarks/turns.py ../before . --only engine --rounds 9

Both checkouts run side by side, each in a process of its own that has loaded everything, and one works while the other
waits: A B B A A B ... A slow minute then hits both, and the ratio of neighbours tells what a median of hours cannot.
Processor time is told too: other work on the machine stretches it least.
Each checkout measures itself with its own `benchmarks/`, so names may have moved in between, and what it made is
compared: the last column says whether both wrote the same weights, losses and tokens, that is, did the same work.

- generate: requests to `aggregate` over a bank of 64 random experts, in process, folders written; seconds a request.
- training: 4 experts in one stack, 4 rows and 4 steps each.
- engine: 8 prompts with 8 adapters, 32 tokens each, greedy, without stop tokens.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUESTS, EXPERTS, STEPS, ROWS, PROMPTS, TOKENS = 16, 4, 4, 4, 8, 32
JOBS = ("generate", "training", "engine")


def jobs(scratch: Path) -> dict[str, Callable[[], str]]:
    """What a checkout does when it is its turn: a digest of what it made. Runs in the checkout's own process."""
    import engine as engines
    import expert_training
    import generate
    import torch

    from genlora import GenLora
    from genlora.base import load_base
    from genlora.tasks import catalogue_tasks

    lora = GenLora(generate.synthetic_bank(scratch / "bank", 64), generator="aggregate")
    base = load_base(dtype=torch.float32, attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks = [t for t in catalogue_tasks("bank") if t.source.startswith("rule:")]
    rows = [
        sorted(t.split("train"), key=lambda e: e.input)[: ROWS * STEPS] for t in sorted(tasks, key=lambda t: t.name)
    ]
    works = [expert_training.work_of(base, r, ROWS, STEPS) for r in rows if len(r) == ROWS * STEPS][:EXPERTS]
    start = expert_training.common_start(base.layout, ("q_proj", "v_proj"), expert_training.RANK, seed=0)
    prompt = base.tokenizer("The quick brown fox jumps over the lazy dog.").input_ids
    endless = dataclasses.replace(base, eos_ids=(-1,))
    adapters = engines.experts(lora, PROMPTS)
    made = 0

    def generate_some() -> str:
        nonlocal made
        seen = hashlib.sha256()
        for i in range(REQUESTS):
            out, made = scratch / f"adapter-{made}", made + 1
            lora.generate(f"{generate.DESCRIPTIONS[i % len(generate.DESCRIPTIONS)]} {i}").save(out)
            seen.update((out / "adapter_model.safetensors").read_bytes())
        return seen.hexdigest()

    def train_some() -> str:
        return json.dumps([round(x, 4) for x in expert_training.stacked(base, start, works)])

    def decode_some() -> str:
        with engines.Engine(endless, slots=PROMPTS, max_batch=PROMPTS) as engine:
            told = engines.ask(engine, [prompt] * PROMPTS, adapters, TOKENS)
        return hashlib.sha256(json.dumps([[t.id for t in c.tokens] for c in told]).encode()).hexdigest()

    return {"generate": generate_some, "training": train_some, "engine": decode_some}


def worker(tree: Path) -> None:
    """One checkout's process: reads the name of a job a line, answers with its seconds and digest."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    sys.path[0] = str(tree / "benchmarks")
    with tempfile.TemporaryDirectory() as scratch:
        import genlora

        if not Path(genlora.__file__).resolve().is_relative_to(tree.resolve()):
            raise SystemExit(f"{tree}: genlora was imported from {genlora.__file__}; expected the checkout's own.")
        todo = jobs(Path(scratch))
        print(json.dumps(sorted(todo)), file=answers, flush=True)
        for line in sys.stdin:
            began, began_cpu = time.perf_counter(), time.process_time()
            digest = todo[line.strip()]()
            took = [time.perf_counter() - began, time.process_time() - began_cpu]
            print(json.dumps([*took, digest]), file=answers, flush=True)


class Checkout:
    """A checkout with its process."""

    def __init__(self, tree: Path) -> None:
        if not (tree / "genlora" / "__init__.py").is_file():
            raise SystemExit(f"{tree}: no checkout of genlora. Make one: git worktree add {tree} COMMIT")
        path = os.pathsep.join([str(tree), str(tree / "app")])
        argv = [sys.executable, __file__, "--worker", str(tree)]
        self.process = subprocess.Popen(
            argv, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = subprocess.run(
            ["git", "-C", str(tree), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
        self.commit = told.stdout.strip() or tree.name
        self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.process.args[-1]} ended; its last words are above.")
        return json.loads(line)

    def run(self, job: str) -> tuple[float, float, str]:
        """Seconds, seconds of the processor, and a digest of what was made."""
        assert self.process.stdin
        print(job, file=self.process.stdin, flush=True)
        seconds, cpu, digest = self._answer()
        return seconds, cpu, digest

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def compare(old: Checkout, new: Checkout, job: str, rounds: int) -> dict[str, Any]:
    """Rounds in turns; the first warms up and does not count."""
    seconds: dict[Checkout, list[float]] = {old: [], new: []}
    cpu: dict[Checkout, list[float]] = {old: [], new: []}
    digests: dict[Checkout, str] = {}
    for turn in range(rounds + 1):
        for side in (old, new) if turn % 2 else (new, old):
            took, used, digests[side] = side.run(job)
            if turn:
                seconds[side].append(took)
                cpu[side].append(used)
    wall, processor = (sorted(round(b / a, 3) for a, b in zip(of[old], of[new], strict=True)) for of in (seconds, cpu))
    return {
        "old_s": statistics.median(seconds[old]),
        "new_s": statistics.median(seconds[new]),
        "ratios": wall,
        "cpu_ratios": processor,
        "same": digests[old] == digests[new],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, nargs="?", help="a checkout of the commit before")
    parser.add_argument("new", type=Path, nargs="?", default=Path(), help="the checkout to judge")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=JOBS, action="append")
    parser.add_argument("-o", "--output", type=Path, default=None)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker)
        return
    if args.old is None or args.rounds < 1:
        parser.error("name a checkout of the commit before, and at least one round")
    from common import machine, save_result

    old, new = Checkout(args.old.resolve()), Checkout(args.new.resolve())
    found = {job: compare(old, new, job, args.rounds) for job in args.only or JOBS}
    old.end()
    new.end()
    table = f"# {new.commit} against {old.commit}, in turns\n\n"
    table += "| what | before | now | now / before | in processor time | same work |\n|---|---|---|---|---|---|\n"
    for job, f in found.items():
        spread = " | ".join(
            f"{statistics.median(r):.2f} ({r[0]:.2f} to {r[-1]:.2f})" for r in (f["ratios"], f["cpu_ratios"])
        )
        table += f"| {job} | {f['old_s']:.2f} s | {f['new_s']:.2f} s | {spread} | {'yes' if f['same'] else 'no'} |\n"
    result = {"machine": machine(), "old": old.commit, "new": new.commit, "rounds": args.rounds, "jobs": found}
    words = result["machine"]
    print(table)
    print(f"{words['processor']} ({words['flags'] or 'no AVX-512'}), {words['cores']} cores", end=", ")
    print(f"{os.environ.get('OMP_NUM_THREADS', 'all')} threads, load {os.getloadavg()[0]:.1f}")
    print(save_result("turns", result, table, args.output))


if __name__ == "__main__":
    main()
