"""Move one expert to another base: `transfer`."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genlora.adapter import AdapterFiles, peft_files
from genlora.bank import Bank, BankAddress, ExpertRecord
from genlora.base import LoadedBase
from genlora.errors import ConfigError, TaskError
from genlora.files import canonical_json, publish_folder
from genlora.progress import Progress, silent
from genlora.tasks import Example, PromptFormat, read_examples
from genlora.train import MOST_SEEDS, Discriminator, check_seeds, discriminator_files
from genlora.versions import versions

from .._bundle import bundle_files, prompt_part
from .._own_files import check_folder, hold_interrupts, own_adapter
from .._receipt import seal
from .._scene import open_bank
from ._bases import Bases
from ._move import Transferred, move
from ._options import Method, TransferOptions
from ._steps import Moving

log = logging.getLogger(__name__)

SEEDS = 5
"""Seeds that are taken of a file with more than may be."""
DISCRIMINATORS = "discriminators"
"""Folder of a folder bank where its experts' discriminators lie."""


def transfer(
    expert: str,
    to: str,
    out: str | Path,
    *,
    bank: "str | Path | BankAddress | None" = None,
    seeds: str | Path | Sequence[Example] | None = None,
    discriminator: str | Path | None = None,
    discriminator_base: str | None = None,
    run: str | Path | None = None,
    base: str | None = None,
    embedder: str | None = None,
    device: str = "cpu",
    method: Method | None = None,
    options: TransferOptions | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Transferred:
    """Move a bank's expert to the base `to`, without its data, and write it as an adapter folder.

    >>> from genlora import transfer
    >>> moved = transfer("r-extract-city", "path/to/another/base", "city-on-other")
    >>> print(moved.summary())

    Trans-LoRA (arXiv 2405.17258): a base makes up inputs like the seeds, the expert's discriminator filters them, the
    expert answers, and a fresh adapter is trained on the target. Nothing but the seeds is read of the real data.

    Args:
        expert: its name in the bank.
        to: source of the target base: pypi:, hf:, a folder or .gguf.
        out: adapter folder to write.
        bank: a folder or address; by default the usual one.
        seeds: three to fifteen examples, or a file of them (of more, the first five are taken); by default those on the
            expert's card. They should show every kind of input: what none of them shows is hardly made up.
        discriminator: file or folder of discriminators; by default `discriminators` in the bank's folder.
        discriminator_base: source of the base that a discriminator is for, where that is neither source nor target and
            is not found by its name: after a chain of transfers.
        run: folder for the steps; by default `out` with `.run`. The same call goes on after a kill.
        base: source of the bank's own base; by default the one it names.
        embedder: of the bank, where it is not the shipped one.
        device: cpu, cuda or cuda:N.
        method: `distil`, or `project` to map the weights without training; by default what `options` say.
        options: everything else.
        force: replace an adapter that genlora wrote.
        progress: told what is being done.

    Raises `UnknownExpertError`, `TaskError` for seeds that cannot be used, `BaseError` for a target that cannot be
    asked, `BaseMismatchError` for a discriminator of another base, `TrainingError` where too few inputs are kept,
    `ConfigError` for a run folder of another transfer, `StorageError` where the disk refuses.
    """
    options = options or TransferOptions()
    if method is not None:
        options = replace(options, method=method)
    folder = Path(out)
    check_folder(folder, force=force)
    where = Path(run) if run is not None else folder.with_name(f"{folder.name}.run")
    with open_bank(bank) as opened:
        moving = moving_of(opened, expert, seeds=seeds, discriminator=discriminator)
        bases = Bases(
            opened,
            to,
            base=base,
            judge=discriminator_base,
            embedder=embedder,
            device=device,
            progress=progress,
        )
        moved = move(moving, bases, options, where, progress=progress)
        write_moved(folder, moved, bases.target, opened.get(expert), options, force=force)
    return moved


def moving_of(
    bank: Bank,
    expert: str,
    *,
    seeds: str | Path | Sequence[Example] | None = None,
    discriminator: str | Path | None = None,
) -> Moving:
    """An expert of a bank with its seeds and its discriminator, where it has one."""
    record = bank.get(expert)
    found = _seeds(record, seeds)
    place = discriminator_of(bank, expert, discriminator)
    metric = record.metrics.get("metric", "exact")
    judge = None if place is None else Discriminator.read(place)
    if judge is not None and judge.expert != expert:
        raise ConfigError(f"{place}: is the discriminator of {judge.expert}, not of {expert}. Give another file.")
    return Moving(
        expert, record.description, bank.state(expert), metric, found, judge, "" if place is None else str(place)
    )


def _seeds(record: ExpertRecord, seeds: str | Path | Sequence[Example] | None) -> tuple[Example, ...]:
    where = "the seeds"
    if seeds is None:
        where = f"the card of {record.name}"
        samples = record.metrics.get("samples") or ()
        try:
            found = [Example(str(s["input"]), str(s["output"])) for s in samples]
        except (TypeError, KeyError) as err:
            raise TaskError(
                f"{where}: its samples cannot be read ({err!r}). Give seeds in a file: --seeds FILE"
            ) from err
    elif isinstance(seeds, str | Path):
        where = str(seeds)
        found = list(read_examples(Path(seeds)).examples)
    else:
        found = list(seeds)
    if len(found) > MOST_SEEDS and (seeds is None or isinstance(seeds, str | Path)):
        found = found[:SEEDS]
    try:
        check_seeds([e.input for e in found])
    except TaskError as err:
        raise TaskError(f"{where}: {err}") from err
    return tuple(found)


def discriminator_of(bank: Bank, expert: str, given: str | Path | None) -> Path | None:
    """The file of an expert's discriminator: `given`, or in the folder that is given, by default the bank's own."""
    if given is not None and Path(given).is_file():
        return Path(given)
    folder = Path(given) if given is not None else bank.folder and bank.folder / DISCRIMINATORS
    if given is not None and not Path(given).is_dir():
        raise ConfigError(f"{given}: no such file or folder. Expected a discriminator, or a folder of them.")
    return discriminator_files(folder).get(expert) if folder else None


def write_moved(
    folder: Path,
    moved: Transferred,
    target: LoadedBase,
    record: ExpertRecord,
    options: TransferOptions,
    *,
    force: bool,
) -> None:
    """Write a moved expert as an adapter folder with prompt, card, receipt and sample page."""
    layout = target.layout
    prompt = PromptFormat.of(record.description, described=False)
    identity = json.dumps(target.fingerprint.to_json(), sort_keys=True, separators=(",", ":"))
    body = {
        "request": {"description": record.description, "generator": "transfer", "seed": options.seed},
        "bundle": prompt_part(prompt),
        "neighbours": [],
        "made_by": {"transfer": moved.report},
        "licences": {"base": layout.licence, "neighbours": [], "training": [record.licence]},
        "warnings": [],
        "fingerprint": layout.fingerprint,
        "base": {"name": layout.name, "architecture": layout.architecture, "identity": identity},
        "versions": versions(),
    }
    files = {**peft_files(moved.state, layout), **bundle_files(body, prompt)}
    if moved.page:
        files[AdapterFiles.PAGE] = moved.page
    files[AdapterFiles.RECEIPT] = canonical_json(seal(body, files))
    with hold_interrupts():
        publish_folder(files, folder, replace=own_adapter if force else None)
    log.info("%s: written", folder)
