"""`genlora push`: hand an adapter to vLLM, SGLang, LoRAX, llama.cpp or Ollama."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genlora.errors import ConfigError, PushError

from ._show import say, say_json
from ._text import plain

if TYPE_CHECKING:
    from genlora.push import Pushed, PushOptions

SERVERS = ("vllm", "sglang", "lorax", "llamacpp", "ollama")
KEY_VARIABLE = "GENLORA_SERVER_KEY"


@click.command(
    epilog="""\b
Examples:
  genlora push reverse-words --to vllm --server http://127.0.0.1:8000
  genlora push reverse-words --to llamacpp --dry-run
  genlora push reverse-words --to ollama --served-base smollm2:135m --server http://127.0.0.1:11434
  genlora push --withdraw genlora:0f3c... --to vllm --server http://127.0.0.1:8000
  genlora push --collect
"""
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(SERVERS), help="Kind of server.")
@click.option("--server", metavar="URL", help="Its address.  [default: only lay the adapter into the store]")
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=("Folder that servers read adapters from.  [default: $GENLORA_STORE, else `served` in the cache]"),
)
@click.option("--server-store", metavar="PATH", help="The store's path as the server sees it, if it is another.")
@click.option(
    "--base",
    metavar="SOURCE",
    help=(
        "Base to hold shapes against, and to make a GGUF twin for: pypi:, hf: or a path.  [default: the bank's layout]"
    ),
)
@click.option("--served-base", metavar="NAME", help="Ollama's own name of the base, such as smollm2:135m.")
@click.option(
    "--key-env",
    default=KEY_VARIABLE,
    show_default=True,
    metavar="NAME",
    help=("Environment variable that holds the server's bearer key."),
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 3600),
    default=120,
    show_default=True,
    help=("Limit of each request in seconds."),
)
@click.option("--force", is_flag=True, help="Push although the server names another base.")
@click.option("--dry-run", is_flag=True, help="Check the adapter and tell the steps; write and send nothing.")
@click.option("--withdraw", metavar="NAME", help="Make the server forget an adapter, and end its lease on the folder.")
@click.option("--collect", is_flag=True, help="Remove folders that no server has had for --grace seconds.")
@click.option("--grace", "grace_s", type=click.FloatRange(0), default=3600, show_default=True, help="For --collect.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def push(
    folder: Path | None,
    to: str | None,
    key_env: str,
    withdraw: str | None,
    collect: bool,
    grace_s: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Hand an adapter to vLLM, SGLang, LoRAX, llama.cpp or Ollama.

    FOLDER is what `genlora generate` wrote: an adapter, or a folder of them. It is checked first; then it is laid into
    the store, in a folder that is named by its content and never changes, and the server is told. Nothing is sent but
    to --server. The output says what to put into requests and which flags the server needs.
    """
    if collect:
        _collect(options["store"], grace_s, as_json=as_json, dry_run=options["dry_run"])
        return
    if to is None:
        raise click.UsageError(f"say which kind of server it is: --to {'|'.join(SERVERS)}.")
    if (folder is None) == (withdraw is None):
        raise click.UsageError("give the FOLDER of an adapter, or --withdraw NAME.")
    key = os.environ.get(key_env)
    if key is None and key_env != KEY_VARIABLE:
        raise ConfigError(f"--key-env: the environment variable {key_env[:60]!r} is not set. Set it, or leave it out.")

    from genlora.push import PushOptions
    from genlora.push import push as push_folder

    chosen = PushOptions(to=to, key=key, **options)
    if withdraw is not None:
        _withdraw(withdraw, chosen, as_json=as_json)
        return
    assert folder is not None
    done = push_folder(folder, chosen)
    if as_json:
        say_json({"pushed": [p.to_json() for p in done]})
    else:
        for one in done:
            _report(one)
    away = [one for one in done if not (one.served or one.dry_run)]
    if away and chosen.server is not None:
        raise PushError(
            f"{chosen.server}: does not have {len(away)} of {len(done)} adapters, which lie in the store. "
            f"Start it again with: {away[-1].flags}"
        )


def _report(one: Pushed) -> None:
    if one.dry_run:
        say(f"{one.source}: would be {one.name}")
        for step in one.steps:
            say(f"  {step}")
    else:
        state = "is served" if one.served else "is in the store, not served yet"
        say(f"{one.source}: {one.name} {state}")
    say(f"  request: {one.request['path']} {_brief(one.request['body'])}")
    say(f"  server:  {one.flags}")
    for note in one.notes:
        click.echo(f"genlora: {plain(note)}", err=True)


def _brief(body: Any) -> str:
    import json

    return json.dumps(body)


def _withdraw(name: str, options: PushOptions, *, as_json: bool) -> None:
    from genlora.push import withdraw

    had = withdraw(name, options)
    if as_json:
        say_json({"withdrawn": name, "had_lease": had, "dry_run": options.dry_run})
    elif options.dry_run:
        say(f"{name}: would be withdrawn from {options.server}{'' if had else ', which has no lease on it'}")
    else:
        say(f"{name}: withdrawn; its folder stays until `genlora push --collect` after the grace period")


def _collect(store: Path | None, grace_s: float, *, as_json: bool, dry_run: bool) -> None:
    from genlora.push import AdapterStore, default_store

    found = AdapterStore(store or default_store()).collect(grace_s=grace_s, dry_run=dry_run)
    if as_json:
        say_json({"removed": [str(p) for p in found], "dry_run": dry_run})
        return
    for path in found:
        say(f"{path}: {'would be removed' if dry_run else 'removed'}")
    click.echo(f"genlora: {len(found)} folders {'could go' if dry_run else 'removed'}", err=True)
