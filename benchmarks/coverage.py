"""Does low coverage predict failure? Rank correlation with gap closure over the tasks of several reports.

    genlora evaluate --split validation --run runs/validation -o reports/validation
    genlora evaluate --split test --run runs/test -o reports/test
    python benchmarks/coverage.py reports/validation reports/test

Gap closure is (auto - base) / (own expert - base), all bare, of each task by itself.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from common import machine, save_result

from genlora.evaluate._metrics import spearman, spearman_interval

TARGET = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="Folders that genlora evaluate wrote.")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for report in args.reports:
        found = json.loads((report / "report.json").read_text())["summary"]["coverage"]
        rows += [{**r, "report": report.name} for r in found if r["closure"] is not None]
    x, y = ([r[k] for r in rows] for k in ("coverage", "closure"))
    value, (low, high) = spearman(x, y), spearman_interval(x, y)
    table = "| coverage | tasks | gap closure, mean | strict, mean |\n|---|---|---|---|\n"
    for start in (0.0, 0.25, 0.5, 0.75):
        part = [r for r in rows if start <= r["coverage"] < start + 0.25 + (start == 0.75)]
        if part:
            closure, strict = (sum(r[k] for r in part) / len(part) for k in ("closure", "strict"))
            table += f"| {start:.2f} to {start + 0.25:.2f} | {len(part)} | {closure:.1%} | {strict:.1%} |\n"
    met = "met" if math.isfinite(low) and low >= TARGET else "missed"
    table += (
        f"\nSpearman over {len(rows)} tasks of {len(args.reports)} reports: {value:.2f} "
        f"(95 % {low:.2f} to {high:.2f}); target {TARGET:.2f}: {met}.\n"
    )
    print(table)
    result = {"machine": machine(), "spearman": value, "interval": [low, high], "tasks": rows}
    save_result("coverage", result, table, args.output)


if __name__ == "__main__":
    main()
