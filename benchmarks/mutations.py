"""How many of thousands of mangled caches, bases, adapters, banks and example files do silent damage.

    python benchmarks/mutations.py [--count 5000] [--seed 0] [--worlds banks,caches]

The mutations and their judges are those of the tests (`tests/mutated`). Expected: no silent damage, no traceback, no
hang; the script ends with exit code 1 otherwise.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from common import machine, save_result

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mutated import WORLDS, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worlds", default=",".join(WORLDS), help="what is mangled, with commas")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        os.environ["GENLORA_CACHE"] = str(Path(root, "cache"))
        tally = run(Path(root), asked.count, seed=asked.seed, worlds=asked.worlds.split(","))
    sys.stdout.write("\n".join([tally.table(), *tally.wrong, ""]))
    rows = {f"{kind}: {verdict}": n for (kind, verdict), n in sorted(tally.counts.items())}
    result = {"count": asked.count, "seed": asked.seed, "found": rows, "wrong": tally.wrong, "machine": machine()}
    save_result("mutations", result, f"```text\n{tally.table()}\n```\n")
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
