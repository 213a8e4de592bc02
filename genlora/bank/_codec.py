"""Many experts in little space: 8- or 4-bit rows.

Canonical factors are compressed, so that a row is a singular direction and its scale its strength: trained updates
have most of their energy in one or two directions, which is why `mixed` is close at little more than 4 bits a number.
The error is measured on the products. A basis shared by all experts (joint compression, Brüel-Gabrielsson et al. 2024)
was tried and does not pay at some 150 experts (benchmarks/RESULTS.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, canonical, dequantize_rows, quantize_rows, update_norms
from genlora.errors import BankDamagedError, ConfigError

from ._factors import write_blob

PACK_SIZE = 128
"""Experts per blob at most."""
LEAD = 2
"""How many singular directions a mixed codec keeps at 8 bits."""


@dataclass(frozen=True)
class Codec:
    """How factors are kept."""

    name: str
    lead_bits: int
    """Bits of a number in the first `LEAD` directions."""
    rest_bits: int
    """Bits in the others."""
    help: str


CODECS = {
    c.name: c
    for c in (
        Codec("raw", 32, 32, "float32, exact"),
        Codec("int8", 8, 8, "8-bit rows"),
        Codec("mixed", 8, 4, "two leading directions in 8 bits, the rest in 4"),
        Codec("int4", 4, 4, "4-bit rows"),
    )
}
"""Every codec by name. All but raw need equal modules and ranks in all experts, as a bank's are."""


def codec_named(name: str) -> Codec:
    """The codec of that name, or a `ConfigError` that lists them."""
    if name not in CODECS:
        raise ConfigError(f"no codec {name!r}; choose from {', '.join(CODECS)}.")
    return CODECS[name]


@dataclass(frozen=True)
class _Group:
    """Modules of one shape, every expert's factors stacked: a (K, M, r, d_in), b transposed (K, M, r, d_out)."""

    paths: tuple[str, ...]
    a: Tensor
    b: Tensor


def _grouped(states: Sequence[AdapterState]) -> list[_Group]:
    shapes: dict[tuple[int, int, int], list[str]] = {}
    for path, pair in states[0].items():
        shapes.setdefault((pair.d_in, pair.d_out, pair.rank), []).append(path)
    groups = []
    for paths in shapes.values():
        a = torch.stack([torch.stack([s[p].a for p in paths]) for s in states])
        b = torch.stack([torch.stack([s[p].b.mT for p in paths]) for s in states])
        groups.append(_Group(tuple(paths), a, b))
    return groups


class Encoder:
    """Compresses up to `PACK_SIZE` experts into one blob."""

    def __init__(self, codec: Codec, states: Sequence[AdapterState]) -> None:
        self.codec = codec
        self.states = [canonical(s) for s in states]
        self._tensors: dict[str, Tensor] = {}

    def encode(self) -> bytes:
        """The blob."""
        info: list[dict[str, Any]] = []
        for i, group in enumerate(_grouped(self.states)):
            a_read = self._put(f"{i}.a", group.a)
            self._put(f"{i}.b", _refit(group, a_read))
            r, d_in, d_out = group.a.shape[2], group.a.shape[3], group.b.shape[3]
            info.append({"paths": list(group.paths), "rank": r, "d_in": d_in, "d_out": d_out})
        head = {"codec": "pack", "name": self.codec.name, "experts": len(self.states), "groups": info}
        return write_blob(self._tensors, head)

    def _put(self, key: str, rows: Tensor) -> Tensor:
        """Store rows (K, M, r, d); returns them as they will be read."""
        lead, rest = (self.codec.lead_bits, self.codec.rest_bits)
        cut = rows.shape[2] if lead == rest else min(LEAD, rows.shape[2])
        self._put_rows(f"{key}.lead", rows[:, :, :cut], lead)
        if cut < rows.shape[2]:
            self._put_rows(f"{key}.rest", rows[:, :, cut:], rest)
        return torch.stack([_read_side(self._tensors, key, slot, rows.shape[-1]) for slot in range(rows.shape[0])])

    def _put_rows(self, key: str, rows: Tensor, bits: int) -> None:
        self._tensors[key], self._tensors[f"{key}.scale"] = quantize_rows(rows, bits)


