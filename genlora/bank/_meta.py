"""Metadata rows: canonical JSON with a digest beside it, in whatever database."""

import re
from dataclasses import dataclass
from typing import Any

from genlora.errors import BankDamagedError
from genlora.files import canonical_json, parse_json, sha256_bytes

from ._database import Database

_MAX_BYTES = 16 << 20
_SUM = re.compile(r"([0-9a-f]{64})?")


def meta_digest(key: str, value: str) -> str:
    """What a metadata row must hash to."""
    return sha256_bytes(f"{key}\0{value}".encode("utf-8", "surrogatepass"))


def read_meta(database: Database, key: str) -> Any:
    """The value of a metadata row, or None. One that does not fit its digest is a `BankDamagedError`."""
    row = database.meta(key)
    if row is None:
        return None
    value, digest = row
    if meta_digest(key, value) != digest:
        raise BankDamagedError(
            f"{database.label}: metadata {key!r} is damaged. Run: genlora bank verify {database.where}"
        )
    return parse_json(value.encode("utf-8", "surrogatepass"), where=f"{database.label}: {key}", max_bytes=_MAX_BYTES)


def read_user(database: Database, key: str) -> Any:
    """A JSON value that is kept with the bank, or None; what the bank itself keeps there has its form.

    Raises `BankDamagedError`.
    """
    found = read_meta(database, f"user:{key}")
    if found is None or _FORMS.get(key, lambda _: True)(found):
        return found
    raise BankDamagedError(
        f"{database.label}: metadata {key!r} is not what genlora writes. Run: genlora bank verify {database.where}"
    )


def _is_norms(found: Any) -> bool:
    return isinstance(found, dict) and all(type(n) in (int, float) and n >= 0 for n in found.values())


def _is_embedder(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("id"), str) and type(found.get("dim")) is int


def _is_table(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(row, dict) for row in found.values())


_FORMS = {"norms": _is_norms, "embedder": _is_embedder, "diagnosis": _is_table}


@dataclass(frozen=True)
class State:
    """What a bank says of its newest committed change."""

    generation: int
    revision: str
    removed: int
    """Generation of the last removal."""
    vectors: str
    """Sum over the vectors that are searched (see `_vectors`); empty where an older genlora wrote it."""


def read_state(database: Database) -> State:
    """The state that was committed last. Raises `BankDamagedError` for anything else."""
    found = read_meta(database, "state")
    try:
        state = State(found["generation"], found["revision"], found["removed"], found.get("vectors", ""))
    except (TypeError, KeyError, AttributeError):
        state = None
    if (
        state is None
        or type(state.generation) is not int
        or type(state.removed) is not int
        or not isinstance(state.revision, str)
        or not isinstance(state.vectors, str)
        or not _SUM.fullmatch(state.vectors)
    ):
        raise BankDamagedError(
            f"{database.label}: metadata 'state' is not what genlora writes. Run: genlora bank verify {database.where}"
        )
    return state


def write_meta(database: Database, key: str, value: Any) -> str:
    """Write one metadata row; its digest."""
    text = canonical_json(value).decode()
    digest = meta_digest(key, text)
    database.put_meta(key, text, digest)
    return digest
