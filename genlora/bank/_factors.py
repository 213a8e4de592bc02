"""Factors as bytes: one safetensors blob holds one expert exactly, or a pack of many under a codec."""

from typing import Any, Protocol

import torch
from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, read_record, record_bytes
from genlora.errors import BankDamagedError, ManifestError


class Pack(Protocol):
    """A blob that was read: hands out its experts one by one."""

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        ...

    def decode(self, slot: int) -> AdapterState:
        """The expert in that place, float32 factors with the scale folded in."""
        ...


def write_blob(tensors: dict[str, Tensor], info: dict[str, Any]) -> bytes:
    """Deterministic safetensors bytes."""
    return record_bytes(tensors, info)


def read_blob(data: bytes, *, where: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `write_blob`; anything else is a `BankDamagedError`."""
    try:
        return read_record(data, where=where)
    except ManifestError as err:
        raise BankDamagedError(f"{where}: not a genlora blob ({err}). Restore the file from a copy.") from err


def encode_raw(state: AdapterState) -> bytes:
    """One expert, float32, exact."""
    tensors: dict[str, Tensor] = {}
    for path, pair in state.folded().items():
        tensors[f"{path}.a"], tensors[f"{path}.b"] = pair.a, pair.b
    return write_blob(tensors, {"codec": "raw"})


class RawPack:
    """What `encode_raw` wrote."""

    def __init__(self, tensors: dict[str, Tensor], *, where: str) -> None:
        try:
            paths = {key[:-2] for key in tensors}
            pairs = {p: LoraPair(tensors[f"{p}.a"], tensors[f"{p}.b"]) for p in paths}
        except (KeyError, ValueError) as err:
            raise BankDamagedError(
                f"{where}: its tensors are not pairs of factors ({err!r}). Restore the file from a copy."
            ) from err
        if len(tensors) != 2 * len(pairs) or any(t.dtype != torch.float32 for t in tensors.values()):
            raise BankDamagedError(
                f"{where}: its tensors are not float32 pairs of factors. Restore the file from a copy."
            )
        self._state = AdapterState(pairs)
        self.nbytes = 4 * self._state.parameters

    def decode(self, slot: int) -> AdapterState:
        """The one expert; `slot` is 0."""
        return self._state
