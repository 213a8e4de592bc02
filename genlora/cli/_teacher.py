"""`genlora generate --teacher`: its options, and what it wrote as a table on standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._show import with_options
from ._text import plain, shorten

if TYPE_CHECKING:
    from genlora.api import Teacher
    from genlora.train import Synthesised

MAX_SHOWN = 40
"""Examples that are drawn; the page in the folder shows all of them."""
_WIDTH = 60

teacher_options = with_options(
    [
        click.option(
            "--teacher",
            metavar="URL",
            help=(
                "Let a model behind this OpenAI-compatible endpoint write the examples; the description is sent there."
            ),
        ),
        click.option("--teacher-model", metavar="NAME", help="What that endpoint calls the model."),
        click.option(
            "--teacher-key-env",
            default="OPENAI_API_KEY",
            show_default=True,
            metavar="NAME",
            help="Environment variable with the endpoint's key; '' sends none.",
        ),
        click.option(
            "--teacher-count",
            type=click.IntRange(4, 512),
            default=24,
            show_default=True,
            help="Examples to ask for; fewer pass the checks.",
        ),
        click.option(
            "--teacher-timeout",
            type=click.FloatRange(0.1, 3600),
            default=120,
            show_default=True,
            help="Limit of each request to it, in seconds.",
        ),
    ]
)


def take_teacher(options: dict[str, Any], *, alone: bool, out: Path, force: bool) -> Teacher | None:
    """The teacher that the options name, taken out of them; None where they name none.

    What can be refused is refused before anything is sent: `alone` is whether nothing else gives examples, `out` the
    folder that will be written.
    """
    url, model, key_env, count, timeout_s = (
        options.pop(name)
        for name in ("teacher", "teacher_model", "teacher_key_env", "teacher_count", "teacher_timeout")
    )
    if url is None and model is None:
        return None
    if url is None or model is None:
        raise click.UsageError("--teacher URL and --teacher-model NAME go together.")
    if not alone:
        raise click.UsageError(
            "--teacher writes the examples of one DESCRIPTION: give no --from, --example, --examples or --refine with "
            "it."
        )
    from genlora.api import Teacher, check_folder

    check_folder(out, force=force)
    return Teacher(url, model, key_env=key_env, count=count, timeout_s=timeout_s, look=show_examples)


def show_examples(found: Synthesised) -> None:
    """What a teacher wrote: the examples that were kept, and how many were not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [(shorten(e.input, _WIDTH), shorten(e.output, _WIDTH)) for e in found.examples[:MAX_SHOWN]]
    if sys.stderr.isatty():
        drawn = Table("input", "answer")
        for row in rows:
            drawn.add_row(*map(Text, row))
        Console(stderr=True).print(drawn)
    else:
        for asked, answer in rows:
            click.echo(f"  {asked} => {answer}", err=True)
    more = "" if len(found.examples) <= MAX_SHOWN else f", the first {MAX_SHOWN} above"
    click.echo(f"genlora: the teacher's examples: {plain(counted(found.counts.to_json()))}{more}", err=True)


def counted(counts: dict[str, Any]) -> str:
    """Counts of a teacher's examples in words."""
    dropped = {
        "unreadable": "unreadable",
        "duplicate": "there already",
        "off_form": "not of the answers' form",
        "disagreed": "disagreed on",
    }
    parts = [f"{counts[key]} {words}" for key, words in dropped.items() if counts[key]]
    return ", ".join([f"{counts['kept']} kept of {counts['asked']} asked for", *parts])
