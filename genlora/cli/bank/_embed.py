"""`genlora bank embed` and `describe`: task vectors made anew, and of other words for the same task."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from .._progress import progress_bars
from .._show import bank_option, embedder_option, say, say_json

if TYPE_CHECKING:
    from pathlib import Path

    from genlora.bank import BankAddress

EPILOG = """\b
Examples:
  genlora bank embed --bank fleet                  # the newest embedder
  genlora bank embed --bank fleet --embedder path/to/sentence-transformers-model
Experts keep their weights. What was trained or measured on the old vectors (cvae, sg-lora, hypernet, auto) has to be
made anew: genlora train.
"""


@click.command("embed", epilog=EPILOG, short_help="Make the task vectors anew with another embedder")
@click.option("--embedder", metavar="SOURCE", help="A sentence-transformers model.  [default: the newest of genlora's]")
@bank_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def embed(bank: Path | BankAddress | None, embedder: str | None, as_json: bool) -> None:
    """Embed every expert's descriptions anew; a request is then read by the same embedder."""
    from genlora.api import open_bank, store_calibration, task_embedder

    if bank is None:
        raise click.UsageError("name the bank to change: --bank PATH, or set GENLORA_BANK.")
    with progress_bars() as progress, open_bank(bank, change=True) as opened:
        before = (opened.metadata("embedder") or {"id": ""})["id"]
        chosen = task_embedder(embedder, progress=progress)
        changed = 0
        if chosen.id != before:
            with opened.atomic() as tx:
                changed = tx.embed_again(chosen)
            if changed:
                store_calibration(opened)
        about = {"path": str(opened.where), "experts": changed, "embedder": chosen.id, "before": before}
    if as_json:
        say_json(about)
    elif changed:
        say(f"{about['path']}: {changed} experts, embedder {before[:12]} to {chosen.id[:12]}")
    else:
        say(f"{about['path']}: embedder {chosen.id[:12]} already; nothing was changed")


DESCRIBE = """\b
Examples:
  genlora bank describe r-plural "turn one into many" "singular in, plural out" --bank fleet
  genlora bank describe r-plural --from wordings.txt --bank fleet
Where a request in your users' words misses its expert, add those words; `genlora bank search` shows what is near.
"""


@click.command("describe", epilog=DESCRIBE, short_help="Add other words for an expert's task")
@click.argument("name")
@click.argument("texts", nargs=-1)
@click.option("--from", "file", type=click.File("rb"), metavar="FILE", help="A text file, one a line; - is stdin")
@bank_option
@embedder_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def describe(
    name: str,
    texts: tuple[str, ...],
    file: IO[bytes] | None,
    bank: Path | BankAddress | None,
    embedder: str | None,
    as_json: bool,
) -> None:
    """Add other ways to ask for the task of the expert NAME: requests in such words find it.

    Its weights stay. What was measured on the old words (cvae, sg-lora, hypernet, auto) keeps its figures until it is
    trained anew.
    """
    from genlora.descriptions import BadItem, check_description, read_items
    from genlora.errors import DescriptionError

    said = [check_description(t) for t in texts]
    if file is not None:
        for item in read_items(file):
            if isinstance(item, BadItem):
                reason = item.reason.removeprefix(f"line {item.line}").lstrip()
                raise DescriptionError(f"{file.name}: line {item.line}: {reason} Nothing was changed.")
            said.append(item.description)
    if not said:
        raise click.UsageError("say it in other words: genlora bank describe NAME TEXT..., or --from FILE.")
    if bank is None:
        raise click.UsageError("name the bank to change: --bank PATH, or set GENLORA_BANK.")
    from genlora.api import load_banks_embedder, open_bank, store_calibration

    with progress_bars() as progress, open_bank(bank, change=True) as opened:
        before = len(opened.get(name).descriptions)
        model = load_banks_embedder(opened, embedder, progress=progress)
        with opened.atomic() as tx:
            after = len(tx.describe(name, said, model).descriptions)
        if after > before:
            store_calibration(opened)
    if as_json:
        say_json({"name": name, "descriptions": after, "added": after - before})
    else:
        say(f"{name}: {after - before} added, {after} descriptions")
