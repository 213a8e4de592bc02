"""Rounds over clients' folders in this process, and their result as an adapter folder or a bank's expert."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genlora.adapter import BaseLayout, resize
from genlora.bank import BankAddress, ExpertRecord
from genlora.base import Fingerprint, load_base, require_compatible
from genlora.descriptions import check_description
from genlora.errors import ConfigError
from genlora.files import check_name
from genlora.progress import Progress, silent
from genlora.train.federated import (
    Client,
    Federated,
    FederatedConfig,
    RoundReport,
    Server,
    read_clients,
    run_rounds,
)

from .._own_files import check_folder
from .._scene import best_dtype, check_embedder, load_banks_embedder, open_bank
from ._write import write_trained

log = logging.getLogger(__name__)

HOW = "federate"


@dataclass(frozen=True)
class Kept:
    """Where the result goes: a folder, and, where a bank is named, an expert of it."""

    folder: Path
    force: bool = False
    bank: "Path | BankAddress | None" = None
    name: str = ""
    """Of the expert."""
    embedder: str | None = None


@dataclass(frozen=True, eq=False)
class FederatedAdapter:
    """What came out, and what was told of it."""

    result: Federated
    card: Mapping[str, Any]


def federate(
    clients: Path,
    kept: Kept,
    config: FederatedConfig,
    *,
    run: Path | None = None,
    base: str | None = None,
    device: str = "cpu",
    on_step: Callable[[int, str, int, int], None] = lambda number, name, done, total: None,
    on_round: Callable[[RoundReport], None] = lambda report: None,
    progress: Progress = silent,
) -> FederatedAdapter:
    """Train one adapter on the rows of many clients, none of which hands out a row.

    Args:
        clients: folder with one folder for each client, which holds its examples in any usual form.
        kept: where the result goes.
        config: rounds, aggregation and local training; its description is the clients' own where it is empty.
        run: folder for the rounds; by default the output's with `.run`. The same call goes on after a kill.
        base: its source; by default the usual one.
        device: cpu, cuda or cuda:N.
        on_step: told (round, client, steps done, steps in all).
        on_round: told of each round.
        progress: told about downloads.

    Raises `TaskError` for folders that cannot be used, `BaseMismatchError` for a client of another base,
    `TrainingError` where too few clients answer, `ConfigError`, `StorageError`.
    """
    check_folder(kept.folder, force=kept.force)
    loaded = load_base(base, device=device, dtype=best_dtype(device), attn_implementation="eager", progress=progress)
    loaded.model.requires_grad_(False)
    found = read_clients(clients, loaded.layout)
    config = with_description(config, [d for c in found for d in c.descriptions])
    where = run if run is not None else kept.folder.with_name(f"{kept.folder.name}.run")
    check_kept(kept, loaded.fingerprint)
    server = Server(loaded.layout, config, {c.name: c.rank for c in found}, where)
    asked = {c.name: Client(c.name, loaded, c.examples, rank=c.rank) for c in found}
    at = [server.number]

    def ask(name: str) -> Callable[[bytes], bytes]:
        return lambda order: asked[name].answer(order, lambda done, total: on_step(at[0], name, done, total))

    def closed(report: RoundReport) -> None:
        at[0] = report.number + 1
        on_round(report)

    result = run_rounds(server, {name: ask(name) for name in asked}, on_round=closed)
    licences = sorted({x for c in found for x in c.licences})
    return write_federated(result, kept, config, loaded.layout, loaded.fingerprint, licences)


def with_description(config: FederatedConfig, told: Sequence[str]) -> FederatedConfig:
    """The config with the first of what clients say where it has none. Raises `ConfigError` where nobody says one."""
    text = config.client.description or next(iter(told), None)
    if not text:
        raise ConfigError(
            "nothing says what the task is. Describe it: --description TEXT, or in a header of the files."
        )
    return replace(config, client=replace(config.client, description=check_description(text)))


def write_federated(
    result: Federated,
    kept: Kept,
    config: FederatedConfig,
    layout: BaseLayout,
    fingerprint: Fingerprint,
    licences: Sequence[str],
) -> FederatedAdapter:
    """Write the folder, and store the expert where a bank is named."""
    card = result.card(config)
    settings = config.client
    write_trained(
        kept.folder,
        result.state,
        layout,
        fingerprint,
        how=HOW,
        told=card,
        description=settings.description,
        described=settings.described,
        licences=licences,
        seed=settings.seed,
        force=kept.force,
    )
    if kept.bank is not None:
        card = {**card, "bank": _store(result, kept, settings.description, card, licences)}
    return FederatedAdapter(result, card)


def check_kept(kept: Kept, fingerprint: Fingerprint) -> None:
    """Before training: raise what `write_federated` would end in."""
    check_folder(kept.folder, force=kept.force)
    if kept.bank is None:
        return
    check_name(kept.name, what="expert name")
    with open_bank(kept.bank) as bank:
        require_compatible(fingerprint, bank.fingerprint, what="the base to train on")


def _store(
    result: Federated, kept: Kept, description: str, card: Mapping[str, Any], licences: Sequence[str]
) -> dict[str, Any]:
    with open_bank(kept.bank, change=True) as bank:
        embedder = load_banks_embedder(bank, kept.embedder)
        check_embedder(bank, embedder.id)
        state, lost = resize(result.state, bank.rank)
        record = ExpertRecord(
            name=kept.name,
            descriptions=(description,),
            embeddings=embedder.embed([description]),
            embedder=embedder.id,
            family=HOW,
            parent=kept.name,
            source=HOW,
            licence=licences[0] if len(licences) == 1 else "several",
            rank=min(bank.rank, max(p.rank for p in result.state.values())),
            metrics={"rank_loss": float(f"{lost:.4g}")} if lost else {},
            provenance={HOW: dict(card)},
            base=bank.layout.fingerprint,
        )
        bank.add(record, state, replace=True)
        return {"expert": kept.name, "rank": bank.rank, "rank_loss": float(f"{lost:.4g}")}
