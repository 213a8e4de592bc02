"""What the bank is worth on validation tasks that are not in it.

    python benchmarks/worth.py --run runs/validation --words FOLDER

For each task: the base bare, the base described, the nearest expert, the weighted aggregate, and the task's own expert.
Adapters are made from the two descriptions that no training ever saw; scores are means over both. Greedy, strict, on
the test split, paired bootstrap over examples.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from build_bank import CONFIG
from common import machine, save_result

from genlora import GenLora
from genlora.api import best_dtype, usable
from genlora.base import load_base
from genlora.evaluate import answer, held_out, majority, paired_difference
from genlora.tasks import catalogue_tasks
from genlora.train import ExpertTrainer

WAYS = ("base bare", "base described", "nearest expert", "aggregate", "own expert")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the own experts' checkpoints")
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks, _ = usable(catalogue_tasks("validation", words_folder=args.words))
    tasks = tasks[: args.tasks]
    own = {t.name: t.state for t in ExpertTrainer(base, tasks, CONFIG, args.run).run()}
    rows, scores = [], {w: [] for w in WAYS}
    with GenLora(args.bank) as lora:
        for task in tasks:
            examples = held_out(task, args.examples)
            told = task.unseen_descriptions
            made = [(lora.generate(d, top_k=1), lora.generate(d)) for d in told]
            found: dict[str, np.ndarray] = {
                "base bare": np.array(answer(base, task, examples).scores.strict),
                "base described": np.mean([answer(base, task, examples, description=d).scores.strict for d in told], 0),
                "own expert": np.array(answer(base, task, examples, state=own[task.name]).scores.strict),
            }
            for i, way in enumerate(("nearest expert", "aggregate")):
                said = [answer(base, task, examples, state=m[i].state).scores.strict for m in made]
                found[way] = np.mean(said, 0)
            row: dict[str, Any] = {"task": task.name, "n": len(examples)}
            row |= {w: round(float(found[w].mean()), 3) for w in WAYS}
            row["majority"] = round(majority(task, examples).strict_mean, 3)
            row["coverage"] = [round(m[1].coverage.value, 3) for m in made]
            row["neighbours"] = [[n.name for n in m[1].neighbours] for m in made]
            rows.append(row)
            for w in WAYS:
                scores[w].extend(found[w].tolist())
            print(json.dumps(row), flush=True)
    means = {w: round(float(np.mean([r[w] for r in rows])), 3) for w in WAYS}
    gap = paired_difference(scores["aggregate"], scores["base described"], confidence=0.95)
    over = paired_difference(scores["aggregate"], scores["nearest expert"], confidence=0.95)
    head = "| task | n | " + " | ".join(WAYS) + " | majority |\n|---|---|" + "---|" * (len(WAYS) + 1) + "\n"
    table = head + "".join(
        f"| {r['task']} | {r['n']} | " + " | ".join(f"{r[w]:.2f}" for w in WAYS) + f" | {r['majority']:.2f} |\n"
        for r in rows
    )
    table += "| **mean** | | " + " | ".join(f"**{means[w]:.2f}**" for w in WAYS) + " | |\n"
    table += f"\nAggregate minus described base: {gap.mean:+.3f} (95 % {gap.low:+.3f} to {gap.high:+.3f}); "
    table += f"minus nearest expert: {over.mean:+.3f} ({over.low:+.3f} to {over.high:+.3f}).\n"
    print(table)
    result = {"machine": machine(args.device), "tasks": rows, "means": means}
    print(save_result("worth", result, table, args.output))


if __name__ == "__main__":
    main()
