"""`genlora train fewshot`: one adapter for descriptions and examples, trained on the stream of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._progress import progress_bars
from .._show import bank_option, say, say_json
from ._text import artefact_option, ticks

EPILOG = """\b
Examples:
  genlora train fewshot -o generators/fewshot
  genlora train fewshot --steps 4000 --run runs/fewshot -o generators/fewshot
  genlora train fewshot --device cuda --sequences 64 --steps 6000 -o generators/fewshot
  genlora train fewshot --start generators/fewshot --steps 500 -o generators/fewshot-2
A run that was stopped goes on where it was: give the same command again.
Then: genlora generate "..." --generator fewshot -o DIR, with $GENLORA_GENERATORS naming the folder above OUTPUT.
"""


@click.command("fewshot", epilog=EPILOG, short_help="One adapter that reads descriptions and examples")
@artefact_option
@bank_option
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it.")
@click.option("--no-catalogue", is_flag=True, help="Train on the stream alone: nothing is fetched but the base.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints and logs.  [default: OUT.run]")
@click.option("--start", type=click.Path(path_type=Path), help="A fewshot artefact to begin with.")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--sequences", type=click.IntRange(4), default=4, show_default=True, help="A step, in fours.")
@click.option("--tokens", type=click.IntRange(64), default=224, show_default=True, help="Of a sequence, at most.")
@click.option("--rank", type=click.IntRange(1, 256), default=16, show_default=True)
@click.option("--lr", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--specs", type=click.IntRange(0), default=0, show_default=True, help="Of the stream; 0 is endless.")
@click.option("--base", "base_source", help="Base to train through.  [default: the bank's own]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes (DDP).")
@click.option("--checkpoint-every", type=click.IntRange(1), default=25, show_default=True, help="Steps.")
@click.option("--eval-every", type=click.IntRange(1), default=150, show_default=True, help="Steps between two looks.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the training record as JSON.")
def fewshot(
    out: Path,
    bank: Path | None,
    words: Path | None,
    no_catalogue: bool,
    run: Path | None,
    start: Path | None,
    steps: int,
    sequences: int,
    base_source: str | None,
    device: str,
    devices: int,
    checkpoint_every: int,
    eval_every: int,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train one adapter for prompts with a description, with worked examples, or with both.

    Tasks come from the stream, which never repeats a row, and from the catalogue's training tasks. The artefact is
    written after every look at validation, so an unfinished run is of use too.
    """
    from genlora.api import load_banks_base, open_bank
    from genlora.tasks import catalogue_tasks
    from genlora.train import FewshotConfig, FitFewshotOptions, fit_fewshot

    config = FewshotConfig(half_groups=max(1, sequences // 4), **settings)
    attention = "eager" if device == "cpu" else "sdpa"
    with open_bank(bank) as opened, progress_bars() as show:
        base = load_banks_base(opened, base_source, device=device, attention=attention, progress=show)
        report = fit_fewshot(
            base,
            [] if no_catalogue else catalogue_tasks("bank", words_folder=words),
            [] if no_catalogue else catalogue_tasks("validation", words_folder=words),
            (opened.metadata("embedder") or {"id": ""})["id"],
            FitFewshotOptions(
                config=config,
                run=run or out.with_name(f"{out.name}.run"),
                steps=steps,
                start=start,
                device=device,
                devices=devices,
                every_checkpoint=checkpoint_every,
                every_validation=eval_every,
                on_tick=ticks(show),
            ),
            out,
        )
    if report.fitted.rank:
        return
    record = report.artefact.record
    if as_json:
        say_json({"output": str(out), **record})
        return
    held = record["history"][-1] if record["history"] else {}
    right = ", ".join(f"{k} {v:.1%}" for k, v in held.items() if "/" in k)
    seen = f"{record['tokens']:,} tokens, {record['sequences']:,} sequences"
    say(f"{out}: fewshot, {seen}; right by forcing: {right or 'nobody looked'}")
