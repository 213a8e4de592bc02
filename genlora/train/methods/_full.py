"""LISA on the model's own weights: full fine-tuning a few blocks at a time, which only one expert can do at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, LoraPair, ModuleSpec
from genlora.errors import TrainingError

from ._context import plain_weight
from ._rules import adam_direction
from .rules._lisa import Lisa, block_of

NOTE = "trained one by one: its rule changes the base's own weights while it trains"


class FullStack:
    """One expert: float32 masters of every weight of the model, moments of those that learn now, the base as it was.

    Embeddings, last norm and head always learn, blocks as `rule` draws them. What a LoRA of `specs` cannot hold of the
    change is `outside`.
    """

    slots = 1

    def __init__(self, model: nn.Module, specs: Sequence[ModuleSpec], rule: Lisa) -> None:
        self.specs, self.rule = list(specs), rule
        self.weights = {n: p for n, p in model.named_parameters() if p.is_floating_point()}
        names = {id(p): n for n, p in self.weights.items()}
        self.names = {s.path: names[id(plain_weight(model, s.path))] for s in self.specs}
        self.base = {n: p.data for n, p in self.weights.items()}
        self.owner = {n: block_of(n) for n in self.weights}
        self.blocks = list(dict.fromkeys(b for n, b in self.owner.items() if b != n))
        self.ranks = torch.tensor([[float(min(s.d_in, s.d_out))] for s in self.specs])
        self.masters: dict[str, Tensor] = {}
        self.begin(0)

    def begin(self, seed: int) -> None:
        """A fresh expert at the base."""
        self.masters = {n: w.detach().to("cpu", torch.float32, copy=True) for n, w in self.base.items()}
        self.moments: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        self.steps, self.seed = torch.zeros(1), seed

    def live(self) -> set[str]:
        """Names of the weights that learn at the next step."""
        drawn = self.rule.drawn(self.blocks, self.seed, int(self.steps[0]))
        return {n for n, block in self.owner.items() if block == n or block in drawn}

    def _unfreeze(self) -> None:
        live = self.live()
        for name, weight in self.weights.items():
            weight.requires_grad_(name in live)
            weight.grad = None

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """The model with the expert's weights for the duration; the base's own tensors are put back, untouched."""
        before = {n: p.requires_grad for n, p in self.weights.items()}
        try:
            for name, weight in self.weights.items():
                weight.data = self.masters[name].to(weight.device, weight.dtype, copy=True)
            self._unfreeze()
            yield
        finally:
            for name, weight in self.weights.items():
                weight.data = self.base[name]
                weight.requires_grad_(before[name])
                weight.grad = None

    @torch.no_grad()
    def step(
        self, lr: Tensor, *, clip: float, weight_decay: float, closure: Callable[[], object] | None = None
    ) -> Tensor:
        """One AdamW step of the weights that learn now, none at rate 0. Returns the gradients' norm, (1,)."""
        live, on = self.live(), (lr > 0).float()
        self.moments = {n: m for n, m in self.moments.items() if n in live}
        found = {n: p.grad for n, p in self.weights.items() if n in live and p.grad is not None}
        grads = {n: g.to("cpu", torch.float32) for n, g in found.items()}
        norm = torch.stack([g.square().sum() for g in grads.values()]).sum().sqrt()
        shrink = (clip / (norm + 1e-6)).clamp(max=1.0)
        for name, g in grads.items():
            if name not in self.moments:
                self.moments[name] = (torch.zeros_like(g), torch.zeros_like(g), torch.zeros(1))
            m, v, count = self.moments[name]
            count += on
            direction = adam_direction(m[None], v[None], shrink * g[None], count, on)[0]
            master = self.masters[name]
            master.mul_(1 - float(lr) * weight_decay).sub_(float(lr) * direction)
            self.weights[name].data.copy_(master)
        self.steps += on
        self._unfreeze()
        return norm[None]

    def change(self, name: str) -> Tensor:
        """How far a weight is from the base, float32."""
        return self.masters[name] - self.base[name].detach().to("cpu", torch.float32)

    def state(self, slot: int) -> AdapterState:
        """The change of the modules that the run's targets name, at full rank."""
        pairs = {}
        for spec in self.specs:
            delta = self.change(self.names[spec.path])
            eye = torch.eye(min(delta.shape))
            pairs[spec.path] = LoraPair(delta, eye) if spec.d_out <= spec.d_in else LoraPair(eye, delta)
        return AdapterState(pairs)

    def outside(self) -> float:
        """Squared Frobenius norm of the change of everything else."""
        held = set(self.names.values())
        return sum(float(self.change(n).square().sum()) for n in self.weights if n not in held)

    def keep(self, slots: Sequence[int]) -> None:
        """Nothing to drop: there is one."""

    def tensors(self, slot: int) -> dict[str, Tensor]:
        """The expert as it stands."""
        return {n: x.clone() for n, x in self.masters.items()}

    def restore(self, slot: int, tensors: Mapping[str, Tensor], *, seed: int = 0, history: bool = False) -> None:
        """Undo `tensors`. Raises `TrainingError`: steps cannot go on from it, which would take all moments."""
        if history or tensors.keys() != self.masters.keys():
            raise TrainingError(
                "an expert that trains the base's own weights does not go on half-way; remove its file under slots/."
            )
        self.masters = {n: x.clone() for n, x in tensors.items()}
