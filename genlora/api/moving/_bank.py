"""A whole bank to another base: every expert moved, all of them trained in the same batches, in one resumable run."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.bank import Bank, BankAddress, ExpertRecord, place_of
from genlora.base import require_compatible
from genlora.errors import BankError, TaskError, TrainingError
from genlora.files import check_name, storage_errors
from genlora.generators import save_artefact
from genlora.jobs import Pool
from genlora.progress import Progress, silent
from genlora.train import SUFFIX, CvaeFitConfig, ExpertTick, FitTick, fit_cvae

from .._places import store_calibration
from .._scene import open_bank
from ._bases import Bases
from ._jobs import Carrier, Route, move_experts
from ._move import Transferred, projected
from ._options import TransferOptions
from ._steps import Moving
from ._transfer import DISCRIMINATORS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MovedBank:
    """What `transfer_bank` did."""

    path: Path
    moved: dict[str, dict[str, Any]]
    """{expert: its report}."""
    already: tuple[str, ...]
    """Experts that were there from an earlier call."""
    failed: dict[str, str]
    generator: str | None = None
    """Folder of the generator that was fitted to the moved bank."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def transfer_bank(
    bank: "str | Path | BankAddress | None",
    to: str,
    out: str | Path,
    *,
    names: Sequence[str] | None = None,
    discriminators: str | Path | None = None,
    discriminator_base: str | None = None,
    run: str | Path | None = None,
    base: str | None = None,
    embedder: str | None = None,
    device: str = "cpu",
    options: TransferOptions | None = None,
    refit: int = 0,
    pool: Pool | None = None,
    progress: Progress = silent,
    on_tick: Callable[[ExpertTick], None] | None = None,
    on_moved: Callable[[str, Transferred], None] = lambda name, moved: None,
) -> MovedBank:
    """Move the experts of `bank` (all, or `names`) to the base `to`, into the bank in the folder `out`.

    Seeds are those on each expert's card. Inputs and answers are made expert by expert; then adapters are trained in
    groups of `options.config.slots`, each in the same batches, and stored. `pool` works on experts and groups elsewhere
    (`genlora.jobs`); what projects weights alone is done here. The same call goes on after a kill; what is in `out`
    already stays. Discriminators go along, so that the new bank can be moved on. How right a moved expert is on real
    inputs is not known here: its card has no gain, but how far it agrees with the expert it was made from. With
    `refit`, a cvae generator is fitted to the moved bank for so many steps, beside its files, where it is found.

    Other arguments and errors are those of `transfer`. Raises `BankError` where `out` is no bank of the target base,
    `TrainingError` where not one expert could be moved. An expert that cannot be moved does not stop the others.
    """
    options = options or TransferOptions()
    folder = Path(out)
    where = Path(run) if run is not None else folder.with_name(f"{folder.name}.run")
    with open_bank(bank) as source:
        if not isinstance(place_of(folder), Path) or (source.folder and source.folder.resolve() == folder.resolve()):
            raise BankError(f"{folder}: is the bank that is moved, or no folder. Choose another folder.")
        chosen = source.names() if names is None else [source.get(check_name(n)).name for n in names]
        route = Route(
            source.place,
            to,
            options,
            base=base,
            judge=discriminator_base,
            embedder=embedder,
            device=device,
            discriminators=None if discriminators is None else Path(discriminators),
        )
        bases = route.bases(source, progress)
        with _target_bank(folder, source, bases, options) as target:
            already = tuple(n for n in chosen if n in target)
            mover = _Mover(Carrier(route, source, bases, progress, on_tick), target, where, on_moved)
            mover.move([n for n in chosen if n not in target], pool)
            if not mover.moved and not already:
                first = next(iter(mover.failed.items()), ("no expert", "the bank is empty"))
                raise TrainingError(f"{folder}: not one expert could be moved; {first[0]}: {first[1]}")
            if mover.moved:
                store_calibration(target)
            generator = _refit(target, folder, where, refit, device, progress) if refit else None
    return MovedBank(folder, mover.moved, already, mover.failed, generator)


