"""Which modules are worth an adapter: factors learn on training batches, gates on validation ones."""

from collections.abc import Callable, Sequence
from itertools import count

import torch
from torch import Tensor, nn

from genlora.adapter import swapped
from genlora.errors import TrainingError

from ._context import Context, kaiming_rows

Gates = Callable[[Tensor], Tensor]
"""Gates (n,) from what is searched, (n,)."""


class GatedLinear(nn.Module):
    """`y = W x + g s B A x` with a gate that is looked up in a list all modules share."""

    def __init__(self, base: nn.Module, a: Tensor, b: Tensor, scale: float, gates: list[Tensor], at: int) -> None:
        super().__init__()
        self.base, self.scale, self.gates, self.at = base, scale, gates, at
        self.a, self.b = nn.Parameter(a), nn.Parameter(b)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.linear(nn.functional.linear(x.to(self.a.dtype), self.a), self.b)
        return self.base(x) + (self.gates[0][self.at] * self.scale * h).to(x.dtype)


def searched(
    context: Context,
    groups: Sequence[Sequence[str]],
    gates_of: Gates,
    *,
    steps: int,
    lr: float,
    gate_lr: float,
    validation: int,
) -> Tensor:
    """What the gates follow from, one number a group of module paths, after `steps` alternations; from zero.

    A first-order bilevel search as in DARTS (Liu et al. 2019): one AdamW step of all A and B on a training batch, then
    one Adam step of the gates on the mean loss of `validation` batches. The factors are thrown away.

    Raises `TrainingError` without validation batches.
    """
    if not len(context.validation) or not len(context.train):
        raise TrainingError("a search for modules needs training and validation examples, and one of them has none.")
    alpha = torch.zeros(len(groups), requires_grad=True)
    place = {path: i for i, group in enumerate(groups) for path in group}
    box = [gates_of(alpha)]
    device = next(context.model.parameters()).device

    def make(path: str, base: nn.Module) -> GatedLinear:
        spec, seed = context.specs[path], context.seed + list(context.specs).index(path)
        a = kaiming_rows(context.rank, spec.d_in, seed=seed).to(device)
        b = torch.zeros(spec.d_out, context.rank, device=device)
        return GatedLinear(base, a, b, context.scale, box, place[path])

    with torch.enable_grad(), swapped(context.model, list(place), make) as modules:
        factors = [p for m in modules.values() for p in (m.a, m.b)]
        inner = torch.optim.AdamW(factors, lr=lr, weight_decay=0.0)
        outer = torch.optim.Adam([alpha], lr=gate_lr)
        seen = count()
        for step in range(steps):
            box[0] = gates_of(alpha).detach().to(device)
            inner.zero_grad()
            context.loss(context.model, context.train[step % len(context.train)]).backward()
            inner.step()
            outer.zero_grad()
            for _ in range(validation):
                box[0] = gates_of(alpha).to(device)
                batch = context.validation[next(seen) % len(context.validation)]
                (context.loss(context.model, batch) / validation).backward()
            outer.step()
    return alpha.detach()
