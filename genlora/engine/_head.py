"""The head in 8 bits, to find the few tokens that greedy decoding may choose; their logits are then computed exactly.

A step of few rows reads the whole head, in float32 a quarter of its time. Rows of 8-bit numbers with a scale each
(`_weight_int8pack_mm`) are read in half of that, and are good enough to name candidates. One row alone gains nothing by
it in the whole step (benchmarks/RESULTS.md). Where the best of these is
not far enough above the last, the plain product decides.
"""

import logging
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ._blocks import plain_float, quickest

log = logging.getLogger(__name__)

CANDIDATES = 64
_ROWS = (2, 4, 8)
"""Numbers of rows that are measured; the limit is the last for which it is quicker."""
_CHUNK = 8192
_DEVIATIONS = 6.0
"""Of an 8-bit logit's error, between the best candidate and the last."""
_ROUNDED = 2.0**-6
"""Share of a logit that bfloat16 sums and scales may lose, four times over."""


class ShortHead:
    """Logits of two to `most` rows, whose largest are exact. `most` is 0 for a head that it cannot serve or does not
    quicken.
    """

    def __init__(self, head: nn.Module) -> None:
        self.most = 0
        if type(head) is not nn.Linear or head.bias is not None or not plain_float(head):
            return
        self._weight = head.weight.detach()
        try:
            self._numbers, scales = _rows_of_bytes(self._weight)
            self._scales = scales.bfloat16()
            self._step = float(scales.max())
            self.most = self._measured()
        except (AttributeError, RuntimeError, NotImplementedError) as err:
            log.debug("a head in 8 bits is not to be had: %s", err)
        if not self.most:
            del self._numbers, self._scales

    def logits(self, hidden: Float[Tensor, "rows d"]) -> Float[Tensor, "rows vocabulary"] | None:
        """The candidates' are exact, the others near; None where it is not certain that the best is among them."""
        rough = self._rough(hidden)
        near, ids = rough.topk(min(CANDIDATES, rough.shape[-1]))
        exact = torch.bmm(self._weight[ids], hidden[:, :, None])[..., 0]
        error = _DEVIATIONS * self._step * torch.linalg.vector_norm(hidden, dim=-1) / math.sqrt(12)
        error = error + _ROUNDED * near[:, 0].abs()
        if not bool((exact.amax(-1) > near[:, -1] + error).all()):
            return None
        return rough.scatter_(-1, ids, exact)

    def _rough(self, hidden: Tensor) -> Tensor:
        return torch.ops.aten._weight_int8pack_mm(hidden.bfloat16(), self._numbers, self._scales).float()

    def _measured(self) -> int:
        """The largest number of rows for which it is quicker than the plain product, and for all smaller ones too."""
        most = 0
        for rows in _ROWS:
            x = self._weight[:rows] * 100  # each like one token, so that the best one stands out

            def plain(x: Tensor = x) -> Any:
                return F.linear(x, self._weight)

            def short(x: Tensor = x) -> Any:
                return self.logits(x)

            if quickest(short) >= quickest(plain):
                break
            most = rows
        return most


def _rows_of_bytes(weight: Float[Tensor, "vocabulary d"]) -> tuple[Tensor, Tensor]:
    """(numbers, int8; scales): `numbers * scales[:, None]` is the weight to half a scale."""
    scales = (weight.abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    numbers = torch.empty(weight.shape, dtype=torch.int8)
    for start in range(0, len(weight), _CHUNK):
        part = slice(start, start + _CHUNK)
        numbers[part] = (weight[part] / scales[part, None]).round_()
    return numbers, scales
