"""`genlora generate`: from a description, or a file of them, to adapter folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from genlora.descriptions import MAX_RAW_CHARS, BadItem, Item, check_description, read_items

from ._progress import progress_bars
from ._show import Place, bank_option, pool_of, ray_option, say, say_json
from ._teacher import take_teacher, teacher_options
from ._text import plain, shorten

if TYPE_CHECKING:
    from genlora.api import GeneratedAdapter, ItemFailure, ItemKept, ItemResult
    from genlora.bank import BankAddress
    from genlora.progress import Progress

MAX_SAID = 20
"""Failures that a summary spells out."""


@click.command()
@click.argument("description", required=False)
@click.option(
    "-o", "--output", "out", type=Place(), required=True, help="Folder to write; with --batch also a bank to add to."
)
@click.option(
    "--batch",
    "--from",
    "source",
    type=Place(),
    metavar="FILE",
    help=(
        "Many descriptions: one a line, or JSON Lines {description, name, examples, top_k, seed, ...}, or a bank's own "
        "tasks. Each becomes a folder under OUTPUT, or an expert where OUTPUT is a bank. What is complete is kept."
    ),
)
@click.option(
    "--generator",
    default="auto",
    show_default=True,
    help=(
        "What makes the adapter: auto, aggregate, fewshot, hypernet-bases, hypernet, multitask, "
        "multitask-described, cvae, sg-lora."
    ),
)
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--top-k", type=click.IntRange(1, 64), default=4, show_default=True, help="Experts that shape it.")
@click.option(
    "--temperature",
    type=click.FloatRange(0.001, 100),
    default=0.1,
    show_default=True,
    help=("Small follows the nearest expert, large averages."),
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="For generators that draw.")
@click.option(
    "--prompt",
    type=click.Choice(["bare", "described"]),
    help="What stands before each input when it is asked: nothing, or the description.  [default: what works best]",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Do not ask the base whether the nearest expert's task is meant: milliseconds instead of a second, and "
    "siblings of stored tasks (first for last) are taken for them more often.",
)
@click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Write nothing if the adapter is expected to be right less often, e.g. 0.6.",
)
@click.option(
    "--example",
    "shots",
    multiple=True,
    metavar="'IN => OUT'",
    help="An example that stands before each input, such as 'wolf => wolves'; up to eight. Costs no training.",
)
@click.option("--rank", type=click.IntRange(1, 256), help="Rank of every module.  [default: the bank's]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Number format of the weights.  [default: the shortest that loses nothing]",
)
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=(
        "Fit it to labelled examples in any usual form (JSON Lines, CSV, chats, 'in => out' lines); a description is "
        "not needed. Needs the base."
    ),
)
@click.option(
    "--refine",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=(
        "Adapt the adapter on a few labelled examples under a learned prior (abmll), in the same forms; needs the base."
    ),
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Inputs that it will be asked, without answers (lines, JSON Lines, CSV): they help to choose the expert.",
)
@teacher_options
@click.option(
    "--base", metavar="SOURCE", help="Base for --examples, --teacher and --refine.  [default: the bank's own]"
)
@click.option("--device", help="Where that base runs: cpu or cuda.  [default: cpu]")
@click.option(
    "--override-policy",
    metavar="REASON",
    help=("Generate although the policy gate stops the description; REASON is recorded in the receipt."),
)
@ray_option
@click.option("--gguf", is_flag=True, help="Also write adapter.gguf, for llama.cpp and Ollama.")
@click.option("--force", is_flag=True, help="Replace an adapter that exists, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt and times as JSON.")
def generate(
    description: str | None,
    out: Path | BankAddress,
    source: Path | BankAddress | None,
    bank: Path | BankAddress | None,
    embedder: str | None,
    generator: str,
    as_json: bool,
    gguf: bool,
    force: bool,
    examples: Path | None,
    refine: Path | None,
    inputs: Path | None,
    base: str | None,
    device: str | None,
    override_policy: str | None,
    ray: str | None,
    shots: tuple[str, ...],
    **options: Any,
) -> None:
    """Write a LoRA adapter for the task a description names.

    DESCRIPTION says what the task is, in a sentence or two; - reads it from standard input. The output is a PEFT
    folder that loads in PEFT, transformers, vLLM, SGLang, LoRAX and llama.cpp. Beside it lie prompt.json (how the
    adapter is asked: description, examples, answer form), README.md (a model card with snippets) and receipt.json. The
    base is loaded only to be asked whether the nearest expert's task is the one that is meant. Examples:

        genlora generate "Write the words in reverse order." -o reverse-words
        genlora generate "Give the plural." --example "wolf => wolves" --example "ox => oxen" -o plural

        genlora generate --batch tasks.jsonl -o adapters

        genlora generate "Route the ticket to a queue." --examples tickets.csv -o route
        genlora generate "Name the plural." --teacher http://127.0.0.1:8080 --teacher-model qwen -o plural

    With --examples or --refine the base is loaded, to read labelled examples; the receipt holds their digest only. One
    to three --examples are shown in the prompt instead, as by --example, and nothing is trained. With --teacher a model
    of yours writes the examples; they are shown, and lie beside the adapter.
    """
    alone = not shots and examples is None and refine is None and source is None and inputs is None
    if source is None and ray is not None:
        raise click.UsageError("--ray shares many jobs out: give --batch FILE with it.")
    if source is None and not isinstance(out, Path):
        raise click.UsageError("-o names a bank, which takes many adapters: give --batch FILE, or a folder for one.")
    teacher = take_teacher(options, alone=alone, out=Path(str(out)), force=force)
    _check_sources(description, source, examples, refine, base or device, labelled=teacher is not None)
    if examples is not None and (shots or refine is not None):
        raise click.UsageError("--examples fits the adapter already: give no --example or --refine with it.")
    if inputs is not None and (description is None or examples is not None):
        raise click.UsageError("--inputs goes with a DESCRIPTION and without --examples, which choose by themselves.")
    options["shots"] = _shots(shots)
    many = None if source is None else _items(source)
    one = None if description is None else check_description(_read_stdin() if description == "-" else description)
    options["allow_harmful"] = False if override_policy is None else override_policy
    shown = {
        "examples": examples,
        "refine": refine,
        "inputs": inputs,
        "base": base,
        "device": device or "cpu",
        "teacher": teacher,
    }

    from genlora.api import GenLora

    with progress_bars() as progress, GenLora(bank, embedder=embedder, generator=generator, progress=progress) as lora:
        if many is None:
            assert isinstance(out, Path)
            named = _asked_for(generator) if examples or teacher else None
            made = lora.generate(one, **options, **shown, generator=named, progress=progress)
            made.save(out, gguf=gguf, force=force)
            _report_one(made, out, gguf=gguf, as_json=as_json)
            return
        with pool_of(ray, device=device or "cpu") as pool:
            done = lora.generate_many(many, out, gguf=gguf, force=force, pool=pool, **options)
            _report_many(done, len(many), progress, as_json=as_json)


def _check_sources(
    description: str | None,
    source: Path | BankAddress | None,
    examples: Path | None,
    refine: Path | None,
    loads: str | None,
    *,
    labelled: bool,
) -> None:
    if source is not None and (description is not None or examples or refine):
        raise click.UsageError("give either a DESCRIPTION or --batch FILE, not both; --examples and --refine make one.")
    if source is None and description is None and examples is None:
        raise click.UsageError("give a DESCRIPTION, --batch FILE or --examples FILE.")
    if loads and not (examples or refine or labelled):
        raise click.UsageError(
            "--base and --device go with --examples, --teacher or --refine; nothing else loads the base."
        )


def _shots(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    if not texts:
        return []
    from genlora.tasks import read_shot

    return [read_shot(text) for text in texts]


def _asked_for(generator: str) -> str | None:
    """The generator that was named, None where it is the default's word."""
    context = click.get_current_context()
    return None if context.get_parameter_source("generator") == ParameterSource.DEFAULT else generator


