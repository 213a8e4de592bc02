"""From a cold process to the first answer: `genlora run` and `genlora try` beside importing torch and transformers.

    python benchmarks/cold.py
    python benchmarks/cold.py --rounds 9

Every command runs in a process of its own, one after the other in each round, so that a slow minute hits all of them;
what counts is the ratio to the import, by wall clock and by processor time. Files are warm after a first round that is
not counted. `run` answers one input with an adapter made beforehand; `try` generates an adapter, asks the base whether
the nearest expert's task is meant, and shows base and adapter side by side.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import machine, save_result

TASK, INPUT = "Name the capital of the country.", "France"
IMPORT = "import torch, transformers"


def timed(command: list[str]) -> tuple[float, float]:
    """(wall clock, processor time) of a command, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="genlora-") as scratch:
        adapter = str(Path(scratch) / "adapter")
        genlora = [sys.executable, "-m", "genlora"]
        timed([*genlora, "generate", TASK, "-o", adapter])
        commands = {
            "import torch, transformers": [sys.executable, "-c", IMPORT],
            "import torch": [sys.executable, "-c", "import torch"],
            "genlora run": [*genlora, "run", "--adapter", adapter, "--input", INPUT],
            "genlora generate": [*genlora, "generate", TASK, "-o", adapter, "--force"],
            "genlora try": [*genlora, "try", TASK, "--input", INPUT],
        }
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(options.rounds + 1):
            for name, command in commands.items():
                found = timed(command)
                if turn:
                    seconds[name].append(found)
            print(f"round {turn} of {options.rounds}", file=sys.stderr)
    unit = seconds["import torch, transformers"]
    rows = {}
    for name, found in seconds.items():
        ratios = [[x[i] / u[i] for x, u in zip(found, unit, strict=True)] for i in (0, 1)]
        rows[name] = {
            "seconds": round(statistics.median(x for x, _ in found), 2),
            "processor_seconds": round(statistics.median(x for _, x in found), 2),
            "ratio": round(statistics.median(ratios[0]), 2),
            "processor_ratio": round(statistics.median(ratios[1]), 2),
        }
    table = "\n".join(
        [
            "| cold process | seconds | of an import of torch and transformers | processor seconds | of the import's |",
            "|---|---|---|---|---|",
            *(
                f"| {n} | {r['seconds']} | {r['ratio']} | {r['processor_seconds']} | {r['processor_ratio']} |"
                for n, r in rows.items()
            ),
        ]
    )
    print(json.dumps(rows, indent=1))
    save_result("cold", {"machine": machine(), "rounds": options.rounds, "commands": rows}, table, options.output)


if __name__ == "__main__":
    main()