def _refit(group: _Group, a_read: Tensor) -> Tensor:
    """The B (transposed) that best makes up for what A lost: B A Â⁺, by least squares."""
    a, b, read = group.a.double(), group.b.double(), a_read.double()
    gram = read @ read.mT
    ridge = 1e-9 * torch.diagonal(gram, dim1=-2, dim2=-1).sum(-1)[..., None, None] + 1e-30
    eye = torch.eye(gram.shape[-1], dtype=torch.float64)
    weights = torch.linalg.solve(gram + ridge * eye, read @ a.mT)  # (K, M, r, r)
    return (weights @ b).float()


def _read_rows(tensors: dict[str, Tensor], key: str, slot: int, width: int) -> Tensor:
    return dequantize_rows(tensors[key][slot], tensors[f"{key}.scale"][slot], width)


def _read_side(tensors: dict[str, Tensor], key: str, slot: int, width: int) -> Tensor:
    lead = _read_rows(tensors, f"{key}.lead", slot, width)
    if f"{key}.rest" not in tensors:
        return lead
    return torch.cat([lead, _read_rows(tensors, f"{key}.rest", slot, width)], dim=-2)


class CodecPack:
    """A blob that `Encoder` wrote: decodes one expert at a time."""

    def __init__(self, tensors: dict[str, Tensor], info: dict[str, Any], where: str) -> None:
        self._where = where
        self._tensors = tensors
        try:
            self.experts = int(info["experts"])
            self.codec = str(info["name"])
            self._groups = [
                (tuple(map(str, g["paths"])), int(g["rank"]), int(g["d_in"]), int(g["d_out"])) for g in info["groups"]
            ]
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as err:
            raise self._damaged(err) from err
        if self.codec not in CODECS:
            raise BankDamagedError(
                f"{where}: codec {self.codec[:40]!r}, this genlora reads {', '.join(CODECS)}. "
                "Export the bank again with the genlora that wrote it, or with another codec."
            )
        self.nbytes = sum(t.nbytes for t in tensors.values())

    def _damaged(self, err: Exception) -> BankDamagedError:
        return BankDamagedError(
            f"{self._where}: its pack of experts is malformed ({err!r}). Restore the file from a copy."
        )

    def decode(self, slot: int) -> AdapterState:
        """The expert in place `slot`, float32."""
        pairs: dict[str, LoraPair] = {}
        try:
            if not 0 <= slot < self.experts:
                raise IndexError(f"no place {slot} among {self.experts}")
            for i, (paths, rank, d_in, d_out) in enumerate(self._groups):
                a = _read_side(self._tensors, f"{i}.a", slot, d_in)
                b = _read_side(self._tensors, f"{i}.b", slot, d_out).mT
                if a.shape != (len(paths), rank, d_in) or b.shape != (len(paths), d_out, rank):
                    raise ValueError(f"factors {tuple(a.shape)} and {tuple(b.shape)}")
                pairs.update((path, LoraPair(a[m], b[m])) for m, path in enumerate(paths))
        except (KeyError, ValueError, IndexError, RuntimeError) as err:
            raise self._damaged(err) from err
        return AdapterState(pairs)


def product_error(exact: AdapterState, read: AdapterState) -> float:
    """‖ΔW - ΔŴ‖ / ‖ΔW‖ over all modules, Frobenius; 0 for a zero update."""
    pairs = {}
    for path, pair in exact.items():
        one, two = pair.folded(), read[path].folded()
        pairs[path] = LoraPair(torch.cat([one.a, two.a]), torch.cat([one.b, -two.b], dim=1))
    total = sum(n * n for n in update_norms(exact).values())
    gap = sum(n * n for n in update_norms(AdapterState(pairs)).values())
    return (gap / total) ** 0.5 if total > 0 else 0.0
