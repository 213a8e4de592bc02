"""`genlora transfer`: an expert, or a whole bank, to another base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._progress import progress_bars, span
from ._show import bank_option, embedder_option, pool_of, ray_option, say, say_json
from ._text import plain

if TYPE_CHECKING:
    from genlora.api import MovedBank, TransferOptions, Transferred
    from genlora.bank import BankAddress
    from genlora.train import ExpertTick

EPILOG = """\b
Examples:
  genlora transfer --expert r-extract-city --to path/to/base -o city-on-base
  genlora transfer --expert r-extract-city --to path/to/base --method project -o city-projected
  genlora transfer --expert mine --bank my-bank --seeds five.jsonl --to base.gguf -o mine-on-base
  genlora transfer --bank my-bank --to path/to/base -o bank-on-base --refit 4000
  genlora transfer --bank my-bank --to path/to/base -o bank-on-base --ray auto
A run that was stopped goes on where it was: give the same command again. What was made up lies in FOLDER.run.
"""


@click.command("transfer", epilog=EPILOG, short_help="Move an expert or a bank to another base, without its data")
@click.option("--expert", metavar="NAME", help="The expert to move.  [default: all of --bank, and -o is then a bank]")
@click.option("--only", multiple=True, metavar="NAME", help="Of a bank: only these; may be given several times.")
@bank_option
@click.option("--to", required=True, metavar="BASE", help="The base to move to: pypi:, hf:, a folder or .gguf.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option(
    "--method",
    type=click.Choice(["distil", "project"]),
    default="distil",
    show_default=True,
    help="Train on made-up inputs, or map the weights and train nothing.",
)
@click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    help="File of 3 to 15 examples; of more the first five are read.  [default: those on the expert's card]",
)
@click.option("--run", type=click.Path(path_type=Path), help="Folder for the steps.  [default: FOLDER.run]")
@click.option(
    "--count", type=click.IntRange(24), default=200, show_default=True, help="Made-up inputs that are wanted."
)
@click.option("--most", type=click.IntRange(0), default=0, help="Made-up inputs at most.  [default: 8 times --count]")
@click.option(
    "--writer",
    type=click.Choice(["source", "target"]),
    default="source",
    show_default=True,
    help="Which base makes inputs up.",
)
@click.option(
    "--filter",
    "filter_",
    type=click.Choice(["auto", "discriminator", "seeds", "none"]),
    default="auto",
    show_default=True,
    help="auto: the expert's discriminator where there is one that tells, else likeness to the seeds.",
)
@click.option(
    "--unsure", is_flag=True, help="Keep inputs too that the expert answers with less confidence than the seeds."
)
@click.option(
    "--discriminator",
    type=click.Path(path_type=Path),
    help="File, or folder of them.  [default: BANK/discriminators]",
)
@click.option("--discriminator-base", metavar="SOURCE", help="Base of a discriminator from before an earlier transfer.")
@click.option("--base", metavar="SOURCE", help="The bank's own base.  [default: the one that the bank names]")
@embedder_option
@click.option("--rank", type=click.IntRange(1, 256), default=8, show_default=True, help="Rank on the target.")
@click.option("--targets", default="q_proj,v_proj", show_default=True, help="Projections that are changed there.")
@click.option("--rows", type=click.IntRange(1), default=960, show_default=True, help="Rows seen at most, repeats too.")
@click.option("--lr", default=4e-3, show_default=True, help="Peak learning rate.")
@click.option("--slots", type=click.IntRange(1), default=8, show_default=True, help="Of a bank: size of a group.")
@click.option(
    "--refit", type=click.IntRange(0), default=0, metavar="STEPS", help="Of a bank: fit a cvae to it, beside its files."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--seed", default=0, show_default=True)
@ray_option
@click.option("--force", is_flag=True, help="Replace an adapter that genlora wrote, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def transfer_command(
    expert: str | None,
    only: tuple[str, ...],
    bank: Path | BankAddress | None,
    to: str,
    out: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Move an expert of a bank to another base, without the data it was trained on.

    A base makes up inputs like five examples, a discriminator filters them, the expert answers, and an adapter is
    trained on the other base (Trans-LoRA). Every step is a file in FOLDER.run; samples.html there shows what was made
    up. A discriminator is trained beforehand, where the data are: genlora bank discriminator. With --ray each expert of
    a bank, and then each group that is trained, is a job of the cluster.
    """
    if expert is None:
        if bank is None:
            raise click.UsageError("say what is moved: --expert NAME, or --bank DIR for every expert of a bank.")
        if options["seeds"] is not None or options["force"]:
            raise click.UsageError(
                "a bank is moved with the seeds of its cards, and gone on with: leave --seeds and --force out."
            )
        _tell_bank(_bank(bank, to, out, only, **options), as_json)
        return
    if only or options["refit"] or options["ray"] is not None:
        raise click.UsageError("--only, --refit and --ray are for a whole bank: leave them or --expert out.")
    moved = _one(expert, bank, to, out, **options)
    if as_json:
        say_json(moved.report)
        return
    for line in moved.summary().splitlines():
        say(line)
    say(f"adapter: {out}")


