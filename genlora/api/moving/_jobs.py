"""A bank's transfer as jobs: each expert's inputs and answers, then each group's training, here or elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from genlora.bank import Bank, BankAddress
from genlora.errors import ManifestError, TaskError, TrainingError
from genlora.files import read_json, sha256_file
from genlora.jobs import FolderJob, Pool, job_digest, run_in_folder
from genlora.progress import Progress, silent
from genlora.train import ExpertTick, ExpertTrainer, discriminator_files, finished_expert
from genlora.versions import versions

from ._bases import Bases
from ._move import Prepared, Transferred, finish, prepare
from ._options import TransferOptions
from ._steps import Moving, task_of
from ._transfer import discriminator_of, moving_of

TRAINING = "training"
"""Folder of the adapters' training in a bank's run folder."""


@dataclass(frozen=True)
class Route:
    """From which bank to which base, and by what: all that a worker needs to go along."""

    bank: Path | BankAddress
    to: str
    options: TransferOptions
    base: str | None = None
    judge: str | None = None
    embedder: str | None = None
    device: str = "cpu"
    discriminators: Path | None = None

    def bases(self, bank: Bank, progress: Progress = silent) -> Bases:
        """Loaded when they are needed."""
        return Bases(
            bank,
            self.to,
            base=self.base,
            judge=self.judge,
            embedder=self.embedder,
            device=self.device,
            progress=progress,
        )

    def moving(self, bank: Bank, name: str) -> Moving:
        """An expert with its seeds and its discriminator. Raises `TaskError` for seeds that cannot be used."""
        return moving_of(bank, name, discriminator=self._named(name))

    def discriminator(self, bank: Bank, name: str) -> str:
        """The digest of the file that `moving` reads, '' where there is none."""
        place = discriminator_of(bank, name, self._named(name))
        return "" if place is None else sha256_file(place)

    def _named(self, name: str) -> Path | None:
        return None if self.discriminators is None else discriminator_files(self.discriminators).get(name)


@dataclass(frozen=True, eq=False)
class Carrier:
    """A route with its bank open and its bases at hand: moves experts in a run folder."""

    route: Route
    bank: Bank
    bases: Bases
    progress: Progress = silent
    on_tick: Callable[[ExpertTick], None] | None = None

    def prepared(self, name: str, where: Path) -> Prepared:
        """An expert's made-up inputs and answers; what is in the run folder is read."""
        moving = self.route.moving(self.bank, name)
        return prepare(moving, self.bases, self.route.options, where / "experts" / name, progress=self.progress)

    def prepare(self, name: str, where: Path) -> dict[str, Any]:
        """The first job: `prepared`, or why it cannot be."""
        try:
            self.prepared(name, where)
        except (TaskError, TrainingError) as err:
            return {"failed": str(err)}
        return {"failed": ""}

    def train(self, names: Sequence[str], where: Path) -> dict[str, Any]:
        """The second: the adapters of a group, trained in the same batches, each with its report."""
        ready = {name: self.prepared(name, where) for name in names}
        tasks = [task_of(p.moving, p.rows) for p in ready.values()]
        config = self.route.options.config
        trainer = ExpertTrainer(self.bases.target, tasks, config, where / TRAINING, on_tick=self.on_tick)
        moved = []
        for trained in trainer.run():
            finish(ready[trained.name], trained, self.bases, progress=self.progress)
            moved.append(trained.name)
        return {"moved": moved, "failed": trainer.failed}


def _begin(route: Route, step: str, carrier: Carrier | None) -> Callable[[Any, Path], dict[str, Any]]:
    if carrier is None:  # on a worker, which opens the bank anew and keeps it open as long as it lives
        bank = Bank.open(route.bank, readonly=True)
        carrier = Carrier(route, bank, route.bases(bank))
    return getattr(carrier, step)


def move_experts(
    carrier: Carrier, names: Sequence[str], where: Path, *, pool: Pool | None
) -> Iterator[tuple[str, Transferred | str]]:
    """Each of `names` as it is moved, or why it is not: inputs and answers expert by expert, then adapters in groups of
    `config.slots`, cut by the order of the names alone. What is done in `where` is not done again.

    Raises what `run_in_folder` raises, and what a whole transfer fails by.
    """
    route, bank = carrier.route, carrier.bank
    begin = partial(_begin, replace(route, bank=bank.place), carrier=None if pool is not None else carrier)
    common = {
        "to": carrier.bases.target.layout.fingerprint,
        "from": bank.layout.fingerprint,
        "options": route.options.told(),
        "method": route.options.config.to_json(),
        "judge_base": route.judge,
        "device": route.device,
        "versions": versions(),
    }
    parts = {name: _content(carrier, name) for name in names}
    first = [
        FolderJob(job_digest("prepare", {**common, **parts[n]}), n, (f"experts/{n}/*", f"experts/{n}/rounds/*"))
        for n in names
    ]
    ready = []
    told = run_in_folder(first, where, partial(begin, "prepare"), pool=pool)
    for done, (name, found) in enumerate(zip(names, told, strict=True), 1):
        carrier.progress("experts prepared", done, len(names))
        if found["failed"]:
            yield name, found["failed"]
        else:
            ready.append(name)
    size = route.options.config.slots
    groups = [ready[i : i + size] for i in range(0, len(ready), size)]
    second = [
        FolderJob(
            job_digest("move", {**common, "experts": [parts[n] for n in group]}),
            group,
            (f"{TRAINING}/run.json", *(pattern for n in group for pattern in _files_of(n))),
        )
        for group in groups
    ]
    for found in run_in_folder(second, where, partial(begin, "train"), pool=pool):
        yield from found["failed"].items()
        yield from ((name, moved_in(where, name)) for name in found["moved"])


def _content(carrier: Carrier, name: str) -> dict[str, Any]:
    """What of an expert decides how it is moved."""
    record = carrier.bank.get(name)
    return {
        "expert": name,
        "blob": record.blob,
        "description": record.description,
        "card": {k: record.metrics.get(k) for k in ("metric", "samples")},
        "discriminator": carrier.route.discriminator(carrier.bank, name),
    }


def _files_of(name: str) -> tuple[str, ...]:
    kept = (f"{TRAINING}/{folder}/{name}.safetensors" for folder in ("slots", "done", "native"))
    return (*kept, f"experts/{name}/*", f"experts/{name}/rounds/*")


def moved_in(where: Path, name: str) -> Transferred:
    """What a run folder holds of an expert that is moved. Raises `ManifestError` or `TrainingError` for damage."""
    folder = where / "experts" / name
    report = read_json(folder / "report.json")
    if not isinstance(report, dict):
        raise ManifestError(f"{folder / 'report.json'}: not a report of a transfer. Delete {folder} and begin again.")
    return Transferred(finished_expert(where / TRAINING, name).state, report, (folder / "samples.html").read_bytes())
