"""`genlora bank mixture`: a sparse mixture of bank experts, as a folder that the server reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genlora.files import old_files

from .._progress import progress_bars
from .._show import bank_option, say, say_json
from .._text import plain

if TYPE_CHECKING:
    from genlora.mixture import Mixture

EPILOG = """\b
Examples:
  genlora bank mixture --experts r-camel-to-snake,r-currency,r-animal-young -o mix
  genlora bank mixture --experts a,b --examples a=a.jsonl --examples b=b.jsonl --steps 40 -o mix
  genlora serve --mixture mix
"""

_STAGES = {"fit": "fitting routers", "train": "training"}


@click.command("mixture", epilog=EPILOG, short_help="Build a sparse mixture of experts")
@click.option("--experts", required=True, metavar="A,B,...", help="Two or more experts of the bank")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder to write")
@click.option(
    "--top-k", type=click.IntRange(1, 64), default=2, show_default=True, help="Experts that each token is given"
)
@click.option(
    "--init",
    type=click.Choice(["examples", "descriptions", "random"]),
    default="examples",
    show_default=True,
    help="What the routers are fitted to",
)
@click.option(
    "--examples",
    multiple=True,
    metavar="NAME=FILE",
    help="Examples of an expert's task in any usual form, where the catalogue has none; may be given several times",
)
@click.option("--words", type=click.Path(path_type=Path), help="Folder of word tasks, for experts trained on those")
@click.option(
    "--steps",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Training steps of the routers after the fit",
)
@click.option("--train-experts", is_flag=True, help="Train the experts' weights too; the bank's stay as they are")
@click.option("--base", "base_source", metavar="SOURCE", help="Base to fit on.  [default: the bank's own]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Replace a mixture that exists")
@bank_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def mixture(out: Path, as_json: bool, **options: Any) -> None:
    """Build a sparse mixture of experts: each token is given to the experts whose task it looks like.

    The experts stay as they are; a router for each block of the base is fitted to training examples of their tasks (or
    to their descriptions). The folder holds everything but the base, and is checked byte by byte when read.
    """
    made = _build(out, **options)
    about = _about(made, out)
    if as_json:
        say_json(about)
        return
    say(f"{out}: {len(made.names)} experts ({', '.join(made.names)}), {made.top_k} for each token")
    say(f"model id {made.key}. Serve it: genlora serve --mixture {out}")


def _build(
    out: Path,
    *,
    bank: Path | None,
    experts: str,
    top_k: int,
    init: str,
    examples: tuple[str, ...],
    words: Path | None,
    steps: int,
    train_experts: bool,
    base_source: str | None,
    device: str,
    seed: int,
    force: bool,
) -> Mixture:
    names = [n.strip() for n in experts.split(",") if n.strip()]
    files = _files(examples, names)
    if train_experts and not steps:
        raise click.UsageError("--train-experts needs --steps: say how many.")

    from genlora.api import load_banks_base, open_bank
    from genlora.mixture import MixtureTraining, build_mixture, check_init, expert_examples, own_mixture, write_mixture
    from genlora.tasks import read_examples

    old_files(out, own_mixture if force else None)  # before a base is loaded
    with open_bank(bank) as opened:
        for name in names:
            opened.get(name)  # an unknown name is told before anything is loaded
        shown = {} if init == "descriptions" and not steps else expert_examples(opened, names, words=words)
        for name, file in files.items():
            shown[name] = read_examples(file).examples
        training = None
        if steps:
            training = MixtureTraining(steps=steps, expert_lr=2e-4 if train_experts else 0.0, seed=seed)
        with progress_bars() as show:
            base = load_banks_base(opened, base_source, device=device, progress=show)
            made = build_mixture(
                opened,
                names,
                base,
                shown,
                top_k=top_k,
                init=check_init(init),
                training=training,
                seed=seed,
                progress=lambda what, done, total: show(_STAGES[what], done, total),
            )
    write_mixture(made, out, replace=force)
    return made


def _files(examples: tuple[str, ...], names: list[str]) -> dict[str, Path]:
    found = {}
    for item in examples:
        name, equals, file = item.partition("=")
        if not equals or not file:
            raise click.UsageError(f"--examples {plain(item)[:80]!r}: expected NAME=FILE.")
        if name not in names:
            raise click.UsageError(f"--examples names {plain(name)[:64]!r}, which is none of --experts.")
        found[name] = Path(file)
    return found


def _about(made: Mixture, out: Path) -> dict[str, Any]:
    return {
        "id": made.key,
        "digest": made.digest,
        "path": str(out),
        "base": made.layout.name,
        "fingerprint": made.layout.fingerprint,
        "top_k": made.top_k,
        "blocks": len(made.sites),
        "record": dict(made.record),
    }
