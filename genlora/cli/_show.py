"""How commands speak: data on stdout, talk and progress on stderr, never a raw control character."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ._text import plain

if TYPE_CHECKING:
    from genlora.jobs import Pool


class Place(click.ParamType):
    """A bank: a folder, or the address of a shared one, which shows no password however it is printed."""

    name = "bank"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or not value.lower().startswith(("postgresql://", "postgres://")):
            return Path(value)
        from genlora.bank import place_of

        return place_of(value)


URL_KEY = "genlora.bank.url"
"""Where `genlora bank --url` leaves its value for the verbs below it."""


def named_bank(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """What --bank says, or `genlora bank --url` before it; both is one too many."""
    url = ctx.meta.get(URL_KEY)
    if url is None:
        return value
    if value is not None and ctx.get_parameter_source(str(param.name)) == ParameterSource.COMMANDLINE:
        raise click.UsageError(f"name the bank once: either bank --url URL, or {param.get_error_hint(ctx)} here.")
    return url


bank_option = click.option(
    "--bank",
    type=Place(),
    envvar="GENLORA_BANK",
    metavar="PATH",
    callback=named_bank,
    help="Bank of experts: a folder, or postgresql://...  [default: $GENLORA_BANK, else the shipped one]",
)

embedder_option = click.option(
    "--embedder", metavar="SOURCE", help="Embedder the bank was made with.  [default: the shipped bank's]"
)


ray_option = click.option(
    "--ray",
    metavar="ADDRESS",
    help="Share the work out to a Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local for this machine's own.",
)


def pool_of(ray: str | None, *, device: str = "cpu") -> AbstractContextManager[Pool | None]:
    """Where the jobs of a command are worked on: what --ray names, each with a GPU of its own where `device` is one;
    else this process.
    """
    if ray is None:
        return nullcontext()
    if device not in ("cpu", "cuda"):
        raise click.UsageError(f"--ray gives each job a GPU of its own: say --device cuda, not {device}.")
    from genlora.jobs import RayPool

    return RayPool(ray, gpus=device == "cuda")


def with_options(
    options: Sequence[Callable[[Callable[..., None]], Callable[..., None]]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command several options, in the order that its help lists them."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return give


def say(line: str) -> None:
    """One line of output."""
    click.echo(plain(line))


def say_json(value: Any) -> None:
    """A JSON document on stdout, in ASCII: no terminal can mistake it for anything else."""
    click.echo(json.dumps(value, indent=2))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn and wrapped on a terminal, plain blocks of `name: value` lines otherwise."""
    if not sys.stdout.isatty():
        for i, row in enumerate(rows):
            for name, cell in zip(header, row, strict=True):
                say(f"{name}: {cell}")
            if i + 1 < len(rows):
                say("")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(show_lines=True)
    for name in header:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(plain(cell, multiline=True)) for cell in row))
    Console().print(drawn)
