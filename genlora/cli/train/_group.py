"""`genlora train`: the trained generators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._progress import progress_bars
from .._show import bank_option, say, say_json
from ._auto import auto
from ._embedder import embedder
from ._stream import fewshot, hypernet_bases
from ._text import artefact_option, hypernet, multitask, ticks

CVAE_EPILOG = """\b
Examples:
  genlora train cvae -o generators/cvae
  genlora train cvae --prior learned -o generators/sg-lora
  genlora train cvae --examples --words FOLDER -o generators/cvae
Then: genlora generate "..." --generator cvae -o DIR, with $GENLORA_GENERATORS naming the folder above OUTPUT.
A run that was stopped goes on where it was: give the same command again.
"""

ABMLL_EPILOG = """\b
Examples:
  genlora train abmll -o generators/abmll
  genlora train abmll --steps 100 --shots 8 --words FOLDER --run runs/abmll -o generators/abmll
Then: genlora generate "..." --refine examples.jsonl -o DIR
A run that was stopped goes on where it was: give the same command again.
"""

_run = click.option(
    "--run", type=click.Path(path_type=Path), help="Folder for checkpoints and logs.  [default: OUT.run]"
)
_words = click.option(
    "--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it."
)
_device = click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
_devices = click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes (DDP).")
_seed = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
_json = click.option("--json", "as_json", is_flag=True, help="Print the training record as JSON.")
_base = click.option("--base", "base_source", help="Base to load.  [default: the bank's own]")


@click.group("train", short_help="Train generators on a bank")
def train() -> None:
    """Train generators on a bank. Experts are trained with: genlora bank train"""


@train.command("cvae", epilog=CVAE_EPILOG, short_help="Draw an expert's coefficients, given a description or examples")
@artefact_option
@bank_option
@_run
@click.option(
    "--prior",
    type=click.Choice(["standard", "learned"]),
    default="standard",
    show_default=True,
    help=(
        "standard reads the description (generator cvae: ICM-LoRA), learned the neighbours' mean and spread too "
        "(generator sg-lora: SG-LoRA)."
    ),
)
@click.option("--steps", type=click.IntRange(1), default=4000, show_default=True)
@click.option(
    "--keep",
    type=click.IntRange(1, 8),
    default=2,
    show_default=True,
    help=("Singular directions kept of each expert's module; the artefact grows with it."),
)
@click.option("--hidden", type=click.IntRange(1), default=192, show_default=True, help="Width of the networks.")
@click.option(
    "--noise",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help=("Deviation within an expert, as a share of its length; a bank holds final experts only, so it is assumed."),
)
@click.option(
    "--checkpoints",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help=("Run folder of the experts (bank train --keep-last), to measure that deviation instead."),
)
@click.option("--examples", is_flag=True, help="Learn to start from examples as well: loads the base, needs the tasks.")
@_words
@_base
@_device
@_devices
@_seed
@_json
def cvae(
    out: Path,
    bank: Path | None,
    run: Path | None,
    examples: bool,
    checkpoints: Path | None,
    words: Path | None,
    base_source: str | None,
    device: str,
    devices: int,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a conditional variational autoencoder on the bank's experts, as coefficients of their joint basis."""
    from genlora.api import open_bank
    from genlora.generators import save_artefact
    from genlora.train import CvaeFitConfig, fit_cvae, kept_checkpoints

    kept = None if checkpoints is None else kept_checkpoints(checkpoints)
    run = run or out.with_name(f"{out.name}.run")
    with open_bank(bank) as opened, progress_bars() as show:
        vectors = _vectors(opened, run, words, base_source, device) if examples else None
        report = fit_cvae(
            opened,
            CvaeFitConfig(**settings),
            run,
            task_vectors=vectors,
            checkpoints=kept,
            device=device,
            devices=devices,
            on_tick=ticks(show),
        )
    if report.fitted.rank:
        return
    save_artefact(out, report.artefact, replace=True)
    record = report.artefact.record
    if as_json:
        say_json({"output": str(out), **record})
        return
    held = record["validation"]
    seen = f"; unseen wordings: error {held['error']:.2f}, own expert nearest {held['nearest']:.0%}" if held else ""
    count, lost = len(report.artefact.config["experts"]), record["basis_error"]["mean"]
    say(f"{out}: {report.artefact.kind} of {count} experts, basis error {lost:.2f}{seen}")


def _vectors(bank: Any, run: Path, words: Path | None, base_source: str | None, device: str) -> dict[str, Any]:
    from genlora.api import exact_dtype, load_banks_base
    from genlora.errors import BankError
    from genlora.generators import library_vectors
    from genlora.tasks import catalogue_tasks

    tasks = {t.name: t for t in catalogue_tasks("bank", words_folder=words)}
    missing = sorted(set(bank.names()) - tasks.keys())
    if missing:
        raise BankError(
            f"the catalogue has no task of {len(missing)} of the bank's experts, e.g. {missing[0]}; their task vectors "
            "need examples. Name the folder of word tasks with --words, or leave --examples out."
        )
    base = load_banks_base(bank, base_source, device=device, dtype=exact_dtype(device))
    return library_vectors(base, {n: tasks[n] for n in bank.names()}, run / "task-vectors.safetensors")


@train.command("abmll", epilog=ABMLL_EPILOG, short_help="The prior for refining an adapter on a few examples")
@artefact_option
@bank_option
@_run
@click.option("--steps", type=click.IntRange(1), default=40, show_default=True, help="Meta-steps.")
@click.option("--tasks-per-step", type=click.IntRange(1), default=1, show_default=True)
@click.option("--shots", type=click.IntRange(1), default=16, show_default=True, help="Examples a task is adapted on.")
@click.option("--queries", type=click.IntRange(1), default=16, show_default=True, help="Examples it is judged on.")
@click.option("--refine-steps", type=click.IntRange(1), default=10, show_default=True, help="Of a refinement, later.")
@click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True)
@_words
@_base
@_device
@_devices
@_seed
@_json
def abmll(
    out: Path,
    bank: Path | None,
    run: Path | None,
    words: Path | None,
    base_source: str | None,
    device: str,
    devices: int,
    as_json: bool,
    **settings: Any,
) -> None:
    """Learn how far a task's adapter may lie from the generated one, from the bank's own tasks."""
    from genlora.api import calibration_of, load_banks_base, open_bank
    from genlora.generators import save_artefact
    from genlora.tasks import catalogue_tasks
    from genlora.train import AbmllFitConfig, fit_abmll

    config = AbmllFitConfig(**settings)
    with open_bank(bank) as opened, progress_bars() as show:
        base = load_banks_base(opened, base_source, device=device, progress=show)
        tasks = catalogue_tasks("bank", words_folder=words)
        report = fit_abmll(
            opened,
            calibration_of(opened),
            base,
            tasks,
            config,
            run or out.with_name(f"{out.name}.run"),
            device=device,
            devices=devices,
            on_tick=ticks(show),
        )
    if report.fitted.rank:
        return
    save_artefact(out, report.artefact, replace=True)
    record = report.artefact.record
    if as_json:
        say_json({"output": str(out), **record})
        return
    say(f"{out}: prior of {len(record['tasks'])} tasks after {report.fitted.steps} meta-steps")


train.add_command(auto)
train.add_command(embedder)
train.add_command(fewshot)
train.add_command(hypernet_bases)
train.add_command(multitask)
train.add_command(hypernet)
