"""What the shipped experts do to their base: effective rank, size and intruder dimensions, over rank and task.

    python benchmarks/diagnose.py

On a CPU: some seconds of one core for each expert and rank.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, machine, save_result

from genlora.api import Diagnosis, default_bank, diagnose_bank, load_banks_base
from genlora.bank import Bank
from genlora.evaluate import diagnosis_plot

RANKS = (1, 2, 4)
K = 64
EVERY = 8
"""Of so many experts, one is cut to other ranks too."""


def tell(what: str, done: float, total: float, note: str = "") -> None:
    print(f"{what} {done:.0f}/{total:.0f} {note}", flush=True)


def line(about: str, rank: int, counts: list[int], of: int) -> str:
    share, some = np.mean(counts) / of, np.mean(np.array(counts) > 0)
    return f"| {about} | {rank} | {len(counts)} | {np.mean(counts):.2f} | {share:.3%} | {max(counts)} | {some:.0%} |"


def table(rows: list[dict[str, Any]], cut: list[dict[str, Any]]) -> str:
    modules, rank = rows[0]["modules"], rows[0]["rank"]
    lines = [line(f"top {k}", rank, [r["by_k"][k] for r in rows], int(k) * modules) for k in rows[0]["by_k"]]
    for r in (*RANKS, rank) if cut else ():
        lines.append(line(f"top {K}", r, [row["by_rank"][str(r)] for row in cut], K * modules))
    effective = [r["effective_rank"] for r in rows]
    figures = (
        f"effective rank {np.mean(effective):.2f} ({min(effective):.2f} to {max(effective):.2f}), size "
        f"{np.mean([r['relative_norm'] for r in rows]):.2%} of the weights', stored "
        f"{np.mean([r['stored_error'] for r in rows]):.2%} off"
    )
    head = "| directions | rank kept | experts | intruders each | share of directions | most | experts with any |"
    return "\n".join(
        [head, "|---" * 7 + "|", *lines, "", f"{len(rows)} experts, {modules} modules each, eps 0.5: {figures}.", ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None, help="default: the shipped one")
    parser.add_argument("--kept", type=Path, default=Path("runs/diagnose.jsonl"), help="what is done; gone on with")
    parser.add_argument("--most", type=int, default=None, help="the first N experts only")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    args.kept.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(x) for x in args.kept.read_text().splitlines()] if args.kept.exists() else []

    def keep(one: Diagnosis) -> None:
        done.append(one.to_json())
        with args.kept.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")

    began = time.perf_counter()
    with Bank.open(args.bank or default_bank(), readonly=True) as bank:
        names = bank.names()[: args.most]
        base = load_banks_base(bank, lean=True)
        seen = {(r["name"], bool(r["by_rank"])) for r in done}
        for chosen, ranks in ((names, ()), (names[::EVERY], RANKS)):
            left = [n for n in chosen if (n, bool(ranks)) not in seen]
            if left:
                diagnose_bank(bank, base, left, k=K, ranks=ranks, on_done=keep, progress=tell)
    rows = [r for r in done if not r["by_rank"]]
    cut = [r for r in done if r["by_rank"]]
    result = {"machine": machine(), "seconds": round(time.perf_counter() - began), "experts": rows, "cut": cut}
    path = save_result("diagnose", result, table(rows, cut), args.output)
    (args.output or RESULTS).joinpath("diagnose.png").write_bytes(diagnosis_plot(rows, cut))
    print(path)


if __name__ == "__main__":
    main()