def _refit(bank: Bank, folder: Path, where: Path, steps: int, device: str, progress: Progress) -> str:
    """A cvae of the moved bank; its run belongs to the bank's revision, so that experts that come later count too."""
    out, run = folder / "generators" / "cvae", where / "refit" / bank.revision[:16]

    def ticked(tick: FitTick) -> None:
        progress("fitting the generator", tick.step, steps)

    found = fit_cvae(bank, CvaeFitConfig(steps=steps), run, device=device, on_tick=ticked)
    with storage_errors(out):
        out.parent.mkdir(exist_ok=True)
    save_artefact(out, found.artefact, replace=True)
    return str(out)


def _target_bank(folder: Path, source: Bank, bases: Bases, options: TransferOptions) -> Bank:
    """The bank to fill: made now, or begun by an earlier call. Raises `BankError` or `BaseMismatchError`."""
    layout = bases.target.layout
    if folder.exists():
        found = Bank.open(folder)
        require_compatible(bases.target.fingerprint, found.fingerprint, what=f"the bank {folder}")
        return found
    projecting = options.method == "project"
    rank = source.rank if projecting else options.config.rank
    targets = source.targets if projecting else options.config.targets
    return Bank.create(folder, layout, bases.target.fingerprint, rank=rank, targets=targets)


class _Mover:
    def __init__(
        self,
        carrier: Carrier,
        target: Bank,
        where: Path,
        on_moved: Callable[[str, Transferred], None],
    ) -> None:
        self.carrier, self.target, self.where, self.on_moved = carrier, target, where, on_moved
        self.moved: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}

    def move(self, names: Sequence[str], pool: Pool | None) -> None:
        way = self._projected(names) if self.carrier.route.options.method == "project" else None
        for name, moved in way or move_experts(self.carrier, names, self.where, pool=pool):
            if isinstance(moved, str):
                log.warning("%s: is not moved: %s", name, moved)
                self.failed[name] = moved
            else:
                self._store(self.carrier.route.moving(self.carrier.bank, name), moved)

    def _projected(self, names: Sequence[str]) -> Iterator[tuple[str, Transferred | str]]:
        carrier = self.carrier
        for done, name in enumerate(names, 1):
            try:
                moving = carrier.route.moving(carrier.bank, name)
                yield name, projected(moving, carrier.bases, carrier.route.options, self.where / "experts" / name)
            except (TaskError, TrainingError) as err:
                yield name, str(err)
            carrier.progress("experts prepared", done, len(names))

    def _store(self, moving: Moving, moved: Transferred) -> None:
        # The discriminator first: an expert that is there is not looked at again.
        if moving.discriminator is not None and self.target.folder is not None:
            moving.discriminator.write(self.target.folder / DISCRIMINATORS / f"{moving.name}{SUFFIX}")
        before = self.carrier.bank.get(moving.name)
        self.target.add(_record(before, moving, moved), moved.state, replace=True)
        self.moved[moving.name] = moved.report
        self.on_moved(moving.name, moved)


_TOLD = (
    "method",
    "source",
    "source_fingerprint",
    "seed",
    "filter",
    "counts",
    "agreement",
    "distance_to_seeds",
    "shown",
)
"""Of a report, what the moved expert's card says."""


def _record(before: ExpertRecord, moving: Moving, moved: Transferred) -> ExpertRecord:
    report = moved.report
    agreed = report.get("agreement", {}).get("share")
    metrics = {
        "metric": moving.metric,
        "samples": [{"input": e.input, "output": e.output} for e in moving.seeds],
        **({} if agreed is None or math.isnan(agreed) else {"agreement": agreed}),
    }
    return before.with_(
        gain=None,
        metrics=metrics,
        rank=0,
        base="",
        blob="",
        generation=0,
        provenance={
            "transferred": {k: report[k] for k in _TOLD if k in report},
            "prompt": "bare",
            "before": dict(before.provenance.get("transferred", {})),
        },
    )
