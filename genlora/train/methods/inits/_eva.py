"""EVA: A from the directions in which the task's own inputs vary most."""

import torch

from .._context import Context, Start
from .._eva import components, computed
from .._registry import Option, method


@method(
    "init",
    "eva",
    axis="initialisation",
    title="A from the principal components of the task's own inputs, B = 0",
    source="Paischer et al. 2024, arXiv 2410.07170; by PEFT",
    cost="forward passes and small SVDs until the components stand still, once",
    when="inputs of the task are few-sided; its ranks are --allocate eva; experts no longer start from one A",
    options={
        "tau": Option(0.99, "cosine at which a component counts as standing still", low=0, high=1),
        "batches": Option(16, "training batches that are looked at", low=1, high=1000),
        "whiten": Option(False, "divide each component by the root of its singular value"),
    },
)
class Eva:
    """Rows of A are the components; where an allocation of another kind gave a module more, the rest of A is zero."""

    def __init__(self, *, tau: float, batches: int, whiten: bool) -> None:
        self.tau, self.batches, self.whiten = tau, batches, whiten

    def __call__(self, context: Context) -> dict[str, Start]:
        ranks = context.ranks
        rows = computed(context, ranks, whiten=self.whiten)
        if rows is None:
            rho = max(1.0, max(ranks.values()) / context.rank)
            rows = components(context, rho=rho, tau=self.tau, batches=self.batches, whiten=self.whiten)
        return {p: Start(rows[p][: ranks[p]], torch.zeros(s.d_out, ranks[p])) for p, s in context.specs.items()}
