"""`genlora bank train`: tasks in, measured experts out."""

import json
from pathlib import Path
from typing import Any

import click

from .._show import Place, named_bank

EPILOG = """\b
Examples:
  genlora bank train --bank my-bank jsonl:tickets.jsonl
  genlora bank train --bank my-bank bigbench:word_sorting bigbench:object_counting --run runs/first
  genlora bank train --bank my-bank catalogue:bank --words FOLDER --slots 8
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
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option("--slots", default=8, show_default=True, help="Experts trained at the same time.")
@click.option("--rows", default=960, show_default=True, help="Examples seen per expert at most, repeats included.")
@click.option("--lr", default=4e-3, show_default=True, help="Peak learning rate.")
@click.option("--described", is_flag=True, help="Put the description into the prompt while training.")
@click.option("--keep-last", type=click.IntRange(0), default=0, show_default=True, help=(
    "Keep each expert's last checkpoints, this many, in the run folder, for: genlora train cvae --checkpoints"
))  # fmt: skip
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(bank: Any, sources: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Train an expert for each task of SOURCES on BANK's base; store those that beat base and majority answer.

    SOURCES are bigbench:NAME, jsonl:FILE, sni:FILE, words:FOLDER, hub:NAME, or catalogue:ROLE.
    """
    if bank is None:
        raise click.UsageError("name the bank to add to: --bank PATH, or genlora bank --url URL train ...")
    if options["run"] is None:
        if not isinstance(bank, Path):
            raise click.UsageError("a shared bank has no folder beside it: name one for the checkpoints with --run.")
        options["run"] = bank.with_name(f"{bank.name}.run")
    report = _train(bank, sources, **options)
    if as_json:
        click.echo(json.dumps(report.to_json(), ensure_ascii=False))
        return
    for a in report.measured:
        mark = "stored " if a.admitted else "refused"
        click.echo(f"{mark}  {a.name}  own {a.own:.3f}  base {a.base:.3f}  majority {a.majority:.3f}  {a.reason}")
    for name, why in report.failed.items():
        click.echo(f"left out  {name}  {why}")


def _train(
    bank_path: Any,
    sources: tuple[str, ...],
    *,
    words: Path | None,
    run: Path,
    base_source: str | None,
    device: str,
    dtype: str,
    slots: int,
    rows: int,
    lr: float,
    described: bool,
    keep_last: int,
    seed: int,
) -> Any:
    import torch

    from genlora.api import base_source as known_source
    from genlora.api import best_dtype, grow_bank, store_calibration, task_embedder
    from genlora.bank import Bank
    from genlora.base import load_base
    from genlora.tasks import catalogue_tasks, load_tasks
    from genlora.train import ExpertConfig

    config = ExpertConfig(slots=slots, max_rows=rows, lr=lr, described=described, keep_last=keep_last, seed=seed)
    roles = [s.removeprefix("catalogue:") for s in sources if s.startswith("catalogue:")]
    others = [s for s in sources if not s.startswith("catalogue:")]
    tasks = load_tasks(others) if others else []
    if roles:
        tasks += catalogue_tasks(roles, words_folder=words)  # type: ignore[arg-type]
    with Bank.open(bank_path) as bank:
        kind = best_dtype(device) if dtype == "auto" else getattr(torch, dtype)
        base = load_base(
            base_source or known_source(bank.layout.name), device=device, dtype=kind, attn_implementation="eager"
        )
        # Before hours of training: one that is not the bank's is refused here.
        made_with = bank.metadata("embedder")
        embedder = task_embedder(known=made_with and made_with["id"], where=str(bank.where))
        with _progress() as (on_tick, on_measured):
            report = grow_bank(
                bank, base, tasks, config, run,
                embedder=embedder, on_tick=on_tick, on_measured=on_measured,
            )  # fmt: skip
        if len(bank):
            store_calibration(bank)
    return report


class _progress:
    """A rich bar on stderr: experts done, rows per second, time left; then one tick per measured expert."""

    def __enter__(self) -> tuple[Any, Any]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), transient=False)
        self.bar.start()
        self.training = self.bar.add_task("training", total=None, note="")
        self.measuring: Any = None
        return self._tick, self._measured

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def _tick(self, tick: Any) -> None:
        left = f"{tick.rows_per_s:.0f} rows/s, at most {tick.eta_s / 60:.0f} min left"
        self.bar.update(self.training, total=tick.total, completed=tick.done, note=left)

    def _measured(self, admission: Any) -> None:
        if self.measuring is None:
            self.measuring = self.bar.add_task("measuring", total=None, note="")
        self.bar.update(self.measuring, advance=1, note=f"{admission.name}: {admission.reason}")
