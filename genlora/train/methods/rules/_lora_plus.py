"""LoRA+: B learns faster than A."""

from torch import Tensor

from .._masters import Masters
from .._registry import Option, method
from .._rules import Adam


@method(
    "rule",
    "lora-plus",
    axis="dynamics",
    title="B's learning rate is a multiple of A's",
    source="Hayou et al. 2024, arXiv 2402.12354; equal to PEFT's create_loraplus_optimizer",
    cost="none",
    when="wide bases; lower the rate, which is A's",
    options={"ratio": Option(16.0, "B's rate over A's", low=1, high=1000)},
    traits=("optimiser", "two factors"),
)
class LoraPlus(Adam):
    """AdamW with two rates."""

    def __init__(self, *, ratio: float) -> None:
        self.ratio = ratio

    def rate(self, stack: Masters, index: int, master: Tensor) -> float:
        return self.ratio if stack.name(index) == "b" else 1.0
