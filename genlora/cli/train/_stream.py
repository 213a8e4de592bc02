"""`genlora train fewshot` and `genlora train hypernet-bases`: what is trained on the stream of tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import Show, progress_bars
from .._show import bank_option, embedder_option, say, say_json, with_options
from ._text import artefact_option, ticks

if TYPE_CHECKING:
    from genlora.train import FitStreamOptions, FitStreamReport, StreamConfig

EPILOG = """\b
Examples:
  genlora train fewshot -o generators/fewshot
  genlora train fewshot --steps 4000 --run runs/fewshot -o generators/fewshot
  genlora train fewshot --device cuda --sequences 64 --workers 8 --minutes 60 -o generators/fewshot
  genlora train fewshot --start generators/fewshot --steps 500 -o generators/fewshot-2
A run that was stopped goes on where it was: give the same command again.
Then: genlora generate "..." --generator fewshot -o DIR, with $GENLORA_GENERATORS naming the folder above OUTPUT.
"""

BASES_EPILOG = """\b
Examples:
  genlora train hypernet-bases --start generators/fewshot -o generators/hypernet-bases
  genlora train hypernet-bases --start generators/fewshot --kl 0.5 --rank 32 -o generators/hypernet-bases
  genlora train hypernet-bases --start generators/fewshot --device cuda --sequences 64 --workers 8 --minutes 60 -o OUT
