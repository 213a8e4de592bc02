"""Write the table of docs/methods.md from the methods themselves: `python docs/make_methods.py`. A test holds them."""

from pathlib import Path

from genlora.train import all_methods

PAGE = Path(__file__).with_name("methods.md")
BEGIN, END = "<!-- the table: docs/make_methods.py -->\n", "<!-- end of the table -->\n"
OPTIONS = {"init": "--init", "structure": "--structure", "rule": "--rule", "allocate": "--allocate"}


def table() -> str:
    """One row a method."""
    rows = ["| method | axis | what it does | source | costs over plain LoRA | choose it |", "|" + "---|" * 6]
    for m in all_methods():
        cells = (f"`{OPTIONS[m.seam]} {m.name}`", m.axis, m.title, m.source, m.cost, m.when)
        rows.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with its table made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page())
