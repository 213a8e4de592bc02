"""Existing adapters into a bank: other people's PEFT folders and our own, one or a manifest of many."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlora.adapter import AdapterFiles, AdapterState, folder_receipt, import_peft, nothing_in, read_adapter, resize
from genlora.base import require_made_for, same_name
from genlora.descriptions import check_description
from genlora.errors import (
    AdapterFormatError,
    AdapterShapeError,
    BankDamagedError,
    BaseMismatchError,
    GenloraError,
    ManifestError,
)
from genlora.files import check_name, read_json
from genlora.progress import Progress, silent

from ._record import ExpertRecord
from ._store import Bank
from .embedder._embedder import TaskEmbedder

if TYPE_CHECKING:
    from genlora.base import Fingerprint

log = logging.getLogger(__name__)

MAX_MANIFEST_BYTES = 64 << 20
_TEXT_KEYS = ("family", "parent", "licence")
_UNPROVEN = "that it was trained on this very base is told by its config alone; --base SOURCE proves it"
_KEYS = {"folder", "name", "description", "descriptions", "saw", *_TEXT_KEYS}


@dataclass(frozen=True, kw_only=True)
class ImportItem:
    """An adapter folder and what its task is."""

    folder: Path
    name: str
    descriptions: tuple[str, ...]
    licence: str = ""
    """Empty takes the one of the folder's model card."""
    family: str = ""
    parent: str = ""
    saw: tuple[str, ...] = ()
    """Public benchmarks whose examples it was trained on."""

    def __post_init__(self) -> None:
        check_name(self.name, what="expert name")
        object.__setattr__(self, "descriptions", tuple(check_description(d) for d in self.descriptions))


@dataclass(frozen=True)
class Outcome:
    """What became of one item."""

    name: str
    status: str
    """added, present (it was there already), proved (so was it, and its base is known for sure now) or refused."""
    notes: tuple[str, ...] = ()
    """What was folded, padded or cut."""
    error: str = ""
    """Why it was refused."""


@dataclass(frozen=True)
class ImportOptions:
    """How strict an import is."""

    made_for: "Fingerprint | None" = None
    """The base the adapters were trained on; None goes by receipts, and by the name in their configs."""
    force: bool = False
    """Take adapters of an unproven or another base, and updates of unusual size."""
    truncate: bool = False
    """Cut ranks above the bank's by SVD; the lost share of energy is noted on the card."""
    replace: bool = False
    """Replace another expert of the same name."""


@dataclass(frozen=True)
class _Read:
    state: AdapterState
    rank: int
    licence: str
    notes: tuple[str, ...]
    provenance: dict[str, Any] = field(default_factory=dict)


def import_adapter(
    bank: Bank, item: ImportItem, embedder: TaskEmbedder, options: ImportOptions | None = None
) -> Outcome:
    """Add one adapter folder as an expert; durable when this returns, and harmless to repeat.

    Raises what `import_peft`, `read_adapter` and `Transaction.add` raise.
    """
    options = options or ImportOptions()
    read = _read(bank, item.folder, options)
    state, lost = resize(read.state, bank.rank)
    notes, metrics = list(read.notes), {}
    if lost > 1e-9:
        if not options.truncate:
            raise AdapterShapeError(
                f"{item.folder}: rank {read.rank} does not fit the bank's {bank.rank} without losing {lost:.2%} of its "
                f"energy. Make a bank with --rank {read.rank}, or pass --truncate to accept the loss."
            )
        notes.append(f"rank {read.rank} cut to {bank.rank}, {lost:.2%} of its energy lost")
        metrics["rank_loss"] = float(f"{lost:.4g}")
    embedded = embedder.embed_checked(item.descriptions)
    record = ExpertRecord(
        name=item.name,
        descriptions=item.descriptions,
        embeddings=embedded.vectors,
        embedder=embedder.id,
        family=item.family,
        parent=item.parent or item.name,
        source="import",
        licence=item.licence or read.licence,
        rank=min(read.rank, bank.rank),
        saw=item.saw,
        metrics=metrics,
        provenance={"import": {**read.provenance, "notes": notes}},
    )
    before, known = bank.generation, _known(bank, record)
    if known is not None and _UNPROVEN in notes and _UNPROVEN not in known:
        return Outcome(item.name, "present", known)  # what was proved stays proved
    proved = known is not None and _UNPROVEN in known and _UNPROVEN not in notes
    replace = options.replace or proved
    stored = bank.add(record, state, made_for=options.made_for, force=options.force, replace=replace)
    return Outcome(
        item.name, ("proved" if proved else "added") if stored.generation > before else "present", tuple(notes)
    )


def _known(bank: Bank, record: ExpertRecord) -> tuple[str, ...] | None:
    """The notes of the same weights in the bank, imported by the same words; None where it has no such expert."""
    if record.name not in bank:
        return None
    with contextlib.suppress(BankDamagedError):  # that is told, or repaired, by who adds
        known = bank.get(record.name)
        if _imported(known) == _imported(record):
            return tuple(known.provenance["import"]["notes"])
    return None