A run that was stopped goes on where it was: give the same command again.
Then: genlora generate "..." --generator hypernet-bases -o DIR, with $GENLORA_GENERATORS naming the folder above OUTPUT.
"""

_COMMON: tuple[Callable[[Any], Any], ...] = (
    artefact_option,
    bank_option,
    click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it."),
    click.option("--no-catalogue", is_flag=True, help="Train on the stream alone: nothing is fetched but the base."),
    click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints and logs.  [default: OUT.run]"),
    click.option("--start", type=click.Path(path_type=Path), help="A fewshot artefact to begin with."),
    click.option("--steps", type=click.IntRange(1), default=2000, show_default=True),
    click.option(
        "--minutes", type=click.FloatRange(0, min_open=True), help="Stop after so long, whatever --steps says."
    ),
    click.option(
        "--cool-down",
        type=click.FloatRange(0, 1),
        default=0.2,
        show_default=True,
        help="Last share of --steps, and of --minutes, in which the learning rate falls to zero; 0 for none.",
    ),
    click.option("--sequences", type=click.IntRange(4), default=4, show_default=True, help="A step, in fours."),
    click.option("--tokens", type=click.IntRange(64), default=224, show_default=True, help="Of a sequence, at most."),
    click.option("--rank", type=click.IntRange(1, 256), default=16, show_default=True),
    click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True),
    click.option("--specs", type=click.IntRange(0), default=0, show_default=True, help="Of the stream; 0 is endless."),
    click.option("--base", "base_source", help="Base to train through.  [default: the bank's own]"),
    click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
    click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes (DDP)."),
    click.option(
        "--workers",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Processes that draw the stream ahead: a GPU waits for it, a CPU does not.",
    ),
    click.option("--checkpoint-every", type=click.IntRange(1), default=25, show_default=True, help="Steps."),
    click.option(
        "--eval-every", type=click.IntRange(1), default=150, show_default=True, help="Steps between two looks."
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--json", "as_json", is_flag=True, help="Print the training record as JSON."),
)


@click.command("fewshot", epilog=EPILOG, short_help="One adapter that reads descriptions and examples")
@with_options(_COMMON)
def fewshot(sequences: int, **options: Any) -> None:
    """Train one adapter for prompts with a description, with worked examples, or with both.

    Tasks come from the stream, which never repeats a row, and from the catalogue's training tasks. The artefact is
    written after every look at validation, so an unfinished run is of use too; it is good once its learning rate has
    fallen, at the end of --steps or of --minutes. A run that --minutes ended goes on from before the fall.
    """
    from genlora.train import FewshotConfig, fit_fewshot

    def fitted(base: Any, bank: Any, roles: Any, options: FitStreamOptions, out: Path, show: Show) -> FitStreamReport:
        return fit_fewshot(base, roles[0], roles[1], (bank.metadata("embedder") or {"id": ""})["id"], options, out)

    settings = {k: options.pop(k) for k in ("tokens", "rank", "lr", "specs", "seed")}
    _fit("fewshot", FewshotConfig(half_groups=max(1, sequences // 4), **settings), fitted, **options)


@click.command("hypernet-bases", epilog=BASES_EPILOG, short_help="From a description, read token by token, in one pass")
@with_options(_COMMON)
@embedder_option
@click.option(
    "--kl", type=click.FloatRange(0), default=0.0, show_default=True, help="Weight of the start as a teacher."
)
@click.option(
    "--bare",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of packs of rows whose prompt is the input alone.",
)
@click.option("--bases", type=click.IntRange(1), default=32, show_default=True, help="Matrices per module kind.")
@click.option("--queries", type=click.IntRange(1), default=8, show_default=True, help="Learned queries per reader.")
@click.option("--hidden", type=click.IntRange(1), default=128, show_default=True, help="Width of the network.")
@click.option(
    "--reader",
    "readers",
    type=click.Choice(["embedder", "base"]),
    multiple=True,
    default=("embedder",),
    show_default=True,
    help="Who reads the description; a network that the base reads for is for measuring.",
)
def hypernet_bases(
    sequences: int,
    embedder: str | None,
    kl: float,
    bare: float,
    bases: int,
    queries: int,
    hidden: int,
    readers: tuple[str, ...],
    **options: Any,
) -> None:
    """Train a hypernetwork around a few-shot adapter: coefficients over bases that all layers share.

    It learns from the same tasks as `fewshot`, through the frozen base, with the description in the prompt of some rows
    and left to the adapter in others.
    """
    from genlora.api import load_banks_embedder
    from genlora.train import HypernetBasesConfig, fit_hypernet_bases

    network = {"bases": bases, "queries": queries, "hidden_dim": hidden}

    def fitted(base: Any, bank: Any, roles: Any, options: FitStreamOptions, out: Path, show: Show) -> FitStreamReport:
        model = load_banks_embedder(bank, embedder, progress=show)
        return fit_hypernet_bases(base, roles[0], roles[1], model, options, out, network=network, readers=readers)

    settings = {k: options.pop(k) for k in ("tokens", "rank", "lr", "specs", "seed")}
    config = HypernetBasesConfig(half_groups=max(1, sequences // 4), kl=kl, bare=bare, **settings)
    _fit("hypernet-bases", config, fitted, **options)


def _fit(
    kind: str,
    config: StreamConfig,
    fitted: Callable[..., FitStreamReport],
    *,
    out: Path,
    bank: Path | None,
    words: Path | None,
    no_catalogue: bool,
    run: Path | None,
    base_source: str | None,
    device: str,
    checkpoint_every: int,
    eval_every: int,
    as_json: bool,
    **options: Any,
) -> None:
    from genlora.api import load_banks_base, open_bank
    from genlora.tasks import catalogue_tasks
    from genlora.train import FitStreamOptions

    attention = "eager" if device == "cpu" else "sdpa"
    with open_bank(bank) as opened, progress_bars() as show:
        base = load_banks_base(opened, base_source, device=device, attention=attention, progress=show)
        roles = [[] if no_catalogue else catalogue_tasks(r, words_folder=words) for r in ("bank", "validation")]
        ready = FitStreamOptions(
            config=config,
            run=run or out.with_name(f"{out.name}.run"),
            device=device,
            every_checkpoint=checkpoint_every,
            every_validation=eval_every,
            on_tick=ticks(show),
            **options,
        )
        report = fitted(base, opened, roles, ready, out, show)
    if report.fitted.rank:
        return
    record = report.artefact.record
    if as_json:
        say_json({"output": str(out), **record})
        return
    held = record["history"][-1] if record["history"] else {}
    right = ", ".join(f"{k} {v:.1%}" for k, v in held.items() if "/" in k)
    seen = f"{record['tokens']:,} tokens, {record['sequences']:,} sequences"
    say(f"{out}: {kind}, {seen}; right by forcing: {right or 'nobody looked'}")
