"""Write the table of docs/methods.md from the methods themselves: `python docs/make_methods.py`. A test holds them."""

import json
from pathlib import Path

from genlora.train import all_methods

PAGE = Path(__file__).with_name("methods.md")
BEGIN, END = "<!-- the table: docs/make_methods.py -->\n", "<!-- end of the table -->\n"
OPTIONS = {"init": "--init", "structure": "--structure", "rule": "--rule", "allocate": "--allocate"}


MEASURED = Path(__file__).parents[1] / "benchmarks" / "results" / "methods.json"


def measured() -> dict[str, str]:
    """{seam and name: step over plain LoRA's, and memory} from benchmarks/methods.py."""
    found = json.loads(MEASURED.read_text())
    held = found["plain"]["memory_mib"]
    return {
        name: f"{row['step_s'] / row['plain_s']:.2f}x, {max(0, row['memory_mib'] - held):.0f} MiB"
        for name, row in found["methods"].items()
    }


def table() -> str:
    """One row a method."""
    heads = ("method", "axis", "what it does", "source", "costs over plain LoRA", "a step, and memory", "choose it")
    rows = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    took = measured()
    for m in all_methods():
        step = took.get(f"{m.seam} {m.name}", "")
        cells = (f"`{OPTIONS[m.seam]} {m.name}`", m.axis, m.title, m.source, m.cost, step, m.when)
        rows.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with its table made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page())
