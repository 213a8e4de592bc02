"""`genlora bank copy` and `bank index`: a bank that many machines share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._progress import progress_bars
from .._show import Place, bank_option, named_bank, say, say_json

if TYPE_CHECKING:
    from genlora.bank import BankAddress

COPY_EPILOG = """\b
Examples:
  genlora bank copy postgresql://db.example.org/lora --blobs s3://my-bucket/lora
  genlora bank copy postgresql://db.example.org/lora --bank my-bank --blobs /mnt/share/lora
  genlora bank --url postgresql://db.example.org/lora copy my-copy
Passwords come from PGPASSFILE, PGPASSWORD or a service file; docs/shared-bank.md has the rest.
"""


@click.command("copy", epilog=COPY_EPILOG, short_help="Copy a bank as it is, to a folder or a shared database")
@click.argument("target", type=Place())
@click.option("--blobs", metavar="PLACE", help="For postgresql://...: folder or fsspec URL of the experts' weights")
@bank_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def copy(target: Path | BankAddress, blobs: str | None, bank: Path | BankAddress | None, as_json: bool) -> None:
    """Copy a bank as it is to TARGET, a new folder or postgresql://..., with the same digests and revision.

    Both banks give the same adapters, byte for byte, and verify each other's receipts. Nothing shows at TARGET before
    all of it is there; after an interruption, run it again.
    """
    from genlora.api import open_bank
    from genlora.bank import copy_bank

    with open_bank(bank) as source, progress_bars() as show:
        report = copy_bank(source, target, blobs=blobs, progress=show)
    if as_json:
        say_json(report.to_json())
    else:
        size = f"{report.blobs} blobs ({report.blob_bytes / 2**20:.2f} MiB)"
        say(f"{report.target}: {report.experts} experts, {size}, revision {report.revision[:12]} as {report.source}")


@click.command("index", short_help="Choose how a large bank is searched")
@click.argument("kind", type=click.Choice(["exact", "hnsw", "lists"]))
@click.option(
    "--bank",
    type=Place(),
    envvar="GENLORA_BANK",
    metavar="BANK",
    callback=named_bank,
    help="The bank: postgresql://..., or a folder for lists.  [default: $GENLORA_BANK]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def index(kind: str, bank: Path | BankAddress | None, as_json: bool) -> None:
    """Search a shared bank by exact comparison, or through an HNSW index (approximate, for over 10^5 experts).

    Building the index takes minutes for 10^5 experts; readers go on meanwhile, writers wait. A folder bank of more than
    that is searched by lists, which are made when it is first opened for a change, or by this command.
    """
    from genlora.bank import Bank

    if bank is None:
        raise click.UsageError("name the bank: genlora bank --url URL index KIND, or --bank BANK.")
    with Bank.open(bank) as opened:
        changed, where = opened.set_search(kind), opened.where
    if as_json:
        say_json({"bank": where, "search": kind, "changed": changed})
    else:
        say(f"{where}: {'now' if changed else 'already'} searched by {kind}")
