"""Where the shipped bank is, and how well a bank supports requests."""

import logging
import os
from pathlib import Path

from genlora.bank import Bank, BankAddress, TaskEmbedder, place_of
from genlora.base import resolve_embedder
from genlora.cache import CALIBRATION_FORMAT, cache_dir, seal_json, sealed_json
from genlora.errors import BankError, ConfigError, GenloraError, UnknownGeneratorError
from genlora.files import at_home, atomic_write
from genlora.generators import Artefact, Calibration, calibrate, load_artefact
from genlora.progress import Progress, silent

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[1]
CALIBRATION_KEY = "calibration"


def default_bank() -> Path | BankAddress:
    """The bank that is used when none is named: `$GENLORA_BANK`, else the shipped one. Raises `BankError`."""
    if own := os.environ.get("GENLORA_BANK"):
        place = place_of(own)
        return at_home(place) if isinstance(place, Path) else place
    shipped = (_PACKAGE / "_data" / "bank", _PACKAGE.parent / "checkpoints" / "bank")
    for path in shipped:
        if path.is_dir():
            return path
    raise BankError(
        f"no bank: found none at {shipped[0]} or {shipped[1]}. "
        "Name one with --bank PATH or $GENLORA_BANK, or make one with: genlora bank init"
    )


def generator_artefact(kind: str, bank: Bank | None = None) -> Artefact:
    """A generator's trained artefact: from `$GENLORA_GENERATORS`, beside the bank's own files, else the shipped one.

    Raises `UnknownGeneratorError` when there is none.
    """
    if own := os.environ.get("GENLORA_GENERATORS"):
        places = [at_home(own)]
    else:
        beside = [bank.folder / "generators"] if bank is not None and bank.folder else []
        places = [*beside, _PACKAGE / "_data" / "generators", _PACKAGE.parent / "checkpoints" / "generators"]
    for place in places:
        if (place / kind).is_dir():
            return load_artefact(place / kind, kind)
    raise UnknownGeneratorError(
        f"generator {kind!r} has to be trained, and there is none in {', '.join(str(p / kind) for p in places)}. "
        f"Train it with: genlora train {kind}, or use --generator aggregate"
    )


def embedder_lora() -> Path | None:
    """The factors that make the default task embedder read for meaning, shipped beside the bank; None without them."""
    for place in (_PACKAGE / "_data", _PACKAGE.parent / "checkpoints"):
        if (found := place / "embedder" / "embedder.safetensors").is_file():
            return found
    return None


def task_embedder(
    source: str | None = None, *, known: str | None = None, where: str = "the bank", progress: Progress = silent
) -> TaskEmbedder:
    """The embedder of id `known`, which a bank was made with; without one, the newest: the default with its factors.

    `source` names another model than the default. Raises `BankError` where none has that id.
    """
    path = resolve_embedder(source, progress=progress)
    plain = TaskEmbedder(path)
    factors = embedder_lora() if source is None else None
    found = [TaskEmbedder(path, factors), plain] if factors is not None else [plain]
    if known is None:
        return found[0]
    for embedder in found:
        if embedder.id == known:
            return embedder
    raise BankError(
        f"{where}: made with embedder {known[:16]}, this one is {plain.id[:16]}: their vectors cannot be compared. "
        "Name the bank's own with --embedder SOURCE, or make its vectors anew: genlora bank embed"
    )


def token_reader(embedder: object) -> TaskEmbedder:
    """`embedder` as a reader of tokens. Raises `ConfigError` where it gives a vector for a text and no more."""
    if not isinstance(embedder, TaskEmbedder):
        raise ConfigError(
            f"generator 'hypernet-bases' reads descriptions token by token, and {type(embedder).__name__} gives one "
            "vector for each. Use the bank's own embedder, or another generator."
        )
    return embedder


def store_calibration(bank: Bank) -> Calibration:
    """Measure a bank's calibration and keep it in the bank, so that nobody else has to. Call it when the bank is done.

    Any later change of the bank makes it stale; it is then measured anew by whoever needs it.
    """
    found = calibrate(bank)
    with bank.atomic() as tx:
        tx.set_metadata(CALIBRATION_KEY, {**found.to_json(), "generation": tx.generation})
    return calibration_of(bank)


def calibration_of(bank: Bank) -> Calibration:
    """The bank's calibration: as stored in it, else as cached for its revision, else measured now (about a second)."""
    stored = bank.metadata(CALIBRATION_KEY)
    if stored is not None:
        calibration = Calibration.from_json(stored, where=f"{bank.where}: calibration")
        if calibration.generation == bank.generation:
            return calibration
    cached = cache_dir() / "calibrations" / f"{bank.revision}.json"
    try:
        return Calibration.from_json(sealed_json(cached, CALIBRATION_FORMAT), where=str(cached))
    except GenloraError:
        pass
    log.info("measuring how similar the tasks of %s are, once for this state of the bank", bank.where)
    calibration = calibrate(bank)
    try:
        atomic_write(cached, seal_json(calibration.to_json(), CALIBRATION_FORMAT), durable=False)
    except GenloraError as err:  # a cache that cannot be written only costs time
        log.info("the calibration is not kept: %s", err)
    return calibration
