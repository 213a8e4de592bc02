"""One linear module at a time: read its stored weight as float32, and store an updated weight in the same form."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from genlora.adapter import LoraPair
from genlora.base import Backend, quiet, torchao_config
from genlora.errors import MergeError

from ._grid import Grid, round_calibrated


@dataclass(frozen=True)
class LayerError:
    """What storing one merged matrix cost."""

    path: str
    update: float | None
    """‖ΔW‖ / ‖W‖, Frobenius; None where W is zero."""
    rounding: float
    """‖Ŵ - (W + ΔW)‖ / ‖ΔW‖, Frobenius: what was stored against what was wanted."""
    output: float | None
    """The same on the outputs for calibration inputs x: ‖(Ŵ - W - ΔW) x‖ / ‖ΔW x‖; None without calibration."""


def layer_error(path: str, source: Tensor, delta: Tensor, stored: Tensor, gram: Tensor | None) -> LayerError:
    """Compare `stored` with source + delta, all (d_out, d_in), delta not zero; `gram` is Σ x xᵀ of the inputs."""
    lost = stored - source - delta
    size = float(delta.norm())
    output = None
    if gram is not None:
        effect = float(((delta @ gram) * delta).sum().clamp(min=0).sqrt())
        output = float(((lost @ gram) * lost).sum().clamp(min=0).sqrt()) / effect if effect else None
    norm = float(source.norm())
    return LayerError(path, size / norm if norm else None, float(lost.norm()) / size, output)


class LinearForm(Protocol):
    """How a backend stores the weight of a linear module."""

    def read(self, linear: Any) -> Tensor:
        """The weight the module computes with, (d_out, d_in) float32; a tensor of its own, which stays."""
        ...

    def write(self, linear: Any, target: Tensor, gram: Tensor | None) -> None:
        """Store `target` (float32), rounded to suit the inputs behind `gram` where the form is coarse."""
        ...


@dataclass(frozen=True)
class FloatForm:
    """Plain weights, rounded to the base's own floating-point type."""

    dtype: torch.dtype

    def read(self, linear: Any) -> Tensor:
        # A copy: of a float32 weight, `float` gives the very tensor that `write` then fills.
        return _plain_weight(linear).detach().to(torch.float32, copy=True)

    def write(self, linear: Any, target: Tensor, gram: Tensor | None) -> None:
        weight = _plain_weight(linear)
        weight.data = target.to(self.dtype).to(weight.dtype)


def _plain_weight(linear: Any) -> Tensor:
    weight = linear.weight
    if not isinstance(weight, Tensor) or type(weight.data) is not Tensor or not weight.is_floating_point():
        raise MergeError(f"expected a float weight, found {type(weight).__name__}: the base is quantised already.")
    return weight


@dataclass(frozen=True)
class TorchaoForm:
    """torchao's int8 and int4 tensors: q levels with a scale (and zero point) per row or group."""

    backend: Backend

    def read(self, linear: Any) -> Tensor:
        return self._weight(linear).dequantize().float()

    def write(self, linear: Any, target: Tensor, gram: Tensor | None) -> None:
        with quiet():
            from torchao.quantization import quantize_

            dtype = linear.weight.dtype
            linear.weight = nn.Parameter(target.to(dtype), requires_grad=False)
            quantize_(linear, torchao_config(self.backend))
        weight = self._weight(linear)
        if gram is not None:
            levels = round_calibrated(target, self.grid(linear), gram)
            weight.qdata.copy_((levels + self._lowest).to(weight.qdata.dtype))

    @property
    def _lowest(self) -> int:
        return -128 if self.backend.name == "int8" else -8

    def grid(self, linear: Any) -> Grid:
        """Scales as torchao chose them, levels counted from the lowest."""
        weight = self._weight(linear)
        repeat = weight.shape[1] // weight.scale.shape[1]
        scale = weight.scale.float().repeat_interleave(repeat, 1)
        zero = torch.zeros_like(scale)
        if weight.zero_point is not None:
            zero = weight.zero_point.float().reshape(weight.scale.shape).repeat_interleave(repeat, 1)
        codes = torch.arange(self._lowest, -self._lowest, dtype=torch.float32, device=scale.device)
        return Grid(scale, -zero * scale, codes)

    def _weight(self, linear: Any) -> Any:
        weight = linear.weight
        if not hasattr(weight, "qdata"):
            raise MergeError(
                f"expected a torchao weight, found {type(weight).__name__}: the base was not quantised to "
                f"{self.backend.name}. Load it fresh."
            )
        return weight


