"""`genlora verify`: is an adapter what its receipt says?"""

from __future__ import annotations

from pathlib import Path

import click

from ._progress import progress_bars
from ._show import bank_option, say, say_json


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--files-only", is_flag=True, help="Compare digests only; needs no bank and no embedder.")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
def verify(folder: Path, bank: Path | None, embedder: str | None, files_only: bool, as_json: bool) -> None:
    """Check an adapter folder against its receipt and make it again.

    Every file must have the digest in FOLDER/receipt.json; then the adapter is made again from the bank's experts and
    compared, and the description is looked up again. Exits with 2 when anything differs.
    """
    from genlora.api import GenLora
    from genlora.api import verify as check

    if files_only:
        verdict = check(folder, None)
    else:
        with progress_bars() as progress, GenLora(bank, embedder=embedder, progress=progress) as lora:
            verdict = check(folder, lora)
    if as_json:
        say_json(verdict.to_json())
    else:
        for item in verdict.checks:
            say(f"{'ok  ' if item.ok else 'FAIL'}  {item.name:<10}  {item.detail}")
    if not verdict.ok:
        failed = ", ".join(c.name for c in verdict.checks if not c.ok)
        click.echo(f"genlora: error: {folder} does not verify: {failed}", err=True)
        raise click.exceptions.Exit(2)
