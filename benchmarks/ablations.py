"""What each part of the hypernetwork is worth, at a reduced budget.

    python benchmarks/ablations.py --start checkpoints/generators/multitask --words FOLDER --steps 60

Every row is a hypernetwork trained anew for the same steps from the same start, with one thing changed. Judged on
validation tasks with descriptions nobody trained on (matched, and with another task's description), and on training
tasks with rows nobody trained on. `right`: share of rows whose every label is the argmax. Finished rows are kept.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result

from genlora.api import best_dtype, default_bank
from genlora.bank import Bank, TaskEmbedder
from genlora.base import LoadedBase, load_base, resolve_embedder
from genlora.generators import CODE_EXTRA, NetworkConfig, load_artefact
from genlora.tasks import Task, catalogue_tasks
from genlora.train import FitConfig, TaskBatchConfig, label_losses, means_by, rows_right
from genlora.train.rows._routed import FactorSetter, routed
from genlora.train.text._fit import neighbour_codes
from genlora.train.text._modules import FitData, HypernetFit
from genlora.train.text._task_batches import TaskBatches, description_vectors
from genlora.train.text._teacher import Experts

FIT = {"lr": 1e-3, "noise": 0.5, "code_dropout": 0.3}
VARIANTS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "another seed": {"seed": 1},
    "text alone (no neighbours' code)": {"codes": 0},
    "no noise on descriptions": {"fit": {"noise": 0.0}},
    "half the tasks": {"share": 0.5},
    "behaviour of experts, KL 0.2": {"fit": {"kl": 0.2}},
    "product alignment 0.1": {"fit": {"align": 0.1}},
    "output L2 10": {"fit": {"l2": 10.0}},
    "learning rate 3e-4": {"fit": {"lr": 3e-4}},
    "32 hidden units": {"network": {"hidden_dim": 32}},
}


def judge(
    fit: HypernetFit, batches: TaskBatches, setter: FactorSetter, base: LoadedBase, *, other: bool = False
) -> tuple[float, float]:
    """Mean loss and share right over the tasks of `batches`; with another task's description if `other`."""
    fit.eval()
    names, losses, rights = list(batches.by_length), [], []
    with torch.no_grad():
        for at in range(0, len(names), 8):
            part = names[at : at + 8]
            told = [names[(names.index(n) + len(names) // 2) % len(names)] if other else n for n in part]
            step = batches.fixed(part, 12)
            setter.route(fit.factors(told, [0] * len(part))[0])
            found = label_losses(base.model, step.batch)
            losses += means_by(step.batch.owner, found.loss, len(part)).tolist()
            ok, owner = rows_right(step.batch, found.right)
            rights += [float(ok[owner == i].float().mean()) for i in range(len(part))]
    fit.train()
    return sum(losses) / len(losses), sum(rights) / len(rights)


def run(
    base: LoadedBase,
    bank: Bank,
    embedder: TaskEmbedder,
    tasks: Sequence[Task],
    held: Sequence[Task],
    start: Path,
    steps: int,
    change: dict[str, Any],
) -> dict[str, float]:
    """Train one variant and judge it."""
    seed = change.get("seed", 0)
    mix = TaskBatchConfig(tokens_per_task=88, rows_per_task=8, max_row_tokens=92, seed=seed)
    some = [t for i, t in enumerate(tasks) if i < len(tasks) * change.get("share", 1.0)]
    train, validation = TaskBatches(base, some, mix), TaskBatches(base, held, mix, split="validation")
    seen = TaskBatches(base, some[::6], mix, split="validation")
    config = FitConfig(steps=steps, batches=mix, **{**FIT, **change.get("fit", {})})
    known, unseen = [train.tasks[n] for n in train.names], [validation.tasks[n] for n in validation.names]

    def embed(texts: Sequence[str]) -> Any:
        return embedder.embed(texts, batch_size=32)

    vectors = description_vectors(known, embed) | description_vectors(unseen, embed, unseen=True)
    size = change.get("codes", 32)
    codes = neighbour_codes(bank, vectors, [*known, *unseen], size)[0] if size else {}
    network = NetworkConfig(code_dim=size + CODE_EXTRA if size else 0, scale=config.scale, **change.get("network", {}))
    began = {k: v.float() for k, v in load_artefact(start, "multitask").tensors.items()}
    with routed(base.model, base.layout, config.targets, config.scale) as setter:
        experts = None
        if config.kl or config.align:
            states = {n: bank.state(n) for n in bank.names() if n in train.tasks}
            experts = Experts(states, base.layout, config.targets)
            if config.kl:
                experts.record(base, train, setter, scale=config.scale)
        torch.manual_seed(seed)
        fit = HypernetFit(config, FitData(base, train, validation, vectors, experts, codes), setter, network, began)
        optimizer, schedule = fit.optimizers(steps)
        clock = time.perf_counter()
        for number in range(steps):
            fit.losses_of(train.step(number))["loss"].backward()
            torch.nn.utils.clip_grad_norm_(fit.parameters(), config.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        seconds = time.perf_counter() - clock
        loss, right = judge(fit, validation, setter, base)
        other, _ = judge(fit, validation, setter, base, other=True)
        seen_loss, seen_right = judge(fit, seen, setter, base)
    return {
        "loss": loss,
        "right": right,
        "mismatched_loss": other,
        "seen_loss": seen_loss,
        "seen_right": seen_right,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, default=Path("checkpoints/generators/multitask"))
    parser.add_argument("--words", type=Path)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", nargs="*", help=f"Variants: {', '.join(VARIANTS)}")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
    base.model.requires_grad_(False)
    embedder = TaskEmbedder(resolve_embedder())
    tasks, held = (catalogue_tasks(r, words_folder=args.words) for r in ("bank", "validation"))
    result: dict[str, Any] = {"machine": machine(args.device), "steps": args.steps, "fit": FIT, "rows": {}}
    known = (args.output or Path(__file__).parent / "results") / "ablations.json"
    if known.exists() and (before := json.loads(known.read_text()))["steps"] == args.steps:
        result["rows"] = before["rows"]
    with Bank.open(default_bank(), readonly=True) as bank:
        for name, change in VARIANTS.items():
            if (args.only and name not in args.only) or name in result["rows"]:
                continue
            result["rows"][name] = run(base, bank, embedder, tasks, held, args.start, args.steps, change)
            lines = [
                f"| {n} | {r['loss']:.3f} | {r['right']:.1%} | {r['mismatched_loss']:.3f} "
                f"| {r['seen_loss']:.3f} | {r['seen_right']:.1%} |"
                for n, r in result["rows"].items()
            ]
            table = "\n".join(
                [
                    f"| {args.steps} steps | unseen: loss | right | loss, mismatched | seen: loss | right |",
                    "|---|---|---|---|---|---|",
                    *lines,
                    "",
                ]
            )
            save_result("ablations", result, table, args.output)
            print(lines[-1], flush=True)


if __name__ == "__main__":
    main()
