"""`genlora tasks`: what can be trained on, and what it looks like."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._progress import progress_bars
from ._text import plain, shorten

if TYPE_CHECKING:
    from genlora.tasks import CatalogueEntry, Example, Task

_WORDS = click.option(
    "--words",
    "words_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the extra word tasks (one JSON file each)",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON")
_SPLIT = click.Choice(["train", "validation", "test"])


@click.group()
def tasks() -> None:
    """List, show and sample the tasks experts are trained on."""


@tasks.command("list")
@click.option("--source", type=click.Choice(["catalogue", "bigbench"]), default="catalogue", show_default=True)
@click.option("--role", help="Only this role of the catalogue: bank, validation, test-near or test-far")
@_JSON
def list_command(source: str, role: str | None, as_json: bool) -> None:
    """List the tasks of the catalogue, or every usable BIG-bench task.

    BIG-bench is fetched through pip (358 MB) and read on its first use; afterwards only a compact cache is kept.
    """
    from genlora.tasks import catalogue, check_role, open_bigbench

    if source == "bigbench":
        if role:
            raise click.UsageError("--role is for the catalogue; leave it out with --source bigbench.")
        with progress_bars() as show:
            bench = open_bigbench(progress=show)
            rows = [
                {"name": e.name, "kind": e.kind, "examples": e.examples, "description": e.description}
                for e in bench.entries.values()
            ]
        shown = ("name", "kind", "examples", "description")
    else:
        wanted = None if role is None else check_role(role)
        rows = [_entry_row(e) for e in catalogue().values() if wanted in (None, e.role)]
        shown = ("name", "role", "metric", "family", "description")
    if as_json:
        _print_json({"tasks": rows})
        return
    for line in _aligned([[plain(str(row[key])) for key in shown] for row in rows]):
        click.echo(line)
    click.echo(f"{len(rows)} tasks", err=True)


@tasks.command()
@click.argument("name")
@_WORDS
@_JSON
def show(name: str, words_folder: Path | None, as_json: bool) -> None:
    """Show one task: its descriptions, family, metric, splits and first example.

    NAME is a catalogue name, a BIG-bench name, or a source: jsonl:FILE, sni:FILE, words:FILE, hub:NAME, bigbench:NAME.
    """
    card = _card(_find(name, words_folder), name)
    if as_json:
        _print_json(card)
        return
    for key in ("name", "source", "family", "parent", "role", "metric", "licence", "majority_answer"):
        if card[key]:
            click.echo(f"{key.replace('_', ' ') + ':':17}{plain(str(card[key]))}")
    click.echo(f"{'examples:':17}" + ", ".join(f"{n} {split}" for split, n in card["examples"].items()))
    click.echo("descriptions:")
    for text in card["descriptions"]:
        click.echo(f"  - {plain(text)}")
    for text in card["unseen_descriptions"]:
        click.echo(f"  - {plain(text)}  (never trained on)")


@tasks.command()
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="How many examples")
@click.option("--split", type=_SPLIT, default="train", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@_WORDS
@_JSON
def sample(name: str, count: int, split: Any, seed: int, words_folder: Path | None, as_json: bool) -> None:
    """Print examples of one task, chosen by a hash of seed and input: the same ones every time."""
    from genlora.tasks import sample as sample_examples

    task = _find(name, words_folder)
    chosen = sample_examples(task.split(split), count, seed=seed)
    if as_json:
        rows = [_example_row(e) for e in chosen]
        _print_json({"task": task.name, "split": split, "seed": seed, "examples": rows})
        return
    for e in chosen:
        click.echo(f"input:  {plain(e.input)}\noutput: {plain(' | '.join(e.answers))}\n")


def _find(name: str, words_folder: Path | None) -> "Task":
    from genlora.tasks import find_task, open_bigbench

    with progress_bars() as show:
        return find_task(name, words_folder=words_folder, bigbench=open_bigbench(progress=show))


def _entry_row(entry: "CatalogueEntry") -> dict[str, Any]:
    return {
        "name": entry.name,
        "source": entry.source,
        "role": entry.role,
        "metric": entry.metric,
        "family": entry.family,
        "parent": entry.parent,
        "licence": entry.licence,
        "description": entry.descriptions[0],
        "descriptions": len(entry.descriptions),
    }


def _card(task: "Task", name: str) -> dict[str, Any]:
    from genlora.tasks import catalogue, majority_answer

    entry = catalogue().get(name)
    return {
        "name": task.name,
        "source": task.source,
        "family": task.family,
        "parent": task.parent,
        "role": entry.role if entry else None,
        "metric": task.metric,
        "licence": task.licence,
        "descriptions": list(task.training_descriptions),
        "unseen_descriptions": list(task.unseen_descriptions),
        "examples": {split: len(task.split(split)) for split in ("train", "validation", "test")},
        "majority_answer": majority_answer(task),
        "answer_format": vars(task.answer_format),
        "note": entry.note if entry else "",
    }


def _example_row(e: "Example") -> dict[str, Any]:
    return {"input": e.input, "output": e.output, "accepted": list(e.answers), "choices": list(e.choices)}


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one is cut at 90 characters."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, last in rows:
        yield "  ".join([*(c.ljust(w) for c, w in zip(cells, widths, strict=True)), shorten(last, 90)])


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))