def _one(expert: str, bank: Path | BankAddress | None, to: str, out: Path, **options: Any) -> Transferred:
    from genlora.api import transfer

    with progress_bars() as show:
        return transfer(
            expert,
            to,
            out,
            bank=bank,
            seeds=options["seeds"],
            discriminator=options["discriminator"],
            discriminator_base=options["discriminator_base"],
            run=options["run"],
            base=options["base"],
            embedder=options["embedder"],
            device=options["device"],
            options=_options(options),
            force=options["force"],
            progress=show,
        )


def _bank(bank: Path | BankAddress | None, to: str, out: Path, only: tuple[str, ...], **options: Any) -> MovedBank:
    from genlora.api import transfer_bank

    with pool_of(options["ray"], device=options["device"]) as pool, progress_bars() as show:

        def ticked(tick: ExpertTick) -> None:
            left = f"{tick.rows_per_s:.1f} rows/s, at most {span(tick.eta_s)} left"
            show("training", tick.done, tick.total, left)

        return transfer_bank(
            bank,
            to,
            out,
            names=only or None,
            discriminators=options["discriminator"],
            discriminator_base=options["discriminator_base"],
            run=options["run"],
            base=options["base"],
            embedder=options["embedder"],
            device=options["device"],
            options=_options(options),
            refit=options["refit"],
            pool=pool,
            progress=show,
            on_tick=ticked,
        )


def _options(given: dict[str, Any]) -> TransferOptions:
    from genlora.api import TransferOptions
    from genlora.train import ExpertConfig

    config = ExpertConfig(
        rank=given["rank"],
        targets=tuple(t.strip() for t in given["targets"].split(",")),
        max_rows=given["rows"],
        lr=given["lr"],
        slots=given["slots"],
        seed=given["seed"],
    )
    return TransferOptions(
        method=given["method"],
        count=given["count"],
        most=given["most"],
        writer=given["writer"],
        filter=given["filter_"],
        sure=not given["unsure"],
        config=config,
        seed=given["seed"],
    )


def _tell_bank(found: MovedBank, as_json: bool) -> None:
    if as_json:
        say_json(found.to_json())
        return
    for name, report in sorted(found.moved.items()):
        share = report.get("agreement", {}).get("share")
        agreed = "" if share is None else f"  agrees with its source on {share:.0%} of made-up inputs"
        say(f"moved    {name}{agreed}")
    for name, why in sorted(found.failed.items()):
        say(f"left out {name}  {plain(why)}")
    if found.generator is not None:
        say(f"generator: {found.generator}")
    there = f", {len(found.already)} were there already" if found.already else ""
    say(f"{found.path}: {len(found.moved)} experts moved{there}, {len(found.failed)} left out")
