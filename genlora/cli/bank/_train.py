"""`genlora bank train`: tasks in, measured experts out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import progress_bars, span
from .._show import Place, embedder_option, named_bank, pool_of, ray_option

if TYPE_CHECKING:
    from genlora.api import Grown
    from genlora.bank import BankAddress
    from genlora.evaluate import Admission
    from genlora.train import ExpertTick

EPILOG = """\b
Examples:
  genlora bank train --bank my-bank jsonl:tickets.jsonl
  genlora bank train --bank my-bank bigbench:word_sorting bigbench:object_counting --run runs/first
  genlora bank train --bank my-bank catalogue:role=bank --words FOLDER --slots 8
  genlora bank train --bank my-bank jsonl:tickets.jsonl --init lora-ga --method-option gamma=16
  genlora bank train --bank my-bank jsonl:tickets.jsonl --structure xs --init lora-sb --rule glad,lisa
  genlora bank train --bank my-bank catalogue:role=bank --slots 4 --ray auto
A run that was stopped goes on where it was: give the same --run again.
"""


@click.command("train", epilog=EPILOG, short_help="Train experts on tasks and store those that are worth it")
@click.argument("sources", nargs=-1, required=True)
@click.option("--bank", type=Place(), callback=named_bank, help="Bank to add to; see: genlora bank init  [required]")
@click.option(
    "--words", type=click.Path(path_type=Path), help="Folder of word tasks for catalogue entries that need one."
)
@click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints.  [default: BANK.run]")
@click.option("--base", "base_source", help="Base to train on.  [default: the bank's own]")
@embedder_option
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option("--slots", default=8, show_default=True, help="Experts of a group, trained in the same batches.")
@click.option("--rows", default=960, show_default=True, help="Examples seen per expert at most, repeats included.")
@click.option(
    "--rank", type=click.IntRange(1, 256), help="Of what is trained.  [default: 8, or the bank's where that is smaller]"
)
@click.option("--lr", default=4e-3, show_default=True, help="Peak learning rate.")
@click.option("--described", is_flag=True, help="Put the description into the prompt while training.")
@click.option(
    "--keep-last",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help=("Keep each expert's last checkpoints, this many, in the run folder, for: genlora train cvae --checkpoints"),
)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Refuse an expert that is right on a smaller share of its own held-out examples, e.g. 0.5.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--init", default="common", show_default=True, metavar="NAME", help="Where training starts.")
@click.option("--structure", default="lora", show_default=True, metavar="NAME", help="What is trained.")
@click.option("--rule", "rules", default="adamw", show_default=True, metavar="NAME[,NAME]", help="How a step is taken.")
@click.option("--allocate", default="uniform", show_default=True, metavar="NAME", help="Which modules get which rank.")
@click.option(
    "--method-option",
    "method_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of one of these methods, see: genlora methods show NAME. May be given several times.",
)
@click.option(
    "--discriminator",
    is_flag=True,
    help="Train for each stored expert what tells its real inputs from made-up ones, for: genlora transfer",
)
@ray_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(bank: Path | BankAddress | None, sources: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Train an expert for each task of SOURCES on BANK's base; store those that beat base and majority answer.

    SOURCES are bigbench:NAME, jsonl:FILE, sni:FILE, words:FOLDER, hub:NAME, catalogue:NAME for one task of the
    catalogue, or catalogue:role=ROLE for all tasks of a role. Experts are trained in groups, cheapest tasks first, and
    stored once their group is trained and measured. With --ray each group is a job of the cluster.

    However it is trained, an expert ends as a plain LoRA on the untouched base; its card says how it was made and what
    that cost. The methods there are: genlora methods list
    """
    if bank is None:
        raise click.UsageError("name the bank to add to: --bank PATH, or genlora bank --url URL train ...")
    if options["run"] is None:
        if not isinstance(bank, Path):
            raise click.UsageError("a shared bank has no folder beside it: name one for the checkpoints with --run.")
        options["run"] = bank.with_name(f"{bank.name}.run")
    if options["discriminator"] and not isinstance(bank, Path):
        raise click.UsageError(
            "a shared bank has no folder for discriminators. Train them by: genlora bank discriminator --output FOLDER"
        )
    report = _train(bank, sources, **options)
    if as_json:
        click.echo(json.dumps(report.to_json()))
        return
    for a in report.measured:
        mark = "stored " if a.admitted else "refused"
        click.echo(f"{mark}  {a.name}  own {a.own:.3f}  base {a.base:.3f}  majority {a.majority:.3f}  {a.reason}")
    for name, why in report.failed.items():
        click.echo(f"left out  {name}  {why}")


def _train(
    bank_path: Path | BankAddress,
    sources: tuple[str, ...],
    *,
    words: Path | None,
    run: Path,
    base_source: str | None,
    embedder: str | None,
    device: str,
    dtype: str,
    slots: int,
    rows: int,
    rank: int | None,
    lr: float,
    described: bool,
    keep_last: int,
    least: float,
    seed: int,
    discriminator: bool,
    init: str,
    structure: str,
    rules: str,
    allocate: str,
    method_options: tuple[str, ...],
    ray: str | None,
) -> Grown:
    import torch

    from genlora.api import (
        DISCRIMINATORS,
        grow_bank,
        load_banks_base,
        load_banks_embedder,
        open_bank,
        store_calibration,
        train_discriminators,
    )
    from genlora.tasks import load_tasks
    from genlora.train import ExpertConfig, MethodConfig

    method = MethodConfig.read(init=init, structure=structure, rules=rules, allocate=allocate, options=method_options)
    settings = {"slots": slots, "max_rows": rows, "lr": lr, "described": described, "keep_last": keep_last}
    tasks = load_tasks(sources, words_folder=words)
    kind = None if dtype == "auto" else getattr(torch, dtype)
    with (
        pool_of(ray, device=device) as pool,
        open_bank(bank_path, change=True) as bank,
        progress_bars() as show,
    ):
        # What a bank cannot hold is not trained: its targets and, unless another is asked for, its rank are followed.
        same = {"rank": min(8, bank.rank) if rank is None else rank, "targets": bank.targets}
        config = ExpertConfig(**settings, **same, seed=seed, method=method)
        # Before hours of training, not at their end, when the bank would refuse the experts' embeddings.
        model = load_banks_embedder(bank, embedder, progress=show)
        base = load_banks_base(bank, base_source, device=device, dtype=kind, progress=show)
        measured = 0

        def trained(tick: ExpertTick) -> None:
            left = f"{tick.rows_per_s:.0f} rows/s, at most {span(tick.eta_s)} left"
            show("training", tick.done, tick.total, left)

        def stored(admission: Admission) -> None:
            nonlocal measured
            measured += 1
            show("measuring", measured, len(tasks), f"{admission.name}: {admission.reason}")

        report = grow_bank(
            bank,
            base,
            tasks,
            config,
            run,
            embedder=model,
            least=least,
            pool=pool,
            on_tick=trained,
            on_measured=stored,
        )
        if len(bank):
            store_calibration(bank)
        admitted = {a.name for a in report.admitted}
        if discriminator and admitted and bank.folder:
            chosen = [t for t in tasks if t.name in admitted]
            folder = bank.folder / DISCRIMINATORS
            train_discriminators(
                bank, base, chosen, folder, run / DISCRIMINATORS, slots=slots, progress=show, on_tick=trained
            )
    return report
