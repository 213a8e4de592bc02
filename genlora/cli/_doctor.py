"""`genlora doctor`: is everything here that the main job needs, and what to do about the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._show import bank_option, say, say_json

if TYPE_CHECKING:
    from genlora.base import Finding

_MARKS = {"ok": "ok", "later": "later", "missing": "-", "broken": "FAULT"}


@click.command()
@bank_option
@click.option("--base", metavar="SOURCE", help="Also check this base: a model folder.")
@click.option("--deep", is_flag=True, help="Compare every byte in the cache with its digest; may take a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(bank: Path | None, base: str | None, deep: bool, as_json: bool) -> None:
    """Tell what is installed, cached and usable, and what to do about the rest.

    Nothing is fetched and no connection is opened, but to the server of a shared bank. Exits with 2 when something that
    every use needs is at fault.
    """
    from genlora.base import base_folder_finding, diagnose

    findings = [*diagnose(deep=deep), *_bank(bank)]
    if base is not None:
        findings.append(base_folder_finding(Path(base)))
        if findings[-1].status == "ok":
            findings.append(_short_steps(Path(base)))
    faults = [f for f in findings if f.status == "broken"]
    if as_json:
        say_json({"ok": not faults, "findings": [f.to_json() for f in findings]})
    else:
        _report(findings)
    if faults:
        click.echo(
            f"genlora: error: at fault: {', '.join(f.name for f in faults)}. The lines above say what to do.", err=True
        )
        raise click.exceptions.Exit(2)


def _short_steps(base: Path) -> Finding:
    """Which form the engine's short steps take for a base on this machine's processor, and what that rounds off."""
    from genlora.base import Finding, load_base
    from genlora.engine import ANY, ShortLinears

    model: Any = load_base(str(base), lean=True).model
    short = ShortLinears(model, model.get_output_embeddings(), anew=True)
    forms = [name + (f" up to {n} tokens" if n < ANY else " for all passes") for n, name in short.limits]
    forms += [f"{name} rounds off {error:.2%} of the weights" for name, error in short.errors.items()]
    detail = "; ".join(forms) or "the base's floats"
    short.detach()
    return Finding("models", "short steps", "ok", detail)


def _report(findings: list[Finding]) -> None:
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            say(section)
        say(f"  {_MARKS[finding.status]:6} {finding.name:28} {finding.detail}")
        if finding.advice:
            say(f"  {'':6} {'':28} -> {finding.advice}")


def _bank(path: Path | None) -> list[Finding]:
    """What is to be said of the bank in use."""
    from genlora.api import default_bank
    from genlora.bank import Bank
    from genlora.base import Finding
    from genlora.errors import GenloraError

    try:
        where = path or default_bank()
    except GenloraError as err:
        return [Finding("bank", "bank", "missing", "none found", str(err))]
    try:
        with Bank.open(where, readonly=True) as opened:
            detail = f"{where}: {len(opened)} experts for {opened.layout.name} ({opened.layout.fingerprint[:12]})"
            empty = "" if len(opened) else "It is empty: fill it with genlora bank train or genlora bank import"
    except GenloraError as err:
        return [Finding("bank", str(where), "broken", "cannot be opened", str(err))]
    return [Finding("bank", "bank", "missing" if empty else "ok", detail, empty)]
