"""Arrow routing over a bank (Ostapenko et al. 2024, arXiv 2405.11157), as PEFT's `ArrowConfig` computes it.

For each token x and each adapted module, expert e is scored by |x . v_e|, with v_e the top right singular vector of its
update B_e A_e; the `top_k` best are kept and their scores go through a softmax; the module's output is changed by the
weighted sum of their updates. PEFT holds (tokens, experts, d_out) in memory; here the weights are put on the inner
products instead, so that all experts cost two thin matrix products. A test holds both equal.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, canonical, swapped
from genlora.errors import ConfigError

TOP_K = 3
TEMPERATURE = 1.0
"""PEFT's defaults."""


class ArrowLinear(nn.Module):
    """A linear module with E routed updates. `a`: (E r, d_in), `b`: (d_out, E r), `prototypes`: (E, d_in) unit rows."""

    def __init__(
        self, base: nn.Module, a: Tensor, b: Tensor, prototypes: Tensor, *, top_k: int, temperature: float
    ) -> None:
        super().__init__()
        self.base = base
        self.a, self.b, self.prototypes = a, b, prototypes
        self.top_k = top_k
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        """`x` is (..., d_in), the result (..., d_out)."""
        flat = x.reshape(-1, x.shape[-1])
        score = (flat @ self.prototypes.T).abs().float()
        best, index = score.topk(self.top_k, dim=1)
        weight = torch.zeros_like(score).scatter_(1, index, torch.softmax(best / self.temperature, dim=1))
        inner = (flat @ self.a.T).view(len(flat), len(self.prototypes), -1)
        change = (inner * weight.to(x.dtype)[:, :, None]).flatten(1) @ self.b.T
        return self.base(x) + change.view(*x.shape[:-1], -1)


class Arrow:
    """Experts of one rank and one set of modules, ready to be routed."""

    def __init__(self, states: Sequence[AdapterState], *, top_k: int = TOP_K, temperature: float = TEMPERATURE) -> None:
        if not states:
            raise ConfigError("Arrow got no experts; expected one or more. Add some with: genlora bank train")
        paths = set(states[0])
        if any(set(s) != paths for s in states):
            raise ConfigError("Arrow's experts adapt different modules; expected the same ones in all of them.")
        # In canonical form A's first row is the top right singular vector times the root of its singular value.
        spelled = [canonical(s) for s in states]
        self.top_k = min(top_k, len(states))
        self.temperature = temperature
        self.parts: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        for path in states[0]:
            pairs = [s[path] for s in spelled]
            first = torch.stack([p.a[0] for p in pairs])
            unit = first / first.norm(dim=1, keepdim=True).clamp(min=1e-12)
            self.parts[path] = (torch.cat([p.a for p in pairs]), torch.cat([p.b for p in pairs], dim=1), unit)

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Route inside `model` while the context lasts; the model is left as it was."""
        dtype, device = next((p.dtype, p.device) for p in model.parameters())

        def make(path: str, base: nn.Module) -> ArrowLinear:
            moved = (t.to(device, dtype) for t in self.parts[path])
            return ArrowLinear(base, *moved, top_k=self.top_k, temperature=self.temperature)

        with swapped(model, self.parts, make):
            yield
