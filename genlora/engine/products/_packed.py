"""Weights in the layout that the CPU's bfloat16 kernels want, made once: a decoding step is bound by reading them.

A plain `nn.Linear` in bfloat16 is laid out anew by oneDNN at every call. Torch's compiler packs weights once instead;
this uses the same two operators in eager mode, where they exist and give the right answer, and nothing otherwise. It
costs a second copy of the weights. Only the thread that asked for it uses them.
"""

import logging
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ._short import ReplacedLinears, ShortLinears

log = logging.getLogger(__name__)

Products = Literal["auto", "plain"]

_TOLERANCE = 0.02
"""Largest relative difference of the check product: bfloat16 rounds to 0.4 %."""


def _operators() -> tuple[Any, Any] | None:
    """Packing and product, if this torch has them and they compute a product."""
    try:
        pack, product = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
        generator = torch.Generator().manual_seed(0)
        x, w = (torch.randn(n, 64, generator=generator).bfloat16() for n in (3, 96))
        found, true = product(x, pack(w, None), None, "none", [], "").float(), F.linear(x.float(), w.float())
    except (AttributeError, RuntimeError, TypeError, NotImplementedError) as err:
        log.debug("packed weights are not to be had: %s", err)
        return None
    return (pack, product) if float((found - true).norm() / true.norm()) < _TOLERANCE else None


class PackedLinears(ReplacedLinears):
    """Packed copies of a model's bfloat16 `nn.Linear` weights on the CPU; empty for any other model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        operators = _operators()
        if operators is None:
            return
        pack, product = operators
        for module in model.modules():
            if type(module) is nn.Linear and type(module.weight.data) is Tensor and _fits(module.weight):
                self._pack(module, pack(module.weight.data, None), product)

    def _pack(self, module: nn.Linear, packed: Tensor, product: Any) -> None:
        plain, bias = module.forward, module.bias

        def forward(input: Tensor) -> Tensor:
            return product(input, packed, bias, "none", [], "") if self.here else plain(input)

        self.replace(module, forward)


def _fits(weight: Tensor) -> bool:
    return weight.dtype is torch.bfloat16 and weight.device.type == "cpu"


class Packed:
    """What a model's products are packed in, if anything: oneDNN's bfloat16, or forms for short passes in float32."""

    def __init__(self, model: Any, config: Any, products: Products) -> None:
        self._output = model.get_output_embeddings()
        self._cap: float | None = getattr(config, "final_logit_softcapping", None) or None
        self._kinds: list[ReplacedLinears] = [PackedLinears(model)]
        self.most = 0
        """Tokens of a step up to which it takes a form for short passes; 0 for none."""
        if products == "auto":
            short = ShortLinears(model, self._output)
            self._kinds.append(short)
            self.most = short.most

    def logits(self, hidden: Float[Tensor, "rows d"]) -> Float[Tensor, "rows vocabulary"]:
        """Of last hidden states."""
        logits = self._output(hidden)
        return logits if self._cap is None else (logits / self._cap).tanh() * self._cap

    def use_in_this_thread(self) -> None:
        """From now on, calls from this thread (and no other) use them."""
        for kind in self._kinds:
            kind.use_in_this_thread()

    def detach(self) -> None:
        """Give the modules their own forward back and free the copies."""
        for kind in reversed(self._kinds):
            kind.detach()
