"""`genlora train embedder`: factors that make the task embedder tell near misses from paraphrases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._progress import progress_bars
from .._show import say, say_json
from ._text import ticks

EPILOG = """\b
Examples:
  genlora train embedder -o checkpoints/embedder
  genlora train embedder --start checkpoints/embedder --steps 400 -o embedder-2
Then make the vectors of a bank anew: genlora bank embed --bank DIR
"""


@click.command("embedder", epilog=EPILOG, short_help="Teach the task embedder to read for meaning")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints and logs.  [default: OUT.run]")
@click.option("--start", type=click.Path(path_type=Path), help="A folder that this command wrote, to go on from.")
@click.option("--steps", type=click.IntRange(1), default=400, show_default=True)
@click.option("--clusters", type=click.IntRange(1), default=6, show_default=True, help="Groups of near tasks a step.")
@click.option("--catalogue", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="Share from there.")
@click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=5e-4, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the training record as JSON.")
def embedder(
    out: Path, words: Path | None, run: Path | None, start: Path | None, as_json: bool, **settings: Any
) -> None:
    """Train a LoRA on the default task embedder: paraphrases together, minimal pairs apart.

    Minutes to an hour on two cores. The factors are added to the embedder's weights as it loads.
    """
    from genlora.base import resolve_embedder
    from genlora.tasks import catalogue_tasks
    from genlora.train import EmbedderConfig, fit_embedder

    config = EmbedderConfig(**settings)
    run = run or out.with_name(f"{out.name}.run")
    tasks = catalogue_tasks("bank", words_folder=words)
    with progress_bars() as show:
        model = resolve_embedder(progress=show)
        record = fit_embedder(model, tasks, config, run, out, start=start, on_tick=ticks(show))
    if as_json:
        say_json({"output": str(out), **record})
        return
    told = record["record"]
    after = told["history"][-1] if told["history"] else {}
    say(f"{out}: paraphrase nearer than minimal pair {told['before']['nearer']:.1%}, now {after.get('nearer', 0):.1%}")
