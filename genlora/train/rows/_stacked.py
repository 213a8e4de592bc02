"""K experts on one frozen base in the same forward and backward: stacked factors, one batch row per expert."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, LoraPair, swapped
from genlora.errors import TrainingError


class StackedLinear(nn.Module):
    """`y_k = W x_k + s B_k A_k x_k` for the k-th sequence of a batch; with one expert, for all sequences.

    Factors have the base's dtype: mixing float32 factors with a bfloat16 base costs a cast of every activation.
    """

    def __init__(
        self, base: nn.Module, a: Float[Tensor, "k rank d_in"], b: Float[Tensor, "k d_out rank"], scale: float
    ) -> None:
        super().__init__()
        self.base = base
        self.a = nn.Parameter(a)
        self.b = nn.Parameter(b)
        self.scale = scale

    def forward(self, x: Float[Tensor, "batch length d_in"]) -> Float[Tensor, "batch length d_out"]:
        y = self.base(x)
        if self.a.shape[0] == 1:
            h = nn.functional.linear(x, self.a[0])
            return y + self.scale * nn.functional.linear(h, self.b[0])
        h = torch.bmm(x, self.a.transpose(1, 2))
        return torch.baddbmm(y, h, self.b.transpose(1, 2), alpha=self.scale)


def common_start(
    layout: BaseLayout, targets: Sequence[str], rank: int, *, seed: int
) -> dict[str, Float[Tensor, "{rank} d_in"]]:
    """One A for all experts, {module path: A} float32, Kaiming-uniform as PEFT draws it (He et al. 2015).

    Experts that start from the same A stay comparable: their factors live in nearby frames.
    """
    rng = torch.Generator().manual_seed(seed)
    modules = layout.of(targets)
    if not modules:
        raise TrainingError(
            f"{layout.name} has no modules named {', '.join(targets)}. Choose targets among its projections."
        )
    out = {}
    for m in modules:
        bound = 1.0 / math.sqrt(m.d_in)
        out[m.path] = (torch.rand(rank, m.d_in, generator=rng) * 2 - 1) * bound
    return out


class Stack:
    """Slots of experts: master factors and Adam moments in float32, working copies inside the model in its own dtype.

    AdamW (Loshchilov & Hutter 2019) with one step count and one learning rate per slot: experts join and leave
    at different times, so each has its own bias correction and schedule.
    """

    def __init__(
        self, start: dict[str, Float[Tensor, "rank d_in"]], d_out: dict[str, int], slots: int, *, scale: float
    ) -> None:
        self.start = start
        self.scale = scale
        self.paths = list(start)
        rank = next(iter(start.values())).shape[0]
        self.a = [start[p].expand(slots, *start[p].shape).clone() for p in self.paths]
        self.b = [torch.zeros(slots, d_out[p], rank) for p in self.paths]
        self._moments = [(torch.zeros_like(x), torch.zeros_like(x)) for x in self.factors]
        self.steps = torch.zeros(slots)
        self._modules: list[StackedLinear] = []

    @property
    def factors(self) -> list[Tensor]:
        return [*self.a, *self.b]

    @property
    def slots(self) -> int:
        return len(self.steps)

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Put the working copies into `model` for the duration; the model is left as it was."""
        dtype, device = next((p.dtype, p.device) for p in model.parameters())
        masters = dict(zip(self.paths, zip(self.a, self.b, strict=True), strict=True))

        def make(path: str, base: nn.Module) -> StackedLinear:
            a, b = masters[path]
            return StackedLinear(base, a.to(device, dtype), b.to(device, dtype), self.scale)

        with swapped(model, self.paths, make) as modules:
            self._modules = list(modules.values())
            try:
                yield
            finally:
                self._modules = []

    def _working(self) -> list[nn.Parameter]:
        return [*(m.a for m in self._modules), *(m.b for m in self._modules)]

    def refresh(self) -> None:
        """Copy the masters into the model."""
        for work, master in zip(self._working(), self.factors, strict=True):
            if work.shape != master.shape:
                work.data = master.to(work.device, work.dtype)
            else:
                work.data.copy_(master)
            work.grad = None

    @torch.no_grad()
    def step(
        self,
        lr: Float[Tensor, " k"],
        *,
        clip: float,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> Float[Tensor, " k"]:
        """One AdamW step from the working gradients; a slot of rate 0 stands still. Returns the gradients' norms."""
        grads = [w.grad.to("cpu", torch.float32) for w in self._working() if w.grad is not None]
        norm = torch.stack([g.flatten(1).square().sum(1) for g in grads]).sum(0).sqrt()
        shrink = (clip / (norm + 1e-6)).clamp(max=1.0)
        live = lr > 0
        self.steps += live
        t = self.steps.clamp(min=1)
        b1, b2 = betas
        fix1, fix2 = 1 - b1**t, 1 - b2**t

        def wide(x: Tensor) -> Tensor:
            return x[:, None, None]

        for master, (m, v), g in zip(self.factors, self._moments, grads, strict=True):
            g = g * wide(shrink * live)
            m.mul_(b1).add_(g, alpha=1 - b1)
            v.mul_(b2).addcmul_(g, g, value=1 - b2)
            master.mul_(1 - wide(lr) * weight_decay)
            master.sub_(wide(lr) * (m / wide(fix1)) / ((v / wide(fix2)).sqrt() + 1e-8))
        self.refresh()
        return norm

    def reset(self, slot: int) -> None:
        """Put a fresh expert into `slot`: the common A, zero B, no history."""
        for a, path in zip(self.a, self.paths, strict=True):
            a[slot] = self.start[path]
        for b in self.b:
            b[slot] = 0
        for m, v in self._moments:
            m[slot] = 0
            v[slot] = 0
        self.steps[slot] = 0

    def keep(self, slots: Sequence[int]) -> None:
        """Drop all slots but these, so that finished experts cost nothing."""
        index = torch.tensor(list(slots))
        self.a = [x[index].clone() for x in self.a]
        self.b = [x[index].clone() for x in self.b]
        self._moments = [(m[index].clone(), v[index].clone()) for m, v in self._moments]
        self.steps = self.steps[index].clone()
        if self._modules:
            self.refresh()

    def state(self, slot: int) -> AdapterState:
        """The expert in `slot`, as a plain adapter (copies, float32)."""
        pairs = zip(self.paths, self.a, self.b, strict=True)
        return AdapterState({p: LoraPair(a[slot].clone(), b[slot].clone(), self.scale) for p, a, b in pairs})

    def load(self, slot: int, state: AdapterState) -> None:
        """Put an adapter's factors into `slot` (no history)."""
        self.reset(slot)
        for path, a, b in zip(self.paths, self.a, self.b, strict=True):
            pair = state[path]
            a[slot] = pair.a
            # Of the same scale as it is: folding it in and out again would round.
            b[slot] = pair.b if pair.scale == self.scale else pair.folded().b / self.scale

    def tensors(self, slot: int) -> dict[str, Tensor]:
        """Everything needed to go on with `slot` after a kill."""
        out = {"steps": self.steps[slot : slot + 1].clone()}
        for i, (x, (m, v)) in enumerate(zip(self.factors, self._moments, strict=True)):
            out |= {f"x{i}": x[slot].clone(), f"m{i}": m[slot].clone(), f"v{i}": v[slot].clone()}
        return out

    def restore(self, slot: int, tensors: dict[str, Tensor], *, history: bool = True) -> None:
        """Undo `tensors`; without `history`, of the factors alone. Shapes that do not fit are a `TrainingError`."""
        for i, (x, (m, v)) in enumerate(zip(self.factors, self._moments, strict=True)):
            for name, target in ((f"x{i}", x), (f"m{i}", m), (f"v{i}", v))[: 3 if history else 1]:
                target[slot] = of_checkpoint(tensors, name, target[slot])
        self.steps[slot] = tensors["steps"][0]


def of_checkpoint(tensors: Mapping[str, Tensor], name: str, like: Tensor, *, what: str = "rank") -> Tensor:
    """A checkpoint's tensor, shaped as `like`. Raises `TrainingError` for another: of another `what`, among others."""
    found = tensors.get(name)
    if found is None or found.shape != like.shape:
        raise TrainingError(
            f"the checkpoint's {name} is {None if found is None else tuple(found.shape)}, expected "
            f"{tuple(like.shape)}. It belongs to another {what}, target set or base; start with a new run folder."
        )
    return found
