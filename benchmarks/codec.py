"""Which codec ships the bank: size, error of the updates, and accuracy lost on held-out examples.

    python benchmarks/codec.py --bank runs/bank/bank --measure int4 mixed --words FOLDER

Sizes and errors are of every codec; accuracy is measured for those named, expert by expert, on the examples that
admitted it, against the raw factors' own score from its card (the same examples, device and dtype).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, save_result

from genlora.api import best_dtype
from genlora.bank import CODECS, Bank, export_bank
from genlora.base import load_base
from genlora.evaluate import MAX_EXAMPLES, answer, held_out
from genlora.tasks import catalogue_task

LIMIT_MIB = 24


def accuracy_loss(base: Any, bank: Bank, raw: Bank, words: Path | None, most: int | None) -> dict[str, Any]:
    """Points of strict score lost per expert, raw minus decoded: mean, worst, and which one."""
    lost = {}
    for name in raw.names()[:most]:
        task = catalogue_task(name, words_folder=words)
        gain = raw.get(name).gain or {}
        own = answer(base, task, held_out(task, MAX_EXAMPLES), state=bank.state(name)).scores.strict_mean
        lost[name] = 100 * (float(gain["own"]) - own)
        print(f"  {name}: {lost[name]:+.1f}", flush=True)
    worst = max(lost, key=lambda n: lost[n])
    return {
        "mean_loss_points": round(float(np.mean(list(lost.values()))), 2),
        "worst_loss_points": round(lost[worst], 1),
        "worst": worst,
        "experts": len(lost),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True, help="the raw bank")
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--measure", nargs="*", default=[], help="codecs whose accuracy is measured")
    parser.add_argument("--most", type=int, default=None, help="measure the first N experts only")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    with Bank.open(args.bank, readonly=True) as raw, tempfile.TemporaryDirectory() as scratch:
        for name in CODECS:
            report = export_bank(raw, Path(scratch) / name, codec=name)
            rows[name] = {
                "mib": round(report.total_bytes / 2**20, 2),
                "mean_error": round(report.mean_error, 4),
                "worst_error": round(report.worst_error, 4),
            }
            print(name, rows[name], flush=True)
        if args.measure:
            base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
            for name in args.measure:
                with Bank.open(Path(scratch) / name, readonly=True) as bank:
                    rows[name] |= accuracy_loss(base, bank, raw, args.words, args.most)
        experts = len(raw)
    head = (
        "| codec | MiB | mean error of ΔW | worst | mean points lost | worst points lost |\n|---|---|---|---|---|---|\n"
    )
    table = head + "".join(
        f"| {n} | {r['mib']} | {r['mean_error']:.2%} | {r['worst_error']:.2%} | {r.get('mean_loss_points', '')} | "
        f"{r.get('worst_loss_points', '')} {r.get('worst', '')} |\n"
        for n, r in rows.items()
    )
    print(table)
    result = {"machine": machine(args.device), "experts": experts, "limit_mib": LIMIT_MIB, "codecs": rows}
    print(save_result("codec", result, table, args.output))


if __name__ == "__main__":
    main()