def _read_stdin() -> str:
    # One character more than is ever looked at: what is longer is refused without being read to its end.
    return sys.stdin.read(MAX_RAW_CHARS + 1)


def _items(source: Path | BankAddress) -> list[Item | BadItem]:
    """The file's lines, checked before anything heavy is imported; a file without a usable one is an error."""
    if not isinstance(source, Path) or source.is_dir():
        from genlora.bank import Bank

        with Bank.open(source, readonly=True) as bank:
            return [Item(n, r.name, r.description) for n, r in enumerate(bank.records(), 1)]
    opened = nullcontext(sys.stdin.buffer) if str(source) == "-" else source.open("rb")
    with opened as stream:
        items = list(read_items(stream, options=True))
    if not any(isinstance(i, Item) for i in items):
        first = f" The first fault: {items[0].reason}" if items and isinstance(items[0], BadItem) else ""
        raise click.UsageError(f"{source}: holds no usable description, expected one a line.{first}")
    return items


def _report_one(made: GeneratedAdapter, out: Path, *, gguf: bool, as_json: bool) -> None:
    if as_json:
        say_json({"output": str(out), **summary(made, gguf=gguf)})
        return
    made_by = made.generated.made_by
    if (fitted := made_by.get("fitted")) is not None:
        say(
            f"fitted to {made_by['examples']['count']} examples from {made_by['chosen']} in {fitted['steps']} steps: "
            f"{fitted['right']} of {fitted['left_out']} left-out examples right, {fitted['before']} before"
        )
    if (refined := made_by.get("refined")) is not None:
        before, after = refined["before"], refined["after"]
        how = "on left-out halves" if refined["cross_fitted"] else "on the examples themselves"
        say(
            f"refined on {refined['examples']['count']} examples ({how}): accuracy {before['accuracy']:.2f} to "
            f"{after['accuracy']:.2f}, calibration error {before['calibration_error']:.2f} to "
            f"{after['calibration_error']:.2f}"
        )
    say(f"{out}: {told(made)}")


