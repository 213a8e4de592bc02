"""Copy a bank to another folder under a codec: few blobs, small database, the same bytes every time."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from genlora.errors import BankError
from genlora.files import TEMPORARY, fsync_folder, old_files, put_folder, storage_errors
from genlora.progress import Progress, silent

from ._codec import PACK_SIZE, Codec, Encoder, codec_named, product_error
from ._packs import open_pack
from ._record import ExpertRecord
from ._store import Bank
from .folder import own_bank

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportReport:
    """What `export_bank` wrote."""

    path: Path
    codec: str
    experts: int
    total_bytes: int
    """All files of the exported bank."""
    source_bytes: int
    """The same experts' factors in float32."""
    mean_error: float
    """Mean over experts of ‖ΔW - ΔŴ‖ / ‖ΔW‖."""
    worst_error: float
    worst_expert: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def export_bank(
    bank: Bank,
    path: Path | str,
    *,
    codec: str = "raw",
    names: Sequence[str] | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> ExportReport:
    """Write experts (all, or `names`) as a new bank in folder `path`, in one rename.

    Experts go in order of name into one generation, so that equal banks give equal bytes. Each record tells its codec
    and what the codec cost it. With `replace`, a bank that is there is replaced; a folder that holds anything else is
    refused by a `StorageError`.
    """
    kind, root = codec_named(codec), Path(path)
    chosen = sorted(set(names)) if names is not None else bank.names()
    source = bank.folder
    if replace and source and any(f.resolve() == source.resolve() for f in (root, *root.parents)):
        raise BankError(f"{root}: lies in the bank that is exported. Choose another folder.")
    going = own_bank if replace else _empty
    old_files(root, going)  # before anything is compressed
    with storage_errors(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=root.parent))
        try:
            inner = stage / "bank"
            with Bank.create(inner, bank.layout, bank.fingerprint, rank=bank.rank, targets=bank.targets) as out:
                errors = _fill(bank, out, chosen, kind, progress)
            shutil.rmtree(inner / "cache", ignore_errors=True)
            put_folder(inner, root, old_files(root, going))
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        fsync_folder(root.parent)
    total = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    worst = max(errors, key=lambda name: (errors[name], name), default="")
    return ExportReport(
        path=root,
        codec=codec,
        experts=len(chosen),
        total_bytes=total,
        source_bytes=4 * len(chosen) * bank.rank * sum(m.d_in + m.d_out for m in bank.layout.of(bank.targets)),
        mean_error=sum(errors.values()) / len(errors) if errors else 0.0,
        worst_error=errors.get(worst, 0.0),
        worst_expert=worst,
    )


def _empty(root: Path) -> list[str]:
    if not root.is_dir() or any(root.iterdir()):
        raise BankError(f"{root}: is there already, and nothing was written. Choose another folder or pass --force.")
    return []


def _chunks(names: Sequence[str], size: int) -> Iterator[list[str]]:
    it = iter(names)
    while chunk := list(islice(it, size)):
        yield chunk


def _fill(bank: Bank, out: Bank, names: Sequence[str], codec: Codec, progress: Progress) -> dict[str, float]:
    errors: dict[str, float] = {}
    with out.atomic() as tx:
        for key, value in sorted(bank.all_metadata().items()):
            tx.set_metadata(key, value)
        for chunk in _chunks(names, 1 if codec.name == "raw" else PACK_SIZE):
            records = [bank.get(name) for name in chunk]
            states = [bank.state(name) for name in chunk]
            if codec.name == "raw":
                errors[chunk[0]] = 0.0
                tx.add_raw(_marked(records[0], "raw", None), states[0])
            else:
                data = Encoder(codec, states).encode()
                pack = open_pack(data, where="new pack")
                digest = tx.put_blob(data)
                for slot, (record, state) in enumerate(zip(records, states, strict=True)):
                    errors[record.name] = product_error(state, pack.decode(slot))
                    marked = _marked(record, codec.name, errors[record.name])
                    tx.insert(marked.with_(blob=digest, generation=tx.generation), slot)
            progress("experts", len(errors), len(names))
    return errors


def _marked(record: ExpertRecord, codec: str, error: float | None) -> ExpertRecord:
    metrics = {k: v for k, v in record.metrics.items() if k not in ("codec", "codec_error")}
    if error is None:
        before = {k: record.metrics[k] for k in ("codec", "codec_error") if k in record.metrics}
        return record.with_(metrics={**metrics, **before})  # what an earlier codec lost stays lost
    return record.with_(metrics={**metrics, "codec": codec, "codec_error": float(f"{error:.4g}")})
