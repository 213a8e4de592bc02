"""What binds a bank's state to the vectors that are searched: a sum over experts, so that adding one costs one."""

import hashlib
from collections.abc import Iterable

NOTHING = "0" * 64
"""The sum over no expert."""
_MODULUS = 1 << 256


def _number(name: str, mean: bytes) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass") + b"\0" + mean).digest(), "big")


def with_vectors(total: str, rows: Iterable[tuple[str, bytes]]) -> str:
    """`total` with these experts added: name and mean embedding (little-endian float32) of each, in any order."""
    return f"{(int(total, 16) + sum(_number(*row) for row in rows)) % _MODULUS:064x}"


def without_vector(total: str, name: str, mean: bytes) -> str:
    """`total` with one expert taken out again."""
    return f"{(int(total, 16) - _number(name, mean)) % _MODULUS:064x}"
