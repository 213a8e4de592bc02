"""The common start: one A for all experts of a bank, B zero."""

import torch

from .._context import Context, Start
from .._registry import method


@method(
    "init",
    "common",
    axis="initialisation",
    title="one Kaiming-uniform A for all experts of the bank, B = 0",
    source="He et al. 2015; Hu et al. 2021",
    cost="none",
    when="for a bank that generators are fitted on: its experts stay comparable",
)
class Common:
    """A of the whole bank, B zero."""

    def __call__(self, context: Context) -> dict[str, Start]:
        ranks = context.ranks
        return {
            p: Start(context.common[p][: ranks[p]].clone(), torch.zeros(s.d_out, ranks[p]))
            for p, s in context.specs.items()
        }
