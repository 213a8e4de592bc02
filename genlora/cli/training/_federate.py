"""`genlora federate`: one adapter from the rows of many, none of whom hands out a row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import Show, progress_bars
from .._show import Place, say, say_json

if TYPE_CHECKING:
    from genlora.api import FederatedAdapter
    from genlora.bank import BankAddress
    from genlora.train.federated import FederatedConfig, RoundReport

EPILOG = """\b
Examples:
  genlora federate --clients hospitals -o triage --description "say how urgent a note is"
  genlora federate --clients hospitals -o triage --rounds 5 --aggregate fair --option lam=0.1
  genlora federate --clients hospitals -o triage --bank my-bank --name triage
CLIENTS holds a folder for each client, with its examples (JSON Lines, JSON, CSV, TSV or "input => output"), and if need
be client.json: {"rank": 4, "base": FINGERPRINT}. A run that was stopped goes on where it was: give the same command
again. What arrived lies in FOLDER.run.
"""


@click.command("federate", epilog=EPILOG, short_help="Train one adapter over clients that keep their data")
@click.option("--clients", type=click.Path(path_type=Path), required=True, help="Folder with one folder a client.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Adapter folder to write.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--aggregate",
    default="flora",
    show_default=True,
    metavar="NAME",
    help="flora (exact), fair, fedavg, svd, ties, dare or similarity.",
)
@click.option("--option", "options", multiple=True, metavar="K=V", help="Of the aggregation, such as lam=0.01.")
@click.option("--description", default="", help="What the task is.  [default: what the clients' files say]")
@click.option("--described", is_flag=True, help="Put the description into the prompt while training.")
@click.option("--rank", type=click.IntRange(1, 256), default=8, show_default=True, help="Of clients that name none.")
@click.option("--targets", default="q_proj,v_proj", show_default=True, help="Projections that are changed.")
@click.option(
    "--epochs", type=click.IntRange(1), default=1, show_default=True, help="Over a client's rows, each round."
)
@click.option("--steps", type=click.IntRange(0), default=0, help="Steps of a client in a round, instead of --epochs.")
@click.option("--lr", default=2e-3, show_default=True, help="Peak learning rate of a round.")
@click.option("--max-tokens", type=click.IntRange(8), default=256, show_default=True, help="Longest row that is used.")
@click.option("--least", type=click.IntRange(0), default=0, help="Clients that must answer a round.  [default: all]")
@click.option("--run", type=click.Path(path_type=Path), help="Folder for the rounds.  [default: FOLDER.run]")
@click.option("--base", metavar="SOURCE", help="Base to train on.  [default: the usual one]")
@click.option("--bank", type=Place(), help="Bank to store the result in as an expert, too.")
@click.option("--name", default="", help="What the expert is called there.")
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with.  [default: the shipped bank's]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Replace an adapter that genlora wrote, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print what the card says as JSON.")
def federate_command(
    clients: Path, out: Path, bank: Path | BankAddress | None, name: str, as_json: bool, **options: Any
) -> None:
    """Train one adapter on the rows of many clients; only adapters and a few numbers leave a client.

    In each round every client trains on its own folder, from where the last round ended, and the server aggregates what
    comes back. flora adds the clients' updates exactly, whatever their ranks; fair averages factors and corrects them;
    fedavg averages them, which is wrong by cross terms. The adapter's receipt tells rounds, clients' sizes, and the
    bytes and kinds that left them. Updates can leak what they were trained on: this is no promise of secrecy.
    """
    if (bank is None) != (not name):
        raise click.UsageError(
            "--bank and --name go together: a bank to store in, and what the expert is called there."
        )
    config = _config(**options)
    from genlora.api import Kept, federate

    kept = Kept(out, options["force"], bank, name, options["embedder"])
    with progress_bars() as show:
        made = federate(
            clients,
            kept,
            config,
            run=options["run"],
            base=options["base"],
            device=options["device"],
            on_step=_stepped(show, config.rounds),
            on_round=_told,
            progress=show,
        )
    if as_json:
        say_json(dict(made.card))
    else:
        _tell(out, made)


def _config(
    *,
    rounds: int,
    aggregate: str,
    options: tuple[str, ...],
    least: int,
    targets: str,
    rank: int,
    epochs: int,
    steps: int,
    lr: float,
    max_tokens: int,
    description: str,
    described: bool,
    seed: int,
    **_: Any,
) -> FederatedConfig:
    from genlora.errors import ConfigError
    from genlora.train.federated import ClientConfig, FederatedConfig

    if not 0 < lr < 1:
        raise ConfigError(f"lr is {lr}, expected a number between 0 and 1; 2e-3 is the default.")
    leaves = tuple(t.strip() for t in targets.split(",") if t.strip())
    client = ClientConfig(
        steps=steps,
        epochs=epochs,
        rank=rank,
        targets=leaves,
        lr=lr,
        described=described,
        description=description,
        max_tokens=max_tokens,
        seed=seed,
    )
    return FederatedConfig(
        rounds=rounds, aggregate=aggregate, options=dict(map(_option, options)), client=client, least=least
    )


def _option(text: str) -> tuple[str, float | int | bool]:
    key, _, value = text.partition("=")
    words: dict[str, bool] = {"true": True, "false": False}
    if value.lower() in words:
        return key, words[value.lower()]
    try:
        return key, int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        raise click.UsageError(f"--option {text[:60]!r}: expected NAME=NUMBER, such as lam=0.01.") from None


def _stepped(show: Show, rounds: int) -> Any:
    def tell(number: int, name: str, done: int, total: int) -> None:
        show(f"round {min(number + 1, rounds)} of {rounds}, {name}", done, total)

    return tell


def _told(report: RoundReport) -> None:
    who = f", without {', '.join(report.failed)}" if report.failed else ""
    click.echo(
        f"round {report.number + 1}: loss {report.loss:.3f} before it, rank {report.rank}, "
        f"{report.error:.2%} off the exact sum{who}",
        err=True,
    )


def _tell(out: Path, made: FederatedAdapter) -> None:
    card = made.card
    first = card["history"][0]["loss"]
    say(f"{out}: {card['rounds']} rounds of {card['aggregate']} over {len(card['clients'])} clients")
    say(f"loss on the clients' rows: {first:.3f} before, {card['loss']:.3f} after")
    for name, c in card["clients"].items():
        say(f"  {name}: {c['rows']} rows, rank {c['rank']}, sent {c['bytes_sent'] / 2**20:.2f} MiB")
    left = card["left_the_clients"]
    say(f"left the clients: {left['bytes'] / 2**20:.2f} MiB, {', '.join(left['kinds'])}")
    if "bank" in card:
        say(
            f"stored as expert {card['bank']['expert']}, {card['bank']['rank_loss']:.2%} of its energy lost to its rank"
        )
