"""`genlora train multitask` and `genlora train hypernet`: text generators, trained through the frozen base."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import Show, progress_bars
from .._show import bank_option, embedder_option, say, say_json, with_options

if TYPE_CHECKING:
    from genlora.train import FitTick

MULTITASK_EPILOG = """\b
Examples:
  genlora train multitask -o generators/multitask
  genlora train multitask --described -o generators/multitask-described
  genlora train multitask --steps 2000 --words FOLDER --run runs/multitask -o generators/multitask
A run that was stopped goes on where it was: give the same command again.
"""

HYPERNET_EPILOG = """\b
Examples:
  genlora train hypernet --start generators/multitask -o generators/hypernet
  genlora train hypernet --start generators/multitask --codes 0 --kl 0.2 -o generators/text-only
  genlora train hypernet --start generators/multitask --device cuda --devices 2 -o generators/hypernet
Then: genlora generate "..." --generator hypernet -o DIR, with $GENLORA_GENERATORS naming the folder above OUTPUT.
"""

_LONGEST = "Longest row in tokens, chat frame and answer included; tasks with longer rows alone are left out."


def _free(_ctx: click.Context, _param: click.Parameter, out: Path) -> Path:
    """`out`, where nothing is yet or a trained generator that may be replaced: told before hours are spent."""
    if os.path.lexists(out):
        from genlora.generators import own_artefact

        own_artefact(out)
    return out


artefact_option = click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    required=True,
    callback=_free,
    help="Artefact to write; a trained generator that is there is replaced.",
)

_COMMON: tuple[Callable[[Any], Any], ...] = (
    artefact_option,
    bank_option,
    click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it."),
    click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints and logs.  [default: OUT.run]"),
    click.option("--steps", type=click.IntRange(1), default=600, show_default=True),
    click.option("--tasks-per-step", type=click.IntRange(1), default=12, show_default=True),
    click.option("--tokens-per-task", type=click.IntRange(8), default=88, show_default=True, help="Of each pack."),
    click.option("--longest", type=click.IntRange(16), default=92, show_default=True, help=_LONGEST),
    click.option("--base", "base_source", help="Base to train through.  [default: the bank's own]"),
    embedder_option,
    click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
    click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes (DDP)."),
    click.option(
        "--eval-every", type=click.IntRange(1), default=50, show_default=True, help="Steps between two looks."
    ),
    click.option(
        "--keep",
        type=click.Choice(["best", "last"]),
        default="last",
        show_default=True,
        help="The weights of the best look at validation tasks, or those the schedule ends with.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--json", "as_json", is_flag=True, help="Print the training record as JSON."),
)


@click.command("multitask", epilog=MULTITASK_EPILOG, short_help="One adapter for all training tasks")
@with_options(_COMMON)
@click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=3e-3, show_default=True)
@click.option("--described", is_flag=True, help="Put the description into every prompt.")
def multitask(described: bool, lr: float, **options: Any) -> None:
    """Train one unconditional adapter on all training tasks of the catalogue.

    It is what a hypernetwork starts from and, with --described, the baseline that counts.
    """
    kind = "multitask-described" if described else "multitask"
    _fit(kind, described=1.0 if described else 0.0, fit={"lr": lr}, network={}, start=None, **options)


@click.command("hypernet", epilog=HYPERNET_EPILOG, short_help="From a description to an adapter, in one pass")
@with_options(_COMMON)
@click.option("--start", type=click.Path(path_type=Path), required=True, help="Multi-task artefact to start from.")
@click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option(
    "--described",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of steps whose prompts hold the description as well.",
)
@click.option(
    "--codes",
    type=click.IntRange(0),
    default=32,
    show_default=True,
    help="Size of the neighbours' code in the condition; 0 reads the text alone.",
)
@click.option(
    "--kl", type=click.FloatRange(0), default=0.0, show_default=True, help="Weight of the experts' behaviour."
)
@click.option("--align", type=click.FloatRange(0), default=0.0, show_default=True, help="Weight of product distance.")
@click.option("--l2", type=click.FloatRange(0), default=0.0, show_default=True, help="Weight of (dA, dB) squared.")
@click.option("--noise", type=click.FloatRange(0), default=0.3, show_default=True, help="Added to task vectors.")
@click.option("--code-dropout", type=click.FloatRange(0, 1), default=0.3, show_default=True)
def hypernet(
    start: Path,
    lr: float,
    described: float,
    codes: int,
    kl: float,
    align: float,
    l2: float,
    noise: float,
    code_dropout: float,
    **options: Any,
) -> None:
    """Train the hypernetwork end to end through the frozen base, around a multi-task adapter."""
    fit = {"lr": lr, "kl": kl, "align": align, "l2": l2, "noise": noise, "code_dropout": code_dropout}
    _fit("hypernet", described=described, fit=fit, network={"codes": codes}, start=start, **options)


def _fit(
    kind: str,
    *,
    described: float,
    fit: dict[str, Any],
    network: dict[str, Any],
    start: Path | None,
    out: Path,
    bank: Path | None,
    words: Path | None,
    run: Path | None,
    steps: int,
    tasks_per_step: int,
    tokens_per_task: int,
    longest: int,
    base_source: str | None,
    embedder: str | None,
    device: str,
    devices: int,
    eval_every: int,
    keep: Any,
    seed: int,
    as_json: bool,
) -> None:
    from genlora.api import load_banks_base, load_banks_embedder, open_bank
    from genlora.generators import CODE_EXTRA, NetworkConfig
    from genlora.tasks import catalogue_tasks
    from genlora.train import FitConfig, FitTextOptions, TaskBatchConfig, fit_text

    codes = int(network.get("codes", 0))
    batches = TaskBatchConfig(
        tasks_per_step=tasks_per_step,
        tokens_per_task=tokens_per_task,
        max_row_tokens=longest,
        described=described,
        rows_per_task=8,
        seed=seed,
    )
    config = FitConfig(steps=steps, eval_every=eval_every, keep=keep, validation_rows=10, batches=batches, **fit)
    with open_bank(bank) as opened, progress_bars() as show:
        # The artefact must read vectors of the bank's own embedder: told before training, not when it is first used.
        model = load_banks_embedder(opened, embedder, progress=show)
        base = load_banks_base(opened, base_source, device=device, progress=show)
        report = fit_text(
            base,
            opened,
            catalogue_tasks("bank", words_folder=words),
            catalogue_tasks("validation", words_folder=words),
            model,
            FitTextOptions(
                kind=kind,
                config=config,
                run=run or out.with_name(f"{out.name}.run"),
                start=start,
                device=device,
                devices=devices,
                on_tick=ticks(show),
                network=NetworkConfig(code_dim=codes + CODE_EXTRA if codes else 0, scale=config.scale),
            ),
            out,
        )
    if report.fitted.rank:
        return
    if as_json:
        say_json({"output": str(out), **report.record})
        return
    held = report.record["validation"][""]
    say(
        f"{out}: {kind}, {report.record['tokens']:,} tokens, {len(report.record['tasks'])} tasks; "
        f"validation tasks {held['right']:.1%} right, loss {held['loss']:.3f}"
    )


def ticks(show: Show) -> Callable[[FitTick], None]:
    """Shows each step of a fit: losses, and the time left."""

    def tick(at: FitTick) -> None:
        losses = ", ".join(f"{k} {v:.3f}" for k, v in sorted(at.losses.items()))
        show("training", at.step, at.steps, losses)

    return tick
