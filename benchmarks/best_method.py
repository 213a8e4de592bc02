"""Experts made with another method, beside the shipped bank's, at equal rows: does the bank get better?

    python benchmarks/best_method.py --run runs/best --init orthogonal --words FOLDER --every 4

Every fourth task of the shipped bank's log, refused ones too, is trained with the shipped bank's own settings
(`build_bank.CONFIG`) and the method, and measured as it is stored, as a bank is grown. Beside each stands what the log
says of plain LoRA: the same rows at most, the same held-out inputs. Goes on after a kill.
"""

import argparse
import dataclasses
import json
import random
import statistics
from pathlib import Path
from typing import Any

import torch
from build_bank import CONFIG, say_measured, say_tick
from common import machine, save_result

from genlora.api import best_dtype, grow_bank
from genlora.bank import Bank, TaskEmbedder
from genlora.base import load_base, resolve_embedder
from genlora.tasks import catalogue_tasks
from genlora.train import MethodConfig

LOG = Path(__file__).parent.parent / "checkpoints" / "bank-log.json"


def interval(gains: list[float]) -> tuple[float, float]:
    """90 % of the means of drawn-anew tasks."""
    rng = random.Random(0)
    means = sorted(statistics.mean(rng.choices(gains, k=len(gains))) for _ in range(2000))
    return means[100], means[1899]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; resumed when it exists")
    parser.add_argument("--init", default="common")
    parser.add_argument("--structure", default="lora")
    parser.add_argument("--rule", nargs="*", default=["adamw"])
    parser.add_argument("--lr", type=float, default=CONFIG.lr)
    parser.add_argument("--every", type=int, default=4, help="take one of so many of the log's tasks, by name")
    parser.add_argument("--words", type=Path, default=None)
    args = parser.parse_args()
    log = {e["name"]: e for e in json.loads(LOG.read_text())["experts"]}
    tasks = catalogue_tasks("bank", words_folder=args.words)
    there = sorted({t.name for t in tasks} & set(log))[:: args.every]
    method = MethodConfig(structure=args.structure, init=args.init, rules=tuple(args.rule))
    config = dataclasses.replace(CONFIG, lr=args.lr, method=method)
    base = load_base(None, dtype=best_dtype("cpu"), attn_implementation="eager")
    base.model.requires_grad_(False)
    raw = args.run / "bank"
    bank = Bank.open(raw) if raw.exists() else Bank.create(raw, base.layout, base.fingerprint)
    embedder = TaskEmbedder(resolve_embedder())
    chosen = [t for t in tasks if t.name in there]
    grown = grow_bank(
        bank, base, chosen, config, args.run, embedder=embedder, on_tick=say_tick, on_measured=say_measured
    )
    bank.close()
    found: dict[str, Any] = {a.name: {"method": a.own, "shipped": log[a.name]["own"]} for a in grown.measured}
    gains = [f["method"] - f["shipped"] for f in found.values()]
    low, high = interval(gains)
    name = " ".join([args.structure, args.init, *args.rule])
    table = f"| task | {name} at {args.lr:g} | as shipped |\n|---|---|---|\n"
    table += "".join(f"| {n} | {f['method']:.0%} | {f['shipped']:.0%} |\n" for n, f in sorted(found.items()))
    mean = {k: statistics.mean(f[k] for f in found.values()) for k in ("method", "shipped")}
    table += f"| **mean of {len(found)}** | **{mean['method']:.1%}** | **{mean['shipped']:.1%}** |\n"
    print(f"{table}\ngain {100 * statistics.mean(gains):+.1f} points, 90 % {100 * low:+.1f} to {100 * high:+.1f}")
    head = {"machine": machine("cpu"), "threads": torch.get_num_threads(), "method": name, "lr": args.lr}
    save_result("best_method", {**head, "left_out": grown.failed, "tasks": found, "gain": [low, high]}, table)


if __name__ == "__main__":
    main()