@dataclass(frozen=True)
class Nf4Form:
    """bitsandbytes' NF4 with double quantisation: sixteen codes, a scale for 64 weights, scales in 8 bits."""

    block: int = 64

    def read(self, linear: Any) -> Tensor:
        import bitsandbytes.functional as bnb

        weight = self._weight(linear)
        return bnb.dequantize_4bit(weight.data, weight.quant_state).float()

    def write(self, linear: Any, target: Tensor, gram: Tensor | None) -> None:
        import bitsandbytes.nn.modules as bnb

        old = self._weight(linear)
        make: Any = bnb.Params4bit
        weight = make(
            target.to(old.device),
            requires_grad=False,
            blocksize=self.block,
            compress_statistics=True,
            quant_type="nf4",
            quant_storage=old.quant_storage,
            module=linear,
        ).to(old.device)
        weight.quant_state.dtype = old.quant_state.dtype
        linear.weight = weight
        linear.quant_state = weight.quant_state
        if gram is not None:
            self.store(weight, round_calibrated(target, self.grid(linear), gram))

    def store(self, weight: Any, levels: Tensor) -> None:
        """Put `levels` (d_out, d_in), 0 to 15, into `weight`: two to a byte, the first in the high half."""
        flat = levels.to(torch.uint8).flatten()
        packed = (flat[0::2] << 4) | flat[1::2]
        weight.data.view(torch.uint8).flatten().copy_(packed)

    def grid(self, linear: Any) -> Grid:
        """The scales after their own quantisation, as a forward will use them."""
        import bitsandbytes.functional as bnb

        weight = self._weight(linear)
        state = weight.quant_state
        absmax = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
        scale = absmax.float().repeat_interleave(state.blocksize)[: state.shape.numel()].reshape(state.shape)
        return Grid(scale, torch.zeros_like(scale), state.code.float().to(scale.device))

    def _weight(self, linear: Any) -> Any:
        weight: Any = linear.weight
        state = getattr(weight, "quant_state", None)
        if getattr(state, "packing_format_for_cpu", False):
            raise MergeError(
                "this base has run already, and its 4-bit weights are repacked for the processor: read now, they would "
                "be garbage. Load the base fresh and merge before any forward."
            )
        if state is None or state.quant_type != "nf4" or not state.nested:
            raise MergeError(
                f"expected an NF4 weight with double quantisation, found {type(weight).__name__}. Load the base fresh."
            )
        return weight


def form_of(backend: Backend, own: torch.dtype) -> LinearForm:
    """How `backend` stores a linear module; `own` is the float base's type."""
    if backend.family == "torchao":
        return TorchaoForm(backend)
    return Nf4Form() if backend.family == "bitsandbytes" else FloatForm(float_type(backend, own))


def float_type(backend: Backend, own: torch.dtype) -> torch.dtype:
    """What a float backend stores a matrix of type `own` as."""
    return torch.float32 if backend.name == "float32" else own


def merge_linear(
    form: LinearForm, linear: Any, path: str, pair: LoraPair, *, gram: Tensor | None, original: Tensor | None
) -> LayerError:
    """Add one module's update to its stored weight, in float32, and store the sum in the same form.

    `original` is the float weight to start from instead of the stored one. Raises `MergeError` where the sum is not
    finite, or the update is too small for float32.
    """
    device = linear.weight.device
    source = form.read(linear) if original is None else original.float().to(device)
    delta = pair.delta().to(device)
    target = checked_sum(path, source, delta)
    gram = None if gram is None else gram.to(device)
    form.write(linear, target, gram)
    return layer_error(path, source, delta, form.read(linear), gram)


def checked_sum(path: str, source: Tensor, delta: Tensor) -> Tensor:
    """Source + delta, of equal shapes and finite. Raises `MergeError`."""
    if source.shape != delta.shape:
        raise MergeError(
            f"{path}: the adapter's update is {tuple(delta.shape)}, the base's weight {tuple(source.shape)}. "
            "Was it trained on another base?"
        )
    target = source + delta
    if not bool(torch.isfinite(target).all()):
        raise MergeError(f"{path}: the merged weight is not finite. Expected finite factors; check the adapter.")
    if not float(delta.norm()) > 0:
        raise MergeError(f"{path}: the update is too small for float32. Expected a trained one; check the adapter.")
    return target
