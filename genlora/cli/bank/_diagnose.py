"""`genlora bank diagnose`: what each expert's update looks like, beside the base's weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import progress_bars
from .._show import bank_option, say, say_json

if TYPE_CHECKING:
    from genlora.api import Diagnosis
    from genlora.bank import BankAddress

EPILOG = """\b
Examples:
  genlora bank diagnose --no-base                       # effective rank and size alone: a second
  genlora bank diagnose r-plural r-currency             # intruder dimensions too: seconds an expert
  genlora bank diagnose --ranks 1,2,4 --plot bank.png   # over rank and task
  genlora bank diagnose --bank fleet --store            # onto the experts' cards: genlora bank show NAME
"""
_PNG = b"\x89PNG\r\n"


@click.command("diagnose", epilog=EPILOG, short_help="Effective rank, size and intruder dimensions of experts")
@click.argument("names", nargs=-1)
@bank_option
@click.option("--base", "base_source", metavar="SOURCE", help="The base they are for.  [default: the bank's own]")
@click.option("--no-base", is_flag=True, help="Leave out what needs the base's weights.")
@click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="Leading directions that are judged.")
@click.option(
    "--eps",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="A direction is new below this cosine to every old one.",
)
@click.option("--ranks", default="", metavar="A,B,...", help="Count again with each expert cut to these ranks.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw new directions over rank and task.")
@click.option("--force", is_flag=True, help="Replace a PNG file that is there.")
@click.option("--store", is_flag=True, help="Keep the figures in the bank, for the experts' cards.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diagnose(
    names: tuple[str, ...],
    bank: Path | BankAddress | None,
    ranks: str,
    plot: Path | None,
    force: bool,
    store: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """What the updates of NAMES look like (all experts by default).

    Effective rank, size, and intruder dimensions: leading directions of W + dW that no direction of W is like. They
    come with forgetting (Shuttleworth et al., arXiv 2410.21228). Counts depend on k, eps and rank, and are bounded by k
    for each module: compare them only at equal settings.
    """
    if store and bank is None:
        raise click.UsageError("name the bank to store figures in: --bank PATH, or set GENLORA_BANK.")
    if plot is not None:
        if options["no_base"]:
            raise click.UsageError("--plot draws intruder dimensions, which need the base: leave --no-base out.")
        _check_place(plot, force)
    found = _diagnose(names, bank, _ranks(ranks), store, **options)
    rows = [d.to_json() for d in found]
    if plot is not None:
        from genlora.evaluate import diagnosis_plot
        from genlora.files import atomic_write

        atomic_write(plot, diagnosis_plot(rows))
    if as_json:
        say_json({"experts": rows})
        return
    _tell(found)


def _ranks(text: str) -> tuple[int, ...]:
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not all(p.isdigit() for p in parts):
        raise click.UsageError(f"--ranks {text[:60]!r}: expected whole numbers with commas, such as 1,2,4.")
    return tuple(map(int, parts))


def _check_place(path: Path, force: bool) -> None:
    """Before minutes of work: only a picture is replaced, and only when asked to."""
    from genlora.errors import StorageError

    if not path.parent.is_dir():
        raise StorageError(f"{path.parent}: no such folder. Make it first, or choose another place for the picture.")
    if not path.exists():
        return
    picture = path.is_file() and path.read_bytes()[: len(_PNG)] == _PNG
    if not (force and picture):
        hint = "Pass --force to replace it" if picture else "It is no PNG, and --force does not replace it"
        raise StorageError(f"{path}: is there already. {hint}, or choose another name.")


def _diagnose(
    names: tuple[str, ...],
    bank: Path | BankAddress | None,
    ranks: tuple[int, ...],
    store: bool,
    *,
    base_source: str | None,
    no_base: bool,
    k: int,
    eps: float,
) -> list[Diagnosis]:
    from genlora.api import diagnose_bank, load_banks_base, open_bank, store_diagnoses

    with open_bank(bank, change=store) as opened, progress_bars() as show:
        for name in names:
            opened.get(name)  # an unknown name is told before the base is loaded
        base = None if no_base else load_banks_base(opened, base_source, lean=True, progress=show)
        found = diagnose_bank(opened, base, names, k=k, eps=eps, ranks=ranks, progress=show)
        if store:
            store_diagnoses(opened, found)
    return found


def _tell(found: list[Diagnosis]) -> None:
    width = max((len(d.name) for d in found), default=4)
    say(f"{'expert':<{width}}  rank  effective  size     of W   intruders  stored off by")
    for d in found:
        part = "" if d.relative_norm is None else f"{d.relative_norm:.1%}"
        new = "" if d.intruders is None else f"{d.intruders}/{d.k * d.modules}"
        off = "" if d.stored_error is None else f"{d.stored_error:.2%}"
        row = f"{d.name:<{width}}  {d.rank:>4}  {d.effective_rank:>9.2f}  {d.norm:<7.3g}  {part:>5}  {new:>9}  {off}"
        say(row.rstrip())
