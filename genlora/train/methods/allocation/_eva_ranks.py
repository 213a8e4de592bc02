"""EVA's ranks: components of all modules in one list, the best of them kept."""

from .._context import Context
from .._eva import components
from .._registry import Option, method


@method(
    "allocate",
    "eva",
    axis="rank",
    title="ranks by how much of its inputs' variance each component explains",
    source="Paischer et al. 2024, arXiv 2410.07170; by PEFT",
    cost="as init eva, and once for both; factors are as wide as the widest module's",
    when="with init eva",
    options={
        "rho": Option(2.0, "largest rank over the mean one", low=1, high=16),
        "tau": Option(0.99, "cosine at which a component counts as standing still", low=0, high=1),
        "batches": Option(16, "training batches that are looked at", low=1, high=1000),
    },
)
class EvaRanks:
    """The sum of the ranks is the run's rank times the number of modules."""

    def __init__(self, *, rho: float, tau: float, batches: int) -> None:
        self.rho, self.tau, self.batches = rho, tau, batches

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return round(rank * self.rho)

    def __call__(self, context: Context) -> dict[str, int]:
        found = components(context, rho=self.rho, tau=self.tau, batches=self.batches)
        return {path: len(rows) for path, rows in found.items()}
