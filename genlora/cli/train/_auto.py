"""`genlora train auto`: the rule by which the default generator chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._show import bank_option, say, say_json

EPILOG = """\b
Examples:
  genlora train auto -o generators/auto
  genlora train auto --bank my-bank --words FOLDER -o my-bank/generators/auto
Needs trained generators multitask, multitask-described and hypernet; $GENLORA_GENERATORS names the folder they are in.
"""


@click.command("auto", epilog=EPILOG, short_help="When to trust the bank's experts, chosen on validation tasks")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Artefact to write.")
@bank_option
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for catalogue entries of it.")
@click.option("--examples", type=click.IntRange(4, 200), default=20, show_default=True, help="Per request.")
@click.option("--base", "base_source", help="Base to ask.  [default: the bank's own]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print every request's scores as JSON.")
def auto(
    out: Path, bank: Path | None, words: Path | None, examples: int, base_source: str | None, device: str, as_json: bool
) -> None:
    """Choose the shares of a blend, and the coverage from which the nearest expert answers alone, per prompt mode.

    Validation tasks, and the bank's own tasks in other words, are answered in every way the auto generator could.
    """
    from rich.console import Console
    from rich.progress import Progress

    from genlora.api import GenLora, best_dtype, fit_auto
    from genlora.api import base_source as known_source
    from genlora.base import load_base, require_compatible
    from genlora.tasks import catalogue_tasks

    with GenLora(bank) as lora, Progress(console=Console(stderr=True)) as progress:
        base = load_base(
            base_source or known_source(lora.bank.layout.name), device=device, dtype=best_dtype(device),
            attn_implementation="eager",
        )  # fmt: skip
        require_compatible(base.fingerprint, lora.bank.fingerprint, what="the base")
        bar = progress.add_task("asking", total=None)
        record: dict[str, Any] = fit_auto(
            lora, base, catalogue_tasks("bank", words_folder=words), catalogue_tasks("validation", words_folder=words),
            out, examples=examples,
            on_request=lambda done, total: progress.update(bar, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        say_json({"output": str(out), **record})
        return
    for prompt, groups in record["means"].items():
        for group, means in groups.items():
            say(f"{prompt}, {group}: " + ", ".join(f"{k} {v:.1%}" for k, v in means.items()))
    for prompt, rule in record["rule"].items():
        parts = [
            f"nearest experts' share of a blend {rule.get('experts', 0)}",
            f"that of the described multi-task adapter {rule.get('described', 0)}",
            f"nearest expert from coverage {rule.get('held', 'never')}",
            f"multi-task under {rule.get('unsupported', 'never')}",
        ]
        say(f"{out}, {prompt} prompts: " + ", ".join(parts))
