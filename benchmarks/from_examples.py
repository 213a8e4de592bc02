"""`generate --examples` on 16 labelled examples of validation tasks: its start, what it expects, and what it gets.

    python benchmarks/from_examples.py --tasks 6

Answers are greedy, to inputs of the validation split, asked as the adapter's bundle says; the form is not held, so that
the adapter alone is measured. `processor s` counts what one thread computed, the base's loading left out.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, save_result

from genlora import GenLora
from genlora.api import usable
from genlora.base import load_base
from genlora.evaluate import answer, held_out
from genlora.tasks import catalogue_tasks, sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--shots", type=int, default=16)
    parser.add_argument("--examples", type=int, default=40)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None, attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks, _ = usable(catalogue_tasks("validation", words_folder=args.words))
    tasks = [t for t in tasks if not args.only or t.name in args.only][: args.tasks]
    rows: list[dict[str, Any]] = []
    with GenLora(args.bank) as lora:
        for task in tasks:
            shots = sample(task.split("train"), args.shots, seed=0)
            wall, spent = time.perf_counter(), time.process_time()
            made = lora.generate(task.unseen_descriptions[0], examples=shots, base=base)
            spent, wall = time.process_time() - spent, time.perf_counter() - wall
            asked = held_out(task, args.examples, split="validation")
            found = answer(base, task, asked, state=made.state, description=made.prompt.description)
            told = made.receipt()["made_by"]
            expected = made.expected_accuracy
            rows.append(
                {
                    "task": task.name,
                    "start": told["chosen"],
                    "steps": told["fitted"]["steps"],
                    "left out, before": told["fitted"]["before"] / told["fitted"]["left_out"],
                    "left out": told["fitted"]["right"] / told["fitted"]["left_out"],
                    "expected": expected.value if expected else 0.0,
                    "right": found.scores.strict_mean,
                    "processor s": spent,
                    "s": wall,
                }
            )
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    names = list(rows[0])
    table = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    for row in rows:
        table += f"| {' | '.join(f'{v:.2f}' if isinstance(v, float) else str(v) for v in row.values())} |\n"
    means = {k: float(np.mean([r[k] for r in rows])) for k in names[2:]}
    table += f"\nMean over {len(rows)} tasks: " + ", ".join(f"{k} {v:.2f}" for k, v in means.items()) + ".\n"
    print(table)
    settings = {k: getattr(args, k) for k in ("tasks", "only", "shots", "examples")}
    save_result("from_examples", {"machine": machine("cpu"), "settings": settings, "tasks": rows}, table, args.output)


if __name__ == "__main__":
    main()
