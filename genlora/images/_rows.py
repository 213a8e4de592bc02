"""A different LoRA for each row of a batch, and the file in which diffusers has one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from genlora.adapter import AdapterState, LoraPair, check_fits, module_at, swapped
from genlora.errors import AdapterFormatError, AdapterShapeError

PREFIX = "unet"
WEIGHTS = "pytorch_lora_weights.safetensors"
"""The name under which diffusers looks for a LoRA in a folder."""


@dataclass(eq=False)
class RowFactors:
    """Factors of one module for all rows of a batch; the scale is in B."""

    a: Float[Tensor, "rows r d_in"]
    b: Float[Tensor, "rows d_out r"]

    def repeated(self, times: int) -> "RowFactors":
        """The rows, `times` over: for that many branches of one batch."""
        return RowFactors(self.a.repeat(times, 1, 1), self.b.repeat(times, 1, 1))


Rows = Mapping[str, RowFactors]
"""{module path: factors of all rows}."""


class RowLora(nn.Module):
    """`y_i = W x_i + s_i B_i A_i x_i`, row by row, beside a linear module that stays as it is."""

    def __init__(self, base: nn.Module, factors: RowFactors, strength: Tensor) -> None:
        """`strength` is s, one number a row: 0 where a row is the base's."""
        super().__init__()
        self.base = base
        there = next(base.parameters()).device
        self.a = factors.a.to(there)
        self.b = factors.b.to(there) * strength[:, None, None].to(there, factors.b.dtype)

    def forward(self, x: Float[Tensor, "rows tokens d_in"]) -> Float[Tensor, "rows tokens d_out"]:
        inner = torch.bmm(x.to(self.a.dtype), self.a.transpose(1, 2))
        y = self.base(x)
        return y + torch.bmm(inner, self.b.transpose(1, 2)).to(y.dtype)


@contextmanager
def row_loras(model: nn.Module, rows: Rows, strength: Tensor | None = None) -> Iterator[None]:
    """`model` with each row's own LoRA while the context lasts. Gradients reach the factors.

    Args:
        model: a U-Net, or any model with these modules.
        rows: factors of each module.
        strength: one number for each row; None is 1.

    Raises:
        AdapterShapeError: if the model lacks a module, or has it in another shape.
    """
    if not rows:
        yield
        return
    for path, factors in rows.items():
        check_fits(module_at(model, path), path, factors.a.shape[2], factors.b.shape[1])
    count = len(next(iter(rows.values())).a)
    s = torch.ones(count) if strength is None else strength
    with swapped(model, rows, lambda path, base: RowLora(base, rows[path], s)):
        yield


def rows_of(state: AdapterState, count: int = 1) -> dict[str, RowFactors]:
    """One adapter for `count` rows."""
    folded = state.folded()
    return {p: RowFactors(pair.a.expand(count, -1, -1), pair.b.expand(count, -1, -1)) for p, pair in folded.items()}


def state_of(rows: Rows, row: int = 0) -> AdapterState:
    """The adapter of one row."""
    return AdapterState(
        {path: LoraPair(f.a[row].detach().clone(), f.b[row].detach().clone()) for path, f in rows.items()}
    )


def lora_bytes(state: AdapterState) -> bytes:
    """The adapter as diffusers reads it: `unet.<module>.lora_A.weight` and `lora_B.weight`, the scale in B.

    `pipeline.load_lora_weights(folder)` and `unet.load_lora_adapter(tensors, prefix="unet")` load it as it is.
    """
    tensors = {}
    for path, pair in state.folded().items():
        tensors[f"{PREFIX}.{path}.lora_A.weight"] = pair.a.contiguous()
        tensors[f"{PREFIX}.{path}.lora_B.weight"] = pair.b.contiguous()
    return save(tensors, metadata={"format": "pt"})


def read_lora(data: bytes, *, where: str) -> AdapterState:
    """The inverse of `lora_bytes`; files of diffusers' own training with `alpha` as metadata or tensors are read too.

    Raises:
        AdapterFormatError: if it is not a LoRA of a U-Net.
        AdapterShapeError: if two factors do not belong together.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise AdapterFormatError(
            f"{where}: is not a safetensors file ({error}). Expected a LoRA for a U-Net."
        ) from error
    pairs: dict[str, LoraPair] = {}
    for key in sorted(tensors):
        path, found, _ = key.removeprefix(f"{PREFIX}.").partition(".lora_A.weight")
        if not key.startswith(f"{PREFIX}.") or not (found or key.endswith((".lora_B.weight", ".alpha"))):
            raise AdapterFormatError(
                f"{where}: holds {key[:100]!r}. Expected '{PREFIX}.<module>.lora_A.weight' and 'lora_B.weight', "
                "as diffusers saves the LoRA of a U-Net."
            )
        if found:
            other = tensors.get(f"{PREFIX}.{path}.lora_B.weight")
            if other is None:
                raise AdapterFormatError(f"{where}: {path} has lora_A and no lora_B. Was the file cut?")
            a = tensors[key]
            if not bool(torch.isfinite(a).all() and torch.isfinite(other).all()):
                raise AdapterFormatError(f"{where}: {path} has numbers that are not finite.")
            alpha = tensors.get(f"{PREFIX}.{path}.alpha")
            pairs[path] = LoraPair(a, other, 1.0 if alpha is None else float(alpha) / len(a))
    if not pairs:
        raise AdapterFormatError(f"{where}: holds no LoRA of a U-Net.")
    return AdapterState(pairs)


def check_targets(state: AdapterState, targets: Mapping[str, tuple[int, int]], *, where: str) -> None:
    """Raise `AdapterShapeError` unless `targets` {path: (d_in, d_out)} has each module of the adapter, in its shape."""
    for path, pair in state.items():
        if (found := targets.get(path)) != (pair.d_in, pair.d_out):
            raise AdapterShapeError(
                f"{where}: {path} takes {pair.d_in} inputs to {pair.d_out} outputs, the model has "
                f"{'no such module' if found is None else f'{found[0]} and {found[1]}'}. Was it made for another model?"
            )
