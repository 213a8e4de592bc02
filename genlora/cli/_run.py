"""`genlora run`: answers of the base, of an adapter on it, or of both side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from genlora.descriptions import check_description
from genlora.errors import TaskError
from genlora.files import parse_json

from ._progress import progress_bars
from ._show import say, table

if TYPE_CHECKING:
    from genlora.api import Answer, UsePrompt

MAX_INPUTS = 100_000
MAX_LINE = 1 << 20


@click.command()
@click.option("--adapter", type=click.Path(path_type=Path), help="Adapter folder.  [default: the base alone]")
@click.option(
    "--base",
    metavar="SOURCE",
    help=("pypi:NAME, hf:ORG/NAME, a folder (a merged one too) or .gguf.  [default: the adapter's]"),
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--max-new-tokens", type=click.IntRange(1, 4096), help="Longest answer.  [default: the adapter's, or 64]")
@click.option("--input", "inputs", multiple=True, help="What to ask; may be given more than once.")
@click.option(
    "--jsonl",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help=("Inputs from JSON Lines, objects with `input`."),
)
@click.option(
    "--prompt",
    type=click.Choice(["bundle", "bare"]),
    default="bundle",
    show_default=True,
    help=("Ask as the adapter's prompt.json says (description, examples, answer form), or with the input alone."),
)
@click.option("--described", metavar="TEXT", help="Put this description before each input, in place of prompt.json.")
@click.option("--compare", is_flag=True, help="Show the base's answer beside the adapter's.")
@click.option("--force", is_flag=True, help="Use an adapter that was made for another base.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def run(
    adapter: Path | None,
    base: str | None,
    device: str,
    max_new_tokens: int | None,
    inputs: tuple[str, ...],
    jsonl: Path | None,
    prompt: UsePrompt,
    described: str | None,
    compare: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Answer inputs with the base, or with an adapter on it.

    An adapter's prompt.json, where it has one, says what stands before each input, and what form answers are held to.
    Inputs come from --input, from --jsonl, or one a line from standard input. Example:

        genlora run --adapter reverse-words --compare --input "pear apple fig"
    """
    if inputs and jsonl:
        raise click.UsageError("give either --input or --jsonl, not both.")
    if compare and adapter is None:
        raise click.UsageError("--compare needs an adapter to compare: add --adapter DIR.")
    if described is not None:
        described = check_description(described)
    asked = [{"input": text} for text in inputs] or list(_read(jsonl))
    if not asked:
        raise click.UsageError("nothing to answer: give --input TEXT, --jsonl FILE, or lines on standard input.")

    from genlora.api import Runner, check_input

    for i, item in enumerate(asked, 1):
        check_input(item["input"], where=f"input {i}")
    with progress_bars() as progress:
        runner = Runner.open(adapter, base=base, device=device, force=force, prompt=prompt, progress=progress)
    texts = [item["input"] for item in asked]
    answers = runner.answer(texts, description=described, compare=compare, max_new_tokens=max_new_tokens)
    show(asked, answers, compare=compare, as_json=as_json)


def _read(jsonl: Path | None) -> Iterator[dict[str, Any]]:
    if jsonl is not None and str(jsonl) != "-":
        with jsonl.open("rb") as stream:
            yield from json_objects(stream, str(jsonl))
    elif jsonl is not None:
        yield from json_objects(sys.stdin.buffer, "standard input")
    elif not sys.stdin.isatty():
        yield from _lines(sys.stdin.buffer, "standard input")


def _numbered(stream: IO[bytes], where: str) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE), b""), 1):
        spot = f"{where}, line {number}"
        if not line.strip():
            continue
        if len(line) == MAX_LINE or number > MAX_INPUTS:
            raise TaskError(f"{spot}: over {MAX_LINE:,} bytes in a line or {MAX_INPUTS:,} lines. Split the file.")
        yield spot, line


def json_objects(stream: IO[bytes], where: str) -> Iterator[dict[str, Any]]:
    """The objects of JSON Lines, each with a text `input`; blank lines are skipped. Raises `TaskError`."""
    for spot, line in _numbered(stream, where):
        item = parse_json(line, where=spot)
        if not isinstance(item, dict) or not isinstance(item.get("input"), str):
            raise TaskError(f'{spot}: expected an object with a text `input`, such as {{"input": "pear fig"}}.')
        yield item


def _lines(stream: IO[bytes], where: str) -> Iterator[dict[str, Any]]:
    for spot, line in _numbered(stream, where):
        try:
            yield {"input": line.decode("utf-8").rstrip("\r\n")}
        except UnicodeDecodeError as err:
            raise TaskError(f"{spot}: not UTF-8 (byte {err.start + 1}). Save the text as UTF-8.") from err


def show(asked: list[dict[str, Any]], answers: list[Answer], *, compare: bool, as_json: bool) -> None:
    """Print answers: JSON Lines with the fields of the input kept, a table for a comparison, else the bare answers."""
    if as_json:
        for item, answer in zip(asked, answers, strict=True):
            found = {**item, "output": answer.output, **({"base": answer.base} if compare else {})}
            click.echo(json.dumps(found))
    elif compare:
        table(("input", "base", "adapter"), [(a.input, a.base or "", a.output) for a in answers])
    else:
        for answer in answers:
            say(answer.output)
