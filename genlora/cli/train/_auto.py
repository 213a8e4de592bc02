"""`genlora train auto`: the rule by which the default generator chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._progress import progress_bars
from .._show import bank_option, say, say_json
from ._text import artefact_option

EPILOG = """\b
Examples:
  genlora train auto -o generators/auto
  genlora train auto --bank my-bank --words FOLDER -o my-bank/generators/auto
Needs the trained generator fewshot; $GENLORA_GENERATORS names the folder it is in.
"""


@click.command("auto", epilog=EPILOG, short_help="What each way of answering is worth, measured on known requests")
@artefact_option
@bank_option
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it.")
@click.option("--specs", type=click.IntRange(4), default=20, show_default=True, help="Of each held-out part.")
@click.option("--base", "base_source", help="Base to ask.  [default: the bank's own]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print every request's scores as JSON.")
def auto(
    out: Path, bank: Path | None, words: Path | None, specs: int, base_source: str | None, device: str, as_json: bool
) -> None:
    """Measure how often each way of answering is right, on requests whose truth is known, and keep it as tables.

    Stored tasks in other words, near misses, practical tasks, validation tasks and held-out specs are answered by the
    nearest experts and by the few-shot adapter, and put to the same-task test; what `generate` tells as expected
    accuracy is read from that.
    """
    from genlora.api import GenLora, fit_auto, load_banks_base
    from genlora.evaluate import apart_requests, reference_requests

    with progress_bars() as show, GenLora(bank, progress=show) as lora:
        base = load_banks_base(lora.bank, base_source, device=device, progress=show)
        record: dict[str, Any] = fit_auto(
            lora,
            base,
            reference_requests(lora.bank.names(), words_folder=words, specs=specs),
            out,
            apart=apart_requests(lora.bank.names()),
            on_answer=lambda done, total: show("asking", done, total),
        )
    if as_json:
        say_json({"output": str(out), **record})
        return
    for source, means in record["means"].items():
        say(f"{source}: " + ", ".join(f"{k} {v:.1%}" for k, v in means.items()))
    gain = record["gain_over_best_part"]
    say(
        f"{out}: auto {record['mean']['auto']:.1%}, {gain['mean']:+.1%} over {gain['part']} alone; calibration error "
        f"{record['calibration_error']:.3f}, rank correlation {record['rank_correlation']}"
    )
