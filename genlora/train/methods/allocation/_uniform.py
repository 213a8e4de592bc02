"""One rank for all modules."""

from .._context import Context
from .._registry import method


@method(
    "allocate",
    "uniform",
    axis="rank",
    title="one rank for all modules",
    source="Hu et al. 2021, arXiv 2106.09685",
    cost="none",
    when="unless the layers that matter are known to be few",
)
class Uniform:
    """The run's rank everywhere."""

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return rank

    def __call__(self, context: Context) -> dict[str, int]:
        return dict.fromkeys(context.specs, context.rank)
