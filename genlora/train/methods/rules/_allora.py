"""ALLoRA: each row of B steps the faster, the smaller it is, so that B leaves zero quickly."""

from torch import Tensor

from .._masters import Masters
from .._registry import Option, method
from .._rules import Adam


@method(
    "rule",
    "allora",
    axis="dynamics",
    title="rows of B step faster while they are small; no scale",
    source="Huang & Balestriero 2024, arXiv 2410.09692, from notes on it: there is no official code",
    cost="none",
    when="few steps; raise eta (1 to 10) before the rate",
    options={"eta": Option(2.0, "factor of a row's step at zero", low=0.01, high=100)},
    traits=("optimiser", "free b"),
)
class Allora(Adam):
    """Row i of B's step times 1 / sqrt(‖B_i‖ + 1 / η²). It scales Adam's step and not the gradient, which Adam would
    not notice. s = 1.
    """

    scale = 1.0

    def __init__(self, *, eta: float) -> None:
        self.eta = eta

    def rate(self, stack: Masters, index: int, master: Tensor) -> Tensor | float:
        if stack.name(index) != "b":
            return 1.0
        return (master.norm(dim=2, keepdim=True) + self.eta**-2).rsqrt()
