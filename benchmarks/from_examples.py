"""`generate --examples` on 16 labelled examples of validation tasks: its start, what it expects, and what it gets.

    python benchmarks/from_examples.py --tasks 6

Answers are greedy, to inputs of the validation split, asked as the adapter's bundle says; the form is not held, so that
the adapter alone is measured. `processor s` counts what the processor computed, the base's loading left out. `as long`
is a new LoRA that PEFT puts on the base (rank 16, all projections, the description in the prompt), trained on the same
examples by AdamW for as many seconds of the processor; the best of `--rates`, which is kind to it: it is chosen by the
answers that are counted.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, save_result

from genlora import GenLora
from genlora.api import usable
from genlora.base import LoadedBase, load_base, twin_of
from genlora.evaluate import answer, held_out
from genlora.tasks import Example, catalogue_tasks, sample
from genlora.train import encode_rows, label_losses, pack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--split", default="validation", help="The tasks': validation, test-near or test-far.")
    parser.add_argument("--shots", type=int, default=16)
    parser.add_argument("--rates", type=float, nargs="*", default=[], help="Of the LoRA that is trained as long.")
    parser.add_argument("--examples", type=int, default=40)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None, attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks, _ = usable(catalogue_tasks(args.split, words_folder=args.words))
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
            if args.rates:
                as_long_ones = [as_long(base, shots, made.prompt.description or "", spent, rate) for rate in args.rates]
                scores = [answer(t, task, asked, description=task.unseen_descriptions[0]).scores for t in as_long_ones]
                rows[-1]["as long"] = max(s.strict_mean for s in scores)
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    names = list(rows[0])
    table = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    for row in rows:
        table += f"| {' | '.join(f'{v:.2f}' if isinstance(v, float) else str(v) for v in row.values())} |\n"
    means = {k: float(np.mean([r[k] for r in rows])) for k in names[2:]}
    table += f"\nMean over {len(rows)} tasks: " + ", ".join(f"{k} {v:.2f}" for k, v in means.items()) + ".\n"
    print(table)
    settings = {k: getattr(args, k) for k in ("split", "tasks", "only", "shots", "examples", "rates")}
    save_result("from_examples", {"machine": machine("cpu"), "settings": settings, "tasks": rows}, table, args.output)


def as_long(base: LoadedBase, shots: Sequence[Example], description: str, seconds: float, rate: float) -> LoadedBase:
    """A base of its own modules with a new LoRA, trained on all of `shots` in every step."""
    from peft import LoraConfig, inject_adapter_in_model

    twin = twin_of(base)
    targets = sorted({m.leaf for m in base.layout.modules})
    torch.manual_seed(0)
    inject_adapter_in_model(LoraConfig(r=16, lora_alpha=32, target_modules=targets), twin.model)
    weights = [p for name, p in twin.model.named_parameters() if "lora_" in name]
    for weight in weights:
        weight.requires_grad_(True)
    rows = encode_rows(base.tokenizer, shots, description=description)
    batch = pack([(rows.prefix, rows.rows)], pad=base.tokenizer.pad_token_id or 0, dtype=torch.float32)
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    start = time.process_time()
    while (spent := time.process_time() - start) < seconds:
        optimizer.param_groups[0]["lr"] = rate * (1 - spent / seconds)
        optimizer.zero_grad()
        label_losses(twin.model, batch).loss.mean().backward()
        optimizer.step()
    twin.model.requires_grad_(False)
    return twin


if __name__ == "__main__":
    main()
