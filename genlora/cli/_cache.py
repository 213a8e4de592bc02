"""`genlora cache`: fetched models and data, and converted bases."""

import json
from collections.abc import Sequence

import click

from ._text import plain

MAX_NAMED = 20
"""Things that are not genlora's, spelled out."""


@click.group()
def cache() -> None:
    """List or clear fetched models and data."""


@cache.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def list_command(as_json: bool) -> None:
    """List what is in the cache, with sizes."""
    from genlora.cache import cache_content, cache_dir

    found = cache_content()
    entries = found.entries
    if as_json:
        rows = [{"kind": e.kind, "name": e.name, "path": str(e.path), "bytes": e.size} for e in entries]
        foreign = [str(path) for path in found.foreign]
        click.echo(json.dumps({"folder": str(cache_dir()), "entries": rows, "foreign": foreign}, indent=2))
        return
    small = [e for e in entries if e.path.is_file()]
    for entry in (e for e in entries if not e.path.is_file()):
        click.echo(f"{entry.kind:12} {entry.size / 1e6:10,.1f} MB  {plain(entry.label)}")
    for kind in sorted({e.kind for e in small}):
        sizes = [e.size for e in small if e.kind == kind]
        click.echo(f"{kind:12} {sum(sizes) / 1e6:10,.1f} MB  {len(sizes)} files")
    click.echo(f"{sum(e.size for e in entries) / 1e6:,.1f} MB in {plain(str(cache_dir()))}", err=True)
    _name(found.foreign, "not genlora's")


def _name(paths: Sequence[object], what: str) -> None:
    """Name what was not touched, at most `MAX_NAMED` of it."""
    for path in paths[:MAX_NAMED]:
        click.echo(f"genlora: {what}: {plain(str(path))}", err=True)
    if len(paths) > MAX_NAMED:
        click.echo(f"genlora: {what}: {len(paths) - MAX_NAMED} more", err=True)


@cache.command()
@click.option("--kind", help="Only this kind, as `genlora cache list` names it")
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def clear(kind: str | None, as_json: bool) -> None:
    """Remove what genlora put into the cache; it is fetched and converted again when next needed.

    Whatever else lies in its folder is named and kept. What `genlora push` gave to servers is removed by
    `genlora push --collect`.
    """
    from genlora.cache import cache_entries, clear_cache

    if kind is not None and kind not in {e.kind for e in cache_entries()}:
        known = ", ".join(sorted({e.kind for e in cache_entries()})) or "nothing of genlora's"
        raise click.UsageError(f"the cache holds no {kind!r}; it holds {known}.")
    done = clear_cache(kind)
    if as_json:
        click.echo(json.dumps({"freed_bytes": done.freed, "kept": list(done.kept)}))
    else:
        click.echo(f"{done.freed / 1e6:,.1f} MB freed", err=True)
        _name(done.kept, "kept")
