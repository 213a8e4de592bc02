"""`genlora check-adapter`: does a folder load everywhere?"""

from pathlib import Path

import click


@click.command("check-adapter")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--base", metavar="SOURCE", help="Base to hold shapes and names against: pypi:, hf: or a path.")
@click.option("--profile", default="portable", show_default=True, help="Which servers' rules to check.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check_adapter(folder: Path, base: str | None, profile: str, as_json: bool) -> None:
    """Check that FOLDER is a portable adapter, line by line."""
    from genlora import adapter

    layout = None
    if base is not None:
        from genlora.base import layout_of, resolve_base

        layout = layout_of(resolve_base(base))
    report = adapter.check_adapter(folder, layout, profile=profile)
    if as_json:
        import json

        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        for item in report.items:
            # Details may quote the folder's own words: control characters never reach the terminal.
            detail = "".join(c if c.isprintable() else "?" for c in item.detail)
            click.echo(f"{'ok  ' if item.ok else 'FAIL'}  {item.name:<13} {detail}")
        bad = sum(not i.ok for i in report.items)
        click.echo(f"{profile} profile: " + ("all of it holds" if report.ok else f"{bad} of {len(report.items)} fail"))
    if not report.ok:
        raise click.exceptions.Exit(2)