def _imported(record: ExpertRecord) -> dict[str, Any]:
    facts = record.to_json()
    digest = facts["provenance"].get("import", {}).get("weights_sha256")
    return {k: facts[k] for k in ("descriptions", "embedder", "source", "saw", "rank", *_TEXT_KEYS)} | {"is": digest}


def _read(bank: Bank, folder: Path, options: ImportOptions) -> _Read:
    layout = bank.layout
    if (folder / AdapterFiles.RECEIPT).is_file():
        receipt = folder_receipt(folder)
        # Whatever else is said of it: the receipt is the proof.
        require_made_for(receipt, bank.fingerprint, what=f"adapter {folder}", force=options.force)
        state = read_adapter(folder, layout, force=True)  # judged above by the whole fingerprint
        rank = max(pair.rank for pair in state.values())
        sha256 = receipt["files"][AdapterFiles.WEIGHTS]
        proof = {"weights_sha256": sha256, "base_name": layout.name, "generator": receipt.get("generator")}
        nothing = nothing_in(state, {})
        return _Read(state, rank, "unknown", _told(folder, nothing, options), proof)
    found = import_peft(folder, layout)
    if not (options.force or options.made_for) and not same_name(found.base_name or "", layout.name):
        raise BaseMismatchError(
            f"{folder}: its config names base {(found.base_name or '(none)')[:200]!r}, but this bank is for "
            f"{layout.name!r}, and a folder's name says nothing of what is in it. Say what the adapter was trained on "
            "with --base SOURCE, or pass --force if you know that it fits."
        )
    notes = [*found.notes, *_told(folder, found.nothing, options)]
    if not (options.force or options.made_for):
        notes.append(_UNPROVEN)
    proof = {"weights_sha256": found.sha256, "base_name": found.base_name}
    return _Read(found.state, found.rank, found.licence, tuple(notes), proof)


def _told(folder: Path, nothing: str, options: ImportOptions) -> tuple[str, ...]:
    """A note that an adapter changes nothing. Raises `AdapterFormatError` unless it is taken all the same."""
    if nothing and not options.force:
        raise AdapterFormatError(
            f"{folder}: it changes nothing, so it was not stored: {nothing}. Save it again after training, or pass "
            "--force to store it as it is."
        )
    return (f"it changes nothing: {nothing}",) if nothing else ()


def import_many(
    bank: Bank,
    items: Sequence[ImportItem],
    embedder: TaskEmbedder,
    options: ImportOptions | None = None,
    *,
    progress: Progress = silent,
) -> Iterator[Outcome]:
    """`import_adapter` of each; one that is refused does not stop the others. Run again after a kill to go on."""
    for i, item in enumerate(items):
        try:
            outcome = import_adapter(bank, item, embedder, options)
        except GenloraError as err:
            outcome = Outcome(item.name, "refused", error=str(err))
        progress("experts", i + 1, len(items))
        yield outcome


def read_manifest(path: Path) -> list[ImportItem]:
    """The items of a JSON manifest: {"experts": [{"folder", "name", "description" or "descriptions", ...}]}.

    Optional per expert: licence, family, parent, saw. Folders are relative to the manifest. Raises `ManifestError`.
    """
    data = read_json(path, max_bytes=MAX_MANIFEST_BYTES)
    entries = data.get("experts") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ManifestError(
            f'{path}: expected {{"experts": [...]}} with at least one entry. See: genlora bank import --help'
        )
    items = [_item(entry, path, f"{path}: expert {i + 1}") for i, entry in enumerate(entries)]
    names = [item.name for item in items]
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ManifestError(f"{path}: name {twice[0]!r} appears more than once. Give every expert its own name.")
    return items


def _item(entry: Any, path: Path, where: str) -> ImportItem:
    if not isinstance(entry, dict) or not set(entry) <= _KEYS or not isinstance(entry.get("folder"), str):
        extra = sorted(set(entry) - _KEYS)[:3] if isinstance(entry, dict) else []
        raise ManifestError(
            f"{where}: expected an object with folder, name and description; unknown keys: {extra}. Correct it."
        )
    said = entry.get("descriptions", entry.get("description"))
    said = [said] if isinstance(said, str) else said
    saw = entry.get("saw", [])
    texts = [entry.get("name"), *(entry.get(k, "") for k in _TEXT_KEYS)]
    if not (
        isinstance(said, list)
        and said
        and isinstance(saw, list)
        and all(isinstance(t, str) for t in [*said, *saw, *texts])
    ):
        raise ManifestError(
            f"{where}: name, descriptions, licence, family and parent must be texts, saw a list. Correct it."
        )
    try:
        return ImportItem(
            folder=path.parent / entry["folder"],
            name=entry["name"],
            descriptions=tuple(said),
            saw=tuple(saw),
            **{k: entry.get(k, "") for k in _TEXT_KEYS},
        )
    except GenloraError as err:
        raise ManifestError(f"{where}: {err}") from err
