"""What the shipped experts do to their base: effective rank, size and intruder dimensions, over rank and task.

    python benchmarks/diagnose.py

On a CPU: some seconds of one core for each expert and rank.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from common import RESULTS, machine, save_result

from genlora.api import Diagnosis, default_bank, diagnose_bank, load_banks_base
from genlora.bank import Bank
from genlora.evaluate import diagnosis_plot

RANKS = (1, 2, 4)
USUAL, WIDE = 10, 64


def tell(what: str, done: float, total: float, note: str = "") -> None:
    print(f"{what} {done:.0f}/{total:.0f} {note}", flush=True)


def line(name: str, k: int, rank: int, counts: list[float], modules: int) -> str:
    share = np.array(counts) / (k * modules)
    some = np.mean(np.array(counts) > 0)
    return f"| {name} | {rank} | {np.mean(counts):.1f} | {share.mean():.2%} | {max(counts):.0f} | {some:.0%} |"


def table(usual: list[Diagnosis], wide: list[Diagnosis]) -> str:
    modules = usual[0].modules
    rows = [line(f"top {USUAL}", USUAL, 8, [float(d.intruders or 0) for d in usual], modules)]
    for rank in (*RANKS, 8):
        rows.append(line(f"top {WIDE}", WIDE, rank, [float(d.by_rank[str(rank)]) for d in wide], modules))
    head = "| directions | rank kept | intruders an expert | share of directions | most | experts with any |"
    figures = (
        f"effective rank {np.mean([d.effective_rank for d in usual]):.2f} "
        f"({min(d.effective_rank for d in usual):.2f} to {max(d.effective_rank for d in usual):.2f}), "
        f"size {np.mean([d.relative_norm or 0 for d in usual]):.2%} of the weights', "
        f"stored {np.mean([d.stored_error or 0 for d in usual]):.2%} off"
    )
    return "\n".join(
        [head, "|---" * 6 + "|", *rows, "", f"{len(usual)} experts, {modules} modules each: {figures}.", ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None, help="default: the shipped one")
    parser.add_argument("--most", type=int, default=None, help="the first N experts only")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    began = time.perf_counter()
    with Bank.open(args.bank or default_bank(), readonly=True) as bank:
        names = bank.names()[: args.most]
        base = load_banks_base(bank, lean=True)
        usual = diagnose_bank(bank, base, names, k=USUAL, progress=tell)
        wide = diagnose_bank(bank, base, names, k=WIDE, ranks=RANKS, progress=tell)
    result = {
        "machine": machine(),
        "seconds": round(time.perf_counter() - began),
        f"top_{USUAL}": [d.to_json() for d in usual],
        f"top_{WIDE}": [d.to_json() for d in wide],
    }
    path = save_result("diagnose", result, table(usual, wide), args.output)
    (args.output or RESULTS).joinpath("diagnose.png").write_bytes(diagnosis_plot([d.to_json() for d in wide]))
    print(path)


if __name__ == "__main__":
    main()
