"""`genlora bank embed`: task vectors made anew, with another embedder than the one a bank was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .._progress import progress_bars
from .._show import bank_option, say, say_json

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
