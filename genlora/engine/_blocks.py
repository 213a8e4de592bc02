"""Products with a base's own 4-bit blocks, for steps of few tokens: those are bound by reading weights.

The weights of a base that came as GGUF Q4 are 4-bit numbers in blocks of 32 with a scale and a minimum each, turned
into floats once. Where they still lie on that grid, torch's packed product for it (`_weight_int4pack_mm_for_cpu`)
reads an eighth of the bytes. Projections of one input are one product. Inputs are rounded to bfloat16, and so are a
block's scale and minimum; sums are float32. From how many tokens on the plain product is quicker differs between
processors, so it is measured here, on the model's own weights.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

log = logging.getLogger(__name__)

BLOCK = 32
OFF_GRID = 0.004
"""Largest relative error of packed weights: rounding to bfloat16 gives 0.002 on the grid, off it they lose 0.07."""
_TOKENS = (1, 2, 4, 8, 16, 32)
"""Numbers of tokens that are measured; the limit is the last that is quicker packed."""
_LAYERS = 6
"""Layers that are measured in turn: more than a processor keeps in its caches."""
_ROUNDS = 3
_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))


@dataclass(frozen=True, eq=False)
class Blocks:
    """Weights of projections with one input, one below the other."""

    packed: Tensor
    scales: Tensor
    """(d_in / 32, d_out, 2): each block's scale, and the value of its middle number."""
    sizes: tuple[int, ...]
    """d_out of each projection."""
    error: float
    """What packing rounds off, as a share of the weights' norm."""

    def product(self, x: Tensor) -> Tensor:
        """(..., d_in) to (..., sum of d_out), float32."""
        flat = x.reshape(-1, x.shape[-1]).bfloat16()
        out = torch.ops.aten._weight_int4pack_mm_for_cpu(flat, self.packed, BLOCK, self.scales)
        return out.float().view(*x.shape[:-1], -1)


def pack_blocks(weights: Sequence[Tensor]) -> Blocks | None:
    """Float32 weights (d_out, d_in) with one input as blocks; None where they do not lie on such a grid."""
    whole = torch.cat([w.detach() for w in weights])
    rows, columns = whole.shape
    if columns % BLOCK or rows % 16:  # what the kernel can pack
        return None
    blocks = whole.view(rows, columns // BLOCK, BLOCK)
    low, high = blocks.amin(-1), blocks.amax(-1)
    scale = ((high - low) / 15).clamp_min(torch.finfo(torch.float32).tiny)
    numbers = ((blocks - low[..., None]) / scale[..., None]).round_().clamp_(0, 15)
    scales = torch.stack([scale, low + 8 * scale], -1).bfloat16()
    again = (numbers - 8) * scales[..., :1].float() + scales[..., 1:].float()
    error, size = float((again - blocks).norm()), float(blocks.norm())
    if not size or error > OFF_GRID * size:
        return None
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.to(torch.int32).view(rows, columns), 1)
    sizes = tuple(w.shape[0] for w in weights)
    return Blocks(packed, scales.transpose(0, 1).contiguous(), sizes, error / size)


class ReplacedLinears:
    """Linear modules whose forward is exchanged for one thread; all others see the plain one."""

    def __init__(self) -> None:
        self._owner: int | None = None
        self._modules: list[nn.Linear] = []

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def here(self) -> bool:
        """Whether the thread that calls is the one that asked for it."""
        return self._owner == threading.get_ident()

    def use_in_this_thread(self) -> None:
        """From now on, calls from this thread (and no other) use the packed weights."""
        self._owner = threading.get_ident()

    def replace(self, module: nn.Linear, forward: Any) -> None:
        """Exchange a module's forward until `detach`."""
        module.forward = forward
        self._modules.append(module)

    def detach(self) -> None:
        """Give the modules their own forward back and free the copies."""
        for module in self._modules:
            del module.forward
        self._modules = []


class BlockLinears(ReplacedLinears):
    """Packed blocks beside a float32 model's projections on the CPU; empty for any other model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.most = 0
        """Tokens of a pass up to which the packed products are used."""
        self.error = 0.0
        """The largest that packing rounds off of a projection's weights."""
        groups = list(_groups(model))
        if not groups or not all(plain_float(m) for group in groups for m in group):
            return
        try:
            found = [pack_blocks([m.weight for m in group]) for group in groups]
            packed = [blocks for blocks in found if blocks is not None]
            if len(packed) < len(groups):
                return
            self.most, self.error = _measured(groups, packed), max(blocks.error for blocks in packed)
        except (AttributeError, RuntimeError, NotImplementedError) as err:
            log.debug("packed 4-bit products are not to be had: %s", err)
            return
        if self.most:
            for group, blocks in zip(groups, packed, strict=True):
                self._replace(group, blocks)
            log.info("4-bit products for passes of up to %d tokens", self.most)

    def _replace(self, group: Sequence[nn.Linear], blocks: Blocks) -> None:
        shared: list[Any] = [None, ()]  # the input that was last read, and what its projections gave

        def forward_of(place: int, module: nn.Linear) -> Any:
            plain, bias = module.forward, module.bias

            def forward(input: Tensor) -> Tensor:
                if not self.here or input.numel() > self.most * input.shape[-1]:
                    return plain(input)
                if len(group) == 1:
                    out = blocks.product(input)
                else:
                    if shared[0] is not input:
                        shared[:] = input, blocks.product(input).split(blocks.sizes, -1)
                    out = shared[1][place]
                    if place + 1 == len(group):
                        shared[:] = None, ()
                return out if bias is None else out + bias

            return forward

        for place, module in enumerate(group):
            self.replace(module, forward_of(place, module))


def plain_float(module: nn.Linear) -> bool:
    """Whether its weight is a plain float32 tensor on the CPU."""
    weight = module.weight
    return type(weight.data) is Tensor and weight.dtype is torch.float32 and weight.device.type == "cpu"


def _groups(model: nn.Module) -> Sequence[tuple[nn.Linear, ...]]:
    """A decoder's projections by shared input; none where a block lacks one of them."""
    out = []
    for module in model.modules():
        for names in _TOGETHER:
            found = [getattr(module, name, None) for name in names]
            if any(f is not None for f in found):
                if not all(type(f) is nn.Linear for f in found):
                    return []
                out.append(tuple(found))
    return out


def _measured(groups: Sequence[Sequence[nn.Linear]], packed: Sequence[Blocks]) -> int:
    """The largest number of tokens for which packed products are quicker, and for all smaller ones too."""
    some = slice(0, _LAYERS * len(_TOGETHER))
    most = 0
    for tokens in _TOKENS:
        inputs = {g[0].in_features: torch.zeros(tokens, g[0].in_features) for g in groups[some]}

        def plain(inputs: dict[int, Tensor] = inputs) -> None:
            for group in groups[some]:
                for module in group:
                    F.linear(inputs[module.in_features], module.weight)

        def blocks(inputs: dict[int, Tensor] = inputs) -> None:
            for group, b in zip(groups[some], packed[some], strict=True):
                b.product(inputs[group[0].in_features])

        if quickest(blocks) >= quickest(plain):
            break
        most = tokens
    return most


def quickest(run: Callable[[], Any]) -> float:
    """Seconds of the quickest of a few runs."""
    run()
    took = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return min(took)
