"""An expert as the bank knows it: what it does, where it came from, what it is worth, its description embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankDamagedError, BankError, GenloraError
from genlora.files import canonical_json, check_name, parse_json, sha256_bytes

from ._database import ExpertRow

MAX_DESCRIPTIONS = 1000
_TEXTS = ("name", "family", "parent", "source", "licence", "base", "embedder")
_MAPS = ("provenance", "metrics")


def _half(embeddings: Any) -> NDArray[np.float32]:
    """Embeddings on the float16 grid they are stored in, as a read-only float32 (n, dim) array."""
    out = np.asarray(embeddings, dtype=np.float16).astype(np.float32)
    out.flags.writeable = False
    return out


@dataclass(frozen=True, eq=False)
class ExpertRecord:
    """Everything about an expert but its weights. Values must be JSON-able; texts are data and are never run."""

    name: str
    """Safe as a file name: [a-z0-9._-], at most 64."""
    descriptions: tuple[str, ...]
    """How people ask for it, one or more."""
    embeddings: NDArray[np.float32] = field(repr=False)
    """One unit vector per description, (n_descriptions, dim); kept in float16."""
    family: str = ""
    parent: str = ""
    source: str = ""
    """Where the task came from, e.g. 'bigbench:word_sorting' or 'import'."""
    licence: str = "unknown"
    rank: int = 0
    """Rank it was trained with; the stored factors are padded to the bank's. Set by the bank when 0."""
    gain: Mapping[str, Any] | None = None
    """Held-out scores: base, majority, own, n, interval ([low, high] of own - base); None if never measured."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Any further figures: update_norm, effective_rank, codec and codec_error are filled in by the bank."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: recipe, seed, versions, digests. No times, so that a bank can be made again."""
    saw: tuple[str, ...] = ()
    """Public benchmarks whose examples were trained on."""
    base: str = ""
    """Fingerprint id of the base it was trained on. Set by the bank when empty."""
    embedder: str = ""
    """Digest of the embedder that made the embeddings."""
    blob: str = ""
    """SHA-256 of the file that holds its factors. Set by the bank."""
    generation: int = 0
    """Bank generation that added it. Set by the bank."""

    def __post_init__(self) -> None:
        check_name(self.name, what="expert name")
        object.__setattr__(self, "embeddings", _half(self.embeddings))
        n = len(self.descriptions)
        where = f"expert {self.name}"
        if not 1 <= n <= MAX_DESCRIPTIONS or not all(isinstance(d, str) and d.strip() for d in self.descriptions):
            raise BankError(
                f"{where}: {n} descriptions, expected 1 to {MAX_DESCRIPTIONS:,} texts that are not blank. "
                "Describe the task in a sentence."
            )
        if self.embeddings.ndim != 2 or self.embeddings.shape[0] != n or self.embeddings.shape[1] == 0:
            raise BankError(
                f"{where}: embeddings are {self.embeddings.shape}, expected ({n}, dim), one row per description. "
                "Embed its descriptions with TaskEmbedder."
            )
        if not np.isfinite(self.embeddings).all() or not np.any(self.embeddings, axis=1).all():
            raise BankError(
                f"{where}: embeddings hold zero rows or values that are not finite. Embed its descriptions again."
            )

    @property
    def description(self) -> str:
        """The first description."""
        return self.descriptions[0]

    @cached_property
    def mean_embedding(self) -> NDArray[np.float32]:
        """Unit mean of the description embeddings, (dim,), read-only: what the index searches."""
        mean = self.embeddings.astype(np.float64).mean(axis=0)
        norm = float(np.linalg.norm(mean))
        unit = mean / norm if norm > 1e-12 else self.embeddings[0].astype(np.float64)
        out = unit.astype(np.float32)
        out.flags.writeable = False
        return out

    def to_json(self) -> dict[str, Any]:
        """The record without embeddings, blob and generation, which are columns of their own."""
        return {
            **{k: getattr(self, k) for k in _TEXTS},
            **{k: dict(getattr(self, k)) for k in _MAPS},
            "descriptions": list(self.descriptions),
            "rank": self.rank,
            "gain": None if self.gain is None else dict(self.gain),
            "saw": list(self.saw),
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], *, embeddings: Any, blob: str = "", generation: int = 0, where: str = "expert"
    ) -> Self:
        """Build a record from `to_json`'s output; a wrong field is a `BankDamagedError`."""
        try:
            gain = data["gain"]
            fields: dict[str, Any] = {k: str(data[k]) for k in _TEXTS} | {k: dict(data[k]) for k in _MAPS}
            return cls(
                **fields,
                descriptions=tuple(map(str, data["descriptions"])),
                rank=int(data["rank"]),
                gain=None if gain is None else dict(gain),
                saw=tuple(map(str, data["saw"])),
                embeddings=embeddings,
                blob=blob,
                generation=generation,
            )
        except (KeyError, TypeError, ValueError) as err:
            raise BankDamagedError(
                f"{where}: not an expert record ({err!r}). Run: genlora bank verify, then remove and add it again"
            ) from err

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @property
    def digest(self) -> str:
        """Identity of what was added: record, embeddings and blob; not the generation."""
        parts = canonical_json({**self.to_json(), "blob": self.blob})
        return sha256_bytes(parts + encode_embeddings(self.embeddings))


def encode_embeddings(embeddings: NDArray[np.float32]) -> bytes:
    """Little-endian float16 rows."""
    return embeddings.astype("<f2").tobytes()


def decode_embeddings(data: bytes, rows: int, *, where: str) -> NDArray[np.float32]:
    """The inverse of `encode_embeddings`: (rows, dim) float32."""
    if rows < 1 or len(data) == 0 or len(data) % (2 * rows):
        raise BankDamagedError(
            f"{where}: {len(data)} bytes of embeddings for {rows} descriptions. Run: genlora bank verify"
        )
    return np.frombuffer(data, "<f2").reshape(rows, -1).astype(np.float32)


def parse_record_json(text: str, *, where: str) -> dict[str, Any]:
    """Strict JSON object of a record column."""
    value = parse_json(text.encode(), where=where, max_bytes=4 << 20)
    if not isinstance(value, dict):
        raise BankDamagedError(f"{where}: not a JSON object. Run: genlora bank verify")
    return value


def row_digest(record: ExpertRecord, slot: int | None) -> str:
    """What an expert's row must hash to, mean embedding included."""
    tail = f"{record.generation}:{slot}:".encode() + mean_bytes(record)
    return sha256_bytes(record.digest.encode() + tail)


def mean_bytes(record: ExpertRecord) -> bytes:
    """The mean embedding as it is stored: little-endian float32."""
    return record.mean_embedding.astype("<f4").tobytes()


def record_in(row: ExpertRow, *, label: str, where: str) -> ExpertRecord:
    """The record in a row; `label` is the database, `where` the bank. One that does not fit its digest is damaged.

    Raises `BankDamagedError`.
    """
    item = f"{label}: expert {row.name}"
    try:
        data = parse_record_json(row.record, where=item)
        vectors = decode_embeddings(row.rows or b"", len(data["descriptions"]), where=item)
        record = ExpertRecord.from_json(data, embeddings=vectors, blob=row.blob, generation=row.generation, where=item)
        whole = record.name == row.name and row_digest(record, row.slot) == row.sha256
    except (GenloraError, KeyError, TypeError, ValueError, AttributeError):
        whole, record = False, None
    if record is None or not whole:
        raise BankDamagedError(f"{item}: its row is damaged. Run: genlora bank verify {where}")
    return record
