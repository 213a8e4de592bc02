"""`genlora bank discriminator`: what tells an expert's real inputs from made-up ones, for a later transfer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._progress import progress_bars, span
from .._show import Place, named_bank, say, say_json
from .._text import plain

if TYPE_CHECKING:
    from genlora.api import Discriminators
    from genlora.bank import BankAddress
    from genlora.train import ExpertTick

EPILOG = """\b
Examples:
  genlora bank discriminator --bank my-bank jsonl:tickets.jsonl
  genlora bank discriminator --bank my-bank catalogue:role=bank --words FOLDER -o discriminators
"""


@click.command(
    "discriminator", epilog=EPILOG, short_help="Train what tells real inputs from made-up ones, for genlora transfer"
)
@click.argument("sources", nargs=-1, required=True)
@click.option("--bank", type=Place(), callback=named_bank, help="Bank that has the experts.  [required]")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Folder.  [default: BANK/discriminators]")
@click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints.  [default: OUTPUT.run]")
@click.option(
    "--words", type=click.Path(path_type=Path), help="Folder of word tasks for catalogue entries that need one."
)
@click.option("--base", "base_source", metavar="SOURCE", help="The bank's base.  [default: the one that it names]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--each", type=click.IntRange(32), default=120, show_default=True, help="Real inputs, and as many made-up ones."
)
@click.option("--slots", type=click.IntRange(1), default=8, show_default=True, help="Trained at the same time.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def discriminator(
    sources: tuple[str, ...],
    bank: Path | BankAddress | None,
    out: Path | None,
    run: Path | None,
    words: Path | None,
    base_source: str | None,
    device: str,
    each: int,
    slots: int,
    as_json: bool,
) -> None:
    """Train a discriminator for each task of SOURCES that is an expert of BANK.

    It learns from the task's real inputs which made-up ones may pass for them, and is kept beside the expert: a later
    `genlora transfer` filters with it and needs no data. SOURCES are those of genlora bank train.
    """
    if bank is None:
        raise click.UsageError("name the bank: --bank PATH, or genlora bank --url URL discriminator ...")
    if out is None:
        if not isinstance(bank, Path):
            raise click.UsageError("a shared bank has no folder: name one for the discriminators with --output.")
        from genlora.api import DISCRIMINATORS

        out = bank / DISCRIMINATORS
        run = run or bank.with_name(f"{bank.name}.{DISCRIMINATORS}.run")
    found = _train(sources, bank, out, run or out.with_name(f"{out.name}.run"), words, base_source, device, each, slots)
    if as_json:
        say_json(found.to_json())
        return
    for name, right in sorted(found.accuracy.items()):
        say(f"trained   {name}  right on {right:.0%} of the inputs left out")
    for name, why in sorted(found.failed.items()):
        say(f"left out  {name}  {plain(why)}")


def _train(
    sources: tuple[str, ...],
    bank: Path | BankAddress,
    out: Path,
    run: Path,
    words: Path | None,
    base_source: str | None,
    device: str,
    each: int,
    slots: int,
) -> Discriminators:
    from genlora.api import load_banks_base, open_bank, train_discriminators
    from genlora.tasks import load_tasks

    tasks = load_tasks(sources, words_folder=words)
    with open_bank(bank) as opened, progress_bars() as show:

        def ticked(tick: ExpertTick) -> None:
            left = f"{tick.rows_per_s:.1f} rows/s, at most {span(tick.eta_s)} left"
            show("training", tick.done, tick.total, left)

        base = load_banks_base(opened, base_source, device=device, progress=show)
        return train_discriminators(
            opened, base, tasks, out, run, each=each, slots=slots, progress=show, on_tick=ticked
        )
