"""What each filter of `genlora transfer` does to the inputs that the default base makes up, without any target base.

    python benchmarks/transfer_filters.py --work FOLDER r-extract-city r-key-value r-animal-young

For each task of the bank: inputs made up from five training inputs, and what the filters keep of them. The maximum
mean discrepancy to 120 real test inputs (the task embedder's vectors, one width a task) says how far they are from real
ones. Of tasks whose answer is a part of the input, the share of the expert's answers that are says how many inputs had
an answer at all. What was made up is kept in `--work`, so the same command goes on after a kill.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, machine, save_result

from genlora.api import load_banks_base, load_banks_embedder, open_bank
from genlora.api.moving._run import TransferRun
from genlora.api.moving._steps import made_up
from genlora.api.moving._sure import SureJudge, greedy_answers
from genlora.api.moving._writer import BaseWriter
from genlora.base import decode_text
from genlora.evaluate import held_out
from genlora.tasks import load_tasks, sample
from genlora.train import NoJudge, SeedJudge, bandwidth, mmd

WITHIN = {"r-extract-city", "r-extract-number", "r-email-domain", "r-key-value", "r-nth-item", "r-longest-word"}
"""Tasks whose answer is a part of the input."""
FILTERS = ("all", "like the seeds", "sure", "both", "not sure")


def measure(name: str, args: argparse.Namespace, bank: Any, base: Any, embedder: Any) -> dict[str, Any]:
    """The filters on one task's made-up inputs."""
    (task,) = load_tasks([f"catalogue:{name}"], words_folder=args.words)
    seeds = [e.input for e in sample(task.split("train"), 5, seed=0)]
    run = TransferRun(args.work / name, {"task": name, "count": args.count})
    began = time.perf_counter()
    with BaseWriter(base) as write:
        *_, found = made_up(seeds, write, NoJudge(), run, count=args.count, most=8 * args.count, seed=0)
    spent = time.perf_counter() - began
    texts, state = found.kept, bank.state(name)
    said = greedy_answers(base, state, texts)
    confidence = np.array([c.confidence for c in said])
    inside = np.array([decode_text(base.tokenizer, c.tokens) in t for c, t in zip(said, texts, strict=True)])
    sure = confidence >= SureJudge(NoJudge(), base, state, seeds).least
    alike = np.array(SeedJudge(seeds, embedder.embed).scores(texts)) >= 0
    real = embedder.embed([e.input for e in held_out(task, 120)])
    width, vectors = bandwidth(real), embedder.embed(texts)
    kept = {"all": np.ones(len(texts), bool), "like the seeds": alike, "sure": sure, "both": sure & alike}
    kept["not sure"] = ~sure
    return {
        "task": name,
        "counts": found.counts.to_json(),
        "seconds": round(spent, 1),
        "filters": {
            which: {
                "kept": int(mask.sum()),
                "mmd": _or_none(mmd(vectors[mask], real, width)),
                "inside": float(inside[mask].mean()) if name in WITHIN and mask.any() else None,
            }
            for which, mask in kept.items()
        },
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: per task and filter `kept, MMD, share of answers that stand in the input`."""
    lines = [
        "| task | written | of the seeds' shape | " + " | ".join(FILTERS) + " |",
        "|---" * (len(FILTERS) + 3) + "|",
    ]
    for r in rows:
        cells = []
        for which in FILTERS:
            f = r["filters"][which]
            inside = "" if f["inside"] is None else f", {f['inside']:.0%}"
            cells.append(f"{f['kept']}, {'-' if f['mmd'] is None else format(f['mmd'], '.3f')}{inside}")
        c = r["counts"]
        lines.append(f"| {r['task']} | {c['asked']} | {c['asked'] - c['unreadable']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run or go on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="folder for what was made up")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    with open_bank() as bank:
        base = load_banks_base(bank, dtype=torch.float32, device=args.device)
        embedder = load_banks_embedder(bank)
        rows = []
        for name in args.tasks:
            path = args.work / f"{name}.json"
            if not path.exists():
                args.work.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(measure(name, args, bank, base, embedder)))
            rows.append(json.loads(path.read_text()))
            save_result("transfer-filters", {"machine": machine(args.device), "tasks": rows}, table(rows), args.output)
            print(table(rows[-1:]).splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