def _row(made: ItemResult) -> dict[str, Any]:
    """What `--json` tells of one of many."""
    expected = made.adapter.expected_accuracy
    return {
        "name": made.item.name,
        "output": str(made.folder),
        "description": made.item.description,
        "expected_accuracy": None if expected is None else expected.to_json(),
        "neighbours": [n.name for n in made.adapter.neighbours],
        "warnings": list(made.adapter.warnings),
        "times_ms": {k: round(v, 3) for k, v in made.adapter.times_ms.items()},
    }


def right(made: GeneratedAdapter) -> str:
    """How often it is expected to be right, in words."""
    expected = made.expected_accuracy
    if expected is None:
        return "expected accuracy unknown"
    return f"expected accuracy {expected.value:.2f} ({expected.low:.2f} to {expected.high:.2f})"


def told(made: GeneratedAdapter) -> str:
    """What a person reads of an adapter: how often it will be right, and where it comes from."""
    names = ", ".join(f"{n.name} {n.weight:.0%}" for n in made.neighbours)
    source = (
        f"from {names}" if names else f"by {made.generated.made_by.get('chosen', made.body['request']['generator'])}"
    )
    return f"{right(made)}; {source}; {made.prompt.summary()}"


def summary(made: GeneratedAdapter, *, gguf: bool) -> dict[str, Any]:
    """What `--json` tells of an adapter: its receipt without the base's long identity, and how long it took."""
    receipt = made.receipt(gguf=gguf)
    base = {k: v for k, v in receipt["base"].items() if k != "identity"}
    return {"receipt": {**receipt, "base": base}, "times_ms": {k: round(v, 3) for k, v in made.times_ms.items()}}


def _report_many(
    done: Iterator[ItemResult | ItemKept | ItemFailure], total: int, progress: Progress, *, as_json: bool
) -> None:
    """Tell of each as it is done; adapters are not held."""
    from genlora.api import ItemKept, ItemResult

    made: list[dict[str, Any]] = []
    kept: list[ItemKept] = []
    failed: list[ItemFailure] = []
    for number, one in enumerate(done, 1):
        progress("adapters", number, total)
        if isinstance(one, ItemKept):
            kept.append(one)
        elif not isinstance(one, ItemResult):
            failed.append(one)
        else:
            made.append(_row(one) if as_json else {})
            if not as_json:
                say(f"{one.folder}: {right(one.adapter)}; {shorten(one.item.description, 60)}")
    if as_json:
        say_json(
            {
                "made": made,
                "kept": [{"name": k.item.name, "output": str(k.folder)} for k in kept],
                "failed": [{"line": f.line, "name": f.name, "reason": f.reason} for f in failed],
            }
        )
    for f in failed[:MAX_SAID]:
        click.echo(f"genlora: line {f.line}: {plain(f.reason)}", err=True)
    if len(failed) > MAX_SAID:
        click.echo(f"genlora: and {len(failed) - MAX_SAID} more; --json lists all", err=True)
    there = f"; {len(kept)} were there already" if kept else ""
    click.echo(f"genlora: {len(made)} of {total} descriptions became adapters{there}", err=True)
    if failed:
        raise click.exceptions.Exit(2)
