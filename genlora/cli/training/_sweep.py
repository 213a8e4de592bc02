"""`genlora sweep`: training methods compared, each at its own best learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import progress_bars, span
from .._show import pool_of, ray_option, say, say_json

if TYPE_CHECKING:
    from genlora.api import Swept
    from genlora.train import ExpertTick, Piece

EPILOG = """\b
Examples:
  genlora sweep --methods lora,lora-ga,lora-xs@1e-2 --tasks bigbench:navigate,jsonl:mine.jsonl -o sweep
  genlora sweep --methods lora,lora-sb+lora-xs --tasks catalogue:r-plural -o sweep --seeds 0,1,2
  genlora sweep ... --list          # the pieces, one a line, and nothing is done
  genlora sweep ... --so-far        # the tables of what is done, while another process is at it
  genlora sweep ... --part 2/4      # every fourth piece from the second on, on another machine with the same folder
  genlora sweep ... --ray auto      # every piece a job of a Ray cluster
A method is NAME, or NAME+NAME of several seams, with :OPTION=VALUE;... and @RATE, the middle of its grid. Names are
those of: genlora methods list. A sweep that was stopped goes on where it was: give the same command again. All
methods are first trained at the middles of their grids, so that a table is there early.
"""

SETTINGS = ("points", "decades", "rows", "step_rows", "eval_every", "validation_rows", "rank", "test_rows", "slots")


@click.command("sweep", epilog=EPILOG, short_help="Compare training methods, each at its own best rate")
@click.option("--methods", required=True, metavar="A,B,...", help="What is compared; lora is plain LoRA.")
@click.option("--tasks", required=True, metavar="A,B,...", help="Task sources, as genlora bank train takes them.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder of the sweep.")
@click.option("--points", type=click.IntRange(1), default=5, show_default=True, help="Rates of each method's grid.")
@click.option(
    "--decades", type=click.FloatRange(0, 6, min_open=True), default=2.5, show_default=True, help="Width of each grid."
)
@click.option("--seeds", default="0", show_default=True, metavar="A,B,...")
@click.option("--rows", type=click.IntRange(1), default=480, show_default=True, help="Examples seen in each training.")
@click.option(
    "--step-rows", type=click.IntRange(1), default=12, show_default=True, help="Of each task in a step, at most."
)
@click.option("--eval-every", type=click.IntRange(1), default=10, show_default=True, help="Steps between validations.")
@click.option("--validation-rows", type=click.IntRange(1), default=40, show_default=True, help="Of each task.")
@click.option("--rank", type=click.IntRange(1, 256), default=8, show_default=True)
@click.option("--targets", default="q_proj,v_proj", show_default=True, help="Projections that are changed.")
@click.option("--test-rows", type=click.IntRange(1), default=100, show_default=True, help="Test rows of each task.")
@click.option("--slots", type=click.IntRange(1), default=8, show_default=True, help="Tasks trained at the same time.")
@click.option("--part", metavar="I/N", help="Do only the I-th of N shares of the pieces.")
@click.option("--list", "list_only", is_flag=True, help="Print the pieces and do nothing.")
@click.option("--so-far", is_flag=True, help="Print the tables of what is done and do nothing else.")
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for sources that need one.")
@click.option("--base", metavar="SOURCE", help="Base to train on.  [default: the usual one]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@ray_option
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
def sweep_command(
    methods: str,
    tasks: str,
    out: Path,
    part: str | None,
    list_only: bool,
    so_far: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare training METHODS on TASKS, each method over its own grid of learning rates.

    A rate is chosen on validation rows and judged on test rows; all trainings take equal steps on equal rows. Two
    tables come out: each method at its own best rate, and all methods at shared rates, which is no ranking. sweep.png
    draws both.
    """
    from genlora.train import Entrant, SweepConfig, only_part, pieces_of, with_seeds

    entrants = [Entrant.read(m) for m in methods.split(",") if m.strip()]
    leaves = tuple(t.strip() for t in options["targets"].split(",") if t.strip())
    same = {k: options[k] for k in SETTINGS}
    config = with_seeds(SweepConfig(targets=leaves, **same), options["seeds"])
    if part is not None:
        only_part([], part)  # what is wrong with it is told before anything is loaded
    if list_only:
        pieces = pieces_of(entrants, config)
        for piece in pieces if part is None else only_part(pieces, part):
            say(piece.key)
        return
    from genlora.api import sweep, sweep_so_far
    from genlora.tasks import load_tasks

    if so_far:
        _show(sweep_so_far(entrants, out, config), out, as_json)
        return
    found = load_tasks([t.strip() for t in tasks.split(",") if t.strip()], words_folder=options["words"])
    with pool_of(options["ray"], device=options["device"]) as pool, progress_bars() as show:
        at = ["", 0, 0]

        def begun(done: int, total: int, piece: Piece) -> None:
            at[:] = piece.key, done, total
            show("pieces", done, total, piece.key)

        def ticked(tick: ExpertTick) -> None:
            show("pieces", int(at[1]), int(at[2]), f"{at[0]}: {span(tick.eta_s)} left of it at most")

        swept = sweep(
            entrants,
            found,
            out,
            config,
            only=(lambda pieces: pieces) if part is None else (lambda pieces: only_part(pieces, part)),
            base=options["base"],
            device=options["device"],
            pool=pool,
            on_piece=begun,
            on_tick=ticked,
            progress=show,
        )
    _show(swept, out, as_json)


def _show(swept: Swept, out: Path, as_json: bool) -> None:
    if as_json:
        say_json(swept.report)
    else:
        _tell(swept, out)


def _tell(swept: Swept, out: Path) -> None:
    found = swept.tables
    say(found.verdict)
    if swept.done < swept.pieces:
        say(f"{swept.done} of {swept.pieces} pieces are done: what follows may change.")
    width = max(len(b.method) for b in found.best)
    say("")
    say("each at its own best rate:")
    say(f"  {'method':<{width}}  rate     loss    +-      right  ms/step  to plain  trained")
    for b in found.best:
        cells = f"{b.rate:<7g}  {b.test_loss:<6.4f}  {b.deviation:<6.4f}  {b.right:>5.0%}  {1000 * b.seconds:>7.0f}"
        cells += f"  {'-' if b.to_plain is None else b.to_plain:>8}"
        say(f"  {b.method:<{width}}  {cells}  {b.numbers:,}{'  (at the end of its grid)' if b.edge else ''}")
    say("  (to plain: steps until its training loss was where plain LoRA's ended)")
    if found.shared:
        say("")
        say("at one shared rate, which is no ranking of methods:")
        say(f"  {'method':<{width}}  " + "  ".join(f"{r:<8g}" for r in found.shared))
        for b in found.best:
            cells = [row.get(b.method) for row in found.shared.values()]
            say(f"  {b.method:<{width}}  " + "  ".join(f"{'' if c is None else f'{c:.4f}':<8}" for c in cells))
        say(f"  {'winner':<{width}}  " + "  ".join(f"{m:<8}" for m in found.winners.values()))
        say(f"spread between methods: {found.tuned_spread:.4f} tuned, up to {found.shared_spread:.4f} at a shared rate")
    say("")
    for warning in found.warnings:
        say(f"note: {warning}")
    say(f"{out / 'sweep.png'} draws it, {out / 'tables.json'} holds it")
