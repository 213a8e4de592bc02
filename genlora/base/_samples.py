"""A few values of every weight, each with the rounding it may have undergone: the comparable part of a fingerprint."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from genlora.errors import BaseError

from ._headers import TensorHeader, parse_header_json

PER_TENSOR = 8
BLOCK = 32
"""Values that share a scale in a GGUF file's simple quantisations, and no fewer than share one in the others."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Values of one tensor at fixed places, and how far each may be from the unrounded weight."""

    values: np.ndarray
    """float32, (n,)."""
    tolerance: np.ndarray
    """float32, (n,): half a quantisation step, or the relative error of a 16-bit float."""
    coarse: bool
    """Whether the tensor is quantised."""

    def fits(self, other: "Sample") -> np.ndarray:
        """Which of the values can be roundings of one weight: bool, (n,)."""
        if self.values.shape != other.values.shape:
            return np.zeros(max(self.values.size, 1), dtype=bool)
        return np.abs(self.values - other.values) <= 1.01 * (self.tolerance + other.tolerance) + 1e-9

    def to_json(self) -> dict[str, Any]:
        packed = np.concatenate([self.values, self.tolerance]).astype("<f4").tobytes()
        return {"coarse": self.coarse, "data": base64.b64encode(packed).decode()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        both = np.frombuffer(base64.b64decode(data["data"], validate=True), dtype="<f4")
        if both.size % 2 or not np.isfinite(both).all():
            raise ValueError("a sample is not pairs of finite numbers")
        half = both.size // 2
        return cls(both[:half], both[half:], bool(data["coarse"]))


def _places(name: str, numel: int) -> np.ndarray:
    """Fixed flat positions in a tensor, drawn by hash so that they are the same everywhere."""
    digest = hashlib.shake_256(name.encode()).digest(8 * PER_TENSOR)
    return np.unique(np.frombuffer(digest, dtype="<u8") % np.uint64(max(numel, 1))).astype(np.int64)


_FLOATS = {"F32": 0.0, "F64": 0.0, "BF16": 2.0**-8, "F16": 2.0**-11}
"""Relative error of rounding to each float."""


def _plain(header: TensorHeader, places: np.ndarray, grid: str) -> Sample:
    values = header.read(places)
    tolerance = np.abs(values) * _FLOATS[header.dtype]
    if not grid or len(header.shape) < 2:
        # A float16 of a tiny weight is subnormal: its error is absolute.
        return Sample(values, tolerance + (2.0**-25 if header.dtype == "F16" else 0.0), False)
    # Dequantised blocks lie on a grid: its step is the smallest gap between two values of the block.
    width = header.shape[-1]
    starts = places - (places % width) % BLOCK
    rows = header.read((starts[:, None] + np.arange(BLOCK)).clip(max=header.numel - 1).ravel()).reshape(
        len(places), BLOCK
    )
    gaps = np.diff(np.sort(rows, axis=1), axis=1)
    span = np.ptp(rows, axis=1, keepdims=True)
    step = np.where(gaps > 1e-4 * span, gaps, np.inf).min(axis=1)
    return Sample(values, np.where(np.isfinite(step), step / 2, 0).astype(np.float32), True)


def _rowwise(
    codes: TensorHeader, scales: TensorHeader, shape: tuple[int, ...], places: np.ndarray, unit: float
) -> Sample:
    """int8 codes times one scale a row (bitsandbytes' SCB / 127, torchao's scale)."""
    rows = places // shape[-1]
    scale = scales.read(rows if scales.numel > 1 else np.zeros_like(rows)) * unit
    values = codes.read(places).astype(np.float32) * scale
    return Sample(values.astype(np.float32), (scale / 2 + np.abs(values) * 2.0**-8).astype(np.float32), True)


def _four_bit(
    header: TensorHeader, extras: dict[str, TensorHeader], places: np.ndarray, state: dict[str, Any]
) -> Sample:
    """Bitsandbytes 4-bit: two codes a byte, high half first; a scale per block, itself quantised when nested."""
    codebook = extras["quant_map"].read()
    packed = header.read(places // 2)
    codes = np.where(places % 2 == 0, packed >> 4, packed & 15)
    blocks = places // int(state["blocksize"])
    absmax = extras["absmax"].read(blocks)
    loose = 0.0
    if "nested_absmax" in extras:
        outer = extras["nested_absmax"].read(blocks // int(state["nested_blocksize"]))
        absmax = extras["nested_quant_map"].read()[absmax] * outer + float(state["nested_offset"])
        loose = 0.03
    levels = np.sort(codebook)
    gap = np.maximum(np.diff(levels, prepend=levels[0]), np.diff(levels, append=levels[-1]))
    widest = gap[np.searchsorted(levels, codebook[codes]).clip(max=15)]
    values = codebook[codes] * absmax
    return Sample(values.astype(np.float32), (absmax * (widest / 2 + loose)).astype(np.float32), True)


_BNB4 = ("quant_state.bitsandbytes__nf4", "quant_state.bitsandbytes__fp4")


def _logical(headers: dict[str, TensorHeader]) -> dict[str, dict[str, TensorHeader]]:
    """Weights by the name they have unquantised, each with the tensors that a quantiser stored in its place."""
    groups: dict[str, dict[str, TensorHeader]] = {}
    for name, header in headers.items():
        owner, key = name, ""
        if ".weight." in name:
            owner, key = name.split(".weight.", 1)[0] + ".weight", name.split(".weight.", 1)[1]
        elif name.endswith(".SCB"):
            owner, key = name.removesuffix("SCB") + "weight", "SCB"
        elif name.endswith("._weight_qdata") or name.endswith("._weight_scale"):
            owner, key = name.rsplit("._weight_", 1)[0] + ".weight", name.rsplit("._weight_", 1)[1]
        elif name.endswith(("._weight_zero_point", ".weight_format")):
            continue
        groups.setdefault(owner, {})[key] = header
    return groups


def _sample(name: str, parts: dict[str, TensorHeader], grid: str) -> tuple[tuple[int, ...], Sample | None]:
    """A weight's unquantised shape and its sample (None where the storage is not one we can read)."""
    state_key = next((k for k in _BNB4 if k in parts), None)
    if state_key is not None:
        state = parse_header_json(parts[state_key].read().tobytes(), name)
        shape = tuple(int(n) for n in state["shape"])
        return shape, _four_bit(parts[""], parts, _places(name, int(np.prod(shape))), state)
    if "qdata" in parts and "scale" in parts:
        shape = parts["qdata"].shape
        return shape, _rowwise(parts["qdata"], parts["scale"], shape, _places(name, parts["qdata"].numel), 1.0)
    whole = parts.get("")
    if whole is None:
        return (), None
    places = _places(name, whole.numel)
    if "SCB" in parts:
        return whole.shape, _rowwise(whole, parts["SCB"], whole.shape, places, 1 / 127)
    return whole.shape, _plain(whole, places, grid) if whole.dtype in _FLOATS else _codes(whole)


def _codes(header: TensorHeader) -> Sample:
    """Codes of a quantiser that we cannot decode (GPTQ, FP8 ...): equal in the same file, and in no other."""
    raw = header.read(_places(header.name, header.read_width)).astype(np.int64) & 0xFFFFFF  # exact in a float32
    return Sample(raw.astype(np.float32), np.zeros(len(raw), np.float32), False)


def sample_weights(
    headers: dict[str, TensorHeader], *, grid: str = "", skip_head: bool = False
) -> tuple[dict[str, list[int]], dict[str, Sample]]:
    """Shapes and samples of all weights. `grid` names the quantisation whose dequantised values a folder holds."""
    shapes: dict[str, list[int]] = {}
    samples: dict[str, Sample] = {}
    for name, parts in sorted(_logical(headers).items()):
        if (skip_head and name.startswith("lm_head.")) or "rotary_emb" in name:
            continue
        try:
            shape, sample = _sample(name, parts, grid)
        except (KeyError, ValueError, TypeError, IndexError, ZeroDivisionError) as err:
            raise BaseError(
                f"{name[:120]}: what its quantiser stored is not whole ({err!r}). Fetch or quantise the base anew."
            ) from err
        shapes[name] = list(shape)
        if sample is not None:
            if not (np.isfinite(sample.values).all() and np.isfinite(sample.tolerance).all()):
                raise BaseError(
                    f"{name[:120]}: the base's weights hold values that are not finite. They are damaged, or training "
                    "diverged; fetch the base anew."
                )
            samples[name] = sample
    return shapes, samples
