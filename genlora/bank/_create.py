"""What an empty bank holds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genlora.adapter import BaseLayout
from genlora.errors import BankError
from genlora.files import canonical_json, sha256_bytes

from ._database import Database
from ._meta import write_meta
from ._vectors import NOTHING

if TYPE_CHECKING:
    from genlora.base import Fingerprint


def check_shape(layout: BaseLayout, rank: int, targets: Sequence[str]) -> None:
    """Refuse a rank or targets that no adapter of `layout` can have."""
    if not 1 <= rank <= 256:
        raise BankError(f"rank must be in [1, 256], got {rank}. The default is 8.")
    leaves = {m.leaf for m in layout.modules}
    wrong = [t for t in targets if t not in leaves]
    if wrong or not targets or len(set(targets)) != len(targets):
        raise BankError(
            f"targets {', '.join(targets) or '(none)'}: expected different projections of {layout.name}: "
            f"{', '.join(sorted(leaves))}."
        )
    least = min(min(m.d_in, m.d_out) for m in layout.of(targets))
    if rank > least:
        raise BankError(
            f"rank {rank} is more than the smallest of {', '.join(targets)} has ({least}), and an adapter of it could "
            f"not be written for other servers. Choose a rank of at most {least}."
        )


def put_identity(
    database: Database, layout: BaseLayout, fingerprint: "Fingerprint", rank: int, targets: Sequence[str]
) -> None:
    """Write the metadata that an empty bank has; equal banks start with equal revisions, wherever they are kept."""
    shape: Mapping[str, Any] = {"rank": rank, "targets": list(targets)}
    write_meta(database, "layout", layout.to_json())
    write_meta(database, "fingerprint", fingerprint.to_json())
    write_meta(database, "bank", shape)
    seed = sha256_bytes(canonical_json([layout.to_json(), shape]))
    write_meta(database, "state", {"generation": 0, "revision": seed, "removed": 0, "vectors": NOTHING})
