"""Which reader a blob needs: a literal table from the codec its metadata names."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from genlora.errors import BankDamagedError

from ._codec import CodecPack
from ._factors import Pack, RawPack, read_blob

READERS: dict[str, Callable[[dict[str, Tensor], dict[str, Any], str], Pack]] = {
    "raw": lambda tensors, _info, where: RawPack(tensors, where=where),
    "pack": CodecPack,
}


def open_pack(data: bytes, *, where: str) -> Pack:
    """Read a blob's bytes (their digest is checked already) into something that hands out experts."""
    tensors, info = read_blob(data, where=where)
    reader = READERS.get(str(info.get("codec")))
    if reader is None:
        raise BankDamagedError(
            f"{where}: codec {info.get('codec')!r}, this genlora reads {', '.join(sorted(READERS))}. Upgrade genlora."
        )
    return reader(tensors, info, where)
