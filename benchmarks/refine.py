"""Refining a generated adapter on 16 labelled examples, against a plain LoRA trained on them for the same time.

    python benchmarks/refine.py --artefact checkpoints/generators/abmll --words FOLDER

On validation tasks, which no expert was trained on: accuracy (strict, greedy) and expected calibration error on test
examples, pooled over tasks, of the generated adapter, the refined one, and the plain LoRA.
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
from genlora.adapter import AdapterState
from genlora.api import best_dtype, usable
from genlora.base import LoadedBase, load_base
from genlora.evaluate import answer, calibration_error, held_out
from genlora.generators import load_artefact
from genlora.tasks import Example, catalogue_tasks, sample
from genlora.train import RefinePrior, common_start, refine
from genlora.train._bayes import state_of
from genlora.train._refine import RowLosses
from genlora.train.rows._routed import routed

WAYS = ("base", "generated", "refined", "plain LoRA")


def plain_lora(base: LoadedBase, examples: Sequence[Example], prior: RefinePrior, budget_s: float) -> AdapterState:
    """A LoRA from the common start, trained on the examples for `budget_s` seconds (AdamW 2e-3, alpha / r = 2)."""
    rows = RowLosses(base, examples, description=None, max_tokens=512)
    start = common_start(base.layout, prior.targets, prior.rank, seed=0)
    factors = {}
    for leaf in prior.targets:
        modules = base.layout.of((leaf,))
        a = torch.stack([start[m.path] for m in modules]).requires_grad_()
        factors[leaf] = (a, torch.zeros(len(modules), modules[0].d_out, prior.rank, requires_grad=True))
    optimizer = torch.optim.AdamW([x for pair in factors.values() for x in pair], lr=2e-3, weight_decay=0.0)
    rng = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    with routed(base.model, base.layout, prior.targets, 2.0) as setter, torch.enable_grad():
        while time.perf_counter() - began < budget_s:
            optimizer.zero_grad()
            rows(setter, {k: (a[None], b[None]) for k, (a, b) in factors.items()}, rng).backward()
            optimizer.step()
    return state_of({k: (a.detach(), 2.0 * b.detach()) for k, (a, b) in factors.items()}, base.layout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artefact", type=Path, default=Path("checkpoints/generators/abmll"))
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--generator", default="aggregate")
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--shots", type=int, default=16)
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
    base.model.requires_grad_(False)
    prior = RefinePrior.read(load_artefact(args.artefact, "abmll"), base.layout)
    tasks, _ = usable(catalogue_tasks("validation", words_folder=args.words))
    pooled: dict[str, list[Any]] = {w: [] for w in WAYS}
    rows: list[dict[str, Any]] = []
    with GenLora(args.bank) as lora:
        for task in tasks[: args.tasks]:
            shots = sample(task.split("train"), args.shots, seed=0)
            generated = lora.generate(task.unseen_descriptions[0], generator=args.generator).state
            began = time.perf_counter()
            refined = refine(base, generated, shots, prior).state(base.layout)
            spent = time.perf_counter() - began
            states = {"base": None, "generated": generated, "refined": refined}
            states["plain LoRA"] = plain_lora(base, shots, prior, spent)
            examples = held_out(task, args.examples)
            row: dict[str, Any] = {"task": task.name, "seconds": round(spent, 2)}
            for way in WAYS:
                found = answer(base, task, examples, state=states[way])
                pooled[way].append((found.confidence, found.scores.strict))
                row[way] = found.scores.strict_mean
            rows.append(row)
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    totals = {}
    for way, parts in pooled.items():
        confidence = [x for c, _ in parts for x in c]
        right = [x for _, r in parts for x in r]
        # Per task as well: pooled bins can hide errors of opposite sign.
        each = float(np.mean([calibration_error(c, r) for c, r in parts]))
        totals[way] = {
            "accuracy": float(np.mean(right)),
            "calibration_error": calibration_error(confidence, right),
            "calibration_error_per_task": each,
        }
    table = "| | accuracy | calibration error, pooled | mean over tasks |\n|---|---|---|---|\n"
    for way, t in totals.items():
        table += (
            f"| {way} | {t['accuracy']:.3f} | {t['calibration_error']:.3f} | {t['calibration_error_per_task']:.3f} |\n"
        )
    print(table)
    result = {"machine": machine(args.device), "settings": vars(args) | {"artefact": str(args.artefact)}, "tasks": rows}
    result["settings"] = {k: str(v) if isinstance(v, Path) else v for k, v in result["settings"].items()}
    save_result("refine", {**result, "totals": totals}, table, args.output)


if __name__ == "__main__":
    main()
