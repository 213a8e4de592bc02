"""The stack of experts for methods other than plain LoRA: other tensors are trained, other steps are taken."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.adapter import AdapterState, ModuleSpec, resize, swapped, update_norms

from ._masters import Masters
from ._rules import Optimiser, Rule
from ._structure import Structure

Closure = Callable[[], object]
"""Takes the loss of the same batch once more, backward pass included."""


class MethodStack(Masters):
    """As `Stack`: slots of experts, masters in float32 outside of the model, working copies of A and B inside it.

    What is trained need not be A and B: `structure` says how they follow from it, and their gradients are carried back
    through that. What a step does with the gradients is up to `rules` and `optimiser`.
    """

    def __init__(
        self,
        specs: Sequence[ModuleSpec],
        rank: int,
        slots: int,
        *,
        scale: float,
        structure: Structure,
        optimiser: Optimiser,
        rules: Sequence[Rule] = (),
        shared: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        super().__init__(specs, rank, slots, scale=scale, structure=structure, shared=shared)
        self.optimiser, self.rules = optimiser, list(rules)
        self.memory = optimiser.memory(self)
        self._modules: list[SharedLinear] = []

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Put the working copies into `model` for the duration; the model is left as it was."""
        dtype, device = next((p.dtype, p.device) for p in model.parameters())
        place = {path: i for i, path in enumerate(self.paths)}

        def make(path: str, base: nn.Module) -> SharedLinear:
            i = place[path]
            fixed = self.structure.fixed(self.specs[i])
            a, b = (x.detach().to(device, dtype, copy=True) for x in self.factors(i))
            module = SharedLinear(base, a, b, self.scale)
            module.a.requires_grad_("a" not in fixed)
            module.b.requires_grad_("b" not in fixed)
            return module

        with swapped(model, self.paths, make) as modules:
            self._modules = list(modules.values())
            try:
                yield
            finally:
                self._modules = []

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy what follows from the masters into the model."""
        for i, module in enumerate(self._modules):
            for work, master in zip((module.a, module.b), self.factors(i), strict=True):
                if work.requires_grad or work.shape != master.shape:
                    if work.shape == master.shape:
                        work.data.copy_(master)
                    else:
                        work.data = master.to(work.device, work.dtype, copy=True)
                work.grad = None

    def pull(self) -> list[Tensor]:
        """The working copies' gradients, carried to the masters through the structure; float32 on the CPU."""
        found: dict[str, list[Tensor]] = {n: [] for n in self.names}
        for i, module in enumerate(self._modules):
            grads = [None if w.grad is None else w.grad.to("cpu", torch.float32) for w in (module.a, module.b)]
            leaves = {n: self.trained[n][i].detach().requires_grad_(True) for n in self.names}
            with torch.enable_grad():
                made = self._switched(i, *self.structure.factors(self.parts(i, leaves)))
            pairs = [(x, g) for x, g in zip(made, grads, strict=True) if g is not None and x.requires_grad]
            if pairs:
                torch.autograd.backward([x for x, _ in pairs], [g for _, g in pairs])
            for n, leaf in leaves.items():
                found[n].append(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)
        return self.summed([g for n in self.names for g in found[n]])

    @torch.no_grad()
    def step(
        self, lr: Float[Tensor, " k"], *, clip: float, weight_decay: float, closure: Closure | None = None
    ) -> Float[Tensor, " k"]:
        """One step from the working gradients; a slot of rate 0 stands still. Returns the gradients' norms."""
        self.live = torch.ones_like(self.live)
        for rule in self.rules:
            rule.begin(self)
        self.live = self.live * (self.ranks > 0) * (lr > 0)
        grads = self.pull()

        def again() -> list[Tensor]:
            assert closure is not None, "a rule asks for a second gradient, and the caller gave no closure"
            self.refresh()
            with torch.enable_grad():
                closure()
            return self.pull()

        for rule in self.rules:
            grads = rule.gradients(self, grads, again)
        alive = [self.live[self.place(i)] for i in range(len(grads))]
        grads = [g * wide(x, g) for g, x in zip(grads, alive, strict=True)]
        # What several modules share is one tensor, and counts once.
        once = torch.ones_like(self.live)
        for slot, modules in self.groups():
            once[modules, slot] = 1 / len(modules)
        norm = torch.stack([g.flatten(1).square().sum(1) * once[self.place(i)] for i, g in enumerate(grads)])
        norm = norm.sum(0).sqrt()
        shrink = (clip / (norm + 1e-6)).clamp(max=1.0)
        self.steps += lr > 0
        self.counts += torch.stack(alive)
        self.optimiser.step(self, [g * wide(shrink, g) for g in grads], lr, weight_decay)
        self.refresh()
        return norm


class SharedLinear(nn.Module):
    """`y_k = W x_k + s B_k A_k x_k` as `StackedLinear`, but either factor may be one for all experts, (1, ...)."""

    def __init__(
        self, base: nn.Module, a: Float[Tensor, "k_a rank d_in"], b: Float[Tensor, "k_b d_out rank"], scale: float
    ) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        self.a, self.b = nn.Parameter(a), nn.Parameter(b)

    def forward(self, x: Float[Tensor, "*rows d_in"]) -> Float[Tensor, "*rows d_out"]:
        y = self.base(x)
        h = nn.functional.linear(x, self.a[0]) if self.a.shape[0] == 1 else torch.bmm(x, self.a.transpose(1, 2))
        if self.b.shape[0] == 1:
            return y + self.scale * nn.functional.linear(h, self.b[0])
        return torch.baddbmm(y, h, self.b.transpose(1, 2), alpha=self.scale)


def wide(x: Tensor, like: Tensor) -> Tensor:
    """(k,) as (k, 1, ...), to go with `like`."""
    return x.view(-1, *[1] * (like.ndim - 1))


def converted(state: AdapterState, rank: int) -> tuple[AdapterState, float]:
    """The plain LoRA of at most `rank` nearest to `state`, and ‖ΔW - ΔŴ‖ / ‖ΔW‖ over all of its modules."""
    out, lost = resize(state.folded(), rank)
    return out, math.sqrt(lost) if any(update_norms(state).values()) else 0.0
