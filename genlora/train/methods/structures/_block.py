"""Block-LoRA: one small A for all blocks of B."""

from torch import Tensor

from genlora.adapter import ModuleSpec
from genlora.errors import ConfigError

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain


@method(
    "structure",
    "block",
    axis="rank",
    title="B in h blocks of columns that share one A of rank r / h",
    source="arXiv 2501.16720, derived from its abstract: there is no official code",
    cost="the time of plain LoRA here; trains r d_out + (r / h) d_in numbers a module",
    when="to compare: what it reaches is LoRA of rank r / h whose B moves h times as fast, so try that first",
    options={"blocks": Option(8, "h, a divisor of the rank", low=1, high=256)},
)
class Block(Plain):
    """ΔW = s Σ B_i A_s: A = A_s repeated h times. All B_i get one gradient and stay equal from a zero start."""

    ranked = False

    def __init__(self, *, blocks: int) -> None:
        self.blocks = blocks

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        if rank % self.blocks:
            raise ConfigError(
                f"block.blocks is {self.blocks}, which does not divide the rank {rank}. Choose a divisor."
            )
        return {"a": (rank // self.blocks, spec.d_in), "b": (spec.d_out, rank)}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"a": given.a[: rank // self.blocks].clone(), "b": given.b}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        return parts["a"].repeat(1, self.blocks, 1), parts["b"]
