"""`genlora methods`: what experts can be trained by, and what each costs."""

from __future__ import annotations

import json

import click

from .._show import say

SEAM_OPTIONS = {"init": "--init", "structure": "--structure", "rule": "--rule", "allocate": "--allocate"}

LIST_EPILOG = """\b
Examples:
  genlora methods list
  genlora methods list --json
"""

SHOW_EPILOG = """\b
Examples:
  genlora methods show lora-ga
  genlora methods show eva --json
"""


@click.group("methods", short_help="List and explain the methods that experts are trained by")
def methods() -> None:
    """The training methods of `genlora bank train`, along four seams: where training starts (--init), what is trained
    (--structure), how a step is taken (--rule), and which modules get which rank (--allocate).
    """


@methods.command("list", epilog=LIST_EPILOG, short_help="List all methods")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_methods(as_json: bool) -> None:
    """List every method with its seam, its axis and what it does."""
    from genlora.train import all_methods

    found = all_methods()
    if as_json:
        click.echo(json.dumps([m.to_json() for m in found]))
        return
    for m in found:
        say(f"{SEAM_OPTIONS[m.seam]:<12}{m.name:<14}{m.axis:<15}{m.title}")


@methods.command("show", epilog=SHOW_EPILOG, short_help="Explain one method")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> None:
    """Explain the method NAME: source, settings, what it costs over plain LoRA and when to choose it."""
    from genlora.train import methods_called

    found = methods_called(name)
    if as_json:
        click.echo(json.dumps([m.to_json() for m in found]))
        return
    for m in found:
        say(f"{m.name}  ({SEAM_OPTIONS[m.seam]}, {m.axis})")
        for label, text in (("does", m.title), ("source", m.source), ("costs", m.cost), ("choose it", m.when)):
            say(f"  {label + ':':<11}{text}")
        for key, option in m.options.items():
            say(f"  --method-option {key}={option.default}  {option.help}")
